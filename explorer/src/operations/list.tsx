import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { link, route, setQuery } from "../route";
import { loadOthers, operations, others } from "../server";
import { Empty } from "../ui/empty";
import { Text } from "../ui/text";
import { KindBadge } from "./kind-badge";
import { search } from "./search";
import { SearchField } from "./search-field";

/** All operations, by domain. */
export function OperationsPage(): JSX.Element {
  const text = route.value.query["q"] ?? "";
  const groups = search(operations.value.values(), text);
  const count = groups.reduce((sum, group) => sum + group.operations.length, 0);
  return (
    <div class="operations">
      <div class="page-head">
        <h1>Operations</h1>
        <SearchField value={text} onInput={(q) => setQuery({ q })} />
        <p role="status" class="faint">
          {countText(count)}
        </p>
      </div>
      {count === 0 && operations.value.size > 0 && <Empty>No operation has all these words.</Empty>}
      <div class="domains">
        {groups.map(({ domain, operations: found }) => (
          <section key={domain} class="panel domain" aria-labelledby={`domain-${domain}`}>
            <h2 id={`domain-${domain}`}>{domain}</h2>
            <ul>
              {found.map(({ name, kind, summary }) => (
                <li key={name}>
                  <a href={link(`/op/${encodeURIComponent(name)}`)} class="operation-link">
                    <span class="operation-name">{name}</span>
                    <KindBadge kind={kind} />
                    <span class="operation-summary">
                      <Text text={summary} />
                    </span>
                  </a>
                </li>
              ))}
            </ul>
          </section>
        ))}
      </div>
      <Others />
    </div>
  );
}

/** What the server has for other logins. */
function Others(): JSX.Element | null {
  const known = operations.value;
  useEffect(() => {
    if (known.size > 0) {
      void loadOthers();
    }
  }, [known]);
  const { value } = others;
  return value.length === 0 ? null : (
    <section class="panel padded" aria-labelledby="others-title">
      <h2 id="others-title">Not for this login</h2>
      <ul class="others">
        {value.map(({ name, scope, summary }) => (
          <li key={name} title={summary}>
            <code>{name}</code> {scope !== null && <span class="faint">{scope}</span>}
          </li>
        ))}
      </ul>
    </section>
  );
}

function countText(count: number): string {
  return count === 1 ? "1 operation" : `${count} operations`;
}
