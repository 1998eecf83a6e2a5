import { MAX_DRAWN_POINTS, MAX_POINTS } from "../bounds";

/** Points of a line: times in seconds, and values. */
export type Line = [times: number[], values: number[]];

/**
 * The points of a line, from its begin on. Its room is taken at once and never grows: when it is full every other point
 * is forgotten.
 */
export class Series {
  readonly #times: Float64Array;
  readonly #values: Float64Array;
  #size = 0;
  /** Points that are nearer to each other become one. */
  #gap = 0;

  constructor(private readonly bound: number = MAX_POINTS) {
    this.#times = new Float64Array(bound);
    this.#values = new Float64Array(bound);
  }

  get size(): number {
    return this.#size;
  }

  /** The last value. */
  get last(): number | undefined {
    return this.#size === 0 ? undefined : this.#values[this.#size - 1];
  }

  /** Appends a point. Of points of one time the last counts; a time before the last is taken for it. */
  push(time: number, value: number): void {
    if (this.#size > 0 && time <= this.#time(this.#size - 1)) {
      this.#values[this.#size - 1] = value;
      return;
    }
    if (this.#size > 1 && time - this.#time(this.#size - 2) < this.#gap) {
      this.#size -= 1;
    } else if (this.#size === this.bound) {
      this.#thin();
    }
    this.#times[this.#size] = time;
    this.#values[this.#size] = value;
    this.#size += 1;
  }

  /** The line; where it has more points than are drawn, of each stretch the lowest and the highest. */
  line(drawn: number = MAX_DRAWN_POINTS): Line {
    const line: Line = [[], []];
    const take = (place: number): void => {
      line[0].push(this.#time(place));
      line[1].push(this.#value(place));
    };
    if (this.#size <= drawn) {
      for (let place = 0; place < this.#size; place += 1) {
        take(place);
      }
      return line;
    }
    // Both ends are drawn as they are, so that a line does not wander as its stretches do.
    const stretches = Math.max(1, Math.floor((drawn - 2) / 2));
    const inner = this.#size - 2;
    take(0);
    for (let stretch = 0; stretch < stretches; stretch += 1) {
      const from = 1 + Math.floor((stretch * inner) / stretches);
      const to = 1 + Math.floor(((stretch + 1) * inner) / stretches);
      this.#extremes(from, to).forEach(take);
    }
    take(this.#size - 1);
    return line;
  }

  /** The places of the lowest and the highest value in a stretch, in the order of time. */
  #extremes(from: number, to: number): number[] {
    let [low, high] = [from, from];
    for (let place = from; place < to; place += 1) {
      low = this.#value(place) < this.#value(low) ? place : low;
      high = this.#value(place) > this.#value(high) ? place : high;
    }
    return low === high ? [low] : [Math.min(low, high), Math.max(low, high)];
  }

  #thin(): void {
    const kept = Math.ceil(this.#size / 2);
    for (let place = 0; place < kept; place += 1) {
      this.#times[place] = this.#time(2 * place);
      this.#values[place] = this.#value(2 * place);
    }
    this.#size = kept;
    this.#gap = (this.#time(kept - 1) - this.#time(0)) / Math.max(1, kept - 1);
  }

  #time(place: number): number {
    return this.#times[place] ?? 0;
  }

  #value(place: number): number {
    return this.#values[place] ?? 0;
  }
}

/** Columns over one axis of time, as uPlot takes them. */
export type Columns = [number[], ...(number | null)[][]];

/** Several lines over one axis of time: where a line has no point, it has null. */
export function join(lines: readonly Line[]): Columns {
  const times = [...new Set(lines.flatMap(([line]) => line))].sort((a, b) => a - b);
  const columns = lines.map(([at, values]) => {
    let next = 0;
    return times.map((time) => {
      if (at[next] !== time) {
        return null;
      }
      next += 1;
      return values[next - 1] ?? null;
    });
  });
  return [times, ...columns];
}
