// Written by `fullon-cache-api generate typescript`; changes are lost.
import type { RemovalOf, UpdateOf } from "./updates.js";

/** What an account holds of one currency, in units of that currency. */
export interface Balance {
  /** The account. */
  user_id: string;
  /** The currency, e.g. `USDT`. */
  currency: string;
  /** All of it. */
  total?: number | null;
  /** What no order holds. */
  available?: number | null;
  /** What orders hold: the total less what is available. */
  reserved?: number | null;
  /** When the account was last read. Seconds since the epoch. */
  timestamp?: number | null;
}

/** An update of `stream_balances`. */
export type BalanceUpdate =
  | UpdateOf<"balance_update", Balance>
  | RemovalOf<"balance_update", Balance, "user_id" | "currency">;

/**
 * One bar: its begin in seconds since the epoch; open, high, low and close in the quote currency;
 * the volume in the base currency.
 */
export type Bar = [number, number, number, number, number, number];

/** A bar, new or changed. */
export interface BarUpdate {
  /** The symbol as it was asked for. */
  symbol: string;
  /** The time that a bar spans, e.g. `1m`. */
  timeframe: string;
  /** The bar. */
  bar: Bar;
  /** Whether a later one has begun, so that it changes no more. */
  closed: boolean;
}

/** A pair that a bot keeps others from trading. */
export interface Block {
  /** The exchange, e.g. `binance`. */
  exchange: string;
  /** The pair, e.g. `BTC/USDT`. */
  symbol: string;
  /** The bot that blocks it. */
  bot_id: string;
}

/** An update of `stream_blocks`. */
export type BlockUpdate =
  UpdateOf<"block_update", Block> | RemovalOf<"block_update", Block, "exchange" | "symbol">;

/** A bot's state. */
export interface BotStatus {
  /** The bot. */
  bot_id: string;
  /** The state of its first feed that has one, else `unknown`. */
  status: string;
  /** Its feeds by name. */
  feeds: Record<string, Feed>;
}

/** An update of `stream_bot_status`. */
export type BotUpdate =
  UpdateOf<"bot_update", BotStatus> | RemovalOf<"bot_update", BotStatus, "bot_id">;

/** One operation, as the registry knows it. */
export interface Described {
  /** What a request names it by. */
  name: string;
  /**
   * `read`: one request, one reply. `stream`: one reply, then updates. `system`: on the server
   * itself.
   */
  kind: Kind;
  /** The group that it belongs to. */
  domain: string;
  /** One sentence. */
  summary: string;
  /** More, where there is more to say. */
  description: string;
  /** JSON Schema (2020-12) of the params, in the order in which a client's method takes them. */
  params: Record<string, unknown>;
  /**
   * Those of the params that ask for a part of the result, which is answered in parts where it is
   * large; empty: it has no parts.
   */
  paging: string[];
  /** JSON Schema (2020-12) of the result; a stream has `update` instead. */
  result?: Record<string, unknown> | null;
  /** JSON Schema (2020-12) of a stream's updates. */
  update?: Record<string, unknown> | null;
  /** The `type` of a stream's updates. */
  update_type?: string | null;
  /** The key patterns that it reads. */
  keys: Record<string, string>;
  /** The Redis commands that it sends. */
  commands: string[];
  /** The channel on which the writer publishes changes. */
  channel?: string | null;
  /** How long a scan's result is kept, and how often a poll would look; milliseconds. */
  poll_interval_ms?: number | null;
  /**
   * Whether an answer may be given again, without asking Redis, until Redis tells of a change of
   * what it was read from.
   */
  near_cache: boolean;
  /**
   * How change is noticed, for a stream, if the Redis and its user's rights allow it: `channel` or
   * `tracking`. A stream's reply says how it is.
   */
  push?: string | null;
  /** What a caller must be entitled to; null: nothing. */
  scope?: Scope | null;
  /**
   * The param that names whose data it is; `all_users`: it can't be told, so it is for those who
   * may read everybody's.
   */
  owner?: string | null;
  /** The error codes that it may answer with. */
  errors: ErrorCode[];
  /** Params that work on a filled cache. */
  examples: unknown[];
}

