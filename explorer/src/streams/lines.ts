import { LINE_REST_S, MAX_KEPT_LINES } from "../bounds";
import { Series } from "../chart/series";

interface Line {
  series: Series;
  pushedAt: number;
}

/** The lines of a stream's rows by their names. Where there are too many, one that rests gives way. */
export class Lines {
  /** That which was pushed to longest ago comes first. */
  readonly #lines = new Map<string, Line>();

  constructor(private readonly bound: number = MAX_KEPT_LINES) {}

  get size(): number {
    return this.#lines.size;
  }

  get(name: string): Series | undefined {
    return this.#lines.get(name)?.series;
  }

  keys(): Iterable<string> {
    return this.#lines.keys();
  }

  /** Appends a point to a line; `now` is in seconds. If there is no room for another line it gets none. */
  push(name: string, [time, value]: readonly [number, number], now: number): void {
    let line = this.#lines.get(name);
    if (!line) {
      if (!this.#hasRoom(now)) {
        return;
      }
      line = { series: new Series(), pushedAt: now };
    }
    line.series.push(time, value);
    line.pushedAt = now;
    this.#lines.delete(name);
    this.#lines.set(name, line);
  }

  delete(name: string): void {
    this.#lines.delete(name);
  }

  clear(): void {
    this.#lines.clear();
  }

  /** Lines that all move stay: else each would be made anew all the time, and none would have a past. */
  #hasRoom(now: number): boolean {
    const [oldest] = this.#lines;
    if (this.#lines.size < this.bound || !oldest) {
      return true;
    }
    const [name, { pushedAt }] = oldest;
    return now - pushedAt >= LINE_REST_S && this.#lines.delete(name);
  }
}
