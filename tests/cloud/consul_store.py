"""The data of the Consul simulator: key-value pairs and the catalog, under one growing index."""

from __future__ import annotations

import base64
import copy
from typing import Any

from sim_http import Json

TXN_OPS_MAX = 64
_KV_CAS_FAILED = 'failed to set key "{key}", index is stale'


class TxnFailed(Exception):
    """One operation of a transaction did not hold; nothing of it took effect."""

    def __init__(self, op_index: int, what: str) -> None:
        super().__init__(what)
        self.op_index, self.what = op_index, what


class OpFailed(Exception):
    pass


class Store:
    """Not thread-safe: the simulator holds its lock around each call. All state is plain JSON."""

    def __init__(self, state: Json | None = None) -> None:
        self.data: Json = state or {"index": 10, "kv": {}, "tombstones": {}, "nodes": {}, "services": {}, "checks": {},
                                    "catalog_index": 10}
        self.data.setdefault("sessions", {})

    def _next(self) -> int:
        self.data["index"] += 1
        return self.data["index"]

    # ------------------------------------------------------------ KV

    def get(self, key: str) -> Json | None:
        return self.data["kv"].get(key)

    def below(self, prefix: str) -> list[Json]:
        return [self.data["kv"][key] for key in sorted(self.data["kv"]) if key.startswith(prefix)]

    def kv_index(self, prefix: str, exact: bool) -> int:
        """The highest index that touched the key or prefix; deletions count by their tombstones."""
        def fits(key: str) -> bool:
            return key == prefix if exact else key.startswith(prefix)
        live = [pair["ModifyIndex"] for key, pair in self.data["kv"].items() if fits(key)]
        dead = [index for key, index in self.data["tombstones"].items() if fits(key)]
        return max(live + dead, default=1)

    def put(self, key: str, value: str, flags: int, cas: int | None = None, acquire: str = "", release: str = "") -> bool:
        """`value` in base64. `cas` 0 creates only; a greater one must be the ModifyIndex. A plain put ignores a lock."""
        old = self.get(key)
        if cas is not None and cas != (old["ModifyIndex"] if old else 0):
            return False
        holder, locks = (old or {}).get("Session", ""), (old or {}).get("LockIndex", 0)
        if acquire:
            if acquire not in self.data["sessions"]:
                raise OpFailed(f'invalid session "{acquire}"')
            if holder not in ("", acquire):
                return False
            locks += holder != acquire
            holder = acquire
        elif release:
            if holder != release:
                return False
            holder = ""
        index = self._next()
        self.data["kv"][key] = {"LockIndex": locks, "Key": key, "Flags": flags, "Value": value, **({"Session": holder} if holder else {}),
                                "CreateIndex": old["CreateIndex"] if old else index, "ModifyIndex": index}
        self.data["tombstones"].pop(key, None)
        return True

    # ------------------------------------------------------------ sessions

    def create_session(self, session_id: str, body: Json) -> None:
        behavior = body.get("Behavior") or "release"
        if behavior not in ("release", "delete"):
            raise OpFailed(f"Invalid Behavior setting {behavior!r}")
        self.data["sessions"][session_id] = {"ID": session_id, "Name": body.get("Name", ""), "Node": body.get("Node") or "consul-sim", "TTL": body.get("TTL", ""),
                                             "Behavior": behavior, "LockDelay": 15_000_000_000, "CreateIndex": self._next()}

    def end_session(self, session_id: str) -> None:
        """Its locks go with it, or the keys themselves. (The lock delay of the real one is left out.)"""
        session = self.data["sessions"].pop(session_id, None)
        for pair in [pair for pair in self.data["kv"].values() if session and pair.get("Session") == session_id]:
            if session["Behavior"] == "delete":
                self.delete(pair["Key"])
            else:
                self.put(pair["Key"], pair["Value"], pair["Flags"], release=session_id)

    def delete(self, key: str, cas: int | None = None) -> bool:
        old = self.get(key)
        if cas is not None and old and old["ModifyIndex"] != cas:
            return False
        if old:
            del self.data["kv"][key]
            self.data["tombstones"][key] = self._next()
        return True

    def delete_tree(self, prefix: str) -> None:
        for pair in self.below(prefix):
            self.delete(pair["Key"])

    # ------------------------------------------------------------ catalog

    def register(self, body: Json) -> None:
        if not body.get("Node"):
            raise OpFailed("Must provide node name")
        known = self.data["nodes"].get(body["Node"])
        if not known or not body.get("SkipNodeUpdate"):
            if not body.get("Address"):
                raise OpFailed("Must provide address if SkipNodeUpdate is not set")
            self.set_node({"Node": body["Node"], "Address": body["Address"], "ID": body.get("ID", ""),
                           "Meta": body.get("NodeMeta")})
        if service := body.get("Service"):
            self.set_service(body["Node"], service)
        for check in [*(body.get("Checks") or []), *([body["Check"]] if body.get("Check") else [])]:
            self.set_check({"Node": body["Node"], **check})

    def set_node(self, node: Json) -> Json:
        self._put_versioned("nodes", node["Node"], {
            "ID": node.get("ID") or "", "Node": node["Node"], "Address": node.get("Address", ""), "Datacenter": "dc1",
            "TaggedAddresses": node.get("TaggedAddresses"), "Meta": node.get("Meta") or {}})
        return self.data["nodes"][node["Node"]]

    def set_service(self, node: str, service: Json) -> Json:
        if node not in self.data["nodes"]:
            raise OpFailed(f'Missing node registration: node "{node}" is not in the catalog')
        service_id = service.get("ID") or service["Service"]
        self._put_versioned("services", f"{node}\n{service_id}", {
            "ID": service_id, "Service": service["Service"], "Tags": service.get("Tags") or [], "Node": node,
            "Address": service.get("Address", ""), "Meta": service.get("Meta") or {}, "Port": service.get("Port", 0),
            "EnableTagOverride": False})
        return self.data["services"][f"{node}\n{service_id}"]

    def set_check(self, check: Json) -> Json:
        node, service_id = check["Node"], check.get("ServiceID", "")
        if node not in self.data["nodes"]:
            raise OpFailed(f'Missing node registration: node "{node}" is not in the catalog')
        service = self.data["services"].get(f"{node}\n{service_id}", {})
        if service_id and not service:
            raise OpFailed(f'Missing service registration: service "{service_id}" is not in the catalog')
        check_id = check.get("CheckID") or check.get("Name", "")
        self._put_versioned("checks", f"{node}\n{check_id}", {
            "Node": node, "CheckID": check_id, "Name": check.get("Name", check_id), "Notes": check.get("Notes", ""),
            "Status": check.get("Status") or "critical", "Output": check.get("Output", ""), "ServiceID": service_id,
            "ServiceName": service.get("Service", ""), "Definition": check.get("Definition") or {}})
        return self.data["checks"][f"{node}\n{check_id}"]

    def _put_versioned(self, table: str, key: str, record: Json) -> None:
        """An unchanged record keeps its index, as in Consul: nobody waiting on it wakes up."""
        old = self.data[table].get(key)
        if old and {name: value for name, value in old.items() if name not in ("CreateIndex", "ModifyIndex")} == record:
            return
        index = self.data["catalog_index"] = self._next()
        self.data[table][key] = {**record, "CreateIndex": old["CreateIndex"] if old else index, "ModifyIndex": index}

    def deregister(self, node: str, service_id: str = "", check_id: str = "") -> None:
        """The check, else the service with its checks, else the node with all it has."""
        if check_id:
            gone = self.data["checks"].pop(f"{node}\n{check_id}", None) is not None
        elif service_id:
            gone = self.data["services"].pop(f"{node}\n{service_id}", None) is not None
            self._drop("checks", lambda item: item["Node"] == node and item["ServiceID"] == service_id)
        else:
            gone = self.data["nodes"].pop(node, None) is not None
            for table in ("services", "checks"):
                self._drop(table, lambda item: item["Node"] == node)
        if gone:
            self.data["catalog_index"] = self._next()

    def _drop(self, table: str, condition: Any) -> None:
        self.data[table] = {key: item for key, item in self.data[table].items() if not condition(item)}

    def services_named(self, name: str) -> list[Json]:
        return [item for item in self.data["services"].values() if item["Service"] == name]

    def services_on(self, node: str) -> list[Json]:
        return [item for item in self.data["services"].values() if item["Node"] == node]

    def checks_for(self, service: Json) -> list[Json]:
        return [check for check in self.data["checks"].values()
                if check["Node"] == service["Node"] and check["ServiceID"] in ("", service["ID"])]

    # ------------------------------------------------------------ transactions

    def transaction(self, operations: list[Json]) -> list[Json]:
        """All or nothing; the results as Consul lists them. Raises TxnFailed with the first operation that failed."""
        before = copy.deepcopy(self.data)
        results: list[Json] = []
        try:
            for position, operation in enumerate(operations):
                try:
                    (kind, body), = operation.items()
                    results += self._operate(kind, body)
                except (OpFailed, KeyError, TypeError, ValueError) as error:
                    raise TxnFailed(position, str(error)) from error
        except TxnFailed:
            self.data = before
            raise
        return results

    def _operate(self, kind: str, body: Json) -> list[Json]:
        handlers = {"KV": self._kv_op, "Node": self._node_op, "Service": self._service_op, "Check": self._check_op}
        if kind not in handlers:
            raise OpFailed(f'unknown operation "{kind}"; known are {", ".join(handlers)}')
        return handlers[kind](body)

    def _kv_op(self, op: Json) -> list[Json]:
        verb, key = op["Verb"], op["Key"]
        value, flags = op.get("Value") or "", int(op.get("Flags", 0))
        base64.b64decode(value, validate=True)
        found = self.get(key)
        if verb == "set":
            self.put(key, value, flags)
        elif verb in ("lock", "unlock"):
            session = op.get("Session", "")
            if not self.put(key, value, flags, acquire=session if verb == "lock" else "", release=session if verb == "unlock" else ""):
                raise OpFailed(f'failed to {verb} key "{key}", lock is already held' if verb == "lock" else f'failed to unlock key "{key}", lock isn\'t held, or is held by another session')
        elif verb == "check-session":
            if (found or {}).get("Session", "") != op.get("Session", ""):
                raise OpFailed(f'failed session check for key "{key}", current session "{(found or {}).get("Session", "")}" != "{op.get("Session", "")}"')
        elif verb == "cas":
            if not self.put(key, value, flags, int(op.get("Index", 0))):
                raise OpFailed(_KV_CAS_FAILED.format(key=key))
        elif verb == "get":
            if found is None:
                raise OpFailed(f'key "{key}" doesn\'t exist')
            return [{"KV": found}]
        elif verb == "get-or-empty":
            return [{"KV": found or {"LockIndex": 0, "Key": key, "Flags": 0, "Value": None, "CreateIndex": 0,
                                     "ModifyIndex": 0}}]
        elif verb == "get-tree":
            return [{"KV": pair} for pair in self.below(key)]
        elif verb in ("check-index", "check-not-exists"):
            self._check_kv(verb, key, found, int(op.get("Index", 0)))
            return [{"KV": {**found, "Value": None}}] if found else []
        elif verb in ("delete", "delete-tree", "delete-cas"):
            return self._delete_op(verb, key, int(op.get("Index", 0)))
        else:
            raise OpFailed(f'unknown KV verb "{verb}"')
        return [{"KV": {**self.data["kv"][key], "Value": None}}]

    def _delete_op(self, verb: str, key: str, index: int) -> list[Json]:
        if verb == "delete-tree":
            self.delete_tree(key)
        elif not self.delete(key, index if verb == "delete-cas" else None):
            raise OpFailed(f'failed to delete key "{key}", index is stale')
        return []

    def _check_kv(self, verb: str, key: str, found: Json | None, index: int) -> None:
        if verb == "check-not-exists" and found:
            raise OpFailed(f'key "{key}" exists')
        if verb == "check-index" and found is None:
            raise OpFailed(f'key "{key}" doesn\'t exist')
        if verb == "check-index" and found and found["ModifyIndex"] != index:
            raise OpFailed(f'current modify index {found["ModifyIndex"]} for key "{key}" does not match {index}')

    def _versioned_op(self, op: Json, old: Json | None, index: int, name: str) -> None:
        if op["Verb"] in ("cas", "delete-cas") and index != (old["ModifyIndex"] if old else 0):
            raise OpFailed(f"failed to {op['Verb'].removesuffix('-cas')} {name}, index is stale")
        if op["Verb"] == "get" and old is None:
            raise OpFailed(f"{name} doesn't exist")
        if op["Verb"] not in ("set", "cas", "get", "delete", "delete-cas"):
            raise OpFailed(f'unknown verb "{op["Verb"]}"')

    def _node_op(self, op: Json) -> list[Json]:
        node = op["Node"]
        old = self.data["nodes"].get(node["Node"])
        self._versioned_op(op, old, int(node.get("ModifyIndex", 0)), f'node "{node["Node"]}"')
        if op["Verb"].startswith("delete"):
            self.deregister(node["Node"])
            return []
        return [{"Node": self.set_node(node) if op["Verb"] != "get" else old}]

    def _service_op(self, op: Json) -> list[Json]:
        node, service = op["Node"], op["Service"]
        service_id = service.get("ID") or service.get("Service", "")
        old = self.data["services"].get(f"{node}\n{service_id}")
        self._versioned_op(op, old, int(service.get("ModifyIndex", 0)), f'service "{service_id}" on node "{node}"')
        if op["Verb"].startswith("delete"):
            self.deregister(node, service_id)
            return []
        return [{"Service": self.set_service(node, service) if op["Verb"] != "get" else old}]

    def _check_op(self, op: Json) -> list[Json]:
        check = op["Check"]
        check_id = check.get("CheckID") or check.get("Name", "")
        old = self.data["checks"].get(f"{check['Node']}\n{check_id}")
        self._versioned_op(op, old, int(check.get("ModifyIndex", 0)), f'check "{check_id}" on node "{check["Node"]}"')
        if op["Verb"].startswith("delete"):
            self.deregister(check["Node"], check_id=check_id)
            return []
        return [{"Check": self.set_check(check) if op["Verb"] != "get" else old}]
