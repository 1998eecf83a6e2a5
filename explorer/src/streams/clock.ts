import { computed, signal, type ReadonlySignal } from "@preact/signals";
import { dayOf } from "../format";
import { call } from "../server";

const seconds = signal(Date.now() / 1000);
/** By how much the server's clock is before this one, in seconds. */
let ahead = 0;
let users = 0;
let timer: ReturnType<typeof setInterval> | undefined;

/** The server's time, in seconds since the epoch, as far as it is known; it moves once a second. */
export const clock: ReadonlySignal<number> = seconds;

/** The day that it is, which tells whether a time needs its day. */
export const today: ReadonlySignal<string> = computed(() => dayOf(seconds.value));

/** The server's time now, in seconds since the epoch. */
export function serverNow(): number {
  return Date.now() / 1000 + ahead;
}

/** Lets the clock go, until what this gives is called. */
export function useClock(): () => void {
  users += 1;
  timer ??= setInterval(() => {
    if (!document.hidden) {
      seconds.value = serverNow();
    }
  }, 1000);
  return () => {
    users -= 1;
    if (users === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

/** Asks the server for its time: ages are told by the clock that wrote the times. */
export async function setClock(): Promise<void> {
  try {
    const { result, elapsedMs } = await call<{ time?: unknown }>("ping", {});
    if (typeof result.time === "number") {
      ahead = result.time + elapsedMs / 2000 - Date.now() / 1000;
      seconds.value = serverNow();
    }
  } catch {
    // This machine's time will do.
  }
}