/** What the server can do. */
export interface Description {
  /** The server. */
  server: ServerFacts;
  /** Its operations, by name. */
  operations: Described[];
}

/** What was ended. */
export interface Ended {
  /** How many streams. */
  ended: number;
}

/** The stable name of what went wrong. */
export type ErrorCode =
  | "MALFORMED_MESSAGE"
  | "INVALID_OPERATION"
  | "INVALID_PARAMS"
  | "CACHE_MISS"
  | "CACHE_CORRUPT"
  | "CACHE_UNAVAILABLE"
  | "CACHE_TIMEOUT"
  | "UNAUTHENTICATED"
  | "FORBIDDEN"
  | "RATE_LIMITED"
  | "LIMIT_EXCEEDED"
  | "OVERLOADED"
  | "INTERNAL_ERROR";

/** What a bot says of one of its feeds, in its own words. */
export interface Feed {
  /** `running`, `stopped`, `error`, … */
  status?: unknown;
  /** When the bot last said so. Seconds since the epoch. */
  timestamp?: number | null;
}

/**
 * Whether the processes are well. Looked at are those that were updated within the last 60 minutes
 * and whose data still exists.
 */
export interface Health {
  /** Whether none is stale and none in `error`. */
  healthy: boolean;
  /** How many there are. */
  total_processes: number;
  /** How many of each type. */
  by_type: Record<string, number>;
  /** How many in each state. */
  by_status: Record<string, number>;
  /** The ids of those whose heartbeat is older than 60 minutes. */
  stale_processes: string[];
  /** The ids of those in `error`. */
  error_processes: string[];
}

/**
 * `read`: one request, one reply. `stream`: one reply, then updates. `system`: on the server
 * itself.
 */
export type Kind = "read" | "stream" | "system";

/** How the cache is. */
export interface LinkState {
  /**
   * `connected`, `connecting`, `unreachable`, `silent` (it takes commands and does not answer), or
   * `embedded`. Of a cluster it is that of the master that is worst off.
   */
  state: string;
  /** Why, where it is not connected. */
  cause?: string | null;
  /** Where the Redis is. Told to those with the scope `ops` alone. */
  address?: string | null;
  /**
   * The sentinel that says so; none where the configuration does, or no sentinel answers any more.
   * Told to those with the scope `ops` alone.
   */
  sentinel?: string | null;
  /**
   * The masters of a cluster; none where there is no cluster. Told to those with the scope `ops`
   * alone.
   */
  nodes?: NodeState[] | null;
  /** The version of the Redis. */
  version?: string | null;
  /** The role of the Redis: `master` or `replica`. */
  role?: string | null;
  /** Connections that are up and serve clients. */
  connections: number;
  /** Connections that were made again since the start. */
  reconnects: number;
  /** Commands answered since the start. */
  commands: number;
  /** Writes that these commands went out in. */
  batches: number;
  /**
   * Milliseconds that the last write took to be answered; of a cluster, by the slowest of its
   * masters.
   */
  latency_ms?: number | null;
}

/** One stream of a client, for `list_streams`. */
export interface Listed {
  /** The `request_id` that opened it. */
  stream: unknown;
  /** The operation. */
  operation: string;
  /** The params that it was opened with. */
  params: unknown;
  /** The `type` of the stream's updates. */
  update_type: string;
  /**
   * How change is noticed: `channel` (the writer publishes new values), `tracking` (Redis tells
   * which keys changed), `poll`.
   */
  push: string;
  /** Milliseconds between two looks, where change is noticed by polling. */
  poll_interval_ms: number;
  /** Milliseconds between two updates of one item at the least. */
  min_interval_ms: number;
  /** Tells this course of `update_id`s from any other; for `resume`. */
  epoch: string;
  /**
   * Whether the stream goes on where the earlier one ended. If it was asked for and is false, a
   * snapshot comes instead.
   */
  resumed: boolean;
  /** How it is served, where it was opened with `explain`. */
  explain?: StreamExplain | null;
}

