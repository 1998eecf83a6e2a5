import type { Connection } from "./connection.js";
import {
  CacheApiError,
  ClientClosed,
  ConnectionLost,
  Forbidden,
  Unauthenticated,
  WrongAddress,
} from "./errors.js";
import type { ConnectionState } from "./options.js";
import { pause, waitFor } from "./waiting.js";

/** After how many milliseconds a connection is taken for a steady one. */
const STEADY_MS = 10_000;

/** What a link tells and needs. */
export interface LinkHooks {
  /** Makes a connection and logs it in. */
  connect(signal: AbortSignal): Promise<Connection>;
  /** How the connection is. */
  onState(state: ConnectionState): void;
  /** There is a connection. */
  onReady(connection: Connection): void;
  /** There was one. */
  onLost(error: Error): void;
  /** There will be none any more. */
  onEnd(error: Error | undefined): void;
}

interface Waiter {
  resolve(connection: Connection): void;
  reject(error: Error): void;
}

/** Keeps one connection: makes it when it is first wanted, and again whenever it is lost. */
export class Link {
  state: ConnectionState = { status: "idle" };
  #connection: Connection | undefined;
  readonly #ended = new AbortController();
  readonly #waiters = new Set<Waiter>();

  constructor(
    private readonly hooks: LinkHooks,
    private readonly minMs: number,
    private readonly maxMs: number,
  ) {}

  /** The connection, if there is one. */
  get connection(): Connection | undefined {
    return this.#connection?.isLost ? undefined : this.#connection;
  }

  /** The connection, as soon as there is one. */
  ready(signal: AbortSignal): Promise<Connection> {
    const { connection } = this;
    if (connection) {
      return Promise.resolve(connection);
    }
    if (this.state.status === "closed") {
      return Promise.reject(this.state.error ?? new ClientClosed());
    }
    if (this.state.status === "idle") {
      void this.#run();
    }
    return waitFor(signal, (resolve, reject) => {
      const waiter = { resolve, reject };
      this.#waiters.add(waiter);
      return () => this.#waiters.delete(waiter);
    });
  }

  /** Why there is no connection, where that is known. */
  get trouble(): Error | undefined {
    return this.state.status === "reconnecting" ? this.state.error : undefined;
  }

  /** Ends it for good. */
  end(error?: Error): void {
    if (this.state.status === "closed") {
      return;
    }
    const why = error ?? new ClientClosed();
    this.#setState(error ? { status: "closed", error } : { status: "closed" });
    this.#ended.abort(why);
    this.#connection?.close(why);
    this.#connection = undefined;
    this.#release((waiter) => waiter.reject(why));
    this.hooks.onEnd(error);
  }

  async #run(): Promise<void> {
    const { signal } = this.#ended;
    this.#setState({ status: "connecting" });
    for (let attempt = 1; !signal.aborted; attempt++) {
      let since = Infinity;
      const error = await this.#hold(signal, () => {
        since = Date.now();
      });
      if (Date.now() - since > STEADY_MS) {
        attempt = 1;
      }
      if (signal.aborted) {
        return;
      }
      if (isFinal(error)) {
        this.end(error);
        return;
      }
      const wanted = error instanceof CacheApiError ? (error.retryAfterMs ?? 0) : 0;
      // Those who lost their server at once, or were told the same by it, come back at different times.
      const delayMs =
        wanted + Math.random() * Math.min(this.maxMs, this.minMs * 2 ** (attempt - 1));
      this.#setState({ status: "reconnecting", error, attempt, delayMs });
      await pause(delayMs, signal).catch(() => undefined);
    }
  }

  /** Makes a connection and keeps it until it is lost. Gives why it was, or could not be made. */
  async #hold(signal: AbortSignal, onOpen: () => void): Promise<Error> {
    let connection: Connection;
    try {
      connection = await this.hooks.connect(signal);
    } catch (error) {
      return error instanceof Error ? error : new ConnectionLost(String(error));
    }
    if (signal.aborted) {
      connection.close(new ClientClosed());
      return new ClientClosed();
    }
    onOpen();
    this.#connection = connection;
    this.#setState({ status: "connected" });
    this.hooks.onReady(connection);
    this.#release((waiter) => waiter.resolve(connection));
    const error = await connection.closed;
    if (!signal.aborted) {
      this.#connection = undefined;
      this.hooks.onLost(error);
    }
    return error;
  }

  #release(settle: (waiter: Waiter) => void): void {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    waiters.forEach(settle);
  }

  #setState(state: ConnectionState): void {
    this.state = state;
    this.hooks.onState(state);
  }
}

/** Whether another attempt would end likewise. */
function isFinal(error: Error): boolean {
  return [Unauthenticated, Forbidden, WrongAddress, TypeError].some(
    (known) => error instanceof known,
  );
}
