import {
  CacheApiError,
  ConnectionLost,
  Forbidden,
  Unauthenticated,
  WrongAddress,
  errorOf,
  type Violation,
} from "./errors.js";
import type { Explain } from "./explain.js";
import { waitFor } from "./waiting.js";
import type {
  CloseEventLike,
  MessageEventLike,
  WebSocketFactory,
  WebSocketLike,
} from "./websocket.js";

/** The subprotocol that the server speaks. */
const SUBPROTOCOL = "fullon-cache-api";
/** The server's close code for: not logged in in time. */
const NOT_LOGGED_IN = 4001;

/** What had to be left out of a result, and why. */
export interface Warning {
  /** E.g. `CACHE_CORRUPT`. */
  error_code: string;
  /** A sentence. */
  error: string;
  /** Which item is missing, where it is one. */
  item?: string;
}

/** A result, and what comes with it. */
export interface Answer<Result = unknown> {
  result: Result;
  /** What had to be left out of it. */
  warnings: readonly Warning[];
  /** Whether there is, or may be, more than the result holds. */
  truncated: boolean;
  /** What gives the rest, as the param `cursor` of the same request, if anything does. */
  cursor?: string;
  /** Where its time went and its data came from, if that was asked. */
  explain?: Explain;
}

/** What is asked for. */
export interface Question {
  operation: string;
  params: object;
  /** Whether the answer is to tell where its time went. */
  explain?: boolean | undefined;
}

/** A message of a stream. */
export type StreamMessage = { type: string; request_id: string } & Record<string, unknown>;

interface Reply {
  request_id: unknown;
  success: boolean;
  result?: unknown;
  warnings?: Warning[];
  truncated?: boolean;
  cursor?: string;
  error_code?: string;
  error?: string;
  details?: Violation[];
  retry_after_ms?: number;
  explain?: Explain;
}

type Outcome = (outcome: Answer | CacheApiError) => void;

/** One connection, from when it is open until it is lost. Requests and streams share it. */
export class Connection {
  /** Fulfilled when the connection is lost. */
  readonly closed: Promise<Error>;
  readonly #socket: WebSocketLike;
  readonly #heartbeat: ReturnType<typeof setInterval>;
  readonly #asked = new Map<string, Outcome>();
  readonly #streams = new Map<string, (message: StreamMessage) => void>();
  #lastId = 0;
  #isHeard = true;
  #isAsked = false;
  #lost: Error | undefined;
  #tellLost: (error: Error) => void = () => undefined;

  /** Connects. Throws what tells whether it is worth another try. */
  static open(
    url: string,
    factory: WebSocketFactory,
    heartbeatMs: number,
    signal: AbortSignal,
  ): Promise<Connection> {
    return waitFor(signal, (resolve, reject) => {
      const socket = factory(url, [SUBPROTOCOL]);
      let cause: Error | undefined;
      socket.onerror = ({ error }: { error?: Error }) => {
        cause = error;
      };
      socket.onclose = (event: CloseEventLike) => reject(refusal(url, { error: cause, ...event }));
      socket.onopen = () => resolve(new Connection(socket, heartbeatMs));
      return () => socket.close();
    });
  }

  private constructor(socket: WebSocketLike, heartbeatMs: number) {
    this.closed = new Promise((resolve) => {
      this.#tellLost = resolve;
    });
    this.#socket = socket;
    socket.onerror = null;
    socket.onmessage = ({ data }: MessageEventLike) => this.#take(data);
    socket.onclose = (event: CloseEventLike) => this.#lose(loss(event));
    this.#heartbeat = setInterval(() => this.#listen(), heartbeatMs);
  }

  /** Whether it is lost. */
  get isLost(): boolean {
    return this.#lost !== undefined;
  }

