"""What users read streams by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from ._errors import CacheApiError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from types import TracebackType

    from ._compat import Self
    from ._events import Stale, StreamSettings
    from ._subscription import Subscription

T_co = TypeVar("T_co", covariant=True)


class Holder(Protocol):
    """What streams need of the client."""

    async def subscribe(self, subscription: Subscription) -> None:
        """Open a stream and wait until it is open."""

    async def unsubscribe(self, subscription: Subscription) -> None:
        """End a stream and wait until it has ended."""

    def let_go(self, subscription: Subscription) -> None:
        """End a stream soon. May be called from any thread."""


class Stream(Generic[T_co]):
    """A stream of updates: an async iterator, and an async context manager.

    A plain loop opens the stream, and ends it when it is left, by `break` or otherwise:

        async for update in handler.stream_tickers("binance"):
            ...

    Within `async with` the stream lasts as long as the block, and loops only read it:

        async with handler.stream_tickers("binance") as tickers:
            first = await anext(aiter(tickers))
            async for update in tickers:
                ...

    When the connection breaks the stream is opened again and goes on where it was.
    """

    def __init__(self, holder: Holder, make: Callable[[], Subscription]) -> None:
        self._holder = holder
        self._make = make
        self._subscription: Subscription | None = None
        self._is_held = False

    @property
    def request_id(self) -> str | None:
        """What the server calls the stream, while it is open."""
        return None if self._subscription is None else self._subscription.request_id

    @property
    def settings(self) -> StreamSettings | None:
        """How the server serves the stream, once it is open."""
        return None if self._subscription is None else self._subscription.settings

    @property
    def stale(self) -> Stale | None:
        """Since when and why the server cannot vouch for the last known state; None: it can."""
        return None if self._subscription is None else self._subscription.stale

    def __aiter__(self) -> AsyncIterator[T_co]:
        return StreamIterator(self)

    async def __aenter__(self) -> Self:
        await self._open()
        self._is_held = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End the stream, and wait until the server has done so."""
        self._is_held = False
        if self._subscription is not None:
            await self._holder.unsubscribe(self._subscription)

    async def _open(self) -> Subscription:
        if self._subscription is not None and not self._subscription.is_over:
            raise RuntimeError("this stream is open already: call the method again for another one")
        subscription = self._subscription = self._make()
        try:
            await self._holder.subscribe(subscription)
        except BaseException:
            self._holder.let_go(subscription)
            subscription.error = None  # it is raised once
            raise
        return subscription


class StreamIterator(Generic[T_co]):
    """What a loop reads a stream by.

    A loop that is left, by whatever way, drops its iterator: thereby the stream ends that it has
    opened. (A generator would not do: nobody tells it before its event loop gets to it.)
    """

    def __init__(self, stream: Stream[T_co]) -> None:
        self._stream = stream
        self._opens = not stream._is_held
        self._subscription = None if self._opens else stream._subscription

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T_co:
        subscription = self._subscription
        if subscription is None:
            try:
                subscription = self._subscription = await self._stream._open()
            except CacheApiError:
                self._subscription = self._stream._subscription  # this is the end of the loop
                raise
        queue = subscription.queue
        while not queue:
            if subscription.error is not None:
                error, subscription.error = subscription.error, None  # it is raised once
                raise error
            if subscription.is_over:
                raise StopAsyncIteration
            try:
                await subscription.news()
            except BaseException:
                # Who keeps the traceback shall not keep the iterator, and so the stream, by it.
                del self
                raise
        return subscription.read()  # type: ignore[no-any-return]

    def __del__(self) -> None:
        if self._opens and self._subscription is not None and not self._subscription.is_over:
            self._stream._holder.let_go(self._subscription)
