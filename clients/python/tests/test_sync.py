"""The client without an event loop. The server runs in a loop of the test's own."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from fullon_cache_api import (
    CacheMiss,
    CacheWebSocketServer,
    ClientClosed,
    ConnectionLost,
    Fresh,
    InvalidParams,
    Reconnecting,
)
from fullon_cache_api.sync import fullon_cache_api

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def url() -> Iterator[str]:
    """Give the address of a server of a simulated market."""
    loop = asyncio.new_event_loop()
    server = CacheWebSocketServer(port=0, demo=True)
    loop.run_until_complete(server.start())
    yield server.url
    loop.run_until_complete(server.stop())
    loop.close()


def test_calls_and_streams(url: str) -> None:
    with fullon_cache_api(url) as handler:
        price = handler.get_ticker("binance", "BTC/USDT")["price"]
        assert price is not None
        reply = handler.explain("get_ticker", exchange="binance", symbol="BTC/USDT")
        assert reply.result["symbol"] == "BTC/USDT"
        assert reply.explain["source"] == "embedded"
        with pytest.raises(CacheMiss):
            handler.get_ticker("binance", "NO/SUCH")
        for update in handler.stream_tickers("binance", ["BTC/USDT"]):
            assert update["symbol"] == "BTC/USDT"
            if "snapshot" not in update:
                break
        while handler.list_streams():
            pass
        with handler.stream_tickers("binance") as tickers:
            assert next(iter(tickers))["exchange"] == "binance"
            assert len(handler.list_streams()) == 1
        assert not handler.list_streams()


def test_pages(url: str) -> None:
    with fullon_cache_api(url) as handler:
        tickers = handler.get_all_tickers("binance")
        parts = list(handler.pages("get_all_tickers", exchange="binance", limit=3))
        assert len(parts) > 1
        assert all(len(part) == 3 for part in parts[:-1])
        told = [ticker["symbol"] for part in parts for ticker in part]
        assert told == [ticker["symbol"] for ticker in tickers]
        for part in handler.pages("get_all_tickers", exchange="binance", limit=1):
            assert len(part) == 1
            break
        assert [part["status"] for part in handler.pages("ping")] == ["ok"]
        with pytest.raises(InvalidParams):
            next(iter(handler.pages("get_all_tickers", exchange="binance", limit=0)))


def test_events(url: str) -> None:
    with fullon_cache_api(url) as handler:
        events: list[object] = []
        for event in handler.stream_tickers("binance", ["BTC/USDT"], events=True):
            events.append(event)
            if isinstance(event, Fresh):
                break
            if len(events) == 1:
                connection = handler._client._link._connection
                assert connection is not None
                assert handler._loop is not None
                handler._loop.call_soon_threadsafe(connection.transport.abort)
        assert any(isinstance(event, Reconnecting) for event in events)


def test_many_threads(url: str) -> None:
    with fullon_cache_api(url) as handler, ThreadPoolExecutor(8) as pool:
        symbols = [ticker["symbol"] for ticker in handler.get_all_tickers("binance")] * 10
        tickers = pool.map(handler.get_ticker, ["binance"] * len(symbols), symbols)
        assert [ticker["symbol"] for ticker in tickers] == symbols


def test_nothing_is_left(url: str) -> None:
    before = threading.active_count()
    handler = fullon_cache_api(url)
    with pytest.raises(ClientClosed):
        handler.ping()
    with handler:
        assert handler.ping()["status"] == "ok"
    handler.close()
    assert threading.active_count() == before
    with pytest.raises(ConnectionLost), fullon_cache_api("ws://127.0.0.1:1"):
        pass
    assert threading.active_count() == before
