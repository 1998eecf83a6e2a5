import type { JSX } from "preact";
import { descriptionError, stale } from "../server";

/** Says that what is shown may be old, while it may be, and that the server does not tell what there is to show. */
export function StaleBanner(): JSX.Element {
  const { value } = stale;
  return (
    <div role="status" class="stale-place">
      {value && (
        <p class="stale">
          <strong>Stale</strong> since {timeOf(value.since)}: {value.reason}. The last known state
          stands.
        </p>
      )}
      {descriptionError.value && (
        <p class="stale">
          <strong>The server did not tell what it can do</strong>: {descriptionError.value}. It is asked again.
        </p>
      )}
    </div>
  );
}

function timeOf(seconds: number): string {
  return new Intl.DateTimeFormat(undefined, { timeStyle: "medium" }).format(seconds * 1000);
}
