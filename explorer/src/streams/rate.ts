import { RATE_SECONDS } from "../bounds";

/** How many happen in a second, over the last few. */
export class Rate {
  readonly #counts = new Uint32Array(RATE_SECONDS);
  #second = 0;
  #begin: number | undefined;
  total = 0;

  count(now: number): void {
    this.#begin ??= now;
    this.#turn(now);
    const slot = this.#second % RATE_SECONDS;
    this.#counts[slot] = (this.#counts[slot] ?? 0) + 1;
    this.total += 1;
  }

  /** How many a second; `now` is in seconds. */
  perSecond(now: number): number {
    if (this.#begin === undefined) {
      return 0;
    }
    this.#turn(now);
    const sum = this.#counts.reduce((all, count) => all + count, 0);
    // The running second is not over yet.
    const span = RATE_SECONDS - 1 + (now - Math.floor(now));
    return sum / Math.max(1, Math.min(span, now - this.#begin));
  }

  #turn(now: number): void {
    const second = Math.floor(now);
    const passed = Math.min(RATE_SECONDS, second - this.#second);
    for (let step = 1; step <= passed; step += 1) {
      this.#counts[(second - passed + step) % RATE_SECONDS] = 0;
    }
    this.#second = Math.max(second, this.#second);
  }
}
