"""A squall server as a process of its own, and what tests do with it. A module with a name of its own: several folders have a conftest."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("SQUALL_BINARY", ROOT / "build" / "release" / "squall"))
sys.path.insert(0, str(ROOT / "tests" / "cloud"))

Json = Any
FINAL = {"succeeded", "failed", "timeout", "canceled", "abandoned"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def conformance_folder() -> Path | None:
    """Where the recorded answers are: named, beside the project, or the project's own copy."""
    named = os.environ.get("SQUALL_CONFORMANCE")
    for folder in [Path(named)] if named else [ROOT.parent / "shared" / "conformance", ROOT / "tests" / "conformance"]:
        if folder.is_dir():
            return folder
    return None


class Squall:
    """One server process with its data directory. May be killed and started again on the same data."""

    up = 200  # what GET /v1/ answers once the server is up; 401 with authentication on

    def __init__(self, directory: Path, packs: list[Path] | None = None, env: dict[str, str] | None = None) -> None:
        self.directory = directory
        self.data = directory / "data"
        self.log = directory / "squall.log"
        self.packs = packs or []
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "VAULT_", "CONSUL_", "KUBE", "SQUALL_"))} | (env or {})
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def config(self, pack: str, text: str) -> None:
        folder = self.data / "configs"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{pack}.yaml").write_text(text)

    def command(self) -> list[str]:
        packs = [part for pack in self.packs for part in ("--packs", str(pack))]
        return [str(BINARY), "serve", "--data", str(self.data), "--listen", f"127.0.0.1:{self.port}", *packs]

    def start(self) -> Squall:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command(), env=self.env, stdout=log, stderr=log)
        self.until("the server answers", self._answers, 20, 0.01)
        return self

    def _answers(self) -> bool:
        assert self.process
        if self.process.poll() is not None:
            raise AssertionError(f"squall ended with {self.process.returncode}:\n{self.log.read_text()[-2000:]}")
        try:
            return self.call("GET", "/v1/")[0] == self.up
        except OSError:
            return False

    def kill(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()

    def stop(self) -> int:
        assert self.process
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(15)

    def call(self, method: str, path: str, body: Json = None, headers: dict[str, str] | None = None) -> tuple[int, Json]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method,
                                         headers={"Content-Type": "application/json", **(headers or {})})
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read()
        try:
            return status, json.loads(text) if text.strip() else None
        except ValueError:
            return status, text.decode(errors="replace")

    def get(self, path: str) -> Json:
        status, body = self.call("GET", "/v1" + path)
        assert status == 200, f"GET {path}: {status} {body}"
        return body

    def run(self, action: str, parameters: Json = None, **more: Json) -> str:
        status, body = self.call("POST", "/v1/executions", {"action": action, "parameters": parameters or {}, **more})
        assert status == 201, f"POST {action}: {status} {body}"
        return str(body["id"])

    def finished(self, execution: str, seconds: float = 30) -> Json:
        return self.until(f"{execution} ends", lambda: self._final(execution), seconds)

    def _final(self, execution: str) -> Json:
        found = self.get("/executions/" + execution)
        return found if found["status"] in FINAL else None

    def result(self, action: str, parameters: Json = None) -> Json:
        return self.finished(self.run(action, parameters))

    def until(self, what: str, probe: Callable[[], Json], seconds: float = 30, between: float = 0.05) -> Json:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if (found := probe()):
                return found
            time.sleep(between)
        raise AssertionError(f"{what}: not within {seconds} s; end of the log:\n{self.log.read_text()[-1500:]}")

    def cli(self, *arguments: str, expect: int = 0) -> str:
        done = subprocess.run([str(BINARY), *arguments, "--url", self.url], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == expect, f"{arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr


def write_htpasswd(file: Path, users: dict[str, str]) -> Path:
    """Passwords of users, as `htpasswd -s` writes them."""
    lines = [f"{user}:{{SHA}}{base64.b64encode(hashlib.sha1(password.encode()).digest()).decode()}\n" for user, password in users.items()]
    file.write_text("".join(lines))
    return file


def write_pack(folder: Path, name: str, files: dict[str, str]) -> Path:
    """A pack with these files; returns the directory that holds it."""
    pack = folder / name
    pack.mkdir(parents=True, exist_ok=True)
    (pack / "pack.yaml").write_text(f"ref: {name}\nname: {name}\ndescription: test\nversion: 0.1.0\nauthor: t\nemail: t@example.com\n")
    for path, text in files.items():
        file = pack / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder
