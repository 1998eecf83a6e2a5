import type { JSX } from "preact";
import { MAX_RESULT_ROWS } from "../bounds";
import type { Operation, Schema } from "../server";
import { Copy } from "../ui/copy";
import { JsonTree } from "../ui/json-tree";
import { Text } from "../ui/text";
import { isObject } from "../validate/validate";
import { rowsOf, typeText } from "./schema-model";

/** What an operation takes and gives, as the server describes it. */
export function Schemas({ operation }: { operation: Operation }): JSX.Element {
  const { params, result, update } = operation;
  return (
    <>
      {(result ?? update) && (
        <SchemaTable name={update ? "Schema of its updates" : "Schema of its result"} schema={(update ?? result) as Schema} />
      )}
      <SchemaTable name="Schema of its params" schema={params} />
    </>
  );
}

function SchemaTable({ name, schema }: { name: string; schema: Schema }): JSX.Element {
  // Of a list its items are told.
  const told: Schema = isObject(schema.items) ? schema.items : schema;
  const rows = rowsOf(told).slice(0, MAX_RESULT_ROWS);
  return (
    <details class="schema panel">
      <summary>
        <h2>{name}</h2>
        <span class="faint">{titleOf(schema)}</span>
      </summary>
      <div class="schema-body">
        {told.description && (
          <p>
            <Text text={told.description} />
          </p>
        )}
        {rows.length > 0 && (
          <div class="scroll" tabIndex={0} role="region" aria-label="Table">
            <table>
              <thead>
                <tr>
                  <th scope="col">name</th>
                  <th scope="col">type</th>
                  <th scope="col">meaning</th>
                </tr>
              </thead>
              <tbody>
                {rows.map((row) => (
                  <tr key={row.name}>
                    <th scope="row" class="mono">
                      {row.name}
                      {!row.isRequired && <span title="may be absent">?</span>}
                    </th>
                    <td class="mono">{row.type}</td>
                    <td class="meaning">
                      <Text text={row.description} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
        <details>
          <summary>JSON Schema</summary>
          <Copy text={() => JSON.stringify(schema, undefined, 2)} />
          <div class="tree mono">
            <JsonTree value={schema} openLevels={2} />
          </div>
        </details>
      </div>
    </details>
  );
}

/** Of what is put together from other types the title is but a spelling of that. */
function titleOf(schema: Schema): string {
  const { title } = schema;
  return title === undefined || title.includes("_of_") ? typeText(schema) : title;
}
