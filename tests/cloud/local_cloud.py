#!/usr/bin/env python3
"""A cloud on one machine: Kubernetes API, AWS (RDS), Consul and Vault on 127.0.0.1, for tests and the demo.

    python3 tests/cloud/servers.py install            # once
    python3 tests/cloud/local_cloud.py up --dir /tmp/cloud

    from local_cloud import LocalCloud
    with LocalCloud(tmp_path, which=("aws", "vault")) as cloud:
        subprocess.run(["squall", ...], env={**os.environ, **cloud.env()})
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import re
import shlex
import shutil
import signal
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, NoReturn, Self
from urllib.parse import parse_qs

import servers
from cloud_kube import Etcd, KubeApiServer
from cloud_process import HOST, Server, ServerError, free_port, http_status
from rds_proxy import DEFAULT_ACCESS_KEY, DEFAULT_SECRET_KEY

HERE = Path(__file__).resolve().parent
REGION = "eu-west-1"
PARTS = ("kube", "aws", "consul", "vault")
Json = dict[str, Any]

__all__ = ["Consul", "Etcd", "KubeApiServer", "LocalCloud", "Moto", "RdsProxy", "Server", "ServerError", "Vault",
           "free_port"]


def call(method: str, url: str, body: object = None, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    """One HTTP request; returns the status and the raw body, whatever the status."""
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


class Controlled(Server):
    """One of our own servers, which can be told to fail and asked what it was called; see sim_http.py."""

    script = ""

    def command(self) -> list[str]:
        return [sys.executable, str(HERE / self.script), "--port", str(self.port),
                "--state", str(self.directory / "state.json"), *self.arguments()]

    def arguments(self) -> list[str]:
        return []

    def ready(self) -> bool:
        return http_status(f"{self.url}/_control") == 200

    def control(self, **command: Any) -> Json:
        """Sends one control command, e.g. control(faults=[{"match": {...}, "kind": "drop_after"}])."""
        status, body = call("POST", f"{self.url}/_control", command)
        if status != 200:
            raise ServerError(f"{self.name} refused the control command: {body.decode()}")
        return json.loads(body)

    def fault(self, match: dict[str, str], kind: str = "error", **more: Any) -> None:
        self.control(faults=[{"match": match, "kind": kind, **more}])

    def settings(self) -> Json:
        return json.loads(call("GET", f"{self.url}/_control")[1])

    def calls(self, since: int = 0, **match: str) -> list[Json]:
        """The calls so far; keyword arguments pick those with these facts, e.g. calls(action="CreateDBInstance")."""
        found = json.loads(call("GET", f"{self.url}/_control/log?since={since}")[1])
        return [entry for entry in found if all(entry.get(name) == value for name, value in match.items())]

    def forget_calls(self) -> None:
        call("DELETE", f"{self.url}/_control/log")


class Moto(Server):
    """moto's AWS. It keeps all in memory, so its own recording of the calls is played back after a restart."""

    name = "moto"
    _READS = re.compile(r"(Describe|List|Get)")

    @property
    def recording(self) -> Path:
        return self.directory / "recording.jsonl"

    def command(self) -> list[str]:
        return [str(servers.need("moto_server")), "-H", HOST, "-p", str(self.port)]

    def environment(self) -> dict[str, str]:
        # The recording holds request bodies, passwords among them: it is for its owner alone.
        self.recording.touch(mode=0o600)
        return {**os.environ, "MOTO_ENABLE_RECORDING": "true", "MOTO_RECORDER_FILEPATH": str(self.recording)}

    def ready(self) -> bool:
        return http_status(f"{self.url}/moto-api/") == 200

    def after_ready(self) -> None:
        changes = [line for line in self.recording.read_text().splitlines() if self._is_change(json.loads(line))]
        self.recording.write_text("".join(line + "\n" for line in changes))
        if changes:
            call("POST", f"{self.url}/moto-api/recorder/replay-recording", {"target_host": self.url})
        self._warm_up()

    def _warm_up(self) -> None:
        """moto loads a service at its first call, which takes a second or two that no test should be charged."""
        scope = f"{DEFAULT_ACCESS_KEY}/20260101/{REGION}/rds/aws4_request"
        call("POST", f"{self.url}/", b"Action=DescribeDBInstances&Version=2014-10-31",
             {"Content-Type": "application/x-www-form-urlencoded",
              "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"})

    def _is_change(self, entry: Json) -> bool:
        text = entry.get("body") or ""
        body = base64.b64decode(text).decode(errors="replace") if entry.get("body_encoded") else text
        action = parse_qs(body).get("Action", [""])[0]
        return "/moto-api/" not in entry["url"] and not self._READS.match(action) and entry["method"] != "GET"


