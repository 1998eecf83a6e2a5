// Written by `fullon-cache-api generate typescript`; changes are lost.
import { Core } from "./core.js";
import type { CallOptions, CursorOptions, PageOptions, StreamOptions } from "./options.js";
import type { Stream } from "./stream.js";
import type {
  Balance,
  BalanceUpdate,
  Bar,
  Block,
  BlockUpdate,
  BotStatus,
  BotUpdate,
  Description,
  Ended,
  Feed,
  Health,
  Listed,
  LoggedIn,
  OhlcvUpdate,
  Opening,
  Order,
  OrderUpdate,
  Pong,
  Position,
  PositionUpdate,
  Process,
  ProcessHealthUpdate,
  ProcessMetrics,
  ProcessType,
  ProcessUpdate,
  QueueUpdate,
  ServerStats,
  Ticker,
  TickerUpdate,
  Trade,
  TradeUpdate,
  UserTradeUpdate,
} from "./types.js";

/** A client of the server: one method for each of its operations. */
export class Client extends Core {
  /**
   * Logs in by a token, or brings a new one.
   *
   * Logs in, or brings a new token before the old one ends. Streams go on, but for those that the
   * new token does not entitle to. Where a connection must log in and did not when it was opened,
   * this comes first.
   *
   * @param token - A static token, or a JSON Web Token.
   * @throws {@link InvalidParams}, {@link Unauthenticated}, {@link LimitExceeded},
   *   {@link InternalError}
   */
  authenticate(token: string, options?: CallOptions): Promise<LoggedIn> {
    return this.call("authenticate", { token }, options);
  }

  /**
   * Tells every operation with its schemas, errors and examples.
   *
   * Tells what the server can do: every operation with the JSON Schemas of its params and its
   * result, its key patterns, errors and examples. Clients are written from it.
   *
   * @param operation - Only this operation.
   * @param domain - Only the operations of this domain, e.g. `tickers`.
   * @param all - Those too that the caller may not call.
   * @throws {@link InvalidParams}, {@link InvalidOperation}, {@link LimitExceeded},
   *   {@link InternalError}
   */
  describe(
    operation?: string,
    domain?: string,
    all?: boolean,
    options?: CallOptions,
  ): Promise<Description> {
    return this.call("describe", { operation, domain, all }, options);
  }

  /**
   * The processes that were updated of late, the newest first.
   *
   * @param process_type - Only those of this type.
   * @param component - Only those of this component.
   * @param since_minutes - How far back to look, in minutes. Default: 5.
   * @throws {@link InvalidParams}, {@link Forbidden}, {@link CacheCorrupt},
   *   {@link CacheUnavailable}, {@link CacheTimeout}, {@link Overloaded}, {@link LimitExceeded},
   *   {@link InternalError}
   */
  getActiveProcesses(
    process_type?: ProcessType,
    component?: string,
    since_minutes?: number,
    options?: CallOptions,
  ): Promise<Process[]> {
    return this.call("get_active_processes", { process_type, component, since_minutes }, options);
  }

  /**
   * The latest tickers of one exchange, by symbol.
   *
   * All pairs of one exchange.
   *
   * @param exchange - An exchange as the cache spells it, e.g. `binance`.
   * @throws {@link InvalidParams}, {@link Forbidden}, {@link CacheCorrupt},
   *   {@link CacheUnavailable}, {@link CacheTimeout}, {@link Overloaded}, {@link LimitExceeded},
   *   {@link InternalError}
   */
  getAllTickers(exchange: string, options?: PageOptions): Promise<Ticker[]> {
    return this.call(
      "get_all_tickers",
      { exchange, limit: options?.limit, cursor: options?.cursor },
      options,
    );
  }

  /**
   * The newest ticker of one symbol on any exchange.
   *
   * One pair, wherever it was quoted last.
   *
   * @param symbol - A trading pair, e.g. `BTC/USDT`.
   * @throws {@link InvalidParams}, {@link Forbidden}, {@link CacheMiss}, {@link CacheCorrupt},
   *   {@link CacheUnavailable}, {@link CacheTimeout}, {@link Overloaded}, {@link LimitExceeded},
   *   {@link InternalError}
   */
  getAnyTicker(symbol: string, options?: CallOptions): Promise<Ticker> {
    return this.call("get_any_ticker", { symbol }, options);
  }

