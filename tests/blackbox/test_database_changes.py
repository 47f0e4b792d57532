"""Changes of a Database resource: modify, rotate, delete, retain, adopt, pause, observe, Secret, refusals."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from concurrent.futures import Future

import pytest
from databases import Scenarios, Space, World, world

scenario = Scenarios()


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("changes")) as made:
        yield made


@pytest.fixture(scope="module")
def running(inside: World, request: pytest.FixtureRequest) -> Iterator[dict[str, Future[None]]]:
    with scenario.side_by_side(inside, request) as started:
        yield started


@scenario
def modify(space: Space) -> None:
    """Only what differs is sent, in one call, and not again."""
    space.apply(storage={"sizeGiB": 20}, backup={"retentionDays": 3})
    first = space.ready()
    identifier = first["status"]["identifier"]
    assert space.calls("ModifyDBInstance", identifier) == []
    space.patch({"storage": {"sizeGiB": 40}, "size": "large", "backup": {"retentionDays": 5}})
    space.until("the change is told at once", lambda: space.condition("Ready").get("reason") == "Modifying")
    assert space.condition("Ready")["observedGeneration"] == 2
    document = space.ready()
    assert document["status"]["observedGeneration"] == 2
    calls = space.calls("ModifyDBInstance", identifier)
    assert len(calls) == 1, calls
    sent = {k: v for k, v in calls[0]["params"].items() if k not in ("DBInstanceIdentifier", "ApplyImmediately")}
    assert sent == {"AllocatedStorage": "40", "DBInstanceClass": "db.m7g.large", "BackupRetentionPeriod": "5"}
    now = space.instance(identifier)
    assert (now["AllocatedStorage"], now["DBInstanceClass"], now["BackupRetentionPeriod"]) == (40, "db.m7g.large", 5)
    assert len(space.calls("CreateDBInstance", identifier)) == 1
    assert space.events()[-1] == "Modified" and "Modifying" in space.events()
    # A version is a prefix: what RDS made of "16" is not changed, and it is never taken down.
    space.patch({"version": "16"})
    space.ready()
    space.patch({"version": "15"})
    space.ready()
    assert len(space.calls("ModifyDBInstance", identifier)) == 1
    space.patch({"version": "17"})
    space.ready()
    upgrade = space.calls("ModifyDBInstance", identifier)[-1]["params"]
    assert upgrade["EngineVersion"] == "17" and upgrade["AllowMajorVersionUpgrade"] == "true"
    assert space.read()["status"]["engineVersion"].startswith("17")
    table = space.kubectl("get", "db", "-o", "wide")
    for column in ("ENGINE", "READY", "STATUS", "ENDPOINT", "SYNCED", "REASON", "VAULT-PATH", "CONSUL", "ROTATED", "EXECUTION"):
        assert column in table
    assert document["status"]["endpoint"]["address"] in table


@scenario
def modify_in_window(space: Space) -> None:
    space.apply(maintenance={"apply": "InWindow"}, storage={"sizeGiB": 20})
    identifier = space.ready()["status"]["identifier"]
    space.patch({"storage": {"sizeGiB": 30}})
    document = space.ready()
    assert "maintenance window" in space.condition("Synced", document=document)["message"]
    assert space.calls("ModifyDBInstance", identifier)[0]["params"]["ApplyImmediately"] == "false"
    assert space.instance(identifier)["AllocatedStorage"] == 20
    # What is pending counts as what there is.
    assert space.find_work() == []
    space.cloud.rds.control(maintenance=identifier)
    space.until("the window applies it", lambda: space.instance(identifier)["AllocatedStorage"] == 30)
    assert len(space.calls("ModifyDBInstance", identifier)) == 1


@scenario
def changed_while_creating(space: Space) -> None:
    """Changes that come while a chain works are taken up after it; the last one counts."""
    space.apply(storage={"sizeGiB": 20})
    space.until("it is being created", lambda: space.condition("Ready").get("reason") == "Creating")
    for size in (25, 30, 35):
        space.patch({"storage": {"sizeGiB": size}})
    identifier = space.ready()["status"]["identifier"]
    assert space.instance(identifier)["AllocatedStorage"] == 35
    assert len(space.calls("CreateDBInstance", identifier)) == 1
    assert len(space.calls("ModifyDBInstance", identifier)) == 1


@scenario
def rotate(space: Space) -> None:
    """Readers see the new password once RDS has it, never before; the same request is carried out once."""
    space.apply(publish={"secret": {"name": "db-credentials", "includePassword": True}})
    first = space.ready()
    identifier = first["status"]["identifier"]
    before = space.secret()["password"]
    fingerprint = space.tags(space.instance(identifier))["squall.dev/password-fingerprint"]
    space.cloud.rds.fault({"action": "ModifyDBInstance", "identifier": identifier}, "delay", delay_s=1.0)
    space.annotate("squall.dev/rotate=2026-01-31T12:00:00Z")
    space.until("a new password is staged", lambda: space.secret(suffix="/pending"))
    staged = space.secret(suffix="/pending")["password"]
    assert staged != before and space.secret()["password"] == before, "readers got a password that RDS does not know yet"
    space.until("the new one is published", lambda: space.secret()["password"] == staged)
    assert space.instance(identifier)["DBInstanceStatus"] == "available"
    assert "MasterUserPassword" not in space.instance(identifier).get("PendingModifiedValues", {})
    space.until("the staged one is gone", lambda: space.secret(suffix="/pending") is None)
    document = space.until("it is told", lambda: (d := space.ready())["status"]["credentials"].get("rotationRequest") and d)
    assert document["status"]["credentials"]["rotationRequest"] == "2026-01-31T12:00:00Z"
    assert document["status"]["credentials"]["passwordVersion"] == space.secret_version()
    assert space.tags(space.instance(identifier))["squall.dev/password-fingerprint"] != fingerprint
    _, metadata = space.vault("GET", f"secret/metadata/databases/test/{space.name}/db")
    assert metadata["data"]["custom_metadata"]["state"] == "current"
    assert metadata["data"]["custom_metadata"]["uid"] == document["metadata"]["uid"]
    assert "Rotated" in space.events()
    kept = json.loads(space.kubectl("get", "secret", "db-credentials", "-o", "json"))
    assert base64.b64decode(kept["data"]["password"]).decode() == staged
    changes = space.calls("ModifyDBInstance", identifier)
    assert len(changes) == 1
    # The same request once more changes nothing; another one does.
    space.annotate("unrelated=1")
    assert space.find_work() == []
    space.annotate("squall.dev/rotate=2026-02-01T12:00:00Z")
    space.until("it is rotated again", lambda: space.secret()["password"] != staged)
    text = space.squall.log.read_text() + str(space.squall.get("/executions?limit=-1"))
    for password in (before, staged, space.secret()["password"]):
        assert password not in text
    # By the calendar: when it is due, a look at all finds it.
    space.until("it is at rest", lambda: not space.find_work() and space.ready())
    space.patch({"credentials": {"rotation": {"every": "1s"}}})
    last = space.secret()["password"]
    space.ready()
    time.sleep(1.1)
    started = space.until("a rotation is due", space.find_work)
    assert started[0]["action"] == "database.rotate", started
    space.until("it is rotated by the calendar", lambda: space.secret()["password"] != last)
    space.patch({"credentials": {"rotation": {"every": "720h"}}})
    assert space.ready()["status"]["credentials"]["nextRotation"] > document["status"]["credentials"]["lastRotated"]


@scenario
def final_snapshot(space: Space) -> None:
    space.apply(deletionPolicy="Snapshot")
    identifier = space.ready()["status"]["identifier"]
    path = f"secret/data/databases/test/{space.name}/db"
    space.delete()
    space.gone()
    snapshots = [s["DBSnapshotIdentifier"] for s in space.rds.describe_db_snapshots()["DBSnapshots"]]
    mine = [s for s in snapshots if s.startswith(identifier + "-final-")]
    assert len(mine) == 1, snapshots
    # The password of what the snapshot holds can be had back.
    assert space.secret() is None
    status, _ = space.vault("POST", path.replace("/data/", "/undelete/"), {"versions": [1]})
    assert status in (200, 204) and len(space.secret()["password"]) == 27
    assert space.keys() == {} and space.service() == []


@scenario
def deletion_protection(space: Space) -> None:
    space.apply(deletionProtection=True)
    identifier = space.ready()["status"]["identifier"]
    assert space.instance(identifier)["DeletionProtection"] is True
    space.delete()
    space.reason("DeletionProtected", "Ready")
    assert space.find_work() == []
    assert space.instance(identifier) and space.secret()
    space.annotate("squall.dev/confirm-delete=something-else")
    time.sleep(0.5)
    assert space.condition("Ready")["reason"] == "DeletionProtected"
    space.annotate("squall.dev/confirm-delete=db")
    space.gone()
    assert space.instance(identifier) is None
    assert space.events().count("DeletionProtected") == 1


@scenario
def protection_taken_off_while_deleting(space: Space) -> None:
    space.apply(deletionProtection=True)
    identifier = space.ready()["status"]["identifier"]
    space.delete()
    space.reason("DeletionProtected", "Ready")
    space.patch({"deletionProtection": False})
    space.gone()
    assert space.instance(identifier) is None


@scenario
def retain(space: Space) -> None:
    space.apply(deletionPolicy="Retain", deletionProtection=True, publish={"secret": {"name": "kept", "includePassword": False}})
    document = space.ready()
    identifier, stored = document["status"]["identifier"], space.secret()
    space.delete()
    space.gone()
    there = space.instance(identifier)
    assert there and not [tag for tag in space.tags(there) if tag.startswith("squall.dev/")]
    assert space.secret() == stored and space.keys()["host"] and space.service()
    kept = json.loads(space.kubectl("get", "secret", "kept", "-o", "json"))
    assert not kept["metadata"].get("ownerReferences") and "password" not in kept["data"]


@scenario
def adopt(space: Space) -> None:
    """Never, IfTagged and Force on an instance that was there before."""
    def foreign(name: str, **tags: str) -> None:
        space.rds.create_db_instance(DBInstanceIdentifier=name, DBInstanceClass="db.t4g.small", Engine="postgres", AllocatedStorage=20,
                                     MasterUsername="elder", MasterUserPassword="elder-password", BackupRetentionPeriod=7,
                                     Tags=[{"Key": k, "Value": v} for k, v in tags.items()])
    for name in ("elder-never", "elder-tagged", "elder-force"):
        foreign(name)
    space.apply("never", adopt={"identifier": "elder-tagged", "policy": "IfTagged"})
    space.reason("NameTaken", name="never")
    assert space.instance("elder-tagged")["MasterUsername"] == "elder" and space.calls("ModifyDBInstance", "elder-tagged") == []
    arn = space.instance("elder-tagged")["DBInstanceArn"]
    space.rds.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "squall.dev/adopt", "Value": f"{space.name}/never"}])
    # It is tried again by itself.
    document = space.ready("never")
    assert document["status"]["identifier"] == "elder-tagged"
    stored = space.secret("never")
    assert stored["username"] == "elder" and len(stored["password"]) == 27
    assert "MasterUserPassword" in str(space.calls("ModifyDBInstance", "elder-tagged"))
    space.apply("force", adopt={"identifier": "elder-force", "policy": "Force"}, storage={"sizeGiB": 30})
    space.ready("force")
    assert space.instance("elder-force")["AllocatedStorage"] == 30
    assert space.tags(space.instance("elder-force"))["squall.dev/uid"] == space.read("force")["metadata"]["uid"]
    space.apply("absent", adopt={"identifier": "nobody-there", "policy": "Force"})
    space.reason("AdoptionFailed", name="absent")
    assert space.instance("nobody-there") is None
    assert space.instance("elder-never") and not space.tags(space.instance("elder-never"))
    for name in ("never", "force", "absent"):
        space.delete(name)
        space.gone(name)


@scenario
def abandon(space: Space) -> None:
    space.apply()
    identifier = space.ready()["status"]["identifier"]
    space.cloud.rds.fault({"action": "DeleteDBInstance", "identifier": identifier}, "error", code="AccessDenied", status=403, count=1000)
    space.delete()
    space.reason("AccessDenied")
    space.annotate("squall.dev/abandon=db")
    space.gone()
    assert space.instance(identifier) is not None
    assert "Abandoned" in space.events()


@scenario
def deleted_while_creating(space: Space) -> None:
    space.apply(deletionPolicy="Snapshot")
    identifier = space.until("RDS creates it", lambda: next(
        (d["DBInstanceIdentifier"] for d in space.rds.describe_db_instances()["DBInstances"] if d["DBInstanceIdentifier"].startswith(space.name)), None))
    # It stays in creation until the deletion is under way, however slow this machine is.
    space.cloud.rds.control(status={identifier: "creating"})
    space.delete()
    space.until("the deletion is under way", lambda: space.status("phase") == "Deleting")
    space.cloud.rds.control(status={identifier: None})
    space.gone()
    assert space.instance(identifier) is None and space.secret() is None and space.secret(suffix="/pending") is None
    assert len(space.calls("CreateDBInstance", identifier)) == 1
    # It never was available, so there is nothing to keep.
    assert not [s for s in space.rds.describe_db_snapshots()["DBSnapshots"] if s["DBSnapshotIdentifier"].startswith(identifier)]
    [create] = space.executions("create")
    assert create["status"] == "canceled"


@scenario
def paused(space: Space) -> None:
    space.apply()
    identifier = space.ready()["status"]["identifier"]
    space.patch({"managementPolicy": "Paused"})
    space.reason("Paused")
    space.patch({"storage": {"sizeGiB": 50}})
    space.until("the pause is for this generation too", lambda: space.condition("Synced").get("observedGeneration") == 3)
    assert space.find_work() == [] and space.calls("ModifyDBInstance", identifier) == []
    space.patch({"managementPolicy": "Full"})
    space.ready()
    assert space.instance(identifier)["AllocatedStorage"] == 50


@scenario
def paused_while_creating(space: Space) -> None:
    space.apply()
    pinned = space.until("RDS creates it", lambda: next(
        (d["DBInstanceIdentifier"] for d in space.rds.describe_db_instances()["DBInstances"] if d["DBInstanceIdentifier"].startswith(space.name)), None))
    # It stays in creation until it is paused, however slow this machine is.
    space.cloud.rds.control(status={pinned: "creating"})
    space.patch({"managementPolicy": "Paused"})
    space.reason("Paused")
    assert space.secret() is None
    space.cloud.rds.control(status={pinned: None})
    space.patch({"managementPolicy": "Full"})
    identifier = space.ready()["status"]["identifier"]
    assert len(space.calls("CreateDBInstance", identifier)) == 1 and space.secret()["host"]


@scenario
def observed(space: Space) -> None:
    space.rds.create_db_instance(DBInstanceIdentifier="watched", DBInstanceClass="db.t4g.small", Engine="postgres", AllocatedStorage=20,
                                 MasterUsername="elder", MasterUserPassword="elder-password")
    space.until("it is available", lambda: space.instance("watched")["DBInstanceStatus"] == "available")
    space.apply(managementPolicy="Observe", adopt={"identifier": "watched", "policy": "Force"}, storage={"sizeGiB": 30})
    document = space.until("it is observed", lambda: space.status("phase") == "Observed" and space.read())
    assert document["status"]["endpoint"]["port"] == 5432
    assert "AllocatedStorage 20 -> 30" in space.condition("NoDrift", document=document)["message"]
    assert space.calls("ModifyDBInstance", "watched") == [] and space.tags(space.instance("watched")) == {}
    assert "finalizers" not in document["metadata"]
    space.delete()
    space.gone()
    assert space.instance("watched")


@scenario
def name_taken(space: Space) -> None:
    """An instance of somebody else's under our name is left alone, and the resource says so."""
    space.apply(managementPolicy="Paused")
    uid = space.read()["metadata"]["uid"]
    import hashlib

    identifier = f"{space.name}-db-{hashlib.sha256(uid.encode()).hexdigest()[:6]}"
    space.rds.create_db_instance(DBInstanceIdentifier=identifier, DBInstanceClass="db.t4g.small", Engine="postgres", AllocatedStorage=20,
                                 MasterUsername="other", MasterUserPassword="other-password")
    space.patch({"managementPolicy": "Full"})
    document = space.reason("NameTaken")
    assert identifier in space.condition("Ready", document=document)["message"]
    assert space.calls("ModifyDBInstance", identifier) == [] and space.tags(space.instance(identifier)) == {}
    space.delete()
    space.reason("NameTaken")
    assert space.instance(identifier) is not None
    space.annotate("squall.dev/abandon=db")
    space.gone()


