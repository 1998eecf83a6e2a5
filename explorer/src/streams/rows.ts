import { FLASH_MS, MAX_COLUMNS, MAX_ENTRIES, MAX_ITEMS } from "../bounds";
import { decimalsOf } from "../format";
import { jsonOf } from "../route";
import { HEAD } from "./columns";

export type Values = Readonly<Record<string, unknown>>;

/** That a cell changed: which way, and how often it was marked, so that a mark can begin anew. */
export interface Move {
  direction: -1 | 0 | 1;
  count: number;
  /** In milliseconds. */
  at: number;
}

/** An item of a state, or an entry of a log, as a table shows it. */
export interface Row {
  readonly key: string;
  values: Values;
  /** Grows with every change of the row. */
  version: number;
  readonly moves: Map<string, Move>;
  /** The most decimals that a column's numbers had here, so that digits don't jump. */
  readonly decimals: Map<string, number>;
  /** The first number of a column that was told. */
  readonly first: Map<string, number>;
}

export interface Sort {
  column: string;
  descending: boolean;
}

/** The rows of one table: items by what names them, or the newest entries of a log. */
export class Rows {
  readonly #rows = new Map<string, Row>();
  readonly #columns: string[];
  readonly #known: Set<string>;
  /** The most decimals that a column's numbers had in any row. */
  readonly decimals = new Map<string, number>();
  #sequence = 0;
  #sorted: readonly Row[] = [];
  #sortedBy = "";
  #isSorted = false;

  constructor(
    /** What names an item; undefined: each update is an entry of its own. */
    private readonly namedBy: readonly string[] | undefined,
    columns: readonly string[],
    private readonly bound: number = namedBy ? MAX_ITEMS : MAX_ENTRIES,
  ) {
    this.#columns = columns.slice(0, MAX_COLUMNS);
    this.#known = new Set(this.#columns);
  }

  get size(): number {
    return this.#rows.size;
  }

  /** The columns of the schema, then those that came. */
  get columns(): readonly string[] {
    return this.#columns;
  }

  get(key: string): Row | undefined {
    return this.#rows.get(key);
  }

  /** What names the row of an item. */
  keyOf(item: Values): string {
    return keyOf((this.namedBy ?? []).map((member) => item[member]));
  }

  /** Takes in an update; `now` is in milliseconds. Gives its row, unless the item is gone. */
  apply(update: Values, now: number): Row | undefined {
    const key = this.namedBy ? this.keyOf(update) : this.#next();
    if (update["removed"] === true) {
      if (this.#rows.delete(key)) {
        this.#isSorted = false;
      }
      return undefined;
    }
    let row = this.#rows.get(key);
    if (row) {
      this.#change(row, update, now);
      // At the end, for that which was told longest ago gives way.
      this.#rows.delete(key);
      this.#rows.set(key, row);
    } else {
      row = { key, values: {}, version: 0, moves: new Map(), decimals: new Map(), first: new Map() };
      this.#rows.set(key, row);
      this.#isSorted = false;
      this.#makeRoom();
    }
    this.#measure(row, update);
    row.values = update;
    row.version += 1;
    return row;
  }

  clear(): void {
    this.#rows.clear();
    this.#isSorted = false;
  }

  /** The rows in order: as sorted; else a state by its names, a log with the newest first. */
  sorted(sort?: Sort): readonly Row[] {
    const by = sort ? `${sort.column} ${sort.descending}` : "";
    if (!this.#isSorted || this.#sortedBy !== by) {
      this.#sorted = this.#sort(sort);
      this.#sortedBy = by;
      this.#isSorted = true;
    }
    return this.#sorted;
  }

  #sort(sort: Sort | undefined): readonly Row[] {
    const rows = [...this.#rows.values()];
    if (sort) {
      const { column, descending } = sort;
      return rows.sort(
        (a, b) =>
          compare(a.values[column], b.values[column], descending) || collate(a.key, b.key),
      );
    }
    return this.namedBy ? rows.sort((a, b) => collate(a.key, b.key)) : rows.reverse();
  }

  /** What an entry of a log is named. */
  #next(): string {
    this.#sequence += 1;
    return String(this.#sequence);
  }

  #change(row: Row, update: Values, now: number): void {
    for (const column of this.#columns) {
      const [before, after] = [row.values[column], update[column]];
      if (isSame(before, after)) {
        continue;
      }
      const direction = directionOf(before, after);
      const move = row.moves.get(column);
      // One that goes on the same way while its mark is seen is not marked anew.
      if (!move || move.direction !== direction || now - move.at >= FLASH_MS) {
        row.moves.set(column, { direction, count: (move?.count ?? 0) + 1, at: now });
      }
      this.#isSorted &&= !this.#sortedBy.startsWith(`${column} `);
    }
  }

  #measure(row: Row, update: Values): void {
    for (const column in update) {
      if (!this.#isColumn(column)) {
        continue;
      }
      const value = update[column];
      if (typeof value === "number") {
        const decimals = decimalsOf(value);
        row.decimals.set(column, Math.max(decimals, row.decimals.get(column) ?? 0));
        this.decimals.set(column, Math.max(decimals, this.decimals.get(column) ?? 0));
        if (!row.first.has(column)) {
          row.first.set(column, value);
        }
      }
    }
  }

  #isColumn(name: string): boolean {
    if (this.#known.has(name)) {
      return true;
    }
    if (HEAD.has(name) || this.#columns.length >= MAX_COLUMNS) {
      return false;
    }
    this.#columns.push(name);
    this.#known.add(name);
    return true;
  }

  #makeRoom(): void {
    const oldest = this.#rows.size > this.bound ? this.#rows.keys().next() : undefined;
    if (oldest && !oldest.done) {
      this.#rows.delete(oldest.value);
    }
  }
}

/** The key of a row by what names it: no two items have the same. */
export function keyOf(names: readonly unknown[]): string {
  return names.length === 1 ? String(names[0]) : JSON.stringify(names);
}

/** A key of several names as it is read. */
export function keyText(key: string): string {
  const names = key.startsWith("[") ? jsonOf(key) : undefined;
  return Array.isArray(names) ? names.map(String).join(" ") : key;
}

/** The order of two values of one column: numbers by size, else as text; what is not there comes last either way. */
export function compare(a: unknown, b: unknown, descending = false): number {
  const [isA, isB] = [isThere(a), isThere(b)];
  if (!isA || !isB) {
    return Number(isB) - Number(isA);
  }
  const areNumbers = typeof a === "number" && typeof b === "number";
  const order = areNumbers ? a - b : collate(textOf(a), textOf(b));
  return descending ? -order : order;
}

const collator = new Intl.Collator(undefined, { numeric: true });
const collate = collator.compare;

function isThere(value: unknown): boolean {
  return value !== null && value !== undefined;
}

function textOf(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function isSame(a: unknown, b: unknown): boolean {
  if (a === b) {
    return true;
  }
  const areObjects = typeof a === "object" && typeof b === "object" && a !== null && b !== null;
  return areObjects && JSON.stringify(a) === JSON.stringify(b);
}

function directionOf(before: unknown, after: unknown): Move["direction"] {
  if (typeof before !== "number" || typeof after !== "number") {
    return 0;
  }
  return after > before ? 1 : -1;
}
