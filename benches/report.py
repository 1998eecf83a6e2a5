#!/usr/bin/env python3
"""Keeps what the benchmarks printed: `report.py TABLES [--save]`.

Writes target/bench.json; with --save, docs/performance.json, and the tables in docs/performance.md and README.md, each
between the lines that mark them.
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
# A name, then one to three figures in columns.
ROW = re.compile(r"^(?P<name>.*?\S)(?P<figures>(?:\s+-?\d+(?:\.\d+)?){1,3})$")
# What the README quotes, by how the names begin.
QUOTED = ["get_ticker, 1 in", "get_ticker, 16 in", "100 subscribers", "1000 subscribers, 20"]


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


def renew(path, table):
    text = path.read_text()
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    path.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}")


def quoted(text):
    """The first line of each table, and of what is raced in it what the README quotes."""
    lines, is_quoted = [], False
    for line in text.splitlines():
        if line.endswith("ratio"):
            lines += [line] if not lines else ["", line]
        elif not line.startswith(" "):
            is_quoted = any(line.startswith(name) for name in QUOTED)
        if is_quoted and not line.endswith("ratio"):
            lines.append(line)
    return "\n".join(lines)


def main():
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
    (ROOT / "docs/performance.json").write_text(result)
    renew(ROOT / "docs/performance.md", f"{taken}\n\n```text\n{text}\n```")
    renew(ROOT / "README.md", f"{taken}\n\n```text\n{quoted(text)}\n```")


main()
