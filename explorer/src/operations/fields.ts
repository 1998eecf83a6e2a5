import type { Operation, Schema } from "../server/types";
import { isObject, typesOf } from "../validate/validate";

/** How a param is asked for. */
export type FieldKind = "text" | "number" | "boolean" | "choice" | "list" | "json";

/** A value to choose. */
export interface Choice {
  value: unknown;
  description?: string;
}

/** A param, as a form asks for it. */
export interface Field {
  name: string;
  kind: FieldKind;
  schema: Schema;
  isRequired: boolean;
  description: string;
  /** What the server takes if it is left out. */
  fallback?: unknown;
  choices: readonly Choice[];
  /** Of a list: what its items are. */
  items?: Schema;
  /** What it may be, in a few words. */
  hint: string;
}

/** The params of an operation as fields, in the order in which it takes them. */
export function fieldsOf(operation: Operation): Field[] {
  const { properties = {}, required = [] } = operation.params;
  return Object.entries(properties).map(([name, schema]) =>
    fieldOf(name, schema, required.includes(name)),
  );
}

function fieldOf(name: string, given: Schema, isRequired: boolean): Field {
  const schema = bareOf(given);
  const choices = choicesOf(schema);
  const kind = choices.length > 0 ? "choice" : kindOf(schema);
  const description = (given.description ?? schema.description ?? "").replaceAll("\n", " ");
  return {
    name,
    kind,
    schema,
    isRequired,
    description,
    choices,
    hint: hintOf(schema),
    ...("default" in given && { fallback: given.default }),
    ...(isObject(schema.items) && { items: bareOf(schema.items) }),
  };
}

/** A schema without the possibility of null, by which it may be left out. */
function bareOf(schema: Schema): Schema {
  const forms = (schema.anyOf ?? schema.oneOf)?.filter((form) => !isNull(form));
  const [only, another] = forms ?? [];
  if (only && !another) {
    return { ...only, ...(schema.description !== undefined && { description: schema.description }) };
  }
  if (Array.isArray(schema.type)) {
    return { ...schema, type: schema.type.filter((type) => type !== "null") };
  }
  return schema;
}

function isNull({ type }: Schema): boolean {
  return type === "null";
}

function choicesOf(schema: Schema): Choice[] {
  if (schema.enum) {
    return schema.enum.filter((value) => value !== null).map((value) => ({ value }));
  }
  const forms = schema.oneOf ?? schema.anyOf ?? [];
  if (forms.length > 0 && forms.every((form) => "const" in form)) {
    return forms.map(({ const: value, description }) => ({
      value,
      ...(description !== undefined && { description }),
    }));
  }
  return [];
}

function kindOf(schema: Schema): FieldKind {
  const types = typesOf(schema);
  if (types.includes("string")) {
    return "text";
  }
  if (types.includes("integer") || types.includes("number")) {
    return "number";
  }
  if (types.includes("boolean")) {
    return "boolean";
  }
  const isListOfText =
    types.includes("array") && isObject(schema.items) && kindOf(bareOf(schema.items)) === "text";
  return isListOfText ? "list" : "json";
}

function hintOf(schema: Schema): string {
  const types = typesOf(schema);
  const { minimum, maximum } = schema;
  const isNumber = !types.includes("string") && (types.includes("integer") || types.includes("number"));
  if (!isNumber) {
    return types.includes("array") ? "list" : types.includes("object") ? "JSON" : "";
  }
  // A bound that is only what a number can hold at all tells nothing.
  const top = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER ? maximum : undefined;
  if (minimum !== undefined && top !== undefined) {
    return `${minimum} to ${top}`;
  }
  return minimum !== undefined ? `${minimum} or more` : top !== undefined ? `up to ${top}` : "number";
}