/** Who a client is, and what it may read. */
export interface LoggedIn {
  /** What it is called in the server's log. */
  name: string;
  /** The scopes that it has. */
  scopes: Scope[];
  /** Whose data it may read; null: everybody's. */
  user_ids?: string[] | null;
  /** When the login ends, in seconds since the epoch; null: it does not. */
  expires?: number | null;
}

/** How one master of a cluster is. */
export interface NodeState {
  /** Where it is. */
  address: string;
  /** `connected`, `connecting`, `unreachable` or `silent`. */
  state: string;
  /** How many of the 16384 slots are its own. */
  slots: number;
  /** Connections to it that are up and serve clients. */
  connections: number;
  /** Milliseconds that the last write took to be answered. */
  latency_ms?: number | null;
}

/** An update of `stream_ohlcv`. */
export type OhlcvUpdate = UpdateOf<"ohlcv_update", BarUpdate>;

/** A position that a bot is about to open. */
export interface Opening {
  /** The bot. */
  bot_id: string;
  /** Since when. Seconds since the epoch. */
  since: number;
}

/** One order, as its exchange last reported it. */
export interface Order {
  /** The id that it is stored under. */
  order_id: string;
  /** The exchange's own id. */
  ex_order_id?: string | null;
  /** The exchange, e.g. `binance`. */
  exchange: string;
  /** The pair, e.g. `BTC/USDT`. */
  symbol: string | null;
  /** Which way it goes: `buy` or `sell`. */
  side?: string | null;
  /** `limit`, `market`, … */
  order_type?: string | null;
  /** How much was ordered, in the base currency. */
  volume?: number | null;
  /** How much of it was traded. */
  filled?: number | null;
  /** How much of it was not: the volume less what was filled. */
  remaining?: number | null;
  /** The price that was asked or offered, in the quote currency. */
  price?: number | null;
  /** `pending`, `open`, `closed`, `canceled`, … */
  status: string | null;
  /** The bot that gave the order. */
  bot_id?: string | null;
  /** The user whose order it is. */
  uid?: string | null;
  /** When it last changed. Seconds since the epoch. */
  timestamp?: number | null;
}

/** An update of `stream_orders`. */
export type OrderUpdate =
  UpdateOf<"order_update", Order> | RemovalOf<"order_update", Order, "exchange" | "order_id">;

/** The answer to a ping. */
export interface Pong {
  /** Always `ok`. */
  status: string;
  /** The server's clock. Seconds since the epoch. */
  time: number;
}

/** What an account holds of one pair. */
export interface Position {
  /** The account. */
  user_id: string;
  /** The pair, e.g. `BTC/USDT`. */
  symbol: string;
  /** Which way it goes. */
  side: Side;
  /** How much, in the base currency; below zero for a short position. */
  volume: number;
  /** The average price that it was opened at, in the quote currency. */
  price?: number | null;
  /** What was paid for it, in the quote currency. */
  cost?: number | null;
  /** The fees so far, in the quote currency. */
  fee?: number | null;
  /** How many trades made it. */
  count?: number | null;
  /** When it last changed. Seconds since the epoch. */
  timestamp?: number | null;
}

/** An update of `stream_positions`. */
export type PositionUpdate =
  | UpdateOf<"position_update", Position>
  | RemovalOf<"position_update", Position, "user_id" | "symbol">;

/** One process. */
export interface Process {
  /** `{type}:{component}:{unix time}`. */
  process_id: string;
  /** What it does. */
  process_type: string;
  /** The part of the system that it is, e.g. `tick_binance`. */
  component: string;
  /** What it was started with. */
  params?: unknown;
  /** `starting`, `running`, `processing`, `idle`, `error`, `stopped`. */
  status: string;
  /** What it last said. */
  message?: string | null;
  /** When it was started. Seconds since the epoch. */
  created_at?: number | null;
  /** When it last changed. Seconds since the epoch. */
  updated_at?: number | null;
  /** When it was last known to live. Seconds since the epoch. */
  heartbeat?: number | null;
}

