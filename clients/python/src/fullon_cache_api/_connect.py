"""Opens connections: how often, with which login, and what it means if that fails."""

from __future__ import annotations

import os
import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypedDict

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI

from ._errors import CacheApiError, ConnectionLost, Forbidden, Unauthenticated, WrongAddress

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable

Token: TypeAlias = "str | Callable[[], str | Awaitable[str]] | None"
"""A token, or what is asked for one whenever one is needed."""

DEFAULT_URL = "ws://127.0.0.1:8765"
WAITING_BYTES = 65536  # that may wait to be sent before senders have to wait
_TOKEN = re.compile(r"[!-~]+")
_FRAMES = 1024  # frames that may wait to be parsed; they come from one read of the socket


class Options(TypedDict, total=False):
    """What a client may be made with, beside the URL."""

    token: Token
    ssl: ssl.SSLContext | None
    timeout: float
    connect_timeout: float
    wait: float
    max_queue: int
    reconnect_min: float
    reconnect_max: float
    ping_interval: float | None


@dataclass(frozen=True)
class Settings:
    """What a client was made with; the client's documentation tells what each means."""

    url: str
    token: Token
    ssl: ssl.SSLContext | None
    timeout: float
    connect_timeout: float
    wait: float
    max_queue: int
    reconnect_min: float
    reconnect_max: float
    ping_interval: float | None


def url_of(url: str | None) -> str:
    """Tell which address is meant."""
    return url or os.environ.get("FULLON_CACHE_API_URL") or DEFAULT_URL


async def token_of(token: Token) -> str | None:
    """Get the token, asking for it if need be."""
    if not callable(token):
        return token or os.environ.get("FULLON_CACHE_API_TOKEN") or None
    found = token()
    return found if isinstance(found, str) else await found


async def open_connection(settings: Settings) -> tuple[ClientConnection, str | None]:
    """Open a connection, and tell with which token. Raises a `CacheApiError` that names the URL."""
    url = settings.url
    try:
        token = await token_of(settings.token)
    except CacheApiError:
        raise
    except Exception as cause:
        raise ConnectionLost(f"cannot connect to {url}: there is no token: {cause!r}") from cause
    if token and not _TOKEN.fullmatch(token):
        # It is not repeated in an error.
        raise Unauthenticated(f"cannot connect to {url}: what is given as a token cannot be one")
    headers = {"Authorization": f"Bearer {token}"} if token else None
    try:
        connection = await connect(
            url,
            ssl=settings.ssl,
            additional_headers=headers,
            compression=None,  # the server has none
            max_size=None,  # the server bounds what it sends
            max_queue=_FRAMES,
            write_limit=WAITING_BYTES,
            open_timeout=settings.connect_timeout,
            ping_interval=settings.ping_interval,
            ping_timeout=settings.ping_interval,
            close_timeout=1,
        )
    except InvalidStatus as refused:
        raise _refusal(url, refused) from refused
    except TimeoutError:
        waited = f"no answer within {settings.connect_timeout:g} s"
        raise ConnectionLost(f"cannot connect to {url}: {waited}") from None
    except InvalidURI as wrong:
        no_address = f"cannot connect to {url}: it is no ws:// or wss:// address"
        raise WrongAddress(no_address) from wrong
    except (OSError, InvalidHandshake) as cause:
        raise ConnectionLost(f"cannot connect to {url}: {cause}") from cause
    return connection, token


def _refusal(url: str, refused: InvalidStatus) -> CacheApiError:
    """Tell what an HTTP status means that came instead of a WebSocket."""
    response = refused.response
    status = response.status_code
    text = (response.body or b"").decode(errors="replace").strip() or response.reason_phrase
    message = f"{url} refused the connection with {status}: {text}"
    wait = response.headers.get("Retry-After", "")
    after = float(wait) if wait.isdecimal() else None
    match status:
        case 401 | 431:  # no other header is so long
            return Unauthenticated(message)
        case 403:
            return Forbidden(message)
        case 408 | 429:
            return ConnectionLost(message, retry_after=after)
        case _ if status >= 500:
            return ConnectionLost(message, retry_after=after)
        case _:
            return WrongAddress(message)


class Backoff:
    """Pauses between attempts: any length up to a bound (full jitter), which doubles each time."""

    def __init__(self, shortest: float, longest: float) -> None:
        self._shortest = shortest
        self._longest = longest
        self.reset()

    def reset(self) -> None:
        """Begin anew."""
        self._bound = self._shortest

    def next(self, at_least: float | None = None) -> float:
        """Tell how many seconds to wait."""
        pause = random.uniform(0, self._bound)
        self._bound = min(self._bound * 2, self._longest)
        return pause + (at_least or 0)
