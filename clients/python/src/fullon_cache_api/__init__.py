"""Client of fullon_cache_api: a cache of trading data over WebSocket, live and read-only.

    from fullon_cache_api import fullon_cache_api

    async with fullon_cache_api() as handler:
        ticker = await handler.get_ticker("binance", "BTC/USDT")
        async for update in handler.stream_tickers("binance", ["BTC/USDT"]):
            ...

`fullon_cache_api.sync` has the same for code without an event loop, `fullon_cache_api.types` the
types of all results and updates.
"""

from ._client import Client, fullon_cache_api
from ._errors import (
    CacheApiError,
    CacheCorrupt,
    CacheMiss,
    CacheTimeout,
    CacheUnavailable,
    CallTimeout,
    ClientClosed,
    ConnectionLost,
    Forbidden,
    InternalError,
    InvalidOperation,
    InvalidParams,
    LimitExceeded,
    MalformedMessage,
    Overloaded,
    RateLimited,
    ServerFailed,
    StreamGap,
    Unauthenticated,
    WrongAddress,
)
from ._events import (
    Event,
    Fresh,
    Gap,
    Reconnecting,
    Stale,
    StreamSettings,
    Warned,
)
from ._explain import Explain, Explained
from ._server import CacheWebSocketServer
from ._stream import Stream

__all__ = [
    "CacheApiError",
    "CacheCorrupt",
    "CacheMiss",
    "CacheTimeout",
    "CacheUnavailable",
    "CacheWebSocketServer",
    "CallTimeout",
    "Client",
    "ClientClosed",
    "ConnectionLost",
    "Event",
    "Explain",
    "Explained",
    "Forbidden",
    "Fresh",
    "Gap",
    "InternalError",
    "InvalidOperation",
    "InvalidParams",
    "LimitExceeded",
    "MalformedMessage",
    "Overloaded",
    "RateLimited",
    "Reconnecting",
    "ServerFailed",
    "Stale",
    "Stream",
    "StreamGap",
    "StreamSettings",
    "Unauthenticated",
    "Warned",
    "WrongAddress",
    "fullon_cache_api",
]
