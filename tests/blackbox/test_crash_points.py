"""A sample of the crash points; `make crash` tries them all (tests/crash/README.md)."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from squall_server import ROOT
from databases import need_servers

BINARY = ROOT / "build" / "crash" / "squall"


def test_squall_killed_at_its_crash_points_ends_in_the_same_state() -> None:
    need_servers()
    if not BINARY.exists():
        missing = f"{BINARY.relative_to(ROOT)} left out: `make crash-binary` builds it"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    seed = os.environ.get("CRASH_SEED", "1")
    command = [sys.executable, str(ROOT / "tests" / "crash" / "driver.py"), "--sample", "3", "--seed", seed]
    done = subprocess.run(command, env=os.environ | {"SQUALL_BINARY": str(BINARY)}, capture_output=True, text=True, timeout=600, check=False)
    print(done.stdout)
    last = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""
    assert done.returncode == 0 and last.endswith("violations 0"), done.stdout[-6000:] + done.stderr[-4000:]
    # A driver that kills nothing proves nothing.
    assert int(last.split()[1]) >= 8, done.stdout
