"""Bad days of a Database resource: each is told, and gets well by itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from databases import Space, World, world


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("faults")) as made:
        yield made


@pytest.fixture
def space(inside: World, request: pytest.FixtureRequest) -> Space:
    return inside.space(request.node.name.removeprefix("test_").replace("_", "-")[:40].strip("-"))


def created(space: Space) -> str:
    space.until("RDS creates it", lambda: space.status("identifier") and space.instance())
    return str(space.status("identifier"))


def test_vault_sealed_while_creating(inside: World, space: Space) -> None:
    """RDS stays, no endpoint is told before the credentials are there, and what is done is not done again."""
    if inside.cloud.vault.kind != "simulator":
        pytest.skip("sealing a real dev server loses its data")
    space.apply()
    identifier = created(space)
    inside.cloud.vault.control(seal=True)
    document = space.reason("VaultSealed", "CredentialsPublished")
    assert space.condition("Ready", document=document)["reason"] == "VaultSealed"
    assert document["status"]["nextTry"]
    assert space.keys() == {} and space.service() == []
    inside.cloud.vault.control(seal=False)
    document = space.ready()
    assert "nextTry" not in document["status"]
    assert len(space.calls("CreateDBInstance", identifier)) == 1 and space.calls("ModifyDBInstance", identifier) == []
    assert space.events().count("VaultSealed") == 1, "the same failure was told more than once"


def test_consul_down_while_creating(inside: World, space: Space) -> None:
    space.apply()
    identifier = created(space)
    inside.cloud.consul.stop()
    try:
        document = space.reason("ConsulUnavailable", "EndpointPublished")
        assert space.condition("CredentialsPublished", document=document).get("status") != "False"
        version = space.secret_version()
        assert version == 1
    finally:
        inside.cloud.consul.restart() if inside.cloud.consul.running else inside.cloud.consul.start()
    space.ready()
    assert space.keys()["host"] and space.service()
    assert space.secret_version() == version, "the part that was done already was done again"
    assert len(space.calls("CreateDBInstance", identifier)) == 1


def test_quota(inside: World, space: Space) -> None:
    inside.cloud.rds.fault({"action": "CreateDBInstance"}, "error", count=2, code="InstanceQuotaExceeded", status=400)
    space.apply()
    document = space.reason("QuotaExceeded")
    assert document["status"]["nextTry"]
    identifier = space.ready()["status"]["identifier"]
    assert len([c for c in space.calls("CreateDBInstance", identifier) if c["code"] is None]) == 1


def test_access_denied(inside: World, space: Space) -> None:
    inside.cloud.rds.fault({"action": "CreateDBInstance"}, "error", count=1, code="AccessDenied", status=403)
    space.apply()
    document = space.reason("AccessDenied")
    assert "rds:CreateDBInstance" in space.condition("Ready", document=document)["message"]
    space.ready()


def test_lost_reply_of_the_creation(inside: World, space: Space) -> None:
    inside.cloud.rds.fault({"action": "CreateDBInstance"}, "drop_after", count=1)
    space.apply()
    identifier = space.ready()["status"]["identifier"]
    assert len([i for i in space.rds.describe_db_instances()["DBInstances"] if i["DBInstanceIdentifier"] == identifier]) == 1
    # The password that Vault has is the one that the instance was made with.
    assert space.find_work() == []


def test_lost_reply_of_the_rotation(inside: World, space: Space) -> None:
    space.apply()
    identifier = space.ready()["status"]["identifier"]
    before = space.secret()["password"]
    inside.cloud.rds.fault({"action": "ModifyDBInstance", "identifier": identifier}, "drop_after", count=1)
    space.annotate("squall.dev/rotate=once")
    space.until("it is rotated", lambda: space.secret()["password"] != before)
    space.ready()
    changes = space.calls("ModifyDBInstance", identifier)
    assert space.find_work() == [] and len({c["params"]["MasterUserPassword"] for c in changes}) == 1


def test_rotation_while_vault_is_sealed(inside: World, space: Space) -> None:
    if inside.cloud.vault.kind != "simulator":
        pytest.skip("sealing a real dev server loses its data")
    space.apply()
    identifier = space.ready()["status"]["identifier"]
    before = space.secret()["password"]
    inside.cloud.rds.fault({"action": "ModifyDBInstance", "identifier": identifier}, "delay", delay_s=1.0)
    space.annotate("squall.dev/rotate=once")
    staged = space.until("a new one is staged", lambda: space.secret(suffix="/pending"))["password"]
    inside.cloud.vault.control(seal=True)
    space.reason("VaultSealed")
    assert space.condition("Ready")["status"] == "True"
    inside.cloud.vault.control(seal=False)
    space.until("the rotation goes on", lambda: space.secret()["password"] == staged)
    space.ready()
    assert before != staged and len(space.calls("ModifyDBInstance", identifier)) == 1


def test_creation_that_takes_too_long(inside: World, space: Space) -> None:
    """It is told, nothing is deleted, and when RDS is done after all, so is the resource."""
    inside.cloud.rds.control(times={"create_s": 6})
    try:
        space.apply(timeouts={"create": "2s"})
        identifier = created(space)
        document = space.reason("TimedOut")
        assert space.condition("Ready", document=document)["reason"] == "TimedOut"
    finally:
        inside.cloud.rds.control(times={"create_s": 1})
    space.ready()
    assert len(space.calls("CreateDBInstance", identifier)) == 1 and space.calls("DeleteDBInstance", identifier) == []


def test_failed_instance(inside: World, space: Space) -> None:
    space.apply()
    identifier = created(space)
    inside.cloud.rds.control(status={identifier: "incompatible-parameters"})
    document = space.reason("InstanceFailed")
    assert "incompatible-parameters" in space.condition("Ready", document=document)["message"]
    inside.cloud.rds.control(status={identifier: None})
    space.ready()


def test_vault_sealed_while_deleting(inside: World, space: Space) -> None:
    if inside.cloud.vault.kind != "simulator":
        pytest.skip("sealing a real dev server loses its data")
    space.apply()
    identifier = space.ready()["status"]["identifier"]
    inside.cloud.vault.control(seal=True)
    space.delete()
    space.reason("VaultSealed")
    assert space.instance(identifier) is None and space.read()["metadata"]["finalizers"]
    inside.cloud.vault.control(seal=False)
    space.gone()
    assert space.secret() is None


def test_squall_killed_in_a_rotation_and_in_a_change(inside: World, space: Space) -> None:
    space.apply()
    identifier = space.ready()["status"]["identifier"]
    before = space.secret()["password"]
    space.annotate("squall.dev/rotate=once")
    space.patch({"storage": {"sizeGiB": 60}})
    import time

    for pause in (0.2, 0.3, 0.4, 0.5):
        time.sleep(pause)
        inside.squall.kill()
        inside.squall.start()
    space.until("the change is done", lambda: space.instance(identifier)["AllocatedStorage"] == 60)
    space.until("the password is changed", lambda: space.secret()["password"] != before and space.secret(suffix="/pending") is None)
    space.ready()
    changes = space.calls("ModifyDBInstance", identifier)
    assert len([c for c in changes if "AllocatedStorage" in c["params"]]) == 1, changes
    assert space.find_work() == []