  /**
   * What one account holds of one currency.
   *
   * @param user_id - An account id, e.g. `1001`; text or integer.
   * @param currency - A currency, e.g. `BTC`.
   * @throws {@link InvalidParams}, {@link Forbidden}, {@link CacheMiss}, {@link CacheCorrupt},
   *   {@link CacheUnavailable}, {@link CacheTimeout}, {@link Overloaded}, {@link LimitExceeded},
   *   {@link InternalError}
   */
  getBalance(user_id: string | number, currency: string, options?: CallOptions): Promise<Balance> {
    return this.call("get_balance", { user_id, currency }, options);
  }

  /**
   * What one account holds of every currency.
   *
   * @param user_id - An account id, e.g. `1001`; text or integer.
   * @throws {@link InvalidParams}, {@link Forbidden}, {@link CacheCorrupt},
   *   {@link CacheUnavailable}, {@link CacheTimeout}, {@link Overloaded}, {@link LimitExceeded},
   *   {@link InternalError}
   */
  getBalances(user_id: string | number, options?: CallOptions): Promise<Balance[]> {
    return this.call("get_balances", { user_id }, options);
  }

  /**
   * All pairs that are blocked, and by which bot.
   *
   * All pairs that are blocked.
   *
   * @throws {@link InvalidParams}, {@link Forbidden}, {@link CacheCorrupt},
   *   {@link CacheUnavailable}, {@link CacheTimeout}, {@link Overloaded}, {@link LimitExceeded},
   *   {@link InternalError}
   */
  getBlocks(options?: PageOptions): Promise<Block[]> {
    return this.call("get_blocks", { limit: options?.limit, cursor: options?.cursor }, options);
  }

  /**
   * The state of one bot and its feeds.
   *
   * One bot.
   *
   * @param bot_id - A bot id, e.g. `bot_0`; text or integer.
   * @throws {@link InvalidParams}, {@link Forbidden}, {@link CacheMiss}, {@link CacheCorrupt},
   *   {@link CacheUnavailable}, {@link CacheTimeout}, {@link Overloaded}, {@link LimitExceeded},
   *   {@link InternalError}
   */
  getBotStatus(bot_id: string | number, options?: CallOptions): Promise<BotStatus> {
    return this.call("get_bot_status", { bot_id }, options);
  }

  /**
   * All bots with their feeds.
   *
   * All bots.
   *
   * @throws {@link InvalidParams}, {@link Forbidden}, {@link CacheCorrupt},
   *   {@link CacheUnavailable}, {@link CacheTimeout}, {@link Overloaded}, {@link LimitExceeded},
   *   {@link InternalError}
   */
  getBots(options?: PageOptions): Promise<Record<string, Record<string, Feed>>> {
    return this.call("get_bots", { limit: options?.limit, cursor: options?.cursor }, options);
  }

  /**
   * The process of one component.
   *
   * @param component - A component as it registered itself, e.g. `tick_binance`.
   * @throws {@link InvalidParams}, {@link Forbidden}, {@link CacheMiss}, {@link CacheCorrupt},
   *   {@link CacheUnavailable}, {@link CacheTimeout}, {@link Overloaded}, {@link LimitExceeded},
   *   {@link InternalError}
   */
  getComponentStatus(component: string, options?: CallOptions): Promise<Process> {
    return this.call("get_component_status", { component }, options);
  }

  /**
   * The exchanges that have tickers.
   *
   * @throws {@link InvalidParams}, {@link Forbidden}, {@link CacheCorrupt},
   *   {@link CacheUnavailable}, {@link CacheTimeout}, {@link Overloaded}, {@link LimitExceeded},
   *   {@link InternalError}
   */
  getExchanges(options?: PageOptions): Promise<string[]> {
    return this.call("get_exchanges", { limit: options?.limit, cursor: options?.cursor }, options);
  }

