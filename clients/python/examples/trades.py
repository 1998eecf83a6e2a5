"""The last trades, then every new one, and whether any was missed.

Start `fullon-cache-api demo`, or name another server by FULLON_CACHE_API_URL, then:

    python examples/trades.py
"""

import asyncio

from fullon_cache_api import Event, Gap, fullon_cache_api
from fullon_cache_api.types import Trade


def show(trade: Trade) -> None:
    print(f"{trade.get('symbol'):10} {trade.get('side'):4} {trade['volume']} at {trade['price']}")


async def main() -> None:
    async with fullon_cache_api() as handler:
        for trade in await handler.get_trades("BTC/USDT", "binance", limit=5):
            show(trade)

        # Trades are a log: each counts. With events the stream tells where some may be missing,
        # e.g. after the connection was lost for too long; without, it raises `StreamGap` there.
        print("What is traded from now on:")
        left = 8
        async for item in handler.stream_trade_updates("binance", snapshot=False, events=True):
            if isinstance(item, Gap):
                print(f"!! {item.first} to {item.last} may be missing: ask `get_trades` for them")
            elif isinstance(item, Event):
                print(f"-- {item}")
            else:
                show(item)
                left -= 1
            if left == 0:
                break


asyncio.run(main())
