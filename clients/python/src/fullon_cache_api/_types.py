# Written by `fullon-cache-api generate python`; changes here are lost.
"""The results and updates of all operations, as they are on the wire."""

from typing import Any, Literal, TypeAlias, TypedDict

from ._compat import NotRequired
from ._events import StateUpdate, Update

__all__ = [
    "Balance",
    "BalanceUpdate",
    "Bar",
    "BarUpdate",
    "Block",
    "BlockUpdate",
    "BotStatus",
    "BotUpdate",
    "Described",
    "Description",
    "Ended",
    "ErrorCode",
    "Feed",
    "Health",
    "Kind",
    "LinkState",
    "Listed",
    "LoggedIn",
    "NodeState",
    "OhlcvUpdate",
    "Opening",
    "Order",
    "OrderUpdate",
    "Pong",
    "Position",
    "PositionUpdate",
    "Process",
    "ProcessHealthUpdate",
    "ProcessMetrics",
    "ProcessType",
    "ProcessUpdate",
    "PublishedLimits",
    "PushStats",
    "Queue",
    "QueueUpdate",
    "Scope",
    "ServerFacts",
    "ServerStats",
    "Side",
    "StreamExplain",
    "Ticker",
    "TickerUpdate",
    "Trade",
    "TradeUpdate",
    "UserTradeUpdate",
]


class Balance(TypedDict):
    """What an account holds of one currency, in units of that currency."""

    user_id: str
    """The account."""
    currency: str
    """The currency, e.g. `USDT`."""
    total: NotRequired[float | None]
    """All of it."""
    available: NotRequired[float | None]
    """What no order holds."""
    reserved: NotRequired[float | None]
    """What orders hold: the total less what is available."""
    timestamp: NotRequired[float | None]
    """When the account was last read. Seconds since the epoch."""


class BalanceUpdate(Balance, StateUpdate):
    """An update of `stream_balances`: a `Balance`, and what all updates have."""

    type: Literal["balance_update"]
    """The kind of update."""


Bar: TypeAlias = list[float]
"""One bar: its begin in seconds since the epoch; open, high, low and close in the quote currency;
the volume in the base currency.
"""


class BarUpdate(TypedDict):
    """A bar, new or changed."""

    symbol: str
    """The symbol as it was asked for."""
    timeframe: str
    """The time that a bar spans, e.g. `1m`."""
    bar: Bar
    """The bar."""
    closed: bool
    """Whether a later one has begun, so that it changes no more."""


class Block(TypedDict):
    """A pair that a bot keeps others from trading."""

    exchange: str
    """The exchange, e.g. `binance`."""
    symbol: str
    """The pair, e.g. `BTC/USDT`."""
    bot_id: str
    """The bot that blocks it."""


class BlockUpdate(Block, StateUpdate):
    """An update of `stream_blocks`: a `Block`, and what all updates have."""

    type: Literal["block_update"]
    """The kind of update."""


class Feed(TypedDict):
    """What a bot says of one of its feeds, in its own words."""

    status: NotRequired[Any]
    """`running`, `stopped`, `error`, …"""
    timestamp: NotRequired[float | None]
    """When the bot last said so. Seconds since the epoch."""


class BotStatus(TypedDict):
    """A bot's state."""

    bot_id: str
    """The bot."""
    status: str
    """The state of its first feed that has one, else `unknown`."""
    feeds: dict[str, Feed]
    """Its feeds by name."""


class BotUpdate(BotStatus, StateUpdate):
    """An update of `stream_bot_status`: a `BotStatus`, and what all updates have."""

    type: Literal["bot_update"]
    """The kind of update."""


ErrorCode: TypeAlias = Literal[
    "MALFORMED_MESSAGE",
    "INVALID_OPERATION",
    "INVALID_PARAMS",
    "CACHE_MISS",
    "CACHE_CORRUPT",
    "CACHE_UNAVAILABLE",
    "CACHE_TIMEOUT",
    "UNAUTHENTICATED",
    "FORBIDDEN",
    "RATE_LIMITED",
    "LIMIT_EXCEEDED",
    "OVERLOADED",
    "INTERNAL_ERROR",
]
"""The stable name of what went wrong."""


Kind: TypeAlias = Literal["read", "stream", "system"]
"""`read`: one request, one reply. `stream`: one reply, then updates. `system`: on the server
itself.
"""


