#!/usr/bin/env python3
"""A simulator of HashiCorp Vault: KV v1 and v2, tokens, AppRole, Kubernetes login, wrapping, sealing, database engine.

    VAULT_SIM_ROOT_TOKEN=... python3 tests/cloud/vault_sim.py --port 8200 [--mount secret] [--mount kv=1] [--mount database=database]

A mount of version `database` is the database engine for PostgreSQL; it wants psql. Policies are stored but not enforced:
a test takes rights away with `deny`. The control endpoint (see sim_http.py) understands besides faults (facts to match:
method, path; paths without /v1/):

    {"seal": true}                          503 on everything but health, until {"seal": false}
    {"health": "standby"}                   active, standby, perf-standby, dr-secondary or uninitialized
    {"leader": "http://127.0.0.1:8201"}     where a standby redirects to with 307
    {"revoke_tokens": true}                 all but root tokens; or ["hvs...."], or "auth/approle/login"
    {"deny": [{"path": "secret/data/*", "methods": ["GET"]}]}    403 there; replaces the list; no methods means all
"""

from __future__ import annotations

import argparse
import base64
import fnmatch
import json
import os
import threading
import time
import uuid
from pathlib import Path
from typing import Any

from sim_http import Fault, Json, Request, Response, Simulator, StateFile, json_response, run
from vault_database import DatabaseEngine
from vault_kv import KvV1, KvV2, VaultError, seconds
from vault_tokens import DENIED, AppRole, TokenStore, Wrapping, auth_block, lookup, names

VERSION = "1.21.4"
_HEALTH = {"active": 200, "standby": 429, "dr-secondary": 472, "perf-standby": 473, "uninitialized": 501}
_OPEN_PATHS = ("sys/health", "sys/seal-status", "sys/leader", "auth/approle/login", "auth/kubernetes/login",
               "sys/wrapping/unwrap", "sys/wrapping/lookup")
_WHILE_SEALED = ("sys/health", "sys/seal-status", "sys/leader")


Engine = KvV1 | KvV2 | DatabaseEngine


