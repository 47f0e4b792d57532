"""What the tests of the Database resource share: a local cloud with one squall, and a namespace of its own per scenario."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from squall_server import ROOT, Squall

import local_cloud
import servers

Json = Any
CRD = ROOT / "packs" / "database" / "crds" / "database.yaml"
# Seconds: short, but long enough for a test to see every state.
TIMES = {"create_s": 1.0, "backup_s": 0.3, "modify_lag_s": 0.1, "modify_s": 0.6, "delete_s": 0.5}
CONFIG = """cluster: test
poll_interval: 1
retry: {first: 1, longest: 2, quota_first: 1, quota_longest: 2, denied: 1}
master_username: rdsmaster
providers: {west: {region: us-west-2}}
vault_sslmode: disable
sweep_interval: 3600
"""


def need_servers() -> None:
    missing = [name for name in ("kube-apiserver", "etcd", "consul") if servers.find(name) is None]
    if missing and os.environ.get("CI"):
        pytest.fail(f"test servers are missing under CI: {missing}; `make servers` installs them")
    if missing:
        pytest.skip(f"test servers left out: {missing}; `make servers` installs them")


class World:
    """The cloud and the squall that works on it."""

    def __init__(self, cloud: Any, squall: Squall) -> None:
        self.cloud, self.squall = cloud, squall

    def space(self, name: str) -> Space:
        self.cloud.kube.kubectl("create", "namespace", name, check=False)
        return Space(self, name)


@contextmanager
def world(directory: Path, times: dict[str, float] | None = None, config: str = CONFIG, **cloud_options: Json) -> Iterator[World]:
    need_servers()
    with local_cloud.LocalCloud(directory / "cloud", rds_times=times or TIMES, **cloud_options) as cloud:
        cloud.kube.kubectl("apply", "-f", str(CRD))
        cloud.kube.kubectl("wait", "--for=condition=Established", "crd/databases.squall.dev", "--timeout=60s")
        squall = Squall(directory, env=cloud.env())
        squall.config("database", config)
        squall.start()
        try:
            yield World(cloud, squall)
        finally:
            squall.kill()


class Space:
    """One scenario's namespace: its resources and what belongs to them outside."""

    def __init__(self, inside: World, name: str) -> None:
        self.world, self.name = inside, name
        self.cloud, self.squall = inside.cloud, inside.squall

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        return self.cloud.kube.kubectl("-n", self.name, *arguments, stdin=stdin, check=check)

    def apply(self, name: str = "db", annotations: Json = None, **spec: Json) -> None:
        document = {"apiVersion": "squall.dev/v1alpha1", "kind": "Database", "metadata": {"name": name, "annotations": annotations or {}},
                    "spec": {"engine": "postgres", "size": "small", "deletionProtection": False, "deletionPolicy": "Delete", **spec}}
        self.kubectl("apply", "-f", "-", stdin=json.dumps(document))

    def patch(self, spec: Json, name: str = "db") -> None:
        self.kubectl("patch", "databases.squall.dev", name, "--type=merge", "-p", json.dumps({"spec": spec}))

    def annotate(self, text: str, name: str = "db") -> None:
        self.kubectl("annotate", "--overwrite", "databases.squall.dev", name, text)

    def delete(self, name: str = "db") -> None:
        self.kubectl("delete", "databases.squall.dev", name, "--wait=false")

    def read(self, name: str = "db") -> Json:
        text = self.kubectl("get", "databases.squall.dev", name, "-o", "json", "--ignore-not-found")
        return json.loads(text) if text.strip() else None

    def status(self, member: str, name: str = "db") -> Json:
        return (self.read(name) or {}).get("status", {}).get(member)

    def condition(self, kind: str, name: str = "db", document: Json = None) -> Json:
        found = document or self.read(name) or {}
        return next((c for c in found.get("status", {}).get("conditions", []) if c["type"] == kind), {})

    def until(self, what: str, probe: Callable[[], Json], seconds: float = float(os.environ.get("DATABASE_TEST_SECONDS", "120"))) -> Json:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if (found := probe()):
                return found
            time.sleep(0.25)
        raise AssertionError(f"{self.name}: {what}: not within {seconds} s\n{json.dumps((self.read() or {}).get('status'), indent=1)}\n"
                             f"{self.failures()}\n{self.squall.log.read_text()[-1500:]}")

    def failures(self) -> str:
        """The failed tasks of this namespace's chains, for a failing test."""
        rows = []
        for execution in self.squall.get("/executions?limit=500"):
            if self.name in str(execution.get("parameters")) and execution["status"] not in ("succeeded", "running"):
                rows.append(f"{execution['action']['ref']} {execution['status']}: {str((execution.get('result') or {}).get('error'))[:300]}")
        return "\n".join(rows[:20])

    def ready(self, name: str = "db") -> Json:
        """Ready for the present generation, as kubectl wait sees it."""
        def probe() -> Json:
            found = self.read(name)
            current = found and found.get("status", {}).get("observedGeneration") == found["metadata"]["generation"]
            good = all(self.condition(kind, document=found).get("status") == "True" for kind in ("Ready", "Synced")) if current else False
            return found if good else None
        return self.until(f"{name} is Ready and Synced", probe)

    def reason(self, reason: str, kind: str = "Synced", name: str = "db") -> Json:
        return self.until(f"{kind} has the reason {reason}", lambda: self.condition(kind, name).get("reason") == reason and self.read(name))

    def gone(self, name: str = "db") -> None:
        self.until(f"{name} goes", lambda: self.read(name) is None)

    def events(self, name: str = "db") -> list[str]:
        text = self.kubectl("get", "events.events.k8s.io", "-o", "json")
        found = [e for e in json.loads(text)["items"] if e["regarding"]["name"] == name]
        return [e["reason"] for e in sorted(found, key=lambda e: e["eventTime"])]

    def find_work(self) -> Json:
        """What the timer does; returns what was started."""
        done = self.squall.finished(self.squall.run("database.find_work", {"namespace": self.name}), 60)
        assert done["status"] == "succeeded", done["result"]
        return done["result"]["tasks"][-1]["result"]["started"]

    def executions(self, action: str) -> Json:
        found = self.squall.get(f"/executions?action=database.{action}&limit=-1")
        return [e for e in found if e["parameters"]["object"]["metadata"]["namespace"] == self.name]

    # ---- outside

    @property
    def rds(self) -> Any:
        return self.cloud.rds.client("rds")

    def instance(self, identifier: str | None = None, name: str = "db") -> Json:
        wanted = identifier or self.read(name)["status"]["identifier"]
        found = [d for d in self.rds.describe_db_instances()["DBInstances"] if d["DBInstanceIdentifier"] == wanted]
        return found[0] if found else None

    def tags(self, instance: Json) -> dict[str, str]:
        return {t["Key"]: t["Value"] for t in self.rds.list_tags_for_resource(ResourceName=instance["DBInstanceArn"])["TagList"]}

    def calls(self, action: str, identifier: str) -> list[Json]:
        return self.cloud.rds.calls(action=action, identifier=identifier)

    def vault(self, method: str, path: str, body: Json = None) -> tuple[int, Json]:
        return self.cloud.vault.request(method, path, body, token=self.cloud.vault.token)

    def secret(self, name: str = "db", suffix: str = "") -> Json:
        status, body = self.vault("GET", f"secret/data/databases/test/{self.name}/{name}{suffix}")
        return body["data"]["data"] if status == 200 else None

    def secret_version(self, name: str = "db") -> int:
        status, body = self.vault("GET", f"secret/data/databases/test/{self.name}/{name}")
        return int(body["data"]["metadata"]["version"]) if status == 200 else 0

    def keys(self, name: str = "db") -> dict[str, str]:
        prefix = f"databases/test/{self.name}/{name}/"
        status, body = local_cloud.call("GET", f"{self.cloud.consul.url}/v1/kv/{prefix}?recurse")
        if status != 200:
            return {}
        return {e["Key"].removeprefix(prefix): base64.b64decode(e["Value"] or "").decode() for e in json.loads(body)}

    def consul(self, method: str, path: str, body: Json = None) -> Json:
        status, answer = local_cloud.call(method, f"{self.cloud.consul.url}/v1/{path}", body)
        assert status == 200, (method, path, status, answer)
        return json.loads(answer) if answer.strip() else None

    def service(self, name: str = "db") -> list[Json]:
        return self.consul("GET", f"health/service/{name}-{self.name}")


Scenario = Callable[[Space], None]


class Scenarios:
    """Functions of one module that run side by side, each in a namespace of its own. pytest shows them one by one."""

    def __init__(self) -> None:
        self.known: dict[str, Scenario] = {}

    def __call__(self, function: Scenario) -> Scenario:
        self.known[function.__name__] = function
        return function

    @contextmanager
    def side_by_side(self, inside: World, request: pytest.FixtureRequest) -> Iterator[dict[str, Future[None]]]:
        """Starts those that this session asks for; the results by name."""
        chosen = {item.callspec.params["name"] for item in request.session.items
                  if item.module is request.module and hasattr(item, "callspec")}
        with ThreadPoolExecutor(8) as pool:
            yield {name: pool.submit(function, inside.space(name.replace("_", "-")[:40].strip("-")))
                   for name, function in self.known.items() if name in chosen}


def rest(running: dict[str, Future[None]]) -> None:
    """Waits until no scenario does anything any more, however it ended."""
    for future in running.values():
        future.exception()
