"""Many streams and requests at once, on one connection.

Start `fullon-cache-api demo`, or name another server by FULLON_CACHE_API_URL, then:

    python examples/many.py
"""

import asyncio

from fullon_cache_api import Client, fullon_cache_api

SYMBOL = "BTC/USDT"


async def follow_price(handler: Client, exchange: str) -> None:
    left = 5
    async for ticker in handler.stream_tickers(exchange, [SYMBOL]):
        print(f"{exchange}: {ticker['price']}")
        left -= 1
        if left == 0:
            break


async def follow_blocks(handler: Client) -> None:
    left = 5
    async for block in handler.stream_blocks(snapshot=False):
        if block.get("removed"):
            continue
        # Requests are answered between the updates.
        bot = await handler.get_bot_status(block["bot_id"])
        print(f"{bot['bot_id']} ({bot['status']}) blocks {block['symbol']} on {block['exchange']}")
        left -= 1
        if left == 0:
            break


async def main() -> None:
    async with fullon_cache_api() as handler:
        exchanges = await handler.get_exchanges()
        tickers = await asyncio.gather(*(handler.get_ticker(name, SYMBOL) for name in exchanges))
        cheapest = min(tickers, key=lambda ticker: ticker.get("ask") or float("inf"))
        print(f"{SYMBOL} is to be had for {cheapest.get('ask')} on {cheapest['exchange']}")

        prices = (follow_price(handler, name) for name in exchanges)
        await asyncio.gather(*prices, follow_blocks(handler))


asyncio.run(main())
