#!/usr/bin/env python3
"""The figures that squall promises, as ratios taken in one run, one line each. Durable figures are taken with fsync on.

The baseline of the latency figure is one row committed to SQLite (WAL, synchronous=FULL) in a file on the same disk,
interleaved with squall's own events: baseline, squall, baseline, squall ...
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any, Callable

ROOT = Path(__file__).resolve().parent.parent
BINARY = Path(os.environ.get("SQUALL_BINARY", ROOT / "build" / "release" / "squall"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "200"))
STARTS = 10

RULE = ("name: bench\nenabled: true\ntrigger: {type: core.st2.webhook, parameters: {url: bench}}\n"
        "criteria: {trigger.body.n: {type: exists, pattern: true}}\naction: {ref: core.noop}\n")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Baseline:
    """One row of the size of an event's record per commit."""

    def __init__(self, directory: Path) -> None:
        self.connection = sqlite3.connect(directory / "baseline.db", isolation_level=None)
        self.connection.execute("PRAGMA journal_mode=WAL")
        self.connection.execute("PRAGMA synchronous=FULL")
        self.connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, k TEXT, document TEXT)")
        self.connection.execute("CREATE INDEX i ON t (k)")
        self.row = "x" * 300

    def commit(self) -> float:
        begin = time.perf_counter()
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.execute("INSERT INTO t (k, document) VALUES (?, ?)", (str(begin), self.row))
        self.connection.execute("COMMIT")
        return time.perf_counter() - begin