  /**
   * The newest bars of one symbol, oldest first.
   *
   * The newest bars of one symbol.
   *
   * @param symbol - As its writer spells it, `BTC/USDT` or `BTCUSD`; where there is none with the
   *   slash, the one without is read.
   * @param timeframe - The time a bar spans, e.g. `1m`, `4h`, `1d`.
   * @param count - How many at the most. Default: 100.
   * @throws {@link InvalidParams}, {@link Forbidden}, {@link CacheCorrupt},
   *   {@link CacheUnavailable}, {@link CacheTimeout}, {@link Overloaded}, {@link LimitExceeded},
   *   {@link InternalError}
   */
  getLatestOhlcvBars(
    symbol: string,
    timeframe: string,
    count?: number,
    options?: CallOptions,
  ): Promise<Bar[]> {
    return this.call("get_latest_ohlcv_bars", { symbol, timeframe, count }, options);
  }

  /**
   * The order ids that wait under one local id, first in first out.
   *
   * @param local_order_id - The id that the order has before an exchange gives it one, e.g.
   *   `LOCAL_0001`.
   * @throws {@link InvalidParams}, {@link Forbidden}, {@link CacheCorrupt},
   *   {@link CacheUnavailable}, {@link CacheTimeout}, {@link Overloaded}, {@link LimitExceeded},
   *   {@link InternalError}
   */
  getOrderQueue(local_order_id: string | number, options?: CallOptions): Promise<string[]> {
    return this.call("get_order_queue", { local_order_id }, options);
  }

  /**
   * One order, on one exchange or wherever it is.
   *
   * One order.
   *
   * @param order_id - An order id, e.g. `EX_12345`; text or integer.
   * @param exchange - Where it was placed; if it is omitted, all exchanges are searched.
   * @throws {@link InvalidParams}, {@link Forbidden}, {@link CacheMiss}, {@link CacheCorrupt},
   *   {@link CacheUnavailable}, {@link CacheTimeout}, {@link Overloaded}, {@link LimitExceeded},
   *   {@link InternalError}
   */
  getOrderStatus(
    order_id: string | number,
    exchange?: string,
    options?: CallOptions,
  ): Promise<Order> {
    return this.call("get_order_status", { order_id, exchange }, options);
  }

  /**
   * The orders of one exchange, by id.
   *
   * The orders of one exchange.
   *
   * @param exchange - An exchange as the cache spells it, e.g. `binance`.
   * @param status - Only those in this state, e.g. `open`.
   * @param symbol - Only those of this pair.
   * @throws {@link InvalidParams}, {@link Forbidden}, {@link CacheCorrupt},
   *   {@link CacheUnavailable}, {@link CacheTimeout}, {@link Overloaded}, {@link LimitExceeded},
   *   {@link InternalError}
   */
  getOrders(
    exchange: string,
    status?: string,
    symbol?: string,
    options?: PageOptions,
  ): Promise<Order[]> {
    return this.call(
      "get_orders",
      { exchange, status, symbol, limit: options?.limit, cursor: options?.cursor },
      options,
    );
  }

  /**
   * The position of one account in one pair.
   *
   * @param user_id - An account id, e.g. `1001`; text or integer.
   * @param symbol - A trading pair, e.g. `BTC/USDT`.
   * @throws {@link InvalidParams}, {@link Forbidden}, {@link CacheMiss}, {@link CacheCorrupt},
   *   {@link CacheUnavailable}, {@link CacheTimeout}, {@link Overloaded}, {@link LimitExceeded},
   *   {@link InternalError}
   */
  getPosition(user_id: string | number, symbol: string, options?: CallOptions): Promise<Position> {
    return this.call("get_position", { user_id, symbol }, options);
  }

  /**
   * All positions of one account.
   *
   * The positions of one account.
   *
   * @param user_id - An account id, e.g. `1001`; text or integer.
   * @throws {@link InvalidParams}, {@link Forbidden}, {@link CacheCorrupt},
   *   {@link CacheUnavailable}, {@link CacheTimeout}, {@link Overloaded}, {@link LimitExceeded},
   *   {@link InternalError}
   */
  getPositions(user_id: string | number, options?: CallOptions): Promise<Position[]> {
    return this.call("get_positions", { user_id }, options);
  }

  /**
   * One process.
   *
   * @param process_id - A process id, `{type}:{component}:{unix time}`, e.g.
   *   `tick:tick_binance:1795380452.919568`.
   * @throws {@link InvalidParams}, {@link Forbidden}, {@link CacheMiss}, {@link CacheCorrupt},
   *   {@link CacheUnavailable}, {@link CacheTimeout}, {@link Overloaded}, {@link LimitExceeded},
   *   {@link InternalError}
   */
  getProcess(process_id: string | number, options?: CallOptions): Promise<Process> {
    return this.call("get_process", { process_id }, options);
  }

