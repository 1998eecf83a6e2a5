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
    if (list.current) {
      showCurrent(list.current);
    }
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

/** Scrolls as far as the operation that one is at is seen, and on to where a domain begins. */
function showCurrent(list: HTMLElement): void {
  const current = list.querySelector("[aria-current]");
  current?.scrollIntoView({ block: "nearest" });
  if (!current || list.scrollTop === 0) {
    return;
  }
  const { top } = list.getBoundingClientRect();
  const domains = [...list.children].map((domain) => ({
    below: domain.getBoundingClientRect().top - top,
    isCurrent: domain.contains(current),
  }));
  const upToCurrent = domains.slice(0, domains.findIndex(({ isCurrent }) => isCurrent) + 1);
  list.scrollTop += upToCurrent.find(({ below }) => below >= 0)?.below ?? 0;
}
