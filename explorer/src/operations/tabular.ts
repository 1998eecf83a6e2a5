import type { Schema } from "../server/types";
import { isObject, typesOf } from "../validate/validate";

/** A column of a table. */
export interface Column {
  name: string;
  /** Numbers stand at the end of their cells, times are written as such. */
  kind: "number" | "time" | "text";
  description?: string;
}

/** A value as rows and columns. */
export interface Tabular {
  columns: Column[];
  rows: unknown[][];
  /** Members that are null wherever they are, and have no column. */
  empty: string[];
}

/**
 * A value as a table: a list of objects has a column for each member, an object of objects one for their names too, a
 * plain object has its members as rows. Undefined for what is but one value.
 */
export function tabularOf(value: unknown, schema: Schema = {}): Tabular | undefined {
  if (Array.isArray(value)) {
    return ofList(value, itemsOf(schema));
  }
  if (!isObject(value)) {
    return undefined;
  }
  const members = Object.entries(value);
  const isOfObjects = members.length > 0 && members.every(([, member]) => isObject(member));
  if (isOfObjects && !schema.properties) {
    const own = isObject(schema.additionalProperties) ? schema.additionalProperties : {};
    const inner = ofObjects(members.map(([, member]) => member as Record<string, unknown>), own);
    return {
      columns: [{ name: "key", kind: "text" }, ...inner.columns],
      rows: inner.rows.map((row, at) => [members[at]?.[0], ...row]),
      empty: inner.empty,
    };
  }
  return {
    columns: [
      { name: "name", kind: "text" },
      { name: "value", kind: "text" },
    ],
    rows: members,
    empty: [],
  };
}

/** What a value is written as, by its schema. */
export function kindOf(schema: Schema | undefined, value?: unknown): Column["kind"] {
  if (schema?.format === "unix-time") {
    return "time";
  }
  const types = schema ? typesOf(schema) : [];
  const isNumber = types.length > 0 ? types.some(isNumeric) : typeof value === "number";
  return isNumber && !types.includes("string") ? "number" : "text";
}

function ofList(list: readonly unknown[], schema: Schema): Tabular {
  if (list.length > 0 && list.every(isObject)) {
    return ofObjects(list, schema);
  }
  if (list.length > 0 && list.every(Array.isArray)) {
    return ofLists(list as unknown[][], schema);
  }
  return {
    columns: [{ name: "value", kind: kindOf(schema, list[0]) }],
    rows: list.map((value) => [value]),
    empty: [],
  };
}

/** Columns are the schema's members that any object has, in its order, then what else they have. */
function ofObjects(objects: readonly Record<string, unknown>[], schema: Schema): Tabular {
  const present = new Set(objects.flatMap((object) => Object.keys(object)));
  const known = Object.keys(schema.properties ?? {}).filter((name) => present.delete(name));
  const columns: Column[] = [];
  const empty: string[] = [];
  for (const name of [...known, ...present]) {
    const sample = objects.find((object) => object[name] != null)?.[name];
    const own = schema.properties?.[name];
    const { description } = own ?? {};
    if (sample === undefined) {
      empty.push(name);
    } else {
      columns.push({ name, kind: kindOf(own, sample), ...(description !== undefined && { description }) });
    }
  }
  return { columns, rows: objects.map((object) => columns.map(({ name }) => object[name])), empty };
}

/** What the places of a bar mean, which its schema tells in a sentence only. */
const BAR = ["time", "open", "high", "low", "close", "volume"];

/** Lists of one length, as bars are. */
function ofLists(lists: readonly unknown[][], schema: Schema): Tabular {
  const most = Math.max(...lists.map(({ length }) => length));
  const names = schema.title === "Bar" && schema.prefixItems?.length === BAR.length ? BAR : [];
  const columns = Array.from({ length: most }, (_, at): Column => {
    const own = schema.prefixItems?.[at];
    const name = own?.title ?? names[at] ?? String(at);
    return { name, kind: kindOf(own, lists[0]?.[at]) };
  });
  return { columns, rows: lists.map((list) => [...list]), empty: [] };
}

function itemsOf({ items }: Schema): Schema {
  return isObject(items) ? items : {};
}

function isNumeric(type: string): boolean {
  return type === "number" || type === "integer";
}
