import type { JSX } from "preact";

/** The market at a glance. */
export default function Market(): JSX.Element {
  return <h1>Market</h1>;
}
