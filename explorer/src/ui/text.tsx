import type { JSX } from "preact";

/** A text of the server's documentation: what stands between backquotes is code. */
export function Text({ text }: { text: string }): JSX.Element {
  const parts = text.split("`");
  return <>{parts.map((part, at) => (at % 2 === 1 ? <code key={at}>{part}</code> : part))}</>;
}
