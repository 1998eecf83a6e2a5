"""A stream that goes on when its server is started anew, and tells what happens to it.

The program `fullon-cache-api` is on PATH, or FULLON_CACHE_API_BINARY names it:

    python examples/resilient.py
"""

import asyncio

from fullon_cache_api import CacheWebSocketServer, Event, Reconnecting, fullon_cache_api


async def restart(server: CacheWebSocketServer) -> None:
    await server.stop()
    await server.start()


async def main() -> None:
    async with (
        CacheWebSocketServer(port=0, demo=True) as server,
        fullon_cache_api(server.url, reconnect_max=1) as handler,
    ):
        restarting: asyncio.Task[None] | None = None
        was_lost = False
        async for item in handler.stream_tickers("binance", ["BTC/USDT"], events=True):
            if isinstance(item, Event):
                # Among them is a `Gap`: the new server cannot tell what was missed, so all that
                # there is comes anew. After a mere break the stream goes on where it was.
                print(f"-- {item}")
                was_lost = was_lost or isinstance(item, Reconnecting)
                continue
            print(f"{item['symbol']} {item['price']}")
            if was_lost:
                break
            restarting = restarting or asyncio.create_task(restart(server))
        if restarting:
            await restarting


asyncio.run(main())
