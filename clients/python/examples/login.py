"""Logs in: by a token of the environment, by one that is fetched, and by a bad one.

Put what `fullon-cache-api token new me --scope market` prints into a `fullon-cache-api.toml`, start
`fullon-cache-api demo` beside that file, then:

    FULLON_CACHE_API_TOKEN=fca_… python examples/login.py
"""

import asyncio
import os

from fullon_cache_api import Forbidden, Unauthenticated, fullon_cache_api


async def fetch_token() -> str:
    """Ask for a token where yours come from. It is called whenever the client needs one."""
    return os.environ["FULLON_CACHE_API_TOKEN"]


async def main() -> None:
    # The token in FULLON_CACHE_API_TOKEN is found without a word.
    async with fullon_cache_api() as handler:
        ticker = await handler.get_ticker("binance", "BTC/USDT")
        print(f"BTC/USDT: {ticker['price']}")
        try:
            await handler.get_positions(1001)
        except Forbidden as error:
            print("The token is good, but not for that:", error)

    # A function is asked at every connection, and before a login ends: so streams outlive tokens.
    async with fullon_cache_api(token=fetch_token) as handler:
        login = await handler.authenticate(await fetch_token())
        print(f"{login['name']} may read {login['scopes']} until {login.get('expires')}")

    try:
        async with fullon_cache_api(token="fca_wrong"):
            pass
    except Unauthenticated as error:
        print("The token is bad:", error)


asyncio.run(main())
