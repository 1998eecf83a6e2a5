import type { Schema } from "../server/types";
import { isObject, typesOf } from "../validate/validate";

/** A member that a schema describes. */
export interface SchemaRow {
  /** Its name, or where it stands within another: `feeds[].symbol`. */
  name: string;
  type: string;
  isRequired: boolean;
  description: string;
}

/** How deep members of members are told. */
const MAX_DEPTH = 4;

/** All members that a schema describes, those of members after them. */
export function rowsOf(schema: Schema, prefix = "", depth = 0): SchemaRow[] {
  if (depth > MAX_DEPTH) {
    return [];
  }
  const forms = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])];
  const inner = [
    ...(isObject(schema.items) ? rowsOf(schema.items, `${prefix}[]`, depth + 1) : []),
    ...(isObject(schema.additionalProperties)
      ? rowsOf(schema.additionalProperties, join(prefix, "*"), depth + 1)
      : []),
    ...forms.filter((form) => !isRemoval(form)).flatMap((form) => rowsOf(form, prefix, depth)),
  ];
  const own = Object.entries(schema.properties ?? {}).flatMap(([name, member]) => [
    {
      name: join(prefix, name),
      type: typeText(member),
      isRequired: schema.required?.includes(name) ?? false,
      description: (member.description ?? "").replaceAll("\n", " "),
    },
    ...rowsOf(member, join(prefix, name), depth + 1),
  ]);
  return [...own, ...inner];
}

/** The type of a schema in a few words, e.g. `list of text`, `number or null`. */
export function typeText(schema: Schema): string {
  if (schema.enum) {
    return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  }
  if ("const" in schema) {
    return JSON.stringify(schema.const);
  }
  if (schema.format === "unix-time") {
    return typesOf(schema).includes("null") ? "time | null" : "time";
  }
  const types = typesOf(schema);
  if (types.length > 0) {
    return types.map((type) => (type === "array" ? listText(schema) : type)).join(" | ");
  }
  const forms = schema.anyOf ?? schema.oneOf ?? [];
  return forms.length > 0 ? [...new Set(forms.map(typeText))].join(" | ") : "any";
}

function listText({ items, prefixItems }: Schema): string {
  if (prefixItems) {
    return `[${prefixItems.map(typeText).join(", ")}]`;
  }
  return isObject(items) ? `list of ${items.title ?? typeText(items)}` : "list";
}

function isRemoval(form: Schema): boolean {
  return form.properties?.["removed"] !== undefined;
}

function join(prefix: string, name: string): string {
  return prefix === "" ? name : `${prefix}.${name}`;
}
