"""Requests that wait for their replies."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

from ._errors import CacheApiError, CallTimeout, ConnectionLost
from ._events import warning

_log = logging.getLogger("fullon_cache_api")
# Whatever else can be iterated is sent as a list.
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, default=list).encode


def request(
    request_id: str, operation: str, params: dict[str, Any], *, explain: bool = False
) -> str:
    """Write a request. Params that are None are left out."""
    if None in params.values():
        params = {name: value for name, value in params.items() if value is not None}
    more = ',"explain":true' if explain else ""
    encoded = _encode(params)
    return f'{{"request_id":{request_id},"operation":"{operation}","params":{encoded}{more}}}'


def log_warnings(operation: str, reply: dict[str, Any]) -> None:
    """Log what had to be left out of a result."""
    for left_out in reply.get("warnings", ()):
        warned = warning(operation, left_out)
        _log.warning("%s leaves out %s: %s", warned.operation, warned.item, warned.message)


class Call:
    """A request that waits for its reply."""

    __slots__ = ("deadline", "operation", "reply", "text", "tries")

    def __init__(
        self, operation: str, text: str, reply: asyncio.Future[Any], deadline: float
    ) -> None:
        self.operation = operation
        self.text = text
        self.reply = reply
        self.deadline = deadline
        self.tries = 0

    def fail(self, error: CacheApiError) -> None:
        """Let the caller have an error."""
        if not self.reply.done():
            self.reply.set_exception(error)

    def take(self, reply: dict[str, Any]) -> None:
        """Let the caller have the reply."""
        if self.reply.done():
            return
        if not reply["success"]:
            self.reply.set_exception(CacheApiError.from_reply(reply, self.operation))
            return
        self.reply.set_result(reply["result"])
        log_warnings(self.operation, reply)


class WholeCall(Call):
    """A request whose caller is to have all that its reply holds."""

    __slots__ = ()

    def take(self, reply: dict[str, Any]) -> None:
        """Let the caller have the reply."""
        if self.reply.done():
            return
        if reply["success"]:
            self.reply.set_result(reply)
        else:
            self.fail(CacheApiError.from_reply(reply, self.operation))


class ExplainedCall(WholeCall):
    """The same of one that asks where the time of its answer went."""

    __slots__ = ()


def next_page(params: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any] | None:
    """Tell what to ask for after a reply; None: it was the last one."""
    cursor = reply.get("cursor")
    return None if cursor is None else {**params, "cursor": cursor}


class Calls:
    """All requests that wait for their replies.

    One timer serves all: as each may take equally long, they expire in the order they came in.
    """

    def __init__(self, timeout: float) -> None:
        self.by_id: dict[int, Call] = {}
        self.loss: str | None = None
        """Why there is no connection, if there is none."""
        self._timeout = timeout
        self._timer: asyncio.TimerHandle | None = None

    def add(self, request_id: int, operation: str, text: str, *, kind: type[Call] = Call) -> Call:
        """Expect the reply to a request."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timeout
        call = self.by_id[request_id] = kind(operation, text, loop.create_future(), deadline)
        if self._timer is None:
            self._timer = loop.call_at(deadline, self._expire)
        return call

    def remove(self, request_id: int) -> None:
        """Expect it no more."""
        del self.by_id[request_id]

    def late(self, operation: str) -> CacheApiError:
        """Tell why there was no answer in time."""
        late = f"no answer within {self._timeout:g} s"
        if self.loss is None:
            return CallTimeout(late, operation=operation)
        return ConnectionLost(f"{late}: {self.loss}", operation=operation)

    def stop(self) -> None:
        """Let nothing expire any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self) -> None:
        """Let those fail that have waited long enough, and look again when the next has."""
        self._timer = None
        loop = asyncio.get_running_loop()
        for call in self.by_id.values():
            if call.reply.done():
                continue
            if call.deadline > loop.time():
                self._timer = loop.call_at(call.deadline, self._expire)
                break
            call.fail(self.late(call.operation))
