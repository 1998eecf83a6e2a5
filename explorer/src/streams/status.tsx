import type { JSX } from "preact";
import { time } from "../format";
import { serverNow } from "./clock";
import type { Status } from "./following";

const WORDS = {
  opening: "opening",
  live: "live",
  reconnecting: "reconnecting",
  stale: "stale",
  ended: "ended",
} as const;

/** How a stream is, in a word. */
export function StreamStatus({ status }: { status: Status }): JSX.Element {
  const title =
    status.name === "stale"
      ? `Since ${time(status.since, serverNow())}: ${status.reason}`
      : status.name === "ended"
        ? status.reason
        : undefined;
  return (
    <span class={`stream-status is-${status.name}`} title={title}>
      <span class="dot" aria-hidden="true" />
      {WORDS[status.name]}
    </span>
  );
}

/** Says so where what is shown may be old, and nothing where it is as it should be. */
export function Trouble({ status }: { status: Status | undefined }): JSX.Element | null {
  const isOld = status?.name === "stale" || status?.name === "reconnecting" || status?.name === "ended";
  return isOld ? <StreamStatus status={status} /> : null;
}
