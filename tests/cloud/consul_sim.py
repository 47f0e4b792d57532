#!/usr/bin/env python3
"""A small simulator of HashiCorp Consul for when the real one is not built: KV, sessions, transactions, catalog, agent, blocking reads.

    python3 tests/cloud/consul_sim.py --port 8500 [--state FILE]

It has no ACLs, DNS, prepared queries or lock delay, and runs no checks but TTL ones. The control endpoint (see sim_http.py) understands
besides faults (facts to match: method, path): {"index_reset": true}, which makes X-Consul-Index go down as after a
restored snapshot.
"""

from __future__ import annotations

import argparse
import base64
import re
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from consul_store import TXN_OPS_MAX, OpFailed, Store, TxnFailed
from sim_http import Fault, Json, Request, Response, Simulator, StateFile, json_response, run

VALUE_BYTES_MAX = 512 * 1024
_WAIT_DEFAULT_S, _WAIT_MAX_S = 300.0, 600.0
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class BadRequest(Exception):
    pass


# What a read finds, and the index it is as of.
Read = Callable[[], tuple[object, int]]


class ConsulSim(Simulator):
    def __init__(self, state: StateFile) -> None:
        super().__init__()
        self.state = state
        self.store = Store(state.load())
        self._changed = threading.Condition(threading.RLock())
        self._session_ends: dict[str, float] = {}

    def fault_response(self, fault: Fault, request: Request) -> Response:
        text = fault.message or ("Permission denied" if fault.status == 403 else "No cluster leader")
        return Response(fault.status or 500, text.encode(), "text/plain", fault.headers)

    def answer(self, request: Request) -> Response:
        try:
            return self._route(request)
        except (BadRequest, ValueError) as error:
            return Response(400, str(error).encode(), "text/plain")
        except OpFailed as error:
            return Response(500, str(error).encode(), "text/plain")

    def _route(self, request: Request) -> Response:
        self._end_sessions()
        path = request.path.removeprefix("/v1/")
        area, _, rest = path.partition("/")
        if area == "kv":
            return self._kv(request, rest)
        if path == "txn" and request.method == "PUT":
            return self._txn(request)
        if path in ("catalog/register", "catalog/deregister") and request.method == "PUT":
            return self._catalog_write(path, request.json())
        if area == "session":
            return self._session(request, rest)
        if path.startswith(("agent/service/", "agent/check/")) and request.method == "PUT":
            return self._agent(*path.split("/", 3)[1:], request=request)
        if request.method == "GET" and (read := self._catalog_read(path, request)):
            return self._blocking(request, read)
        if path == "status/leader":
            return json_response("127.0.0.1:8300")
        if path == "agent/self":
            return json_response({"Config": {"Datacenter": "dc1", "NodeName": "consul-sim", "Version": "1.17.0"}})
        return Response(404, f"the Consul simulator has no {request.method} {request.path}".encode(), "text/plain")

    # ------------------------------------------------------------ writes

    def _write(self, change: Callable[[], object]) -> object:
        with self._changed:
            result = change()
            self.state.save(self.store.data)
            self._changed.notify_all()
            return result

    def _kv(self, request: Request, key: str) -> Response:
        query = request.query
        cas = int(query["cas"]) if "cas" in query else None
        if request.method == "GET":
            return self._kv_read(request, key)
        if request.method == "PUT":
            if not key:
                raise BadRequest("Missing key name")
            if len(request.body) > VALUE_BYTES_MAX:
                return Response(413, f"Request body({len(request.body)} bytes) too large, max size: {VALUE_BYTES_MAX} "
                                     "bytes".encode(), "text/plain")
            value = base64.b64encode(request.body).decode()
            return json_response(self._write(lambda: self.store.put(key, value, int(query.get("flags", "0")), cas,
                                                                    query.get("acquire", ""), query.get("release", ""))))
        if request.method == "DELETE":
            if "recurse" in query:
                self._write(lambda: self.store.delete_tree(key))
                return json_response(True)
            return json_response(self._write(lambda: self.store.delete(key, cas)))
        return Response(405, b"method not allowed", "text/plain")

    def _txn(self, request: Request) -> Response:
        operations = request.json()
        if not isinstance(operations, list):
            raise BadRequest("Failed to parse body: a list of operations is wanted")
        if len(operations) > TXN_OPS_MAX:
            return Response(413, f"Transaction contains too many operations ({len(operations)} > {TXN_OPS_MAX})".encode(),
                            "text/plain")
        try:
            results = self._write(lambda: self.store.transaction(operations))
        except TxnFailed as error:
            what = {"OpIndex": error.op_index, "What": error.what}
            return json_response({"Results": None, "Errors": [what], "Index": 0, "LastContact": 0}, 409)
        return json_response({"Results": results, "Errors": None, "Index": self.store.data["index"]})

    def _catalog_write(self, path: str, body: Json) -> Response:
        if path.endswith("/register"):
            self._write(lambda: self.store.register(body))
        else:
            if not body.get("Node"):
                raise BadRequest("Must provide node")
            self._write(lambda: self.store.deregister(body["Node"], body.get("ServiceID", ""), body.get("CheckID", "")))
        return json_response(True)

    def _session(self, request: Request, rest: str) -> Response:
        kind, _, name = rest.partition("/")
        known = self.store.data["sessions"].get(name)
        if kind == "create" and request.method == "PUT":
            body, name = request.json(), str(uuid.uuid4())
            _check_ttl(body.get("TTL", ""))
            self._write(lambda: self.store.create_session(name, body))
            self._renew(name)
            return json_response({"ID": name})
        if kind == "renew" and request.method == "PUT":
            if known is None:
                return Response(404, f"Session id '{name}' not found".encode(), "text/plain")
            self._renew(name)
            return json_response([known])
        if kind == "destroy" and request.method == "PUT":
            self._write(lambda: self.store.end_session(name))
            return json_response(True)
        if kind == "info" and request.method == "GET":
            return json_response([known] if known else [])
        return Response(404, f"the Consul simulator has no {request.method} {request.path}".encode(), "text/plain")

    def _renew(self, session: str) -> None:
        ttl = self.store.data["sessions"][session]["TTL"]
        if ttl:
            self._session_ends[session] = time.monotonic() + _duration_s(ttl)

    def _end_sessions(self) -> None:
        for session in [name for name, end in self._session_ends.items() if end <= time.monotonic()]:
            del self._session_ends[session]
            self._write(lambda name=session: self.store.end_session(name))

    def _agent(self, area: str, verb: str, name: str = "", *, request: Request) -> Response:
        """The agent's services are kept as catalog entries of its node; of checks only TTL ones can change."""
        node = "consul-sim"
        if (area, verb) == ("service", "register"):
            body = request.json()
            if not body.get("Name"):
                raise BadRequest("Missing service name")
            service_id = body.get("ID") or body["Name"]
            checks = [*(body.get("Checks") or []), *([body["Check"]] if body.get("Check") else [])]
            self._write(lambda: self.store.register({
                "Node": node, "Address": "127.0.0.1", "Service": {**body, "ID": service_id, "Service": body["Name"]},
                "Checks": [{"CheckID": check.get("CheckID") or f"service:{service_id}" + (f":{number + 1}" if len(checks) > 1 else ""),
                            "Name": f"Service '{body['Name']}' check", "ServiceID": service_id, "Status": check.get("Status") or "critical"}
                           for number, check in enumerate(checks)]}))
            return Response(200)
        if (area, verb) == ("service", "deregister"):
            if f"{node}\n{name}" not in self.store.data["services"]:
                return Response(404, f'Unknown service ID "{name}". Ensure that the service ID is passed, not the service name.'.encode(), "text/plain")
            self._write(lambda: self.store.deregister(node, name))
            return Response(200)
        check = self.store.data["checks"].get(f"{node}\n{name}")
        if check is None:
            return Response(404, f'Unknown check ID "{name}"'.encode(), "text/plain")
        if (area, verb) == ("check", "update"):
            body = request.json()
            self._write(lambda: self.store.set_check({**check, "Status": body.get("Status", ""), "Output": body.get("Output", "")}))
            return Response(200)
        return Response(404, f"the Consul simulator has no {request.method} {request.path}".encode(), "text/plain")

    # ------------------------------------------------------------ reads

    def _kv_read(self, request: Request, key: str) -> Response:
        query = request.query
        exact = not {"recurse", "keys"} & set(query)

        def read() -> tuple[object, int]:
            found = ([self.store.get(key)] if self.store.get(key) else []) if exact else self.store.below(key)
            return found, self.store.kv_index(key, exact)

        found, index = self._wait(request, read)
        headers = _index_headers(index)
        if not found:
            return Response(404, b"", headers=headers)
        assert isinstance(found, list)
        if "keys" in query:
            return json_response(_key_names(found, key, query.get("separator", "")), headers=headers)
        if "raw" in query and exact:
            return Response(200, base64.b64decode(found[0]["Value"]), "text/plain; charset=utf-8", headers)
        return json_response([{**pair, "Value": pair["Value"] or None} for pair in found], headers=headers)

    def _catalog_read(self, path: str, request: Request) -> Read | None:
        kind, _, name = path.partition("/")
        table, _, name = name.partition("/")
        readers: dict[str, Callable[[], object]] = {
            "catalog/nodes": lambda: list(self.store.data["nodes"].values()),
            "catalog/services": self._service_tags,
            "catalog/service": lambda: [self._catalog_entry(item) for item in self._tagged(name, request)],
            "catalog/node": lambda: self._node_entry(name),
            "health/service": lambda: self._health_entries(name, request),
            "health/checks": lambda: [item for item in self.store.data["checks"].values() if item["ServiceName"] == name],
            "health/node": lambda: [item for item in self.store.data["checks"].values() if item["Node"] == name],
        }
        reader = readers.get(f"{kind}/{table}")
        return (lambda: (reader(), self.store.data["catalog_index"])) if reader else None

    def _service_tags(self) -> dict[str, list[str]]:
        tags: dict[str, set[str]] = {}
        for item in self.store.data["services"].values():
            tags.setdefault(item["Service"], set()).update(item["Tags"])
        return {name: sorted(found) for name, found in tags.items()}

    def _tagged(self, name: str, request: Request) -> list[Json]:
        tag = request.query.get("tag")
        return [item for item in self.store.services_named(name) if tag is None or tag in item["Tags"]]

    def _catalog_entry(self, item: Json) -> Json:
        node = self.store.data["nodes"][item["Node"]]
        return {"ID": node["ID"], "Node": node["Node"], "Address": node["Address"], "Datacenter": "dc1",
                "TaggedAddresses": node["TaggedAddresses"], "NodeMeta": node["Meta"], "ServiceID": item["ID"],
                "ServiceName": item["Service"], "ServiceAddress": item["Address"], "ServiceTags": item["Tags"],
                "ServiceMeta": item["Meta"], "ServicePort": item["Port"], "CreateIndex": item["CreateIndex"],
                "ModifyIndex": item["ModifyIndex"]}

    def _node_entry(self, name: str) -> object:
        node = self.store.data["nodes"].get(name)
        return {"Node": node, "Services": {item["ID"]: item for item in self.store.services_on(name)}} if node else None

    def _health_entries(self, name: str, request: Request) -> list[Json]:
        entries = [{"Node": self.store.data["nodes"][item["Node"]], "Service": item,
                    "Checks": self.store.checks_for(item)} for item in self._tagged(name, request)]
        if "passing" in request.query:
            entries = [entry for entry in entries if all(check["Status"] == "passing" for check in entry["Checks"])]
        return entries

    def _blocking(self, request: Request, read: Read) -> Response:
        found, index = self._wait(request, read)
        return json_response(found, headers=_index_headers(index))

    def _wait(self, request: Request, read: Read) -> tuple[object, int]:
        """Reads at once, or, with ?index, when the index has passed it or the wait is over."""
        after = int(request.query.get("index", "0"))
        deadline = time.monotonic() + _wait_s(request.query.get("wait"))
        with self._changed:
            found, index = read()
            # A client ahead of us (restored snapshot) is answered at once: the index going down is its sign.
            while after and index == after and not self.stopping.is_set():
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(min(left, 1.0))
                found, index = read()
            return found, index

    # ------------------------------------------------------------ control

    def control(self, command: Json) -> Json:
        if command.pop("index_reset", False):
            self._write(self._lower_indexes)
        return {}

    def _lower_indexes(self) -> None:
        data = self.store.data
        data["index"] = data["catalog_index"] = 5
        data["tombstones"].clear()
        for table in ("kv", "nodes", "services", "checks"):
            for item in data[table].values():
                item.update(CreateIndex=5, ModifyIndex=5)

    def settings(self) -> Json:
        return {"index": self.store.data["index"], "keys": len(self.store.data["kv"]),
                "services": len(self.store.data["services"])}


