import type { JSX } from "preact";

/** Any streams, side by side. */
export default function Streams(): JSX.Element {
  return <h1>Streams</h1>;
}
