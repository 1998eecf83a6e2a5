import { CacheApiError } from "client/errors";
import { call, type Answer, type Explain, type Operation, type Params } from "../server";
import type { Violation } from "../validate/validate";

/** What came of running an operation. */
export type Outcome =
  | { status: "running"; before?: Done | undefined }
  | Done
  | { status: "failed"; failure: Failure };

/** An answer, or a part of one. */
export interface Done {
  status: "done";
  answer: Answer<unknown>;
  /** What it was asked by. */
  params: Params;
  /** Which part it is, from 1 on. */
  part: number;
}

/** Why an operation failed. */
export interface Failure {
  code: string;
  message: string;
  isRetryable: boolean;
  retryAfterMs?: number;
  /** What is wrong with the params. */
  details: readonly Violation[];
  elapsedMs: number;
  explain?: Explain;
}

/** Runs an operation, or asks for what follows on a part, and has the server tell where the time went. */
export async function run(
  operation: Operation,
  own: Params,
  signal: AbortSignal,
  before?: Done,
): Promise<Outcome> {
  const params = before ? { ...before.params, cursor: before.answer.cursor } : own;
  const began = performance.now();
  try {
    const answer = await call(operation.name, params, { signal, isExplained: true });
    return { status: "done", answer, params, part: (before?.part ?? 0) + 1 };
  } catch (error) {
    return { status: "failed", failure: failureOf(error, performance.now() - began) };
  }
}

/** What an error tells. */
export function failureOf(error: unknown, elapsedMs = 0): Failure {
  if (!(error instanceof CacheApiError)) {
    const message = error instanceof Error ? error.message : String(error);
    return { code: "ERROR", message, isRetryable: false, details: [], elapsedMs };
  }
  const { code, message, retryable, retryAfterMs, details, explain } = error;
  return {
    code,
    message,
    isRetryable: retryable,
    details,
    elapsedMs,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(explain && { explain }),
  };
}
