import type { Schema } from "../server/types";

/** One way in which a value breaks its schema. */
export interface Violation {
  /** Where, as a JSON pointer. */
  path: string;
  message: string;
}

/**
 * How a value breaks its schema, by the keywords that the server's schemas use; any other keyword is taken for kept, for
 * the server has the last word. The policy that the page is served under forbids validators that write code.
 */
export function violations(schema: Schema, value: unknown, path = ""): Violation[] {
  const types = typesOf(schema);
  if (types.length > 0 && !types.some((type) => isOfType(value, type))) {
    return [{ path, message: `must be ${types.map(typeName).join(" or ")}` }];
  }
  return [
    ...ofChoice(schema, value, path),
    ...ofText(schema, value, path),
    ...ofNumber(schema, value, path),
    ...ofList(schema, value, path),
    ...ofObject(schema, value, path),
    ...ofForms(schema, value, path),
  ];
}

/** The types that a schema allows; none: any. */
export function typesOf({ type }: Schema): string[] {
  return type === undefined ? [] : Array.isArray(type) ? type : [type];
}

/** Whether a value is of a type of JSON Schema. */
export function isOfType(value: unknown, type: string): boolean {
  switch (type) {
    case "null":
      return value === null;
    case "array":
      return Array.isArray(value);
    case "object":
      return isObject(value);
    case "integer":
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}

/** Whether a value is a JSON object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function typeName(type: string): string {
  const names: Record<string, string> = {
    string: "text",
    number: "a number",
    integer: "a whole number",
    boolean: "true or false",
    array: "a list",
    object: "an object",
  };
  return names[type] ?? type;
}

function ofChoice(schema: Schema, value: unknown, path: string): Violation[] {
  if (schema.enum && !schema.enum.some((one) => isSame(one, value))) {
    return [{ path, message: `must be one of ${schema.enum.map(shortly).join(", ")}` }];
  }
  if ("const" in schema && !isSame(schema.const, value)) {
    return [{ path, message: `must be ${shortly(schema.const)}` }];
  }
  return [];
}

function ofText(schema: Schema, value: unknown, path: string): Violation[] {
  if (typeof value !== "string") {
    return [];
  }
  const { minLength = 0, maxLength = Infinity, pattern } = schema;
  const length = [...value].length;
  const found: Violation[] = [];
  if (length < minLength) {
    const message = length === 0 ? "must not be empty" : `must have ${minLength} characters or more`;
    return [{ path, message }];
  }
  if (length > maxLength) {
    found.push({ path, message: `must have ${maxLength} characters at the most` });
  }
  if (pattern !== undefined && !matches(pattern, value)) {
    found.push({ path, message: `must match ${pattern}` });
  }
  return found;
}

function ofNumber(schema: Schema, value: unknown, path: string): Violation[] {
  if (typeof value !== "number") {
    return [];
  }
  const { minimum = -Infinity, maximum = Infinity } = schema;
  if (value < minimum) {
    return [{ path, message: `must be ${minimum} or more` }];
  }
  return value > maximum ? [{ path, message: `must be ${maximum} or less` }] : [];
}

function ofList(schema: Schema, value: unknown, path: string): Violation[] {
  if (!Array.isArray(value)) {
    return [];
  }
  const { minItems = 0, maxItems = Infinity, items, prefixItems = [] } = schema;
  const found: Violation[] = [];
  if (value.length < minItems) {
    found.push({ path, message: `must have ${minItems} items or more` });
  }
  if (value.length > maxItems) {
    found.push({ path, message: `must have ${maxItems} items at the most` });
  }
  value.forEach((item: unknown, at) => {
    const own = prefixItems[at] ?? items;
    if (isObject(own)) {
      found.push(...violations(own, item, `${path}/${at}`));
    }
  });
  return found;
}

function ofObject(schema: Schema, value: unknown, path: string): Violation[] {
  if (!isObject(value)) {
    return [];
  }
  const { properties = {}, required = [], additionalProperties } = schema;
  const found: Violation[] = required
    .filter((name) => !Object.hasOwn(value, name))
    .map((name) => ({ path: `${path}/${escaped(name)}`, message: "is required" }));
  for (const [name, member] of Object.entries(value)) {
    const at = `${path}/${escaped(name)}`;
    const own = Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (own) {
      found.push(...violations(own, member, at));
    } else if (additionalProperties === false) {
      found.push({ path: at, message: `is not known; known are ${Object.keys(properties).join(", ") || "none"}` });
    } else if (isObject(additionalProperties)) {
      found.push(...violations(additionalProperties, member, at));
    }
  }
  return found;
}

function ofForms(schema: Schema, value: unknown, path: string): Violation[] {
  const found = (schema.allOf ?? []).flatMap((form) => violations(form, value, path));
  for (const forms of [schema.anyOf, schema.oneOf]) {
    if (forms && !forms.some((form) => violations(form, value, path).length === 0)) {
      found.push(...ofBestForm(forms, value, path));
    }
  }
  return found;
}

/** Of several forms none of which fits, what is wrong by the one that was meant: the only one of the value's type. */
function ofBestForm(forms: readonly Schema[], value: unknown, path: string): Violation[] {
  const consts = forms.filter((form) => "const" in form);
  if (consts.length === forms.length) {
    return [{ path, message: `must be one of ${consts.map((form) => shortly(form.const)).join(", ")}` }];
  }
  const isMeant = (form: Schema): boolean => {
    const types = typesOf(form);
    return types.length === 0 || types.some((type) => isOfType(value, type));
  };
  const meant = forms.filter(isMeant);
  const others = forms.filter((form) => !typesOf(form).includes("null"));
  const [only, another] = meant.length > 0 ? meant : others;
  if (only && !another) {
    return violations(only, value, path);
  }
  return [{ path, message: "has none of the forms that it may have" }];
}

const PATTERNS = new Map<string, RegExp | undefined>();

/** The schemas' patterns are few; one that this browser cannot read is the server's to check. */
function matches(pattern: string, text: string): boolean {
  if (!PATTERNS.has(pattern)) {
    let read: RegExp | undefined;
    try {
      read = new RegExp(pattern, "u");
    } catch {
      read = undefined;
    }
    PATTERNS.set(pattern, read);
  }
  return PATTERNS.get(pattern)?.test(text) ?? true;
}

function isSame(one: unknown, other: unknown): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}

function shortly(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function escaped(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}
