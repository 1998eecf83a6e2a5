"""The latest bars, then the newest as it forms.

Start `fullon-cache-api demo`, or name another server by FULLON_CACHE_API_URL, then:

    python examples/bars.py
"""

import asyncio
from datetime import datetime

from fullon_cache_api import fullon_cache_api
from fullon_cache_api.types import Bar


def line(bar: Bar) -> str:
    begin, first, high, low, last, volume = bar
    return f"{datetime.fromtimestamp(begin):%H:%M} {first} ↑ {high} ↓ {low} → {last} ({volume})"


async def main() -> None:
    async with fullon_cache_api() as handler:
        for bar in await handler.get_latest_ohlcv_bars("BTC/USDT", "1m", 5):
            print(line(bar))

        # The bar that forms comes again whenever it changes. When the next begins it comes once
        # more, as `closed`.
        print("And as they form:")
        left = 3
        async for update in handler.stream_ohlcv("BTC/USDT", "1m", snapshot=False):
            print(line(update["bar"]), "closed" if update["closed"] else "…")
            left -= 1
            if left == 0:
                break


asyncio.run(main())
