import type { JSX } from "preact";
import type { Operation } from "../server";
import { Badge } from "../ui/badge";

/** Whether an operation reads once, follows, or is of the server itself. */
export function KindBadge({ kind }: { kind: Operation["kind"] }): JSX.Element {
  return <Badge tone={kind === "stream" ? "accent" : "plain"}>{kind}</Badge>;
}
