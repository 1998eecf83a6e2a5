import type { Warning } from "client/connection";
import type { Explain } from "client/explain";
import { theClient } from "./connection";
import { adoptLogin } from "./login";
import type { Params, Who } from "./types";

/** What came of a call. */
export interface Answer<Result> {
  result: Result;
  /** What had to be left out of the result, for it is stored in a corrupt form. */
  warnings: readonly Warning[];
  /** Whether there is, or may be, more than the result holds. */
  truncated: boolean;
  /** What gives the rest, as the param `cursor` of the same request, if anything does. */
  cursor?: string;
  /** From when it was asked until it was answered, in milliseconds. */
  elapsedMs: number;
  /** Where the time went at the server, if it was asked. */
  explain?: Explain;
}

/** What a call may be told. */
export interface AskOptions {
  timeoutMs?: number;
  signal?: AbortSignal;
  /** Whether the server is to tell where the time went. */
  isExplained?: boolean;
}

/** Calls an operation. Throws a `CacheApiError`. */
export async function call<Result = unknown>(
  operation: string,
  params: Params,
  options: AskOptions = {},
): Promise<Answer<Result>> {
  const { isExplained = false, ...own } = options;
  const began = performance.now();
  const client = theClient();
  const answer = await client.request<Result>(operation, params, {
    ...own,
    ...(isExplained && { explain: true }),
  });
  const elapsedMs = performance.now() - began;
  if (operation === "authenticate" && client === theClient()) {
    adoptLogin(answer.result as Who);
  }
  return { ...answer, elapsedMs };
}
