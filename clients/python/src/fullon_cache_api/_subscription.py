"""One open stream: what it is read by, what has come, and whether all of it has."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Literal, Protocol

from ._errors import CacheApiError, Forbidden
from ._events import Fresh, Gap, Reconnected, Reconnecting, Stale, StreamSettings, Warned, warning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Kind = Literal["state", "log"]

_log = logging.getLogger("fullon_cache_api")


class Opener(Protocol):
    """What subscriptions need of the client."""

    def reopen(self, subscription: Subscription, after: float | None = None) -> None:
        """Open the stream anew, at once or after so many seconds."""

    def end_soon(self, request_id: str) -> None:
        """Ask the server to end a stream."""

    def forget(self, subscription: Subscription) -> None:
        """Drop the stream, which the server has ended."""


class Subscription:
    """One open stream.

    What comes is kept in `backlog` until it is read. A state whose backlog is full keeps of every
    item the newest form; a log drops its oldest entries and tells so by a `Gap`.
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
        self.kind: Kind = kind
        self.events = events
        self.request_id = ""
        """The id of the request that opened it last."""
        self.connection: object | None = None
        """The connection that it was asked for on."""
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the server has opened it for the first time."""
        self.settings: StreamSettings | None = None
        self.stale: Stale | None = None
        self.backlog: deque[Any] = deque()
        self.waiter: asyncio.Future[None] | None = None
        self.is_over = False
        """Whether nothing will be added to the backlog."""
        self.error: CacheApiError | None = None
        """What it ended by, unless it ended well."""
        self._opener = opener
        self._params = params
        self._has_snapshot: bool = params.get("snapshot", True)
        self._name_of: Callable[[Any], Any] = itemgetter(*named_by) if named_by else lambda _: None
        self._max_queue = max_queue
        self._squeeze_at = max_queue
        self._update_type = ""
        self._epoch = ""
        self._last_id: int | None = None
        """The last version that has come in this epoch."""
        self._prev_id: int | None = None
        """What the next update must name as the one before it."""

    def request(self) -> dict[str, Any]:
        """Tell the params to open it with: where it has been open, it goes on from there."""
        last_id = self._last_id
        if last_id is None and self._epoch and self.kind == "log" and self._has_snapshot:
            last_id = 0  # nothing has been told yet, so nothing may be missed from the first on
        if last_id is None:
            return self._params
        return {**self._params, "resume": {"epoch": self._epoch, "update_id": last_id}}

    def take_reply(self, reply: dict[str, Any]) -> None:
        """Take the reply to the request that opens it."""
        if not reply["success"]:
            error = CacheApiError.from_reply(reply, self.operation)
            if self.opened.done() and error.retryable:
                self._opener.reopen(self, after=error.retry_after or 1.0)
            else:
                self._opener.forget(self)
                self.end(error)
            return
        self.settings = settings = reply["result"]
        self._update_type = settings["update_type"]
        self._epoch = settings["epoch"]
        self._prev_id = None
        if not self.opened.done():
            self.opened.set_result(None)
            return
        before = self._last_id
        self._tell(Reconnected(settings["resumed"]))
        if not settings["resumed"]:
            self._last_id = None
            # Nobody knows any more what came between. Only where a state had no items, and now all
            # that there are follow, nothing can be missed.
            if before is not None or self.kind == "log" or not self._has_snapshot:
                self._put(Gap(None if before is None else before + 1, None))

    def take(self, message: dict[str, Any]) -> None:
        """Take an update or another message of the stream."""
        if message["type"] != self._update_type:
            self._take_notice(message)
            return
        if message["prev_id"] != self._prev_id:
            missed = f"{self._prev_id} was to come before {message['update_id']}"
            self.interrupt(f"the chain of updates is broken: {missed}, not {message['prev_id']}")
            self._opener.end_soon(self.request_id)
            self._opener.reopen(self)
            return
        self._last_id = self._prev_id = message["update_id"]
        # The same as `_put`, without a call for each update.
        self.backlog.append(message)
        if len(self.backlog) > self._squeeze_at:
            self._squeeze()
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    def _take_notice(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "stream_stale":
                self.stale = Stale(message["since"], message["reason"])
                self._tell(self.stale)
            case "stream_fresh":
                self.stale = None
                self._tell(Fresh())
            case "stream_gap":
                self._put(Gap(message["from"], message["to"]))
            case "stream_warning":
                warned = warning(self.operation, message)
                _log.warning("%s: %s", self.operation, warned.message)
                self._tell(warned)
            case "stream_end" if message["reason"] == "reconfigured":
                self.interrupt("the server serves this stream in another way now")
                self._opener.reopen(self)
            case "stream_end":
                self._opener.forget(self)
                refused = "this login may not read that any more"
                is_forbidden = message["reason"] == "forbidden"
                self.end(Forbidden(refused, operation=self.operation) if is_forbidden else None)
            case other:
                _log.debug("%s: a message of a type that is not known: %s", self.operation, other)

    async def news(self) -> None:
        """Wait until the backlog has something, or the end has come."""
        if self.waiter is not None:
            raise RuntimeError("another task waits for this stream")
        self.waiter = asyncio.get_running_loop().create_future()
        try:
            await self.waiter
        finally:
            self.waiter = None

    def interrupt(self, reason: str) -> None:
        """Tell that nothing comes for now."""
        self.connection = None
        self.stale = None
        if self.opened.done():
            self._tell(Reconnecting(reason))

    def end(self, error: CacheApiError | None) -> None:
        """Take nothing any more. Who reads the stream gets what has come, then the error."""
        if self.is_over:
            return
        self.is_over = True
        self.error = error
        if not self.opened.done() and error is not None:
            self.opened.set_exception(error)
            self.opened.exception()  # it need not be fetched
        elif not self.opened.done():
            self.opened.cancel()
        self._wake()

    def _tell(self, event: object) -> None:
        """Add an event, for those who want to know."""
        if self.events:
            self._put(event)

    def _put(self, item: object) -> None:
        if type(item) is Gap and self.kind == "state" and not self.events:
            return  # of a state all that is there follows anew
        self.backlog.append(item)
        if len(self.backlog) > self._squeeze_at:
            self._squeeze()
        self._wake()

    def _wake(self) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    def _squeeze(self) -> None:
        """Make room in a backlog that is full."""
        backlog = self.backlog
        if self.kind == "state":
            kept = list(newest(backlog, self._name_of))
            # There may be more items than that: so that not each update has this done again.
            self._squeeze_at = max(self._max_queue, 2 * len(kept))
        else:
            items = list(backlog)
            half = len(items) // 2
            lost = [item["update_id"] for item in items[:half] if type(item) is dict]
            gaps = [item for item in items[:half] if type(item) is Gap]
            lost += [i for gap in gaps for i in (gap.first, gap.last) if i is not None]
            told = [item for item in items[:half] if type(item) not in (dict, Gap)]
            gap = Gap(min(lost), max(lost)) if lost else Gap(None, None)
            kept = [*newest(told, self._name_of), gap, *items[half:]]
        backlog.clear()
        backlog.extend(kept)


def newest(items: Iterable[Any], name_of: Callable[[Any], Any]) -> Iterable[Any]:
    """Of each item, and of each kind of event, the newest, in order."""
    kept: dict[Any, Any] = {}
    for item in items:
        if type(item) is dict:
            name = name_of(item)
        elif type(item) is Warned:
            name = (Warned, item.item)
        else:
            # These two pairs undo each other.
            name = {Fresh: Stale, Reconnected: Reconnecting}.get(type(item), type(item))
        kept.pop(name, None)
        kept[name] = item
    return kept.values()
