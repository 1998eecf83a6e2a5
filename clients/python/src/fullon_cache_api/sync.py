"""The client for scripts and notebooks, without an event loop.

from fullon_cache_api.sync import fullon_cache_api

with fullon_cache_api() as handler:
    ticker = handler.get_ticker("binance", "BTC/USDT")
    for update in handler.stream_tickers("binance", ["BTC/USDT"]):
        ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._client import Client as _AsyncClient
from ._sync import SyncApi
from ._sync_core import SyncStream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from types import TracebackType

    from typing_extensions import Unpack

    from ._compat import Self
    from ._connect import Options
    from ._explain import Explained
    from ._types import LoggedIn

__all__ = ["Client", "SyncStream", "fullon_cache_api"]


_END: Any = object()


async def _next(pages: AsyncIterator[Any]) -> Any:
    """Take the next of what comes; a coroutine, and no mere awaitable, is what a thread runs."""
    return await anext(pages, _END)


class Client(SyncApi):
    """A client of one server; any number of threads may use it."""

    def __init__(self, url: str | None = None, **options: Unpack[Options]) -> None:
        """Make a client; `with` or `connect()` connects it. The options are those of the other."""
        super().__init__(_AsyncClient(url, **options))

    def __enter__(self) -> Self:
        self.connect()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def explain(self, operation: str, /, **params: Any) -> Explained:
        """Call an operation by its name, and ask where the time of its answer went.

        An error has `explain` too. A stream is opened, and ended again.
        """
        return self._run(self._client.explain(operation, **params))

    def pages(self, operation: str, /, **params: Any) -> Iterator[Any]:
        """Call an operation as often as it takes to have all that there is, a part at a time.

            for orders in handler.pages("get_orders", exchange="binance", limit=1000):
                ...

        Each result holds what comes after the one before: as many as `limit` says, or as one reply
        may hold.
        """
        pages = self._client.pages(operation, **params)
        while (page := self._run(_next(pages))) is not _END:
            yield page

    def authenticate(self, token: str) -> LoggedIn:
        """Log in by a token, which later connections use too; see `SyncApi.authenticate`."""
        return self._run(self._client.authenticate(token))


fullon_cache_api = Client
"""The client, by the name that scripts use."""
