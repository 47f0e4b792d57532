"""Trouble in the clouds, seen from a chain: it goes on by itself once the trouble ends, and nothing is made twice or touched that is not ours."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from squall_server import Squall, write_pack

import local_cloud
import servers

Json = Any
JOB = """name: job
runner_type: action-chain
entry_point: chains/job.yaml
enabled: true
parameters:
  name: {type: string, required: true}
  uid: {type: string, required: true}
"""
CHAIN = """chain:
- name: password
  ref: vault.kv_generate
  parameters: {path: "jobs/{{name}}", data: {uid: "{{uid}}"}}
  on-success: create
- name: create
  ref: aws.rds_create_db_instance
  parameters:
    db_instance_identifier: "{{name}}"
    db_instance_class: db.t4g.small
    engine: postgres
    allocated_storage: 20
    master_username: dbadmin
    master_user_password: "{{password.reference}}"
    tags: {squall.dev/uid: "{{uid}}"}
  on-success: wait
- name: wait
  ref: aws.rds_wait_db_instance
  parameters: {db_instance_identifier: "{{name}}", poll_interval: 1}
  on-success: endpoint
- name: endpoint
  ref: consul.kv_put_tree
  parameters: {prefix: "jobs/{{name}}", values: {uid: "{{uid}}", host: "{{wait.endpoint.address}}"}, owner_uid: "{{uid}}"}
  on-success: credentials
- name: credentials
  ref: vault.kv_put
  parameters: {path: "jobs/{{name}}", merge: true, data: {host: "{{wait.endpoint.address}}"}}
