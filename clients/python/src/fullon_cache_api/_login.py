"""Renews a login before it ends."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

from ._connect import token_of
from ._errors import CacheApiError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ._connect import Token

_BEFORE = 30.0  # seconds before the end; earlier, where it lasts less than twice that
_PAUSE = 1.0  # seconds between two attempts, at least
_LONGEST_PAUSE = 60.0

_log = logging.getLogger("fullon_cache_api")


async def keep_login(
    call: Callable[[str, dict[str, Any]], Awaitable[Any]], source: Token, token: str | None
) -> None:
    """Ask the source for a new token before the one in use ends, for as long as tokens end."""
    retry = _PAUSE
    while True:
        try:
            # Only the reply to this tells when the token ends.
            login = await call("authenticate", {"token": token})
            expires = login.get("expires")
            if expires is None:
                return
            left = expires - time.time()
            pause = max(left - _BEFORE, left / 2, _PAUSE)
            retry = _PAUSE
        except CacheApiError as failure:
            # When the login ends the server says so, and the new connection needs a good one.
            _log.warning("the login cannot be renewed: %s", failure)
            pause, retry = retry, min(retry * 2, _LONGEST_PAUSE)
        await asyncio.sleep(pause)
        try:
            token = await token_of(source)
        except Exception:
            _log.exception("there is no new token")
