#!/usr/bin/env python3
"""Random changes of custom resources while squall and the API server are killed, frozen and robbed of their history.

    python3 tests/chaos/chaos.py --seconds 300 [--seed 7]

README.md says what is checked.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(Path(__file__).resolve().parent), str(ROOT / "tests" / "blackbox"), str(ROOT / "tests" / "cloud")]

from cluster import Cluster, Writer  # noqa: E402
from squall_server import Squall, write_pack  # noqa: E402
from verdict import Verdict, judge  # noqa: E402

SETTLE_S = 180.0
QUIET_S = 3.0
TARGET = "{{api_version: chaos.squall.dev/v1, resource: widgets, keep_objects: {2}}}"
RULE = ("name: {0}\nenabled: true\ntrigger: {{type: kubernetes.object_{0}, parameters: " + TARGET + "}}\n"
        "{1}action: {{ref: core.noop}}\n")
NEW_GENERATION = 'criteria:\n  trigger.object.metadata.generation: {type: neq, pattern: "{{ trigger.old_object.metadata.generation }}"}\n'


def chaos_pack(folder: Path, keep_objects: bool) -> Path:
    """Acts once on every creation, every change of a spec and every deletion."""
    keep = str(keep_objects).lower()
    return write_pack(folder / "packs", "chaos", {
        "rules/created.yaml": RULE.format("created", "", keep), "rules/deleted.yaml": RULE.format("deleted", "", keep),
        "rules/modified.yaml": RULE.format("modified", NEW_GENERATION, keep)})


class Trouble:
    """One thread that makes trouble: a first round of every kind, then at random."""

    def __init__(self, cluster: Cluster, squall: Squall, seed: int) -> None:
        self.cluster, self.squall = cluster, squall
        self.random = random.Random(seed)
        self.counts: Counter[str] = Counter()
        self.error = ""
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run, name="trouble", daemon=True)
        self.kinds: list[Callable[[], None]] = [self.kill_squall, self.compact, self.freeze_server, self.restart_server, self.lose_history]

    def kill_squall(self) -> None:
        self.squall.kill()
        self.counts["kills"] += 1
        self.stop.wait(self.random.choice([0, 0, 0.2, 1, 4]))
        self.squall.start()

    def restart_server(self) -> None:
        kube = self.cluster.kube
        kube.stop() if self.random.random() < 0.3 else kube.kill()
        self.stop.wait(self.random.choice([0, 0.5, 2]))
        kube.start()
        self.counts["restarts"] += 1

    def freeze_server(self) -> None:
        self.cluster.kube.freeze()
        try:
            self.stop.wait(self.random.uniform(0.5, 5))
            if self.random.random() < 0.4:
                self.kill_squall()
        finally:
            self.cluster.kube.thaw()
        self.counts["freezes"] += 1

    def compact(self) -> None:
        self.cluster.etcd.compact()
        self.counts["compactions"] += 1

    def lose_history(self) -> None:
        """Squall is away while the server forgets what it saw last."""
        self.squall.kill()
        self.counts["kills"] += 1
        self.stop.wait(self.random.uniform(0.2, 1))
        self.compact()
        self.restart_server()
        self.squall.start()

    def _run(self) -> None:
        try:
            pending = list(self.kinds)
            while not self.stop.is_set():
                kind = pending.pop(0) if pending else self.random.choices(self.kinds, [8, 2, 3, 2, 1])[0]
                kind()
                self.stop.wait(self.random.uniform(0.1, 2.5))
        except BaseException:  # noqa: B902 - the run must not go on as if nothing had happened
            self.error = traceback.format_exc()


def settle(squall: Squall, cluster: Cluster, writer: Writer) -> Verdict:
    """Waits until nothing is missed any more, and then whether anything still comes twice."""
    living = cluster.objects()
    writer.book.made.update({uid: metadata["name"] for uid, metadata in living.items()})
    deadline = time.monotonic() + SETTLE_S
    while judge(squall, writer.book, living).missed and time.monotonic() < deadline:
        time.sleep(1)
    time.sleep(QUIET_S)
    return judge(squall, writer.book, living)


def run(directory: Path, seconds: float, seed: int, rate: float = 40, names: int = 40) -> tuple[str, Verdict]:
    """The whole test; returns its line and the verdict."""
    print(f"seed {seed}; replay with --seed {seed}", flush=True)
    with Cluster(directory) as cluster:
        squall = Squall(directory, [chaos_pack(directory, keep_objects=seed % 2 == 0)], {"KUBECONFIG": str(cluster.kube.kubeconfig)})
        try:
            squall.start()
            writer = Writer(cluster, seed, names)
            trouble = Trouble(cluster, squall, seed + 1)
            end = time.monotonic() + seconds
            trouble.thread.start()
            while time.monotonic() < end and not trouble.error:
                writer.step()
                time.sleep(1 / rate)
            trouble.stop.set()
            trouble.thread.join(180)
            assert not trouble.error and not trouble.thread.is_alive(), trouble.error or "the trouble does not end"
            verdict = settle(squall, cluster, writer)
        finally:
            squall.kill()
    counts = trouble.counts
    line = (f"{len(writer.book.made)} objects, {writer.book.events} events, {verdict.instances} trigger instances, "
            f"{verdict.executions} executions, {counts['kills']} kills, {counts['restarts']} restarts, {counts['freezes']} freezes, "
            f"{counts['compactions']} compactions, missed {len(verdict.missed)}, repeated {len(verdict.repeated)} (seed {seed})")
    return line, verdict


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=float(os.environ.get("CHAOS_SECONDS", "300")))
    parser.add_argument("--seed", type=int, default=0, help="0: a new one")
    parser.add_argument("--directory", type=Path, help="kept, with the logs and data of all programs; default: a temporary one")
    options = parser.parse_args()
    seed = options.seed or random.SystemRandom().randrange(1, 10**9)
    with tempfile.TemporaryDirectory(prefix="squall-chaos-") as temporary:
        directory = (options.directory or Path(temporary)).resolve()
        directory.mkdir(parents=True, exist_ok=True)
        line, verdict = run(directory, options.seconds, seed)
    for what in [*("missed: " + text for text in verdict.missed), *("repeated: " + text for text in verdict.repeated)][:50]:
        print(what)
    print(line, flush=True)
    return 1 if verdict.missed or verdict.repeated else 0


if __name__ == "__main__":
    sys.exit(main())
