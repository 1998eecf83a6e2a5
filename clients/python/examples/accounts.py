"""What a user holds, then every change of it.

Start `fullon-cache-api demo`, or name another server by FULLON_CACHE_API_URL, then:

    python examples/accounts.py
"""

import asyncio

from fullon_cache_api import Client, fullon_cache_api

USER = 1001


async def follow_positions(handler: Client) -> None:
    async for position in handler.stream_positions(USER, snapshot=False):
        if position.get("removed"):
            print(f"{position['symbol']} is closed")
        else:
            print(f"{position['symbol']} is {position['side']} {position['volume']}")


async def follow_balances(handler: Client) -> None:
    left = 3
    available: dict[str, float | None] = {}
    async for balance in handler.stream_balances(USER):
        currency, now = balance["currency"], balance.get("available")
        # An account that was read again is an update too, of its `timestamp`.
        if "snapshot" not in balance and now != available.get(currency):
            print(f"{currency}: {now} of {balance.get('total')} are available")
            left -= 1
        available[currency] = now
        if left == 0:
            break


async def main() -> None:
    async with fullon_cache_api() as handler:
        for position in await handler.get_positions(USER):
            print(f"{position['symbol']:10} {position['side']:5} {position['volume']:>16}")
        for balance in await handler.get_balances(USER):
            print(f"{balance['currency']:10} {balance.get('total')}")

        print("What changes:")
        positions = asyncio.create_task(follow_positions(handler))
        await follow_balances(handler)
        positions.cancel()


asyncio.run(main())
