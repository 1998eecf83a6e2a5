import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { MAX_LIST_FIELDS } from "../bounds";
import type { InputProps } from "./field";
import { withValue } from "./form-model";

/** A list of texts: a field for each, and an empty one that becomes the next when something is typed into it. */
export function ListInput(props: InputProps): JSX.Element {
  const { id, field, form, faults, describedBy, onChange } = props;
  const place = useRef<HTMLUListElement>(null);
  const value = form.params[field.name];
  const items: unknown[] = Array.isArray(value) ? value : [];
  const paths = new Set(faults.map(({ path }) => path));
  const put = (next: readonly unknown[]): void =>
    onChange(withValue(form, field.name, next.length > 0 ? next : undefined));
  const remove = (at: number): void => {
    put(items.toSpliced(at, 1));
    place.current?.querySelectorAll("input")[at]?.focus();
  };
  const hidden = items.length - MAX_LIST_FIELDS;
  const slots = hidden > 0 ? items.slice(0, MAX_LIST_FIELDS) : [...items, ""];
  return (
    <ul class="list-input" ref={place}>
      {slots.map((item, at) => {
        const isNext = at === items.length;
        const ownId = at === 0 ? { id } : {};
        return (
          <li key={at}>
            <input
              {...ownId}
              aria-label={isNext ? `${field.name}: add one` : `${field.name} ${at + 1}`}
              aria-invalid={!isNext && (paths.has(`/${field.name}`) || paths.has(`/${field.name}/${at}`))}
              aria-describedby={describedBy}
              autocomplete="off"
              spellcheck={false}
              placeholder={isNext ? "add" : ""}
              value={typeof item === "string" ? item : JSON.stringify(item)}
              onInput={({ currentTarget }) => put(items.toSpliced(at, 1, currentTarget.value))}
            />
            {!isNext && (
              <button
                type="button"
                class="flat"
                aria-label={`Remove ${field.name} ${at + 1}`}
                onClick={() => remove(at)}
              >
                ×
              </button>
            )}
          </li>
        );
      })}
      {hidden > 0 && <li class="faint">{hidden} more: edit them as JSON</li>}
    </ul>
  );
}