Scope: TypeAlias = Literal["market", "account", "orders", "bots", "ops"]
"""What a caller may be entitled to."""


class Described(TypedDict):
    """One operation, as the registry knows it."""

    name: str
    """What a request names it by."""
    kind: Kind
    """`read`: one request, one reply. `stream`: one reply, then updates. `system`: on the server
    itself.
    """
    domain: str
    """The group that it belongs to."""
    summary: str
    """One sentence."""
    description: str
    """More, where there is more to say."""
    params: dict[str, Any]
    """JSON Schema (2020-12) of the params, in the order in which a client's method takes them."""
    paging: list[str]
    """Those of the params that ask for a part of the result, which is answered in parts where it is
    large; empty: it has no parts.
    """
    result: NotRequired[dict[str, Any] | None]
    """JSON Schema (2020-12) of the result; a stream has `update` instead."""
    update: NotRequired[dict[str, Any] | None]
    """JSON Schema (2020-12) of a stream's updates."""
    update_type: NotRequired[str | None]
    """The `type` of a stream's updates."""
    keys: dict[str, str]
    """The key patterns that it reads."""
    commands: list[str]
    """The Redis commands that it sends."""
    channel: NotRequired[str | None]
    """The channel on which the writer publishes changes."""
    poll_interval_ms: NotRequired[int | None]
    """How long a scan's result is kept, and how often a poll would look; milliseconds."""
    near_cache: bool
    """Whether an answer may be given again, without asking Redis, until Redis tells of a change of
    what it was read from.
    """
    push: NotRequired[str | None]
    """How change is noticed, for a stream, if the Redis and its user's rights allow it: `channel`
    or `tracking`. A stream's reply says how it is.
    """
    scope: NotRequired[Scope | None]
    """What a caller must be entitled to; null: nothing."""
    owner: NotRequired[str | None]
    """The param that names whose data it is; `all_users`: it can't be told, so it is for those who
    may read everybody's.
    """
    errors: list[ErrorCode]
    """The error codes that it may answer with."""
    examples: list[Any]
    """Params that work on a filled cache."""


class PublishedLimits(TypedDict):
    """What a client may ask of it."""

    in_flight: int
    """Requests of one connection that run at once; the next are not read before one is answered."""
    connections_per_address: int
    """Connections of one address."""
    connections_per_login: int
    """Connections of one login."""
    requests_per_second: int
    """Requests of one connection in a second; pings count too."""
    requests_per_second_of_login: int
    """Requests of one login in a second."""
    bytes_in_per_second: int
    """Bytes that one connection may send in a second."""
    bytes_out_per_second: int
    """Bytes that one connection is sent in a second."""
    message_bytes: int
    """Bytes of one message."""
    message_frames: int
    """Frames of one message."""
    reply_bytes: int
    """Bytes of one reply."""
    array_length: int
    """Requests in one array."""
    json_depth: int
    """Levels that params may nest."""
    request_id_bytes: int
    """Bytes of one `request_id`."""
    login_timeout_ms: int
    """Milliseconds from connecting to a login, where one is needed."""
    first_message_timeout_ms: int
    """Milliseconds from connecting to the first request."""
    message_timeout_ms: int
    """Milliseconds from the first byte of a message to its last."""
    idle_timeout_ms: int
    """Milliseconds for which a client without streams may ask for nothing."""
    ping_interval_ms: int
    """Milliseconds after which a client that says nothing is pinged."""
    pong_timeout_ms: int
    """Milliseconds that it has to answer."""
    connection_age_ms: int
    """Milliseconds that a connection may last."""
    write_timeout_ms: int
    """Milliseconds in which a client must read something of what is sent to it."""
    streams_per_connection: int
    """Streams of one connection."""
    streams_per_login: int
    """Streams of one login."""
    stream_names: int
    """Symbols, or the like, that one stream may name."""
    min_interval_max_ms: int
    """The longest `min_interval_ms` that is granted."""
    resume_window_ms: int
    """Milliseconds for which what nobody watches can be resumed."""


class ServerFacts(TypedDict):
    """The server."""

    name: str
    """`fullon_cache_api`."""
    version: str
    """The version of the server."""
    limits: PublishedLimits
    """What a client may ask of it."""


