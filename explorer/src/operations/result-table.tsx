import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { MAX_RESULT_ROWS } from "../bounds";
import type { Schema } from "../server";
import { Cell } from "../ui/cell";
import { Empty } from "../ui/empty";
import { JsonTree } from "../ui/json-tree";
import { kindOf, tabularOf, type Column } from "./tabular";

interface Props {
  value: unknown;
  schema: Schema | undefined;
  /** Whether there is more than the value holds. */
  isPart: boolean;
}

/** A result as a table. */
export function ResultTable({ value, schema, isPart }: Props): JSX.Element {
  const shown = useSignal(MAX_RESULT_ROWS);
  const table = useMemo(() => tabularOf(value, schema), [value, schema]);
  if (!table || table.rows.length === 0) {
    return <Empty>{isPart ? "There is nothing in this part." : "There is nothing."}</Empty>;
  }
  const { columns, rows, empty } = table;
  const isMembers = !Array.isArray(value) && columns.length === 2 && columns[0]?.name === "name";
  const left = rows.length - shown.value;
  return (
    <>
      <div class="scroll" tabIndex={0} role="region" aria-label="Table">
        <table>
          <thead class={isMembers ? "unseen" : undefined}>
            <tr>
              {columns.map(({ name, kind, description }) => (
                <th key={name} scope="col" class={classOf(kind)} title={description}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, shown.value).map((row, at) => (
              <tr key={at}>
                {isMembers ? <Member row={row} schema={schema} /> : <Cells row={row} columns={columns} />}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="faint small">
        {rows.length === 1 ? "1 row" : `${rows.length} rows`}
        {empty.length > 0 && `; null throughout: ${empty.join(", ")}`}
        {left > 0 && (
          <button type="button" class="flat" onClick={() => (shown.value += MAX_RESULT_ROWS)}>
            Show {Math.min(left, MAX_RESULT_ROWS)} more
          </button>
        )}
      </p>
    </>
  );
}

function Cells({ row, columns }: { row: readonly unknown[]; columns: readonly Column[] }): JSX.Element {
  return (
    <>
      {columns.map(({ name, kind }, at) => (
        <td key={name} class={classOf(kind)}>
          <Cell value={row[at]} kind={kind} />
        </td>
      ))}
    </>
  );
}

function Member({ row, schema }: { row: readonly unknown[]; schema: Schema | undefined }): JSX.Element {
  const [name, value] = row;
  const own = schema?.properties?.[String(name)];
  return (
    <>
      <th scope="row" title={own?.description}>
        {String(name)}
      </th>
      <td>
        {typeof value === "object" && value !== null ? (
          <div class="tree mono">
            <JsonTree value={value} openLevels={0} />
          </div>
        ) : (
          <Cell value={value} kind={kindOf(own, value)} />
        )}
      </td>
    </>
  );
}

function classOf(kind: Column["kind"]): string | undefined {
  return kind === "number" ? "number" : kind === "time" ? "time" : undefined;
}
