"""Measures this client: its calls against bare websockets and json, and a busy stream.

It starts a Redis and a server of its own; nothing else should run meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from asyncio.subprocess import PIPE
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING

from websockets.asyncio.client import connect

from fullon_cache_api import CacheWebSocketServer, fullon_cache_api

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncGenerator

TARGET = Path(__file__).parents[3] / "target"
SYMBOL = "S0007/USDT"
# What `--check` admits.
MOST_RATIO = 1.3
LEAST_SHARE = 0.98  # of the changes, as updates of their own
MOST_DELAY = 0.5  # seconds, of 99 in 100 updates


def main() -> None:
    """Measure, print, and tell by the exit code whether all is well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", default=None, help="the server [default: what is built here]")
    parser.add_argument("--rounds", type=int, default=7, help="of calls")
    parser.add_argument("--calls", type=int, default=3000, help="in a round, one after another")
    parser.add_argument("--rate", type=int, default=10_000, help="changes a second")
    parser.add_argument("--seconds", type=float, default=5, help="for which there are changes")
    parser.add_argument("--items", type=int, default=1000, help="that change in turn")
    parser.add_argument("--check", action="store_true", help="fail beyond the limits")
    args = parser.parse_args()
    complaints = asyncio.run(measure(args))
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    sys.exit(1 if complaints else 0)


async def measure(args: argparse.Namespace) -> list[str]:
    """Measure everything; what is beyond the limits is told."""
    async with redis_server() as redis_url, writer(redis_url, args) as changes:
        binary = args.binary or os.environ.get("FULLON_CACHE_API_BINARY") or built()
        async with CacheWebSocketServer(port=0, redis_url=redis_url, binary=binary) as server:
            ratio = await race(server.url, args.rounds, args.calls)
            rate, share, late, missing = await follow(server.url, changes, args)
    complaints = [f"the last state of {missing} items did not arrive"] if missing else []
    if args.check and ratio > MOST_RATIO:
        complaints.append(f"a call takes {ratio:.2f} times as long as a bare one")
    if args.check and rate < LEAST_SHARE * args.rate:
        complaints.append(f"only {rate:.0f} changes/s were written")
    if args.check and share < LEAST_SHARE:
        complaints.append(f"the stream falls behind: {share:.0%} of the changes are updates")
    if args.check and late > MOST_DELAY:
        complaints.append(f"the stream is late: {late:.3f} s")
    return complaints


async def race(url: str, rounds: int, calls: int) -> float:
    """Tell how much longer a call takes than without this client."""
    runs = [(await bare(url, calls), await ours(url, calls)) for _ in range(rounds)]
    plain, call = (median(times) / calls * 1e6 for times in zip(*runs, strict=True))
    ratio: float = call / plain
    print(f"get_ticker: {call:.0f} µs, bare {plain:.0f} µs, ratio {ratio:.2f}")
    return ratio


async def bare(url: str, calls: int) -> float:
    """Ask so often by websockets and json alone."""
    async with connect(url, compression=None) as socket:
        begin = time.perf_counter()
        for number in range(calls):
            params = {"exchange": "binance", "symbol": SYMBOL}
            request = {"request_id": number, "operation": "get_ticker", "params": params}
            await socket.send(json.dumps(request))
            reply = json.loads(await socket.recv())
            assert reply["result"]["symbol"] == SYMBOL
        return time.perf_counter() - begin


async def ours(url: str, calls: int) -> float:
    """Ask so often by this client."""
    async with fullon_cache_api(url) as handler:
        begin = time.perf_counter()
        for _ in range(calls):
            ticker = await handler.get_ticker("binance", SYMBOL)
            assert ticker["symbol"] == SYMBOL
        return time.perf_counter() - begin


async def follow(
    url: str, changes: Process, args: argparse.Namespace
) -> tuple[float, float, float, int]:
    """Follow all changes.

    Tell how many were written in a second, which share of them arrived as updates of their own,
    the delay of 99 in 100, and how many items are not in their last state.
    """
    assert changes.stdin is not None
    assert changes.stdout is not None
    total = int(args.rate * args.seconds)
    wanted = min(total, args.items)
    delays: list[float] = []
    last: set[str] = set()
    begin = 0.0

    async def read() -> None:
        async for update in tickers:
            if "removed" in update or update.get("snapshot"):
                continue
            delays.append(time.time() - (update.get("timestamp") or 0))
            # Each item changes once in a turn, and in the last turn for the last time.
            if (update["price"] or 0) >= args.items + total - wanted:
                last.add(update["symbol"])
                if len(last) == wanted:
                    break

    async with fullon_cache_api(url) as handler, handler.stream_tickers("binance") as tickers:
        changes.stdin.write(b"go\n")
        begin = time.perf_counter()
        reading = asyncio.create_task(read())
        await asyncio.wait([reading], timeout=args.seconds + 30)
        took = time.perf_counter() - begin
        reading.cancel()
    wrote = total / float(await changes.stdout.readline())
    share = len(delays) / total
    percent = quantiles(delays, n=100)
    print(f"stream: {wrote:.0f} changes/s written, {len(delays) / took:.0f} updates/s arrived")
    print(f"  {share:.1%} of the changes, the last state of {len(last)} of {wanted} items")
    print(f"  delay: p50 {percent[49] * 1e3:.1f} ms, p99 {percent[98] * 1e3:.1f} ms")
    return wrote, share, percent[98], wanted - len(last)


def built() -> Path | None:
    """Find the server that is built here, if there is one; the optimized one first."""
    places = (TARGET / profile / "fullon-cache-api" for profile in ("release", "debug"))
    return next((place for place in places if place.is_file()), None)


@asynccontextmanager
async def redis_server() -> AsyncGenerator[str]:
    """Run a Redis, empty, and tell its address."""
    with tempfile.TemporaryDirectory() as folder:
        socket = f"{folder}/redis.sock"
        command = ["redis-server", "--port", "0", "--unixsocket", socket, "--save", ""]
        async with child(*command, "--dir", folder) as redis:
            await ready(redis)
            yield f"unix://{socket}"


@asynccontextmanager
async def writer(redis_url: str, args: argparse.Namespace) -> AsyncGenerator[Process]:
    """Run what writes; it waits for a line."""
    program = Path(__file__).with_name("writer.py")
    numbers = (str(number) for number in (args.items, args.rate, args.seconds))
    async with child(sys.executable, str(program), redis_url, *numbers) as changes:
        await ready(changes)
        yield changes


@asynccontextmanager
async def child(*command: str) -> AsyncGenerator[Process]:
    """Run a program as long as it is needed."""
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def ready(process: Process) -> None:
    """Wait until a program says that it is ready."""
    assert process.stdout is not None
    async for line in process.stdout:
        if b"ready" in line.lower():
            return
    raise SystemExit("a child process ended before it was ready")


if __name__ == "__main__":
    main()