  /**
   * How many processes and components there are.
   *
   * How many processes and components are registered.
   *
   * @throws {@link InvalidParams}, {@link Forbidden}, {@link CacheCorrupt},
   *   {@link CacheUnavailable}, {@link CacheTimeout}, {@link Overloaded}, {@link LimitExceeded},
   *   {@link InternalError}
   */
  getProcessMetrics(options?: CallOptions): Promise<ProcessMetrics> {
    return this.call("get_process_metrics", {}, options);
  }

  /**
   * How many orders one exchange's hash holds.
   *
   * @param exchange - An exchange as the cache spells it, e.g. `binance`.
   * @throws {@link InvalidParams}, {@link Forbidden}, {@link CacheCorrupt},
   *   {@link CacheUnavailable}, {@link CacheTimeout}, {@link Overloaded}, {@link LimitExceeded},
   *   {@link InternalError}
   */
  getQueueLength(exchange: string, options?: CallOptions): Promise<number> {
    return this.call("get_queue_length", { exchange }, options);
  }

  /**
   * Tells how the server and its cache are.
   *
   * Tells how the server is.
   *
   * @throws {@link InvalidParams}, {@link LimitExceeded}, {@link InternalError}
   */
  getServerStats(options?: CallOptions): Promise<ServerStats> {
    return this.call("get_server_stats", {}, options);
  }

  /**
   * Whether the processes are well.
   *
   * @throws {@link InvalidParams}, {@link Forbidden}, {@link CacheCorrupt},
   *   {@link CacheUnavailable}, {@link CacheTimeout}, {@link Overloaded}, {@link LimitExceeded},
   *   {@link InternalError}
   */
  getSystemHealth(options?: CallOptions): Promise<Health> {
    return this.call("get_system_health", {}, options);
  }

  /**
   * The latest ticker of one symbol on one exchange.
   *
   * One pair on one exchange.
   *
   * @param exchange - An exchange as the cache spells it, e.g. `binance`.
   * @param symbol - A trading pair, e.g. `BTC/USDT`.
   * @throws {@link InvalidParams}, {@link Forbidden}, {@link CacheMiss}, {@link CacheCorrupt},
   *   {@link CacheUnavailable}, {@link CacheTimeout}, {@link Overloaded}, {@link LimitExceeded},
   *   {@link InternalError}
   */
  getTicker(exchange: string, symbol: string, options?: CallOptions): Promise<Ticker> {
    return this.call("get_ticker", { exchange, symbol }, options);
  }

  /**
   * When the last trade was, e.g. of an exchange.
   *
   * When the last trade was, by what it is kept under.
   *
   * @param trade_key - What a trade's status is kept under: mostly an exchange, e.g. `binance`.
   * @throws {@link InvalidParams}, {@link Forbidden}, {@link CacheMiss}, {@link CacheCorrupt},
   *   {@link CacheUnavailable}, {@link CacheTimeout}, {@link Overloaded}, {@link LimitExceeded},
   *   {@link InternalError}
   */
  getTradeStatus(trade_key: string | number, options?: CallOptions): Promise<number> {
    return this.call("get_trade_status", { trade_key }, options);
  }

  /**
   * When the last trade was, everywhere.
   *
   * When the last trade was, for everything that has had one.
   *
   * @throws {@link InvalidParams}, {@link Forbidden}, {@link CacheCorrupt},
   *   {@link CacheUnavailable}, {@link CacheTimeout}, {@link Overloaded}, {@link LimitExceeded},
   *   {@link InternalError}
   */
  getTradeStatuses(options?: PageOptions): Promise<Record<string, number>> {
    return this.call(
      "get_trade_statuses",
      { limit: options?.limit, cursor: options?.cursor },
      options,
    );
  }

