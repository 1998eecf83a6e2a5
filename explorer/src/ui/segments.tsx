import type { JSX } from "preact";
import { useId } from "preact/hooks";

interface Props<Value extends string> {
  label: string;
  values: readonly Value[];
  chosen: Value | undefined;
  onChoose: (value: Value) => void;
  /** What a value is called; else as it is. */
  name?: (value: Value) => string;
}

/** One of a few: radio buttons in a row, so that arrow keys go from one to the next. */
export function Segments<Value extends string>(props: Props<Value>): JSX.Element {
  const { label, values, chosen, onChoose, name = String } = props;
  const group = useId();
  return (
    <div class="segments" role="radiogroup" aria-label={label}>
      {values.map((value) => (
        <label key={value} class="segment">
          <input
            type="radio"
            name={group}
            checked={value === chosen}
            onChange={() => onChoose(value)}
          />
          <span>{name(value)}</span>
        </label>
      ))}
    </div>
  );
}
