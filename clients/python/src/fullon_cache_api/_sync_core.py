"""What runs the client in a thread of its own, for code without an event loop."""

from __future__ import annotations

import asyncio
from threading import Thread
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ._errors import ClientClosed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterator
    from types import TracebackType

    from ._client import Client
    from ._compat import Self
    from ._events import Stale, StreamSettings
    from ._queue import Kind
    from ._stream import Stream

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_END: Any = object()


class SyncCore:
    """What the generated methods are built on."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None

    def connect(self) -> None:
        """Connect to the server. `with` does so by itself."""
        if self._loop is not None:
            return
        self._loop = asyncio.new_event_loop()
        name = "fullon_cache_api"
        self._thread = Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()
        try:
            self._run(self._client.connect())
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End all streams, let all calls fail and close the connection."""
        loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        try:
            self._run(self._client.aclose())
        finally:
            self._loop = self._thread = None
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        """Have something done by the thread, and wait for it."""
        if self._loop is None:
            work.close()
            raise ClientClosed("this client is not connected")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def _call(self, operation: str, params: dict[str, Any]) -> Any:
        return self._run(self._client._call(operation, params))

    def _stream(
        self,
        operation: str,
        params: dict[str, Any],
        *,
        kind: Kind,
        named_by: tuple[str, ...] = (),
        events: bool = False,
    ) -> SyncStream[Any]:
        make = self._client._stream
        stream = make(operation, params, kind=kind, named_by=named_by, events=events)
        return SyncStream(self, stream)


class SyncStream(Generic[T_co]):
    """A stream of updates: an iterable, and a context manager.

    A plain loop opens the stream, and ends it when it is left. Within `with` the stream lasts as
    long as the block, and loops only read it.
    """

    def __init__(self, core: SyncCore, stream: Stream[T_co]) -> None:
        self._core = core
        self._stream = stream

    @property
    def request_id(self) -> str | None:
        """What the server calls the stream, while it is open."""
        return self._stream.request_id

    @property
    def settings(self) -> StreamSettings | None:
        """How the server serves the stream, once it is open."""
        return self._stream.settings

    @property
    def stale(self) -> Stale | None:
        """Since when and why the server cannot vouch for the last known state; None: it can."""
        return self._stream.stale

    def __iter__(self) -> Iterator[T_co]:
        return SyncStreamIterator(self._core, aiter(self._stream))

    def __enter__(self) -> Self:
        self._core._run(self._stream.__aenter__())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the stream, and wait until the server has done so."""
        self._core._run(self._stream.aclose())


class SyncStreamIterator(Generic[T_co]):
    """What a loop reads a stream by. When it is dropped, so is the asynchronous one."""

    def __init__(self, core: SyncCore, updates: AsyncIterator[T_co]) -> None:
        self._core = core
        self._updates = updates

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T_co:
        item = self._core._run(_next(self._updates))
        if item is _END:
            raise StopIteration
        return item


async def _next(updates: AsyncIterator[T]) -> T:
    try:
        return await anext(updates)
    except StopAsyncIteration:
        return _END  # type: ignore[no-any-return]
