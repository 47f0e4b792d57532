"""The RDS proxy, seen through boto3."""

from __future__ import annotations

import time
import zlib
from typing import Any

import pytest

boto3 = pytest.importorskip("boto3")
from botocore.config import Config  # noqa: E402
from botocore.exceptions import ClientError, ConnectionClosedError  # noqa: E402

from local_cloud import LocalCloud  # noqa: E402

PASSWORD = "Corr3ct-horse_battery"
ONCE = Config(retries={"total_max_attempts": 1})


def create(client: Any, identifier: str, **more: Any) -> dict[str, Any]:
    request = {"DBInstanceIdentifier": identifier, "DBInstanceClass": "db.t4g.micro", "Engine": "postgres",
               "AllocatedStorage": 20, "MasterUsername": "squall", "MasterUserPassword": PASSWORD, **more}
    return client.create_db_instance(**{name: value for name, value in request.items() if value is not None})["DBInstance"]


def describe(client: Any, identifier: str) -> dict[str, Any]:
    return client.describe_db_instances(DBInstanceIdentifier=identifier)["DBInstances"][0]


def walk(client: Any, identifier: str, until: str, timeout_s: float = 10) -> list[dict[str, Any]]:
    """One description per state, up to and with `until`."""
    seen: list[dict[str, Any]] = []
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        instance = describe(client, identifier)
        if not seen or seen[-1]["DBInstanceStatus"] != instance["DBInstanceStatus"]:
            seen.append(instance)
        if instance["DBInstanceStatus"] == until:
            return seen
        time.sleep(0.03)
    raise AssertionError(f"{identifier} never became {until}: {[item['DBInstanceStatus'] for item in seen]}")


def available(aws: LocalCloud, identifier: str, **more: Any) -> Any:
    client = aws.rds.client()
    create(client, identifier, **more)
    aws.rds.control(finish=identifier)
    return client


