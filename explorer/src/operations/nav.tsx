import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { link } from "../route";
import { operations } from "../server";
import { search } from "./search";
import { SearchField } from "./search-field";

/** Kept from one operation to the next. */
const text = signal("");

/** All operations at the side of one. */
export function OperationNav({ name }: { name: string }): JSX.Element {
  const list = useRef<HTMLDivElement>(null);
  const size = operations.value.size;
  useEffect(() => {
    list.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  }, [size]);
  return (
    <nav class="operation-nav" aria-label="Operations">
      <SearchField value={text.value} onInput={(now) => (text.value = now)} />
      <div class="operation-nav-list" ref={list}>
        {search(operations.value.values(), text.value).map(({ domain, operations: found }) => (
          <section key={domain}>
            <h2>{domain}</h2>
            <ul>
              {found.map((operation) => (
                <li key={operation.name}>
                  <a
                    href={link(`/op/${encodeURIComponent(operation.name)}`)}
                    aria-current={operation.name === name ? "page" : undefined}
                    title={operation.summary}
                  >
                    {operation.name}
                  </a>
                </li>
              ))}
            </ul>
          </section>
        ))}
      </div>
    </nav>
  );
}
