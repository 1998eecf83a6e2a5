"""Logins: tokens that end, that are renewed, that are withdrawn, that may not read all."""

from __future__ import annotations

import hashlib
import os
import signal
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from conftest import soon

from fullon_cache_api import (
    CacheWebSocketServer,
    Forbidden,
    Fresh,
    Reconnecting,
    Unauthenticated,
    fullon_cache_api,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from fullon_cache_api import Stream


class Guarded:
    """A server that wants logins, and its configuration."""

    def __init__(self, config: Path) -> None:
        self.config = config
        self.tokens: dict[str, str] = {}
        self.server = CacheWebSocketServer(port=0, demo=True, args=["--config", str(config)])

    def allow(
        self, token: str, *, scopes: str = '"market", "account"', seconds: float | None = None
    ) -> None:
        """Let a token in, for so many seconds."""
        entry = f'name = "{token}", sha256 = "{hashlib.sha256(token.encode()).hexdigest()}"'
        entry += f", scopes = [{scopes}], all_users = true"
        if seconds is not None:
            end = datetime.now(timezone.utc) + timedelta(seconds=seconds)
            entry += f', expires = "{end.isoformat()}"'
        self.tokens[token] = entry
        self.write()

    def write(self) -> None:
        """Write the configuration."""
        entries = ",\n".join(f"{{ {entry} }}" for entry in self.tokens.values())
        self.config.write_text(f'[auth]\nlogin_timeout = "1s"\ntokens = [{entries}]\n')

    def reload(self) -> None:
        """Write the configuration, and have it read."""
        self.write()
        assert self.server.pid is not None
        os.kill(self.server.pid, signal.SIGHUP)


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[Guarded]:
    """Give a server that wants logins; it is to be started."""
    guarded = Guarded(tmp_path / "config.toml")
    yield guarded
    await guarded.server.stop()


async def follow(stream: Stream[Any], seconds: float) -> list[Any]:
    """Read a stream until an update of that time comes."""
    end = (datetime.now(timezone.utc) + timedelta(seconds=seconds)).timestamp()
    events: list[Any] = []
    async for event in stream:
        if isinstance(event, dict) and event["timestamp"] > end:
            break
        if not isinstance(event, dict):
            events.append(event)
    return events


async def test_a_token_is_renewed_before_it_ends(guarded: Guarded) -> None:
    guarded.allow("first", seconds=6)
    guarded.allow("second")
    await guarded.server.start()
    tokens = iter(["first", "second"])

    async def token() -> str:
        return next(tokens)

    async with fullon_cache_api(guarded.server.url, token=token) as handler, soon():
        # Nothing interrupts the stream.
        assert await follow(handler.stream_tickers("binance", events=True), 8) == []
    assert next(tokens, None) is None


async def test_a_token_that_ends_ends_everything(guarded: Guarded) -> None:
    guarded.allow("short", seconds=5)
    await guarded.server.start()
    async with fullon_cache_api(guarded.server.url, token="short") as handler, soon():
        with pytest.raises(Unauthenticated, match="401"):
            await follow(handler.stream_tickers("binance"), 20)
        with pytest.raises(Unauthenticated, match="401") as error:
            await handler.ping()
        assert isinstance(error.value, PermissionError)


async def test_a_token_that_is_withdrawn_is_asked_for_again(guarded: Guarded) -> None:
    guarded.allow("first")
    await guarded.server.start()
    tokens = iter(["first", "second"])
    async with fullon_cache_api(guarded.server.url, token=lambda: next(tokens)) as handler, soon():
        events: list[Any] = []
        async for event in handler.stream_tickers("binance", events=True):
            if not events and "first" in guarded.tokens:
                del guarded.tokens["first"]
                guarded.allow("second")
                guarded.reload()
            if not isinstance(event, dict):
                events.append(event)
            elif len(events) == 2:
                break
        assert [type(event) for event in events] == [Reconnecting, Fresh]
        assert "4003" in events[0].reason


async def test_what_a_login_may_not_read_is_forbidden(guarded: Guarded) -> None:
    guarded.allow("market", scopes='"market"')
    guarded.allow("account", scopes='"account"')
    await guarded.server.start()
    async with fullon_cache_api(guarded.server.url, token="market") as handler, soon():
        with pytest.raises(Forbidden):
            await handler.get_positions(1001)
        with pytest.raises(Forbidden):
            async for _ in handler.stream_positions(1001):
                pass
        with pytest.raises(Forbidden, match="any more"):
            async for _ in handler.stream_tickers("binance"):
                assert (await handler.authenticate("account"))["scopes"] == ["account"]
        assert await handler.get_positions(1001)


async def test_a_login_by_authenticate_is_used_again(guarded: Guarded) -> None:
    guarded.allow("token")
    await guarded.server.start()
    async with fullon_cache_api(guarded.server.url) as handler, soon():
        with pytest.raises(Unauthenticated):
            await handler.get_ticker("binance", "BTC/USDT")
        await handler.authenticate("token")
        assert handler._link._connection is not None
        handler._link._connection.transport.abort()
        assert (await handler.get_ticker("binance", "BTC/USDT"))["symbol"] == "BTC/USDT"


async def test_a_client_without_a_login_is_told_so(guarded: Guarded) -> None:
    guarded.allow("token")
    await guarded.server.start()
    async with fullon_cache_api(guarded.server.url) as handler, soon():
        assert handler._link._runner is not None
        await handler._link._runner
        with pytest.raises(Unauthenticated, match="closed the connection"):
            await handler.ping()


async def test_a_wrong_token_is_refused_at_once(
    guarded: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    guarded.allow("token")
    await guarded.server.start()
    with pytest.raises(Unauthenticated, match="401"):
        await fullon_cache_api(guarded.server.url, token="wrong", wait=60).connect()
    for none in ("a b", "\N{EURO SIGN}", "line\n"):
        with pytest.raises(Unauthenticated) as refused:
            await fullon_cache_api(guarded.server.url, token=none).connect()
        assert none not in str(refused.value)
    monkeypatch.setenv("FULLON_CACHE_API_TOKEN", "token")
    async with fullon_cache_api(guarded.server.url) as handler:
        await handler.get_exchanges()
