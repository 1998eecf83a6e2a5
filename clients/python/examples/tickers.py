"""One price, then a live line of some prices.

Start `fullon-cache-api demo`, or name another server by FULLON_CACHE_API_URL, then:

    python examples/tickers.py
"""

import asyncio

from fullon_cache_api import fullon_cache_api

SYMBOLS = ["BTC/USDT", "ETH/USDT", "SOL/USDT"]


async def main() -> None:
    async with fullon_cache_api() as handler:
        ticker = await handler.get_ticker("binance", "BTC/USDT")
        print(f"BTC/USDT: {ticker['price']}, bid {ticker.get('bid')}, ask {ticker.get('ask')}")

        # Of each symbol at most four updates a second, always with the newest price.
        prices: dict[str, float | None] = {}
        left = 20
        async for update in handler.stream_tickers("binance", SYMBOLS, min_interval_ms=250):
            if update.get("removed"):
                del prices[update["symbol"]]
            else:
                prices[update["symbol"]] = update["price"]
            line = "   ".join(f"{symbol} {price}" for symbol, price in prices.items())
            print(f"\r{line:<80}", end="", flush=True)
            left -= 1
            if left == 0:
                break  # leaving the loop ends the stream
        print()


asyncio.run(main())
