import { useSignal, useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { connection, isLoginNeeded, type Connection } from "../server";

/** How the connection is, and how often it was lost. */
export function ConnectionState(): JSX.Element {
  const seconds = useCountdown();
  const { status, reconnects, error } = connection.value;
  if (isLoginNeeded.value) {
    // A server that nobody logs in at closes the connection after a while, which is nothing to worry about.
    return (
      <div class="connection is-connecting">
        <span class="dot" aria-hidden="true" />
        <span role="status">Login needed</span>
      </div>
    );
  }
  const times = reconnects === 1 ? "once" : `${reconnects} times`;
  return (
    <div class={`connection is-${status}`} title={error?.message}>
      <span class="dot" aria-hidden="true" />
      <span role="status">{wordOf(status)}</span>
      {/* Told by the second to eyes only. */}
      {status === "lost" && (
        <span class="faint" aria-hidden="true">
          {seconds > 0 ? `again in ${seconds} s` : "trying"}
        </span>
      )}
      {reconnects > 0 && (
        <span class="faint reconnects" title={`The connection was made again ${times}`}>
          ↻{reconnects}
        </span>
      )}
    </div>
  );
}

function wordOf(status: Connection["status"]): string {
  return { connecting: "Connecting", live: "Live", lost: "Lost", closed: "Closed" }[status];
}

/** The seconds until the next attempt to connect. */
function useCountdown(): number {
  const seconds = useSignal(0);
  useSignalEffect(() => {
    const { retryAt } = connection.value;
    if (retryAt === undefined) {
      return undefined;
    }
    const count = (): void => {
      seconds.value = Math.max(0, Math.ceil((retryAt - Date.now()) / 1000));
    };
    count();
    const timer = setInterval(count, 500);
    return () => clearInterval(timer);
  });
  return seconds.value;
}
