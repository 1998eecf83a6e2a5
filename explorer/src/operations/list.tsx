import type { JSX } from "preact";
import { operations } from "../server";

/** All operations. */
export function OperationsPage(): JSX.Element {
  return <h1>{operations.value.size} operations</h1>;
}