def _index_headers(index: int) -> dict[str, str]:
    return {"X-Consul-Index": str(max(index, 1)), "X-Consul-KnownLeader": "true", "X-Consul-LastContact": "0"}


def _wait_s(text: str | None) -> float:
    return min(_duration_s(text), _WAIT_MAX_S) if text else _WAIT_DEFAULT_S


def _duration_s(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h)", text)
    if not match:
        raise BadRequest("Invalid wait time")
    return float(match[1]) * _UNITS[match[2]]


def _check_ttl(text: str) -> None:
    if text and not 10 <= _duration_s(text) <= 86400:
        raise BadRequest(f"Invalid Session TTL '{text}', must be between [10s=24h0m0s]")


def _key_names(pairs: list[Json], prefix: str, separator: str) -> list[str]:
    names = []
    for pair in pairs:
        key = pair["Key"]
        end = key.find(separator, len(prefix)) if separator else -1
        name = key if end < 0 else key[:end + len(separator)]
        if name not in names:
            names.append(name)
    return names


def main() -> None:
    parser = argparse.ArgumentParser(description="A small simulator of HashiCorp Consul.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", type=Path, help="file that keeps all data over a restart")
    options = parser.parse_args()
    run(ConsulSim(StateFile(options.state)), options.port)


if __name__ == "__main__":
    main()