/** An update of `stream_process_health`. */
export type ProcessHealthUpdate =
  UpdateOf<"process_health_update", Health> | RemovalOf<"process_health_update", Health>;

/** How many processes and components are registered, however old they are. */
export interface ProcessMetrics {
  /** How many processes of each type. */
  by_type: Record<string, number>;
  /** How many components. */
  components: number;
  /** How many processes. */
  total: number;
}

/** What a process does. */
export type ProcessType =
  | "tick"
  | "ohlcv"
  | "bot"
  | "account"
  | "order"
  | "bot_status_service"
  | "crawler"
  | "user_trades_service";

/** An update of `stream_processes`. */
export type ProcessUpdate =
  UpdateOf<"process_update", Process> | RemovalOf<"process_update", Process, "process_id">;

/** What a client may ask of it. */
export interface PublishedLimits {
  /** Requests of one connection that run at once; the next are not read before one is answered. */
  in_flight: number;
  /** Connections of one address. */
  connections_per_address: number;
  /** Connections of one login. */
  connections_per_login: number;
  /** Requests of one connection in a second; pings count too. */
  requests_per_second: number;
  /** Requests of one login in a second. */
  requests_per_second_of_login: number;
  /** Bytes that one connection may send in a second. */
  bytes_in_per_second: number;
  /** Bytes that one connection is sent in a second. */
  bytes_out_per_second: number;
  /** Bytes of one message. */
  message_bytes: number;
  /** Frames of one message. */
  message_frames: number;
  /** Bytes of one reply. */
  reply_bytes: number;
  /** Requests in one array. */
  array_length: number;
  /** Levels that params may nest. */
  json_depth: number;
  /** Bytes of one `request_id`. */
  request_id_bytes: number;
  /** Milliseconds from connecting to a login, where one is needed. */
  login_timeout_ms: number;
  /** Milliseconds from connecting to the first request. */
  first_message_timeout_ms: number;
  /** Milliseconds from the first byte of a message to its last. */
  message_timeout_ms: number;
  /** Milliseconds for which a client without streams may ask for nothing. */
  idle_timeout_ms: number;
  /** Milliseconds after which a client that says nothing is pinged. */
  ping_interval_ms: number;
  /** Milliseconds that it has to answer. */
  pong_timeout_ms: number;
  /** Milliseconds that a connection may last. */
  connection_age_ms: number;
  /** Milliseconds in which a client must read something of what is sent to it. */
  write_timeout_ms: number;
  /** Streams of one connection. */
  streams_per_connection: number;
  /** Streams of one login. */
  streams_per_login: number;
  /** Symbols, or the like, that one stream may name. */
  stream_names: number;
  /** The longest `min_interval_ms` that is granted. */
  min_interval_max_ms: number;
  /** Milliseconds for which what nobody watches can be resumed. */
  resume_window_ms: number;
}

/** How change is noticed. */
export interface PushStats {
  /** Redis tells which keys changed. */
  tracking: boolean;
  /** Redis passes on what writers publish. */
  channels: boolean;
}

/** How many orders one exchange's hash holds. */
export interface Queue {
  /** The exchange, e.g. `binance`. */
  exchange: string;
  /** How many orders there are. */
  queue_length: number;
  /** When the server saw it. Seconds since the epoch. */
  timestamp: number;
}

/** An update of `stream_order_queue`. */
export type QueueUpdate =
  UpdateOf<"queue_update", Queue> | RemovalOf<"queue_update", Queue, "exchange">;

/** What a caller may be entitled to. */
export type Scope = "market" | "account" | "orders" | "bots" | "ops";

/** The server. */
export interface ServerFacts {
  /** `fullon_cache_api`. */
  name: string;
  /** The version of the server. */
  version: string;
  /** What a client may ask of it. */
  limits: PublishedLimits;
}

