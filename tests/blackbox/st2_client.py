"""StackStorm's own command line, unmodified, in a virtual environment outside of the tree."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

Json = Any
PACKAGE = "st2client==3.9.0"


def cache_root() -> Path:
    named = os.environ.get("SQUALL_CACHE")
    return Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "squall"


def client_program() -> Path:
    """The program `st2`; installed at the first call, by one test at a time."""
    directory = cache_root() / f"st2client-py{sys.version_info.major}.{sys.version_info.minor}-{PACKAGE.partition('==')[2]}"
    directory.parent.mkdir(parents=True, exist_ok=True)
    with (directory.parent / "st2client.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (directory / ".complete").exists():
            shutil.rmtree(directory, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", str(directory)], check=True, capture_output=True)
            subprocess.run([str(directory / "bin" / "python"), "-m", "pip", "install", "-q", "--no-input", "--disable-pip-version-check", PACKAGE],
                           check=True, capture_output=True, timeout=300)
            (directory / ".complete").touch()
    return directory / "bin" / "st2"


class Client:
    """Runs `st2` against one server."""

    def __init__(self, url: str, home: Path, extra: dict[str, str] | None = None) -> None:
        self.program = client_program()
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", "PYTHONWARNINGS": "ignore",
                            "ST2_CLI_SKIP_CONFIG": "1", "ST2_API_URL": url + "/v1", "ST2_AUTH_URL": url, "ST2_STREAM_URL": url + "/v1",
                            **(extra or {})}

    def run(self, *arguments: str, expect: int | None = 0, text: str | None = None) -> str:
        done = subprocess.run([str(self.program), *arguments], env=self.environment, capture_output=True, text=True, timeout=60, input=text, check=False)
        if expect is not None:
            assert done.returncode == expect, f"st2 {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def json(self, *arguments: str) -> Json:
        """The first document: of a workflow the client prints its tasks as a second one."""
        return json.JSONDecoder().raw_decode(self.run(*arguments, "-j").lstrip())[0]
