import { isBars } from "../chart/bars";
import type { Operation, Schema } from "../server";

/** How the values of a column are written. */
export type ColumnKind = "number" | "time" | "text";

/** A column of a table of items. */
export interface Column {
  name: string;
  kind: ColumnKind;
  /** What it is called; else by its name. */
  label?: string;
  /** What it means. */
  description?: string | undefined;
}

/** The columns that a bar becomes. */
export const BAR_COLUMNS: readonly Column[] = [
  { name: "time", kind: "time", description: "When the bar begins." },
  { name: "open", kind: "number" },
  { name: "high", kind: "number" },
  { name: "low", kind: "number" },
  { name: "close", kind: "number" },
  { name: "volume", kind: "number" },
  { name: "closed", kind: "text", description: "Whether it changes no more." },
];

/** The members of an update that are of the stream, not of the item. */
export const HEAD: ReadonlySet<string> = new Set([
  "type",
  "request_id",
  "update_id",
  "prev_id",
  "snapshot",
  "removed",
]);

/** The form of a stream's items. */
export function itemOf(operation: Operation): Schema | undefined {
  return operation.update?.anyOf?.find((form) => !form.properties?.["removed"]);
}

/** The columns of a stream's items, as its schema has them: those that name an item first. */
export function columnsOf(operation: Operation, namedBy: readonly string[]): Column[] {
  const properties = itemOf(operation)?.properties ?? {};
  if (isBars(properties)) {
    return [...BAR_COLUMNS];
  }
  const rank = (name: string): number => (namedBy.includes(name) ? 0 : 1);
  return Object.entries(properties)
    .filter(([name]) => !HEAD.has(name))
    .sort(([a], [b]) => rank(a) - rank(b))
    .map(([name, schema]) => ({
      name,
      kind: kindOf(schema),
      description: schema.description,
    }));
}

/** The kind of a column that no schema names, by one of its values. */
export function guessKind(value: unknown): ColumnKind {
  return typeof value === "number" ? "number" : "text";
}

function kindOf({ type, format }: Schema): ColumnKind {
  if (format === "unix-time") {
    return "time";
  }
  const types = Array.isArray(type) ? type : [type];
  return types.includes("number") || types.includes("integer") ? "number" : "text";
}
