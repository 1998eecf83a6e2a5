"""The bots, and which of them keeps the others from which pair.

Start `fullon-cache-api demo`, or name another server by FULLON_CACHE_API_URL, then:

    python examples/bots.py
"""

import asyncio

from fullon_cache_api import fullon_cache_api


async def main() -> None:
    async with fullon_cache_api() as handler:
        for bot_id, feeds in (await handler.get_bots()).items():
            print(bot_id, {name: feed.get("status") for name, feed in feeds.items()})

        blocker = await handler.is_blocked("binance", "BTC/USDT")
        print("BTC/USDT on binance is", f"blocked by {blocker}" if blocker else "free")

        # A stream begins with all that there is: what `get_blocks` would answer comes first.
        left = 5
        async for block in handler.stream_blocks():
            pair = f"{block['symbol']} on {block['exchange']}"
            if block.get("removed"):
                print(f"{pair} is free again")
            else:
                print(f"{pair} is blocked by {block['bot_id']}")
            if "snapshot" not in block:
                left -= 1
            if left == 0:
                break


asyncio.run(main())