def code_of(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    response = error.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_creation_walks_through_the_states_and_shows_no_endpoint_before_the_end(aws, unique):
    client = aws.rds.client()
    created = create(client, unique(), EngineVersion="16", Tags=[{"Key": "squall.dev/uid", "Value": "a + b/é"}])
    assert created["DBInstanceStatus"] == "creating"
    assert created["PendingModifiedValues"] == {"MasterUserPassword": "****"}
    states = walk(client, unique(), "available")
    assert [item["DBInstanceStatus"] for item in states] == ["creating", "backing-up", "available"]
    assert ["Endpoint" in item for item in states] == [False, False, True]
    last = states[-1]
    assert last["Endpoint"]["Port"] == 5432
    assert last["EngineVersion"].startswith("16.")
    assert last["TagList"] == [{"Key": "squall.dev/uid", "Value": "a + b/é"}]
    assert last["DbiResourceId"] == created["DbiResourceId"]


@pytest.mark.parametrize("engine, password, fine", [
    ("postgres", "short-7", False), ("postgres", "eight-88", True), ("postgres", "p" * 128, True),
    ("postgres", "p" * 129, False), ("mysql", "p" * 41, True), ("mysql", "p" * 42, False),
    ("mariadb", "p" * 42, False), ("postgres", "with/slash", False), ("postgres", 'with"quote', False),
    ("postgres", "with@sign", False), ("postgres", "with space", False), ("postgres", "häslich-enough", False),
    ("postgres", "all!#$%&'()*+,-.:;<=>?[]^_`{|}~", True),
])
def test_password_rules(aws, engine, password, fine):
    client = aws.rds.client()
    identifier = f"pw-{zlib.crc32(f'{engine} {password}'.encode())}"
    if fine:
        assert create(client, identifier, Engine=engine, MasterUserPassword=password)["DBInstanceStatus"] == "creating"
        return
    with pytest.raises(ClientError) as error:
        create(client, identifier, Engine=engine, MasterUserPassword=password)
    assert code_of(error) == ("InvalidParameterValue", 400)
    assert password not in str(error.value)


@pytest.mark.parametrize("changes, code", [
    ({"DBInstanceIdentifier": "1st"}, "InvalidParameterValue"), ({"DBInstanceIdentifier": "a--b"}, "InvalidParameterValue"),
    ({"DBInstanceIdentifier": "a-"}, "InvalidParameterValue"), ({"DBInstanceIdentifier": "a" * 64}, "InvalidParameterValue"),
    ({"DBInstanceIdentifier": "a_b"}, "InvalidParameterValue"), ({"Engine": "postgre"}, "InvalidParameterValue"),
    ({"DBInstanceClass": "t4g.micro"}, "InvalidParameterValue"), ({"AllocatedStorage": 1}, "InvalidParameterValue"),
    ({"MasterUsername": "admin"}, "InvalidParameterValue"), ({"MasterUserPassword": None}, "InvalidParameterValue"),
    ({"DBName": "with-hyphen"}, "InvalidParameterValue"), ({"BackupRetentionPeriod": 36}, "InvalidParameterValue"),
    ({"ManageMasterUserPassword": True}, "InvalidParameterCombination"),
])
def test_bad_creations_are_refused_as_aws_does(aws, unique, changes, code):
    with pytest.raises(ClientError) as error:
        create(aws.rds.client(), unique(), **changes)
    assert code_of(error) == (code, 400)


def test_the_same_name_again_is_refused_whatever_its_case(aws, unique):
    client = aws.rds.client()
    create(client, unique().title())
    with pytest.raises(ClientError) as error:
        create(client, unique())
    assert code_of(error) == ("DBInstanceAlreadyExists", 400)


def test_an_unknown_instance(aws):
    with pytest.raises(ClientError) as error:
        describe(aws.rds.client(), "nobody")
    assert code_of(error) == ("DBInstanceNotFound", 404)


def test_deletion_takes_its_time_and_ends_in_not_found(aws, unique):
    client = available(aws, unique())
    deleted = client.delete_db_instance(DBInstanceIdentifier=unique(), FinalDBSnapshotIdentifier=unique("final-"))
    assert deleted["DBInstance"]["DBInstanceStatus"] == "deleting"
    assert describe(client, unique())["DBInstanceStatus"] == "deleting"
    with pytest.raises(ClientError) as error:
        client.delete_db_instance(DBInstanceIdentifier=unique(), SkipFinalSnapshot=True)
    assert code_of(error) == ("InvalidDBInstanceState", 400)
    time.sleep(0.6)
    with pytest.raises(ClientError) as error:
        describe(client, unique())
    assert code_of(error) == ("DBInstanceNotFound", 404)
    snapshots = client.describe_db_snapshots(DBSnapshotIdentifier=unique("final-"))["DBSnapshots"]
    assert [item["DBInstanceIdentifier"] for item in snapshots] == [unique()]


def test_deletion_is_refused_while_creating(aws, unique):
    client = aws.rds.client()
    create(client, unique())
    with pytest.raises(ClientError) as error:
        client.delete_db_instance(DBInstanceIdentifier=unique(), SkipFinalSnapshot=True)
    assert code_of(error) == ("InvalidDBInstanceState", 400)


def test_deletion_needs_a_word_on_the_final_snapshot(aws, unique):
    client = available(aws, unique())
    for arguments in ({}, {"SkipFinalSnapshot": True, "FinalDBSnapshotIdentifier": "x"}):
        with pytest.raises(ClientError) as error:
            client.delete_db_instance(DBInstanceIdentifier=unique(), **arguments)
        assert code_of(error) == ("InvalidParameterCombination", 400)


def test_deletion_protection_holds_until_it_is_lifted(aws, unique):
    client = available(aws, unique(), DeletionProtection=True)
    with pytest.raises(ClientError) as error:
        client.delete_db_instance(DBInstanceIdentifier=unique(), SkipFinalSnapshot=True)
    assert code_of(error) == ("InvalidParameterCombination", 400)
    client.modify_db_instance(DBInstanceIdentifier=unique(), DeletionProtection=False, ApplyImmediately=True)
    deleted = client.delete_db_instance(DBInstanceIdentifier=unique(), SkipFinalSnapshot=True)
    assert deleted["DBInstance"]["DBInstanceStatus"] == "deleting"


def test_a_change_is_pending_then_modifying_then_there(aws, unique):
    client = available(aws, unique())
    changed = client.modify_db_instance(DBInstanceIdentifier=unique(), AllocatedStorage=50, ApplyImmediately=True)
    assert changed["DBInstance"]["DBInstanceStatus"] == "available"  # AWS needs a moment to get going
    assert changed["DBInstance"]["PendingModifiedValues"] == {"AllocatedStorage": 50}
    assert walk(client, unique(), "modifying")[-1]["AllocatedStorage"] == 20
    with pytest.raises(ClientError) as error:
        client.modify_db_instance(DBInstanceIdentifier=unique(), AllocatedStorage=60, ApplyImmediately=True)
    assert code_of(error) == ("InvalidDBInstanceState", 400)
    done = walk(client, unique(), "available")[-1]
    assert done["AllocatedStorage"] == 50
    assert not done.get("PendingModifiedValues")


def test_a_change_without_apply_immediately_waits_for_the_maintenance_window(aws, unique):
    client = available(aws, unique())
    client.modify_db_instance(DBInstanceIdentifier=unique(), DBInstanceClass="db.t4g.large")
    time.sleep(0.7)
    waiting = describe(client, unique())
    assert (waiting["DBInstanceStatus"], waiting["DBInstanceClass"]) == ("available", "db.t4g.micro")
    assert waiting["PendingModifiedValues"] == {"DBInstanceClass": "db.t4g.large"}
    aws.rds.control(maintenance=unique())
    walk(client, unique(), "modifying")
    assert walk(client, unique(), "available")[-1]["DBInstanceClass"] == "db.t4g.large"


def test_a_new_password_shows_as_resetting_credentials(aws, unique):
    client = available(aws, unique())
    client.modify_db_instance(DBInstanceIdentifier=unique(), MasterUserPassword="Another-0ne-entirely")
    walk(client, unique(), "resetting-master-credentials")
    walk(client, unique(), "available")


@pytest.mark.parametrize("change", [{"AllocatedStorage": 10}, {"EngineVersion": "15"}, {"EngineVersion": "17"}])
def test_storage_never_shrinks_and_versions_only_move_as_asked(aws, unique, change):
    identifier = unique() + str(list(change.values())[0])
    client = available(aws, identifier, EngineVersion="16")
    with pytest.raises(ClientError) as error:
        client.modify_db_instance(DBInstanceIdentifier=identifier, ApplyImmediately=True, **change)
    assert code_of(error) == ("InvalidParameterCombination", 400)


@pytest.mark.parametrize("options, code", [
    ({"aws_secret_access_key": "wrong"}, "SignatureDoesNotMatch"),
    ({"aws_access_key_id": "AKIASTRANGER"}, "InvalidClientTokenId"),
    ({"aws_session_token": "stale"}, "InvalidClientTokenId"),
])
def test_bad_credentials(aws, options, code):
    with pytest.raises(ClientError) as error:
        aws.rds.client(**options).describe_db_instances()
    assert code_of(error) == (code, 403)


def test_a_clock_that_is_off(aws):
    aws.rds.control(clock_skew_s=600)
    try:
        with pytest.raises(ClientError) as error:
            aws.rds.client(config=ONCE).describe_db_instances()
        assert code_of(error) == ("SignatureDoesNotMatch", 403)
        assert "Signature expired" in str(error.value)
    finally:
        aws.rds.control(clock_skew_s=0)


def test_an_assumed_role_works_until_its_token_expires(aws):
    sts = aws.rds.client("sts")
    issued = sts.assume_role(RoleArn="arn:aws:iam::123456789012:role/squall", RoleSessionName="test")["Credentials"]
    client = aws.rds.client(aws_access_key_id=issued["AccessKeyId"], aws_secret_access_key=issued["SecretAccessKey"],
                            aws_session_token=issued["SessionToken"])
    assert client.describe_db_instances()["ResponseMetadata"]["HTTPStatusCode"] == 200
    aws.rds.control(expire_tokens=True)
    with pytest.raises(ClientError) as error:
        client.describe_db_instances()
    assert code_of(error) == ("ExpiredToken", 403)


def test_a_lost_reply_leaves_the_instance_behind(aws, unique):
    aws.rds.fault({"action": "CreateDBInstance", "identifier": unique()}, "drop_after")
    client = aws.rds.client(config=ONCE)
    with pytest.raises(ConnectionClosedError):
        create(client, unique())
    with pytest.raises(ClientError) as error:
        create(client, unique())
    assert code_of(error) == ("DBInstanceAlreadyExists", 400)


@pytest.mark.parametrize("code, status", [("Throttling", 400), ("AccessDenied", 403), ("ServiceUnavailable", 503)])
def test_faults_hit_as_often_as_asked_and_have_no_effect(aws, unique, code, status):
    identifier = unique() + code
    client = aws.rds.client(config=ONCE)
    aws.rds.fault({"action": "CreateDBInstance", "identifier": identifier}, count=2, code=code)
    for _ in range(2):
        with pytest.raises(ClientError) as error:
            create(client, identifier)
        assert code_of(error) == (code, status)
    assert create(client, identifier)["DBInstanceStatus"] == "creating"


def test_boto_retries_through_a_throttle_and_the_log_shows_the_attempts(aws):
    mark = (aws.rds.calls() or [{"n": 0}])[-1]["n"]
    aws.rds.fault({"action": "DescribeDBInstances"}, code="Throttling")
    aws.rds.client().describe_db_instances()
    calls = aws.rds.calls(since=mark, action="DescribeDBInstances")
    assert [(call["status"], call["code"]) for call in calls] == [(400, "Throttling"), (200, None)]
    assert "attempt=2" in calls[1]["attempt"]
    assert calls[0]["invocation"] == calls[1]["invocation"]


def test_the_log_never_holds_a_password(aws, unique):
    available(aws, unique())
    calls = aws.rds.calls(action="CreateDBInstance", identifier=unique())
    assert calls[0]["params"]["MasterUserPassword"] == "****"
    assert PASSWORD not in str(aws.rds.calls())


def test_instances_survive_restarts_of_moto_and_of_the_proxy(aws, unique):
    client = available(aws, unique())
    before = describe(client, unique())
    aws.moto.restart()
    aws.rds.restart()
    after = describe(client, unique())
    assert (after["DbiResourceId"], after["DBInstanceStatus"]) == (before["DbiResourceId"], "available")


def test_a_status_can_be_pinned(aws, unique):
    client = available(aws, unique())
    aws.rds.control(status={unique(): "incompatible-network"})
    assert describe(client, unique())["DBInstanceStatus"] == "incompatible-network"
    aws.rds.control(status={unique(): None})
    assert describe(client, unique())["DBInstanceStatus"] == "available"
