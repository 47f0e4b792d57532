"""One server process of the local cloud: start, readiness, stop, freeze; nothing outlives whoever started it."""

from __future__ import annotations

import ctypes
import json
import os
import random
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

HOST = "127.0.0.1"
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)

# The kernel sends the parent-death signal when the *thread* that forked ends, so every child is forked by one thread
# that lives as long as this process, never by a passing worker thread of a test.
_spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="cloud-spawner")

_ports_given: set[int] = set()
_ports_lock = threading.Lock()


class ServerError(Exception):
    """A server did not start, or died; the text names its log and shows the end of it."""


def free_port() -> int:
    """A port that nobody listens on, never given twice.

    Taken from below the kernel's ephemeral range: an outgoing connection can then not grab it while the server is
    stopped, and a restart on the same port works.
    """
    with _ports_lock:
        for _ in range(500):
            port = random.SystemRandom().randrange(17000, 31000)
            if port not in _ports_given and _can_bind(port):
                _ports_given.add(port)
                return port
    raise ServerError("no free port between 17000 and 31000 on 127.0.0.1; stop what listens there")


def _can_bind(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def http_status(url: str, timeout: float = 2.0) -> int | None:
    """The HTTP status of a GET, or None while nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


class Server:
    """A child process with a fixed port and directory, so that stop() and start() again find the same place and data.

    Subclasses give command(), and ready() if an open port is not proof enough. All methods are for one thread.
    """

    name = "server"
    ready_timeout_s = 60.0
    stop_timeout_s = 10.0

    def __init__(self, directory: Path | str, *, port: int | None = None) -> None:
        self.directory = Path(directory).resolve() / self.name
        self.directory.mkdir(parents=True, exist_ok=True)
        self.log = self.directory / f"{self.name}.log"
        self.port = port or self.reserve_port("main")
        self._process: subprocess.Popen[bytes] | None = None

    def reserve_port(self, use: str) -> int:
        """A port for this use, the same each time for this directory: stored data (Consul's peers, etcd's members,
        a kubeconfig in somebody's shell) names it."""
        file = self.directory / "ports.json"
        ports: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
        if use not in ports:
            ports[use] = free_port()
            file.write_text(json.dumps(ports))
        return ports[use]

    # -- what a subclass says about itself

    def command(self) -> list[str]:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return dict(os.environ)

    def ready(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex((HOST, self.port)) == 0

    def after_ready(self) -> None:
        """Runs once after each start, when the server answers."""

    # -- life

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> Self:
        """Starts the server and waits until it answers."""
        self.launch()
        self.wait_ready()
        return self

    def launch(self) -> None:
        """Starts the process without waiting; wait_ready() must follow."""
        if self.running:
            raise ServerError(f"{self.name} already runs (pid {self.pid})")
        if not _can_bind(self.port):
            raise ServerError(f"port {self.port} of {self.name} is taken; does another local cloud run in "
                              f"{self.directory.parent}?")
        command, environment = self.command(), self.environment()
        self._process = _spawner.submit(self._spawn, command, environment).result()

    def _spawn(self, command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as sink:
            return subprocess.Popen(command, env=environment, cwd=self.directory, stdin=subprocess.DEVNULL,
                                    stdout=sink, stderr=sink, start_new_session=True, preexec_fn=_die_with_parent)

    def wait_ready(self) -> None:
        deadline = time.monotonic() + self.ready_timeout_s
        while not self.ready():
            if not self.running:
                raise ServerError(f"{self.name} ended at start (exit {self._exit_code()}).{self._log_tail()}")
            if time.monotonic() > deadline:
                self.kill()
                raise ServerError(f"{self.name} was not ready after {self.ready_timeout_s:.0f} s.{self._log_tail()}")
            time.sleep(0.05)
        self.after_ready()

    def stop(self) -> None:
        """Asks the server to end, and kills its whole process group if it does not. Safe to call twice."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Ends the server without warning, as a crash would."""
        self._end(signal.SIGKILL)

    def restart(self) -> Self:
        self.stop()
        return self.start()

    def freeze(self) -> None:
        """The process stops being scheduled: connections open, nothing answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        return self if self.running else self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    # -- helpers

    def _signal(self, number: signal.Signals) -> None:
        if not self.running or self.pid is None:
            raise ServerError(f"{self.name} does not run")
        os.killpg(self.pid, number)

    def _end(self, number: signal.Signals) -> None:
        process = self._process
        if process is None:
            return
        for attempt in (number, signal.SIGKILL):
            try:
                os.killpg(process.pid, attempt)
                os.killpg(process.pid, signal.SIGCONT)  # a frozen process acts on SIGTERM only once thawed
            except ProcessLookupError:
                pass
            try:
                process.wait(self.stop_timeout_s)
                break
            except subprocess.TimeoutExpired:
                continue
        self._process = None

    def _exit_code(self) -> int | None:
        return self._process.poll() if self._process else None

    def _log_tail(self, lines: int = 15) -> str:
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        tail = "\n".join("    " + line for line in text.splitlines()[-lines:])
        return f" The end of {self.log}:\n{tail}"
