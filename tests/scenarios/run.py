#!/usr/bin/env python3
"""Runs `scenarios.yaml` with every client, and fails if one of them sees anything else than what is written there.

Each client has a reporter: a program that reads commands from its standard input, does them one after another by way
of the client, and answers each by one line on its standard output. Both are lines of JSON. While it waits for a
command the client must go on with its connection.

| command `do`, members                                                        | answer                          |
|------------------------------------------------------------------------------|---------------------------------|
| `connect`: url, timeout_ms (of calls, and of this), max_queue, pause_ms (the | {"seen": "connected"}           |
|   longest between two attempts); `token`, or `tokens`, of which a function   |                                 |
|   gives the next whenever it is asked, and the last for ever                 |                                 |
| `call`: operation, params                                                    | {"seen": "result", "value": …}  |
| `pages`: operation, params. The results of all its parts, in their order      | {"seen": "result", "value": […]}|
| `open`: stream (its name in later commands), operation, params (in their     | {"seen": "opening"}             |
|   order), snapshot, events. It need not be opened before something is taken  |                                 |
| `take`: stream. Waits for what comes next of it                              | see below                       |
| `leave`: stream                                                              | {"seen": "left"}                |
| `close`: the client                                                          | {"seen": "closed"}              |

What is taken is one of {"seen": "update", …the update as it came}, {"seen": "reconnecting"}, {"seen": "stale"},
{"seen": "fresh"}, {"seen": "gap"}, {"seen": "warning", "code": …, "item": …}, {"seen": "end"}. Any command may be
answered by an error of the client: {"seen": "error", "code": …, "retryable": …}. Members beyond these are not looked
at. A reporter ends when its input does.

Another client joins by an entry in REPORTERS, or by `--reporter NAME=COMMAND`.
"""

import argparse
import asyncio
import json
import shlex
import sys
import tempfile
import time
from pathlib import Path

import yaml
from world import world

HERE = Path(__file__).parent
REPORTERS = {
    "python": [sys.executable, str(HERE / "reporter.py")],
    "typescript": ["node", str(HERE / "reporter.mjs")],
    "rust": [str(HERE.parents[1] / "target/debug/examples/reporter")],
}
# Seconds that anything may take.
PATIENCE = 20
DEFAULTS = {"timeout_ms": 5000, "max_queue": 10_000, "pause_ms": 100}


class Differs(Exception):
    """Something else was seen than what is written."""


class Reporter:
    """A client, by way of its reporter."""

    def __init__(self, process):
        self.process = process

    @classmethod
    async def start(cls, command):
        pipe = asyncio.subprocess.PIPE
        return cls(await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, limit=1 << 24))

    async def ask(self, do, **members):
        self.process.stdin.write(json.dumps({"do": do, **members}).encode() + b"\n")
        line = await self.process.stdout.readline()
        if not line:
            raise Differs(f"the reporter ended at {do} {members}")
        return json.loads(line)

    async def end(self):
        self.process.stdin.close()
        try:
            await asyncio.wait_for(self.process.wait(), PATIENCE)
        except asyncio.TimeoutError:
            self.process.kill()
            raise Differs("the reporter does not end when its input does") from None


class Run:
    """One scenario with one client."""

    def __init__(self, command, store, server, proxy):
        self.command, self.store, self.server, self.proxy = command, store, server, proxy
        self.reporters = {}
        self.owners = {}
        self.begun = {}
        self.transcript = []

    async def do(self, step):
        """Does a step: its first member says what it is, and of what."""
        self.transcript.append(f"> {json.dumps(step)}")
        name, subject = next(iter(step.items()))
        if name in ("start", "stop", "kill", "freeze", "thaw"):
            lines = await getattr(getattr(self, subject), name)()
        else:
            lines = await getattr(self, name)(subject, step)
        check(step, lines or [])

    async def reporter(self, name):
        if name not in self.reporters:
            self.reporters[name] = await Reporter.start(self.command)
        return self.reporters[name]

    async def ask(self, who, do, **members):
        line = await (await self.reporter(who)).ask(do, **members)
        self.transcript.append(f"< {json.dumps(line)}")
        return line

    async def connect(self, who, step):
        options = {**DEFAULTS, **step.get("with", {})}
        if "token" in options:
            options["token"] = self.server.token(options["token"])
        if "tokens" in options:
            options["tokens"] = [self.server.token(name) for name in options["tokens"]]
        way = self.proxy if options.pop("proxy", False) else self.server
        url = way.url + options.pop("path", "")
        return [await self.ask(who, "connect", url=url, **options)]

    async def close(self, who, _step):
        return [await self.ask(who, "close")]

    async def call(self, operation, step):
        while True:
            who, params = step.get("by", "main"), step.get("params", {})
            line = await self.ask(who, "call", operation=operation, params=params)
            if "until" not in step or matches(step["until"], line):
                return [line]
            await asyncio.sleep(0.02)

    async def pages(self, operation, step):
        params = step.get("params", {})
        return [await self.ask(step.get("by", "main"), "pages", operation=operation, params=params)]

    async def open(self, stream, step):
        self.owners[stream] = step.get("by", "main")
        self.proxy.forget()
        members = {
            "params": step["params"],
            "snapshot": step.get("snapshot", True),
            "events": step.get("events", False),
        }
        return [await self.ask(self.owners[stream], "open", stream=stream, operation=step["operation"], **members)]

    async def take(self, stream, step):
        lines = []
        while not self.is_enough(lines, step):
            await self.begin(stream, step)
            lines.append(await self.begun.pop(stream))
            if lines[-1].get("seen") in ("end", "error"):
                break
        return lines

    async def begin(self, stream, _step):
        if stream not in self.begun:
            taking = self.ask(self.owners[stream], "take", stream=stream)
            self.begun[stream] = asyncio.create_task(taking)

    @staticmethod
    def is_enough(lines, step):
        if "until" in step:
            return bool(lines) and matches(step["until"], lines[-1])
        return len(lines) >= step.get("count", 1)

    async def leave(self, stream, _step):
        return [await self.ask(self.owners[stream], "leave", stream=stream)]

    async def tickers(self, prices, _step):
        for symbol, price in prices.items():
            await self.store.ticker(symbol, price)

    async def trades(self, numbers, step):
        first, last = numbers
        if "read_by" not in step:
            await self.store.trades(first, last)
            return
        # Each is told before the next is there.
        for number in range(first, last + 1):
            await self.store.trades(number, number)
            await self.take(step["read_by"], {"until": {"trade_id": number}})

    async def corrupt(self, symbol, _step):
        await self.store.corrupt(symbol)

    async def cut(self, _way, step):
        await self.proxy.cut(step.get("before"), step.get("after"))

    async def withdraw(self, _token, _step):
        self.server.withdraw()

    async def end(self):
        await asyncio.gather(*(reporter.end() for reporter in self.reporters.values()))


