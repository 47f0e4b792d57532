#!/usr/bin/env python3
"""How long squall takes to register many actions. The baseline is what reading the same files takes with the YAML reader that
StackStorm uses (PyYAML on libyaml), where it is installed: nothing registers faster than it reads.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

from run import BINARY, free_port

PACKS, ACTIONS, ROUNDS = 60, 100, 5
ACTION = "---\nname: action_{0}\nrunner_type: python-script\nentry_point: a.py\ndescription: \"Does thing {0}\"\nenabled: true\nparameters:\n" + "".join(
    f"  param_{n}:\n    type: {'string' if n % 2 else 'integer'}\n    description: \"Parameter {n} of the action\"\n    required: {'false' if n else 'true'}\n"
    for n in range(8))


def write_packs(root: Path) -> None:
    for number in range(PACKS):
        name = f"bench_{number:02}"
        (root / name / "actions").mkdir(parents=True)
        (root / name / "pack.yaml").write_text(f"ref: {name}\nname: {name}\ndescription: b\nversion: 0.1.0\nauthor: b\nemail: b@example.com\n")
        (root / name / "actions" / "a.py").write_text("")
        for action in range(ACTIONS):
            (root / name / "actions" / f"action_{action}.yaml").write_text(ACTION.format(action))


def start(data: Path, packs: Path) -> float:
    """Seconds from exec to the first answer, which comes when everything is registered."""
    port = free_port()
    begin = time.perf_counter()
    process = subprocess.Popen([str(BINARY), "serve", "--data", str(data), "--packs", str(packs), "--listen", f"127.0.0.1:{port}"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/", timeout=10).read()
                return time.perf_counter() - begin
            except OSError:
                time.sleep(0.002)
    finally:
        process.terminate()
        process.wait()


def read_with_pyyaml(packs: Path) -> float | None:
    try:
        import yaml
        loader = yaml.CSafeLoader
    except (ImportError, AttributeError):
        return None
    begin = time.perf_counter()
    for path in packs.glob("*/actions/*.yaml"):
        yaml.load(path.read_text(), Loader=loader)
    return time.perf_counter() - begin


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_packs(root / "packs")
        (root / "none").mkdir()
        taken, empty, baseline = [], [], []
        for number in range(ROUNDS):
            empty.append(start(root / f"empty{number}", root / "none"))
            taken.append(start(root / f"data{number}", root / "packs") - empty[-1])
            baseline.append(read_with_pyyaml(root / "packs"))
        seconds = statistics.median(taken)
        print(f"register {PACKS * ACTIONS} actions on an empty store: {seconds:.2f} s (median of {ROUNDS}; at most 1.0), load {os.getloadavg()[0]:.1f}")
        if baseline[0] is not None:
            known = statistics.median(b for b in baseline if b is not None)
            print(f"reading the same files with PyYAML's fast reader: {known:.2f} s, ratio {seconds / known:.2f}")


if __name__ == "__main__":
    main()
