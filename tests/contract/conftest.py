"""A server of a recorded session, and a connection that sees the wire as it is."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from websockets.sync.client import ClientConnection, connect

ROOT = Path(__file__).parents[2]


class Wire:
    """One connection."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    def send(self, frame: str) -> None:
        self.socket.send(frame)

    def receive(self) -> dict:
        return json.loads(self.socket.recv(timeout=10))

    def ask(self, operation: str, params: object) -> dict:
        """The reply to one request; what streams say meanwhile is passed over."""
        self.send(json.dumps({"request_id": "ask", "operation": operation, "params": params}))
        while "success" not in (reply := self.receive()) or reply["request_id"] != "ask":
            pass
        return reply


@pytest.fixture(scope="session")
def url():
    """The address of a server that has played the recording to its end."""
    recording = ROOT / "tests/fixtures/trading_session.jsonl"
    binary = os.environ.get("FULLON_CACHE_API_BINARY", ROOT / "target/debug/fullon-cache-api")
    command = [binary, "demo", "--port", "0", "--replay", recording]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as server:
        try:
            line = next(line for line in server.stderr if "listening on ws://" in line)
            yield "ws://" + line.split("ws://")[1].strip()
        finally:
            server.terminate()


@pytest.fixture(scope="session")
def wire(url):
    with connect(url, max_size=None, compression=None) as socket:
        yield Wire(socket)
