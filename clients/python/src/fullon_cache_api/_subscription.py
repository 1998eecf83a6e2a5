"""A stream's course over any number of connections."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Protocol

from ._connect import Backoff
from ._errors import (
    CacheApiError,
    Forbidden,
    InvalidOperation,
    InvalidParams,
    StreamGap,
    Unauthenticated,
)
from ._events import Fresh, Gap, Reconnecting, Stale, StreamSettings, warning
from ._items import Items
from ._queue import Kind, Queue

_REOPEN_MIN = 0.2  # seconds before a stream that was refused is opened again, at most
_REOPEN_MAX = 20.0  # the same, when it was refused many times
_FINAL = (Forbidden, Unauthenticated, InvalidParams, InvalidOperation)

_log = logging.getLogger("fullon_cache_api")


class Opener(Protocol):
    """What subscriptions need of the client."""

    def open_soon(self, subscription: Subscription) -> None:
        """Open the stream, if there is a connection."""

    def leave(self, subscription: Subscription) -> None:
        """Have the server end the stream, which may be opened again."""

    def drop(self, subscription: Subscription) -> None:
        """Have the server end the stream for good."""


class Subscription:
    """A stream's course over any number of connections: opened, followed, and opened again.

    What comes of it goes to a queue. If that is full the stream is left, and gone on with from
    there when there is room: the server remembers for a while what was not read, and says what it
    does not.
    """

    def __init__(
        self,
        opener: Opener,
        operation: str,
        params: dict[str, Any],
        *,
        kind: Kind,
        named_by: tuple[str, ...],
        events: bool,
        max_queue: int,
    ) -> None:
        self.operation = operation
        self.request_id = ""
        """The id of the request that opened it last."""
        self.connection: object | None = None
        """The connection that it was asked for on."""
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the server has opened it for the first time."""
        self.settings: StreamSettings | None = None
        self.stale: Stale | None = None
        self.queue = Queue(kind)
        self.is_paused = False
        """Whether it was left until there is room in the queue."""
        self.is_over = False
        """Whether nothing will be added to the queue."""
        self.error: CacheApiError | None = None
        """What it ended by and was not raised yet, unless it ended well."""
        self._opener = opener
        self._params = params
        self._items = Items(named_by) if kind == "state" else None
        """Of a state, which items its reader knows of."""
        self._events = events
        self._max_queue = max(1, max_queue)
        self._has_snapshot: bool = params.get("snapshot", True)
        self._update_type = ""
        self._last_id: int | None = None
        """Where it stands, as far as it has come."""
        self._prev_id: int | None = None
        """What the next update must name as the one before it."""
        self._entry: dict[str, Any] | None = None
        """Of a log, the last update: another server finds it in the list and goes on behind it."""
        self._is_away = False
        """Whether its reader was told that it is not up to date."""
        self._waiter: asyncio.Future[None] | None = None
        self._backoff = Backoff(_REOPEN_MIN, _REOPEN_MAX)
        self._reopening: asyncio.TimerHandle | None = None

    def request(self) -> dict[str, Any]:
        """Tell the params to open it with: where it has been open, it goes on from there."""
        self._prev_id = None
        if self.settings is None:
            return self._params
        if self._last_id is not None:
            point: dict[str, Any] = {"epoch": self.settings["epoch"], "update_id": self._last_id}
            if self._entry is not None:
                point["entry"] = self._entry
            return {**self._params, "resume": point}
        # It changed perhaps, but there is no place to go on from.
        return self._params if self._items is None else {**self._params, "snapshot": True}

    def take_reply(self, reply: dict[str, Any]) -> None:
        """Take the reply to the request that opens it."""
        if not reply["success"]:
            self._refused(CacheApiError.from_reply(reply, self.operation))
            return
        was_open = self.settings is not None
        self.settings = settings = reply["result"]
        self._update_type = settings["update_type"]
        self.stale = None
        self._backoff.reset()
        if not self.opened.done():
            self.opened.set_result(None)
        if self._last_id is not None and not settings["resumed"]:
            self._last_id = None
            self._gap(Gap(None, None, "the server does not remember where the stream stood"))
        elif was_open and self._last_id is None and not self._has_snapshot:
            self._gap(Gap(None, None, "nothing was told before the stream was opened again"))
        if self._last_id is None and self._misses_from_the_first():
            self._last_id = 0
        if self._is_away:
            self._is_away = False
            self._tell(Fresh())

    def take(self, message: dict[str, Any]) -> None:
        """Take an update or another message of the stream."""
        if message["type"] != self._update_type:
            self._take_notice(message)
            return
        if message["prev_id"] != self._prev_id:
            # One is missing: it is asked for again, with all that came after it.
            _log.info("%s: %s came before its time", self.operation, message["update_id"])
            self._opener.leave(self)
            self._opener.open_soon(self)
            return
        self._last_id = self._prev_id = message["update_id"]
        if self._items is None:
            self._entry = message.copy()  # its reader may change it
        self._push(message)

    def _push(self, update: dict[str, Any]) -> None:
        """Add an update to the queue, and leave the stream if that is full."""
        self.queue.push(update, None if self._items is None else self._items.note(update))
        if self.queue.count >= self._max_queue and not self.is_paused:
            self.is_paused = True
            self._opener.leave(self)
        # The same as `_wake`, without a call for each update.
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _take_notice(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "stream_stale":
                self.stale = Stale(message["since"], message["reason"])
                self._is_away = True
                self._tell(self.stale)
            case "stream_fresh":
                self.stale = None
                self._is_away = False
                self._tell(Fresh())
            case "stream_gap":
                lost = "the server could not keep what was not read in time"
                self._gap(Gap(message["from"], message["to"], lost))
            case "stream_complete":
                self._complete(message)
            case "stream_warning":
                if self._items is not None:
                    self._items.keep_missing()
                warned = warning(self.operation, message)
                _log.warning("%s: %s", self.operation, warned.message)
                self._tell(warned)
            case "stream_end":
                self._ended(message["reason"])
            case other:
                _log.debug("%s: a message of a type that is not known: %s", self.operation, other)

    def _complete(self, message: dict[str, Any]) -> None:
        """Take note that all that there is of a state has been told, and tell what is gone."""
        if self._items is None:
            return
        self._last_id = update_id = message["update_id"]
        removal = {
            "type": self._update_type,
            "request_id": message["request_id"],
            "update_id": update_id,
            "prev_id": self._prev_id,
            "removed": True,
        }
        for item in self._items.complete():
            self._push(removal | item)

    async def news(self) -> None:
        """Wait until the queue has something, or the end has come."""
        if self._waiter is not None:
            raise RuntimeError("another task waits for this stream")
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def read(self) -> Any:
        """Take the next of the queue, and go on if it was paused and there is room again."""
        item = self.queue.pop()
        if self.is_paused and self.queue.count <= self._max_queue // 2:
            self.is_paused = False
            self._opener.open_soon(self)
        return item

    def interrupt(self, reason: str) -> None:
        """Tell that the connection is lost."""
        self.connection = None
        self.stale = None
        self._call_off()
        if self.settings is not None:
            self._is_away = True
            self._tell(Reconnecting(reason))

    def end(self, error: CacheApiError | None) -> None:
        """Take nothing any more. Who reads the stream gets what has come, then the error."""
        if self.is_over:
            return
        self.is_over = True
        self.error = error
        self._call_off()
        if not self.opened.done() and error is not None:
            self.opened.set_exception(error)
            self.opened.exception()  # it need not be fetched
        elif not self.opened.done():
            self.opened.cancel()
        self._wake()

    def _refused(self, error: CacheApiError) -> None:
        """Take note that it cannot be opened. Once it was, what may pass is waited for."""
        self.connection = None
        if self.settings is None or isinstance(error, _FINAL):
            self._fail(error)
        else:
            self._open_later(error.retry_after or 0)

    def _ended(self, reason: str) -> None:
        """Take note that the server has ended it."""
        self.connection = None
        if reason == "unsubscribed":
            self._fail(None)
        elif reason == "forbidden":
            refused = "this login may not read that any more"
            self._fail(Forbidden(refused, operation=self.operation))
        else:
            self._open_later(0)  # it shows other items now

    def _misses_from_the_first(self) -> bool:
        """Tell whether there is something to miss where nothing has been told yet."""
        if self._items is None:
            return self._has_snapshot
        return self._items.is_any_missing  # only who resumes is told when all has been told

    def _gap(self, gap: Gap) -> None:
        """Tell of a gap. Of a state all that is there follows anew, then what is gone."""
        if self._items is not None:
            self._items.begin_anew()
        if self._events:
            self._tell(gap)
        elif self._items is None:
            missing = f"entries may be missing: {gap.reason}"
            self._fail(StreamGap(missing, operation=self.operation))

    def _fail(self, error: CacheApiError | None) -> None:
        self._opener.drop(self)
        self.end(error)

    def _open_later(self, at_least: float) -> None:
        self._call_off()
        pause = self._backoff.next(at_least)
        loop = asyncio.get_running_loop()
        self._reopening = loop.call_later(pause, self._opener.open_soon, self)

    def _call_off(self) -> None:
        if self._reopening is not None:
            self._reopening.cancel()
            self._reopening = None

    def _tell(self, event: object) -> None:
        """Add an event, for those who want to know."""
        if self._events and not self.is_over:
            self.queue.tell(event)
            self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