@scenario
def one_instance_two_resources(space: Space) -> None:
    """The second one is told whose it is; the first one does not notice."""
    space.rds.create_db_instance(DBInstanceIdentifier="shared-by-two", DBInstanceClass="db.t4g.small", Engine="postgres", AllocatedStorage=20,
                                 MasterUsername="elder", MasterUserPassword="elder-password", BackupRetentionPeriod=7)
    space.apply("first", adopt={"identifier": "shared-by-two", "policy": "Force"})
    space.ready("first")
    password = space.secret("first")["password"]
    space.apply("second", adopt={"identifier": "shared-by-two", "policy": "Force"})
    document = space.reason("NameTaken", name="second")
    assert f"it belongs to the Database {space.name}/first" in space.condition("Ready", document=document)["message"]
    assert [s for s in space.find_work() if s["name"] == "first"] == []
    assert space.tags(space.instance("shared-by-two"))["squall.dev/name"] == "first" and space.secret("first")["password"] == password
    # Its deletion does not take the other's database down.
    space.delete("second")
    space.reason("NameTaken", name="second")
    space.annotate("squall.dev/abandon=second", "second")
    space.gone("second")
    assert space.instance("shared-by-two") and space.condition("Ready", "first")["status"] == "True"


@scenario
def long_name(space: Space) -> None:
    """Kubernetes takes names that nothing else takes."""
    name = "n" + "a" * 199
    space.apply(name, publish={"secret": {"name": "app"}})
    document = space.ready(name)
    assert len(document["status"]["identifier"]) <= 63 and len(document["status"]["consul"]["service"]) <= 63
    assert space.instance(document["status"]["identifier"])["DBName"].startswith("na") and space.secret(name)["password"]
    assert space.consul("GET", f"health/service/{document['status']['consul']['service']}")
    assert "Available" in space.events(name)
    space.delete(name)
    space.gone(name)
    assert space.secret(name) is None


