import type { JSX } from "preact";
import "../styles/form.css";
import type { Operation } from "../server";
import type { Violation } from "../validate/validate";
import { FieldRow } from "./field";
import type { Field } from "./fields";
import { faultsAt, faultsElsewhere, jsonTextOf, withJson, type Form } from "./form-model";

interface Props {
  operation: Operation;
  fields: readonly Field[];
  form: Form;
  /** What is wrong, as found here or told by the server. */
  faults: readonly Violation[];
  onChange(form: Form): void;
}

/** The params of an operation: a field for each. */
export function ParamsFields({ fields, form, faults, onChange }: Props): JSX.Element {
  const elsewhere = faultsElsewhere(faults, fields);
  return (
    <>
      {fields.length === 0 && <p class="faint">It takes no params.</p>}
      <div class="fields">
        {fields.map((field) => (
          <FieldRow
            key={field.name}
            field={field}
            form={form}
            faults={faultsAt(faults, field.name)}
            onChange={onChange}
          />
        ))}
      </div>
      {elsewhere.map(({ path, message }) => (
        <p key={path} class="error-text">
          <code>{path || "params"}</code> {message}
        </p>
      ))}
    </>
  );
}

/** The same params as JSON. */
export function ParamsJson({ form, faults, onChange }: Props): JSX.Element {
  const text = jsonTextOf(form);
  return (
    <div class="field">
      <textarea
        class="mono params-json"
        aria-label="Params as JSON"
        aria-invalid={faults.length > 0}
        spellcheck={false}
        rows={Math.min(16, Math.max(5, text.split("\n").length + 1))}
        value={text}
        onInput={({ currentTarget }) => onChange(withJson(form, currentTarget.value))}
      />
      {faults.map(({ path, message }) => (
        <p key={`${path} ${message}`} class="error-text">
          <code>{path || "params"}</code> {message}
        </p>
      ))}
    </div>
  );
}
