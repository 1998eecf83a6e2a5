"""Streams: how they begin and end, what they tell, and slow readers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from conftest import soon

from fullon_cache_api import (
    ConnectionLost,
    Event,
    Fresh,
    Gap,
    InvalidParams,
    Reconnected,
    Reconnecting,
    Stale,
    StreamGap,
    Warned,
    fullon_cache_api,
)

if TYPE_CHECKING:
    from conftest import RedisServer

    from fullon_cache_api import CacheWebSocketServer, Stream


async def none_is_open(handler: fullon_cache_api) -> bool:
    """Wait until the server has no stream of this connection, which takes a turn or two."""
    async with soon(2):
        while await handler.list_streams():
            pass
    return True


async def test_break_ends_the_stream(redis: RedisServer, handler: fullon_cache_api) -> None:
    await redis.ticker("BTC/USDT", 1.0)
    async with soon():
        async for update in handler.stream_tickers("binance"):
            assert update["price"] == 1.0
            assert len(await handler.list_streams()) == 1
            break
        assert await none_is_open(handler)
        assert not handler._link._streams


async def test_break_ends_a_stream_that_has_a_name(
    redis: RedisServer, handler: fullon_cache_api
) -> None:
    await redis.ticker("BTC/USDT", 1.0)
    stream = handler.stream_tickers("binance")
    async with soon():
        for _ in range(3):  # and it may be read again
            async for _ in stream:
                assert len(await handler.list_streams()) == 1
                break
            assert await none_is_open(handler)


async def test_an_error_a_return_and_a_cancellation_end_the_stream(
    redis: RedisServer, handler: fullon_cache_api
) -> None:
    await redis.ticker("BTC/USDT", 1.0)
    reached = asyncio.Event()

    async def fail() -> None:
        async for _ in handler.stream_tickers("binance"):
            raise KeyError

    async def first() -> float | None:
        async for update in handler.stream_tickers("binance"):
            return update["price"]
        return None

    async def follow() -> None:
        async for _ in handler.stream_tickers("binance"):
            reached.set()

    async with soon():
        with pytest.raises(KeyError):
            await fail()
        assert await none_is_open(handler)
        assert await first() == 1.0
        assert await none_is_open(handler)
        following = asyncio.create_task(follow())
        await reached.wait()
        following.cancel()
        with pytest.raises(asyncio.CancelledError):
            await following
        assert await none_is_open(handler)


async def test_an_opening_that_is_cancelled_leaves_nothing_behind(
    handler: fullon_cache_api,
) -> None:
    async def follow() -> None:
        async for _ in handler.stream_tickers("binance"):
            pass

    following = asyncio.create_task(follow())
    while not handler._link._streams:
        await asyncio.sleep(0)
    following.cancel()
    with pytest.raises(asyncio.CancelledError):
        await following
    assert await none_is_open(handler)
    assert not handler._link._streams


async def test_with_keeps_the_stream_over_several_loops(
    redis: RedisServer, handler: fullon_cache_api
) -> None:
    await redis.ticker("BTC/USDT", 1.0)
    async with soon():
        async with handler.stream_tickers("binance") as tickers:
            assert tickers.settings is not None
            assert tickers.settings["update_type"] == "ticker_update"
            for price in (1.0, 2.0, 3.0):
                async for update in tickers:
                    assert update["price"] == price
                    break
                await redis.ticker("BTC/USDT", price + 1)
            assert len(await handler.list_streams()) == 1
        assert not await handler.list_streams()


async def test_a_single_update_can_be_awaited(
    redis: RedisServer, handler: fullon_cache_api
) -> None:
    await redis.ticker("BTC/USDT", 1.0)
    update = await anext(aiter(handler.stream_tickers("binance")))
    assert update["price"] == 1.0
    assert await none_is_open(handler)


async def test_a_wait_that_takes_too_long_loses_nothing(
    redis: RedisServer, handler: fullon_cache_api
) -> None:
    async with handler.stream_tickers("binance") as tickers, soon():
        updates = aiter(tickers)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(anext(updates), 0.01)
        await redis.ticker("BTC/USDT", 1.0)
        assert (await anext(updates))["price"] == 1.0


async def test_aclose_and_the_end_of_the_client_end_a_loop(
    redis: RedisServer, server: CacheWebSocketServer
) -> None:
    await redis.ticker("BTC/USDT", 1.0)
    async with fullon_cache_api(server.url) as handler, soon():
        stream = handler.stream_tickers("binance")
        async for _ in stream:
            await stream.aclose()
        assert not await handler.list_streams()
        async for _ in handler.stream_tickers("binance"):
            await handler.aclose()


async def test_unsubscribe_ends_a_loop(redis: RedisServer, handler: fullon_cache_api) -> None:
    await redis.ticker("BTC/USDT", 1.0)
    stream = handler.stream_tickers("binance")
    async with soon():
        async for _ in stream:
            assert stream.request_id is not None
            assert (await handler.unsubscribe(stream.request_id))["ended"] == 1


async def test_a_stream_that_is_refused_raises(handler: fullon_cache_api) -> None:
    with pytest.raises(InvalidParams):
        async for _ in handler.stream_tickers("no exchange"):
            pass
    assert not handler._link._streams


async def test_many_streams_share_a_connection(
    redis: RedisServer, handler: fullon_cache_api
) -> None:
    symbols = [f"A{number}/USDT" for number in range(200)]
    for number, symbol in enumerate(symbols):
        await redis.ticker(symbol, float(number))

    async def price(symbol: str) -> float | None:
        async for update in handler.stream_tickers("binance", [symbol]):
            return update["price"]
        return None

    async with soon():
        assert await asyncio.gather(*map(price, symbols)) == list(range(200))
        assert await none_is_open(handler)


async def test_removals_are_told(redis: RedisServer, handler: fullon_cache_api) -> None:
    await redis.ticker("BTC/USDT", 1.0, publish=False)
    async with handler.stream_tickers("binance") as tickers, soon():
        async for update in tickers:
            if update.get("removed"):
                assert update["symbol"] == "BTC/USDT"
                break
            await redis.write.hdel("tickers:binance", "BTC/USDT")


async def test_corrupt_values_are_told(redis: RedisServer, handler: fullon_cache_api) -> None:
    await redis.ticker("BTC/USDT", 1.0)
    async with soon():
        async for event in handler.stream_tickers("binance", events=True):
            if isinstance(event, Warned):
                assert (event.code, event.item) == ("CACHE_CORRUPT", "BTC/USDT")
                break
            await redis.write.hset("tickers:binance", "BTC/USDT", "{nothing")
            await redis.write.publish("ticker_updates:binance:BTC/USDT", "{nothing")


async def test_a_redis_that_is_gone_makes_streams_stale(
    redis: RedisServer, handler: fullon_cache_api
) -> None:
    await redis.ticker("BTC/USDT", 1.0)
    seen: list[Any] = []
    async with handler.stream_tickers("binance", events=True) as tickers, soon():
        async for event in tickers:
            seen.append(event)
            if len(seen) == 1:
                await redis.stop()
            elif isinstance(event, Stale):
                assert tickers.stale is event
                await redis.start()
            elif isinstance(event, Fresh):
                assert tickers.stale is None
                break
    assert [type(event) for event in seen] == [dict, Stale, dict, Fresh]
    assert seen[2]["removed"]  # it came back empty


async def test_a_slow_reader_of_a_state_gets_the_newest_of_each(
    redis: RedisServer, server: CacheWebSocketServer
) -> None:
    await redis.ticker("GONE/USDT", 1.0, publish=False)
    async with fullon_cache_api(server.url, max_queue=10) as handler, soon():
        async with handler.stream_tickers("binance") as tickers:
            assert tickers._subscription is not None
            backlog = tickers._subscription.backlog
            await has_come(tickers, symbol="GONE/USDT")
            await redis.write.hdel("tickers:binance", "GONE/USDT")
            await has_come(tickers, symbol="GONE/USDT", removed=True)
            for price in range(1, 51):
                for symbol in ("A/USDT", "B/USDT"):
                    await redis.ticker(symbol, float(price))
            await redis.ticker("END/USDT", 0.0)
            await has_come(tickers, symbol="END/USDT")
            assert len(backlog) <= 11
            last = {update["symbol"]: update for update in backlog}
            assert (last["A/USDT"]["price"], last["B/USDT"]["price"]) == (50, 50)
            assert [u for u in backlog if u["symbol"] == "GONE/USDT"][-1]["removed"]


async def has_come(stream: Stream[Any], **members: object) -> None:
    """Wait, without reading, until the newest update has these members."""
    assert stream._subscription is not None
    backlog = stream._subscription.backlog
    while not (backlog and members.items() <= backlog[-1].items()):
        await asyncio.sleep(0.001)


@pytest.mark.parametrize("events", [True, False])
async def test_a_slow_reader_of_a_log_is_told_of_the_gap(
    redis: RedisServer,
    server: CacheWebSocketServer,
    events: bool,
) -> None:
    async with fullon_cache_api(server.url, max_queue=10) as handler, soon():
        stream = (
            handler.stream_trade_updates("binance", events=True)
            if events
            else handler.stream_trade_updates("binance")
        )
        async with stream:
            for number in range(1, 101):
                await redis.trade(number)
            await has_come(stream, trade_id=100)
            got: list[Any] = []
            lost: Gap | StreamGap | None = None
            while not (got and got[-1]["trade_id"] == 100):
                try:
                    item = await anext(aiter(stream))
                except StreamGap as gap:
                    lost = gap
                    continue
                if isinstance(item, Gap):
                    lost = item
                else:
                    got.append(item)
            numbers = [item["trade_id"] for item in got]
            assert numbers == list(range(numbers[0], 101))
            assert 5 <= len(numbers) <= 11
            if events:
                assert lost == Gap(1, got[0]["update_id"] - 1)
            else:
                assert isinstance(lost, StreamGap)
                assert f"1 to {got[0]['update_id'] - 1}" in str(lost)


async def test_a_stream_goes_on_where_it_was_when_the_connection_breaks(
    redis: RedisServer, server: CacheWebSocketServer
) -> None:
    await redis.ticker("A/USDT", 1.0)
    await redis.ticker("B/USDT", 1.0)
    seen: list[Any] = []
    async with fullon_cache_api(server.url) as handler, soon():
        async for event in handler.stream_tickers("binance", events=True):
            seen.append(event)
            if len(seen) == 2:
                assert handler._link._connection is not None
                handler._link._connection.transport.abort()
            elif isinstance(event, Reconnected):
                assert event.resumed
                await redis.ticker("B/USDT", 2.0)
            elif isinstance(event, dict) and event["price"] == 2.0:
                break
        assert [type(event) for event in seen] == [dict, dict, Reconnecting, Reconnected, dict]
        assert len(await handler.list_streams()) <= 1
        assert await none_is_open(handler)


async def test_a_stream_goes_on_when_the_server_starts_again(
    redis: RedisServer, server: CacheWebSocketServer
) -> None:
    await redis.ticker("BTC/USDT", 1.0)
    seen: list[Any] = []
    async with fullon_cache_api(server.url, reconnect_max=0.2) as handler, soon():
        async for event in handler.stream_tickers("binance", events=True):
            seen.append(event)
            if len(seen) == 1:
                await server.stop()
                await redis.ticker("BTC/USDT", 2.0)
                await server.start()
            elif isinstance(event, dict) and event["price"] == 2.0:
                break
    kinds = [kind for kind in map(type, seen) if kind not in (Stale, Fresh)]
    assert kinds == [dict, Reconnecting, Reconnected, Gap, dict]
    assert seen[kinds.index(Reconnected)] == Reconnected(resumed=False)


async def test_a_log_raises_when_the_server_has_forgotten(
    redis: RedisServer, server: CacheWebSocketServer
) -> None:
    await redis.trade(1)
    async with fullon_cache_api(server.url, reconnect_max=0.2) as handler, soon():
        with pytest.raises(StreamGap, match="some") as gap:
            async for _ in handler.stream_trade_updates("binance"):
                await server.stop()
                await server.start()
        assert gap.value.retryable
        assert await none_is_open(handler)


async def test_nothing_is_lost_or_told_twice_over_many_broken_connections(
    redis: RedisServer, server: CacheWebSocketServer
) -> None:
    count = 500

    async def write() -> None:
        for number in range(1, count + 1):
            if number > 1:
                await redis.trade(number)
            await redis.ticker(f"A{number % 7}/USDT", float(number))

    async def read_log() -> list[int | None]:
        numbers: list[int | None] = []
        async for trade in handler.stream_trade_updates("binance"):
            numbers.append(trade.get("trade_id"))
            if trade.get("trade_id") == count:
                break
        return numbers

    async def read_state() -> dict[str, float | None]:
        prices: dict[str, float | None] = {}
        async for update in handler.stream_tickers("binance"):
            assert prices.get(update["symbol"]) != update["price"]
            prices[update["symbol"]] = update["price"]
            if update["price"] == count:
                break
        return prices

    async def disturb() -> None:
        while True:
            await asyncio.sleep(0.02)
            if handler._link._connection is not None:
                handler._link._connection.transport.abort()

    await redis.trade(1)  # of a list that is not there yet the server cannot tell what was missed
    async with fullon_cache_api(server.url, reconnect_max=0.01) as handler, soon():
        disturbing = asyncio.create_task(disturb())
        numbers, prices, _ = await asyncio.gather(read_log(), read_state(), write())
        disturbing.cancel()
    assert numbers == list(range(1, count + 1))
    last = {f"A{number % 7}/USDT": number for number in range(count - 6, count + 1)}
    assert prices == last


async def test_types_tell_events_from_updates(
    redis: RedisServer, handler: fullon_cache_api
) -> None:
    await redis.ticker("BTC/USDT", 1.0)
    async for event in handler.stream_tickers("binance", events=True):
        if not isinstance(event, Event):
            assert event["price"] == 1.0
            break


async def test_a_log_of_which_nothing_was_told_yet_misses_nothing_either(
    redis: RedisServer, server: CacheWebSocketServer
) -> None:
    async with fullon_cache_api(server.url) as handler, soon():
        async with handler.stream_trade_updates("binance", events=True) as trades:
            updates = aiter(trades)
            assert handler._link._connection is not None
            handler._link._connection.transport.abort()
            assert isinstance(await anext(updates), Reconnecting)
            await redis.trade(1)
            assert await anext(updates) == Reconnected(resumed=True)
            # The server cannot know whether that was the first of a list that was not there before.
            told = await anext(updates)
            trade = await anext(updates) if isinstance(told, Gap) else told
            assert isinstance(trade, dict)
            assert trade.get("trade_id") == 1


async def test_a_broken_chain_of_updates_is_noticed(
    redis: RedisServer, handler: fullon_cache_api
) -> None:
    await redis.ticker("BTC/USDT", 1.0)
    seen: list[Any] = []
    async with soon():
        stream = handler.stream_tickers("binance", events=True)
        async for event in stream:
            seen.append(event)
            if len(seen) == 1:
                assert stream._subscription is not None
                stream._subscription._prev_id = 77  # as if that one had not come
                await redis.ticker("BTC/USDT", 2.0)
            elif isinstance(event, dict):
                break
        assert [type(event) for event in seen] == [dict, Reconnecting, Reconnected, dict]
        assert seen[2].resumed
        assert seen[3]["price"] == 2.0
        assert await none_is_open(handler)


async def test_calls_fail_while_there_is_no_connection(server: CacheWebSocketServer) -> None:
    with pytest.raises(ConnectionLost):
        async with fullon_cache_api(server.url, timeout=0.3) as handler:
            await server.stop()
            await handler.ping()
