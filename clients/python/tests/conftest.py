"""A real server for each test, and a real Redis where one is needed."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
from contextlib import asynccontextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from redis.asyncio import Redis

from fullon_cache_api import CacheWebSocketServer, fullon_cache_api

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncGenerator, AsyncIterator

if "FULLON_CACHE_API_BINARY" not in os.environ:
    built = Path(__file__).parents[3] / "target/debug/fullon-cache-api"
    os.environ["FULLON_CACHE_API_BINARY"] = str(built)


def free_port() -> int:
    """Find a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def now() -> str:
    """Tell the time as the cache's writer does."""
    return datetime.now(timezone.utc).isoformat()


class RedisServer:
    """A Redis that can be stopped and started again, then empty."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self.write: Any = None
        """A client of it. (Its own types are not strict.)"""
        self._process: Process | None = None

    async def start(self) -> None:
        """Start it and wait until it answers."""
        self._process = await asyncio.create_subprocess_exec(
            "redis-server", "--port", str(self.port), "--save", "", "--appendonly", "no",
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            if b"Ready to accept connections" in line:
                break
        self.write = Redis(port=self.port)

    async def stop(self) -> None:
        """Stop it; what it held is gone."""
        await self.write.aclose()
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()

    async def ticker(self, symbol: str, price: float, *, publish: bool = True) -> None:
        """Write a ticker as its writer does, who publishes it too."""
        value = {
            "symbol": symbol,
            "exchange": "binance",
            "price": price,
            "volume": 1.5,
            "time": 1.0,
        }
        text = json.dumps(value)
        await self.write.hset("tickers:binance", symbol, text)
        if publish:
            await self.write.publish(f"ticker_updates:binance:{symbol}", text)

    async def trade(self, number: int) -> None:
        """Append a trade as its writer does."""
        value = {"trade_id": number, "symbol": "BTC/USDT", "volume": 0.1, "price": 47000.0}
        await self.write.rpush("trades:binance:BTCUSDT", json.dumps(value | {"time": 1.0}))

    async def fill(self) -> None:
        """Write something of everything that the program asks for."""
        await self.ticker("BTC/USDT", 47000.5)
        await self.trade(1)
        write = self.write
        position: dict[str, Any] = {
            "cost": 10.0,
            "volume": 0.5,
            "fee": 0.1,
            "count": 1,
            "price": 20.0,
        }
        positions = {"BTC/USDT": position | {"timestamp": now()}, "timestamp": now()}
        await write.hset("account_positions", "1001", json.dumps(positions))
        balances = {"BTC": {"balance": 2.0, "available": 1.5}, "date": now()}
        await write.hset("accounts", "1001", json.dumps(balances))
        order: dict[str, Any] = {
            "order_id": "order123",
            "symbol": "BTC/USDT",
            "side": "buy",
            "status": "open",
        }
        order |= {"volume": 1.0, "final_volume": 0.25, "price": 46000.0, "timestamp": now()}
        await write.hset("order_status:binance", "order123", json.dumps(order))
        bot = {"feed_1": {"status": "running", "timestamp": now()}}
        await write.hset("bot_status", "bot123", json.dumps(bot))
        await write.hset("block_exchange", "binance:BTC/USDT", "bot123")
        await write.set("TRADE:STATUS:trade_key_123", now())
        await write.rpush("ohlcv:BTCUSD:1h", json.dumps([3600, 1.0, 2.0, 0.5, 1.5, 10.0]))
        process: dict[str, Any] = {
            "process_id": "tick:tick_binance:1",
            "process_type": "tick",
            "message": "",
        }
        process |= {"component": "tick_binance", "params": {}, "status": "running"}
        process |= {"created_at": now(), "updated_at": now(), "heartbeat": now()}
        await write.set("process:data:tick:tick_binance:1", json.dumps(process))
        await write.hset("process:active:tick", "tick:tick_binance:1", now())
        await write.hset("process:components", "tick_binance", "tick:tick_binance:1")


@pytest.fixture
async def redis() -> AsyncIterator[RedisServer]:
    """Give an empty Redis."""
    assert shutil.which("redis-server"), "redis-server is not installed"
    server = RedisServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def server(redis: RedisServer) -> AsyncIterator[CacheWebSocketServer]:
    """Give a server that reads the Redis, at a port that stays the same when it starts again."""
    async with CacheWebSocketServer(port=free_port(), redis_url=redis.url) as server:
        yield server


@pytest.fixture
async def handler(server: CacheWebSocketServer) -> AsyncIterator[fullon_cache_api]:
    """Give a client of that server."""
    async with fullon_cache_api(server.url) as handler:
        yield handler


@pytest.fixture
async def demo() -> AsyncIterator[CacheWebSocketServer]:
    """Give a server of a simulated market."""
    async with CacheWebSocketServer(port=0, demo=True) as server:
        yield server


@asynccontextmanager
async def soon(seconds: float = 20) -> AsyncGenerator[None]:
    """Let the test fail if the block takes too long."""
    task = asyncio.current_task()
    assert task is not None
    timer = asyncio.get_running_loop().call_later(seconds, task.cancel, "this takes too long")
    try:
        yield
    finally:
        timer.cancel()
