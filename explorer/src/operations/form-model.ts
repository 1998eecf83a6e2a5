import type { Operation, Params } from "../server/types";
import { isObject, violations, type Violation } from "../validate/validate";
import type { Field } from "./fields";

/**
 * What stands in a form: the params that it means, and of what means none (`12a` for a number, half a JSON text) the
 * text. The JSON editor shows the same params, and has a text of its own only while that is not an object.
 */
export interface Form {
  params: Params;
  /** By the field's name. */
  drafts: Readonly<Record<string, string>>;
  /** What stands in the JSON editor, if that is not an object. */
  jsonDraft?: string;
}

/** A form with these params. */
export function formOf(params: Params): Form {
  return { params, drafts: {} };
}

/** What a text or number field shows. */
export function textOf(form: Form, field: Field): string {
  const draft = form.drafts[field.name];
  if (draft !== undefined) {
    return draft;
  }
  const value = form.params[field.name];
  if (value === undefined || value === null) {
    return "";
  }
  return field.kind !== "json" && typeof value === "string" ? value : JSON.stringify(value);
}

/** The form after a text was typed into a field. An empty text leaves the param out. */
export function withText(form: Form, field: Field, text: string): Form {
  if (text === "") {
    return withValue(form, field.name, undefined);
  }
  if (field.kind === "text") {
    return withValue(form, field.name, text);
  }
  const value = field.kind === "number" ? numberOf(text) : jsonValueOf(text);
  return value === undefined
    ? withDraft(withValue(form, field.name, undefined), field.name, text)
    : withValue(form, field.name, value);
}

/** The form with a param; undefined leaves it out. */
export function withValue(form: Form, name: string, value: unknown): Form {
  const { [name]: _, ...drafts } = form.drafts;
  const params = { ...form.params };
  if (value === undefined) {
    delete params[name];
  } else {
    params[name] = value;
  }
  return { params, drafts };
}

/** The form after its JSON was edited. */
export function withJson(form: Form, text: string): Form {
  const value = text.trim() === "" ? {} : jsonValueOf(text);
  return isObject(value) ? { params: value, drafts: {} } : { ...form, jsonDraft: text };
}

/** What the JSON editor shows. */
export function jsonTextOf(form: Form): string {
  return form.jsonDraft ?? JSON.stringify(form.params, undefined, 2);
}

/** What is wrong with what stands in a form; of nothing that is sent, if there is none. */
export function faultsOf(form: Form, operation: Operation, fields: readonly Field[]): Violation[] {
  if (form.jsonDraft !== undefined) {
    return [{ path: "", message: "is not a JSON object" }];
  }
  const drafts = fields.filter(({ name }) => form.drafts[name] !== undefined);
  const names = new Set(drafts.map(({ name }) => `/${name}`));
  return [
    ...drafts.map(({ name, kind }) => ({
      path: `/${name}`,
      message: kind === "number" ? "must be a number" : "is not JSON",
    })),
    ...violations(operation.params, form.params).filter(({ path }) => !names.has(path)),
  ];
}

/** Violations of a param, or of anything within it. */
export function faultsAt(faults: readonly Violation[], name: string): Violation[] {
  return faults.filter(({ path }) => path === `/${name}` || path.startsWith(`/${name}/`));
}

/** Violations that no field can show. */
export function faultsElsewhere(
  faults: readonly Violation[],
  fields: readonly Field[],
): Violation[] {
  const shown = new Set(fields.flatMap(({ name }) => faultsAt(faults, name)));
  return faults.filter((fault) => !shown.has(fault));
}

function withDraft(form: Form, name: string, text: string): Form {
  return { ...form, drafts: { ...form.drafts, [name]: text } };
}

function numberOf(text: string): number | undefined {
  const value = Number(text);
  return text.trim() !== "" && Number.isFinite(value) ? value : undefined;
}

function jsonValueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
