import type { ComponentChildren, JSX } from "preact";
import { useId } from "preact/hooks";

/** One of several things to show in a place. */
export interface Tab<Id extends string> {
  id: Id;
  name: string;
}

interface Props<Id extends string> {
  /** What is chosen between. */
  label: string;
  tabs: readonly Tab<Id>[];
  chosen: Id;
  onChoose(id: Id): void;
  /** What stands at the end of the row. */
  end?: ComponentChildren;
  children: ComponentChildren;
}

/** Tabs: one stop of the Tab key, arrows between them. */
export function Tabs<Id extends string>(props: Props<Id>): JSX.Element {
  const { label, tabs, chosen, onChoose, end, children } = props;
  const base = useId();
  const move = (event: KeyboardEvent): void => {
    const at = tabs.findIndex(({ id }) => id === chosen);
    const next = placeAfter(event.key, at, tabs.length);
    const tab = next === undefined ? undefined : tabs[next];
    if (tab) {
      event.preventDefault();
      onChoose(tab.id);
      document.getElementById(`${base}-${tab.id}`)?.focus();
    }
  };
  return (
    <div class="tabs">
      <div class="tabs-head">
        <div role="tablist" aria-label={label} onKeyDown={move}>
          {tabs.map(({ id, name }) => (
            <button
              key={id}
              id={`${base}-${id}`}
              type="button"
              role="tab"
              aria-selected={id === chosen}
              aria-controls={`${base}-panel`}
              tabIndex={id === chosen ? 0 : -1}
              onClick={() => onChoose(id)}
            >
              {name}
            </button>
          ))}
        </div>
        {end}
      </div>
      <div
        id={`${base}-panel`}
        role="tabpanel"
        aria-labelledby={`${base}-${chosen}`}
        class="tabs-body"
      >
        {children}
      </div>
    </div>
  );
}

function placeAfter(key: string, at: number, count: number): number | undefined {
  switch (key) {
    case "ArrowRight":
      return (at + 1) % count;
    case "ArrowLeft":
      return (at + count - 1) % count;
    case "Home":
      return 0;
    case "End":
      return count - 1;
    default:
      return undefined;
  }
}
