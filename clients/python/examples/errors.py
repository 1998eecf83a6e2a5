"""What can go wrong, and how it is caught.

Start `fullon-cache-api demo`, or name another server by FULLON_CACHE_API_URL, then:

    python examples/errors.py
"""

import asyncio

from fullon_cache_api import CacheApiError, CacheMiss, InvalidParams, fullon_cache_api


async def main() -> None:
    async with fullon_cache_api() as handler:
        try:
            await handler.get_ticker("binance", "NO/SUCH")
        except CacheMiss as error:  # a LookupError too
            print("Nothing there:", error)

        try:
            await handler.get_trades("BTC/USDT", "binance", limit=0)
        except InvalidParams as error:  # a ValueError too
            for detail in error.details:
                print(f"Wrong at {detail['path']}: {detail['message']}")

        try:
            await handler.get_position(1001, "NO/SUCH")
        except CacheApiError as error:  # whatever it is
            print(f"{error.code}: {'try again' if error.retryable else 'do not try again'}")

    # Nobody answers as quickly as that.
    async with fullon_cache_api(timeout=0.0001) as hasty:
        try:
            await hasty.get_all_tickers("binance")
        except TimeoutError as error:  # a CacheApiError too
            print("Too late:", error)

    try:
        async with fullon_cache_api("ws://127.0.0.1:1"):
            pass
    except ConnectionError as error:  # a CacheApiError too
        print("Nobody there:", error)


asyncio.run(main())
