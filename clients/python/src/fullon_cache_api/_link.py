"""The connection of a client: what goes over it, and what happens when it breaks."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from websockets.exceptions import ConnectionClosed

from ._calls import Call, Calls, ExplainedCall, WholeCall, log_warnings, next_page, request
from ._connect import WAITING_BYTES, Backoff, open_connection
from ._errors import (
    CacheApiError,
    ClientClosed,
    ConnectionLost,
    InternalError,
    Unauthenticated,
)
from ._events import warning
from ._explain import Explain, Explained
from ._login import keep_login

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from websockets.asyncio.client import ClientConnection

    from ._connect import Settings
    from ._subscription import Subscription

_HEALTHY = 5.0  # seconds after which a connection counts as a good one
_TRIES = 2  # of a request, each on a connection of its own
_NO_LOGIN_IN_TIME = 4001

_log = logging.getLogger("fullon_cache_api")


class Link:
    """The connection of one client."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._connection: ClientConnection | None = None
        self._calls = Calls(settings.timeout)
        self._streams: dict[str, Subscription] = {}
        self._last_id = 0
        self._runner: asyncio.Task[None] | None = None
        self._keeper: asyncio.Task[None] | None = None
        """Renews the login."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._over: CacheApiError | None = ClientClosed("this client is not connected")

    async def call(self, operation: str, params: dict[str, Any], *, kind: type[Call] = Call) -> Any:
        """Call an operation. Params that are None are left out."""
        if self._over is not None:
            raise self._ended()
        request_id = self._last_id = self._last_id + 1
        text = request(str(request_id), operation, params, explain=kind is ExplainedCall)
        call = self._calls.add(request_id, operation, text, kind=kind)
        try:
            if self._connection is not None:
                call.tries = 1
                await self._write(self._connection, text)
            return await call.reply
        finally:
            self._calls.remove(request_id)

    async def explain(self, operation: str, params: dict[str, Any]) -> Explained:
        """Call an operation, and ask where the time of its answer went."""
        reply = await self.call(operation, params, kind=ExplainedCall)
        explain: Explain = reply["explain"]
        if "stream" in explain:  # nobody is there to read it
            await self._end(reply["request_id"])
        left_out = [warning(operation, message) for message in reply.get("warnings", ())]
        return Explained(reply["result"], left_out, explain)

    async def pages(self, operation: str, params: dict[str, Any]) -> AsyncIterator[Any]:
        """Call an operation as often as it takes to have all that there is."""
        asked: dict[str, Any] | None = params
        while asked is not None:
            reply = await self.call(operation, asked, kind=WholeCall)
            log_warnings(operation, reply)
            asked = next_page(asked, reply)
            yield reply["result"]

    async def subscribe(self, subscription: Subscription) -> None:
        """Open a stream and wait until it is open."""
        if self._over is not None:
            raise self._ended()

        def expire() -> None:
            subscription.end(self._calls.late(subscription.operation))

        timer = self._loop.call_later(self.settings.timeout, expire)
        self._name(subscription)
        try:
            await self._open(subscription)
            await subscription.opened
        finally:
            timer.cancel()

    async def unsubscribe(self, subscription: Subscription) -> None:
        """End a stream and wait until it has ended."""
        self._forget(subscription)
        was_over = subscription.is_over
        subscription.end(None)
        if not was_over and subscription.connection is not None:
            await self._end(subscription.request_id)

    def let_go(self, subscription: Subscription) -> None:
        """End a stream soon. May be called from any thread."""
        subscription.is_over = True
        with suppress(RuntimeError, AttributeError):  # the event loop is over, or never was
            self._loop.call_soon_threadsafe(self.drop, subscription)

    def open_soon(self, subscription: Subscription) -> None:
        """Open a stream, if there is a connection."""
        if self._over is None:
            self._spawn(self._open(subscription))

    def leave(self, subscription: Subscription) -> None:
        """Have the server end a stream, which may be opened again."""
        self._end_soon(subscription)
        subscription.connection = None
        self._name(subscription)

    def drop(self, subscription: Subscription) -> None:
        """Have the server end a stream for good."""
        self._forget(subscription)
        self._end_soon(subscription)

    def _forget(self, subscription: Subscription) -> None:
        """Take nothing for a stream any more."""
        self._streams.pop(subscription.request_id, None)

    def _end_soon(self, subscription: Subscription) -> None:
        if self._connection is not None and subscription.connection is self._connection:
            self._spawn(self._end(subscription.request_id))

    async def _end(self, request_id: str | int) -> None:
        with suppress(CacheApiError):  # then it has ended already
            await self.call("unsubscribe", {"stream": request_id})

    def _name(self, subscription: Subscription) -> None:
        """Give a stream an id that it never had: what still comes for the old one is not meant."""
        self._forget(subscription)
        self._last_id += 1
        subscription.request_id = f"s{self._last_id}"
        self._streams[subscription.request_id] = subscription

    async def _open(self, subscription: Subscription) -> None:
        connection = self._connection
        if connection is None or subscription.connection is connection:
            return  # it will be when there is a connection, or it was
        if subscription.is_paused or subscription.is_over:
            return
        subscription.connection = connection
        self._name(subscription)
        request_id = f'"{subscription.request_id}"'
        text = request(request_id, subscription.operation, subscription.request())
        await self._write(connection, text)

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection right now."""
        return self._connection is not None

    async def connect(self) -> None:
        """Connect to the server."""
        if self._over is None:
            return
        self._loop = asyncio.get_running_loop()
        settings = self.settings
        give_up = self._loop.time() + settings.wait
        backoff = Backoff(settings.reconnect_min, settings.reconnect_max)
        while True:
            try:
                connection, token = await open_connection(settings)
                break
            except CacheApiError as failure:
                left = give_up - self._loop.time()
                if left <= 0 or not failure.retryable:
                    raise
                await asyncio.sleep(min(backoff.next(failure.retry_after), left))
        self._over = None
        self._adopt(connection, token)
        self._runner = self._loop.create_task(self._run(connection, backoff))

    async def close(self) -> None:
        """End all streams, let all calls fail and close the connection."""
        connection = self._connection
        self._finish(ClientClosed("this client has been closed"))
        runner, self._runner = self._runner, None
        tasks = [*self._tasks, *([] if runner is None else [runner])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if connection is not None:
            if _is_stuck(connection):
                connection.transport.abort()
            await connection.close()

    async def _run(self, connection: ClientConnection, backoff: Backoff) -> None:
        """Read what comes; when the connection breaks, make it again."""
        try:
            while True:
                since = self._loop.time()
                code, why = await self._read(connection)
                self._lose(code, why)
                if self._loop.time() - since > _HEALTHY:
                    backoff.reset()
                connection, token = await self._reconnect(backoff)
                self._adopt(connection, token)
        except CacheApiError as final:
            self._finish(final)
        except Exception as defect:
            _log.exception("a defect of this client")
            await connection.close()
            self._finish(InternalError(f"a defect of this client: {defect!r}"))

    async def _read(self, connection: ClientConnection) -> tuple[int | None, str]:
        """Read until the connection breaks. Tells by which code, and why."""
        calls, streams = self._calls.by_id, self._streams
        receive, parse = connection.recv, json.loads
        try:
            while True:
                message = parse(await receive())
                if "type" in message:
                    stream = streams.get(message["request_id"])
                    if stream is not None:
                        stream.take(message)
                else:
                    call = calls.get(message["request_id"])
                    if call is None:
                        self._take_other(message)
                    else:
                        call.take(message)
        except json.JSONDecodeError:
            await connection.close()
            return None, "the server sent what is not JSON"
        except ConnectionClosed as closed:
            if closed.rcvd is None:
                return None, "it broke"
            return closed.rcvd.code, f"{closed.rcvd.code} {closed.rcvd.reason}".rstrip()

    def _take_other(self, reply: dict[str, Any]) -> None:
        """Take a reply that answers no call: it opens a stream, or is late."""
        stream = self._streams.get(reply["request_id"])
        if stream is not None:
            stream.take_reply(reply)

    def _adopt(self, connection: ClientConnection, token: str | None) -> None:
        """Go on with a new connection."""
        self._connection = connection
        self._calls.loss = None
        for call in self._calls.by_id.values():
            call.tries += 1
            self._spawn(self._write(connection, call.text))
        for subscription in list(self._streams.values()):
            self._spawn(self._open(subscription))
        if callable(self.settings.token) and token is not None:
            renewing = keep_login(self.call, self.settings.token, token)
            self._keeper = self._loop.create_task(renewing)

    def _lose(self, code: int | None, why: str) -> None:
        """Take note that the connection is gone."""
        self._connection = None
        if self._keeper is not None:
            self._keeper.cancel()
        if code == _NO_LOGIN_IN_TIME:
            raise Unauthenticated(f"{self.settings.url} closed the connection: {why}")
        loss = f"the connection to {self.settings.url} is lost: {why}"
        self._calls.loss = loss
        _log.info("%s", loss)
        for call in self._calls.by_id.values():
            if call.tries >= _TRIES:
                call.fail(ConnectionLost(loss, operation=call.operation))
        for subscription in self._streams.values():
            subscription.interrupt(loss)

    async def _reconnect(self, backoff: Backoff) -> tuple[ClientConnection, str | None]:
        wait: float | None = None
        while True:
            await asyncio.sleep(backoff.next(wait))
            try:
                return await open_connection(self.settings)
            except CacheApiError as failure:
                if not failure.retryable:
                    raise
                wait = failure.retry_after
                _log.debug("%s", failure)

    def _finish(self, error: CacheApiError) -> None:
        """End everything. A client that was closed on purpose ends its streams without an error."""
        self._over = error
        self._connection = None
        for call in self._calls.by_id.values():
            call.fail(self._ended(call.operation))
        for subscription in self._streams.values():
            subscription.end(None if isinstance(error, ClientClosed) else self._ended())
        self._streams.clear()
        if self._keeper is not None:
            self._keeper.cancel()
        self._calls.stop()

    def _ended(self, operation: str | None = None) -> CacheApiError:
        """Tell why nothing can be asked; each who asks gets an error of its own."""
        over = self._over or ClientClosed("this client has been closed")
        return CacheApiError.from_code(over.code, over.message, operation=operation)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _write(self, connection: ClientConnection, text: str) -> None:
        if _is_stuck(connection, len(text)):
            # Who waits until it is sent could not be told that it takes too long.
            self._spawn(_send(connection, text))
        else:
            await _send(connection, text)


def _is_stuck(connection: ClientConnection, more: int = 0) -> bool:
    """Tell whether what is sent, and so much more, may have to wait for the server to read."""
    return connection.transport.get_write_buffer_size() + more > WAITING_BYTES // 2


async def _send(connection: ClientConnection, text: str) -> None:
    with suppress(ConnectionClosed):  # who reads the connection learns of it
        await connection.send(text)