/** How the server is. Counts are since its start. */
export interface ServerStats {
  /** The version of the server. */
  version: string;
  /** Seconds since its start. */
  uptime: number;
  /** Clients that are connected. */
  connections: number;
  /** Clients that were. */
  connections_total: number;
  /** Clients that were refused for there being too many. */
  connections_refused: number;
  /** Clients that were disconnected for reading nothing of what was sent to them. */
  connections_too_slow: number;
  /** Requests that came in. */
  requests_total: number;
  /** Errors that were answered, by code. */
  errors: Record<string, number>;
  /** Values that were not what the layout says, by operation. */
  corrupt_values: Record<string, number>;
  /** Streams that are open. */
  streams: number;
  /** Different things that these streams watch. */
  topics: number;
  /** How change is noticed. */
  push: PushStats;
  /** How the cache is. */
  cache: LinkState;
}

/** Which way it goes. */
export type Side = "long" | "short";

/** How a stream is served. Times are in microseconds. */
export interface StreamExplain {
  /** How change is noticed: `channel`, `tracking` or `poll`. */
  push: string;
  /** Why it is noticed in no better way, where that is so. */
  push_reason?: string | null;
  /**
   * What is watched: `fresh`, `stale` where nobody can vouch for it, `unread` before it was read
   * for this stream.
   */
  topic: string;
  /** How many streams watch the same. Absent where the login may not see all items. */
  subscribers?: number | null;
  /**
   * How many items, or entries of a log, the server holds of what is watched. Absent where the
   * login may not see all.
   */
  items?: number | null;
  /** How long ago it was last read. What a writer publishes is taken over without a read. */
  read_age_us?: number | null;
  /** How long ago the last update was sent to this client. */
  update_age_us?: number | null;
  /** How many updates were sent. */
  updates: number;
  /**
   * How many were not, for a newer one of the same item took their place. Absent where the login
   * may not see all items.
   */
  conflated?: number | null;
  /** How many gaps were told. */
  gaps: number;
}

/** The latest quote of one pair on one exchange, in the quote currency. */
export interface Ticker {
  /** The pair, e.g. `BTC/USDT`. */
  symbol: string;
  /** The exchange, e.g. `binance`. */
  exchange: string;
  /** The price of the last trade, as the writer understands it. */
  price: number | null;
  /** What was traded in the exchange's own window, in the base currency. */
  volume?: number | null;
  /** When the exchange said so. Seconds since the epoch. */
  timestamp?: number | null;
  /** The best price that a buyer offers. */
  bid?: number | null;
  /** The best price that a seller asks. */
  ask?: number | null;
  /** The price of the last trade. */
  last?: number | null;
}

/** An update of `stream_tickers`. */
export type TickerUpdate =
  UpdateOf<"ticker_update", Ticker> | RemovalOf<"ticker_update", Ticker, "exchange" | "symbol">;

/** One trade. Amounts are in the base currency, costs and fees in the quote currency. */
export interface Trade {
  /** The writer's own id. */
  trade_id?: number | null;
  /** The exchange's id. */
  ex_trade_id?: string | null;
  /** The exchange's id of the order that it filled. */
  ex_order_id?: string | null;
  /** The user whose trade it was, where it is known. */
  uid?: string | null;
  /** The pair, e.g. `BTC/USDT`. */
  symbol?: string | null;
  /** `buy` or `sell`. */
  side?: string | null;
  /** `limit`, `market`, … */
  order_type?: string | null;
  /** How much was traded. */
  volume: number | null;
  /** At which price. */
  price: number | null;
  /** The volume times the price. */
  cost?: number | null;
  /** What the exchange took. */
  fee?: number | null;
  /** When it was. Seconds since the epoch. */
  time?: number | null;
}

/** An update of `stream_trade_updates`. */
export type TradeUpdate = UpdateOf<"trade_update", Trade>;

/** An update of `stream_user_trades`. */
export type UserTradeUpdate = UpdateOf<"user_trade_update", Trade>;
