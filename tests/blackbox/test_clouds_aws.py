"""The actions of the pack aws: who squall is there, whose clock is right, snapshots, deletions whose reply is lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from squall_server import Squall

import local_cloud
import servers

Json = Any


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    if servers.find("moto_server") is None:
        pytest.skip("moto is not installed; `make servers` installs it")
    times = {"create_s": 0.2, "backup_s": 0.1, "modify_lag_s": 0.1, "modify_s": 0.2, "delete_s": 0.3}
    with local_cloud.LocalCloud(tmp_path_factory.mktemp("cloud"), ("aws",), rds_times=times) as made:
        yield made


@pytest.fixture
def squall(cloud: Any, make_squall: Callable[..., Squall]) -> Squall:
    return make_squall(env=cloud.env())


def good(squall: Squall, action: str, **parameters: Json) -> Json:
    ended = squall.result(f"aws.{action}", parameters)
    assert ended["status"] == "succeeded", f"{action}: {ended['result']}"
    return ended["result"]


def create(squall: Squall, name: str, uid: str = "u1") -> None:
    good(squall, "rds_create_db_instance", db_instance_identifier=name, db_instance_class="db.t4g.small", engine="postgres", allocated_storage=20,
         master_username="dbadmin", master_user_password="some-password-1", tags={"squall.dev/uid": uid})
    good(squall, "rds_wait_db_instance", db_instance_identifier=name, poll_interval=1)


def test_web_identity(cloud: Any, make_squall: Callable[..., Squall], tmp_path: Path) -> None:
    """As in a pod on EKS: no keys at all, only a token file and a role."""
    token = tmp_path / "token"
    token.write_text("a-web-identity-token\n")
    keys = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
    env = {name: value for name, value in cloud.env().items() if name not in keys}
    squall = make_squall(env=env | {"AWS_WEB_IDENTITY_TOKEN_FILE": str(token), "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/squall"})
    cloud.rds.forget_calls()
    assert good(squall, "rds_describe_db_instances")["count"] >= 0
    good(squall, "rds_describe_db_instances")
    assert len(cloud.rds.calls(action="AssumeRoleWithWebIdentity")) == 1, "kept until it nears its end"
    cloud.rds.control(expire_tokens=True)
    good(squall, "rds_describe_db_instances")
    assert len(cloud.rds.calls(action="AssumeRoleWithWebIdentity")) == 2
    assert "a-web-identity-token" not in squall.log.read_text()


def test_a_wrong_clock_is_corrected(cloud: Any, squall: Squall) -> None:
    cloud.rds.control(clock_skew_s=1200)
    try:
        good(squall, "rds_describe_db_instances")
        cloud.rds.forget_calls()
        good(squall, "rds_describe_db_instances")
        assert [call["status"] for call in cloud.rds.calls()] == [200], "learnt once, known from then on"
    finally:
        cloud.rds.control(clock_skew_s=0)


def test_snapshots_and_a_lost_reply(cloud: Any, squall: Squall) -> None:
    create(squall, "snapped")
    cloud.rds.fault({"action": "CreateDBSnapshot"}, "drop_after", count=1)
    made = good(squall, "rds_create_db_snapshot", db_instance_identifier="snapped", db_snapshot_identifier="snapped-1", owner_uid="u1",
                tags={"squall.dev/uid": "u1"})
    assert made["db_instance_identifier"] == "snapped"
    assert good(squall, "rds_describe_db_snapshots", db_instance_identifier="snapped", snapshot_type="manual")["count"] == 1
    refused = squall.result("aws.rds_delete_db_snapshot", {"db_snapshot_identifier": "snapped-1", "owner_uid": "u2"})
    assert refused["result"]["code"] == "NameTaken"
    assert good(squall, "rds_delete_db_snapshot", db_snapshot_identifier="snapped-1", owner_uid="u1")["deleted"] is True
    assert good(squall, "rds_delete_db_snapshot", db_snapshot_identifier="snapped-1")["deleted"] is False


def test_a_deletion_whose_reply_is_lost_makes_one_final_snapshot(cloud: Any, squall: Squall) -> None:
    create(squall, "leaving")
    cloud.rds.fault({"action": "DeleteDBInstance"}, "drop_after", count=1)
    ended = good(squall, "rds_delete_db_instance", db_instance_identifier="leaving", owner_uid="u1")
    assert ended["deleted"] is True
    good(squall, "rds_wait_db_instance", db_instance_identifier="leaving", target="deleted", poll_interval=1)
    names = [s["DBSnapshotIdentifier"] for s in cloud.rds.client("rds").describe_db_snapshots()["DBSnapshots"] if s["DBInstanceIdentifier"] == "leaving"]
    finals = [name for name in names if name.startswith("leaving-final-")]
    assert len(finals) == 1
    assert ended["final_db_snapshot_identifier"] == finals[0]


def test_terminal_errors_fail_at_once_with_awss_code(cloud: Any, squall: Squall) -> None:
    began = time.monotonic()
    for code, status in (("AccessDenied", 403), ("InvalidParameterCombination", 400), ("InstanceQuotaExceeded", 400)):
        cloud.rds.fault({"action": "CreateDBInstance"}, "error", count=1, code=code, status=status)
        ended = squall.result("aws.rds_create_db_instance", {"db_instance_identifier": "never", "db_instance_class": "db.t4g.small", "engine": "postgres",
                                                             "allocated_storage": 20, "master_username": "dbadmin", "master_user_password": "some-password-1"})
        assert (ended["status"], ended["result"]["code"], ended["result"]["http_status"]) == ("failed", code, status)
    assert time.monotonic() - began < 20