@scenario
def identifier_on_record(space: Space) -> None:
    """The identifier is on the resource before RDS is asked, and outlives its status."""
    space.cloud.rds.fault({"action": "CreateDBInstance", "identifier": space.name + "-*"}, "error", code="AccessDenied", status=403, count=5)
    space.apply()
    space.reason("AccessDenied")
    identifier = space.read()["metadata"]["annotations"]["squall.dev/identifier"]
    assert identifier == space.status("identifier") and space.instance(identifier) is None
    space.ready()
    tags = space.tags(space.instance(identifier))
    assert len(tags["squall.dev/execution"]) == 24 and tags["squall.dev/cluster"] == "test"
    # As a backup of the cluster puts it back: the same name, another uid, no status.
    space.patch({"deletionPolicy": "Retain"})
    space.ready()
    space.annotate("squall.dev/abandon=db")
    space.delete()
    space.gone()
    space.apply(annotations={"squall.dev/identifier": identifier})
    document = space.reason("NameTaken")
    message = space.condition("Ready", document=document)["message"]
    assert f"identifier: {identifier}, policy: IfTagged" in message, message
    assert len(space.calls("CreateDBInstance", identifier)) >= 1 and space.instance(identifier)
    space.patch({"adopt": {"identifier": identifier, "policy": "IfTagged"}})
    assert space.ready()["status"]["identifier"] == identifier


