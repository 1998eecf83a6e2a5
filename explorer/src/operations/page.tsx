import type { JSX } from "preact";

/** One operation. */
export function OperationPage({ name }: { name: string }): JSX.Element {
  return <h1>{name}</h1>;
}
