"""The main job against real servers: kube-apiserver and etcd, RDS, Consul, Vault."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from squall_server import ROOT, Squall

import local_cloud
import servers

Json = Any
CRD = ROOT / "packs" / "database" / "crds" / "database.yaml"


def database(name: str, **spec: Json) -> Json:
    return {"apiVersion": "squall.dev/v1alpha1", "kind": "Database", "metadata": {"name": name, "namespace": "default"},
            "spec": {"engine": "postgres", "size": "small", "deletionProtection": False, "deletionPolicy": "Delete", **spec}}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    missing = [name for name in ("kube-apiserver", "etcd", "consul") if servers.find(name) is None]
    if missing:
        if os.environ.get("CI"):
            pytest.fail(f"test servers are missing under CI: {missing}; `make servers` installs them")
        pytest.skip(f"test servers left out: {missing}; `make servers` installs them")
    times = {"create_s": 1.0, "backup_s": 0.5, "modify_lag_s": 0.1, "modify_s": 0.5, "delete_s": 0.7}
    with local_cloud.LocalCloud(tmp_path_factory.mktemp("cloud"), rds_times=times) as made:
        made.kube.kubectl("apply", "-f", str(CRD))
        made.kube.kubectl("wait", "--for=condition=Established", "crd/databases.squall.dev", "--timeout=60s")
        yield made


@pytest.fixture
def engine(cloud: Any, make_squall: Callable[..., Squall]) -> Squall:
    squall = make_squall(start=False, env=cloud.env())
    squall.config("database", "cluster: test\npoll_interval: 1\n")
    return squall.start()


def apply(cloud: Any, document: Json) -> None:
    import json

    cloud.kube.kubectl("apply", "-f", "-", stdin=json.dumps(document))


def read(cloud: Any, name: str) -> Json:
    import json

    text = cloud.kube.kubectl("get", "databases.squall.dev", name, "-o", "json", "--ignore-not-found")
    return json.loads(text) if text.strip() else None


def condition(document: Json, kind: str) -> Json:
    return next((c for c in (document or {}).get("status", {}).get("conditions", []) if c["type"] == kind), {})


def ready(cloud: Any, squall: Squall, name: str) -> Json:
    return squall.until(f"{name} is Ready", lambda: condition(d := read(cloud, name), "Ready").get("status") == "True" and d, 60, 0.2)


def secret(cloud: Any, name: str) -> Json:
    status, body = cloud.vault.request("GET", f"secret/data/databases/test/default/{name}", token=cloud.vault.token)
    return body["data"]["data"] if status == 200 else None


def keys(cloud: Any, name: str) -> Json:
    status, body = local_cloud.call("GET", f"{cloud.consul.url}/v1/kv/databases/test/default/{name}/?keys")
    return body if status == 200 else None


def instances(cloud: Any) -> list[str]:
    return [d["DBInstanceIdentifier"] for d in cloud.rds.client("rds").describe_db_instances()["DBInstances"]]


def test_a_file_becomes_a_database_and_its_deletion_takes_all_down(cloud: Any, engine: Squall) -> None:
    apply(cloud, database("orders"))
    document = ready(cloud, engine, "orders")
    assert document["status"]["observedGeneration"] == 1
    assert document["status"]["endpoint"]["port"] == 5432
    assert "squall.dev/database" in document["metadata"]["finalizers"]
    identifier = document["status"]["identifier"]
    assert identifier in instances(cloud)
    stored = secret(cloud, "orders")
    assert len(stored["password"]) == 27 and stored["host"] == document["status"]["endpoint"]["host"]
    assert keys(cloud, "orders")
    table = cloud.kube.kubectl("get", "databases.squall.dev")
    assert "READY" in table and "True" in table and "Available" in table
    events = cloud.kube.kubectl("get", "events", "-o", "jsonpath={.items[*].reason}")
    assert "Available" in events

    # The password is in Vault and nowhere else that squall writes.
    everything = engine.log.read_text() + str(engine.get("/executions?limit=-1")) + str(engine.get("/triggerinstances?limit=-1")) + str(document) + events
    for file in engine.data.iterdir():
        if file.is_file():
            everything += file.read_bytes().decode(errors="replace")
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            everything += process.read_text()
        except OSError:
            continue
    assert stored["password"] not in everything

    cloud.kube.kubectl("delete", "databases.squall.dev", "orders", "--wait=false")
    engine.until("the resource goes", lambda: read(cloud, "orders") is None, 60, 0.2)
    assert identifier not in instances(cloud) and secret(cloud, "orders") is None and not keys(cloud, "orders")


def test_killed_again_and_again_it_still_makes_one_database(cloud: Any, engine: Squall) -> None:
    apply(cloud, database("durable"))
    for pause in (0.15, 0.3, 0.5, 0.8, 1.0):
        time.sleep(pause)
        engine.kill()
        engine.start()
    ready(cloud, engine, "durable")
    created = engine.get("/executions?action=database.create&limit=-1")
    assert len(created) == 1 and engine.finished(created[0]["id"])["status"] == "succeeded"
    assert len([i for i in instances(cloud) if i.startswith("default-durable-")]) == 1
    cloud.kube.kubectl("delete", "databases.squall.dev", "durable", "--wait=false")
    time.sleep(0.3)
    engine.kill()
    engine.start()
    engine.until("the resource goes", lambda: read(cloud, "durable") is None, 60, 0.2)
    assert not [i for i in instances(cloud) if i.startswith("default-durable-")]


def test_what_happened_while_squall_was_down_is_caught_up_once(cloud: Any, engine: Squall) -> None:
    engine.kill()
    apply(cloud, database("late"))
    engine.start()
    ready(cloud, engine, "late")
    before = len(engine.get("/triggerinstances?limit=-1"))
    engine.kill()
    engine.start()
    engine.until("the sensor watches", lambda: engine.get("/squall/health")["sensors"]["kubernetes.KubernetesSensor"]["state"] == "watching")
    time.sleep(1)
    assert len(engine.get("/triggerinstances?limit=-1")) == before, "a restart repeated events"
    engine.kill()
    cloud.kube.kubectl("delete", "databases.squall.dev", "late", "--wait=false")
    engine.start()
    engine.until("the resource goes", lambda: read(cloud, "late") is None, 60, 0.2)


def test_an_aws_error_is_on_the_resource_and_the_record_says_what_was_left_behind(cloud: Any, engine: Squall) -> None:
    cloud.rds.fault({"action": "CreateDBInstance"}, "error", count=1, code="InstanceQuotaExceeded", status=400)
    apply(cloud, database("toomany"))
    document = engine.until("the failure is told", lambda: condition(d := read(cloud, "toomany"), "Ready").get("reason") == "QuotaExceeded" and d, 60, 0.2)
    assert "InstanceQuotaExceeded" in str(document["status"]) or "instance" in condition(document, "Ready")["message"]
    failed = engine.finished(document["status"]["execution"]["id"])
    assert failed["status"] == "failed"
    last = failed["result"]["tasks"][-1]
    assert last["name"] == "give_up" and any("Vault" in what for what in last["result"]["left_behind"])
    # A change of the spec tries again.
    apply(cloud, database("toomany", storage={"sizeGiB": 30}))
    ready(cloud, engine, "toomany")
    cloud.kube.kubectl("delete", "databases.squall.dev", "toomany", "--wait=false")
    engine.until("the resource goes", lambda: read(cloud, "toomany") is None, 60, 0.2)


def test_protected_databases_wait_for_a_confirmation(cloud: Any, engine: Squall) -> None:
    apply(cloud, database("precious", deletionProtection=True))
    ready(cloud, engine, "precious")
    cloud.kube.kubectl("delete", "databases.squall.dev", "precious", "--wait=false")
    engine.until("the resource says that it is protected", lambda: condition(read(cloud, "precious"), "Ready").get("reason") == "DeletionProtected", 30, 0.2)
    assert [i for i in instances(cloud) if i.startswith("default-precious-")]
    cloud.kube.kubectl("annotate", "databases.squall.dev", "precious", "squall.dev/confirm-delete=precious")
    engine.until("the resource goes", lambda: read(cloud, "precious") is None, 60, 0.2)
    assert not [i for i in instances(cloud) if i.startswith("default-precious-")]


def test_explain_says_why_a_rule_did_not_match(cloud: Any, engine: Squall) -> None:
    apply(cloud, database("paused", managementPolicy="Paused"))
    instance = engine.until("the event is there", lambda: [i for i in engine.get("/triggerinstances?limit=-1") if i["payload"]["name"] == "paused"])[0]
    text = engine.cli("explain", "trigger-instance", instance["id"])
    line = next(row for row in text.splitlines() if "managementPolicy" in row)
    assert line.strip().startswith("no ") and "Paused" in line and "Observe" in line
    assert engine.get("/executions?action=database.create&limit=-1") == []
    cloud.kube.kubectl("delete", "databases.squall.dev", "paused")
