"""The Kubernetes API of 2016 as far as third-party resources go: a list, and a watch that sends one document a line."""

from __future__ import annotations

import base64
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = Any
LIST = "/apis/extensions/v1beta1/thirdpartyresources"
WATCH = "/apis/extensions/v1beta1/watch/thirdpartyresources"


class ThirdPartyApi:
    """Serves from the moment it is made until close(). Thread-safe."""

    def __init__(self, user: str = "admin", password: str = "canary-password", has_list: bool = True) -> None:
        self.has_list = has_list
        self.authorization = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self.requests: list[str] = []
        self._changed = threading.Condition()
        self._objects: dict[str, Json] = {}
        self._events: list[tuple[int, str]] = []  # version, line
        self._version = 100
        self._watches_until = 0.0
        self._port = 0
        self.open()

    def open(self) -> None:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"  # for chunks: clients see each line as it comes

            def do_GET(self) -> None:
                api._answer(self)

            def log_message(self, *arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._server.daemon_threads = True
        self._is_open = True
        self._port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def close(self) -> None:
        """Connections are cut and refused; open() goes on with the same objects."""
        with self._changed:
            self._is_open = False
            self._changed.notify_all()
        self._server.shutdown()
        self._server.server_close()

    def end_watches(self) -> None:
        with self._changed:
            self._watches_until = time.monotonic()
            self._changed.notify_all()

    # ---- what a user of the cluster does

    def put(self, name: str, namespace: str = "shop", uid: str = "", **labels: str) -> None:
        with self._changed:
            key = f"{namespace}/{name}"
            old = self._objects.get(key)
            self._version += 1
            metadata = {"name": name, "namespace": namespace, "uid": uid or f"{name}-uid-0001", "resourceVersion": str(self._version), "labels": labels}
            self._objects[key] = {"kind": "ThirdPartyResource", "apiVersion": "extensions/v1beta1", "metadata": metadata}
            self._event("MODIFIED" if old else "ADDED", self._objects[key])

    def delete(self, name: str, namespace: str = "shop") -> None:
        with self._changed:
            self._version += 1
            self._event("DELETED", self._objects.pop(f"{namespace}/{name}"))

    def say(self, line: str) -> None:
        """Sends something of one's own over the watches."""
        with self._changed:
            self._version += 1
            self._events.append((self._version, line))
            self._changed.notify_all()

    def _event(self, kind: str, document: Json) -> None:
        self.say(json.dumps({"type": kind, "object": document}))

    # ---- serving

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        path, _, query = request.path.partition("?")
        self.requests.append(request.path)
        if request.headers.get("Authorization") != self.authorization:
            return self._send(request, 401, b"Unauthorized\n")
        if path == LIST and self.has_list:
            with self._changed:
                body = {"kind": "ThirdPartyResourceList", "metadata": {"resourceVersion": str(self._version)}, "items": list(self._objects.values())}
            return self._send(request, 200, json.dumps(body).encode())
        if path != WATCH:
            return self._send(request, 404, b"404 page not found\n")
        self._watch(request, int(query.removeprefix("resourceVersion=")) if query else None)

    def _send(self, request: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
        request.send_response(status)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def _watch(self, request: BaseHTTPRequestHandler, since: int | None) -> None:
        began = time.monotonic()
        request.send_response(200)
        request.send_header("Content-Type", "application/json")
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        try:
            with self._changed:
                if since is None:  # all that is there comes first
                    lines = [json.dumps({"type": "ADDED", "object": found}) for found in self._objects.values()]
                    since = self._version
                else:
                    lines = []
            while True:
                for line in lines:
                    data = line.encode() + b"\n"
                    request.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
                request.wfile.flush()
                with self._changed:
                    while self._is_open and self._watches_until < began and not any(v > since for v, _ in self._events):
                        self._changed.wait(1)
                    if not self._is_open or self._watches_until >= began:
                        request.close_connection = True
                        request.wfile.write(b"0\r\n\r\n")
                        return
                    lines = [line for version, line in self._events if version > since]
                    since = self._version
        except OSError:
            pass  # the reader has gone
