import type { ComponentChildren, JSX } from "preact";

/** Says why there is nothing to see. */
export function Empty({ children }: { children: ComponentChildren }): JSX.Element {
  return <p class="empty">{children}</p>;
}
