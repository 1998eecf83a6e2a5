import type { Done } from "./run";

/** Which part of an answer is shown, and whether there are others; undefined: it is the whole. */
export function partText({ part, answer }: Done): string | undefined {
  if (!answer.truncated) {
    return part === 1 ? undefined : `Part ${part}, the last.`;
  }
  return answer.cursor === undefined
    ? "There may be more: no more than this is read at once."
    : `Part ${part}. There is more.`;
}
