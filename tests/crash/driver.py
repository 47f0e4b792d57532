#!/usr/bin/env python3
"""Kills squall at its crash points, starts it again and checks the end state. README.md says how to use it."""

from __future__ import annotations

import argparse
import os
import queue
import random
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
os.environ.setdefault("SQUALL_BINARY", str(ROOT / "build" / "crash" / "squall"))
sys.path[:0] = [str(ROOT / "tests" / "blackbox"), str(ROOT / "tests" / "cloud")]

import invariants  # noqa: E402
import local_cloud  # noqa: E402
from squall_server import Squall  # noqa: E402
from databases import CRD, World  # noqa: E402
from flows import DATABASE, EVENT, Flow, Life, crash_pack  # noqa: E402

FLOWS = {flow.name: flow for flow in [EVENT, *DATABASE]}
TIMES = {"create_s": 0.3, "backup_s": 0.05, "modify_lag_s": 0.0, "modify_s": 0.2, "delete_s": 0.2}
CONFIG = ("cluster: test\npoll_interval: 1\n"
          "retry: {first: 1, longest: 2, quota_first: 1, quota_longest: 2, denied: 1}\n")
SETTLE_S = 90.0
# Requests that the driver itself makes to look.
SERVING = "http.respond"


class Tracked(Squall):
    """A squall that may die while it starts."""

    def launch(self, crash_at: str = "", trace: Path | None = None) -> bool:
        extra = {"SQUALL_CRASH_AT": crash_at} | ({"SQUALL_CRASH_TRACE": str(trace)} if trace else {})
        plain, self.env = self.env, self.env | extra
        try:
            self.start()
        except AssertionError:
            if self.alive():
                raise
        finally:
            self.env = plain
        return self.alive()

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None


@dataclass
class Tally:
    tried: int = 0
    unreached: int = 0
    violations: list[str] = field(default_factory=list)
    names: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, flow: Flow, point: str, bad: list[str], reached: bool) -> None:
        with self.lock:
            self.tried += reached
            self.unreached += not reached and not point.endswith(":0")
            self.names[point.split(":")[0]] += reached
            self.violations += [f"{flow.name} at {point}: {what}" for what in bad]
            for what in bad:
                print(f"VIOLATION {flow.name} at {point}: {what}", flush=True)


class Stage:
    """One world (cloud and squall) in which flows run, one after another."""

    def __init__(self, inside: World, squall: Tracked) -> None:
        self.inside, self.squall, self.lives = inside, squall, 0

    def life(self, prefix: str) -> Life:
        self.lives += 1
        return Life(self.inside.space(f"{prefix}{self.lives}"))

    def settle(self, flow: Flow, life: Life) -> list[str]:
        """Waits for the end state with a living squall; what never came is a violation, not an error of the driver."""
        deadline = time.monotonic() + SETTLE_S
        while time.monotonic() < deadline:
            if not self.squall.alive():
                return [f"squall ended by itself with {self.squall.process.returncode if self.squall.process else '?'}"]
            if flow.over(life) and not invariants.unfinished(self.squall):
                return flow.check(life) + invariants.records(self.squall)
            time.sleep(0.1)
        return [f"not over within {SETTLE_S:.0f} s; unfinished: {invariants.unfinished(self.squall)}; {(life.space.read() or {}).get('status')}"]

    def trace(self, flow: Flow, life: Life) -> tuple[list[str], list[str]]:
        """Runs a flow without a crash: the points it passes, and what is wrong even so."""
        self.squall.kill()
        file = self.squall.directory / f"trace-{flow.name}-{self.lives}"
        self.squall.launch(trace=file)
        before = len(file.read_text().splitlines())
        flow.begin(life)
        bad = self.settle(flow, life)
        count: Counter[str] = Counter()
        points = []
        for number, line in enumerate(file.read_text().splitlines()):
            name = line.split(" ", 1)[1]
            count[name] += 1
            # Those of the start are tried with the first flow; there they are the same for all.
            if (flow.serves or name != SERVING) and (number >= before or flow is EVENT):
                points.append(f"{name}:{count[name]}")
        return points, bad

    def crash(self, flow: Flow, life: Life, point: str) -> tuple[list[str], bool]:
        self.squall.kill()
        begun = self.squall.launch(crash_at=point)
        if begun:
            flow.begin(life)
            deadline = time.monotonic() + SETTLE_S
            while self.squall.alive() and time.monotonic() < deadline and not self._over(flow, life):
                time.sleep(0.03)
        died = not self.squall.alive()
        self.squall.kill()
        self.squall.launch()
        if not begun or flow is EVENT:
            flow.begin(life)
        return self.settle(flow, life), died

    def _over(self, flow: Flow, life: Life) -> bool:
        try:
            return flow.over(life) and not invariants.unfinished(self.squall)
        except Exception:  # noqa: BLE001 - it dies under the question
            return False