  /**
   * The newest trades of one pair on one exchange, oldest first.
   *
   * @param symbol - A trading pair, e.g. `BTC/USDT`.
   * @param exchange - An exchange as the cache spells it, e.g. `binance`.
   * @param limit - How many at the most. Default: 1000.
   * @throws {@link InvalidParams}, {@link Forbidden}, {@link CacheCorrupt},
   *   {@link CacheUnavailable}, {@link CacheTimeout}, {@link Overloaded}, {@link LimitExceeded},
   *   {@link InternalError}
   */
  getTrades(
    symbol: string,
    exchange: string,
    limit?: number,
    options?: CursorOptions,
  ): Promise<Trade[]> {
    return this.call("get_trades", { symbol, exchange, limit, cursor: options?.cursor }, options);
  }

  /**
   * When one user's last trade was.
   *
   * @param user_id - An account id, e.g. `1001`; text or integer.
   * @throws {@link InvalidParams}, {@link Forbidden}, {@link CacheMiss}, {@link CacheCorrupt},
   *   {@link CacheUnavailable}, {@link CacheTimeout}, {@link Overloaded}, {@link LimitExceeded},
   *   {@link InternalError}
   */
  getUserTradeStatus(user_id: string | number, options?: CallOptions): Promise<number> {
    return this.call("get_user_trade_status", { user_id }, options);
  }

  /**
   * The trades that wait for one user, oldest first.
   *
   * The trades that wait for one user on one exchange, oldest first.
   *
   * @param user_id - An account id, e.g. `1001`; text or integer.
   * @param exchange - An exchange as the cache spells it, e.g. `binance`.
   * @param limit - How many at the most: the newest. Default: 1000.
   * @throws {@link InvalidParams}, {@link Forbidden}, {@link CacheCorrupt},
   *   {@link CacheUnavailable}, {@link CacheTimeout}, {@link Overloaded}, {@link LimitExceeded},
   *   {@link InternalError}
   */
  getUserTrades(
    user_id: string | number,
    exchange: string,
    limit?: number,
    options?: CursorOptions,
  ): Promise<Trade[]> {
    return this.call(
      "get_user_trades",
      { user_id, exchange, limit, cursor: options?.cursor },
      options,
    );
  }

  /**
   * The bot that blocks one pair, or null.
   *
   * Whether one pair is blocked.
   *
   * @param exchange - An exchange as the cache spells it, e.g. `binance`.
   * @param symbol - A trading pair, e.g. `BTC/USDT`.
   * @throws {@link InvalidParams}, {@link Forbidden}, {@link CacheCorrupt},
   *   {@link CacheUnavailable}, {@link CacheTimeout}, {@link Overloaded}, {@link LimitExceeded},
   *   {@link InternalError}
   */
  isBlocked(exchange: string, symbol: string, options?: CallOptions): Promise<string | null> {
    return this.call("is_blocked", { exchange, symbol }, options);
  }

  /**
   * The bot that is about to open a position in one pair, or null.
   *
   * Whether a bot is about to open a position in one pair.
   *
   * @param exchange - An exchange as the cache spells it, e.g. `binance`.
   * @param symbol - A trading pair, e.g. `BTC/USDT`.
   * @throws {@link InvalidParams}, {@link Forbidden}, {@link CacheCorrupt},
   *   {@link CacheUnavailable}, {@link CacheTimeout}, {@link Overloaded}, {@link LimitExceeded},
   *   {@link InternalError}
   */
  isOpeningPosition(
    exchange: string,
    symbol: string,
    options?: CallOptions,
  ): Promise<Opening | null> {
    return this.call("is_opening_position", { exchange, symbol }, options);
  }

  /**
   * Lists this connection's streams and their settings.
   *
   * Lists the streams of this connection.
   *
   * @throws {@link InvalidParams}, {@link LimitExceeded}, {@link InternalError}
   */
  listStreams(options?: CallOptions): Promise<Listed[]> {
    return this.call("list_streams", {}, options);
  }

  /**
   * Tells that the server is there, and its time.
   *
   * Tells that the server is there.
   *
   * @throws {@link InvalidParams}, {@link LimitExceeded}, {@link InternalError}
   */
  ping(options?: CallOptions): Promise<Pong> {
    return this.call("ping", {}, options);
  }