def matches(pattern, seen):
    """Whether something is as wanted: of objects, the members that the pattern names; a text names a kind of line."""
    if isinstance(pattern, str) and isinstance(seen, dict):
        return seen.get("seen") == pattern
    if isinstance(pattern, dict) and isinstance(seen, dict):
        return all(name in seen and matches(wanted, seen[name]) for name, wanted in pattern.items())
    if isinstance(pattern, list) and isinstance(seen, list):
        return len(pattern) == len(seen) and all(map(matches, pattern, seen))
    return pattern == seen


def check(step, lines):
    """Fails if the lines are not as the step wants them."""
    wanted = step.get("expect")
    if wanted is not None and not (len(wanted) == len(lines) and all(map(matches, wanted, lines))):
        raise Differs(f"expected {json.dumps(wanted)}")
    rest = iter(lines)
    for pattern in step.get("in_order", []):
        if not any(matches(pattern, line) for line in rest):
            raise Differs(f"expected, in this order, {json.dumps(step['in_order'])}; missing: {json.dumps(pattern)}")
    for pattern in step.get("never", []):
        if any(matches(pattern, line) for line in lines):
            raise Differs(f"expected never to see {json.dumps(pattern)}")
    if len(lines) > step.get("at_most", len(lines)):
        raise Differs(f"expected at most {step['at_most']} lines")
    for member, (first, last) in step.get("numbers", {}).items():
        numbers = [line[member] for line in lines if member in line]
        if not numbers or numbers != list(range(first or numbers[0], last + 1)):
            raise Differs(f"expected {member} from {first} to {last}, each once and in order, not {numbers}")


async def run_one(scenario, name, command):
    """Runs a scenario with a client. Gives what is wrong, if anything."""
    with tempfile.TemporaryDirectory() as folder:
        async with world(folder, scenario.get("set", []), scenario.get("logins", False)) as things:
            run = Run(command, *things)
            step = None
            try:
                for step in scenario["steps"]:
                    await asyncio.wait_for(run.do(step), PATIENCE)
                await run.end()
            except (Differs, asyncio.TimeoutError, OSError, RuntimeError, ValueError) as error:
                for reporter in run.reporters.values():
                    if reporter.process.returncode is None:
                        reporter.process.kill()
                why = str(error) or f"nothing more within {PATIENCE} s"
                failed = f"FAILED {name}: {scenario['name']}, at {json.dumps(step)}"
                return "\n".join([failed, why, *run.transcript[-40:]])
    return None


async def run_all(scenarios, name, command):
    """Runs all scenarios with a client. Gives how many failed."""
    failed = 0
    for scenario in scenarios:
        begun = time.monotonic()
        wrong = await run_one(scenario, name, command)
        failed += wrong is not None
        print(wrong or f"ok {name}: {scenario['name']} ({time.monotonic() - begun:.1f} s)", flush=True)
    return failed


async def main():
    parser = argparse.ArgumentParser(description="Runs the scenarios with every client.")
    parser.add_argument("--reporter", action="append", default=[], metavar="NAME=COMMAND", help="one more client")
    parser.add_argument("--only", metavar="TEXT", default="", help="the scenarios whose name has this in it")
    parser.add_argument("--client", action="append", metavar="NAME", help="these clients alone")
    arguments = parser.parse_args()
    more = (given.partition("=") for given in arguments.reporter)
    reporters = REPORTERS | {name: shlex.split(command) for name, _, command in more}
    reporters = {name: reporters[name] for name in arguments.client or reporters}
    scenarios = yaml.safe_load((HERE / "scenarios.yaml").read_text())
    scenarios = [scenario for scenario in scenarios if arguments.only in scenario["name"]]
    runs = (run_all(scenarios, name, command) for name, command in reporters.items())
    return sum(await asyncio.gather(*runs))


if __name__ == "__main__":
    sys.exit(1 if asyncio.run(main()) else 0)