class Server:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        pack = directory / "packs" / "bench"
        (pack / "rules").mkdir(parents=True, exist_ok=True)
        (pack / "pack.yaml").write_text("ref: bench\nname: bench\ndescription: b\nversion: 0.1.0\nauthor: b\nemail: b@example.com\n")
        (pack / "rules" / "bench.yaml").write_text(RULE)
        self.http = http.client.HTTPConnection("127.0.0.1", self.port)
        self.stream: http.client.HTTPConnection | None = None  # told of every change of an execution after its commit
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Seconds from exec to the first accepted request."""
        env = {k: v for k, v in os.environ.items() if not k.startswith(("KUBE", "AWS_", "VAULT_", "CONSUL_"))}
        begin = time.perf_counter()
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen([str(BINARY), "serve", "--data", str(self.directory / "data"), "--packs", str(self.directory / "packs"),
                                             "--listen", f"127.0.0.1:{self.port}"], stdout=log, stderr=log, env=env)
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/v1/", timeout=5):
                    return time.perf_counter() - begin
            except OSError:
                if self.process.poll() is not None or time.perf_counter() - begin > 20:
                    sys.exit(f"squall did not start; see {self.directory}/log")
                time.sleep(0.0005)

    def stop(self) -> None:
        assert self.process
        self.process.terminate()
        self.process.wait(20)

    def call(self, method: str, path: str, body: object = None) -> object:
        self.http.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"})
        answer = self.http.getresponse()
        text = answer.read()
        assert answer.status < 300, text
        return json.loads(text)

    def event(self, number: int) -> float:
        """Seconds from sending an event until the action of its rule has ended."""
        return self.timed("/v1/webhooks/bench", {"n": number},
                          lambda found: found["trigger_instance"] is not None and found["trigger_instance"]["payload"]["body"]["n"] == number)

    def until_ended(self, action: str) -> float:
        """Seconds from asking for an action until it has ended."""
        return self.timed("/v1/executions", {"action": action}, lambda found: found["action"]["ref"] == action)

    def timed(self, path: str, body: object, is_it: Callable[[dict[str, Any]], bool]) -> float:
        """The stream tells of the end, which is after its commit. Polling would slow down what it waits for."""
        if self.stream is None:
            self.stream = http.client.HTTPConnection("127.0.0.1", self.port)
            self.stream.request("GET", "/v1/stream?events=st2.execution__update")
            self.events = self.stream.getresponse()
        begin = time.perf_counter()
        self.call("POST", path, body)
        while True:
            text = self.events.readline()
            assert text, "the stream ended"
            if text.startswith(b"data: ") and b'"succeeded"' in text:
                end = time.perf_counter()
                found = json.loads(text[6:])
                if found["status"] == "succeeded" and is_it(found):
                    return end - begin

    def pss_mb(self) -> float:
        assert self.process
        text = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) / 1024


def line(name: str, text: str, good: bool) -> bool:
    print(f"{name:<44} {text:<60} {'ok' if good else 'MISSED'}", flush=True)
    return good


def percentile(values: list[float], fraction: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * fraction))]


def latency(directory: Path) -> bool:
    server = Server(directory)
    baseline = Baseline(directory)
    server.start()
    for n in range(20):
        server.event(-1 - n)
        baseline.commit()
    base, mine = [], []
    for n in range(ROUNDS):
        base.append(baseline.commit())
        mine.append(server.event(n))
    syncs = fsyncs(server, 20)
    server.stop()
    ratio = statistics.median(mine) / statistics.median(base)
    detail = (f"p50 {1000 * statistics.median(mine):.2f} ms = {ratio:.2f} x one SQLite FULL commit ({1000 * statistics.median(base):.2f} ms); "
              f"p99 {percentile(mine, .99) / percentile(base, .99):.2f} x; {syncs}")
    return line("event to finished native action (at most 4 x)", detail, ratio <= 4 and not syncs.startswith("0 "))


def flushes_while(server: Server, run: Callable[[], object]) -> int:
    """Flushes of the disk by the server while `run` runs: every commit makes one. Needs strace."""
    assert server.process
    trace = subprocess.Popen(["strace", "-f", "-c", "-e", "trace=fsync,fdatasync", "-p", str(server.process.pid)], stderr=subprocess.PIPE, text=True)
    time.sleep(0.7)
    run()
    trace.send_signal(2)
    _, text = trace.communicate(timeout=30)
    return sum(int(row.split()[3]) for row in text.splitlines() if row.strip().endswith(("fsync", "fdatasync")))


def fsyncs(server: Server, events: int) -> str:
    """How often the disk is flushed for an event: a fast figure without flushes would be worthless."""
    if not shutil.which("strace"):
        return "flushes not counted (no strace)"
    calls = flushes_while(server, lambda: [server.event(1_000_000 + n) for n in range(events)])
    return f"{calls / events:.1f} flushes an event" if calls else "0 flushes"


def start_and_memory(directory: Path) -> bool:
    server = Server(directory)
    times = []
    for _ in range(STARTS):
        times.append(server.start())
        server.stop()
    server.start()
    time.sleep(3)
    pss = server.pss_mb()
    server.stop()
    good = line("start to first accepted request (at most 100 ms)", f"p50 {1000 * statistics.median(times):.0f} ms, max {1000 * max(times):.0f} ms of {STARTS}",
                statistics.median(times) <= 0.1)
    return line("idle memory with all shipped packs (at most 30 MB)", f"{pss:.1f} MB PSS", pss <= 30) and good


def size(directory: Path) -> bool:
    stripped = directory / "squall.stripped"
    subprocess.run(["strip", "-o", str(stripped), str(BINARY)], check=True)
    megabytes = stripped.stat().st_size / 2**20
    return line("stripped release binary (at most 20 MB)", f"{megabytes:.1f} MB", megabytes <= 20)


def clean_build(directory: Path) -> bool:
    """A whole build without ccache, as a fresh machine does it. BENCH_BUILD=0 leaves it out."""
    if os.environ.get("BENCH_BUILD") == "0":
        print("clean build: left out (BENCH_BUILD=0)")
        return True
    begin = time.perf_counter()
    build = directory / "build"
    configure = ["cmake", "-S", str(ROOT), "-B", str(build), "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DSQUALL_TESTS=OFF"]
    env = {**os.environ, "CCACHE_DISABLE": "1"}
    for command in (configure, ["cmake", "--build", str(build), "-j2", "--target", "squall"]):
        done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
        if done.returncode != 0:
            sys.exit(done.stdout[-2000:] + done.stderr[-2000:])
    minutes = (time.perf_counter() - begin) / 60
    return line("clean build of the program on 2 cores (at most 8 min)", f"{minutes:.1f} min (load {os.getloadavg()[0]:.1f})", minutes <= 8)


def run_all(*measures: Callable[[Path], bool]) -> int:
    """Each in a directory of its own. The exit code: 0 when nothing was missed."""
    if not BINARY.exists():
        sys.exit(f"{BINARY} is not built; run `make` first")
    print(f"load average {os.getloadavg()[0]:.2f}, {os.cpu_count()} cores")
    base = Path(os.environ.get("BENCH_DIR", ROOT / "build"))
    results = []
    for measure in measures:
        directory = Path(tempfile.mkdtemp(prefix="bench-", dir=base))
        try:
            results.append(measure(directory))
        finally:
            shutil.rmtree(directory, ignore_errors=True)
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(run_all(latency, start_and_memory, size, clean_build))
