"""The client."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ._api import Api
from ._connect import Settings, Token, url_of

if TYPE_CHECKING:
    import ssl as _ssl
    from collections.abc import AsyncIterator
    from types import TracebackType

    from ._compat import Self
    from ._explain import Explained
    from ._types import LoggedIn


class Client(Api):
    """A client of one server: one connection for any number of calls and streams.

        async with fullon_cache_api() as handler:
            ticker = await handler.get_ticker("binance", "BTC/USDT")
            async for update in handler.stream_tickers("binance", ["BTC/USDT"]):
                ...

    It may be used by any number of tasks of one event loop. When the connection breaks it is made
    again, streams go on where they were, and calls under way are made once more.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        token: Token = None,
        ssl: _ssl.SSLContext | None = None,
        timeout: float = 10.0,
        connect_timeout: float = 10.0,
        wait: float = 0.0,
        max_queue: int = 10_000,
        reconnect_min: float = 0.1,
        reconnect_max: float = 20.0,
        ping_interval: float | None = 20.0,
    ) -> None:
        """Make a client; `async with` or `connect()` connects it.

        Args:
            url: The server, `ws://` or `wss://`; else what FULLON_CACHE_API_URL says, else
                ws://127.0.0.1:8765.
            token: The token to log in with, or a function that returns one or an awaitable of
                one, which is called for each connection and before a login ends; else what
                FULLON_CACHE_API_TOKEN says.
            ssl: How to make `wss://` connections, where the system's defaults will not do.
            timeout: The seconds that a call may take.
            connect_timeout: The seconds that one attempt to connect may take.
            wait: The seconds for which the first connection is tried again and again; 0: once.
            max_queue: How many entries of a log, or removals of a state, may wait to be read. Then
                the stream is left, and gone on with from there when half are read.
            reconnect_min: The seconds before the first attempt to connect again, at most.
            reconnect_max: The seconds between two attempts, at most.
            ping_interval: The seconds between two pings, and those in which each must be
                answered; None: no pings.
        """
        super().__init__(
            Settings(
                url=url_of(url),
                token=token,
                ssl=ssl,
                timeout=timeout,
                connect_timeout=connect_timeout,
                wait=wait,
                max_queue=max_queue,
                reconnect_min=reconnect_min,
                reconnect_max=reconnect_max,
                ping_interval=ping_interval,
            )
        )

    async def connect(self) -> None:
        """Connect to the server. `async with` does so by itself."""
        await self._link.connect()

    async def aclose(self) -> None:
        """End all streams, let all calls fail and close the connection."""
        await self._link.close()

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def explain(self, operation: str, /, **params: Any) -> Explained:
        """Call an operation by its name, and ask where the time of its answer went.

            result, warnings, explain = await handler.explain(
                "get_ticker", exchange="binance", symbol="BTC/USDT"
            )

        An error has `explain` too. A stream is opened, and ended again.
        """
        return await self._link.explain(operation, params)

    def pages(self, operation: str, /, **params: Any) -> AsyncIterator[Any]:
        """Call an operation as often as it takes to have all that there is, a part at a time.

            async for orders in handler.pages("get_orders", exchange="binance", limit=1000):
                ...

        Each result holds what comes after the one before: as many as `limit` says, or as one reply
        may hold.
        """
        return self._link.pages(operation, params)

    @property
    def url(self) -> str:
        """The address of the server."""
        return self._link.settings.url

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection right now."""
        return self._link.is_connected

    async def authenticate(self, token: str) -> LoggedIn:
        """Log in by a token, which later connections use too; see `Api.authenticate`."""
        login = await super().authenticate(token)
        link = self._link
        link.settings = replace(link.settings, token=token)
        return login


fullon_cache_api = Client
"""The client, by the name that scripts use."""
