"""What our simulators share: an HTTP server, faults on demand, and a call log that a test can read.

Every simulator answers these besides its own API, without any authentication:

    POST   /_control       {"faults": [...], "clear_faults": true, ...and what the simulator itself understands}
    GET    /_control       its present settings and the faults still armed
    GET    /_control/log   the calls so far, oldest first (?since=N: only those after number N)
    DELETE /_control/log   forgets them

A fault is {"match": {fact: glob}, "kind": ..., "count": N, ...}. It hits the next N calls whose facts match all globs:
    error         the call is refused and has no effect       (status, code, message)
    error_after   the call takes effect, the caller is told it failed
    drop          the connection closes before the call has any effect
    drop_after    the call takes effect, then the connection closes without a reply
    delay         the call is answered after delay_s seconds
"""

from __future__ import annotations

import fnmatch
import json
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections import deque
from dataclasses import asdict, dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Json = dict[str, Any]
LOG_LENGTH_MAX = 20_000
BODY_BYTES_MAX = 16 * 2**20
FAULT_KINDS = ("error", "error_after", "drop", "drop_after", "delay")


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: Message
    body: bytes

    @property
    def raw_path(self) -> str:
        return urlsplit(self.target).path

    @property
    def path(self) -> str:
        return unquote(self.raw_path)

    @property
    def raw_query(self) -> str:
        return urlsplit(self.target).query

    @property
    def query(self) -> dict[str, str]:
        """The last value of each parameter; a parameter without '=' is present and empty."""
        return {key: values[-1] for key, values in parse_qs(self.raw_query, keep_blank_values=True).items()}

    def json(self) -> Any:
        return json.loads(self.body) if self.body.strip() else {}


@dataclass
class Response:
    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


def json_response(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(status, json.dumps(value).encode() + b"\n", headers=headers or {})


@dataclass
class Fault:
    match: dict[str, str] = field(default_factory=dict)
    kind: str = "error"
    count: int = 1
    status: int = 0  # 0: the usual one for this simulator and code
    code: str = ""
    message: str = ""
    delay_s: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: Json) -> Fault:
        unknown = set(text) - {name for name in cls.__dataclass_fields__}
        if unknown:
            raise ValueError(f"unknown key in a fault: {', '.join(sorted(unknown))}; "
                             f"known are {', '.join(cls.__dataclass_fields__)}")
        fault = cls(**text)
        if fault.kind not in FAULT_KINDS:
            raise ValueError(f"unknown fault kind {fault.kind!r}; known are {', '.join(FAULT_KINDS)}")
        return fault

    def hits(self, facts: dict[str, str]) -> bool:
        return all(fnmatch.fnmatchcase(facts.get(name, ""), pattern) for name, pattern in self.match.items())


class FaultPlan:
    """The armed faults, first come first served."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._armed: list[Fault] = []

    def arm(self, faults: list[Fault]) -> None:
        with self._lock:
            self._armed += faults

    def clear(self) -> None:
        with self._lock:
            self._armed.clear()

    def take(self, facts: dict[str, str]) -> Fault | None:
        with self._lock:
            for fault in self._armed:
                if fault.hits(facts):
                    fault.count -= 1
                    if fault.count <= 0:
                        self._armed.remove(fault)
                    return fault
        return None

    def describe(self) -> list[Json]:
        with self._lock:
            return [asdict(fault) for fault in self._armed]


class CallLog:
    """A bounded record of calls. Callers put in only what may be shown: never a body, a token or a password."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: deque[Json] = deque(maxlen=LOG_LENGTH_MAX)
        self._count = 0

    def add(self, entry: Json) -> None:
        with self._lock:
            self._count += 1
            self._calls.append({"n": self._count, "time": round(time.time(), 3), **entry})

    def read(self, since: int = 0) -> list[Json]:
        with self._lock:
            return [call for call in self._calls if call["n"] > since]

    def clear(self) -> None:
        with self._lock:
            self._calls.clear()


