"""Calls: results, errors, many at once, cancellation, time-outs."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

import program
import pytest
from conftest import free_port, soon

from fullon_cache_api import (
    CacheApiError,
    CacheMiss,
    CacheUnavailable,
    CallTimeout,
    ClientClosed,
    ConnectionLost,
    InvalidParams,
    WrongAddress,
    fullon_cache_api,
)

if TYPE_CHECKING:
    from conftest import RedisServer

    from fullon_cache_api import CacheWebSocketServer


async def test_the_program_runs_as_it_stands(
    redis: RedisServer,
    server: CacheWebSocketServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await redis.fill()
    monkeypatch.setenv("FULLON_CACHE_API_URL", server.url)
    async with soon():
        await program.main()
    said = capsys.readouterr().out
    assert "Price: $47000.5" in said
    assert "Live: 47000.5" in said
    assert "Order: open, queued: 1" in said
    assert "Bot: running, blocked by: bot123, bots: 1" in said
    assert "Bar: [3600, 1.0, 2.0, 0.5, 1.5, 10.0], closed: False" in said


async def test_errors_have_classes_codes_and_details(handler: fullon_cache_api) -> None:
    with pytest.raises(CacheMiss, match="BTC/USDT not found in binance") as miss:
        await handler.get_ticker("binance", "BTC/USDT")
    assert isinstance(miss.value, LookupError)
    assert (miss.value.code, miss.value.retryable) == ("CACHE_MISS", False)
    assert miss.value.operation == "get_ticker"
    with pytest.raises(InvalidParams) as invalid:
        await handler.get_ticker("no exchange", "")
    assert isinstance(invalid.value, ValueError)
    assert {detail["path"] for detail in invalid.value.details} == {"/exchange", "/symbol"}
    assert "/exchange" in str(invalid.value)


def test_all_codes_have_classes_and_unknown_ones_are_kept() -> None:
    error = CacheApiError.from_reply({"error_code": "OVERLOADED", "error": "", "retry_after_ms": 5})
    assert (type(error).__name__, error.retryable, error.retry_after) == ("Overloaded", True, 0.005)
    error = CacheApiError.from_code("BRAND_NEW", "what is this")
    assert (type(error), error.code, str(error)) == (CacheApiError, "BRAND_NEW", "what is this")
    for code in ("UNAUTHENTICATED", "CACHE_TIMEOUT", "CONNECTION_LOST"):
        assert isinstance(CacheApiError.from_code(code, "x"), OSError)


async def test_many_calls_at_once_get_each_its_own_reply(
    redis: RedisServer, handler: fullon_cache_api
) -> None:
    symbols = [f"A{number}/USDT" for number in range(500)]
    for number, symbol in enumerate(symbols):
        await redis.ticker(symbol, float(number))
    async with soon():
        asked = (handler.get_ticker("binance", symbol) for symbol in symbols)
        tickers = await asyncio.gather(*asked)
    assert [ticker["symbol"] for ticker in tickers] == symbols
    assert [ticker["price"] for ticker in tickers] == list(range(500))


async def test_a_cancelled_call_leaves_nothing_behind(handler: fullon_cache_api) -> None:
    calls = handler._link._calls.by_id
    task = asyncio.create_task(handler.get_exchanges())
    while not calls:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not calls
    # Its reply comes all the same, and nobody minds.
    assert (await handler.ping())["status"] == "ok"


async def test_a_call_fails_in_time(server: CacheWebSocketServer) -> None:
    async with fullon_cache_api(server.url, timeout=0.2) as handler, soon():
        assert server.pid is not None
        with Stopped(server.pid), pytest.raises(CallTimeout) as late:
            await handler.ping()
        assert isinstance(late.value, TimeoutError)
        assert not handler._link._calls.by_id
        # The reply that is late is not taken for that of the next.
        assert (await handler.ping())["status"] == "ok"


async def test_calls_fail_in_time_when_nothing_can_be_sent(server: CacheWebSocketServer) -> None:
    async with fullon_cache_api(server.url, timeout=0.5) as handler, soon():
        assert server.pid is not None
        with Stopped(server.pid):
            large = ["A/B" * 20] * 10_000
            streams = [handler.stream_tickers("binance", large) for _ in range(20)]
            results = await asyncio.gather(
                *(stream.__aenter__() for stream in streams), return_exceptions=True
            )
        assert {type(result) for result in results} == {CallTimeout}


async def test_no_server_is_told_at_once_and_by_its_url() -> None:
    url = f"ws://127.0.0.1:{free_port()}"
    async with soon(5):
        with pytest.raises(ConnectionLost, match=url) as failed:
            async with fullon_cache_api(url):
                pass
    assert failed.value.retryable
    assert isinstance(failed.value, ConnectionError)


async def test_the_first_connection_may_be_waited_for(server: CacheWebSocketServer) -> None:
    await server.stop()
    async with soon():
        handler = fullon_cache_api(server.url, wait=20, reconnect_max=0.2)
        connecting = asyncio.create_task(handler.connect())
        await server.start()
        await connecting
        await handler.ping()
        await handler.aclose()


async def test_other_paths_and_other_addresses_are_final(server: CacheWebSocketServer) -> None:
    with pytest.raises(WrongAddress, match="404") as wrong:
        await fullon_cache_api(f"{server.url}/nothing", wait=60).connect()
    assert not wrong.value.retryable
    with pytest.raises(WrongAddress, match="no ws://"):
        await fullon_cache_api("http://127.0.0.1", wait=60).connect()


async def test_a_client_that_is_closed_says_so(server: CacheWebSocketServer) -> None:
    handler = fullon_cache_api(server.url)
    with pytest.raises(ClientClosed, match="not connected"):
        await handler.ping()
    async with handler:
        assert handler.is_connected
    with pytest.raises(ClientClosed, match="has been closed"):
        await handler.ping()
    async with handler:  # and may be connected again
        await handler.ping()


async def test_calls_go_on_with_a_new_connection(
    redis: RedisServer, server: CacheWebSocketServer
) -> None:
    await redis.ticker("BTC/USDT", 1.0)
    async with fullon_cache_api(server.url, reconnect_max=0.1) as handler, soon():
        await server.stop()
        call = asyncio.create_task(handler.get_ticker("binance", "BTC/USDT"))
        await server.start()
        with suppress(CacheUnavailable):  # the server may have yet to connect to its Redis
            assert (await call)["price"] == 1.0


async def test_a_call_is_made_twice_at_the_most(server: CacheWebSocketServer) -> None:
    async with fullon_cache_api(server.url, reconnect_max=0.1) as handler, soon():
        link = handler._link
        assert server.pid is not None
        with Stopped(server.pid):
            call = asyncio.create_task(handler.ping())
            while not link._calls.by_id:
                await asyncio.sleep(0)
            assert link._connection is not None
            link._connection.transport.abort()
        assert (await call)["status"] == "ok"
        with Stopped(server.pid):
            call = asyncio.create_task(handler.ping())
            while not link._calls.by_id:
                await asyncio.sleep(0)
            link._calls.by_id[link._last_id].tries = 2
            link._connection.transport.abort()
            with pytest.raises(ConnectionLost, match="it broke") as lost:
                await call
        assert lost.value.retryable


class Stopped:
    """A process that does nothing for a while."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def __enter__(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WNOWAIT)

    def __exit__(self, *_: object) -> None:
        os.kill(self.pid, signal.SIGCONT)


