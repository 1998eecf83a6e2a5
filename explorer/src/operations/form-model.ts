import type { Operation, Params } from "../server/types";
import { isObject, violations, type Violation } from "../validate/validate";
import type { Field } from "./fields";

/**
 * What stands in a form: the params that it means, and of numbers and JSON the text as it was typed, which may mean
 * none (`12a`, half a JSON text). The JSON editor shows the same params: as they were typed, until they are changed
 * elsewhere.
 */
export interface Form {
  params: Params;
  /** By the field's name. */
  drafts: Readonly<Record<string, string>>;
  /** What was typed into the JSON editor; it may be no object. */
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
  return withDraft(withValue(form, field.name, meaningOf(field, text)), field.name, text);
}

/** What a text means in a field; undefined: nothing. */
function meaningOf({ kind }: Field, text: string): unknown {
  return kind === "number" ? numberOf(text) : jsonValueOf(text);
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
  const value = objectOf(text);
  return isObject(value) ? { params: value, drafts: {}, jsonDraft: text } : { ...form, jsonDraft: text };
}

/** What the JSON editor shows. */
export function jsonTextOf(form: Form): string {
  return form.jsonDraft ?? JSON.stringify(form.params, undefined, 2);
}

/** What is wrong with what stands in a form; of nothing that is sent, if there is none. */
export function faultsOf(form: Form, operation: Operation, fields: readonly Field[]): Violation[] {
  if (form.jsonDraft !== undefined && !isObject(objectOf(form.jsonDraft))) {
    return [{ path: "", message: "is not a JSON object" }];
  }
  const drafts = fields.filter((field) => {
    const draft = form.drafts[field.name];
    return draft !== undefined && meaningOf(field, draft) === undefined;
  });
  const names = new Set(drafts.map(({ name }) => `/${name}`));
  return [
    ...drafts.map(({ name, kind }) => ({
      path: `/${name}`,
      message: kind === "number" ? numberFault(form.drafts[name] ?? "") : "is not JSON",
    })),
    ...roundedAt(form.params),
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
  return text.trim() !== "" && Number.isFinite(value) && !isRounded(value) ? value : undefined;
}

function numberFault(text: string): string {
  return isRounded(Number(text)) ? TOO_LARGE : "must be a number";
}

const TOO_LARGE = "is an integer that is too large to be sent as it is";

/** Whether it may be another integer than the one that was written. */
function isRounded(value: unknown): boolean {
  return Number.isInteger(value) && !Number.isSafeInteger(value);
}

function roundedAt(value: unknown, path = ""): Violation[] {
  if (typeof value !== "object" || value === null) {
    return isRounded(value) ? [{ path, message: TOO_LARGE }] : [];
  }
  return Object.entries(value).flatMap(([name, member]) => roundedAt(member, `${path}/${name}`));
}

/** What a text of the JSON editor means; nothing at all means no params. */
function objectOf(text: string): unknown {
  return text.trim() === "" ? {} : jsonValueOf(text);
}

function jsonValueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
