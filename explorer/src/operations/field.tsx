import type { JSX } from "preact";
import { useId } from "preact/hooks";
import { Text } from "../ui/text";
import type { Violation } from "../validate/validate";
import type { Field } from "./fields";
import { textOf, withText, withValue, type Form } from "./form-model";
import { ListInput } from "./list-input";
import { isSecret } from "./secrets";

/** What the inputs of all kinds of fields need. */
export interface InputProps {
  id: string;
  field: Field;
  form: Form;
  faults: readonly Violation[];
  isInvalid: boolean;
  describedBy: string;
  onChange(form: Form): void;
}

interface Props {
  field: Field;
  form: Form;
  faults: readonly Violation[];
  onChange(form: Form): void;
}

/** A param: its name, its input, what it means, and what is wrong with it. */
export function FieldRow({ field, form, faults, onChange }: Props): JSX.Element {
  const id = useId();
  const describedBy = `${id}-about ${id}-faults`;
  const input = { id, field, form, faults, isInvalid: faults.length > 0, describedBy, onChange };
  return (
    <div class="field">
      <div class="field-head">
        <label for={id}>{field.name}</label>
        {field.isRequired && <span class="required">required</span>}
        <span class="faint field-hint">{field.hint}</span>
      </div>
      <Input {...input} />
      <p id={`${id}-about`} class="faint field-about">
        <Text text={field.description} />
      </p>
      <p id={`${id}-faults`} class="error-text field-faults">
        {faults.map(({ path, message }) => `${withinText(field, path)}${message}`).join("; ")}
      </p>
    </div>
  );
}

function Input(props: InputProps): JSX.Element {
  switch (props.field.kind) {
    case "choice":
    case "boolean":
      return <ChoiceInput {...props} />;
    case "list":
      return <ListInput {...props} />;
    case "json":
      return <JsonInput {...props} />;
    default:
      return <TextInput {...props} />;
  }
}

function TextInput({ id, field, form, isInvalid, describedBy, onChange }: InputProps): JSX.Element {
  const isNumber = field.kind === "number";
  const common = {
    id,
    autocomplete: "off",
    spellcheck: false,
    required: field.isRequired,
    "aria-invalid": isInvalid,
    "aria-describedby": describedBy,
    placeholder: fallbackText(field),
    value: textOf(form, field),
    onInput: ({ currentTarget }: { currentTarget: HTMLInputElement }) =>
      onChange(withText(form, field, currentTarget.value)),
  } as const;
  return isSecret(field.name) ? (
    <input type="password" {...common} />
  ) : (
    <input type="text" inputMode={isNumber ? "decimal" : "text"} autocapitalize="off" {...common} />
  );
}

function JsonInput({ id, field, form, isInvalid, describedBy, onChange }: InputProps): JSX.Element {
  return (
    <textarea
      id={id}
      class="mono"
      rows={1}
      spellcheck={false}
      aria-invalid={isInvalid}
      aria-describedby={describedBy}
      placeholder={fallbackText(field) || "JSON"}
      value={textOf(form, field)}
      onInput={({ currentTarget }) => onChange(withText(form, field, currentTarget.value))}
    />
  );
}

const YES_OR_NO = [{ value: true }, { value: false }];

/** Options are told by their places, for values may be anything. */
function ChoiceInput(props: InputProps): JSX.Element {
  const { id, field, form, isInvalid, describedBy, onChange } = props;
  const choices = field.kind === "boolean" ? YES_OR_NO : field.choices;
  const value = form.params[field.name];
  const chosen = choices.findIndex((choice) => choice.value === value);
  return (
    <select
      id={id}
      aria-invalid={isInvalid}
      aria-describedby={describedBy}
      value={String(chosen)}
      onChange={({ currentTarget }) =>
        onChange(withValue(form, field.name, choices[Number(currentTarget.value)]?.value))
      }
    >
      <option value="-1">{fallbackText(field) || (field.isRequired ? "choose" : "any")}</option>
      {choices.map(({ value: one }, at) => (
        <option key={at} value={String(at)}>
          {typeof one === "string" ? one : JSON.stringify(one)}
        </option>
      ))}
    </select>
  );
}

function fallbackText({ fallback }: Field): string {
  if (fallback === undefined || (Array.isArray(fallback) && fallback.length === 0)) {
    return "";
  }
  return `${typeof fallback === "string" ? fallback : JSON.stringify(fallback)} (default)`;
}

/** Where in a param something is wrong, if not with all of it. */
function withinText({ kind }: Field, path: string): string {
  const within = path.split("/").slice(2);
  if (kind === "list" && within.length === 1) {
    return `item ${Number(within[0]) + 1} `;
  }
  return within.length === 0 ? "" : `${within.join("/")} `;
}