@scenario
def throttled(space: Space) -> None:
    """AWS being busy for a while alarms nobody; for long, it is said, and gets well by itself."""
    space.cloud.rds.fault({"action": "CreateDBInstance", "identifier": space.name + "-short-*"}, "error", code="Throttling", count=4)
    space.apply("short")
    space.ready("short")
    assert "Throttled" not in space.events("short")
    # As long as it takes: each try of a chain is several of the client's.
    space.cloud.rds.fault({"action": "CreateDBInstance", "identifier": space.name + "-long-*"}, "error", code="Throttling", count=21)
    space.apply("long")
    document = space.reason("Throttled", "Ready", "long")
    assert document["status"]["nextTry"] and "Rate exceeded" in space.condition("Ready", "long", document)["message"]
    space.ready("long")
    assert len(space.calls("CreateDBInstance", space.status("identifier", "long"))) == 22


@scenario
def told_as_it_goes(space: Space) -> None:
    """kubectl get shows how far RDS is, from the creation to the final snapshot."""
    space.apply(deletionPolicy="Snapshot")
    pinned = space.until("RDS creates it", lambda: next(
        (d["DBInstanceIdentifier"] for d in space.rds.describe_db_instances()["DBInstances"] if d["DBInstanceIdentifier"].startswith(space.name)), None))
    space.cloud.rds.control(status={pinned: "backing-up"})
    space.until("it is told how far RDS is", lambda: space.status("phase") == "BackingUp")
    assert "is backing-up" in space.condition("Ready")["message"]
    space.cloud.rds.control(status={pinned: None})
    space.ready()
    assert "postgres 16" in space.kubectl("get", "db")
    identifier = space.ready()["status"]["identifier"]
    space.cloud.rds.control(status={identifier: "deleting"})
    space.delete()
    space.until("the snapshot is told of", lambda: space.status("phase") == "SnapshotPending")
    assert identifier + "-final-" in space.condition("Ready")["message"]
    space.cloud.rds.control(status={identifier: None})
    space.gone()


