"""Writes tickers to a Redis as their writer does, each into its hash and then to its channel.

It stores one of each, says so, waits for a line, and then makes so many changes a second. The price
of a ticker is the number of its change.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from redis import Redis

BATCH = 100


def main(url: str, items: int, rate: int, seconds: float) -> None:
    """Fill the Redis, then write to it for so many seconds, and tell how many it took."""
    redis: Any = Redis.from_url(url)
    write(redis, items, range(items))
    print("ready", flush=True)
    sys.stdin.readline()
    begin = time.perf_counter()
    written, end = items, items + int(rate * seconds)
    while written < end:
        due = min(end, items + int((time.perf_counter() - begin) * rate), written + BATCH)
        if due < min(end, written + BATCH):
            time.sleep(0.001)
            continue
        write(redis, items, range(written, due))
        written = due
    print(time.perf_counter() - begin, flush=True)


def write(redis: Any, items: int, numbers: range) -> None:
    """Write so many changes at once."""
    pipeline = redis.pipeline(transaction=False)
    for number in numbers:
        symbol = f"S{number % items:04}/USDT"
        value = {"symbol": symbol, "exchange": "binance", "price": float(number), "volume": 1.5}
        text = json.dumps(value | {"time": time.time()})
        pipeline.hset("tickers:binance", symbol, text)
        pipeline.publish(f"ticker_updates:binance:{symbol}", text)
    pipeline.execute()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
