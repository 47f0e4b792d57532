"""A short chaos run, each time with another seed; CHAOS_SEED replays one. `make chaos` is the long one."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1] / "blackbox"),
                str(Path(__file__).resolve().parents[1] / "cloud")]

import servers  # noqa: E402


def test_nothing_is_missed_and_nothing_repeated(tmp_path: Path) -> None:
    missing = [name for name in ("kube-apiserver", "etcd") if servers.find(name) is None]
    if missing:
        if os.environ.get("CI"):
            pytest.fail(f"test servers are missing under CI: {missing}; `make servers` installs them")
        pytest.skip(f"test servers left out: {missing}; `make servers` installs them")
    import chaos

    seed = int(os.environ.get("CHAOS_SEED", "0")) or random.SystemRandom().randrange(1, 10**9)
    line, verdict = chaos.run(tmp_path, 25, seed)
    print(line)
    assert not verdict.missed and not verdict.repeated, (line, verdict.missed[:20], verdict.repeated[:20])
    assert verdict.executions > 20, line


class Told:
    """What a squall would answer."""

    def __init__(self, instances: list[dict[str, object]], runs: dict[str, int]) -> None:
        self.instances = instances
        self.runs = runs

    def get(self, path: str) -> list[dict[str, object]]:
        if path.startswith("/triggerinstances"):
            return self.instances
        return [{"status": "succeeded", "trigger_instance": {"id": i}} for i, count in self.runs.items() for _ in range(count)]


def told(identity: str, event: str, uid: str, generation: int, version: int) -> dict[str, object]:
    before = None if event == "created" else {"metadata": {"generation": generation - 1}}
    return {"id": identity, "trigger": "kubernetes.x", "payload": {"event": event, "uid": uid, "name": "w", "generation": generation,
                                                                   "resource_version": str(version), "old_object": before}}


GOOD = [told("1", "created", "u1", 1, 5), told("2", "modified", "u1", 2, 6), told("3", "created", "u2", 1, 7), told("4", "deleted", "u2", 1, 8)]


@pytest.mark.parametrize(("instances", "runs", "missed", "repeated"), [
    (GOOD, {}, 0, 0),
    (GOOD, {"2": 0}, 1, 0),  # nothing acted on the last generation
    (GOOD, {"4": 0}, 2, 0),  # nor on the deletion
    (GOOD, {"2": 2}, 0, 1),  # acted on twice
    (GOOD[:1] + GOOD[2:], {}, 2, 0),  # never told
    (GOOD[:3], {}, 1, 0),
    ([*GOOD, told("5", "modified", "u1", 2, 6)], {}, 0, 2),  # told twice
    ([*GOOD, told("5", "deleted", "u1", 2, 9)], {}, 0, 1),  # it is there
    ([*GOOD, told("5", "created", "u3", 1, 9)], {}, 0, 1),  # it never was
])
def test_the_verdict_sees_what_is_wrong(instances: list[dict[str, object]], runs: dict[str, int], missed: int, repeated: int) -> None:
    import cluster
    import verdict

    book = cluster.Book(made={"u1": "w", "u2": "w"}, deleted={"u2"})
    living = {"u1": {"name": "w", "generation": 2, "resourceVersion": "6"}}
    judged = verdict.judge(Told(instances, {item["id"]: 1 for item in instances} | runs), book, living)  # type: ignore[arg-type]
    assert (len(judged.missed), len(judged.repeated)) == (missed, repeated), (judged.missed, judged.repeated)