@scenario
def secret_for_applications(space: Space) -> None:
    space.apply(publish={"secret": {"name": "orders-db"}, "consul": {"kv": True, "service": False}})
    document = space.ready()
    found = json.loads(space.kubectl("get", "secret", "orders-db", "-o", "json"))
    members = {k: base64.b64decode(v).decode() for k, v in found["data"].items()}
    assert found["type"] == "servicebinding.io/postgresql" and members["type"] == "postgresql" and members["provider"] == "aws-rds"
    assert members["host"] == document["status"]["endpoint"]["host"] and members["port"] == "5432" and members["database"] == "db_db"
    assert "password" not in members and members["uri"] == f"postgresql://{members['host']}:5432/db_db"
    assert found["metadata"]["ownerReferences"][0]["uid"] == document["metadata"]["uid"]
    assert space.service() == [] and space.keys()
    space.patch({"publish": {"secret": {"name": "orders-login", "includePassword": True}}})
    space.ready()
    assert space.kubectl("get", "secret", "orders-db", "--ignore-not-found") == ""
    members = {k: base64.b64decode(v).decode() for k, v in json.loads(space.kubectl("get", "secret", "orders-login", "-o", "json"))["data"].items()}
    stored = space.secret()
    assert members["password"] == stored["password"] and members["uri"] == stored["uri"]
    # A Secret of somebody else's is not overwritten.
    space.kubectl("create", "secret", "generic", "taken", "--from-literal=mine=1")
    space.patch({"publish": {"secret": {"name": "taken"}}})
    space.reason("NameTaken")
    assert list(json.loads(space.kubectl("get", "secret", "taken", "-o", "json"))["data"]) == ["mine"]