  /** Asks for something; `settle` is told its outcome. Gives the request's id. */
  ask({ operation, params, explain }: Question, settle: Outcome): string {
    this.#lastId += 1;
    const id = String(this.#lastId);
    if (this.#lost) {
      // Not before the caller has the id.
      queueMicrotask(() => settle(this.#gone()));
      return id;
    }
    this.#asked.set(id, settle);
    const asked = { request_id: id, operation, params, ...(explain && { explain }) };
    this.#socket.send(JSON.stringify(asked));
    return id;
  }

  /** Asks for something and waits for it. */
  call(question: Question, signal: AbortSignal): Promise<Answer> {
    return waitFor(signal, (resolve, reject) => {
      const id = this.ask(question, (outcome) =>
        outcome instanceof Error ? reject(outcome) : resolve(outcome),
      );
      return () => this.#asked.delete(id);
    });
  }

  /** Opens a stream: its messages go to `take`, until it is left. */
  follow(question: Question, settle: Outcome, take: (message: StreamMessage) => void): string {
    const id = this.ask(question, settle);
    if (!this.#lost) {
      this.#streams.set(id, take);
    }
    return id;
  }

  /** Ends a stream; whatever still comes of it is not looked at. Fulfilled when the server knows. */
  leave(id: string): Promise<void> {
    this.#streams.delete(id);
    this.#asked.delete(id);
    return new Promise((resolve) => {
      this.ask({ operation: "unsubscribe", params: { stream: id } }, () => resolve());
    });
  }

  /** Forgets a stream that the server ended. */
  forget(id: string): void {
    this.#streams.delete(id);
  }

  /** Closes it. */
  close(error: Error): void {
    this.#socket.close(1000);
    this.#lose(error);
  }

  #take(data: unknown): void {
    this.#isHeard = true;
    let message: unknown;
    try {
      message = JSON.parse(String(data));
    } catch {
      this.close(new ConnectionLost("the server sent what is not JSON"));
      return;
    }
    if (Array.isArray(message)) {
      message.forEach((one) => this.#dispatch(one));
    } else {
      this.#dispatch(message);
    }
  }

  #dispatch(message: unknown): void {
    const { request_id: id, type } = message as Partial<StreamMessage>;
    if (type !== undefined) {
      this.#streams.get(String(id))?.(message as StreamMessage);
      return;
    }
    const reply = message as Reply;
    const settle = this.#asked.get(String(id));
    this.#asked.delete(String(id));
    settle?.(outcomeOf(reply));
  }

  /** A connection that broke off without a word is found out by asking, while anything is awaited of it. */
  #listen(): void {
    if (this.#isHeard || this.#streams.size === 0) {
      this.#isHeard = false;
      this.#isAsked = false;
    } else if (this.#isAsked) {
      this.close(new ConnectionLost("the server gives no sign of life"));
    } else {
      this.#isAsked = true;
      this.ask({ operation: "ping", params: {} }, () => undefined);
    }
  }

  #lose(error: Error): void {
    if (this.#lost) {
      return;
    }
    this.#lost = error;
    clearInterval(this.#heartbeat);
    this.#streams.clear();
    const asked = [...this.#asked.values()];
    this.#asked.clear();
    asked.forEach((settle) => settle(this.#gone()));
    this.#tellLost(error);
  }

  #gone(): CacheApiError {
    return this.#lost instanceof CacheApiError
      ? this.#lost
      : new ConnectionLost("the connection is lost", { cause: this.#lost });
  }
}

function outcomeOf(reply: Reply): Answer | CacheApiError {
  const { explain, cursor } = reply;
  if (reply.success) {
    return {
      result: reply.result,
      warnings: reply.warnings ?? [],
      truncated: reply.truncated ?? false,
      ...(cursor !== undefined && { cursor }),
      ...(explain && { explain }),
    };
  }
  return errorOf(reply.error_code ?? "", reply.error ?? "", {
    details: reply.details,
    retryAfterMs: reply.retry_after_ms,
    explain,
  });
}

/** Why a connection could not be made. */
function refusal(url: string, event: CloseEventLike): CacheApiError {
  const { status, error, reason, retryAfter } = event;
  const why = reason || error?.message || "no reason is known";
  const text = `cannot connect to ${url}: ${why}`;
  const facts = {
    cause: error,
    retryAfterMs: retryAfter === undefined ? undefined : retryAfter * 1000,
  };
  if (status === undefined || status === 408 || status === 429 || status >= 500) {
    return new ConnectionLost(text, facts);
  }
  if (status === 401) {
    return new Unauthenticated(text, facts);
  }
  return status === 403 ? new Forbidden(text, facts) : new WrongAddress(text, facts);
}

/** Why an open connection was lost. */
function loss({ code, reason, error }: CloseEventLike): CacheApiError {
  const text = `the connection is lost: ${code}${reason ? ` ${reason}` : ""}`;
  return code === NOT_LOGGED_IN
    ? new Unauthenticated(text)
    : new ConnectionLost(text, { cause: error });
}
