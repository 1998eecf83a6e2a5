import type { StreamKind } from "client/updates";
import type { Operation } from "./types";

/**
 * Whether a stream is a log, each entry of which counts, or a state, and what names an item of it: a state may tell
 * that an item is gone, by the members that name it.
 */
export function streamKindOf(operation: Operation): StreamKind {
  const forms = operation.update?.anyOf ?? [];
  const removal = forms.find((form) => form.properties?.["removed"] !== undefined);
  if (!removal) {
    return { kind: "log", namedBy: [] };
  }
  return { kind: "state", namedBy: (removal.required ?? []).filter((name) => name !== "removed") };
}
