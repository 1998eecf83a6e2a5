"""A server of its own, for tests and for programs that shall need no other.

The program `fullon-cache-api` is on PATH, or FULLON_CACHE_API_BINARY names it:

    python examples/own_server.py
"""

import asyncio
import logging

from fullon_cache_api import CacheWebSocketServer, fullon_cache_api

# What the server logs goes to the logger `fullon_cache_api.server`.
logging.basicConfig(level=logging.INFO, format="%(message)s")


async def main() -> None:
    # Of a Redis: CacheWebSocketServer(port=0, redis_url="redis://127.0.0.1:6379")
    async with CacheWebSocketServer(port=0, demo=True, args=["--seed", "7"]) as server:
        print(f"Process {server.pid} serves {server.url}")
        async with fullon_cache_api(server.url) as handler:
            stats = await handler.get_server_stats()
            print(f"Version {stats['version']}, {stats['connections']} connected")
            async for update in handler.stream_tickers("binance", ["BTC/USDT"]):
                print(f"{update['symbol']} {update['price']}")
                if "snapshot" not in update:
                    break
    print("It has stopped")


asyncio.run(main())
