import type { Explain } from "./explain.js";

/** One way in which params break their schema. */
export interface Violation {
  /** Where, as a JSON pointer into the params. */
  path: string;
  /** What is wrong there. */
  message: string;
}

/** What an error may tell beside its sentence. */
export interface ErrorFacts {
  /** Where waiting helps: for how many milliseconds. */
  retryAfterMs?: number | undefined;
  /** What exactly is wrong with the params. */
  details?: readonly Violation[] | undefined;
  /** Where the time of the server's answer went, if that was asked. */
  explain?: Explain | undefined;
  /** What it came from. */
  cause?: unknown;
}

/** Whatever goes wrong between this client and the cache is one of these. */
export class CacheApiError extends Error {
  /** The stable name of what went wrong, e.g. `CACHE_MISS`. */
  readonly code: string;
  /** Whether the same may work later. */
  readonly retryable: boolean;
  /** Where waiting helps: for how many milliseconds. */
  readonly retryAfterMs: number | undefined;
  /** What exactly is wrong with the params; empty for other errors. */
  readonly details: readonly Violation[];
  /** Where the time of the server's answer went, if that was asked. */
  readonly explain: Explain | undefined;

  constructor(code: string, message: string, retryable = false, facts: ErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = new.target.name;
    this.code = code;
    this.retryable = retryable;
    this.retryAfterMs = facts.retryAfterMs;
    this.details = facts.details ?? [];
    this.explain = facts.explain;
  }
}

/** The request was not JSON, or not of the form of a request. */
export class MalformedMessage extends CacheApiError {
  constructor(message: string, facts?: ErrorFacts) {
    super("MALFORMED_MESSAGE", message, false, facts);
  }
}

/** The server has no such operation; the text names the closest ones. */
export class InvalidOperation extends CacheApiError {
  constructor(message: string, facts?: ErrorFacts) {
    super("INVALID_OPERATION", message, false, facts);
  }
}

/** The params break the operation's schema; `details` names every violation. */
export class InvalidParams extends CacheApiError {
  constructor(message: string, facts?: ErrorFacts) {
    super("INVALID_PARAMS", message, false, facts);
  }
}

/** Nothing is stored under that key. */
export class CacheMiss extends CacheApiError {
  constructor(message: string, facts?: ErrorFacts) {
    super("CACHE_MISS", message, false, facts);
  }
}

/** What is stored is not what it should be. */
export class CacheCorrupt extends CacheApiError {
  constructor(message: string, facts?: ErrorFacts) {
    super("CACHE_CORRUPT", message, false, facts);
  }
}

/** The server cannot reach its Redis. */
export class CacheUnavailable extends CacheApiError {
  constructor(message: string, facts?: ErrorFacts) {
    super("CACHE_UNAVAILABLE", message, true, facts);
  }
}

/** The server's Redis did not answer in time. */
export class CacheTimeout extends CacheApiError {
  constructor(message: string, facts?: ErrorFacts) {
    super("CACHE_TIMEOUT", message, true, facts);
  }
}

/** There is no token, or a bad one. */
export class Unauthenticated extends CacheApiError {
  constructor(message: string, facts?: ErrorFacts) {
    super("UNAUTHENTICATED", message, false, facts);
  }
}

/** The login may not read this, or the page's origin may not connect. */
export class Forbidden extends CacheApiError {
  constructor(message: string, facts?: ErrorFacts) {
    super("FORBIDDEN", message, false, facts);
  }
}

/** There were too many requests. */
export class RateLimited extends CacheApiError {
  constructor(message: string, facts?: ErrorFacts) {
    super("RATE_LIMITED", message, true, facts);
  }
}

/** Too many streams, symbols or bytes. */
export class LimitExceeded extends CacheApiError {
  constructor(message: string, facts?: ErrorFacts) {
    super("LIMIT_EXCEEDED", message, facts?.retryAfterMs !== undefined, facts);
  }
}

/** The server sheds load. */
export class Overloaded extends CacheApiError {
  constructor(message: string, facts?: ErrorFacts) {
    super("OVERLOADED", message, true, facts);
  }
}

/** A defect of the server. */
export class InternalError extends CacheApiError {
  constructor(message: string, facts?: ErrorFacts) {
    super("INTERNAL_ERROR", message, false, facts);
  }
}

/** The server cannot be reached, or went away before it answered. */
export class ConnectionLost extends CacheApiError {
  constructor(message: string, facts?: ErrorFacts) {
    super("CONNECTION_LOST", message, true, facts);
  }
}

/** The address answers, but not with this API: asking again would not help. */
export class WrongAddress extends CacheApiError {
  constructor(message: string, facts?: ErrorFacts) {
    super("WRONG_ADDRESS", message, false, facts);
  }
}

/** The server did not answer within the call's time. */
export class CallTimeout extends CacheApiError {
  constructor(message: string, facts?: ErrorFacts) {
    super("CALL_TIMEOUT", message, true, facts);
  }
}

/** Entries of a log may be missing. A stream that is opened with `events` tells it as an event instead. */
export class StreamGap extends CacheApiError {
  constructor(message: string, facts?: ErrorFacts) {
    super("STREAM_GAP", message, true, facts);
  }
}

/** The client was closed. */
export class ClientClosed extends CacheApiError {
  constructor(message = "the client is closed", facts?: ErrorFacts) {
    super("CLIENT_CLOSED", message, false, facts);
  }
}

type ErrorClass = new (message: string, facts?: ErrorFacts) => CacheApiError;

const CLASSES = new Map<string, ErrorClass>([
  ["MALFORMED_MESSAGE", MalformedMessage],
  ["INVALID_OPERATION", InvalidOperation],
  ["INVALID_PARAMS", InvalidParams],
  ["CACHE_MISS", CacheMiss],
  ["CACHE_CORRUPT", CacheCorrupt],
  ["CACHE_UNAVAILABLE", CacheUnavailable],
  ["CACHE_TIMEOUT", CacheTimeout],
  ["UNAUTHENTICATED", Unauthenticated],
  ["FORBIDDEN", Forbidden],
  ["RATE_LIMITED", RateLimited],
  ["LIMIT_EXCEEDED", LimitExceeded],
  ["OVERLOADED", Overloaded],
  ["INTERNAL_ERROR", InternalError],
]);

/** The error that a code of the wire stands for. A code of a later server is a plain `CacheApiError`. */
export function errorOf(code: string, message: string, facts: ErrorFacts): CacheApiError {
  const known = CLASSES.get(code);
  return known
    ? new known(message, facts)
    : new CacheApiError(code, message, facts.retryAfterMs !== undefined, facts);
}
