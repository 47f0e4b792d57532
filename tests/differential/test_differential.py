"""5,000 random expressions an engine; `make differential CASES=200000` is the long version."""

import os
import pathlib
import subprocess
import sys

import environment
import pytest

CASES = int(os.environ.get("SQUALL_DIFFERENTIAL_CASES", "5000"))


@pytest.mark.parametrize("engine", ["yaql", "jinja"])
def test_no_unexplained_difference(engine):
    try:
        python = environment.python()
    except RuntimeError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"the real engines cannot be installed: {error}")
    run = pathlib.Path(__file__).with_name("run.py")
    squall = os.environ.get("SQUALL_BINARY", "build/release/squall")
    done = subprocess.run([sys.executable, str(run), "--engine", engine, "--cases", str(CASES), "--squall", squall, "--python", python],
                          capture_output=True, text=True, check=False)
    print(done.stdout[-6000:])
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