class Description(TypedDict):
    """What the server can do."""

    server: ServerFacts
    """The server."""
    operations: list[Described]
    """Its operations, by name."""


class Ended(TypedDict):
    """What was ended."""

    ended: int
    """How many streams."""


class Health(TypedDict):
    """Whether the processes are well. Looked at are those that were updated within the last 60
    minutes and whose data still exists.
    """

    healthy: bool
    """Whether none is stale and none in `error`."""
    total_processes: int
    """How many there are."""
    by_type: dict[str, int]
    """How many of each type."""
    by_status: dict[str, int]
    """How many in each state."""
    stale_processes: list[str]
    """The ids of those whose heartbeat is older than 60 minutes."""
    error_processes: list[str]
    """The ids of those in `error`."""


class NodeState(TypedDict):
    """How one master of a cluster is."""

    address: str
    """Where it is."""
    state: str
    """`connected`, `connecting`, `unreachable` or `silent`."""
    slots: int
    """How many of the 16384 slots are its own."""
    connections: int
    """Connections to it that are up and serve clients."""
    latency_ms: NotRequired[float | None]
    """Milliseconds that the last write took to be answered."""


class LinkState(TypedDict):
    """How the cache is."""

    state: str
    """`connected`, `connecting`, `unreachable`, `silent` (it takes commands and does not answer),
    or `embedded`. Of a cluster it is that of the master that is worst off.
    """
    cause: NotRequired[str | None]
    """Why, where it is not connected."""
    address: NotRequired[str | None]
    """Where the Redis is. Told to those with the scope `ops` alone."""
    sentinel: NotRequired[str | None]
    """The sentinel that says so; none where the configuration does, or no sentinel answers any
    more. Told to those with the scope `ops` alone.
    """
    nodes: NotRequired[list[NodeState] | None]
    """The masters of a cluster; none where there is no cluster. Told to those with the scope `ops`
    alone.
    """
    version: NotRequired[str | None]
    """The version of the Redis."""
    role: NotRequired[str | None]
    """The role of the Redis: `master` or `replica`."""
    connections: int
    """Connections that are up and serve clients."""
    reconnects: int
    """Connections that were made again since the start."""
    commands: int
    """Commands answered since the start."""
    batches: int
    """Writes that these commands went out in."""
    latency_ms: NotRequired[float | None]
    """Milliseconds that the last write took to be answered; of a cluster, by the slowest of its
    masters.
    """


class StreamExplain(TypedDict):
    """How a stream is served. Times are in microseconds."""

    push: str
    """How change is noticed: `channel`, `tracking` or `poll`."""
    push_reason: NotRequired[str | None]
    """Why it is noticed in no better way, where that is so."""
    topic: str
    """What is watched: `fresh`, `stale` where nobody can vouch for it, `unread` before it was read
    for this stream.
    """
    subscribers: NotRequired[int | None]
    """How many streams watch the same. Absent where the login may not see all items."""
    items: NotRequired[int | None]
    """How many items, or entries of a log, the server holds of what is watched. Absent where the
    login may not see all.
    """
    read_age_us: NotRequired[int | None]
    """How long ago it was last read. What a writer publishes is taken over without a read."""
    update_age_us: NotRequired[int | None]
    """How long ago the last update was sent to this client."""
    updates: int
    """How many updates were sent."""
    conflated: NotRequired[int | None]
    """How many were not, for a newer one of the same item took their place. Absent where the login
    may not see all items.
    """
    gaps: int
    """How many gaps were told."""


class Listed(TypedDict):
    """One stream of a client, for `list_streams`."""

    stream: Any
    """The `request_id` that opened it."""
    operation: str
    """The operation."""
    params: Any
    """The params that it was opened with."""
    update_type: str
    """The `type` of the stream's updates."""
    push: str
    """How change is noticed: `channel` (the writer publishes new values), `tracking` (Redis tells
    which keys changed), `poll`.
    """
    poll_interval_ms: int
    """Milliseconds between two looks, where change is noticed by polling."""
    min_interval_ms: int
    """Milliseconds between two updates of one item at the least."""
    epoch: str
    """Tells this course of `update_id`s from any other; for `resume`."""
    resumed: bool
    """Whether the stream goes on where the earlier one ended. If it was asked for and is false, a
    snapshot comes instead.
    """
    explain: NotRequired[StreamExplain | None]
    """How it is served, where it was opened with `explain`."""


