import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { MAX_BRANCHES } from "../bounds";
import { isObject } from "../validate/validate";

interface Props {
  name?: string;
  value: unknown;
  /** Whether it is open at first, and how many levels below it. */
  openLevels?: number;
}

/** A JSON value as a tree. Branches are made when they are opened. */
export function JsonTree({ name, value, openLevels = 2 }: Props): JSX.Element {
  const isBranch = Array.isArray(value) || isObject(value);
  if (!isBranch || Object.keys(value).length === 0) {
    return (
      <div class="leaf">
        <Name name={name} />
        <Leaf value={value} />
      </div>
    );
  }
  return <Branch name={name} value={value} openLevels={openLevels} />;
}

interface BranchProps {
  name: string | undefined;
  value: object;
  openLevels: number;
}

function Branch({ name, value, openLevels }: BranchProps): JSX.Element {
  const isOpen = useSignal(openLevels > 0);
  const shown = useSignal(MAX_BRANCHES);
  const entries = Object.entries(value) as [string, unknown][];
  const left = entries.length - shown.value;
  return (
    <details open={isOpen.value} onToggle={({ currentTarget }) => (isOpen.value = currentTarget.open)}>
      <summary>
        <Name name={name} />
        <span class="faint">
          {Array.isArray(value) ? `[${entries.length}]` : `{${entries.length}}`}
        </span>
      </summary>
      {isOpen.value && (
        <div class="branches">
          {entries.slice(0, shown.value).map(([key, member]) => (
            <JsonTree key={key} name={key} value={member} openLevels={openLevels - 1} />
          ))}
          {left > 0 && (
            <button type="button" class="flat" onClick={() => (shown.value += MAX_BRANCHES)}>
              {left} more
            </button>
          )}
        </div>
      )}
    </details>
  );
}

function Name({ name }: { name: string | undefined }): JSX.Element | null {
  return name === undefined ? null : <span class="tree-name">{name}: </span>;
}

function Leaf({ value }: { value: unknown }): JSX.Element {
  const kind = value === null ? "null" : Array.isArray(value) ? "object" : typeof value;
  return <span class={`json-${kind}`}>{JSON.stringify(value)}</span>;
}
