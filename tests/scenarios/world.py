"""What the clients are tried in: a Redis, a server that reads it, and tokens to log in with."""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import re
import signal
import socket
import time
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from redis.asyncio import Redis

ROOT = Path(__file__).parents[2]
BINARY = os.environ.get("FULLON_CACHE_API_BINARY", str(ROOT / "target/debug/fullon-cache-api"))
SECRET = b"a secret of at least thirty-two bytes!"
# For so many seconds longer the server takes a token: clocks differ.
LEEWAY = 60
# Seconds that the JSON Web Tokens are taken.
LIVES = {"short": 4, "long": 300}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    """A program that is started, listens, and is stopped."""

    def __init__(self, ready):
        self.ready = ready
        self.process = None
        self.reading = None
        self.log = []

    async def launch(self, *command, **options):
        self.process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, **options
        )
        async for line in self.process.stdout:
            self.log.append(line.decode(errors="replace").rstrip())
            if self.ready in self.log[-1]:
                self.reading = asyncio.create_task(self.read())
                return
        raise RuntimeError("\n".join([f"{command[0]} does not start", *self.log]))

    async def read(self):
        async for line in self.process.stdout:
            self.log.append(line.decode(errors="replace").rstrip())

    async def freeze(self):
        self.process.send_signal(signal.SIGSTOP)
        await asyncio.to_thread(os.waitid, os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)

    async def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    async def kill(self):
        await self.end(signal.SIGKILL)

    async def end(self, number):
        if self.process is not None and self.process.returncode is None:
            with suppress(ProcessLookupError):
                self.process.send_signal(number)
            await self.process.wait()
        if self.reading is not None:
            await self.reading


class Store(Process):
    """A Redis that has, when it is started again, what it had, and what was written meanwhile."""

    def __init__(self, folder):
        super().__init__("Ready to accept connections")
        self.folder = folder
        self.port = free_port()

    async def start(self, port=None):
        options = ["--dir", self.folder, "--save", "", "--appendonly", "no", "--bind", "127.0.0.1"]
        await self.launch("redis-server", "--port", str(port or self.port), *options)

    async def stop(self, port=None):
        async with Redis(port=port or self.port) as client:
            await client.save()
        await self.end(signal.SIGKILL)

    @asynccontextmanager
    async def writing(self):
        """Gives a client; while the Redis is away, of one that has its data elsewhere."""
        if self.process.returncode is None:
            async with Redis(port=self.port) as client:
                yield client
            return
        port = free_port()
        await self.start(port)
        async with Redis(port=port) as client:
            yield client
        await self.stop(port)

    async def ticker(self, symbol, price):
        """Writes a ticker as its writer does, who publishes it too; None takes it away."""
        async with self.writing() as client:
            if price is None:
                await client.hdel("tickers:x", symbol)
                return
            text = json.dumps({"symbol": symbol, "exchange": "x", "price": price})
            await client.hset("tickers:x", symbol, text)
            await client.publish(f"ticker_updates:x:{symbol}", text)

    async def trades(self, first, last):
        """Appends trades as their writer does."""
        async with self.writing() as client:
            for number in range(first, last + 1):
                trade = {"trade_id": number, "symbol": "A/B", "side": "buy", "volume": 1, "price": 1, "time": 1}
                await client.rpush("trades:x:AB", json.dumps(trade))

    async def corrupt(self, symbol):
        async with self.writing() as client:
            await client.hset("tickers:x", symbol, "{")
            await client.publish(f"ticker_updates:x:{symbol}", "{")


