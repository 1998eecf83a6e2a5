"""Streams: how they begin and end, what they tell, and slow readers."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from conftest import soon

from fullon_cache_api import (
    CacheWebSocketServer,
    ConnectionLost,
    Event,
    Fresh,
    Gap,
    InvalidParams,
    Reconnecting,
    Stale,
    StreamGap,
    Warned,
    fullon_cache_api,
)

if TYPE_CHECKING:
    from conftest import RedisServer

    from fullon_cache_api import Stream


async def none_is_open(handler: fullon_cache_api) -> bool:
    """Wait until the server has no stream of this connection, which takes a turn or two."""
    async with soon(10):
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
    updates = aiter(handler.stream_tickers("no exchange"))
    with pytest.raises(InvalidParams):
        await anext(updates)
    with pytest.raises(StopAsyncIteration):  # it is raised once
        await anext(updates)
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
    redis: RedisServer, handler: fullon_cache_api
) -> None:
    await redis.ticker("GONE/USDT", 1.0, publish=False)
    async with handler.stream_tickers("binance") as tickers, soon():
        await has_come(tickers, symbol="GONE/USDT")
        await redis.write.hdel("tickers:binance", "GONE/USDT")
        await has_come(tickers, symbol="GONE/USDT", removed=True)
        for price in range(1, 51):
            for symbol in ("A/USDT", "B/USDT"):
                await redis.ticker(symbol, float(price))
        await redis.ticker("END/USDT", 0.0)
        await has_come(tickers, symbol="END/USDT")
        waiting = items_of(tickers)
        assert len(waiting) == 4
        last = {update["symbol"]: update for update in waiting}
        assert (last["A/USDT"]["price"], last["B/USDT"]["price"]) == (50, 50)
        assert last["GONE/USDT"]["removed"]


async def test_more_removals_than_may_wait_are_told_all_the_same(
    redis: RedisServer, server: CacheWebSocketServer
) -> None:
    symbols = [f"A{number}/USDT" for number in range(5)]
    for symbol in symbols:
        await redis.ticker(symbol, 1.0, publish=False)
    async with fullon_cache_api(server.url, max_queue=2) as handler, soon():
        async with handler.stream_tickers("binance") as tickers:
            updates = aiter(tickers)
            for _ in symbols:
                await anext(updates)
            for symbol in symbols:
                await redis.write.hdel("tickers:binance", symbol)
            assert await none_is_open(handler), "it is paused"
            removed = [await anext(updates) for _ in symbols]
    assert all(update.get("removed") for update in removed)
    assert {update["symbol"] for update in removed} == set(symbols)


def items_of(stream: Stream[Any]) -> list[Any]:
    """Tell what waits to be read of a stream."""
    assert stream._subscription is not None
    return list(stream._subscription.queue._items.values())


async def has_come(stream: Stream[Any], **members: object) -> None:
    """Wait, without reading, until the newest update has these members."""
    while not ((waiting := items_of(stream)) and members.items() <= waiting[-1].items()):
        await asyncio.sleep(0.001)


async def test_a_log_that_is_read_slowly_is_paused_and_complete(
    redis: RedisServer, server: CacheWebSocketServer
) -> None:
    await redis.trade(1)
    async with fullon_cache_api(server.url, max_queue=4) as handler, soon():
        async with handler.stream_trade_updates("binance") as trades:
            updates = aiter(trades)
            numbers = [(await anext(updates)).get("trade_id")]
            for number in range(2, 101):
                await redis.trade(number)
            assert await none_is_open(handler), "it is paused"
            assert len(items_of(trades)) == 4
            while numbers[-1] != 100:
                numbers.append((await anext(updates)).get("trade_id"))
            assert numbers == list(range(1, 101))
            assert len(await handler.list_streams()) == 1
        assert not await handler.list_streams()


@pytest.mark.parametrize("events", [True, False])
async def test_a_reader_of_a_log_who_is_too_slow_for_the_server_is_told(
    redis: RedisServer,
    events: bool,
) -> None:
    await redis.trade(1)
    forgetful = CacheWebSocketServer(
        port=0, redis_url=redis.url, args=["--set", "streams.log_entries=20"]
    )
    async with forgetful, fullon_cache_api(forgetful.url, max_queue=4) as handler, soon():
        stream: Stream[Any] = handler.stream_trade_updates("binance")
        if events:
            stream = handler.stream_trade_updates("binance", events=True)
        async with stream:
            updates = aiter(stream)
            await anext(updates)
            async with fullon_cache_api(forgetful.url) as other:
                async with other.stream_trade_updates("binance", snapshot=False) as witness:
                    for number in range(2, 61):
                        await redis.trade(number)
                        await has_come(witness, trade_id=number)
            assert [(await anext(updates))["trade_id"] for _ in range(4)] == [2, 3, 4, 5]
            if not events:
                with pytest.raises(StreamGap, match="may be missing") as gap:
                    await anext(updates)
                assert gap.value.retryable
                with pytest.raises(StopAsyncIteration):  # it is raised once
                    await anext(updates)
                assert await none_is_open(handler)
                return
            assert isinstance(await anext(updates), Gap)
            rest = [(await anext(updates))["trade_id"]]
            while rest[-1] != 60:
                rest.append((await anext(updates))["trade_id"])
            assert rest == list(range(rest[0], 61))
            assert rest[0] > 6


async def test_a_stream_that_was_stale_when_it_was_left_is_told_fresh_again(
    redis: RedisServer, handler: fullon_cache_api
) -> None:
    await redis.ticker("BTC/USDT", 1.0)
    async with handler.stream_tickers("binance", events=True) as tickers, soon():
        subscription, updates = tickers._subscription, aiter(tickers)
        assert subscription is not None
        await anext(updates)
        await redis.stop()
        assert isinstance(await anext(updates), Stale)
        handler._link.leave(subscription)
        await redis.start()
        await redis.ticker("BTC/USDT", 2.0)
        handler._link.open_soon(subscription)
        price: float | None = 1.0
        is_fresh = False
        while not (price == 2.0 and is_fresh):  # the server may have yet to connect to its Redis
            item = await anext(updates)
            if isinstance(item, dict):
                price = item.get("price")
            else:
                is_fresh = isinstance(item, Fresh)


async def test_a_stream_goes_on_where_it_was_when_the_connection_breaks(
    redis: RedisServer, server: CacheWebSocketServer
) -> None:
    await redis.ticker("A/USDT", 1.0)
    await redis.ticker("B/USDT", 1.0)
    seen: list[Any] = []
    request_id: str | None = None
    async with fullon_cache_api(server.url) as handler, soon():
        stream = handler.stream_tickers("binance", events=True)
        async for event in stream:
            seen.append(event)
            if len(seen) == 2:
                assert handler._link._connection is not None
                handler._link._connection.transport.abort()
            elif isinstance(event, Fresh):
                request_id = stream.request_id
                await redis.ticker("B/USDT", 2.0)
            elif isinstance(event, dict) and event["price"] == 2.0:
                assert event["request_id"] == request_id, "the chain of updates is whole"
                break
        assert [type(event) for event in seen] == [dict, dict, Reconnecting, Fresh, dict]
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
    kinds = [type(event) for event in seen if not isinstance(event, Stale)]
    assert kinds[:4] == [dict, Reconnecting, Gap, Fresh]
    assert seen[-1]["snapshot"]


async def test_what_went_away_while_the_server_did_is_told_once(
    redis: RedisServer, server: CacheWebSocketServer
) -> None:
    for bot in ("stays", "goes", "gone"):
        await redis.write.hset("bot_status", bot, json.dumps({"feed": {"status": "running"}}))
    async with fullon_cache_api(server.url, reconnect_max=0.2) as handler, soon():
        async with handler.stream_bot_status() as bots:
            updates = aiter(bots)
            assert {(await anext(updates))["bot_id"] for _ in range(3)} == {"stays", "goes", "gone"}
            await redis.write.hdel("bot_status", "gone")
            removal = await anext(updates)
            assert (removal["bot_id"], removal.get("removed")) == ("gone", True)
            await server.stop()
            await redis.write.hdel("bot_status", "goes")
            await server.start()
            anew = await anext(updates)
            assert (anew["bot_id"], anew.get("snapshot")) == ("stays", True)
            found = await anext(updates)
            told_by_the_server = removal.keys()
            assert found.keys() == told_by_the_server
            assert (found["bot_id"], found.get("removed")) == ("goes", True)
            assert found["request_id"] == anew["request_id"]
            assert found["prev_id"] == anew["update_id"]
            await handler.ping()  # whatever else is told has come then
            assert not items_of(bots)
            await redis.write.hset("bot_status", "goes", json.dumps({"feed": {"status": "back"}}))
            back = await anext(updates)
            assert (back["bot_id"], back["prev_id"]) == ("goes", anew["update_id"])


async def test_a_log_raises_when_the_server_has_forgotten(
    redis: RedisServer, server: CacheWebSocketServer
) -> None:
    await redis.trade(1)
    async with fullon_cache_api(server.url, reconnect_max=0.2) as handler, soon():
        with pytest.raises(StreamGap, match="does not remember") as gap:
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
            assert await anext(updates) == Fresh()
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
            else:
                break
        assert seen[1]["price"] == 2.0
        assert await none_is_open(handler)


async def test_calls_fail_while_there_is_no_connection(server: CacheWebSocketServer) -> None:
    with pytest.raises(ConnectionLost):
        async with fullon_cache_api(server.url, timeout=0.3) as handler:
            await server.stop()
            await handler.ping()