class RdsProxy(Controlled):
    """Our proxy in front of moto: slow states, AWS's checks, verified signatures. Clients talk to this one.

    `times` sets the seconds in each state: create_s, backup_s, modify_lag_s, modify_s, delete_s.
    """

    name = "rds-proxy"
    script = "rds_proxy.py"

    def __init__(self, directory: Path | str, moto: Moto, *, port: int | None = None,
                 times: dict[str, float] | None = None, endpoint: str | None = None) -> None:
        super().__init__(directory, port=port)
        self.moto, self.times, self.endpoint = moto, times or {}, endpoint
        self.access_key, self.secret_key, self.region = DEFAULT_ACCESS_KEY, DEFAULT_SECRET_KEY, REGION

    def arguments(self) -> list[str]:
        times = [f"--{name.replace('_', '-')}={value}" for name, value in self.times.items()]
        return ["--upstream", self.moto.url, *times, *(["--endpoint", self.endpoint] if self.endpoint else [])]

    def environment(self) -> dict[str, str]:
        return {**os.environ, "RDS_PROXY_ACCESS_KEY": self.access_key, "RDS_PROXY_SECRET_KEY": self.secret_key}

    def client(self, service: str = "rds", **options: Any) -> Any:
        """A boto3 client; needs boto3, which the installed venv has."""
        import boto3
        return boto3.client(service, **{"endpoint_url": self.url, "region_name": self.region,
                                        "aws_access_key_id": self.access_key,
                                        "aws_secret_access_key": self.secret_key, **options})


