import type { ComponentChildren, JSX } from "preact";

/** A word that stands out: what kind something is of. */
export function Badge(props: {
  tone?: "plain" | "accent" | "good" | "bad" | "warn";
  title?: string;
  children: ComponentChildren;
}): JSX.Element {
  const { tone = "plain", title, children } = props;
  return (
    <span class={`badge is-${tone}`} title={title}>
      {children}
    </span>
  );
}
