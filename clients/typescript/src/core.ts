import { Connection, type Answer, type Question } from "./connection.js";
import { variable } from "./environment.js";
import { CallTimeout, ConnectionLost } from "./errors.js";
import { Link } from "./link.js";
import { Login } from "./login.js";
import type {
  CallOptions,
  ClientEvents,
  ClientOptions,
  ConnectionState,
  PageOptions,
  RequestOptions,
  StreamOptions,
} from "./options.js";
import { Stream } from "./stream.js";
import { Subscription } from "./subscription.js";
import type { StreamKind } from "./updates.js";
import { waitFor, within } from "./waiting.js";
import { defaultWebSocket } from "./websocket.js";

/** Where the server is unless told otherwise. */
const DEFAULT_URL = "ws://127.0.0.1:8765";
/** How long a call, or an attempt to connect, may take unless told otherwise, in milliseconds. */
const TIMEOUT_MS = 10_000;
/** After how much silence the server is asked for a sign of life, in milliseconds. */
const HEARTBEAT_MS = 20_000;

type Listener<Event> = (event: Event) => void;

/** The connection, and what any operation needs; the generated client adds a method for each. */
export class Core {
  readonly #link: Link;
  readonly #login: Login;
  readonly #timeoutMs: number;
  readonly #subscriptions = new Set<Subscription>();
  readonly #listeners = {
    state: new Set<Listener<ConnectionState>>(),
    warning: new Set<Listener<ClientEvents["warning"]>>(),
  };

  /**
   * A client of the server at `url`; else at what FULLON_CACHE_API_URL says, else at `ws://127.0.0.1:8765`. It
   * connects when it is first asked for something, or by `connect()`.
   *
   * @throws `TypeError` if `url` is not one of `ws:` or `wss:`.
   */
  constructor(url?: string | URL, options: ClientOptions = {}) {
    const address = addressOf(url ?? variable("FULLON_CACHE_API_URL") ?? DEFAULT_URL);
    const factory = options.webSocket ?? defaultWebSocket();
    const heartbeatMs = options.heartbeatMs ?? HEARTBEAT_MS;
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.#login = new Login(options.token ?? variable("FULLON_CACHE_API_TOKEN"));
    const connect = async (ended: AbortSignal): Promise<Connection> => {
      const late = (): Error =>
        new ConnectionLost(`cannot connect to ${address}: it takes too long`);
      return within(TIMEOUT_MS, ended, late, async (signal) => {
        const connection = await Connection.open(address, factory, heartbeatMs, signal);
        try {
          await this.#login.perform(connection, signal);
        } catch (error) {
          connection.close(new ConnectionLost("the connection was given up"));
          throw error;
        }
        return connection;
      });
    };
    const hooks = {
      connect,
      onState: (state: ConnectionState) => this.#emit("state", state),
      onReady: (connection: Connection) =>
        this.#subscriptions.forEach((subscription) => subscription.connect(connection)),
      onLost: (error: Error) => {
        this.#login.stop();
        this.#subscriptions.forEach((subscription) => subscription.disconnect(error));
      },
      onEnd: (error: Error | undefined) => {
        this.#login.stop();
        const subscriptions = [...this.#subscriptions];
        this.#subscriptions.clear();
        subscriptions.forEach((subscription) => void subscription.end(error && { error }));
      },
    };
    const { minMs = 100, maxMs = 20_000 } = options.backoff ?? {};
    this.#link = new Link(hooks, minMs, maxMs);
  }

  /** How the connection is. */
  get state(): ConnectionState {
    return this.#link.state;
  }

  /** Calls back whenever something happens. Gives what ends that. */
  on<Name extends keyof ClientEvents>(
    name: Name,
    listener: (event: ClientEvents[Name]) => void,
  ): () => void {
    const listeners = this.#listeners[name] as Set<Listener<ClientEvents[Name]>>;
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /**
   * Connects and logs in, if that is not done. Calls and streams do it by themselves.
   *
   * @throws {@link Unauthenticated}, {@link Forbidden} or {@link WrongAddress} if the server does not want this
   * client; {@link ConnectionLost} if it cannot be reached in time.
   */
  async connect(options: CallOptions = {}): Promise<void> {
    await this.#within("connect", options, (signal) => this.#link.ready(signal));
  }

  /** Ends all streams, gives up all calls and closes the connection, for good. */
  close(): void {
    this.#link.end();
  }

  /**
   * Calls an operation by its name. Reads change nothing, so one whose connection is lost before the answer is asked
   * once more on the next.
   *
   * @throws {@link CacheApiError} what the server answers; {@link ConnectionLost}, {@link CallTimeout} if it does not.
   */
  async call<Result>(
    operation: string,
    params: object,
    options: CallOptions = {},
  ): Promise<Result> {
    return (await this.#tell<Result>(operation, params, options)).result;
  }

  /**
   * Calls an operation by its name, as `call` does, and gives all that its reply holds: the result, what had to be left
   * out of it, and with `{ explain: true }` where its time went and its data came from. An error has `explain` too.
   *
   * @throws {@link CacheApiError} what the server answers; {@link ConnectionLost}, {@link CallTimeout} if it does not.
   */
  request<Result = unknown>(
    operation: string,
    params: object = {},
    options: RequestOptions = {},
  ): Promise<Answer<Result>> {
    return this.#ask<Result>({ operation, params, explain: options.explain }, options);
  }

  /**
   * Calls an operation as often as it takes to have all that there is, and yields each result: it holds what comes after
   * the one before, as many as `limit` says, or as one reply may hold. The options are those of each call.
   *
   * @throws {@link CacheApiError} what the server answers; {@link ConnectionLost}, {@link CallTimeout} if it does not.
   */
  async *pages<Result = unknown>(
    operation: string,
    params: object = {},
    options: PageOptions = {},
  ): AsyncGenerator<Result, void, undefined> {
    const { limit, cursor } = options;
    let asked = {
      ...params,
      ...(limit !== undefined && { limit }),
      ...(cursor !== undefined && { cursor }),
    };
    for (;;) {
      const answer = await this.#tell<Result>(operation, asked, options);
      yield answer.result;
      if (answer.cursor === undefined) {
        return;
      }
      asked = { ...asked, cursor: answer.cursor };
    }
  }

  /** Asks, and tells the caller what comes beside the result. */
  async #tell<Result>(
    operation: string,
    params: object,
    options: CallOptions,
  ): Promise<Answer<Result>> {
    const { onWarning, onExplain } = options;
    const explain = onExplain !== undefined;
    const answer = await this.#ask<Result>({ operation, params, explain }, options);
    if (answer.explain) {
      onExplain?.(answer.explain);
    }
    answer.warnings.forEach((warning) => onWarning?.(warning));
    return answer;
  }

  async #ask<Result>(question: Question, options: CallOptions): Promise<Answer<Result>> {
    const answer = await this.#within(question.operation, options, async (signal) => {
      const first = await this.#link.ready(signal);
      try {
        return await first.call(question, signal);
      } catch (error) {
        if (!(error instanceof ConnectionLost)) {
          throw error;
        }
      }
      const second = await this.#link.ready(signal);
      return second.call(question, signal);
    });
    if (question.operation === "authenticate") {
      this.#login.adopt(question.params);
    }
    const { operation } = question;
    answer.warnings.forEach((warning) => this.#emit("warning", { ...warning, operation }));
    return answer as Answer<Result>;
  }

  /** Follows a stream by its operation's name. It is opened when its first update is asked for. */
  stream<Update, Events extends boolean = false>(
    operation: string,
    params: object,
    kind: StreamKind,
    options: StreamOptions<Events> = {},
  ): Stream<Update, Events> {
    const { signal } = options;
    const subscription = new Subscription({ operation, params, kind, options }, () => {
      this.#subscriptions.delete(subscription);
      signal?.removeEventListener("abort", abort);
    });
    const abort = (): void => {
      subscription.queue.clear();
      void subscription.end({ error: signal?.reason });
    };
    return new Stream(subscription, () => {
      signal?.addEventListener("abort", abort, { once: true });
      if (signal?.aborted) {
        abort();
      } else {
        this.#begin(subscription, operation, options.timeoutMs);
      }
    });
  }

  /** Opens a subscription on this connection and every later one. It ends if it isn't open in time. */
  #begin(subscription: Subscription, operation: string, timeoutMs: number | undefined): void {
    this.#subscriptions.add(subscription);
    const { connection } = this.#link;
    if (connection) {
      subscription.connect(connection);
    }
    const opening = this.#within(
      operation,
      timeoutMs === undefined ? {} : { timeoutMs },
      async (late) => {
        await this.#link.ready(late);
        await waitFor<void>(late, (resolve) => {
          void subscription.opened.then(resolve);
          return () => undefined;
        });
      },
    );
    opening.catch((error: unknown) => void subscription.end({ error }));
  }

  #within<Value>(
    what: string,
    { timeoutMs = this.#timeoutMs, signal }: CallOptions,
    run: (signal: AbortSignal) => Promise<Value>,
  ): Promise<Value> {
    const late = (): Error => {
      const cause = this.#link.trouble;
      const { status } = this.#link.state;
      return status === "connected"
        ? new CallTimeout(`${what}: no answer within ${timeoutMs} ms`)
        : new ConnectionLost(cause?.message ?? `${what}: no connection within ${timeoutMs} ms`, {
            cause,
          });
    };
    return within(timeoutMs, signal, late, run);
  }

  #emit<Name extends keyof ClientEvents>(name: Name, event: ClientEvents[Name]): void {
    const listeners = this.#listeners[name] as Set<Listener<ClientEvents[Name]>>;
    for (const listener of [...listeners]) {
      try {
        listener(event);
      } catch (error) {
        // It is the listener's own, and is no reason for others to hear nothing.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}

function addressOf(url: string | URL): string {
  const address = new URL(url);
  if (address.protocol !== "ws:" && address.protocol !== "wss:") {
    throw new TypeError(
      `the address of a server begins with ws: or wss:, not with ${address.protocol}`,
    );
  }
  address.hash = "";
  return address.href;
}
