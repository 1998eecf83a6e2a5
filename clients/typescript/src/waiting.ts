/** The longest time that a timer takes; what is longer never comes. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Calls back after a time. Gives what calls that off. */
export function after(milliseconds: number, callback: () => void): () => void {
  if (milliseconds > LONGEST_TIMER_MS) {
    return () => undefined;
  }
  const timer = setTimeout(callback, milliseconds);
  return () => clearTimeout(timer);
}

/** Waits for what `start` begins, or until it is given up; what `start` returns cleans up after either. */
export function waitFor<Value>(
  signal: AbortSignal,
  start: (resolve: (value: Value) => void, reject: (error: unknown) => void) => () => void,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const giveUp = (): void => {
      cleanUp();
      reject(signal.reason);
    };
    const done = (): void => signal.removeEventListener("abort", giveUp);
    const cleanUp = start(
      (value) => {
        done();
        resolve(value);
      },
      (error) => {
        done();
        reject(error);
      },
    );
    signal.addEventListener("abort", giveUp, { once: true });
  });
}

/** Sleeps, unless it is given up. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return waitFor(signal, (resolve) => after(milliseconds, resolve));
}

/**
 * Runs something that has a time limit and may be given up by a signal. It is handed a signal for both; `late`
 * makes the error of the one.
 */
export async function within<Value>(
  milliseconds: number,
  signal: AbortSignal | undefined,
  late: () => Error,
  run: (signal: AbortSignal) => Promise<Value>,
): Promise<Value> {
  signal?.throwIfAborted();
  const both = new AbortController();
  const giveUp = (): void => both.abort(signal?.reason);
  signal?.addEventListener("abort", giveUp, { once: true });
  const callOff = after(milliseconds, () => both.abort(late()));
  try {
    return await run(both.signal);
  } finally {
    callOff();
    signal?.removeEventListener("abort", giveUp);
  }
}