  /**
   * The balances of one account, whenever they change.
   *
   * @param user_id - An account id, e.g. `1001`; text or integer.
   * @throws {@link InvalidParams}, {@link Forbidden}, {@link CacheUnavailable}, {@link Overloaded},
   *   {@link LimitExceeded}, {@link InternalError}
   */
  streamBalances<Events extends boolean = false>(
    user_id: string | number,
    options?: StreamOptions<Events>,
  ): Stream<BalanceUpdate, Events> {
    return this.stream(
      "stream_balances",
      { user_id },
      { kind: "state", namedBy: ["user_id", "currency"] },
      options,
    );
  }

  /**
   * The pairs that bots block.
   *
   * The pairs that are blocked, whenever one is or is no more.
   *
   * @throws {@link InvalidParams}, {@link Forbidden}, {@link CacheUnavailable}, {@link Overloaded},
   *   {@link LimitExceeded}, {@link InternalError}
   */
  streamBlocks<Events extends boolean = false>(
    options?: StreamOptions<Events>,
  ): Stream<BlockUpdate, Events> {
    return this.stream(
      "stream_blocks",
      {},
      { kind: "state", namedBy: ["exchange", "symbol"] },
      options,
    );
  }

  /**
   * The state of bots.
   *
   * The bots, whenever their state changes.
   *
   * @param bot_id - Only this one.
   * @throws {@link InvalidParams}, {@link Forbidden}, {@link CacheUnavailable}, {@link Overloaded},
   *   {@link LimitExceeded}, {@link InternalError}
   */
  streamBotStatus<Events extends boolean = false>(
    bot_id?: string | number,
    options?: StreamOptions<Events>,
  ): Stream<BotUpdate, Events> {
    return this.stream(
      "stream_bot_status",
      { bot_id },
      { kind: "state", namedBy: ["bot_id"] },
      options,
    );
  }

  /**
   * The bars of one symbol, as they form.
   *
   * @param symbol - As its writer spells it, `BTC/USDT` or `BTCUSD`; where there is none with the
   *   slash, the one without is watched.
   * @param timeframe - The time a bar spans, e.g. `1m`, `4h`, `1d`.
   * @throws {@link InvalidParams}, {@link Forbidden}, {@link CacheUnavailable}, {@link Overloaded},
   *   {@link LimitExceeded}, {@link InternalError}
   */
  streamOhlcv<Events extends boolean = false>(
    symbol: string,
    timeframe: string,
    options?: StreamOptions<Events>,
  ): Stream<OhlcvUpdate, Events> {
    return this.stream(
      "stream_ohlcv",
      { symbol, timeframe },
      { kind: "log", namedBy: [] },
      options,
    );
  }

  /**
   * How many orders an exchange has.
   *
   * How many orders one exchange's hash holds, whenever that changes.
   *
   * @param exchange - An exchange as the cache spells it, e.g. `binance`.
   * @throws {@link InvalidParams}, {@link Forbidden}, {@link CacheUnavailable}, {@link Overloaded},
   *   {@link LimitExceeded}, {@link InternalError}
   */
  streamOrderQueue<Events extends boolean = false>(
    exchange: string,
    options?: StreamOptions<Events>,
  ): Stream<QueueUpdate, Events> {
    return this.stream(
      "stream_order_queue",
      { exchange },
      { kind: "state", namedBy: ["exchange"] },
      options,
    );
  }

  /**
   * The orders of one exchange, whenever they change.
   *
   * @param exchange - An exchange as the cache spells it, e.g. `binance`.
   * @throws {@link InvalidParams}, {@link Forbidden}, {@link CacheUnavailable}, {@link Overloaded},
   *   {@link LimitExceeded}, {@link InternalError}
   */
  streamOrders<Events extends boolean = false>(
    exchange: string,
    options?: StreamOptions<Events>,
  ): Stream<OrderUpdate, Events> {
    return this.stream(
      "stream_orders",
      { exchange },
      { kind: "state", namedBy: ["exchange", "order_id"] },
      options,
    );
  }

  /**
   * The positions of one account, whenever they change.
   *
   * @param user_id - An account id, e.g. `1001`; text or integer.
   * @throws {@link InvalidParams}, {@link Forbidden}, {@link CacheUnavailable}, {@link Overloaded},
   *   {@link LimitExceeded}, {@link InternalError}
   */
  streamPositions<Events extends boolean = false>(
    user_id: string | number,
    options?: StreamOptions<Events>,
  ): Stream<PositionUpdate, Events> {
    return this.stream(
      "stream_positions",
      { user_id },
      { kind: "state", namedBy: ["user_id", "symbol"] },
      options,
    );
  }

