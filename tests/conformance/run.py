#!/usr/bin/env python3
"""Runs the Autobahn WebSocket cases at two echo servers and fails if the first one errs or differs.

Needs kosoku 0.1.0. It sends no headers beyond the handshake's own, so both
servers must ask for none.
"""

import argparse
import asyncio
import os
import sys
import textwrap
from typing import NamedTuple

from kosoku import FailureError, run_fuzzingclient
from kosoku.cases import CASES

# permessage-deflate, which neither server offers.
LEFT_OUT = {"12", "13"}
CASES_RUN = [case for case in CASES if case.split(".")[0] not in LEFT_OUT]

# Some cases only wait, so a few at once save most of the time. More would crowd the timed ones.
AT_ONCE = 8


class Outcome(NamedTuple):
    verdicts: tuple[str, str]
    passed: bool
    why: str

    def __str__(self):
        behavior, close = self.verdicts
        return f"{behavior}, close {close} ({self.why})"


async def run_case(url, case):
    # A failed case is raised, its result within.
    try:
        (result,) = await run_fuzzingclient(url, [case])
    except FailureError as failure:
        (result,) = failure.results
    verdicts = (result.behavior.value, result.behavior_close.value)
    return Outcome(verdicts, result.passed, f"{result.result} {result.result_close}".strip())


async def run_all(url, seconds):
    """The outcome of each case. A case without an answer in time is one that did not pass."""
    room = asyncio.Semaphore(AT_ONCE)

    async def run_in_turn(case):
        async with room:
            return await run_case(url, case)

    tasks = {case: asyncio.create_task(run_in_turn(case)) for case in CASES_RUN}
    # One limit for all: a mute server would hold a single case for minutes.
    await asyncio.wait(tasks.values(), timeout=seconds)
    late = Outcome(("NOT FINISHED", "NOT FINISHED"), False, f"after {seconds:g} s for all cases")
    outcomes = {case: task.result() if task.done() else late for case, task in tasks.items()}
    for task in tasks.values():
        task.cancel()
    return outcomes


def plain_url(text):
    if not text.startswith("ws://"):
        raise argparse.ArgumentTypeError(f"{text} does not start with ws://")
    return text


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    url = {"metavar": "URL", "type": plain_url, "required": True}
    parser.add_argument("--server", help="the server under test", **url)
    parser.add_argument("--reference", help="what it must be like", **url)
    parser.add_argument("--seconds", type=float, default=120, help="limit for each server")
    return parser.parse_args()


async def main(args):
    """The exit code."""
    # One after the other: timed cases at one must not slow the other.
    reference = await run_all(args.reference, args.seconds)
    server = await run_all(args.server, args.seconds)

    failed = [case for case in CASES_RUN if not server[case].passed]
    differing = [case for case in CASES_RUN if server[case].verdicts != reference[case].verdicts]
    wrong = [case for case in CASES_RUN if case in failed or case in differing]
    for case in wrong:
        print(f"{case}: {textwrap.shorten(CASES[case].DESCRIPTION, 90)}")
        print(f"  server:    {server[case]}\n  reference: {reference[case]}")
    counts = (
        f"{len(CASES_RUN)} WebSocket cases: {len(failed)} failed, "
        f"{len(differing)} unlike the reference"
    )
    if wrong:
        print(counts)
        return 1
    strict = sum(outcome.verdicts == ("OK", "OK") for outcome in server.values())
    print(f"{counts}, {strict} OK, {len(CASES_RUN) - strict} non-strict or informational")
    return 0


code = asyncio.run(main(parse_args()))
sys.stdout.flush()
# Threads of kosoku outlive the run, and often abort the process while Python shuts down.
os._exit(code)
