"""A server as a child process."""

from __future__ import annotations

import asyncio
import signal
import socket
from pathlib import Path

import pytest
from conftest import soon

from fullon_cache_api import CacheWebSocketServer, ServerFailed, fullon_cache_api


async def test_it_starts_stops_and_starts_again() -> None:
    server = CacheWebSocketServer(port=0, demo=True)
    async with soon():
        for _ in range(2):
            await server.start()
            async with fullon_cache_api(server.url) as handler:
                await handler.ping()
            completion = asyncio.create_task(server.wait_for_completion())
            await server.stop()
            await completion
            assert server.pid is None
        await server.stop()


async def test_a_failure_to_start_is_told_with_what_it_said() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        server = CacheWebSocketServer(port=other.getsockname()[1], demo=True)
        with pytest.raises(ServerFailed, match=r"(?s)before it listened.*in use"):
            await server.start()
    with pytest.raises(ServerFailed, match="cannot start /nothing"):
        await CacheWebSocketServer(binary=Path("/nothing")).start()


async def test_no_program_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FULLON_CACHE_API_BINARY")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ServerFailed, match="there is no program"):
        await CacheWebSocketServer().start()


async def test_a_server_that_dies_is_told() -> None:
    server = CacheWebSocketServer(port=0, demo=True)
    await server.start()
    completion = asyncio.create_task(server.wait_for_completion())
    assert server._process is not None
    server._process.send_signal(signal.SIGKILL)
    with pytest.raises(ServerFailed, match="ended with -9"):
        await completion
