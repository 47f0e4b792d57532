#!/usr/bin/env python3
"""What a crash costs when there is much to go on with: killed with 10,000 waiting chains, when is the first request accepted, when is
everything taken up? And pages of a long history: the newest executions of one action among very many.

The records are made from real ones: one chain that waits is run, and its two records are copied with ids of their own.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import tempfile
import time
import urllib.request
from contextlib import closing
from pathlib import Path

from run import Server, line

CHAINS = int(os.environ.get("BENCH_CHAINS", "10000"))
HISTORY = int(os.environ.get("BENCH_HISTORY", "100000"))
ROUNDS = 5
# Consul is away, and the task is patient: it waits as a task waits for a database.
CHAIN = "chain:\n- {name: wait, ref: consul.kv_get, parameters: {key: k, unavailable_timeout: 86400}}\n"


def write_chain(directory: Path) -> None:
    actions = directory / "packs" / "bench" / "actions"
    (actions / "chains").mkdir(parents=True)
    (actions / "wait.yaml").write_text("name: wait\nrunner_type: action-chain\nentry_point: chains/wait.yaml\nenabled: true\n")
    (actions / "chains" / "wait.yaml").write_text(CHAIN)


def kill(server: Server) -> None:
    assert server.process
    server.process.kill()
    server.process.wait()
    server.http.close()


def database(server: Server) -> sqlite3.Connection:
    return sqlite3.connect(server.directory / "data" / "squall.db", isolation_level=None)


def copy_rows(connection: sqlite3.Connection, table: str, where: str, ids: tuple[str, ...], count: int) -> None:
    """`count` copies of the rows, in which every one of the old ids stands replaced by the copy's own."""
    connection.row_factory = sqlite3.Row
    rows = [dict(row) for row in connection.execute(f"SELECT * FROM {table} WHERE {where}")]
    columns = list(rows[0])
    sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"

    def copies() -> object:
        for number in range(count):
            for row in rows:
                values = []
                for column in columns:
                    value = row[column]
                    for old in ids if isinstance(value, str) else ():
                        value = value.replace(old, f"{number + 1:08x}{old[8:]}")
                    values.append(value)
                yield values

    connection.executemany(sql, copies())


def recovery(directory: Path) -> bool:
    server = Server(directory)
    write_chain(directory)
    server.start()
    chain = server.call("POST", "/v1/executions", {"action": "bench.wait"})["id"]
    while not (tasks := server.call("GET", f"/v1/executions?parent={chain}")) or tasks[0]["status"] != "running" or not waits(server):
        time.sleep(0.05)
    kill(server)
    with closing(database(server)) as connection:
        ids = tuple(row[0] for row in connection.execute("SELECT id FROM executions WHERE status = 'running'"))
        # Due in an hour: what is measured is the taking up, not the work.
        connection.execute("UPDATE wakeups SET due = '2099-01-01T00:00:00.000000Z', document = replace(document, due, '2099-01-01T00:00:00.000000Z')")
        connection.execute("BEGIN")
        copy_rows(connection, "executions", "status = 'running'", ids, CHAINS - 1)
        copy_rows(connection, "wakeups", "1", ids, CHAINS - 1)
        connection.execute("COMMIT")
    first, all_of_them = [], []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        first.append(server.start())
        while recovering(server):
            time.sleep(0.005)
        all_of_them.append(time.perf_counter() - begin)
        memory = server.pss_mb()
        kill(server)
    good = line(f"Killed with {CHAINS} waiting chains: accepts", f"first request after {sorted(first)[ROUNDS // 2] * 1000:.0f} ms (limit 300), worst {max(first) * 1000:.0f}",
                sorted(first)[ROUNDS // 2] <= 0.3)
    return line(f"Killed with {CHAINS} waiting chains: resumed", f"all after {sorted(all_of_them)[ROUNDS // 2]:.2f} s (limit 5), worst {max(all_of_them):.2f}; {memory:.0f} MB PSS",
                sorted(all_of_them)[ROUNDS // 2] <= 5) and good


def waits(server: Server) -> bool:
    with closing(database(server)) as connection:
        return connection.execute("SELECT count(*) FROM wakeups").fetchone()[0] > 0


def recovering(server: Server) -> bool:
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/v1/squall/health", timeout=30) as answer:
        health = json.loads(answer.read())
    assert health["executions_unfinished"] == 2 * CHAINS, health["executions_unfinished"]
    return health["recovering"] > 0


def history(directory: Path) -> bool:
    """A page of the newest executions of one action: among many matches, and among few."""
    server = Server(directory)
    server.start()
    for action in ("core.noop", "core.local"):
        done = server.call("POST", "/v1/executions", {"action": action, "parameters": {"cmd": "true"} if action == "core.local" else {}})["id"]
        while server.call("GET", f"/v1/executions/{done}")["status"] != "succeeded":
            time.sleep(0.01)
    kill(server)
    with closing(database(server)) as connection:
        ids = tuple(row[0] for row in connection.execute("SELECT id FROM executions WHERE action = 'core.noop'"))
        connection.execute("BEGIN")
        copy_rows(connection, "executions", "action = 'core.noop'", ids, HISTORY)
        connection.execute("UPDATE executions SET start_timestamp = '2026-01-01T00:00:00.' || printf('%06d', abs(random()) % 1000000) || 'Z' "
                           "WHERE action = 'core.noop'")
        connection.execute("COMMIT")
    server.start()
    times = {}
    for action in ("core.local", "core.noop"):
        each = []
        for _ in range(20):
            begin = time.perf_counter()
            server.call("GET", f"/v1/executions?action={action}&limit=50&sort=-start_timestamp&include_attributes=status")
            each.append(time.perf_counter() - begin)
        times[action] = sorted(each)[10] * 1000
    kill(server)
    return line("A page of one action's executions", f"{times['core.noop']:.1f} ms among {HISTORY} matches, {times['core.local']:.1f} ms with one (limit 10)",
                max(times.values()) <= 10)


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="squall-bench-") as directory:
        (Path(directory) / "a").mkdir()
        (Path(directory) / "b").mkdir()
        results = [recovery(Path(directory) / "a"), history(Path(directory) / "b")]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