@scenario
def refused_by_kubernetes(space: Space) -> None:
    """What can never work is refused when it is applied, with words that say why."""
    def refusal(name: str, patch: dict[str, object]) -> str:
        from local_cloud import ServerError  # raised with kubectl's complaint
        try:
            space.patch(patch, name)
        except Exception as error:  # noqa: BLE001 - the type is that of the helper
            assert type(error).__name__ == ServerError.__name__
            return str(error)
        raise AssertionError(f"{patch} was accepted")
    space.apply(managementPolicy="Paused", storage={"sizeGiB": 30}, databaseName="orders", encryption={"enabled": True})
    assert "engine cannot be changed" in refusal("db", {"engine": "mysql"})
    assert "storage can only grow" in refusal("db", {"storage": {"sizeGiB": 20}})
    assert "storage can only grow" in refusal("db", {"storage": None})
    assert "databaseName cannot be changed" in refusal("db", {"databaseName": "other"})
    assert "databaseName cannot be changed" in refusal("db", {"databaseName": None})
    assert "encryption cannot be changed" in refusal("db", {"encryption": {"enabled": False}})
    assert "size or instanceClass, not both" in refusal("db", {"instanceClass": "db.t4g.large"})
    assert "maxGiB must be greater" in refusal("db", {"storage": {"maxGiB": 25}})
    assert "adopt.identifier says which" in refusal("db", {"adopt": {"policy": "Force"}})
    assert "are taken" in refusal("db", {"tags": {"squall.dev/uid": "x"}})
    assert "Unsupported value" in refusal("db", {"credentials": {"mode": "Static"}})
    assert "credentials.mode cannot be changed" in refusal("db", {"credentials": {"mode": "VaultStatic"}})
    assert "ttl and maxTTL go with" in refusal("db", {"credentials": {"ttl": "1h"}})
    assert "passwordFrom or rotation, not both" in refusal(
        "db", {"credentials": {"rotation": {"every": "1h"}, "passwordFrom": {"secretKeyRef": {"name": "x"}}}})
    assert "give secretKeyRef or vaultRef" in refusal("db", {"credentials": {"passwordFrom": {}}})
    assert "see credentials.passwordFrom" in refusal("db", {"parameters": {"MasterUserPassword": "hunter2hunter2"}})
    assert "see adopt.identifier" in refusal("db", {"parameters": {"DBInstanceIdentifier": "mine"}})
    assert "restoreFrom cannot be changed" in refusal("db", {"restoreFrom": {"snapshot": "x"}})
    assert "providerRef cannot be changed" in refusal("db", {"providerRef": {"name": "x"}})


