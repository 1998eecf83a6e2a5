"""Runs a server as a child process."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import sys
import sysconfig
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

from ._errors import ServerFailed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from ._compat import Self

_NAME = "fullon-cache-api" + (".exe" if sys.platform == "win32" else "")
_LISTENING = "listening on "
_LAST_WORDS = 40  # lines of its log that are kept to tell why it failed

_log = logging.getLogger("fullon_cache_api.server")


class CacheWebSocketServer:
    """A server of its own for this program.

        async with CacheWebSocketServer(port=0, redis_url="redis://127.0.0.1:6379") as server:
            async with fullon_cache_api(server.url) as handler:
                ...

    What it logs goes to the logger `fullon_cache_api.server`.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 8765,
        *,
        redis_url: str | None = None,
        demo: bool = False,
        binary: str | os.PathLike[str] | None = None,
        args: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        start_timeout: float = 30.0,
        stop_timeout: float = 15.0,
    ) -> None:
        """Make a server; `async with` or `start()` starts it.

        Args:
            host: The address to listen on.
            port: The port to listen on; 0 lets the system choose, see `url`.
            redis_url: The Redis to read; else what the server's own configuration says.
            demo: Whether to serve a simulated market instead of a Redis.
            binary: The program; else what FULLON_CACHE_API_BINARY says, else the one that came
                with this package, else the one on PATH.
            args: More arguments for it.
            env: More variables for its environment.
            start_timeout: The seconds that it may take until it listens.
            stop_timeout: The seconds that it may take to stop before it is killed.
        """
        self.host = host
        self.port = port
        self.url = f"ws://{host}:{port}"
        """Where it listens; after the start with the port that the system chose."""
        self._redis_url = redis_url
        self._demo = demo
        self._binary = binary
        self._args = args
        self._env = env
        self._start_timeout = start_timeout
        self._stop_timeout = stop_timeout
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._listening: asyncio.Future[str] | None = None
        self._last_words: deque[str] = deque(maxlen=_LAST_WORDS)
        self._is_stopping = False

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    @property
    def pid(self) -> int | None:
        """The id of its process, while it runs."""
        is_running = self._process is not None and self._process.returncode is None
        return self._process.pid if self._process is not None and is_running else None

    async def start(self) -> None:
        """Start it and wait until it listens. Raises `ServerFailed` with what it said if not."""
        if self.pid is not None:
            return
        self._is_stopping = False
        self._last_words.clear()
        self._listening = asyncio.get_running_loop().create_future()
        program = _find(self._binary)
        command = [program, "demo" if self._demo else "serve"]
        command += ["--host", self.host, "--port", str(self.port)]
        if self._redis_url is not None:
            command += ["--redis-url", self._redis_url]
        try:
            self._process = await asyncio.create_subprocess_exec(
                *command,
                *self._args,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                env={**os.environ, **(self._env or {})},
            )
        except OSError as cause:
            raise ServerFailed(f"cannot start {program}: {cause}") from cause
        self._reader = asyncio.create_task(self._read_log(self._process, self._listening))
        try:
            self.url = await asyncio.wait_for(asyncio.shield(self._listening), self._start_timeout)
        except asyncio.TimeoutError:
            await self.stop()
            late = f"the server does not listen after {self._start_timeout:g} s"
            raise ServerFailed(self._with_last_words(late)) from None
        except BaseException:
            await self.stop()
            raise
        self.port = int(self.url.rpartition(":")[2])

    async def wait_for_completion(self) -> None:
        """Wait until it ends. Raises `ServerFailed` if it did so by an error."""
        if self._process is None or self._reader is None:
            raise ServerFailed("the server has not been started")
        await asyncio.shield(self._reader)
        code = await self._process.wait()
        if code != 0 and not self._is_stopping:
            raise ServerFailed(self._with_last_words(f"the server ended with {code}"))

    async def stop(self) -> None:
        """Ask it to stop, wait until it has, and kill it if it takes too long."""
        process = self._process
        if process is None or self._reader is None:
            return
        self._is_stopping = True
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), self._stop_timeout)
            except asyncio.TimeoutError:
                _log.warning("the server does not stop and is killed")
                process.kill()
        await self._reader
        await process.wait()

    async def _read_log(
        self, process: asyncio.subprocess.Process, listening: asyncio.Future[str]
    ) -> None:
        """Pass on what it logs, till it ends."""
        assert process.stderr is not None
        async for raw in process.stderr:
            line = raw.decode(errors="replace").rstrip()
            _log.info("%s", line)
            self._last_words.append(line)
            _, found, url = line.partition(_LISTENING)
            if found and not listening.done():
                listening.set_result(url.strip().strip('"}'))
        code = await process.wait()
        if not listening.done():
            failure = self._with_last_words(f"the server ended with {code} before it listened")
            listening.set_exception(ServerFailed(failure))
            listening.exception()  # nobody need fetch it

    def _with_last_words(self, what: str) -> str:
        return "\n".join([what, *self._last_words])


def _find(binary: str | os.PathLike[str] | None) -> str:
    named = binary or os.environ.get("FULLON_CACHE_API_BINARY")
    if named:
        return os.fspath(named)
    places = _places()
    for place in places:
        if (place / _NAME).is_file():
            return str(place / _NAME)
    found = shutil.which(_NAME)
    if found is None:
        where = f"not in FULLON_CACHE_API_BINARY, {', '.join(map(str, places))} or on PATH"
        raise ServerFailed(f"there is no program {_NAME}: {where}")
    return found


def _places() -> list[Path]:
    """Tell where pip puts the program of the wheel that has one: here, a user's own, `--target`."""
    user = sysconfig.get_preferred_scheme("user")
    scripts = [sysconfig.get_path("scripts"), sysconfig.get_path("scripts", user)]
    return [*map(Path, scripts), Path(__file__).parents[1] / "bin"]