  /**
   * Whether the processes are well, whenever that changes.
   *
   * @throws {@link InvalidParams}, {@link Forbidden}, {@link CacheUnavailable}, {@link Overloaded},
   *   {@link LimitExceeded}, {@link InternalError}
   */
  streamProcessHealth<Events extends boolean = false>(
    options?: StreamOptions<Events>,
  ): Stream<ProcessHealthUpdate, Events> {
    return this.stream("stream_process_health", {}, { kind: "state", namedBy: [] }, options);
  }

  /**
   * The processes that were updated within the last 60 minutes, whenever one changes.
   *
   * @param process_type - Only those of this type.
   * @throws {@link InvalidParams}, {@link Forbidden}, {@link CacheUnavailable}, {@link Overloaded},
   *   {@link LimitExceeded}, {@link InternalError}
   */
  streamProcesses<Events extends boolean = false>(
    process_type?: ProcessType,
    options?: StreamOptions<Events>,
  ): Stream<ProcessUpdate, Events> {
    return this.stream(
      "stream_processes",
      { process_type },
      { kind: "state", namedBy: ["process_id"] },
      options,
    );
  }

  /**
   * The tickers of one exchange, whenever they change.
   *
   * @param exchange - An exchange as the cache spells it, e.g. `binance`.
   * @param symbols - Only these; omitted or empty: all.
   * @throws {@link InvalidParams}, {@link Forbidden}, {@link CacheUnavailable}, {@link Overloaded},
   *   {@link LimitExceeded}, {@link InternalError}
   */
  streamTickers<Events extends boolean = false>(
    exchange: string,
    symbols?: readonly string[],
    options?: StreamOptions<Events>,
  ): Stream<TickerUpdate, Events> {
    return this.stream(
      "stream_tickers",
      { exchange, symbols },
      { kind: "state", namedBy: ["exchange", "symbol"] },
      options,
    );
  }

  /**
   * The trades of an exchange, as they come.
   *
   * @param exchange - An exchange as the cache spells it, e.g. `binance`.
   * @param symbol - Only those of this pair.
   * @throws {@link InvalidParams}, {@link Forbidden}, {@link CacheUnavailable}, {@link Overloaded},
   *   {@link LimitExceeded}, {@link InternalError}
   */
  streamTradeUpdates<Events extends boolean = false>(
    exchange: string,
    symbol?: string,
    options?: StreamOptions<Events>,
  ): Stream<TradeUpdate, Events> {
    return this.stream(
      "stream_trade_updates",
      { exchange, symbol },
      { kind: "log", namedBy: [] },
      options,
    );
  }

  /**
   * The trades that wait for one user on one exchange, as they come.
   *
   * @param user_id - An account id, e.g. `1001`; text or integer.
   * @param exchange - An exchange as the cache spells it, e.g. `binance`.
   * @throws {@link InvalidParams}, {@link Forbidden}, {@link CacheUnavailable}, {@link Overloaded},
   *   {@link LimitExceeded}, {@link InternalError}
   */
  streamUserTrades<Events extends boolean = false>(
    user_id: string | number,
    exchange: string,
    options?: StreamOptions<Events>,
  ): Stream<UserTradeUpdate, Events> {
    return this.stream(
      "stream_user_trades",
      { user_id, exchange },
      { kind: "log", namedBy: [] },
      options,
    );
  }

  /**
   * Ends one stream of this connection. `stream_end` is the last that comes of it.
   *
   * @param stream - The `request_id` of the request that opened the stream.
   * @throws {@link InvalidParams}, {@link LimitExceeded}, {@link InternalError}
   */
  unsubscribe(stream: string | number, options?: CallOptions): Promise<Ended> {
    return this.call("unsubscribe", { stream }, options);
  }

  /**
   * Ends all streams of this connection.
   *
   * @throws {@link InvalidParams}, {@link LimitExceeded}, {@link InternalError}
   */
  unsubscribeAll(options?: CallOptions): Promise<Ended> {
    return this.call("unsubscribe_all", {}, options);
  }
}