async def test_an_answer_tells_where_its_time_went(
    redis: RedisServer, handler: fullon_cache_api
) -> None:
    await redis.fill()
    reply = await handler.explain("get_bots")
    assert (reply.result, reply.warnings) == (await handler.get_bots(), [])
    assert (reply.explain["source"], reply.explain.get("commands")) == ("redis", {"HSCAN": 1})
    assert 0 < reply.explain.get("redis_us", 0) <= reply.explain["server_us"]
    with pytest.raises(CacheMiss) as miss:
        await handler.explain("get_ticker", exchange="binance", symbol="NO/SUCH")
    assert miss.value.explain is not None
    assert miss.value.explain["source"] == "redis"
    # A param may have any name.
    described = await handler.explain("describe", operation="get_ticker")
    assert described.explain["source"] == "server"


async def test_a_stream_that_is_explained_does_not_stay_open(handler: fullon_cache_api) -> None:
    settings, _, explain = await handler.explain("stream_tickers", exchange="binance")
    assert settings["update_type"] == "ticker_update"
    assert explain["source"] == "topic"
    stream = explain.get("stream")
    assert stream is not None
    assert stream.get("subscribers") == 1
    assert await handler.list_streams() == []


async def test_pages_have_all_that_there_is_once_and_in_order(
    redis: RedisServer, handler: fullon_cache_api, caplog: pytest.LogCaptureFixture
) -> None:
    symbols = [f"A{number:02}/USDT" for number in range(25)]
    for number, symbol in enumerate(symbols):
        await redis.ticker(symbol, float(number), publish=False)
    await redis.write.hset("tickers:binance", symbols[13], "{")
    healthy = [symbol for symbol in symbols if symbol != symbols[13]]
    async with soon():
        parts = [
            [ticker["symbol"] for ticker in part]
            async for part in handler.pages("get_all_tickers", exchange="binance", limit=10)
        ]
        assert len(parts) > 2
        assert all(len(part) <= 10 for part in parts)
        assert [symbol for part in parts for symbol in part] == healthy
        assert [record.message for record in caplog.records if symbols[13] in record.message]

        part = await handler.get_all_tickers("binance", limit=2)
        assert [ticker["symbol"] for ticker in part] == symbols[:2]
        rest = await handler.get_all_tickers("binance", cursor=symbols[19])
        assert [ticker["symbol"] for ticker in rest] == symbols[20:]
        whole = [part async for part in handler.pages("get_all_tickers", exchange="binance")]
        assert [len(part) for part in whole] == [len(healthy)]