class Server(Process):
    """A server that reads the Redis, at an address that stays the same when it is started again."""

    def __init__(self, folder, store, settings, wants_logins):
        super().__init__("listening on ")
        self.folder, self.store, self.settings = Path(folder), store, settings
        self.port = free_port()
        self.url = f"ws://127.0.0.1:{self.port}"
        self.wants_logins = wants_logins
        self.tokens = {}
        self.static = ""

    async def start(self):
        if self.wants_logins and not self.static:
            await self.make_static()
        self.configure()
        sets = [part for setting in self.settings for part in ("--set", setting)]
        command = [BINARY, "serve", "--port", str(self.port), "--config", str(self.folder / "config.toml"), *sets]
        redis = ["--redis-url", f"redis://127.0.0.1:{self.store.port}"]
        await self.launch(*command, *redis, cwd=self.folder)

    async def stop(self):
        await self.end(signal.SIGTERM)

    async def make_static(self):
        """Has the server's own program make a token, and keeps what it says is to be configured."""
        command = [BINARY, "token", "new", "scenario", "--scope", "market"]
        pipe = asyncio.subprocess.PIPE
        making = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
        token, lines = (part.decode() for part in await making.communicate())
        self.tokens["static"] = token.strip()
        self.static = re.search(r"\[\[auth\.tokens\]\].*", lines, re.DOTALL)[0]

    def configure(self):
        text = ""
        if self.wants_logins:
            (self.folder / "secret").write_bytes(SECRET)
            text = f"""
                [auth]
                login_timeout = "1s"
                [[auth.issuers]]
                issuer = "scenarios"
                audience = "cache"
                algorithms = ["HS256"]
                key_file = "{self.folder / "secret"}"
                scopes = ["market"]
                {self.static}
            """
        (self.folder / "config.toml").write_text(text)

    def withdraw(self):
        """Takes the static token back."""
        self.static = "\n"
        self.configure()
        self.process.send_signal(signal.SIGHUP)

    def token(self, name):
        """One of the tokens `static`, `short`, `long`, made when it is first asked for; another is what it is."""
        if name in LIVES and name not in self.tokens:
            self.tokens[name] = signed(LIVES[name])
        return self.tokens.get(name, name)


class Proxy:
    """A way to the server that can be cut."""

    def __init__(self, port):
        self.port = port
        self.writers = set()
        self.mark = None
        self.carried = b""
        self.more = asyncio.Condition()

    async def start(self):
        self.listener = await asyncio.start_server(self.carry, "127.0.0.1", 0)
        self.url = f"ws://127.0.0.1:{self.listener.sockets[0].getsockname()[1]}"

    async def carry(self, reader, writer):
        try:
            there = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            writer.close()
            return
        ends = {writer, there[1]}
        self.writers |= ends
        await asyncio.gather(copy(reader, there[1]), self.tell(there[0], writer))
        self.writers -= ends

    async def tell(self, reader, writer):
        """Carries what the server says, up to what is marked, if anything is."""
        before = b""
        with suppress(OSError):
            while data := await reader.read(1 << 16):
                text = before + data
                head, is_marked, _ = text.partition(self.mark) if self.mark else (text, b"", b"")
                writer.write(head[len(before) :])
                async with self.more:
                    self.carried += data
                    self.more.notify_all()
                if is_marked:
                    self.mark = None
                    break
                await writer.drain()
                # It may come in two parts.
                before = data[1 - len(self.mark) :] if self.mark else b""
        writer.close()

    def forget(self):
        """Looks for what it is to be cut after from here on."""
        self.carried = b""

    async def cut(self, before=None, after=None):
        """Cuts the way: now, or when the next message of this type has not come through as a whole, or when this text
        has come through."""
        if before is not None:
            self.mark = f'{{"type":"{before}"'.encode()
            return
        if after is not None:
            async with self.more:
                await self.more.wait_for(lambda: after.encode() in self.carried)
            for writer in self.writers:
                writer.close()
            return
        for writer in self.writers:
            writer.transport.abort()

    async def stop(self):
        self.listener.close()
        await self.cut()


async def copy(reader, writer):
    with suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()


def signed(seconds):
    """A JSON Web Token that is taken for so many seconds."""

    def part(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    # A whole number would make a short life still shorter.
    expiry = time.time() + seconds - LEEWAY
    claims = {"iss": "scenarios", "aud": "cache", "sub": "tester", "exp": expiry, "scope": "market"}
    head = {"alg": "HS256", "typ": "JWT"}
    text = b".".join(part(json.dumps(value).encode()) for value in (head, claims))
    return b".".join([text, part(hmac.digest(SECRET, text, hashlib.sha256))]).decode()


@asynccontextmanager
async def world(folder, settings, wants_logins):
    """Gives a Redis, a server, and a way to it, all started."""
    store = Store(folder)
    server = Server(folder, store, settings, wants_logins)
    proxy = Proxy(server.port)
    try:
        await store.start()
        await server.start()
        await proxy.start()
        yield store, server, proxy
        await proxy.stop()
    finally:
        await server.kill()
        await store.kill()