@scenario
def invalid_spec(space: Space) -> None:
    """What RDS refuses is not tried again until the spec changes."""
    space.apply(size="gigantic")
    document = space.reason("InvalidSpec")
    message = space.condition("Ready", document=document)["message"]
    assert "spec.size: 'gigantic' is not one of" in message and "small" in message
    assert space.find_work() == []
    space.patch({"size": "medium"})
    space.ready()
    space.patch({"storage": {"type": "io1"}})
    document = space.until("RDS or the spec settles it", lambda: (d := space.read())["status"]["observedGeneration"] == 3 and
                           space.condition("Synced", document=d).get("status") == "True" and d)
    space.cloud.rds.fault({"action": "ModifyDBInstance", "identifier": document["status"]["identifier"]}, "error", code="InvalidParameterCombination",
                          message="not with this class", status=400, count=1)
    space.patch({"storage": {"sizeGiB": 100}})
    document = space.reason("InvalidSpec")
    assert "not with this class" in space.condition("Ready", document=document)["message"]
    time.sleep(2.5)
    assert space.condition("Synced")["reason"] == "InvalidSpec" and space.find_work() == []
    assert space.events().count("InvalidSpec") == 2
    space.patch({"storage": {"sizeGiB": 110}})
    assert space.ready()["status"]["phase"] == "Available"


@scenario
def wait_and_describe(space: Space) -> None:
    """kubectl wait waits for the present generation; describe shows one Event per transition."""
    space.apply()
    space.kubectl("wait", "--for=condition=Ready", "db/db", "--timeout=60s")
    space.patch({"storage": {"sizeGiB": 60}})
    space.kubectl("wait", "--for=condition=Ready", "db/db", "--timeout=60s")
    assert space.instance()["AllocatedStorage"] == 60, "kubectl wait did not wait for the change"
    text = space.kubectl("describe", "db", "db")
    assert "Available" in text and "Modified" in text and "Last Transition Time" in text
    version = space.read()["metadata"]["resourceVersion"]
    for _ in range(2):
        assert space.find_work() == []
    assert space.read()["metadata"]["resourceVersion"] == version, "a look at all wrote to a resource that needs nothing"


@pytest.mark.parametrize("name", list(scenario.known))
def test_database(name: str, running: dict[str, Future[None]]) -> None:
    running[name].result()
