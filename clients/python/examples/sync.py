"""The client without an event loop, for scripts and notebooks.

Start `fullon-cache-api demo`, or name another server by FULLON_CACHE_API_URL, then:

    python examples/sync.py

In a notebook: `handler = fullon_cache_api(); handler.connect()`, and at its end `handler.close()`.
"""

from itertools import islice

from fullon_cache_api.sync import fullon_cache_api

with fullon_cache_api() as handler:
    for ticker in handler.get_all_tickers("binance"):
        print(f"{ticker['symbol']:10} {ticker['price']}")

    print("And live:")
    for update in islice(handler.stream_tickers("binance", ["BTC/USDT", "ETH/USDT"]), 6):
        print(f"{update['symbol']:10} {update['price']}")
