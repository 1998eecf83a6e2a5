"""Uses the installed wheel as a program would: nothing but pip has put the server there."""

import asyncio
import subprocess
import sys
from importlib.metadata import metadata, requires, version
from pathlib import Path

import fullon_cache_api as package
from fullon_cache_api import CacheWebSocketServer, fullon_cache_api

NAME = "fullon-cache-api"


def check_metadata() -> None:
    said = metadata(NAME)
    assert said["Name"] == NAME
    assert said["Summary"].startswith("Client of fullon_cache_api")
    assert said["License-Expression"] == "MIT"
    assert said["Requires-Python"] == ">=3.10"
    needed = [what for what in requires(NAME) or [] if "extra ==" not in what]
    assert [what.split(">")[0] for what in needed] == ["websockets"], needed


def check_program() -> None:
    program = Path(sys.prefix) / "bin" / NAME
    said = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout
    assert said.startswith(f"{NAME} {version(NAME)} ("), said


async def check_server() -> None:
    assert Path(package.__file__).is_relative_to(sys.prefix)
    async with CacheWebSocketServer(port=0, demo=True) as server, fullon_cache_api(server.url) as handler:
        ticker = await handler.get_ticker("binance", "BTC/USDT")
        assert ticker["symbol"] == "BTC/USDT"
        assert ticker["price"] is not None
    assert server.pid is None
    print(f"wheel: {NAME} {version(NAME)} answers {ticker['price']}")


check_metadata()
check_program()
asyncio.run(check_server())
