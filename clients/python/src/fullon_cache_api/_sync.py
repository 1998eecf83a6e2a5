# Written by `fullon-cache-api generate python`; changes here are lost.
"""The operations of the server, one method each, for code without an event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast, overload

from ._sync_core import SyncCore, SyncStream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._events import Event
    from ._types import (
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
    )


class SyncApi(SyncCore):
    """All operations of the server."""

    def authenticate(self, token: str) -> LoggedIn:
        """Logs in by a token, or brings a new one.

        Logs in, or brings a new token before the old one ends. Streams go on, but for those that
        the new token does not entitle to. Where a connection must log in and did not when it was
        opened, this comes first.

        Args:
            token: A static token, or a JSON Web Token.

        Raises:
            InvalidParams, Unauthenticated, LimitExceeded, InternalError.

        Example:
            result = handler.authenticate("fca_0123456789abcdef")
        """
        return cast("LoggedIn", self._call("authenticate", {"token": token}))

    def describe(
        self,
        operation: str | None = None,
        domain: str | None = None,
        all: bool | None = None,
    ) -> Description:
        """Tells every operation with its schemas, errors and examples.

        Tells what the server can do: every operation with the JSON Schemas of its params and its
        result, its key patterns, errors and examples. Clients are written from it.

        Args:
            operation: Only this operation.
            domain: Only the operations of this domain, e.g. `tickers`.
            all: Those too that the caller may not call.

        Raises:
            InvalidParams, InvalidOperation, LimitExceeded, InternalError.

        Example:
            result = handler.describe()
        """
        result = self._call("describe", {"operation": operation, "domain": domain, "all": all})
        return cast("Description", result)

    def get_active_processes(
        self,
        process_type: ProcessType | None = None,
        component: str | None = None,
        since_minutes: int | None = None,
    ) -> list[Process]:
        """The processes that were updated of late, the newest first.

        Args:
            process_type: Only those of this type.
            component: Only those of this component.
            since_minutes: How far back to look, in minutes. Default: 5.

        Raises:
            InvalidParams, Forbidden, CacheCorrupt, CacheUnavailable, CacheTimeout, Overloaded,
            LimitExceeded, InternalError.

        Example:
            result = handler.get_active_processes()
        """
        params = {
            "process_type": process_type,
            "component": component,
            "since_minutes": since_minutes,
        }
        return cast("list[Process]", self._call("get_active_processes", params))

    def get_all_tickers(
        self,
        exchange: str,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> list[Ticker]:
        """The latest tickers of one exchange, by symbol.

        All pairs of one exchange.

        Args:
            exchange: An exchange as the cache spells it, e.g. `binance`.
            limit: How many at the most; omitted: as many as one reply may hold.
            cursor: Where to go on: the `cursor` of the reply before, which was `truncated`.

        Raises:
            InvalidParams, Forbidden, CacheCorrupt, CacheUnavailable, CacheTimeout, Overloaded,
            LimitExceeded, InternalError.

        Example:
            result = handler.get_all_tickers("binance")
        """
        params = {
            "exchange": exchange,
            "limit": limit,
            "cursor": cursor,
        }
        return cast("list[Ticker]", self._call("get_all_tickers", params))

    def get_any_ticker(self, symbol: str) -> Ticker:
        """The newest ticker of one symbol on any exchange.

        One pair, wherever it was quoted last.

        Args:
            symbol: A trading pair, e.g. `BTC/USDT`.

        Raises:
            InvalidParams, Forbidden, CacheMiss, CacheCorrupt, CacheUnavailable, CacheTimeout,
            Overloaded, LimitExceeded, InternalError.

        Example:
            result = handler.get_any_ticker("BTC/USDT")
        """
        return cast("Ticker", self._call("get_any_ticker", {"symbol": symbol}))

    def get_balance(self, user_id: str | int, currency: str) -> Balance:
        """What one account holds of one currency.

        Args:
            user_id: An account id, e.g. `1001`; text or integer.
            currency: A currency, e.g. `BTC`.

        Raises:
            InvalidParams, Forbidden, CacheMiss, CacheCorrupt, CacheUnavailable, CacheTimeout,
            Overloaded, LimitExceeded, InternalError.

        Example:
            result = handler.get_balance(1001, "USDT")
        """
        result = self._call("get_balance", {"user_id": user_id, "currency": currency})
        return cast("Balance", result)

    def get_balances(self, user_id: str | int) -> list[Balance]:
        """What one account holds of every currency.

        Args:
            user_id: An account id, e.g. `1001`; text or integer.

        Raises:
            InvalidParams, Forbidden, CacheCorrupt, CacheUnavailable, CacheTimeout, Overloaded,
            LimitExceeded, InternalError.

        Example:
            result = handler.get_balances(1001)
        """
        return cast("list[Balance]", self._call("get_balances", {"user_id": user_id}))

    def get_blocks(self, limit: int | None = None, cursor: str | None = None) -> list[Block]:
        """All pairs that are blocked, and by which bot.

        All pairs that are blocked.

        Args:
            limit: How many at the most; omitted: as many as one reply may hold.
            cursor: Where to go on: the `cursor` of the reply before, which was `truncated`.

        Raises:
            InvalidParams, Forbidden, CacheCorrupt, CacheUnavailable, CacheTimeout, Overloaded,
            LimitExceeded, InternalError.

        Example:
            result = handler.get_blocks()
        """
        return cast("list[Block]", self._call("get_blocks", {"limit": limit, "cursor": cursor}))

    def get_bot_status(self, bot_id: str | int) -> BotStatus:
        """The state of one bot and its feeds.

        One bot.

        Args:
            bot_id: A bot id, e.g. `bot_0`; text or integer.

        Raises:
            InvalidParams, Forbidden, CacheMiss, CacheCorrupt, CacheUnavailable, CacheTimeout,
            Overloaded, LimitExceeded, InternalError.

        Example:
            result = handler.get_bot_status("bot_0")
        """
        return cast("BotStatus", self._call("get_bot_status", {"bot_id": bot_id}))

    def get_bots(
        self,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> dict[str, dict[str, Feed]]:
        """All bots with their feeds.

        All bots.

        Args:
            limit: How many at the most; omitted: as many as one reply may hold.
            cursor: Where to go on: the `cursor` of the reply before, which was `truncated`.

        Raises:
            InvalidParams, Forbidden, CacheCorrupt, CacheUnavailable, CacheTimeout, Overloaded,
            LimitExceeded, InternalError.

        Example:
            result = handler.get_bots()
        """
        result = self._call("get_bots", {"limit": limit, "cursor": cursor})
        return cast("dict[str, dict[str, Feed]]", result)

    def get_component_status(self, component: str) -> Process:
        """The process of one component.

        Args:
            component: A component as it registered itself, e.g. `tick_binance`.

        Raises:
            InvalidParams, Forbidden, CacheMiss, CacheCorrupt, CacheUnavailable, CacheTimeout,
            Overloaded, LimitExceeded, InternalError.

        Example:
            result = handler.get_component_status("tick_binance")
        """
        return cast("Process", self._call("get_component_status", {"component": component}))

    def get_exchanges(self, limit: int | None = None, cursor: str | None = None) -> list[str]:
        """The exchanges that have tickers.

        Args:
            limit: How many at the most; omitted: as many as one reply may hold.
            cursor: Where to go on: the `cursor` of the reply before, which was `truncated`.

        Raises:
            InvalidParams, Forbidden, CacheCorrupt, CacheUnavailable, CacheTimeout, Overloaded,
            LimitExceeded, InternalError.

        Example:
            result = handler.get_exchanges()
        """
        return cast("list[str]", self._call("get_exchanges", {"limit": limit, "cursor": cursor}))

    def get_latest_ohlcv_bars(
        self,
        symbol: str,
        timeframe: str,
        count: int | None = None,
    ) -> list[Bar]:
        """The newest bars of one symbol, oldest first.

        The newest bars of one symbol.

        Args:
            symbol: As its writer spells it, `BTC/USDT` or `BTCUSD`; where there is none with the
                slash, the one without is read.
            timeframe: The time a bar spans, e.g. `1m`, `4h`, `1d`.
            count: How many at the most. Default: 100.

        Raises:
            InvalidParams, Forbidden, CacheCorrupt, CacheUnavailable, CacheTimeout, Overloaded,
            LimitExceeded, InternalError.

        Example:
            result = handler.get_latest_ohlcv_bars("BTCUSD", "1h")
        """
        params = {
            "symbol": symbol,
            "timeframe": timeframe,
            "count": count,
        }
        return cast("list[Bar]", self._call("get_latest_ohlcv_bars", params))

    def get_order_queue(self, local_order_id: str | int) -> list[str]:
        """The order ids that wait under one local id, first in first out.

        Args:
            local_order_id: The id that the order has before an exchange gives it one, e.g.
                `LOCAL_0001`.

        Raises:
            InvalidParams, Forbidden, CacheCorrupt, CacheUnavailable, CacheTimeout, Overloaded,
            LimitExceeded, InternalError.

        Example:
            result = handler.get_order_queue("LOCAL_0001")
        """
        return cast("list[str]", self._call("get_order_queue", {"local_order_id": local_order_id}))

    def get_order_status(self, order_id: str | int, exchange: str | None = None) -> Order:
        """One order, on one exchange or wherever it is.

        One order.

        Args:
            order_id: An order id, e.g. `EX_12345`; text or integer.
            exchange: Where it was placed; if it is omitted, all exchanges are searched.

        Raises:
            InvalidParams, Forbidden, CacheMiss, CacheCorrupt, CacheUnavailable, CacheTimeout,
            Overloaded, LimitExceeded, InternalError.

        Example:
            result = handler.get_order_status("EX_BIN_000001", "binance")
        """
        result = self._call("get_order_status", {"order_id": order_id, "exchange": exchange})
        return cast("Order", result)

    def get_orders(
        self,
        exchange: str,
        status: str | None = None,
        symbol: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> list[Order]:
        """The orders of one exchange, by id.

        The orders of one exchange.

        Args:
            exchange: An exchange as the cache spells it, e.g. `binance`.
            status: Only those in this state, e.g. `open`.
            symbol: Only those of this pair.
            limit: How many at the most; omitted: as many as one reply may hold.
            cursor: Where to go on: the `cursor` of the reply before, which was `truncated`.

        Raises:
            InvalidParams, Forbidden, CacheCorrupt, CacheUnavailable, CacheTimeout, Overloaded,
            LimitExceeded, InternalError.

        Example:
            result = handler.get_orders("binance")
        """
        params = {
            "exchange": exchange,
            "status": status,
            "symbol": symbol,
            "limit": limit,
            "cursor": cursor,
        }
        return cast("list[Order]", self._call("get_orders", params))

    def get_position(self, user_id: str | int, symbol: str) -> Position:
        """The position of one account in one pair.

        Args:
            user_id: An account id, e.g. `1001`; text or integer.
            symbol: A trading pair, e.g. `BTC/USDT`.

        Raises:
            InvalidParams, Forbidden, CacheMiss, CacheCorrupt, CacheUnavailable, CacheTimeout,
            Overloaded, LimitExceeded, InternalError.

        Example:
            result = handler.get_position(1001, "OP/USDT")
        """
        return cast("Position", self._call("get_position", {"user_id": user_id, "symbol": symbol}))

    def get_positions(self, user_id: str | int) -> list[Position]:
        """All positions of one account.

        The positions of one account.

        Args:
            user_id: An account id, e.g. `1001`; text or integer.

        Raises:
            InvalidParams, Forbidden, CacheCorrupt, CacheUnavailable, CacheTimeout, Overloaded,
            LimitExceeded, InternalError.

        Example:
            result = handler.get_positions(1001)
        """
        return cast("list[Position]", self._call("get_positions", {"user_id": user_id}))

    def get_process(self, process_id: str | int) -> Process:
        """One process.

        Args:
            process_id: A process id, `{type}:{component}:{unix time}`, e.g.
                `tick:tick_binance:1795380452.919568`.

        Raises:
            InvalidParams, Forbidden, CacheMiss, CacheCorrupt, CacheUnavailable, CacheTimeout,
            Overloaded, LimitExceeded, InternalError.

        Example:
            result = handler.get_process("tick:tick_binance:1795380452.919568")
        """
        return cast("Process", self._call("get_process", {"process_id": process_id}))

    def get_process_metrics(self) -> ProcessMetrics:
        """How many processes and components there are.

        How many processes and components are registered.

        Raises:
            InvalidParams, Forbidden, CacheCorrupt, CacheUnavailable, CacheTimeout, Overloaded,
            LimitExceeded, InternalError.

        Example:
            result = handler.get_process_metrics()
        """
        return cast("ProcessMetrics", self._call("get_process_metrics", {}))

    def get_queue_length(self, exchange: str) -> int:
        """How many orders one exchange's hash holds.

        Args:
            exchange: An exchange as the cache spells it, e.g. `binance`.

        Raises:
            InvalidParams, Forbidden, CacheCorrupt, CacheUnavailable, CacheTimeout, Overloaded,
            LimitExceeded, InternalError.

        Example:
            result = handler.get_queue_length("binance")
        """
        return cast("int", self._call("get_queue_length", {"exchange": exchange}))

    def get_server_stats(self) -> ServerStats:
        """Tells how the server and its cache are.

        Tells how the server is.

        Raises:
            InvalidParams, LimitExceeded, InternalError.

        Example:
            result = handler.get_server_stats()
        """
        return cast("ServerStats", self._call("get_server_stats", {}))

    def get_system_health(self) -> Health:
        """Whether the processes are well.

        Raises:
            InvalidParams, Forbidden, CacheCorrupt, CacheUnavailable, CacheTimeout, Overloaded,
            LimitExceeded, InternalError.

        Example:
            result = handler.get_system_health()
        """
        return cast("Health", self._call("get_system_health", {}))

    def get_ticker(self, exchange: str, symbol: str) -> Ticker:
        """The latest ticker of one symbol on one exchange.

        One pair on one exchange.

        Args:
            exchange: An exchange as the cache spells it, e.g. `binance`.
            symbol: A trading pair, e.g. `BTC/USDT`.

        Raises:
            InvalidParams, Forbidden, CacheMiss, CacheCorrupt, CacheUnavailable, CacheTimeout,
            Overloaded, LimitExceeded, InternalError.

        Example:
            result = handler.get_ticker("binance", "BTC/USDT")
        """
        return cast("Ticker", self._call("get_ticker", {"exchange": exchange, "symbol": symbol}))

    def get_trade_status(self, trade_key: str | int) -> float:
        """When the last trade was, e.g. of an exchange.

        When the last trade was, by what it is kept under.

        Args:
            trade_key: What a trade's status is kept under: mostly an exchange, e.g. `binance`.

        Raises:
            InvalidParams, Forbidden, CacheMiss, CacheCorrupt, CacheUnavailable, CacheTimeout,
            Overloaded, LimitExceeded, InternalError.

        Example:
            result = handler.get_trade_status("binance")
        """
        return cast("float", self._call("get_trade_status", {"trade_key": trade_key}))

    def get_trade_statuses(
        self,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> dict[str, float]:
        """When the last trade was, everywhere.

        When the last trade was, for everything that has had one.

        Args:
            limit: How many at the most; omitted: as many as one reply may hold.
            cursor: Where to go on: the `cursor` of the reply before, which was `truncated`.

        Raises:
            InvalidParams, Forbidden, CacheCorrupt, CacheUnavailable, CacheTimeout, Overloaded,
            LimitExceeded, InternalError.

        Example:
            result = handler.get_trade_statuses()
        """
        result = self._call("get_trade_statuses", {"limit": limit, "cursor": cursor})
        return cast("dict[str, float]", result)

    def get_trades(
        self,
        symbol: str,
        exchange: str,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> list[Trade]:
        """The newest trades of one pair on one exchange, oldest first.

        Args:
            symbol: A trading pair, e.g. `BTC/USDT`.
            exchange: An exchange as the cache spells it, e.g. `binance`.
            limit: How many at the most. Default: 1000.
            cursor: Where to go on: the `cursor` of the reply before, which was `truncated`.

        Raises:
            InvalidParams, Forbidden, CacheCorrupt, CacheUnavailable, CacheTimeout, Overloaded,
            LimitExceeded, InternalError.

        Example:
            result = handler.get_trades("BTC/USDT", "binance")
        """
        params = {
            "symbol": symbol,
            "exchange": exchange,
            "limit": limit,
            "cursor": cursor,
        }
        return cast("list[Trade]", self._call("get_trades", params))

    def get_user_trade_status(self, user_id: str | int) -> float:
        """When one user's last trade was.

        Args:
            user_id: An account id, e.g. `1001`; text or integer.

        Raises:
            InvalidParams, Forbidden, CacheMiss, CacheCorrupt, CacheUnavailable, CacheTimeout,
            Overloaded, LimitExceeded, InternalError.

        Example:
            result = handler.get_user_trade_status(1001)
        """
        return cast("float", self._call("get_user_trade_status", {"user_id": user_id}))

    def get_user_trades(
        self,
        user_id: str | int,
        exchange: str,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> list[Trade]:
        """The trades that wait for one user, oldest first.

        The trades that wait for one user on one exchange, oldest first.

        Args:
            user_id: An account id, e.g. `1001`; text or integer.
            exchange: An exchange as the cache spells it, e.g. `binance`.
            limit: How many at the most: the newest. Default: 1000.
            cursor: Where to go on: the `cursor` of the reply before, which was `truncated`.

        Raises:
            InvalidParams, Forbidden, CacheCorrupt, CacheUnavailable, CacheTimeout, Overloaded,
            LimitExceeded, InternalError.

        Example:
            result = handler.get_user_trades(1001, "binance")
        """
        params = {
            "user_id": user_id,
            "exchange": exchange,
            "limit": limit,
            "cursor": cursor,
        }
        return cast("list[Trade]", self._call("get_user_trades", params))

    def is_blocked(self, exchange: str, symbol: str) -> str | None:
        """The bot that blocks one pair, or null.

        Whether one pair is blocked.

        Args:
            exchange: An exchange as the cache spells it, e.g. `binance`.
            symbol: A trading pair, e.g. `BTC/USDT`.

        Raises:
            InvalidParams, Forbidden, CacheCorrupt, CacheUnavailable, CacheTimeout, Overloaded,
            LimitExceeded, InternalError.

        Example:
            result = handler.is_blocked("binance", "BTC/USDT")
        """
        result = self._call("is_blocked", {"exchange": exchange, "symbol": symbol})
        return cast("str | None", result)

    def is_opening_position(self, exchange: str, symbol: str) -> Opening | None:
        """The bot that is about to open a position in one pair, or null.

        Whether a bot is about to open a position in one pair.

        Args:
            exchange: An exchange as the cache spells it, e.g. `binance`.
            symbol: A trading pair, e.g. `BTC/USDT`.

        Raises:
            InvalidParams, Forbidden, CacheCorrupt, CacheUnavailable, CacheTimeout, Overloaded,
            LimitExceeded, InternalError.

        Example:
            result = handler.is_opening_position("binance", "XRP/USDT")
        """
        result = self._call("is_opening_position", {"exchange": exchange, "symbol": symbol})
        return cast("Opening | None", result)

    def list_streams(self) -> list[Listed]:
        """Lists this connection's streams and their settings.

        Lists the streams of this connection.

        Raises:
            InvalidParams, LimitExceeded, InternalError.

        Example:
            result = handler.list_streams()
        """
        return cast("list[Listed]", self._call("list_streams", {}))

    def ping(self) -> Pong:
        """Tells that the server is there, and its time.

        Tells that the server is there.

        Raises:
            InvalidParams, LimitExceeded, InternalError.

        Example:
            result = handler.ping()
        """
        return cast("Pong", self._call("ping", {}))

    @overload
    def stream_balances(
        self,
        user_id: str | int,
        *,
        snapshot: bool = True,
        min_interval_ms: int | None = None,
        events: Literal[False] = False,
    ) -> SyncStream[BalanceUpdate]: ...

    @overload
    def stream_balances(
        self,
        user_id: str | int,
        *,
        snapshot: bool = True,
        min_interval_ms: int | None = None,
        events: Literal[True],
    ) -> SyncStream[BalanceUpdate | Event]: ...

    def stream_balances(
        self,
        user_id: str | int,
        *,
        snapshot: bool = True,
        min_interval_ms: int | None = None,
        events: bool = False,
    ) -> SyncStream[BalanceUpdate | Event]:
        """The balances of one account, whenever they change.

        Args:
            user_id: An account id, e.g. `1001`; text or integer.
            snapshot: Whether the present state comes first.
            min_interval_ms: At most one update of an item in so many milliseconds; the newest wins.
            events: Whether to yield too what the stream tells beside its updates.

        Raises:
            InvalidParams, Forbidden, CacheUnavailable, Overloaded, LimitExceeded, InternalError.

        Example:
            for update in handler.stream_balances(1001):
                ...
        """
        params = {
            "user_id": user_id,
            "snapshot": snapshot,
            "min_interval_ms": min_interval_ms,
        }
        return self._stream(
            "stream_balances", params, kind="state", named_by=("user_id", "currency"), events=events
        )

    @overload
    def stream_blocks(
        self,
        *,
        snapshot: bool = True,
        min_interval_ms: int | None = None,
        events: Literal[False] = False,
    ) -> SyncStream[BlockUpdate]: ...

    @overload
    def stream_blocks(
        self,
        *,
        snapshot: bool = True,
        min_interval_ms: int | None = None,
        events: Literal[True],
    ) -> SyncStream[BlockUpdate | Event]: ...

    def stream_blocks(
        self,
        *,
        snapshot: bool = True,
        min_interval_ms: int | None = None,
        events: bool = False,
    ) -> SyncStream[BlockUpdate | Event]:
        """The pairs that bots block.

        The pairs that are blocked, whenever one is or is no more.

        Args:
            snapshot: Whether the present state comes first.
            min_interval_ms: At most one update of an item in so many milliseconds; the newest wins.
            events: Whether to yield too what the stream tells beside its updates.

        Raises:
            InvalidParams, Forbidden, CacheUnavailable, Overloaded, LimitExceeded, InternalError.

        Example:
            for update in handler.stream_blocks():
                ...
        """
        params = {
            "snapshot": snapshot,
            "min_interval_ms": min_interval_ms,
        }
        return self._stream(
            "stream_blocks", params, kind="state", named_by=("exchange", "symbol"), events=events
        )

    @overload
    def stream_bot_status(
        self,
        bot_id: str | int | None = None,
        *,
        snapshot: bool = True,
        min_interval_ms: int | None = None,
        events: Literal[False] = False,
    ) -> SyncStream[BotUpdate]: ...

    @overload
    def stream_bot_status(
        self,
        bot_id: str | int | None = None,
        *,
        snapshot: bool = True,
        min_interval_ms: int | None = None,
        events: Literal[True],
    ) -> SyncStream[BotUpdate | Event]: ...

    def stream_bot_status(
        self,
        bot_id: str | int | None = None,
        *,
        snapshot: bool = True,
        min_interval_ms: int | None = None,
        events: bool = False,
    ) -> SyncStream[BotUpdate | Event]:
        """The state of bots.

        The bots, whenever their state changes.

        Args:
            bot_id: Only this one.
            snapshot: Whether the present state comes first.
            min_interval_ms: At most one update of an item in so many milliseconds; the newest wins.
            events: Whether to yield too what the stream tells beside its updates.

        Raises:
            InvalidParams, Forbidden, CacheUnavailable, Overloaded, LimitExceeded, InternalError.

        Example:
            for update in handler.stream_bot_status():
                ...
        """
        params = {
            "bot_id": bot_id,
            "snapshot": snapshot,
            "min_interval_ms": min_interval_ms,
        }
        return self._stream(
            "stream_bot_status", params, kind="state", named_by=("bot_id",), events=events
        )

    @overload
    def stream_ohlcv(
        self,
        symbol: str,
        timeframe: str,
        *,
        snapshot: bool = True,
        min_interval_ms: int | None = None,
        events: Literal[False] = False,
    ) -> SyncStream[OhlcvUpdate]: ...

    @overload
    def stream_ohlcv(
        self,
        symbol: str,
        timeframe: str,
        *,
        snapshot: bool = True,
        min_interval_ms: int | None = None,
        events: Literal[True],
    ) -> SyncStream[OhlcvUpdate | Event]: ...

    def stream_ohlcv(
        self,
        symbol: str,
        timeframe: str,
        *,
        snapshot: bool = True,
        min_interval_ms: int | None = None,
        events: bool = False,
    ) -> SyncStream[OhlcvUpdate | Event]:
        """The bars of one symbol, as they form.

        Args:
            symbol: As its writer spells it, `BTC/USDT` or `BTCUSD`; where there is none with the
                slash, the one without is watched.
            timeframe: The time a bar spans, e.g. `1m`, `4h`, `1d`.
            snapshot: Whether the present state comes first.
            min_interval_ms: At most one update of an item in so many milliseconds; the newest wins.
            events: Whether to yield too what the stream tells beside its updates.

        Raises:
            InvalidParams, Forbidden, CacheUnavailable, Overloaded, LimitExceeded, InternalError.

        Example:
            for update in handler.stream_ohlcv("BTCUSD", "1h"):
                ...
        """
        params = {
            "symbol": symbol,
            "timeframe": timeframe,
            "snapshot": snapshot,
            "min_interval_ms": min_interval_ms,
        }
        return self._stream("stream_ohlcv", params, kind="log", events=events)

    @overload
    def stream_order_queue(
        self,
        exchange: str,
        *,
        snapshot: bool = True,
        min_interval_ms: int | None = None,
        events: Literal[False] = False,
    ) -> SyncStream[QueueUpdate]: ...

    @overload
    def stream_order_queue(
        self,
        exchange: str,
        *,
        snapshot: bool = True,
        min_interval_ms: int | None = None,
        events: Literal[True],
    ) -> SyncStream[QueueUpdate | Event]: ...

    def stream_order_queue(
        self,
        exchange: str,
        *,
        snapshot: bool = True,
        min_interval_ms: int | None = None,
        events: bool = False,
    ) -> SyncStream[QueueUpdate | Event]:
        """How many orders an exchange has.

        How many orders one exchange's hash holds, whenever that changes.

        Args:
            exchange: An exchange as the cache spells it, e.g. `binance`.
            snapshot: Whether the present state comes first.
            min_interval_ms: At most one update of an item in so many milliseconds; the newest wins.
            events: Whether to yield too what the stream tells beside its updates.

        Raises:
            InvalidParams, Forbidden, CacheUnavailable, Overloaded, LimitExceeded, InternalError.

        Example:
            for update in handler.stream_order_queue("binance"):
                ...
        """
        params = {
            "exchange": exchange,
            "snapshot": snapshot,
            "min_interval_ms": min_interval_ms,
        }
        return self._stream(
            "stream_order_queue", params, kind="state", named_by=("exchange",), events=events
        )

    @overload
    def stream_orders(
        self,
        exchange: str,
        *,
        snapshot: bool = True,
        min_interval_ms: int | None = None,
        events: Literal[False] = False,
    ) -> SyncStream[OrderUpdate]: ...

    @overload
    def stream_orders(
        self,
        exchange: str,
        *,
        snapshot: bool = True,
        min_interval_ms: int | None = None,
        events: Literal[True],
    ) -> SyncStream[OrderUpdate | Event]: ...

    def stream_orders(
        self,
        exchange: str,
        *,
        snapshot: bool = True,
        min_interval_ms: int | None = None,
        events: bool = False,
    ) -> SyncStream[OrderUpdate | Event]:
        """The orders of one exchange, whenever they change.

        Args:
            exchange: An exchange as the cache spells it, e.g. `binance`.
            snapshot: Whether the present state comes first.
            min_interval_ms: At most one update of an item in so many milliseconds; the newest wins.
            events: Whether to yield too what the stream tells beside its updates.

        Raises:
            InvalidParams, Forbidden, CacheUnavailable, Overloaded, LimitExceeded, InternalError.

        Example:
            for update in handler.stream_orders("binance"):
                ...
        """
        params = {
            "exchange": exchange,
            "snapshot": snapshot,
            "min_interval_ms": min_interval_ms,
        }
        return self._stream(
            "stream_orders", params, kind="state", named_by=("exchange", "order_id"), events=events
        )

    @overload
    def stream_positions(
        self,
        user_id: str | int,
        *,
        snapshot: bool = True,
        min_interval_ms: int | None = None,
        events: Literal[False] = False,
    ) -> SyncStream[PositionUpdate]: ...

    @overload
    def stream_positions(
        self,
        user_id: str | int,
        *,
        snapshot: bool = True,
        min_interval_ms: int | None = None,
        events: Literal[True],
    ) -> SyncStream[PositionUpdate | Event]: ...

    def stream_positions(
        self,
        user_id: str | int,
        *,
        snapshot: bool = True,
        min_interval_ms: int | None = None,
        events: bool = False,
    ) -> SyncStream[PositionUpdate | Event]:
        """The positions of one account, whenever they change.

        Args:
            user_id: An account id, e.g. `1001`; text or integer.
            snapshot: Whether the present state comes first.
            min_interval_ms: At most one update of an item in so many milliseconds; the newest wins.
            events: Whether to yield too what the stream tells beside its updates.

        Raises:
            InvalidParams, Forbidden, CacheUnavailable, Overloaded, LimitExceeded, InternalError.

        Example:
            for update in handler.stream_positions(1001):
                ...
        """
        params = {
            "user_id": user_id,
            "snapshot": snapshot,
            "min_interval_ms": min_interval_ms,
        }
        return self._stream(
            "stream_positions", params, kind="state", named_by=("user_id", "symbol"), events=events
        )

    @overload
    def stream_process_health(
        self,
        *,
        snapshot: bool = True,
        min_interval_ms: int | None = None,
        events: Literal[False] = False,
    ) -> SyncStream[ProcessHealthUpdate]: ...

    @overload
    def stream_process_health(
        self,
        *,
        snapshot: bool = True,
        min_interval_ms: int | None = None,
        events: Literal[True],
    ) -> SyncStream[ProcessHealthUpdate | Event]: ...

    def stream_process_health(
        self,
        *,
        snapshot: bool = True,
        min_interval_ms: int | None = None,
        events: bool = False,
    ) -> SyncStream[ProcessHealthUpdate | Event]:
        """Whether the processes are well, whenever that changes.

        Args:
            snapshot: Whether the present state comes first.
            min_interval_ms: At most one update of an item in so many milliseconds; the newest wins.
            events: Whether to yield too what the stream tells beside its updates.

        Raises:
            InvalidParams, Forbidden, CacheUnavailable, Overloaded, LimitExceeded, InternalError.

        Example:
            for update in handler.stream_process_health():
                ...
        """
        params = {
            "snapshot": snapshot,
            "min_interval_ms": min_interval_ms,
        }
        return self._stream(
            "stream_process_health", params, kind="state", named_by=(), events=events
        )

    @overload
    def stream_processes(
        self,
        process_type: ProcessType | None = None,
        *,
        snapshot: bool = True,
        min_interval_ms: int | None = None,
        events: Literal[False] = False,
    ) -> SyncStream[ProcessUpdate]: ...

    @overload
    def stream_processes(
        self,
        process_type: ProcessType | None = None,
        *,
        snapshot: bool = True,
        min_interval_ms: int | None = None,
        events: Literal[True],
    ) -> SyncStream[ProcessUpdate | Event]: ...

    def stream_processes(
        self,
        process_type: ProcessType | None = None,
        *,
        snapshot: bool = True,
        min_interval_ms: int | None = None,
        events: bool = False,
    ) -> SyncStream[ProcessUpdate | Event]:
        """The processes that were updated within the last 60 minutes, whenever one changes.

        Args:
            process_type: Only those of this type.
            snapshot: Whether the present state comes first.
            min_interval_ms: At most one update of an item in so many milliseconds; the newest wins.
            events: Whether to yield too what the stream tells beside its updates.

        Raises:
            InvalidParams, Forbidden, CacheUnavailable, Overloaded, LimitExceeded, InternalError.

        Example:
            for update in handler.stream_processes():
                ...
        """
        params = {
            "process_type": process_type,
            "snapshot": snapshot,
            "min_interval_ms": min_interval_ms,
        }
        return self._stream(
            "stream_processes", params, kind="state", named_by=("process_id",), events=events
        )

    @overload
    def stream_tickers(
        self,
        exchange: str,
        symbols: Sequence[str] | None = None,
        *,
        snapshot: bool = True,
        min_interval_ms: int | None = None,
        events: Literal[False] = False,
    ) -> SyncStream[TickerUpdate]: ...

    @overload
    def stream_tickers(
        self,
        exchange: str,
        symbols: Sequence[str] | None = None,
        *,
        snapshot: bool = True,
        min_interval_ms: int | None = None,
        events: Literal[True],
    ) -> SyncStream[TickerUpdate | Event]: ...

    def stream_tickers(
        self,
        exchange: str,
        symbols: Sequence[str] | None = None,
        *,
        snapshot: bool = True,
        min_interval_ms: int | None = None,
        events: bool = False,
    ) -> SyncStream[TickerUpdate | Event]:
        """The tickers of one exchange, whenever they change.

        Args:
            exchange: An exchange as the cache spells it, e.g. `binance`.
            symbols: Only these; omitted or empty: all.
            snapshot: Whether the present state comes first.
            min_interval_ms: At most one update of an item in so many milliseconds; the newest wins.
            events: Whether to yield too what the stream tells beside its updates.

        Raises:
            InvalidParams, Forbidden, CacheUnavailable, Overloaded, LimitExceeded, InternalError.

        Example:
            for update in handler.stream_tickers("binance", ["BTC/USDT"]):
                ...
        """
        params = {
            "exchange": exchange,
            "symbols": symbols,
            "snapshot": snapshot,
            "min_interval_ms": min_interval_ms,
        }
        return self._stream(
            "stream_tickers", params, kind="state", named_by=("exchange", "symbol"), events=events
        )

    @overload
    def stream_trade_updates(
        self,
        exchange: str,
        symbol: str | None = None,
        *,
        snapshot: bool = True,
        min_interval_ms: int | None = None,
        events: Literal[False] = False,
    ) -> SyncStream[TradeUpdate]: ...

    @overload
    def stream_trade_updates(
        self,
        exchange: str,
        symbol: str | None = None,
        *,
        snapshot: bool = True,
        min_interval_ms: int | None = None,
        events: Literal[True],
    ) -> SyncStream[TradeUpdate | Event]: ...

    def stream_trade_updates(
        self,
        exchange: str,
        symbol: str | None = None,
        *,
        snapshot: bool = True,
        min_interval_ms: int | None = None,
        events: bool = False,
    ) -> SyncStream[TradeUpdate | Event]:
        """The trades of an exchange, as they come.

        Args:
            exchange: An exchange as the cache spells it, e.g. `binance`.
            symbol: Only those of this pair.
            snapshot: Whether the present state comes first.
            min_interval_ms: At most one update of an item in so many milliseconds; the newest wins.
            events: Whether to yield too what the stream tells beside its updates.

        Raises:
            InvalidParams, Forbidden, CacheUnavailable, Overloaded, LimitExceeded, InternalError.

        Example:
            for update in handler.stream_trade_updates("binance"):
                ...
        """
        params = {
            "exchange": exchange,
            "symbol": symbol,
            "snapshot": snapshot,
            "min_interval_ms": min_interval_ms,
        }
        return self._stream("stream_trade_updates", params, kind="log", events=events)

    @overload
    def stream_user_trades(
        self,
        user_id: str | int,
        exchange: str,
        *,
        snapshot: bool = True,
        min_interval_ms: int | None = None,
        events: Literal[False] = False,
    ) -> SyncStream[UserTradeUpdate]: ...

    @overload
    def stream_user_trades(
        self,
        user_id: str | int,
        exchange: str,
        *,
        snapshot: bool = True,
        min_interval_ms: int | None = None,
        events: Literal[True],
    ) -> SyncStream[UserTradeUpdate | Event]: ...

    def stream_user_trades(
        self,
        user_id: str | int,
        exchange: str,
        *,
        snapshot: bool = True,
        min_interval_ms: int | None = None,
        events: bool = False,
    ) -> SyncStream[UserTradeUpdate | Event]:
        """The trades that wait for one user on one exchange, as they come.

        Args:
            user_id: An account id, e.g. `1001`; text or integer.
            exchange: An exchange as the cache spells it, e.g. `binance`.
            snapshot: Whether the present state comes first.
            min_interval_ms: At most one update of an item in so many milliseconds; the newest wins.
            events: Whether to yield too what the stream tells beside its updates.

        Raises:
            InvalidParams, Forbidden, CacheUnavailable, Overloaded, LimitExceeded, InternalError.

        Example:
            for update in handler.stream_user_trades(1001, "binance"):
                ...
        """
        params = {
            "user_id": user_id,
            "exchange": exchange,
            "snapshot": snapshot,
            "min_interval_ms": min_interval_ms,
        }
        return self._stream("stream_user_trades", params, kind="log", events=events)

    def unsubscribe(self, stream: str | float) -> Ended:
        """Ends one stream of this connection. `stream_end` is the last that comes of it.

        Args:
            stream: The `request_id` of the request that opened the stream.

        Raises:
            InvalidParams, LimitExceeded, InternalError.

        Example:
            result = handler.unsubscribe("s1")
        """
        return cast("Ended", self._call("unsubscribe", {"stream": stream}))

    def unsubscribe_all(self) -> Ended:
        """Ends all streams of this connection.

        Raises:
            InvalidParams, LimitExceeded, InternalError.

        Example:
            result = handler.unsubscribe_all()
        """
        return cast("Ended", self._call("unsubscribe_all", {}))
