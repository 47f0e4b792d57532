"""Drift of a Database resource: what was changed or deleted by hand comes back, or is reported."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from concurrent.futures import Future

import pytest
from databases import Scenarios, Space, World, rest, world

scenario = Scenarios()


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("drift")) as made:
        yield made


@pytest.fixture(scope="module")
def running(inside: World, request: pytest.FixtureRequest) -> Iterator[dict[str, Future[None]]]:
    with scenario.side_by_side(inside, request) as started:
        yield started


def corrected(space: Space, *fields: str) -> None:
    """A look at all finds this drift and no other, corrects it, and then finds nothing."""
    started = space.until("drift is found", space.find_work)
    assert [s["action"] for s in started] == ["database.repair"], started
    for field in fields:
        assert field in started[0]["why"], started
    space.until("it is corrected", lambda: not space.find_work() and space.condition("NoDrift").get("status") == "True")
    space.ready()


@scenario
def rds_fields(space: Space) -> None:
    space.apply(storage={"sizeGiB": 20}, backup={"retentionDays": 7})
    identifier = space.ready()["status"]["identifier"]
    space.rds.modify_db_instance(DBInstanceIdentifier=identifier, BackupRetentionPeriod=1, DeletionProtection=True, ApplyImmediately=True)
    space.until("by hand", lambda: space.instance(identifier)["BackupRetentionPeriod"] == 1 and space.instance(identifier)["DBInstanceStatus"] == "available")
    corrected(space, "BackupRetentionPeriod 1 -> 7", "DeletionProtection true -> false")
    assert space.instance(identifier)["BackupRetentionPeriod"] == 7 and space.instance(identifier)["DeletionProtection"] is False
    assert "DriftFound" in space.events() and "DriftCorrected" in space.events()
    # What RDS has grown by itself is not drift.
    space.rds.modify_db_instance(DBInstanceIdentifier=identifier, AllocatedStorage=33, ApplyImmediately=True)
    space.until("it has grown", lambda: space.instance(identifier)["AllocatedStorage"] == 33 and space.instance(identifier)["DBInstanceStatus"] == "available")
    assert space.find_work() == []


@scenario
def tags(space: Space) -> None:
    space.apply(tags={"team": "shop"})
    instance = space.instance(space.ready()["status"]["identifier"])
    assert space.tags(instance)["team"] == "shop"
    space.rds.remove_tags_from_resource(ResourceName=instance["DBInstanceArn"], TagKeys=["team", "squall.dev/name"])
    corrected(space, "tag team", "tag squall.dev/name")
    assert space.tags(instance)["team"] == "shop" and space.tags(instance)["squall.dev/name"] == "db"


@scenario
def instance_deleted(space: Space) -> None:
    space.apply()
    document = space.ready()
    identifier, before = document["status"]["identifier"], space.secret()
    space.rds.delete_db_instance(DBInstanceIdentifier=identifier, SkipFinalSnapshot=True)
    space.until("it is deleted by hand", lambda: space.instance(identifier) is None)
    corrected(space, "DB instance")
    assert space.instance(identifier)["DBInstanceStatus"] == "available"
    assert space.secret()["password"] == before["password"] and space.secret()["host"] == space.read()["status"]["endpoint"]["host"]


@scenario
def vault_secret_deleted(space: Space) -> None:
    """Nobody knows the old password any more, so RDS gets a new one, and only then readers do."""
    space.apply(publish={"secret": {"name": "db-credentials", "includePassword": True}})
    identifier = space.ready()["status"]["identifier"]
    before = space.secret()
    space.vault("DELETE", f"secret/metadata/databases/test/{space.name}/db")
    corrected(space, "Vault secret")
    after = space.secret()
    assert set(after) >= set(before) and len(after["password"]) == 27 and after["password"] != before["password"]
    assert len(space.calls("ModifyDBInstance", identifier)) == 1
    members = json.loads(space.kubectl("get", "secret", "db-credentials", "-o", "json"))["data"]
    assert base64.b64decode(members["password"]).decode() == after["password"]


@scenario
def vault_secret_changed(space: Space) -> None:
    space.apply()
    identifier = space.ready()["status"]["identifier"]
    before = space.secret()
    space.vault("POST", f"secret/data/databases/test/{space.name}/db", {"data": {**before, "host": "elsewhere", "note": "mine"}})
    corrected(space, "Vault secret host elsewhere")
    assert space.secret() == {**before, "note": "mine"}
    # A password that was put there by hand becomes that of the database: what readers hold has to work.
    space.vault("POST", f"secret/data/databases/test/{space.name}/db", {"data": {**before, "password": "put-there-by-hand-1234567"}})
    corrected(space, "password")
    stored = space.secret()
    assert stored["password"] == "put-there-by-hand-1234567" and "put-there-by-hand-1234567" in stored["uri"]
    assert len(space.calls("ModifyDBInstance", identifier)) == 1


@scenario
def consul_keys_and_service(space: Space) -> None:
    space.apply()
    document = space.ready()
    good = space.keys()
    assert good["host"] == document["status"]["endpoint"]["host"]
    assert {c["CheckID"]: c["Status"] for c in space.service()[0]["Checks"]}["rds-status"] == "passing"
    space.consul("DELETE", f"kv/databases/test/{space.name}/db/?recurse")
    corrected(space, "Consul key host")
    assert space.keys() == good
    space.consul("PUT", f"kv/databases/test/{space.name}/db/port", 1)
    corrected(space, "Consul key port 1 -> 5432")
    assert space.keys() == good
    space.consul("PUT", "catalog/deregister", {"Node": "rds-" + document["status"]["identifier"]})
    corrected(space, "Consul service")
    assert space.service()[0]["Service"]["Port"] == 5432


@scenario
def secret_of_kubernetes(space: Space) -> None:
    space.apply(publish={"secret": {"name": "app"}})
    space.ready()
    good = json.loads(space.kubectl("get", "secret", "app", "-o", "json"))["data"]
    space.kubectl("delete", "secret", "app")
    corrected(space, "Secret nothing -> app")
    assert json.loads(space.kubectl("get", "secret", "app", "-o", "json"))["data"] == good
    space.kubectl("patch", "secret", "app", "--type=merge", "-p", json.dumps({"stringData": {"host": "elsewhere"}}))
    corrected(space, "Secret app host")
    assert json.loads(space.kubectl("get", "secret", "app", "-o", "json"))["data"] == good


@scenario
def endpoint_changed(space: Space) -> None:
    """A database that has another address, say after a restore under its name, is published anew everywhere, in one go."""
    space.apply(publish={"secret": {"name": "app"}})
    document = space.ready()
    identifier, password = document["status"]["identifier"], space.secret()["password"]
    space.cloud.rds.control(endpoint={identifier: "new-address.example:6432"})
    corrected(space, "endpoint", "Vault secret host", "Vault secret port", "Consul key host", "Consul service address")
    assert space.read()["status"]["endpoint"] == {"host": "new-address.example", "port": 6432, "address": "new-address.example:6432"}
    stored, keys, [service] = space.secret(), space.keys(), space.service()
    assert (stored["host"], stored["port"], stored["password"]) == ("new-address.example", "6432", password)
    assert "new-address.example:6432" in stored["uri"] and "new-address.example:6432" in stored["jdbc_url"]
    assert (keys["host"], keys["port"], json.loads(keys["config"])["host"]) == ("new-address.example", "6432", "new-address.example")
    assert (service["Node"]["Address"], service["Service"]["Port"]) == ("new-address.example", 6432)
    kept = json.loads(space.kubectl("get", "secret", "app", "-o", "json"))["data"]
    assert base64.b64decode(kept["host"]).decode() == "new-address.example"
    assert space.calls("ModifyDBInstance", identifier) == []


@scenario
def outage(space: Space) -> None:
    """An instance that breaks down is not Ready any more, in Kubernetes and in Consul; it gets well by itself."""
    space.apply()
    identifier = space.ready()["status"]["identifier"]
    assert [c["Status"] for c in space.service()[0]["Checks"] if c["CheckID"] == "rds-status"] == ["passing"]
    space.cloud.rds.control(status={identifier: "storage-full"})
    started = space.until("the outage is found", space.find_work)
    assert "DB instance status storage-full" in started[0]["why"]
    document = space.until("it is told", lambda: (d := space.read()) and space.condition("Ready", document=d)["status"] == "False" and
                           space.condition("Ready", document=d)["reason"] == "InstanceFailed" and d)
    assert "storage-full" in space.condition("Ready", document=document)["message"] and document["status"]["phase"] == "InstanceFailed"
    assert [c["Status"] for c in space.service()[0]["Checks"] if c["CheckID"] == "rds-status"] == ["critical"]
    space.cloud.rds.control(status={identifier: None})
    space.ready()
    assert [c["Status"] for c in space.service()[0]["Checks"] if c["CheckID"] == "rds-status"] == ["passing"]
    assert space.calls("ModifyDBInstance", identifier) == []


@scenario
def vault_metadata(space: Space) -> None:
    space.apply()
    identifier = space.ready()["status"]["identifier"]
    path, version = f"secret/metadata/databases/test/{space.name}/db", space.secret_version()
    space.vault("POST", path, {"custom_metadata": {"uid": "somebody", "note": "mine"}})
    corrected(space, "Vault metadata uid somebody", "Vault metadata state nothing -> current")
    _, body = space.vault("GET", path)
    assert body["data"]["custom_metadata"] == {"uid": space.read()["metadata"]["uid"], "identifier": identifier, "managed-by": "squall",
                                               "state": "current", "note": "mine"}
    assert space.secret_version() == version, "the secret itself was written again"


@scenario
def reported(space: Space) -> None:
    space.apply(driftPolicy="Report", backup={"retentionDays": 7})
    identifier = space.ready()["status"]["identifier"]
    space.rds.modify_db_instance(DBInstanceIdentifier=identifier, DeletionProtection=True)
    calls = len(space.calls("ModifyDBInstance", identifier))
    assert [s["action"] for s in space.until("drift is found", space.find_work)] == ["database.report_drift"]
    document = space.reason("DriftFound", "NoDrift")
    assert space.condition("Ready", document=document)["status"] == "True"
    assert document["status"]["drift"] == [{"field": "DeletionProtection", "want": False, "have": True}]
    assert space.find_work() == [], "the same drift was reported again"
    assert space.instance(identifier)["DeletionProtection"] is True and len(space.calls("ModifyDBInstance", identifier)) == calls
    space.patch({"driftPolicy": "Correct"})
    space.ready()
    assert space.instance(identifier)["DeletionProtection"] is False and space.condition("NoDrift")["status"] == "True"


@scenario
def loop_guard(space: Space) -> None:
    """Somebody wants it otherwise, again and again: after three corrections within an hour squall stops and says so."""
    space.apply()
    identifier = space.ready()["status"]["identifier"]
    for number in range(3):
        space.rds.modify_db_instance(DBInstanceIdentifier=identifier, DeletionProtection=True)
        corrected(space, "DeletionProtection")
        assert len(space.read()["status"]["corrections"][0]["times"]) == number + 1
    space.rds.modify_db_instance(DBInstanceIdentifier=identifier, DeletionProtection=True)
    assert [s["action"] for s in space.until("drift is found", space.find_work)] == ["database.report_drift"]
    document = space.reason("DriftLoop", "NoDrift")
    assert space.condition("DriftLoop", document=document)["status"] == "True"
    assert space.condition("Ready", document=document)["status"] == "True"
    assert space.find_work() == [] and space.instance(identifier)["DeletionProtection"] is True
    space.patch({"backup": {"retentionDays": 6}})
    space.ready()
    assert space.instance(identifier)["DeletionProtection"] is False
    assert space.condition("DriftLoop")["status"] == "False" and space.read()["status"]["corrections"] == []


@pytest.mark.parametrize("name", list(scenario.known))
def test_drift(name: str, running: dict[str, Future[None]]) -> None:
    running[name].result()


def test_many_databases_are_looked_at_with_one_listing(inside: World, running: dict[str, Future[None]]) -> None:
    rest(running)
    space = inside.space("many")
    for number in range(3):
        space.apply(f"db{number}")
    for number in range(3):
        space.ready(f"db{number}")
    before = len(inside.cloud.rds.calls())
    assert space.find_work() == []
    calls = [(c["action"], c["params"].get("DBInstanceIdentifier")) for c in inside.cloud.rds.calls()[before:]]
    assert calls == [("DescribeDBInstances", None)], "each database was asked for, or something else was"


def test_how_often_is_for_the_config_to_say(inside: World) -> None:
    rule = inside.squall.get("/rules/database.find_work")
    assert rule["trigger"]["parameters"] == {"unit": "seconds", "delta": 3600}
