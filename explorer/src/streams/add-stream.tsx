import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useId, useMemo } from "preact/hooks";
import { fieldsOf } from "../operations/fields";
import { ParamsFields } from "../operations/form";
import { faultsOf, formOf } from "../operations/form-model";
import { operations, type Operation, type Params } from "../server";

interface Props {
  onAdd(operation: string, params: Params): void;
  /** Why no other can be added. */
  full: string | undefined;
}

/** Chooses a stream and fills in its params. */
export function AddStream({ onAdd, full }: Props): JSX.Element {
  const id = useId();
  const streams = [...operations.value.values()].filter(({ kind }) => kind === "stream");
  const chosen = useSignal<string | undefined>(undefined);
  const operation =
    streams.find(({ name }) => name === chosen.value) ??
    streams.find(({ name }) => name === "stream_tickers") ??
    streams[0];
  return (
    <details class="panel add-stream">
      <summary>Add a stream</summary>
      {operation ? (
        <>
          <div class="field-beside">
            <label for={id}>Stream</label>
            <select
              id={id}
              value={operation.name}
              onChange={({ currentTarget }) => (chosen.value = currentTarget.value)}
            >
              {streams.map(({ name }) => (
                <option key={name} value={name}>
                  {name}
                </option>
              ))}
            </select>
          </div>
          <AddForm key={operation.name} operation={operation} onAdd={onAdd} full={full} />
        </>
      ) : (
        <p class="quiet">No streams so far.</p>
      )}
    </details>
  );
}

function AddForm({ operation, onAdd, full }: Props & { operation: Operation }): JSX.Element {
  const fields = useMemo(() => fieldsOf(operation), [operation]);
  const form = useSignal(formOf(operation.examples[0] ?? {}));
  const faults = faultsOf(form.value, operation, fields);
  const submit = (event: Event): void => {
    event.preventDefault();
    onAdd(operation.name, form.value.params);
  };
  return (
    <form onSubmit={submit} noValidate>
      <p>{operation.summary}</p>
      <ParamsFields
        operation={operation}
        fields={fields}
        form={form.value}
        faults={faults}
        onChange={(next) => (form.value = next)}
      />
      <div class="actions">
        <button
          type="submit"
          class="primary"
          disabled={faults.length > 0 || full !== undefined}
        >
          Follow
        </button>
        <span class="faint" role="status">
          {full ?? ""}
        </span>
      </div>
    </form>
  );
}
