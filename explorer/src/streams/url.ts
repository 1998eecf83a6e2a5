import { MAX_STREAMS } from "../bounds";
import { jsonOf, link } from "../route";
import type { Params } from "../server";

export type StreamView = "table" | "chart" | "candles";

/** A stream that the page shows, as its address has it. */
export interface Shown {
  operation: string;
  params: Params;
  view: StreamView;
  /** The column that is charted. */
  field?: string | undefined;
  /** The row that is charted; undefined: several. */
  row?: string | undefined;
}

const VIEWS: readonly unknown[] = ["table", "chart", "candles"] satisfies StreamView[];

/** `[["stream_tickers",{"exchange":"binance"},"chart","price"]]`; what is as usual is left out at the end. */
export function writeShown(all: readonly Shown[]): string | undefined {
  const parts = all.map(({ operation, params, view, field, row }) => {
    const rest = [view, field, row];
    while (rest.length > 0 && (rest.at(-1) === undefined || rest.at(-1) === "table")) {
      rest.pop();
    }
    return [operation, params, ...rest];
  });
  return parts.length === 0 ? undefined : JSON.stringify(parts);
}

/** The streams that an address names; what is none, what was named before, and what is beyond the bound, is left out. */
export function readShown(text: string | undefined): Shown[] {
  const all = jsonOf(text);
  const shown = new Map<string, Shown>();
  for (const one of Array.isArray(all) ? all.flatMap(shownOf) : []) {
    if (!shown.has(nameOf(one))) {
      shown.set(nameOf(one), one);
    }
  }
  return [...shown.values()].slice(0, MAX_STREAMS);
}

/** What tells a stream from the others of the page. */
export function nameOf({ operation, params }: Pick<Shown, "operation" | "params">): string {
  return `${operation} ${JSON.stringify(params)}`;
}

/** The address of the page with just that stream. */
export function streamLink(operation: string, params: Params): string {
  return link("/streams", { s: writeShown([{ operation, params, view: "table" }]) });
}

function shownOf(parts: unknown): Shown[] {
  const [operation, params = {}, view, field, row] = Array.isArray(parts) ? (parts as unknown[]) : [];
  if (typeof operation !== "string" || !isObject(params)) {
    return [];
  }
  const known = VIEWS.includes(view) ? (view as StreamView) : "table";
  const charted = typeof field === "string" ? { field } : {};
  const chosen = typeof row === "string" ? { row } : {};
  return [{ operation, params, view: known, ...charted, ...chosen }];
}

function isObject(value: unknown): value is Params {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
