#!/usr/bin/env python3
"""Keeps what the benchmarks printed: `report.py TABLES [--save]`; `report.py --scaling` renews docs/scaling.md alone.

Writes target/bench.json; with --save, docs/performance.json, and the tables in docs/performance.md and README.md, each
between the lines that mark them, and what docs/scaling.md calculates from them.
"""

import json
import os
import platform
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

ROOT = Path(__file__).parents[1]
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
CALCULATED = "<!-- calculated: begin -->", "<!-- calculated: end -->"
# A name, then one to three figures in columns.
ROW = re.compile(r"^(?P<name>.*?\S)(?P<figures>(?:\s+-?\d+(?:\.\d+)?){1,3})$")
# What the README quotes, by how the names begin.
QUOTED = [
    "get_ticker, 1 in",
    "get_ticker, 16 in",
    "100 subscribers",
    "1000 subscribers, 20",
    "10000 subscribers",
    "10000 quiet connections",
    "10000 connections",
]


def said(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip()


def machine():
    """What the figures were taken on."""
    model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return {
        "processor": model.group(1) if model else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "rustc": said("rustc", "--version").split()[1],
        "redis": said("redis-server", "--version").split("v=")[1].split()[0],
        "commit": said("git", "rev-parse", "--short=9", "HEAD"),
        "date": date.today().isoformat(),
    }


def rows(text):
    """The lines with figures, each under the names of the lines that it is set in from."""
    bare, above, found = "", [], []
    for line in filter(None, text.splitlines()):
        if line.endswith("ratio"):
            bare = line.split()[0]
            continue
        row = ROW.match(line)
        name = row["name"] if row else line
        indent = len(name) - len(name.lstrip())
        above = [*(it for it in above if it[0] < indent), (indent, name.strip())]
        if row:
            figures = [float(figure) for figure in row["figures"].split()]
            found.append({"name": [name for _, name in above], "bare": bare, "figures": figures})
    return found


def renew(path, table, marks=(BEGIN, END)):
    begin, end = marks
    text = path.read_text()
    before, rest = text.split(begin)
    _, after = rest.split(end)
    path.write_text(f"{before}{begin}\n{table}\n{end}{after}")


def scaling(result):
    """What docs/scaling.md says: measured figures, and the sums that are made of them."""

    def figure(*name, at=-1):
        """A figure of a row, by how the names begin that lead to it."""
        for row in result["rows"]:
            if len(row["name"]) == len(name) and all(a.startswith(b) for a, b in zip(row["name"], name)):
                return row["figures"][at]
        raise SystemExit(f"no row {name}")

    def whole(value):
        return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"

    kept = figure("get_ticker, 16 in flight: requests/s", at=1)
    asked = figure("get_ticker, 16 in flight: requests/s", "near cache off, 2000 symbols", at=1)
    connection = figure("10000 quiet connections", "that have asked for a ticker")
    stream = figure("idle stream of 1 symbol(s): bytes resident") / 1024
    overload = "10000 subscribers, 1000 writes/s: overload"
    fan_out = 10_000 * figure(overload, "updates/s of a subscriber", at=1)
    many = "2000 symbols, 5000 writes/s, 200 watch all"
    writes, redis = figure(many, "writes/s reached"), figure(many, "CPU seconds a second, redis-server")
    batched = 200 * figure(many, "updates/s of a subscriber") / figure(many, "CPU seconds a second, server")
    each = redis / writes
    clients, servers, share = 1_000_000, 1000, 0.5
    lines = [
        "| measured | | by |",
        "|---|---|---|",
        f"| answers of one server in a second, kept | {whole(kept)} | *get_ticker, 16 in flight* |",
        f"| the same, of which each asks Redis | {whole(asked)} | *near cache off, 2000 symbols* |",
        f"| updates in a second, each alone to its client | {whole(fan_out)} | *10000 subscribers, overload* |",
        f"| updates in a second of one core, some at a time | {whole(batched)} | *2000 symbols*: updates/s × 200 ÷ CPU |",
        f"| memory of an idle connection with a stream: KiB | {connection + stream:.1f} | *quiet connections* + *idle stream* |",
        f"| processor time of Redis, a write told to one server: µs | {each * 1e6:.1f} | *2000 symbols*: CPU ÷ writes/s |",
        "",
        "| calculated | | how |",
        "|---|---|---|",
        f"| changes in a second that {servers} servers on one Redis bear | {whole(share / (servers * each))} |"
        f" {share} of a core ÷ ({servers} × the time a write). That time holds the write itself, so this is the least |",
        f"| servers that one Redis feeds with {whole(writes)} changes a second | {whole(share / (writes * each))} |"
        f" {share} of a core ÷ ({whole(writes)} × the time a write) |",
        f"| memory of {clients:,} idle connections, each with a stream: GiB | {whole(clients * (connection + stream) / 2**20)} |"
        f" {clients:,} × the memory of one |",
        f"| servers for {clients:,} connections by `limits.connections` = 20,000 | {clients // 20_000} | {clients:,} ÷ 20,000 |",
        f"| such machines for one update a second of each, each alone | {whole(clients / fan_out)} | {clients:,} ÷ updates in a second |",
        f"| cores for the same, some at a time (`min_interval_ms`) | {whole(clients / batched)} | {clients:,} ÷ updates of one core |",
        f"| such machines for one request a second of each | {whole(clients / asked)} | {clients:,} ÷ answers that ask Redis |",
    ]
    return "\n".join(lines)


def quoted(text):
    """Of each table in which the README quotes something: its first line, and that."""
    lines, head, is_quoted = [], None, False
    for line in text.splitlines():
        if line.endswith("ratio"):
            head, is_quoted = line, False
            continue
        if not line.startswith(" "):
            is_quoted = any(line.startswith(name) for name in QUOTED)
        if is_quoted and head:
            lines += ["", head] if lines else [head]
            head = None
        if is_quoted:
            lines.append(line)
    return "\n".join(lines)


def main():
    performance = ROOT / "docs/performance.json"
    if "--scaling" in sys.argv:
        renew(ROOT / "docs/scaling.md", scaling(json.loads(performance.read_text())), CALCULATED)
        return
    text = Path(sys.argv[1]).read_text().rstrip("\n")
    on = machine()
    result = json.dumps({"machine": on, "rows": rows(text)}, indent=1, ensure_ascii=False) + "\n"
    (ROOT / "target/bench.json").write_text(result)
    if "--save" not in sys.argv:
        return
    taken = (
        f"Taken on {on['date']} at commit {on['commit']}: {on['cores']} cores ({on['processor']}), shared by the server,"
        f" Redis {on['redis']} and the clients; {on['system']}, rustc {on['rustc']}."
    )
    performance.write_text(result)
    renew(ROOT / "docs/scaling.md", scaling(json.loads(result)), CALCULATED)
    renew(ROOT / "docs/performance.md", f"{taken}\n\n```text\n{text}\n```")
    renew(ROOT / "README.md", f"{taken}\n\n```text\n{quoted(text)}\n```")


main()
