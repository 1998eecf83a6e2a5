import type { Warning } from "client/connection";
import { MalformedMessage } from "client/errors";
import type { CallOptions } from "client/options";
import { theClient } from "./connection";
import { adoptLogin } from "./login";
import type { Explain, Params, Who } from "./types";

/** What came of a call. */
export interface Answer<Result> {
  result: Result;
  /** What had to be left out of the result, for it is stored in a corrupt form. */
  warnings: readonly Warning[];
  /** From when it was asked until it was answered, in milliseconds. */
  elapsedMs: number;
  /** Where the time went at the server, if it was asked and tells that. */
  explain?: Explain;
}

/** What a call may be told. */
export interface AskOptions {
  timeoutMs?: number;
  signal?: AbortSignal;
  /** Whether the server is to tell where the time went. */
  isExplained?: boolean;
}

/** Whether this server may be asked where the time went; one of an earlier version takes that for a mistake. */
let explains = true;

/** Calls an operation. Throws a `CacheApiError`. */
export async function call<Result = unknown>(
  operation: string,
  params: Params,
  options: AskOptions = {},
): Promise<Answer<Result>> {
  const { isExplained = false, ...own } = options;
  let answer: Answer<Result>;
  try {
    answer = await ask(operation, params, isExplained && explains, own);
  } catch (error) {
    if (!isExplained || !explains || !(error instanceof MalformedMessage)) {
      throw error;
    }
    answer = await ask(operation, params, false, own);
    explains = false;
  }
  if (operation === "authenticate") {
    adoptLogin(answer.result as Who);
  }
  return answer;
}

async function ask<Result>(
  operation: string,
  params: Params,
  isExplained: boolean,
  options: Pick<CallOptions, "timeoutMs" | "signal">,
): Promise<Answer<Result>> {
  const warnings: Warning[] = [];
  let explain: Explain | undefined;
  const asked: CallOptions & { onExplain?: (explain: object) => void } = {
    ...options,
    onWarning: (warning) => warnings.push(warning),
    ...(isExplained && {
      onExplain: (told: object) => {
        explain = { ...told };
      },
    }),
  };
  const began = performance.now();
  const result = await theClient().call<Result>(operation, params, asked);
  const elapsedMs = performance.now() - began;
  return { result, warnings, elapsedMs, ...(explain && { explain }) };
}
