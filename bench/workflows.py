#!/usr/bin/env python3
"""Durable workflows: steps a second with many live ones, with-items from 1,000 to 100,000, and the latency of a short one. All with fsync on.

The baseline of the steps is raw SQLite (WAL, synchronous=FULL) that commits squall's own rows, as many in a commit as squall had on average
in the same run.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from run import ROOT, Baseline, Server, flushes_while, line, run_all

LIVE = int(os.environ.get("BENCH_LIVE", "256"))
TASKS = 50
ITEMS = [int(n) for n in os.environ.get("BENCH_ITEMS", "1000,10000,100000").split(",")]
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "200"))
STATES = {"succeeded", "failed", "timeout", "canceled", "abandoned"}


def sequence(count: int) -> str:
    tasks = []
    for number in range(count):
        following = f"\n    next: [{{when: <% succeeded() %>, do: t{number + 1}}}]" if number + 1 < count else ""
        tasks.append(f"  t{number}:\n    action: core.noop{following}")
    return "version: 1.0\ntasks:\n" + "\n".join(tasks) + "\n"


def write_workflows(directory: Path) -> None:
    actions = directory / "packs" / "bench" / "actions"
    (actions / "workflows").mkdir(parents=True)
    texts = {"fifty": sequence(TASKS), "three": sequence(3),
             "items": "version: 1.0\ninput: [count]\ntasks:\n  each:\n    with: <% range(ctx(count)) %>\n    action: core.noop\n"}
    for name, text in texts.items():
        parameters = "parameters: {count: {type: integer}}\n" if name == "items" else ""
        (actions / f"{name}.yaml").write_text(f"name: {name}\nrunner_type: orquesta\nentry_point: workflows/{name}.yaml\nenabled: true\n{parameters}")
        (actions / "workflows" / f"{name}.yaml").write_text(text)


def wait_for(server: Server, execution: str, patience: float = 300) -> dict[str, object]:
    end = time.monotonic() + patience
    while time.monotonic() < end:
        found = server.call("GET", f"/v1/executions/{execution}?include_attributes=status,result")
        if found["status"] in STATES:
            return found
        time.sleep(0.01)
    sys.exit(f"{execution} did not end within {patience:.0f} s; see {server.directory}/log")


def run_live(server: Server, live: int) -> float:
    """Seconds from the first start to the last end of so many workflows."""
    begin = time.perf_counter()
    started = [server.call("POST", "/v1/executions", {"action": "bench.fifty"})["id"] for _ in range(live)]
    for execution in started:
        found = wait_for(server, execution)
        if found["status"] != "succeeded":
            sys.exit(f"a workflow ended {found['status']}: {found['result']}")
    return time.perf_counter() - begin


def raw_steps_per_second(directory: Path, source: Path, commits_per_step: float, steps: int) -> float:
    """The rows that a step of squall leaves (an execution made and changed, an entry of the workflow's journal), in tables and indexes of the
    same form, written by SQLite alone with as many commits."""
    copy = directory / "raw.db"
    with closing(sqlite3.connect(source)) as made, closing(sqlite3.connect(copy, isolation_level=None)) as raw:
        raw.execute("PRAGMA page_size=4096")
        raw.execute("PRAGMA journal_mode=WAL")
        raw.execute("PRAGMA synchronous=FULL")
        for (sql,) in made.execute("SELECT sql FROM sqlite_schema WHERE tbl_name IN ('executions', 'workflow_events') AND sql IS NOT NULL ORDER BY type DESC"):
            raw.execute(sql)
        tasks = made.execute("SELECT * FROM executions WHERE parent IS NOT NULL LIMIT ?", (steps,)).fetchall()
        columns = [row[1] for row in made.execute("PRAGMA table_info(executions)")]
        events = made.execute("SELECT * FROM workflow_events LIMIT ?", (steps,)).fetchall()
        insert = f"INSERT INTO executions VALUES ({', '.join('?' * len(columns))})"
        insert_event = f"INSERT INTO workflow_events VALUES ({', '.join('?' * len(events[0]))})"
        at = {name: columns.index(name) for name in ("id", "status", "end_timestamp", "document")}
        due = 0.0
        begin = time.perf_counter()
        raw.execute("BEGIN IMMEDIATE")
        for number, task in enumerate(tasks):
            before = list(task)
            before[at["status"]], before[at["end_timestamp"]] = "running", None
            raw.execute(insert, before)
            raw.execute("UPDATE executions SET status = ?, end_timestamp = ?, document = ?, revision = revision + 1 WHERE id = ?",
                        (task[at["status"]], task[at["end_timestamp"]], task[at["document"]], task[at["id"]]))
            raw.execute(insert_event, events[number % len(events)] if number < len(events) else (f"{number}", *events[0][1:]))
            due += commits_per_step
            while due >= 1:
                raw.execute("COMMIT")
                raw.execute("BEGIN IMMEDIATE")
                due -= 1
        raw.execute("COMMIT")
        return len(tasks) / (time.perf_counter() - begin)


def steps(directory: Path) -> bool:
    server = Server(directory)
    write_workflows(directory)
    server.start()
    run_live(server, 4)
    small = max(LIVE // 8, 1)
    commits = flushes_while(server, lambda: run_live(server, small)) / (small * TASKS) if shutil.which("strace") else 1.0
    ratios, rates, raws = [], [], []
    for number in range(3):
        rates.append(LIVE * TASKS / run_live(server, LIVE))
        raws.append(raw_steps_per_second(Path(tempfile.mkdtemp(dir=directory)), directory / "data" / "squall.db", commits, LIVE * TASKS))
        ratios.append(rates[-1] / raws[-1])
    server.stop()
    ratio = statistics.median(ratios)
    allowed = 0.4 * statistics.median(raws) < 8000
    return line(f"steps a second, {LIVE} live workflows (at least 40 % of raw)",
                f"{statistics.median(rates):.0f}/s = {100 * ratio:.0f} % of SQLite's {statistics.median(raws):.0f}/s with the same rows, {1 / commits:.1f} steps a commit",
                ratio >= 0.4 and (allowed or statistics.median(rates) >= 8000))


def with_items(directory: Path) -> bool:
    server = Server(directory)
    write_workflows(directory)
    server.start()
    costs, seconds, before = {}, 0.0, server.pss_mb()
    for count in ITEMS:
        best = float("inf")
        for _ in range(3 if count <= 10000 else 1):
            begin = time.perf_counter()
            started = server.call("POST", "/v1/executions", {"action": "bench.items", "parameters": {"count": count}})
            found = wait_for(server, started["id"])
            seconds = time.perf_counter() - begin
            if found["status"] != "succeeded":
                sys.exit(f"{count} items ended {found['status']}: {str(found['result'])[:500]}")
            best = min(best, seconds)
        costs[count] = best / count
    text = Path(f"/proc/{server.process.pid}/status").read_text()
    grown = int(next(row.split()[1] for row in text.splitlines() if row.startswith("VmHWM"))) / 1024 - before
    server.stop()
    ratio = costs[ITEMS[-1]] / costs[ITEMS[0]]
    each = ", ".join(f"{count}: {1e6 * cost:.0f} us" for count, cost in costs.items())
    return line(f"with-items of {ITEMS[-1]} (an item at most 1.2 x, 200 MB, 30 s)", f"{ratio:.2f} x ({each} an item), {grown:.0f} MB, {seconds:.1f} s",
                ratio <= 1.2 and grown <= 200 and seconds <= 30)


def short(directory: Path) -> bool:
    server = Server(directory)
    write_workflows(directory)
    baseline = Baseline(directory)
    server.start()
    base, mine = [], []
    for number in range(ROUNDS + 20):
        commit = baseline.commit()
        took = server.until_ended("bench.three")
        if number >= 20:
            base.append(commit)
            mine.append(took)
    server.stop()
    ratio = statistics.median(mine) / statistics.median(base)
    return line("workflow of 3 tasks in a row (at most 6 commits)",
                f"p50 {1000 * statistics.median(mine):.2f} ms = {ratio:.2f} x one SQLite FULL commit ({1000 * statistics.median(base):.2f} ms)", ratio <= 6)


def inspection(directory: Path) -> bool:
    """By the micro benchmark of the pure core; `make microbench` builds it."""
    program = ROOT / "build" / "bench" / "bench" / "squall_micro_bench"
    if not program.exists():
        print("inspecting 10,000 tasks: left out (run `make microbench` first)")
        return True
    done = subprocess.run([program, "--benchmark_filter=inspect_and_compose/10000", "--benchmark_format=json"], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)["benchmarks"][0]
    return line("inspect and compose 10,000 tasks (at most 150 ms)", f"{found['real_time']:.0f} ms", found["real_time"] <= 150)


if __name__ == "__main__":
    sys.exit(run_all(steps, with_items, short, inspection))