class VaultSim(Simulator):
    def __init__(self, root_token: str, mounts: dict[str, str], state: StateFile) -> None:
        super().__init__()
        self.state = state
        saved = state.load()
        self.tokens = TokenStore(root_token, saved.get("tokens"))
        self.approle = AppRole(self.tokens, saved.get("approle"))
        self.wrapping = Wrapping()
        self.kubernetes_roles: dict[str, Json] = saved.get("kubernetes_roles", {})
        self.policies: dict[str, str] = saved.get("policies", {})
        self.auth_methods: dict[str, str] = saved.get("auth_methods", {"token": "token"})
        self.mounts: dict[str, Engine] = {}
        for name, version in {**mounts, **{name: item["version"] for name, item in saved.get("mounts", {}).items()}}.items():
            self._mount(name, version, saved.get("mounts", {}).get(name))
        self.sealed, self.health, self.leader = False, "active", ""
        self.deny: list[Json] = []
        self.cluster_id = str(uuid.uuid4())
        self._lock = threading.RLock()

    def _mount(self, name: str, version: str, saved: Json | None = None) -> None:
        name = name.strip("/")
        self.mounts[name] = DatabaseEngine(name, saved) if version == "database" else (KvV1 if version == "1" else KvV2)(saved)

    def _save(self) -> None:
        mounts = {name: {"version": kv.version, **kv.to_state()} for name, kv in self.mounts.items()}
        self.state.save({"tokens": self.tokens.to_state(), "approle": self.approle.to_state(), "mounts": mounts,
                         "kubernetes_roles": self.kubernetes_roles, "policies": self.policies,
                         "auth_methods": self.auth_methods})

    # ------------------------------------------------------------ one request

    def facts(self, request: Request) -> dict[str, str]:
        return {"method": _method(request), "path": request.path.removeprefix("/v1/")}

    def fault_response(self, fault: Fault, request: Request) -> Response:
        errors = [fault.message] if fault.message else [DENIED] if fault.status == 403 else ["internal error"]
        return json_response({"errors": errors}, fault.status or 500, fault.headers)

    def answer(self, request: Request) -> Response:
        path, method = request.path.removeprefix("/v1/").rstrip("/"), _method(request)
        try:
            with self._lock:
                if not request.path.startswith("/v1/"):
                    raise VaultError(404)
                if path == "sys/health":
                    return self._health(request)
                if early := self._refuse_early(request, path):
                    return early
                for engine in self.mounts.values():
                    if isinstance(engine, DatabaseEngine):
                        engine.expire()
                response = self._route(request, method, path)
                if method not in ("GET", "LIST") or "/creds/" in path:
                    self._save()
                return response
        except VaultError as error:
            if error.data is not None:
                return json_response(_envelope(error.data, mount_type="kv"), error.status)
            return json_response({"errors": error.errors}, error.status)

    def _refuse_early(self, request: Request, path: str) -> Response | None:
        if path in _WHILE_SEALED:
            return None
        if self.sealed:
            return json_response({"errors": ["Vault is sealed"]}, 503)
        if self.health == "uninitialized":
            return json_response({"errors": ["Vault is not initialized"]}, 501)
        if self.health == "standby" and self.leader:
            return Response(307, b"", headers={"Location": self.leader + request.target})
        return None

    def _route(self, request: Request, method: str, path: str) -> Response:
        token_id = request.headers.get("X-Vault-Token") or _bearer(request)
        if path not in _OPEN_PATHS:
            caller = self.tokens.use(token_id)
            self._check_denied(method, path)
        else:
            caller = {}
        body = _body(request, method)
        if path.startswith("auth/"):
            return self._auth(request, method, path.removeprefix("auth/"), body, caller)
        if path.startswith("sys/"):
            return self._sys(method, path.removeprefix("sys/"), body, token_id)
        return self._kv(request, method, path, body)

    def _check_denied(self, method: str, path: str) -> None:
        for rule in self.deny:
            if fnmatch.fnmatchcase(path, rule["path"]) and method in rule.get("methods", [method]):
                raise VaultError(403, DENIED)

    def _reply(self, request: Request, path: str, data: Json | None = None, auth: Json | None = None) -> Response:
        if data is None and auth is None:
            return Response(204)
        ttl = request.headers.get("X-Vault-Wrap-TTL")
        envelope = _envelope(data, auth)
        if ttl:
            info = self.wrapping.wrap(envelope, seconds(ttl), path)
            return json_response({**_envelope(None), "wrap_info": info})
        return json_response(envelope)

    # ------------------------------------------------------------ KV

    def _kv(self, request: Request, method: str, path: str, body: Any) -> Response:
        name = self._mount_of(path)
        if name is None:
            raise VaultError(404, f'no handler for route "{path}". route entry not found.')
        rest = path[len(name):].lstrip("/")
        engine = self.mounts[name]
        if isinstance(engine, DatabaseEngine):
            found, lease = engine.handle(method, rest, body)
            return json_response({**_envelope(found, mount_type="database"), **(lease or {})}) if found is not None else Response(204)
        data = engine.handle(method, rest, request.query, body, request.headers.get("Content-Type", ""))
        response = self._reply(request, path, data)
        return response

    def _mount_of(self, path: str) -> str | None:
        fitting = [name for name in self.mounts if path == name or path.startswith(name + "/")]
        return max(fitting, key=len, default=None)

    # ------------------------------------------------------------ auth

    def _auth(self, request: Request, method: str, path: str, body: Json, caller: Json) -> Response:
        full = "auth/" + path
        if path == "approle/login":
            return self._reply(request, full, auth=auth_block(self.approle.login(body)))
        if path == "kubernetes/login":
            return self._reply(request, full, auth=auth_block(self._kubernetes_login(body)))
        if path.startswith("approle/"):
            return self._reply(request, full, self.approle.handle(method, path.removeprefix("approle/"), body))
        if path.startswith("kubernetes/"):
            return self._reply(request, full, self._kubernetes(method, path.removeprefix("kubernetes/"), body))
        if path.startswith("token/"):
            return self._token(request, path.removeprefix("token/"), body, caller)
        raise VaultError(404, f'no handler for route "auth/{path}". route entry not found.')

    def _token(self, request: Request, path: str, body: Json, caller: Json) -> Response:
        full = "auth/token/" + path
        if path == "lookup-self":
            return self._reply(request, full, lookup(caller))
        if path == "renew-self":
            return self._reply(request, full, auth=auth_block(self.tokens.renew(caller, seconds(body.get("increment", 0)))))
        if path in ("lookup", "renew"):
            token = self.tokens.live(body.get("token", ""))
            if token is None:
                raise VaultError(403, "bad token")
            if path == "lookup":
                return self._reply(request, full, lookup(token))
            return self._reply(request, full, auth=auth_block(self.tokens.renew(token, seconds(body.get("increment", 0)))))
        if path in ("revoke-self", "revoke"):
            self.tokens.revoke([caller["id"] if path == "revoke-self" else body.get("token", "")])
            return Response(204)
        if path in ("create", "create-orphan"):
            return self._reply(request, full, auth=auth_block(self._create_token(body, caller)))
        raise VaultError(404, f'unsupported path "{full}"')

    def _create_token(self, body: Json, caller: Json) -> Json:
        return self.tokens.issue(
            policies=names(body.get("policies") or caller["policies"]), path="auth/token/create",
            display_name=f"token-{body.get('display_name', '')}".rstrip("-"), ttl=seconds(body.get("ttl", 0)),
            max_ttl=seconds(body.get("explicit_max_ttl", 0)), period=seconds(body.get("period", 0)),
            renewable=bool(body.get("renewable", True)), meta=body.get("meta"), num_uses=int(body.get("num_uses", 0)),
            batch=body.get("type") == "batch", token_id=body.get("id"))

    def _kubernetes(self, method: str, path: str, body: Json) -> Json | None:
        name = path.removeprefix("role/")
        if path == "config":
            return None if method in ("POST", "PUT") else {}
        if method in ("POST", "PUT"):
            self.kubernetes_roles[name] = body
            return None
        if name not in self.kubernetes_roles:
            raise VaultError(404)
        return self.kubernetes_roles[name]

    def _kubernetes_login(self, body: Json) -> Json:
        """Reads who the JWT says it is; unlike the real one it asks no TokenReview and checks no signature."""
        role = self.kubernetes_roles.get(body.get("role", ""))
        if role is None:
            raise VaultError(400, f'invalid role name "{body.get("role", "")}"')
        claims = _claims(body.get("jwt", ""))
        if claims.get("exp", time.time() + 1) <= time.time():
            raise VaultError(403, DENIED)
        _, _, namespace, account = (str(claims.get("sub", "")).split(":") + [""] * 4)[:4]
        if not _bound(account, role.get("bound_service_account_names")) or not _bound(
                namespace, role.get("bound_service_account_namespaces")):
            raise VaultError(403, "service account name not authorized")
        return self.tokens.issue(policies=names(role.get("token_policies")),
                                 display_name=f"kubernetes-{namespace}-{account}", path="auth/kubernetes/login",
                                 ttl=seconds(role.get("token_ttl", 0)), max_ttl=seconds(role.get("token_max_ttl", 0)),
                                 meta={"role": body["role"], "service_account_name": account,
                                       "service_account_namespace": namespace})

    # ------------------------------------------------------------ sys

    def _health(self, request: Request) -> Response:
        state = "sealed" if self.sealed else self.health
        query = request.query
        status = 503 if self.sealed else _HEALTH[self.health]
        lenient = (state == "standby" and "standbyok" in query) or (state == "perf-standby" and "perfstandbyok" in query)
        parameters = {"active": "activecode", "standby": "standbycode", "dr-secondary": "drsecondarycode",
                      "perf-standby": "performancestandbycode", "sealed": "sealedcode", "uninitialized": "uninitcode"}
        status = 200 if lenient else int(query.get(parameters[state], status))
        return json_response({
            "initialized": state != "uninitialized", "sealed": self.sealed, "standby": state in ("standby", "perf-standby"),
            "performance_standby": state == "perf-standby", "replication_performance_mode": "disabled",
            "replication_dr_mode": "disabled", "server_time_utc": int(time.time()), "version": VERSION,
            "enterprise": False, "cluster_name": "vault-cluster-local", "cluster_id": self.cluster_id,
            "echo_duration_ms": 0, "clock_skew_ms": 0}, status)

    def _sys(self, method: str, path: str, body: Json, token_id: str) -> Response:
        if path == "seal-status":
            return json_response({"type": "shamir", "initialized": True, "sealed": self.sealed, "t": 1, "n": 1,
                                  "progress": 0, "version": VERSION, "cluster_id": self.cluster_id})
        if path == "leader":
            return json_response({"ha_enabled": bool(self.leader), "is_self": self.health == "active",
                                  "leader_address": self.leader})
        if path == "seal":
            self.sealed = True
            return Response(204)
        if path.startswith("leases/") and method in ("POST", "PUT"):
            return self._leases(path.removeprefix("leases/"), body)
        if path.startswith("wrapping/"):
            return self._wrapping(path.removeprefix("wrapping/"), body.get("token") or token_id)
        if path.startswith("internal/ui/mounts/"):
            return self._mount_info(path.removeprefix("internal/ui/mounts/"))
        if path == "mounts" and method == "GET":
            return json_response(_envelope({name + "/": _describe(kv) for name, kv in self.mounts.items()}))
        if path.startswith("mounts/"):
            return self._change_mount(method, path.removeprefix("mounts/"), body)
        if path.startswith("auth"):
            return self._auth_methods(method, path.removeprefix("auth").strip("/"), body)
        if path.startswith("policies/acl/"):
            return self._policy(method, path.removeprefix("policies/acl/"), body)
        raise VaultError(404, f'unsupported path "sys/{path}"')

    def _leases(self, path: str, body: Json) -> Response:
        kind, _, rest = path.partition("/")
        lease_id = body.get("lease_id") or (rest if kind in ("renew", "revoke", "lookup") else "")
        databases = [engine for engine in self.mounts.values() if isinstance(engine, DatabaseEngine)]
        if kind in ("revoke-prefix", "revoke-force"):
            prefix = rest.strip("/") + "/"
            for engine in databases:
                for known in [name for name in engine.leases if name.startswith(prefix)]:
                    engine.revoke(known, force=kind == "revoke-force")
            return Response(204)
        if not lease_id:
            raise VaultError(400, "lease_id must be specified")
        holder = next((engine for engine in databases if lease_id in engine.leases), None)
        if kind == "revoke":
            if holder:
                holder.revoke(lease_id)
            return Response(204)
        if holder is None:
            raise VaultError(400, "lease not found" if kind == "renew" else "invalid lease")
        if kind == "renew":
            return json_response({**_envelope(None), **holder.renew(lease_id, seconds(body.get("increment", 0)))})
        if kind == "lookup":
            return json_response(_envelope(holder.lookup(lease_id)))
        raise VaultError(404, f'unsupported path "sys/leases/{path}"')

    def _wrapping(self, path: str, token: str) -> Response:
        if path == "unwrap":
            return json_response(self.wrapping.unwrap(token))
        return json_response(_envelope(self.wrapping.lookup(token)))

    def _mount_info(self, path: str) -> Response:
        name = self._mount_of(path)
        if name is None:
            raise VaultError(403, f'preflight capability check returned 403, please ensure client\'s policies grant access '
                                  f'to path "{path}/"')
        return json_response(_envelope({**_describe(self.mounts[name]), "path": name + "/"}))

    def _change_mount(self, method: str, name: str, body: Json) -> Response:
        if method == "DELETE":
            self.mounts.pop(name, None)
            return Response(204)
        if body.get("type") not in ("kv", "kv-v2", "database"):
            raise VaultError(400, f'plugin not found in the catalog: {body.get("type")}; the simulator has kv and database')
        if name in self.mounts:
            raise VaultError(400, f"path is already in use at {name}/")
        version = str((body.get("options") or {}).get("version", "2" if body["type"] == "kv-v2" else "1"))
        version = "database" if body["type"] == "database" else version
        self._mount(name, version)
        return Response(204)

    def _auth_methods(self, method: str, name: str, body: Json) -> Response:
        if not name:
            return json_response(_envelope({key + "/": {"type": kind} for key, kind in self.auth_methods.items()}))
        if method in ("POST", "PUT"):
            if name in self.auth_methods:
                raise VaultError(400, f"path is already in use at {name}/")
            self.auth_methods[name] = str(body.get("type", ""))
        return Response(204)

    def _policy(self, method: str, name: str, body: Json) -> Response:
        if method in ("POST", "PUT"):
            self.policies[name] = str(body.get("policy", ""))
        elif method == "DELETE":
            self.policies.pop(name, None)
        elif name in self.policies:
            return json_response(_envelope({"name": name, "policy": self.policies[name]}))
        else:
            raise VaultError(404)
        return Response(204)

    # ------------------------------------------------------------ control

    def control(self, command: Json) -> Json:
        with self._lock:
            self.sealed = bool(command.pop("seal", self.sealed))
            health = command.pop("health", self.health)
            if health not in _HEALTH:
                raise ValueError(f"unknown health {health!r}; known are {', '.join(_HEALTH)}")
            self.health = health
            self.leader = command.pop("leader", self.leader)
            self.deny = command.pop("deny", self.deny)
            if which := command.pop("revoke_tokens", None):
                self.tokens.revoke(which)
                self._save()
        return {}

    def settings(self) -> Json:
        return {"sealed": self.sealed, "health": self.health, "leader": self.leader, "deny": self.deny,
                "mounts": {name: kv.version for name, kv in self.mounts.items()}, "tokens": len(self.tokens.tokens)}