class Simulator:
    """Base of a simulator: answer() does the work; facts() names what faults may match and the log shows."""

    def __init__(self) -> None:
        self.faults = FaultPlan()
        self.log = CallLog()
        self.stopping = threading.Event()

    def facts(self, request: Request) -> dict[str, str]:
        return {"method": request.method, "path": request.path}

    def answer(self, request: Request) -> Response:
        raise NotImplementedError

    def fault_response(self, fault: Fault, request: Request) -> Response:
        raise NotImplementedError

    def control(self, command: Json) -> Json:
        """Acts on the simulator's own keys of a control command; takes out (pops) what it understood."""
        return {}

    def settings(self) -> Json:
        return {}

    # -- one call from end to end; None means: close the connection without a word

    def serve(self, request: Request) -> Response | None:
        if request.raw_path.startswith("/_control"):
            return self._serve_control(request)
        facts = self.facts(request)
        fault = self.faults.take(facts)
        response = self._serve_with(fault, request)
        shown = {"status": response.status if response else None, "fault": fault.kind if fault else None}
        self.log.add({**facts, **shown, **(self.log_extra(request, response))})
        return response

    def log_extra(self, request: Request, response: Response | None) -> Json:
        return {}

    def _serve_with(self, fault: Fault | None, request: Request) -> Response | None:
        if fault is None:
            return self.answer(request)
        if fault.delay_s:
            self.stopping.wait(fault.delay_s)
        if fault.kind == "drop":
            return None
        if fault.kind == "error":
            return self.fault_response(fault, request)
        response = self.answer(request)
        if fault.kind == "drop_after":
            return None
        return self.fault_response(fault, request) if fault.kind == "error_after" else response

    def _serve_control(self, request: Request) -> Response:
        if request.raw_path == "/_control/log":
            if request.method == "DELETE":
                self.log.clear()
                return json_response({})
            return json_response(self.log.read(int(request.query.get("since", "0"))))
        if request.raw_path != "/_control":
            return json_response({"error": "there are /_control and /_control/log"}, 404)
        if request.method == "GET":
            return json_response({**self.settings(), "faults": self.faults.describe()})
        try:
            return json_response(self._control(request.json()))
        except (ValueError, TypeError, KeyError) as error:
            return json_response({"error": f"bad control command: {error}"}, 400)

    def _control(self, command: Json) -> Json:
        faults = [Fault.parse(item) for item in command.pop("faults", [])]
        if command.pop("clear_faults", False):
            self.faults.clear()
        self.faults.arm(faults)
        done = self.control(command)
        if command:
            raise ValueError(f"unknown key {', '.join(sorted(command))}")
        return done


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65536
    simulator: Simulator

    def handle_any(self) -> None:
        try:
            request = Request(self.command, self.path, self.headers, self._read_body())
        except ValueError as error:
            self.close_connection = True
            return self._send(json_response({"errors": [str(error)]}, 400))
        try:
            response = self.simulator.serve(request)
        except Exception:  # a fault of the simulator itself: say so to both sides, and go on
            traceback.print_exc()
            response = json_response({"errors": ["the simulator failed; see its log"]}, 500)
        if response is None:
            return self._hang_up()
        self._send(response)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_LIST = do_OPTIONS = handle_any

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return self._read_chunks()
        length = int(self.headers.get("Content-Length") or 0)
        if length > BODY_BYTES_MAX:
            raise ValueError(f"the body is larger than {BODY_BYTES_MAX} bytes")
        return self.rfile.read(length)

    def _read_chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
            if len(body) > BODY_BYTES_MAX:
                raise ValueError(f"the body is larger than {BODY_BYTES_MAX} bytes")
        while self.rfile.readline().strip():
            pass
        return body

    def _send(self, response: Response) -> None:
        self.send_response_only(response.status)
        if "Date" not in response.headers:
            self.send_header("Date", self.date_time_string())
        has_body = response.status not in (204, 304)
        if has_body:
            self.send_header("Content-Type", response.content_type)
            self.send_header("Content-Length", str(len(response.body)))
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if has_body and self.command != "HEAD":
            self.wfile.write(response.body)

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: object) -> None:
        """Silent: the call log tells more, and never a secret."""

    def log_error(self, format: str, *args: object) -> None:
        """Silent for the same reason."""


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that goes away is everyday life in these tests; anything else deserves its trace."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


def run(simulator: Simulator, port: int) -> None:
    """Serves on 127.0.0.1:port until SIGTERM or Ctrl-C."""
    handler = type("Handler", (_Handler,), {"simulator": simulator})
    server = _HttpServer(("127.0.0.1", port), handler)

    def stop(*_: object) -> None:
        simulator.stopping.set()
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    server.serve_forever(poll_interval=0.05)
    server.server_close()


class StateFile:
    """A simulator's data between two starts: one JSON file, replaced whole, readable by its owner alone."""

    def __init__(self, path: Path | None) -> None:
        self.path = path

    def load(self) -> Json:
        if self.path is None or not self.path.exists():
            return {}
        return json.loads(self.path.read_text())

    def save(self, state: Json) -> None:
        if self.path is None:
            return
        fresh = self.path.with_suffix(".new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as sink:
            json.dump(state, sink)
        fresh.replace(self.path)