"""


class Cloud:
    """AWS (moto behind the proxy), Consul (real if there) and the Vault simulator, which can be sealed."""

    def __init__(self, directory: Path) -> None:
        times = {"create_s": 0.8, "backup_s": 0.2, "modify_lag_s": 0.1, "modify_s": 0.3, "delete_s": 0.3}
        self.parts = local_cloud.LocalCloud(directory, ("aws", "consul"), rds_times=times)
        self.vault = local_cloud.Vault(directory, simulate=True)
        self.rds, self.consul = self.parts.rds, self.parts.consul

    def __enter__(self) -> Cloud:
        self.parts.start()
        self.vault.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.vault.stop()
        self.parts.stop()

    def env(self) -> dict[str, str]:
        return self.parts.env() | {"VAULT_ADDR": self.vault.url, "VAULT_ROLE_ID": self.vault.role_id, "VAULT_SECRET_ID": self.vault.secret_id}

    def instances(self) -> list[Json]:
        return list(self.rds.client("rds").describe_db_instances()["DBInstances"])

    def secret(self, path: str) -> Json:
        status, body = self.vault.request("GET", f"secret/data/{path}")
        return body["data"]["data"] if status == 200 else None

    def key(self, path: str) -> str:
        return local_cloud.call("GET", f"{self.consul.url}/v1/kv/{path}?raw")[1].decode()


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    if servers.find("moto_server") is None:
        pytest.skip("moto is not installed; `make servers` installs it")
    with Cloud(tmp_path_factory.mktemp("cloud")) as made:
        yield made


@pytest.fixture
def squall(cloud: Cloud, make_squall: Callable[..., Squall], tmp_path: Path) -> Iterator[Squall]:
    packs = write_pack(tmp_path / "packs", "clouds", {"actions/job.yaml": JOB, "actions/chains/job.yaml": CHAIN})
    made = make_squall([packs], env=cloud.env())
    yield made
    # Whatever happened, no password is in anything that squall keeps or says.
    made.kill()
    text = b"".join(file.read_bytes() for file in made.data.iterdir() if file.is_file()) + made.log.read_bytes()
    for name in cloud.vault.request("LIST", "secret/metadata/jobs")[1].get("data", {"keys": []})["keys"]:
        if found := cloud.secret(f"jobs/{name}"):
            assert found["password"].encode() not in text


def task_states(squall: Squall, chain: str) -> dict[str, str]:
    children = squall.get(f"/executions?parent={chain}&limit=-1")
    return {child["context"]["chain"]["name"]: child["status"] for child in children}


def running(squall: Squall, chain: str, task: str) -> None:
    squall.until(f"{task} runs", lambda: task_states(squall, chain).get(task) == "running")


def waits(squall: Squall, what: str) -> None:
    squall.until("squall says that it waits", lambda: "waits until a service is back" in squall.log.read_text() and what in squall.log.read_text())


def check_done(cloud: Cloud, squall: Squall, chain: str, name: str) -> None:
    ended = squall.finished(chain, 60)
    assert ended["status"] == "succeeded", ended["result"]
    assert [i["DBInstanceIdentifier"] for i in cloud.instances()].count(name) == 1
    assert cloud.secret(f"jobs/{name}")["host"] == cloud.key(f"jobs/{name}/host") != ""


def test_throttle(cloud: Cloud, squall: Squall) -> None:
    """AWS throttles longer than its own tools would try: the action waits, and one instance is made."""
    cloud.rds.forget_calls()
    cloud.rds.fault({"action": "CreateDBInstance"}, "error", count=3, code="Throttling")
    cloud.rds.fault({"action": "DescribeDBInstances"}, "error", count=3, code="Throttling")
    chain = squall.run("clouds.job", {"name": "throttled", "uid": "u-throttled"})
    check_done(cloud, squall, chain, "throttled")
    creates = cloud.rds.calls(action="CreateDBInstance")
    assert [call["status"] for call in creates].count(200) == 1 and len(creates) == 4
    assert "ThrottlingException" in squall.log.read_text() or "Throttling" in squall.log.read_text()


def test_lost_reply(cloud: Cloud, squall: Squall) -> None:
    """The instance is made, the reply never comes: it is found by its tag, and no second one is made."""
    cloud.rds.forget_calls()
    cloud.rds.fault({"action": "CreateDBInstance"}, "drop_after", count=1)
    chain = squall.run("clouds.job", {"name": "lostreply", "uid": "u-lost"})
    check_done(cloud, squall, chain, "lostreply")
    created = cloud.rds.calls(action="CreateDBInstance")
    assert [call["code"] for call in created[1:]] == ["DBInstanceAlreadyExists"] * (len(created) - 1)


def test_name_taken(cloud: Cloud, squall: Squall) -> None:
    """An identifier of somebody else is not touched, by any action."""
    cloud.rds.client("rds").create_db_instance(DBInstanceIdentifier="theirs", DBInstanceClass="db.t4g.small", Engine="postgres",
                                               AllocatedStorage=20, MasterUsername="them", MasterUserPassword="theirs-alone-1")
    squall.until("theirs is up", lambda: any(i["DBInstanceIdentifier"] == "theirs" and i["DBInstanceStatus"] == "available" for i in cloud.instances()))
    cloud.rds.forget_calls()
    ended = squall.finished(squall.run("clouds.job", {"name": "theirs", "uid": "u-ours"}))
    assert ended["status"] == "failed"
    assert ended["result"]["tasks"][-1]["result"]["code"] == "NameTaken"
    ours = {"db_instance_identifier": "theirs", "owner_uid": "u-ours"}
    for action, more in (("rds_modify_db_instance", {"allocated_storage": 50}), ("rds_delete_db_instance", {"skip_final_snapshot": True}),
                         ("rds_create_db_snapshot", {"db_snapshot_identifier": "s-theirs"})):
        assert squall.result(f"aws.{action}", {**ours, **more})["result"]["code"] == "NameTaken", action
    assert {call["action"] for call in cloud.rds.calls()} <= {"DescribeDBInstances", "ListTagsForResource"}


def test_sealed(cloud: Cloud, squall: Squall) -> None:
    """Vault is sealed in mid-chain, and squall is killed while it waits: the chain goes on when Vault is unsealed."""
    chain = squall.run("clouds.job", {"name": "sealed", "uid": "u-sealed"})
    running(squall, chain, "wait")
    cloud.vault.control(seal=True)
    try:
        running(squall, chain, "credentials")
        waits(squall, "Vault is sealed")
        said = [child["result"] for child in squall.get(f"/executions?parent={chain}&limit=-1") if child["context"]["chain"]["name"] == "credentials"]
        assert "Vault is sealed" in said[0]["waiting"]
        squall.kill()
        squall.start()
        time.sleep(1)
        assert task_states(squall, chain)["credentials"] == "running"
    finally:
        cloud.vault.control(seal=False)
    check_done(cloud, squall, chain, "sealed")
    assert squall.result("vault.kv_get", {"path": "jobs/sealed", "unavailable_timeout": 0})["status"] == "succeeded"


def test_sealed_without_patience_fails_with_its_code(cloud: Cloud, squall: Squall) -> None:
    cloud.vault.control(seal=True)
    try:
        ended = squall.result("vault.kv_get", {"path": "jobs/x", "unavailable_timeout": 0})
    finally:
        cloud.vault.control(seal=False)
    assert (ended["status"], ended["result"]["code"], ended["result"]["http_status"]) == ("failed", "VaultSealed", 503)


def test_standby(cloud: Cloud, squall: Squall) -> None:
    """A standby that cannot answer is waited for."""
    cloud.vault.fault({"path": "secret/data/*"}, "error", count=2, status=473)
    assert squall.result("vault.kv_put", {"path": "standby", "data": {"k": "v"}})["status"] == "succeeded"
    assert cloud.secret("standby") == {"k": "v"}


def test_standby_that_knows_the_leader(cloud: Cloud, make_squall: Callable[..., Squall], tmp_path: Path) -> None:
    """It sends on to the leader, which gets the token too."""
    with local_cloud.Vault(tmp_path / "standby", simulate=True) as standby:
        standby.control(health="standby", leader=cloud.vault.url)
        squall = make_squall(env={"VAULT_ADDR": standby.url, "VAULT_TOKEN": cloud.vault.token})
        assert squall.result("vault.kv_put", {"path": "forwarded", "data": {"k": "v"}})["status"] == "succeeded"
    assert cloud.secret("forwarded") == {"k": "v"}


def test_consul_down(cloud: Cloud, squall: Squall) -> None:
    """Consul is stopped in mid-chain: what was done before is not done again, and the chain goes on when it is back."""
    cloud.rds.forget_calls()
    chain = squall.run("clouds.job", {"name": "consuldown", "uid": "u-consul"})
    running(squall, chain, "wait")
    cloud.consul.stop()
    try:
        running(squall, chain, "endpoint")
        waits(squall, "Consul at ")
    finally:
        cloud.consul.start()
    check_done(cloud, squall, chain, "consuldown")
    assert len(cloud.rds.calls(action="CreateDBInstance")) == 1


def test_token_expired(cloud: Cloud, make_squall: Callable[..., Squall], tmp_path: Path) -> None:
    """AWS's session token and Vault's token die in mid-chain: both are fetched anew and the chain goes on."""
    packs = write_pack(tmp_path / "packs", "clouds", {"actions/job.yaml": JOB, "actions/chains/job.yaml": CHAIN})
    config = tmp_path / "aws-config"
    config.write_text("[profile job]\nrole_arn = arn:aws:iam::123456789012:role/job\ncredential_source = Environment\n")
    squall = make_squall([packs], env=cloud.env() | {"AWS_CONFIG_FILE": str(config)}, start=False)
    squall.config("aws", "profile: job\n")
    squall.start()
    cloud.rds.forget_calls()
    chain = squall.run("clouds.job", {"name": "expired", "uid": "u-expired"})
    running(squall, chain, "wait")
    cloud.rds.control(expire_tokens=True)
    cloud.vault.control(revoke_tokens="auth/approle/login")
    check_done(cloud, squall, chain, "expired")
    assert cloud.rds.calls(code="ExpiredToken"), "the token was not refused, so nothing was tested"
    assert len(cloud.rds.calls(action="AssumeRole")) == 2


def test_many_waiters_share_one_look(cloud: Cloud, squall: Squall) -> None:
    """Databases that come up together are polled by one list, not one by one."""
    names = [f"many-{number}" for number in range(12)]
    client = cloud.rds.client("rds")
    for name in names:
        client.create_db_instance(DBInstanceIdentifier=name, DBInstanceClass="db.t4g.small", Engine="postgres", AllocatedStorage=20,
                                  MasterUsername="dbadmin", MasterUserPassword="many-many-1")
        cloud.rds.control(status={name: "creating"})
    cloud.rds.forget_calls()
    waiting = [squall.run("aws.rds_wait_db_instance", {"db_instance_identifier": name, "poll_interval": 2}) for name in names]
    time.sleep(6)
    polls = cloud.rds.calls(action="DescribeDBInstances")
    # 12 waiters that each look every 2 seconds would have asked about 40 times.
    assert len(polls) <= 12, polls
    for name in names:
        cloud.rds.control(status={name: None}, finish=name)
    for execution in waiting:
        assert squall.finished(execution, 60)["status"] == "succeeded"
