import type { JSX } from "preact";
import { FLASH_MS, MAX_CELL_CHARS, MAX_TITLE_CHARS } from "../bounds";
import { fullTime, number, time } from "../format";
import { serverNow } from "./clock";
import { guessKind, type Column } from "./columns";
import type { Move, Row } from "./rows";

interface Props {
  row: Row;
  column: Column;
  /** The decimals of its number, if not those of its row. */
  decimals?: number | undefined;
}

/** A cell of a row, marked if it has just changed. */
export function Cell({ row, column, decimals = row.decimals.get(column.name) }: Props): JSX.Element {
  const value = row.values[column.name];
  // Where there is none, it is missing where numbers stand.
  const isNumber = typeof value === "number" || (value == null && column.kind !== "text");
  const classes = [isNumber ? "number" : "", flash(row.moves.get(column.name))];
  const { text, title } = written(value, column, decimals);
  return (
    <td class={classes.filter(Boolean).join(" ") || undefined} title={title}>
      {text}
    </td>
  );
}

/** What marks a cell that changed: two names by turns, so that the mark begins anew. */
export function flash(move: Move | undefined): string {
  if (!move || performance.now() - move.at > FLASH_MS) {
    return "";
  }
  const way = move.direction > 0 ? "up" : move.direction < 0 ? "down" : "other";
  return `flash flash-${way} turn-${move.count % 2}`;
}

/** A value as a cell shows it, and the whole of it where that is more. */
export function written(
  value: unknown,
  { kind }: Pick<Column, "kind">,
  decimals?: number,
): { text: string; title?: string } {
  if (value === null || value === undefined) {
    return { text: "–" };
  }
  if (typeof value === "number") {
    return kind === "time"
      ? { text: time(value, serverNow()), title: fullTime(value) }
      : { text: number(value, decimals) };
  }
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return text.length <= MAX_CELL_CHARS
    ? { text }
    : { text: `${text.slice(0, MAX_CELL_CHARS)}…`, title: text.slice(0, MAX_TITLE_CHARS) };
}

/** The columns that came beyond those of the schema. */
export function withMore(
  columns: readonly Column[],
  names: readonly string[],
  sample: Row | undefined,
): readonly Column[] {
  if (names.length <= columns.length) {
    return columns;
  }
  const known = new Set(columns.map(({ name }) => name));
  const more = names.filter((name) => !known.has(name));
  return [...columns, ...more.map((name) => ({ name, kind: guessKind(sample?.values[name]) }))];
}