@contextmanager
def stage(directory: Path) -> Iterator[Stage]:
    directory.mkdir(parents=True)
    with local_cloud.LocalCloud(directory / "cloud", rds_times=TIMES, simulate_consul=True) as cloud:
        cloud.kube.kubectl("apply", "-f", str(CRD))
        cloud.kube.kubectl("wait", "--for=condition=Established", "crd/databases.squall.dev", "--timeout=60s")
        squall = Tracked(directory, [crash_pack(directory)], env=cloud.env())
        squall.config("database", CONFIG)
        try:
            squall.launch()
            yield Stage(World(cloud, squall), squall)
        finally:
            squall.kill()


def sampled(points: list[str], wanted: int, rng: random.Random) -> list[str]:
    """So many of the points, in random order, as many different names among them as possible."""
    rng.shuffle(points)
    by_name: dict[str, list[str]] = {}
    for point in points:
        by_name.setdefault(point.split(":")[0], []).append(point)
    chosen: list[str] = []
    while len(chosen) < min(wanted, len(points)):
        for name in rng.sample(sorted(by_name), len(by_name)):
            if by_name[name] and len(chosen) < wanted:
                chosen.append(by_name[name].pop())
    return chosen


def plan(points: dict[str, list[str]], options: argparse.Namespace) -> list[list[tuple[Flow, str]]]:
    """Lives: each a list of stages with the point that each dies at."""
    rng = random.Random(options.seed)
    chosen = {name: sampled(list(found), options.sample or len(found), rng) for name, found in points.items()}
    if options.at:
        chosen = {name: [options.at] if name == options.only else [] for name in points}
    lives = [[(EVENT, point)] for point in chosen.get("event", [])]
    longest = max((len(chosen.get(flow.name, [])) for flow in DATABASE), default=0)
    for number in range(longest):
        # A stage that has no more points of its own runs without a crash: the next one needs its end state.
        lives.append([(flow, chosen[flow.name][number] if number < len(chosen[flow.name]) else "") for flow in DATABASE])
    return lives


def work(directory: Path, number: int, lives: queue.Queue[list[tuple[Flow, str]]], found: queue.Queue[dict[str, list[str]]],
         tally: Tally, wanted: list[str], stop_at: float) -> None:
    with stage(directory / f"world{number}") as here:
        if number == 0:
            points = {}
            life = here.life("trace")
            for flow in ([EVENT] if "event" in wanted else []) + (DATABASE if set(wanted) - {"event"} else []):
                passed, bad = here.trace(flow, life)
                points[flow.name] = passed if flow.name in wanted else []
                tally.add(flow, "no crash:0", bad, False)
            found.put(points)
        while time.monotonic() < stop_at:
            try:
                stages = lives.get(timeout=1)
            except queue.Empty:
                continue
            if not stages:
                return
            life = here.life("life")
            for flow, point in stages:
                bad, died = here.crash(flow, life, point)
                if point or bad:
                    tally.add(flow, point or "no crash:0", bad, died)
                if bad:
                    break  # the next stage would start from a state it does not expect
            leaks = invariants.secrets(here.squall, life.secrets)
            if leaks:
                tally.add(stages[-1][0], "the whole life:0", leaks, False)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=0, help="points of each flow; 0: all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", default=",".join(FLOWS), help="flows, with commas between")
    parser.add_argument("--at", default="", help="NAME:K, one point of the one flow in --only")
    parser.add_argument("--seconds", type=float, default=1e9, help="no new life after so long")
    parser.add_argument("--keep", action="store_true", help="leave the directory")
    options = parser.parse_args()
    wanted = options.only.split(",")
    if unknown := set(wanted) - set(FLOWS):
        parser.error(f"no such flow: {', '.join(sorted(unknown))}; there are {', '.join(FLOWS)}")
    directory = Path(tempfile.mkdtemp(prefix="squall-crash-"))
    tally, lives, found = Tally(), queue.Queue(), queue.Queue()
    stop_at = time.monotonic() + options.seconds
    failed: list[str] = []

    def guarded(number: int) -> None:
        try:
            work(directory, number, lives, found, tally, wanted, stop_at)
        except BaseException:  # noqa: BLE001 - told below; the other worker goes on
            failed.append(traceback.format_exc())
            found.put({})

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(options.workers)]
    for thread in threads:
        thread.start()
    points = found.get()
    planned = plan(points, options) if points else []
    print(f"crash: {', '.join(f'{name} {len(p)}' for name, p in points.items())} points; {len(planned)} lives planned", flush=True)
    for life in planned:
        lives.put(life)
    for _ in threads:
        lives.put([])
    for thread in threads:
        thread.join()
    for text in failed:
        print(text, file=sys.stderr)
    left = sum(1 for life in list(lives.queue) if life)
    if left:
        print(f"crash: time is over, {left} of {len(planned)} lives were not begun", flush=True)
    print(f"crash: killed at {', '.join(f'{name} x{count}' for name, count in sorted(tally.names.items()) if count)}; not passed again: {tally.unreached}")
    bad = len(tally.violations) + len(failed)
    if bad or options.keep:
        print(f"crash: everything is kept in {directory}")
    else:
        import shutil
        shutil.rmtree(directory, ignore_errors=True)
    print(f"crash: {tally.tried} points tried, {len(points)} flows, violations {bad}", flush=True)
    return 1 if bad or not tally.tried else 0


if __name__ == "__main__":
    sys.exit(main())