def _method(request: Request) -> str:
    return "LIST" if request.method == "GET" and request.query.get("list") == "true" else request.method


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme == "Bearer" else ""


def _body(request: Request, method: str) -> Json:
    if method in ("GET", "LIST", "DELETE", "HEAD"):
        return {}
    try:
        body = request.json()
    except ValueError as error:
        raise VaultError(400, f"error parsing JSON: {error}") from error
    if not isinstance(body, dict):
        raise VaultError(400, "error parsing JSON: the body must be an object")
    return body


def _envelope(data: Json | None, auth: Json | None = None, mount_type: str = "") -> Json:
    return {"request_id": str(uuid.uuid4()), "lease_id": "", "renewable": False, "lease_duration": 0, "data": data,
            "wrap_info": None, "warnings": None, "auth": auth, "mount_type": mount_type}


def _describe(kv: Engine) -> Json:
    is_database = isinstance(kv, DatabaseEngine)
    return {"type": "database" if is_database else "kv", "description": "", "options": None if is_database else {"version": kv.version}, "local": False, "seal_wrap": False,
            "accessor": f"kv_{id(kv):x}"[:11], "config": {"default_lease_ttl": 0, "max_lease_ttl": 0}}


def _claims(jwt: str) -> Json:
    try:
        payload = jwt.split(".")[1]
        return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        raise VaultError(400, "error parsing the jwt") from None


def _bound(value: str, allowed: Any) -> bool:
    return "*" in names(allowed) or value in names(allowed)


def main() -> None:
    parser = argparse.ArgumentParser(description="A simulator of HashiCorp Vault.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--mount", action="append", metavar="NAME[=1|2]", help="KV mounts, version 2 unless said (secret); NAME=database is the database engine")
    parser.add_argument("--state", type=Path, help="file that keeps all data over a restart")
    options = parser.parse_args()
    mounts = {name: version or "2" for name, _, version in (item.partition("=") for item in options.mount or ["secret"])}
    # The token comes by the environment, as a command line is for all to read.
    root_token = os.environ.get("VAULT_SIM_ROOT_TOKEN", "root")
    run(VaultSim(root_token, mounts, StateFile(options.state)), options.port)


if __name__ == "__main__":
    main()
