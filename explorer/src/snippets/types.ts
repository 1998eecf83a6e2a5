import type { Operation, Params } from "../server/types";

/** What a program is to do. */
export interface Wanted {
  operation: Operation;
  params: Params;
  /** Where the server is, e.g. `ws://127.0.0.1:8765`. */
  url: string;
  /** Whether it wants a token. */
  isLoggedIn: boolean;
}

/** A language, or a program to call. */
export interface Language {
  id: string;
  name: string;
  /** Writes a whole program. */
  write(wanted: Wanted): string;
}

/** The options that every stream takes beside its own params. */
export interface StreamOptions {
  snapshot?: boolean;
  minIntervalMs?: number;
  resume?: unknown;
}

/** The params of an operation in the order in which it takes them, the options of a stream apart. */
export function split({ operation, params }: Wanted): {
  own: [name: string, value: unknown][];
  options: StreamOptions;
} {
  const order = Object.keys(operation.params.properties ?? {});
  const given = Object.entries(params).sort(([a], [b]) => placeOf(order, a) - placeOf(order, b));
  if (operation.kind !== "stream") {
    return { own: given, options: {} };
  }
  const { snapshot, min_interval_ms: minIntervalMs, resume } = params;
  return {
    own: given.filter(([name]) => !["snapshot", "min_interval_ms", "resume"].includes(name)),
    options: {
      ...(typeof snapshot === "boolean" && { snapshot }),
      ...(typeof minIntervalMs === "number" && { minIntervalMs }),
      ...(resume != null && { resume }),
    },
  };
}

/** The request as it goes over the wire. */
export function requestOf({ operation, params }: Wanted): string {
  return JSON.stringify({ request_id: "1", operation: operation.name, params });
}

/** A word of a shell's command line. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

function placeOf(order: readonly string[], name: string): number {
  const place = order.indexOf(name);
  return place < 0 ? order.length : place;
}

/** The length from which a line is broken, where it can be. */
const MAX_LINE = 64;

/** How a language lays calls out. */
interface Layout {
  /** What stands before the line. */
  indent: string;
  /** What a level is indented by. */
  step: string;
}

/** A call, its arguments on lines of their own where they would be too long on one. */
export function callText(name: string, args: readonly string[], { indent, step }: Layout): string {
  const line = `${name}(${args.join(", ")})`;
  if (args.length === 0 || indent.length + line.length <= MAX_LINE) {
    return line;
  }
  const lines = args.map((arg) => `${indent}${step}${arg},`);
  return [`${name}(`, ...lines, `${indent})`].join("\n");
}