class LoggedIn(TypedDict):
    """Who a client is, and what it may read."""

    name: str
    """What it is called in the server's log."""
    scopes: list[Scope]
    """The scopes that it has."""
    user_ids: NotRequired[list[str] | None]
    """Whose data it may read; null: everybody's."""
    expires: NotRequired[float | None]
    """When the login ends, in seconds since the epoch; null: it does not."""


class OhlcvUpdate(BarUpdate, Update):
    """An update of `stream_ohlcv`: a `BarUpdate`, and what all updates have."""

    type: Literal["ohlcv_update"]
    """The kind of update."""


class Opening(TypedDict):
    """A position that a bot is about to open."""

    bot_id: str
    """The bot."""
    since: float
    """Since when. Seconds since the epoch."""


class Order(TypedDict):
    """One order, as its exchange last reported it."""

    order_id: str
    """The id that it is stored under."""
    ex_order_id: NotRequired[str | None]
    """The exchange's own id."""
    exchange: str
    """The exchange, e.g. `binance`."""
    symbol: str | None
    """The pair, e.g. `BTC/USDT`."""
    side: NotRequired[str | None]
    """Which way it goes: `buy` or `sell`."""
    order_type: NotRequired[str | None]
    """`limit`, `market`, …"""
    volume: NotRequired[float | None]
    """How much was ordered, in the base currency."""
    filled: NotRequired[float | None]
    """How much of it was traded."""
    remaining: NotRequired[float | None]
    """How much of it was not: the volume less what was filled."""
    price: NotRequired[float | None]
    """The price that was asked or offered, in the quote currency."""
    status: str | None
    """`pending`, `open`, `closed`, `canceled`, …"""
    bot_id: NotRequired[str | None]
    """The bot that gave the order."""
    uid: NotRequired[str | None]
    """The user whose order it is."""
    timestamp: NotRequired[float | None]
    """When it last changed. Seconds since the epoch."""


class OrderUpdate(Order, StateUpdate):
    """An update of `stream_orders`: a `Order`, and what all updates have."""

    type: Literal["order_update"]
    """The kind of update."""


class Pong(TypedDict):
    """The answer to a ping."""

    status: str
    """Always `ok`."""
    time: float
    """The server's clock. Seconds since the epoch."""


Side: TypeAlias = Literal["long", "short"]
"""Which way it goes."""


class Position(TypedDict):
    """What an account holds of one pair."""

    user_id: str
    """The account."""
    symbol: str
    """The pair, e.g. `BTC/USDT`."""
    side: Side
    """Which way it goes."""
    volume: float
    """How much, in the base currency; below zero for a short position."""
    price: NotRequired[float | None]
    """The average price that it was opened at, in the quote currency."""
    cost: NotRequired[float | None]
    """What was paid for it, in the quote currency."""
    fee: NotRequired[float | None]
    """The fees so far, in the quote currency."""
    count: NotRequired[float | None]
    """How many trades made it."""
    timestamp: NotRequired[float | None]
    """When it last changed. Seconds since the epoch."""


class PositionUpdate(Position, StateUpdate):
    """An update of `stream_positions`: a `Position`, and what all updates have."""

    type: Literal["position_update"]
    """The kind of update."""


class Process(TypedDict):
    """One process."""

    process_id: str
    """`{type}:{component}:{unix time}`."""
    process_type: str
    """What it does."""
    component: str
    """The part of the system that it is, e.g. `tick_binance`."""
    params: NotRequired[Any]
    """What it was started with."""
    status: str
    """`starting`, `running`, `processing`, `idle`, `error`, `stopped`."""
    message: NotRequired[str | None]
    """What it last said."""
    created_at: NotRequired[float | None]
    """When it was started. Seconds since the epoch."""
    updated_at: NotRequired[float | None]
    """When it last changed. Seconds since the epoch."""
    heartbeat: NotRequired[float | None]
    """When it was last known to live. Seconds since the epoch."""


class ProcessHealthUpdate(Health, StateUpdate):
    """An update of `stream_process_health`: a `Health`, and what all updates have."""

    type: Literal["process_health_update"]
    """The kind of update."""


