import { MAX_BARS } from "../bounds";
import { decimalsOf } from "../format";
import type { Schema } from "../server";

/** A bar as it comes: its begin, open, high, low, close, volume. */
export type Bar = readonly [number, number, number, number, number, number];

/** Columns as uPlot takes them: begins, open, high, low, close, volume. */
export type BarColumns = [number[], number[], number[], number[], number[], number[]];

const PARTS = 6;

/** Whether a value is a bar. */
export function isBar(value: unknown): value is Bar {
  return (
    Array.isArray(value) &&
    value.length === PARTS &&
    value.every((part) => typeof part === "number" && Number.isFinite(part))
  );
}

/** Whether items of this form bring a bar, in `bar`. */
export function isBars(properties: Record<string, Schema>): boolean {
  const bar = properties["bar"];
  return bar?.prefixItems?.length === PARTS && bar.prefixItems[0]?.format === "unix-time";
}

/** The newest bars, by their begin. */
export class Bars {
  /** The most decimals that a close had. */
  decimals = 0;
  readonly #bars: Bar[] = [];

  constructor(private readonly bound: number = MAX_BARS) {}

  get size(): number {
    return this.#bars.length;
  }

  get last(): Bar | undefined {
    return this.#bars[this.#bars.length - 1];
  }

  at(place: number): Bar | undefined {
    return this.#bars[place];
  }

  /** Takes in a bar: one more, or a bar as it is now. */
  apply(bar: Bar): void {
    this.decimals = Math.max(this.decimals, decimalsOf(bar[4]));
    let place = this.#bars.length;
    // It is the last or the one before nearly always.
    while (place > 0 && (this.#bars[place - 1]?.[0] ?? 0) > bar[0]) {
      place -= 1;
    }
    const isKnown = this.#bars[place - 1]?.[0] === bar[0];
    this.#bars.splice(isKnown ? place - 1 : place, Number(isKnown), bar);
    if (this.#bars.length > this.bound) {
      this.#bars.shift();
    }
  }

  clear(): void {
    this.#bars.length = 0;
  }

  columns(): BarColumns {
    const columns: BarColumns = [[], [], [], [], [], []];
    for (const bar of this.#bars) {
      columns.forEach((column, part) => column.push(bar[part] ?? 0));
    }
    return columns;
  }
}

/** The seconds between two bars: the least there is. */
export function spanOf(begins: ArrayLike<number>): number {
  let span = Infinity;
  for (let place = 1; place < begins.length; place += 1) {
    span = Math.min(span, (begins[place] ?? 0) - (begins[place - 1] ?? 0));
  }
  return Number.isFinite(span) && span > 0 ? span : 60;
}
