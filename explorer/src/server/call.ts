import type { Warning } from "client/connection";
import type { CallOptions } from "client/options";
import { theClient } from "./connection";
import type { Explain, Params } from "./types";

/** What came of a call. */
export interface Answer<Result> {
  result: Result;
  /** What had to be left out of the result, for it is stored in a corrupt form. */
  warnings: readonly Warning[];
  /** From when it was asked until it was answered, in milliseconds. */
  elapsedMs: number;
  /** Where the time went at the server, if it tells that. */
  explain?: Explain;
}

/** Calls an operation. Throws a `CacheApiError`. */
export async function call<Result = unknown>(
  operation: string,
  params: Params,
  options: CallOptions = {},
): Promise<Answer<Result>> {
  const warnings: Warning[] = [];
  const began = performance.now();
  const result = await theClient().call<Result>(operation, params, {
    ...options,
    onWarning: (warning) => warnings.push(warning),
  });
  return { result, warnings, elapsedMs: performance.now() - began };
}