class ProcessMetrics(TypedDict):
    """How many processes and components are registered, however old they are."""

    by_type: dict[str, int]
    """How many processes of each type."""
    components: int
    """How many components."""
    total: int
    """How many processes."""


ProcessType: TypeAlias = Literal[
    "tick",
    "ohlcv",
    "bot",
    "account",
    "order",
    "bot_status_service",
    "crawler",
    "user_trades_service",
]
"""What a process does."""


class ProcessUpdate(Process, StateUpdate):
    """An update of `stream_processes`: a `Process`, and what all updates have."""

    type: Literal["process_update"]
    """The kind of update."""


class PushStats(TypedDict):
    """How change is noticed."""

    tracking: bool
    """Redis tells which keys changed."""
    channels: bool
    """Redis passes on what writers publish."""


class Queue(TypedDict):
    """How many orders one exchange's hash holds."""

    exchange: str
    """The exchange, e.g. `binance`."""
    queue_length: int
    """How many orders there are."""
    timestamp: float
    """When the server saw it. Seconds since the epoch."""


class QueueUpdate(Queue, StateUpdate):
    """An update of `stream_order_queue`: a `Queue`, and what all updates have."""

    type: Literal["queue_update"]
    """The kind of update."""


class ServerStats(TypedDict):
    """How the server is. Counts are since its start."""

    version: str
    """The version of the server."""
    uptime: float
    """Seconds since its start."""
    connections: int
    """Clients that are connected."""
    connections_total: int
    """Clients that were."""
    connections_refused: int
    """Clients that were refused for there being too many."""
    connections_too_slow: int
    """Clients that were disconnected for reading nothing of what was sent to them."""
    requests_total: int
    """Requests that came in."""
    errors: dict[str, int]
    """Errors that were answered, by code."""
    corrupt_values: dict[str, int]
    """Values that were not what the layout says, by operation."""
    streams: int
    """Streams that are open."""
    topics: int
    """Different things that these streams watch."""
    push: PushStats
    """How change is noticed."""
    cache: LinkState
    """How the cache is."""


class Ticker(TypedDict):
    """The latest quote of one pair on one exchange, in the quote currency."""

    symbol: str
    """The pair, e.g. `BTC/USDT`."""
    exchange: str
    """The exchange, e.g. `binance`."""
    price: float | None
    """The price of the last trade, as the writer understands it."""
    volume: NotRequired[float | None]
    """What was traded in the exchange's own window, in the base currency."""
    timestamp: NotRequired[float | None]
    """When the exchange said so. Seconds since the epoch."""
    bid: NotRequired[float | None]
    """The best price that a buyer offers."""
    ask: NotRequired[float | None]
    """The best price that a seller asks."""
    last: NotRequired[float | None]
    """The price of the last trade."""


class TickerUpdate(Ticker, StateUpdate):
    """An update of `stream_tickers`: a `Ticker`, and what all updates have."""

    type: Literal["ticker_update"]
    """The kind of update."""


class Trade(TypedDict):
    """One trade. Amounts are in the base currency, costs and fees in the quote currency."""

    trade_id: NotRequired[int | None]
    """The writer's own id."""
    ex_trade_id: NotRequired[str | None]
    """The exchange's id."""
    ex_order_id: NotRequired[str | None]
    """The exchange's id of the order that it filled."""
    uid: NotRequired[str | None]
    """The user whose trade it was, where it is known."""
    symbol: NotRequired[str | None]
    """The pair, e.g. `BTC/USDT`."""
    side: NotRequired[str | None]
    """`buy` or `sell`."""
    order_type: NotRequired[str | None]
    """`limit`, `market`, …"""
    volume: float | None
    """How much was traded."""
    price: float | None
    """At which price."""
    cost: NotRequired[float | None]
    """The volume times the price."""
    fee: NotRequired[float | None]
    """What the exchange took."""
    time: NotRequired[float | None]
    """When it was. Seconds since the epoch."""


class TradeUpdate(Trade, Update):
    """An update of `stream_trade_updates`: a `Trade`, and what all updates have."""

    type: Literal["trade_update"]
    """The kind of update."""


class UserTradeUpdate(Trade, Update):
    """An update of `stream_user_trades`: a `Trade`, and what all updates have."""

    type: Literal["user_trade_update"]
    """The kind of update."""
