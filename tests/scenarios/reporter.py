"""Does what it is told by way of the Python client, and reports what it sees; see `run.py`."""

import asyncio
import json
import logging
import sys

from fullon_cache_api import (
    CacheApiError,
    Client,
    Event,
    Fresh,
    Gap,
    Reconnecting,
    Stale,
    Warned,
)

SEEN = {Reconnecting: "reconnecting", Stale: "stale", Fresh: "fresh", Gap: "gap", Warned: "warning"}


def seen(item):
    if not isinstance(item, Event):
        return {**item, "seen": "update"}
    warned = {"code": item.code, "item": item.item} if isinstance(item, Warned) else {}
    return {"seen": SEEN[type(item)], **warned}


class Reporter:
    def __init__(self):
        self.client = None
        self.streams = {}
        self.iterators = {}

    async def connect(self, *, url, token=None, tokens=None, timeout_ms, max_queue, pause_ms):
        if tokens is not None:
            left = list(tokens)
            token = lambda: left.pop(0) if len(left) > 1 else left[0]  # noqa: E731
        seconds = timeout_ms / 1000
        self.client = Client(
            url, token=token, timeout=seconds, wait=seconds, max_queue=max_queue, reconnect_max=pause_ms / 1000
        )
        await self.client.connect()
        return {"seen": "connected"}

    async def call(self, *, operation, params):
        return {"seen": "result", "value": await self.client._call(operation, params)}

    async def pages(self, *, operation, params):
        return {"seen": "result", "value": [page async for page in self.client.pages(operation, **params)]}

    async def open(self, *, stream, operation, params, snapshot, events):
        self.streams[stream] = getattr(self.client, operation)(**params, snapshot=snapshot, events=events)
        self.iterators[stream] = aiter(self.streams[stream])
        return {"seen": "opening"}

    async def take(self, *, stream):
        try:
            return seen(await anext(self.iterators[stream]))
        except StopAsyncIteration:
            return {"seen": "end"}

    async def leave(self, *, stream):
        await self.streams[stream].aclose()
        return {"seen": "left"}

    async def close(self):
        await self.client.aclose()
        return {"seen": "closed"}

    async def do(self, command):
        try:
            return await getattr(self, command.pop("do"))(**command)
        except CacheApiError as error:
            return {"seen": "error", "code": error.code, "retryable": error.retryable}


async def main():
    logging.disable()
    reporter = Reporter()
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    async for line in commands:
        print(json.dumps(await reporter.do(json.loads(line))), flush=True)


asyncio.run(main())