class Consul(Controlled):
    """The real Consul if it is installed, else our simulator; `kind` says which ("real" or "simulator").

    control(), fault() and calls() work with the simulator alone. With `acl_token` the real one has ACLs on, denies by
    default, and this is its management token.
    """

    name = "consul"
    script = "consul_sim.py"

    def __init__(self, directory: Path | str, *, port: int | None = None, simulate: bool = False, acl_token: str = "") -> None:
        super().__init__(directory, port=port)
        self.acl_token = acl_token
        self._binary = None if simulate else servers.find("consul")
        self.kind = "real" if self._binary else "simulator"
        self.dns_port, self._server_port, self._serf_port = map(self.reserve_port, ("dns", "server", "serf"))

    def command(self) -> list[str]:
        if self._binary is None:
            return super().command()
        config = self.directory / "config.json"
        config.write_text(json.dumps(self._config(), indent=2))
        return [str(self._binary), "agent", f"-config-file={config}"]

    def _config(self) -> Json:
        # A server with a data directory, not `-dev`, so that a restart finds its data again.
        return {"server": True, "bootstrap": True, "node_name": "local-cloud", "data_dir": str(self.directory / "data"),
                "bind_addr": HOST, "client_addr": HOST, "disable_update_check": True, "log_level": "WARN",
                "performance": {"raft_multiplier": 1}, "leave_on_terminate": False, "skip_leave_on_interrupt": True,
                **({"acl": {"enabled": True, "default_policy": "deny", "tokens": {"initial_management": self.acl_token}}}
                   if self.acl_token else {}),
                "connect": {"enabled": False}, "ui_config": {"enabled": False},
                "limits": {"http_max_conns_per_client": 2000},
                "ports": {"http": self.port, "dns": self.dns_port, "server": self._server_port,
                          "serf_lan": self._serf_port, "serf_wan": -1, "grpc": -1, "grpc_tls": -1, "https": -1}}

    def ready(self) -> bool:
        if self._binary is None:
            return super().ready()
        try:
            # A leader must be there, and able to write: right after its election it is not yet.
            leader = call("GET", f"{self.url}/v1/status/leader")[1].strip(b'"\n ')
            return bool(leader) and self._ask("PUT", "kv/local-cloud-ready", b"1")[1].strip() == b"true"
        except OSError:
            return False

    def after_ready(self) -> None:
        self._ask("DELETE", "kv/local-cloud-ready")

    def _ask(self, method: str, path: str, body: object = None) -> tuple[int, bytes]:
        return call(method, f"{self.url}/v1/{path}", body, {"X-Consul-Token": self.acl_token} if self.acl_token else {})

    def request(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """One API call (path without /v1/) with the management token; returns the status and the parsed answer."""
        status, answer = self._ask(method, path, body)
        return status, json.loads(answer) if answer.strip() else None


class Vault(Controlled):
    """A real `vault server -dev` if `vault` is on PATH, else our simulator; `kind` says which.

    Either has KV version 2 at secret/ (and at `mounts`), and an AppRole `squall`, whose ids stay the same over
    restarts. The real one in dev mode forgets its data at a stop; the simulator keeps it. control(), fault() and
    calls() work with the simulator alone.
    """

    name = "vault"
    script = "vault_sim.py"
    token = "local-cloud-root"
    role_id = "local-cloud-role"
    secret_id = "local-cloud-secret-id"
    POLICY = 'path "*" { capabilities = ["create", "read", "update", "patch", "delete", "list", "sudo"] }'

    def __init__(self, directory: Path | str, *, port: int | None = None, simulate: bool = False,
                 mounts: tuple[str, ...] = (), token_ttl: str = "20m", token_max_ttl: str = "4h") -> None:
        super().__init__(directory, port=port)
        self._binary = None if simulate else shutil.which("vault")
        self.kind = "real" if self._binary else "simulator"
        self.mounts, self.token_ttl, self.token_max_ttl = mounts, token_ttl, token_max_ttl

    def command(self) -> list[str]:
        if self._binary is None:
            return super().command()
        return [self._binary, "server", "-dev", "-dev-no-store-token", f"-dev-listen-address={HOST}:{self.port}",
                f"-dev-root-token-id={self.token}"]

    def environment(self) -> dict[str, str]:
        return {**os.environ, "VAULT_SIM_ROOT_TOKEN": self.token}

    def ready(self) -> bool:
        return http_status(f"{self.url}/v1/sys/health") == 200

    def request(self, method: str, path: str, body: object = None, *, token: str | None = None,
                **headers: str) -> tuple[int, Json]:
        """One API call (path without /v1/); returns the status and the parsed answer, {} if it has no body."""
        sent = {"X-Vault-Token": self.token if token is None else token, "Content-Type": "application/json",
                **{name.replace("_", "-"): value for name, value in headers.items()}}
        status, answer = call(method, f"{self.url}/v1/{path}", body, sent)
        return status, json.loads(answer) if answer.strip() else {}

    def after_ready(self) -> None:
        for mount in self.mounts:
            self._set_up("POST", f"sys/mounts/{mount}", {"type": "kv", "options": {"version": "2"}})
        self._set_up("POST", "sys/auth/approle", {"type": "approle"})
        self._set_up("PUT", "sys/policies/acl/squall", {"policy": self.POLICY})
        role = "auth/approle/role/squall"
        self._set_up("POST", role, {"token_policies": "squall", "token_ttl": self.token_ttl,
                                    "token_max_ttl": self.token_max_ttl})
        self._set_up("POST", f"{role}/role-id", {"role_id": self.role_id})
        self._set_up("POST", f"{role}/custom-secret-id", {"secret_id": self.secret_id})

    def _set_up(self, method: str, path: str, body: Json) -> None:
        status, answer = self.request(method, path, body)
        there_already = status == 400 and "already in use" in str(answer) or "already registered" in str(answer)
        if status >= 400 and not there_already:
            raise ServerError(f"vault ({self.kind}) refused {method} {path}: {status} {answer}")


class LocalCloud:
    """All parts, or some of them, started side by side. The servers are attributes; those not asked for are None."""

    def __init__(self, directory: Path | str, which: tuple[str, ...] | list[str] = PARTS, *,
                 rds_times: dict[str, float] | None = None, rds_endpoint: str | None = None,
                 simulate_consul: bool = False) -> None:
        if unknown := set(which) - set(PARTS):
            raise ValueError(f"unknown part {', '.join(sorted(unknown))}; there are: {', '.join(PARTS)}")
        self.directory = Path(directory).resolve()
        self.directory.mkdir(parents=True, exist_ok=True)
        self.etcd = Etcd(self.directory) if "kube" in which else None
        self.kube = KubeApiServer(self.directory, self.etcd) if self.etcd else None
        self.moto = Moto(self.directory) if "aws" in which else None
        self.rds = RdsProxy(self.directory, self.moto, times=rds_times, endpoint=rds_endpoint) if self.moto else None
        self.consul = Consul(self.directory, simulate=simulate_consul) if "consul" in which else None
        self.vault = Vault(self.directory) if "vault" in which else None

    @property
    def servers(self) -> list[Server]:
        every = (self.etcd, self.moto, self.rds, self.consul, self.vault, self.kube)
        return [server for server in every if server is not None]

    def start(self) -> Self:
        """Starts all at once; returns when every part answers. On a failure nothing is left running."""
        try:
            for server in self.servers:
                if server is not self.kube:
                    server.launch()
            if self.etcd and self.kube:
                # The apiserver gives up if its store is not there soon, so the store goes first.
                self.etcd.wait_ready()
                self.kube.launch()
            for server in self.servers:
                if server is not self.etcd:
                    server.wait_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        for server in reversed(self.servers):
            server.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def env(self) -> dict[str, str]:
        """What a client of this cloud needs in its environment."""
        env: dict[str, str] = {}
        if self.kube:
            env |= {"KUBECONFIG": str(self.kube.kubeconfig)}
        if self.rds:
            env |= {"AWS_ENDPOINT_URL": self.rds.url, "AWS_ACCESS_KEY_ID": self.rds.access_key,
                    "AWS_SECRET_ACCESS_KEY": self.rds.secret_key, "AWS_REGION": self.rds.region,
                    "AWS_DEFAULT_REGION": self.rds.region, "AWS_EC2_METADATA_DISABLED": "true"}
        if self.consul:
            env |= {"CONSUL_HTTP_ADDR": self.consul.url}
        if self.vault:
            env |= {"VAULT_ADDR": self.vault.url, "VAULT_TOKEN": self.vault.token,
                    "VAULT_ROLE_ID": self.vault.role_id, "VAULT_SECRET_ID": self.vault.secret_id}
        return env

    def describe(self) -> str:
        rows = [(server.name, getattr(server, "kind", ""), server.url, str(server.log)) for server in self.servers]
        return "\n".join(f"  {name:15} {kind:10} {url:26} {log}" for name, kind, url, log in rows)


# ---------------------------------------------------------------- command line


def up(options: argparse.Namespace) -> NoReturn:
    which = tuple(options.only.split(",")) if options.only else PARTS
    # A shell starts what it puts into the background with Ctrl-C switched off.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    started = time.monotonic()
    cloud = LocalCloud(options.dir, which, rds_endpoint=options.rds_endpoint)
    with cloud:
        exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in cloud.env().items())
        env_file = cloud.directory / "env.sh"
        env_file.touch(mode=0o600)
        env_file.write_text(exports)
        print(exports, end="", flush=True)
        print(f"# up after {time.monotonic() - started:.1f} s; the lines above are in {env_file}\n"
              f"{cloud.describe()}\n# Ctrl-C stops it", file=sys.stderr, flush=True)
        while True:
            time.sleep(1)
            for server in cloud.servers:
                if not server.running:
                    raise ServerError(f"{server.name} has ended by itself; see {server.log}")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="local_cloud.py", description="Kubernetes API, AWS, Consul and Vault, locally.")
    commands = parser.add_subparsers(dest="command", required=True)
    upping = commands.add_parser("up", help="start, print export lines, run until Ctrl-C")
    upping.add_argument("--dir", type=Path, required=True, help="data, logs and env.sh go here; kept between runs")
    upping.add_argument("--only", help=f"comma-separated: {','.join(PARTS)}")
    upping.add_argument("--rds-endpoint", metavar="HOST:PORT", help="show this as the Endpoint of every DB instance")
    options = parser.parse_args(arguments)
    try:
        up(options)
    except KeyboardInterrupt:
        print("# stopped", file=sys.stderr)
        return 0
    except (ServerError, servers.ServerMissing, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
