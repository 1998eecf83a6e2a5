import type { Warning } from "./connection.js";
import type { Explain } from "./explain.js";
import type { WebSocketFactory } from "./websocket.js";

/** Where a token comes from: it is asked for whenever the client connects, and before a login ends. */
export type TokenSource = string | (() => string | Promise<string>);

/** What a client may be told when it is made. */
export interface ClientOptions {
  /**
   * Logs in: a static token, a JSON Web Token, or a function that brings one; else what FULLON_CACHE_API_TOKEN says.
   */
  token?: TokenSource | undefined;
  /** How long a call may take in all, in milliseconds. Default: 10 000. */
  timeoutMs?: number | undefined;
  /**
   * How the connection is made, in place of the built-in way, e.g. `(url, protocols) => new NodeWebSocket(url,
   * protocols, { tls: { ca } })`.
   */
  webSocket?: WebSocketFactory | undefined;
  /** The pauses between attempts to connect, in milliseconds; each is a random part of them. */
  backoff?: { minMs?: number; maxMs?: number } | undefined;
  /**
   * After how many milliseconds of silence the server is asked for a sign of life, while there are streams; it has
   * as long to give one. Default: 20 000.
   */
  heartbeatMs?: number | undefined;
}

/** What a call may be told. */
export interface CallOptions {
  /** How long it may take in all, in milliseconds, connecting included. */
  timeoutMs?: number | undefined;
  /** Gives the call up. */
  signal?: AbortSignal | undefined;
  /** Is told what had to be left out of the result, for it is stored in a corrupt form. */
  onWarning?: ((warning: Warning) => void) | undefined;
  /** Is told where the time of the answer went and its data came from, which the server is asked for then. */
  onExplain?: ((explain: Explain) => void) | undefined;
}

/** What a call may be told whose result may come in parts; `client.pages()` asks for them all. */
export interface CursorOptions extends CallOptions {
  /** Where to go on: the `cursor` of an answer that was `truncated`, as `client.request()` gives it. */
  cursor?: string | undefined;
}

/** The same of one whose parts may be of any size. */
export interface PageOptions extends CursorOptions {
  /** How many at the most. Default: as many as one reply may hold. */
  limit?: number | undefined;
}

/** What a request may be told. */
export interface RequestOptions {
  /** How long it may take in all, in milliseconds, connecting included. */
  timeoutMs?: number | undefined;
  /** Gives the request up. */
  signal?: AbortSignal | undefined;
  /** Whether the answer is to tell where its time went and its data came from. Default: false. */
  explain?: boolean | undefined;
}

/** What a stream may be told. */
export interface StreamOptions<Events extends boolean = boolean> {
  /** Whether what happens to the stream is yielded too, beside its updates. Default: false. */
  events?: Events | undefined;
  /** Whether the present state comes first. Default: true. */
  snapshot?: boolean | undefined;
  /** At most one update of an item in so many milliseconds; the newest wins. */
  minIntervalMs?: number | undefined;
  /** Goes on where an earlier stream of the same ended: its `position`. */
  resume?: ResumePoint | undefined;
  /** How many updates of a log, or removals of a state, may wait to be taken. Default: 10 000. */
  maxQueue?: number | undefined;
  /** Whether the server is to tell how it serves the stream. Default: false. */
  explain?: boolean | undefined;
  /** How long opening it may take, in milliseconds, connecting included. */
  timeoutMs?: number | undefined;
  /** Ends the stream: it throws the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** A place in the course of a stream. */
export interface ResumePoint {
  /** The `epoch` of the stream's settings. */
  epoch: string;
  /** The `update_id` of the last update. */
  update_id: number;
  /** Of a log, that update: a server that does not know the epoch finds it in the list and goes on behind it. */
  entry?: object;
}

/** How the connection is. */
export type ConnectionState =
  /** Nothing was asked yet. */
  | { status: "idle" }
  /** It is being made for the first time. */
  | { status: "connecting" }
  /** Calls and streams are served. */
  | { status: "connected" }
  /** It is lost, or could not be made, and is tried again after a pause. */
  | { status: "reconnecting"; error: Error; attempt: number; delayMs: number }
  /** Nothing more comes; `error` is why, unless `close()` was called. */
  | { status: "closed"; error?: Error };

/** What can be listened to by `client.on`. */
export interface ClientEvents {
  /** How the connection is, whenever that changes. */
  state: ConnectionState;
  /** What had to be left out of a result, for it is stored in a corrupt form. */
  warning: Warning & { operation: string };
}
