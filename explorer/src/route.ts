import { signal, type ReadonlySignal } from "@preact/signals";

/** Where in the page one is. All of it stands after the `#` of the address, so that it can be shared. */
export interface Route {
  /** E.g. `/op/get_ticker`. */
  path: string;
  /** What stands after the `?`. */
  query: Readonly<Record<string, string>>;
}

/** Reads what stands after the `#` of an address. */
export function parse(hash: string): Route {
  const text = hash.replace(/^#/, "");
  const mark = text.indexOf("?");
  const path = mark < 0 ? text : text.slice(0, mark);
  const query = new URLSearchParams(mark < 0 ? "" : text.slice(mark + 1));
  return { path: path === "" ? "/" : path, query: Object.fromEntries(query) };
}

/** The address of a place in the page, `#` included. What is undefined or empty is left out. */
export function link(path: string, query: Readonly<Record<string, string | undefined>> = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== "") {
      search.set(name, value);
    }
  }
  const text = search.toString();
  return `#${path}${text && `?${text}`}`;
}

/** Reads JSON out of the address; undefined where there is none, or what is there is not JSON. */
export function jsonOf(text: string | undefined): unknown {
  if (text === undefined) {
    return undefined;
  }
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const current = signal<Route>({ path: "/", query: {} });

/** Where in the page one is. */
export const route: ReadonlySignal<Route> = current;

/** Follows the address from now on. */
export function beginRouting(): void {
  const read = (): void => {
    clearTimeout(writing); // what was left is not written over what was gone to
    seen = location.hash;
    current.value = parse(seen);
  };
  addEventListener("hashchange", read);
  read();
}

/** How often the address is written at the most, in milliseconds: browsers refuse to do it too often. */
const WRITE_MS = 300;
let writtenAt = -Infinity;
/** What stood in the address when it was last read or written. */
let seen = "";
let writing: ReturnType<typeof setTimeout> | undefined;

/** Changes the query of the place where one is, without a new entry in the history. */
export function setQuery(change: Readonly<Record<string, string | undefined>>): void {
  const { path, query } = current.peek();
  const hash = link(path, { ...query, ...change });
  if (hash === link(path, query)) {
    return;
  }
  current.value = parse(hash);
  clearTimeout(writing);
  const write = (): void => {
    // Who has gone elsewhere meanwhile is told of it later than a timer may fire.
    if (location.hash === seen) {
      writtenAt = performance.now();
      history.replaceState(null, "", hash);
      seen = location.hash;
    }
  };
  const wait = writtenAt + WRITE_MS - performance.now();
  if (wait <= 0) {
    write();
  } else {
    writing = setTimeout(write, wait);
  }
}

/** Goes somewhere, by a new entry in the history. */
export function go(path: string, query: Readonly<Record<string, string | undefined>> = {}): void {
  location.hash = link(path, query);
}
