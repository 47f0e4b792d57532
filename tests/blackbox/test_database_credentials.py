"""Who keeps the credentials of a Database resource: each mode, with logins at a real PostgreSQL behind the RDS stand-in."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest
from databases import CONFIG, Scenarios, Space, World, rest, world

import local_postgres

scenario = Scenarios()


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    if local_postgres.find_program("initdb") is None:
        pytest.skip("PostgreSQL is not installed; `make servers` installs it")
    directory = tmp_path_factory.mktemp("credentials")
    with local_postgres.Postgres(directory) as postgres, world(directory, config=CONFIG) as made:
        made.cloud.rds.control(postgres=postgres.login(postgres.superuser, postgres.password))
        status, answer = made.cloud.vault.request("POST", "sys/mounts/database", {"type": "database"})
        assert status in (200, 204), answer
        made.postgres = postgres  # type: ignore[attr-defined]
        yield made


@pytest.fixture(scope="module")
def running(inside: World, request: pytest.FixtureRequest) -> Iterator[dict[str, Future[None]]]:
    with scenario.side_by_side(inside, request) as started:
        yield started


# All instances are one PostgreSQL, so each has a master user and a database of its own name.
def create(space: Space, credentials: dict[str, Any], **spec: Any) -> str:
    word = space.name.replace("-", "_")
    space.apply(credentials=credentials, databaseName=word, parameters={"MasterUsername": "m_" + word}, **spec)
    return str(space.ready()["status"]["identifier"])


def sql(space: Space, user: str, password: str, text: str) -> str:
    postgres = space.world.postgres  # type: ignore[attr-defined]
    return local_postgres.run_sql(postgres.login(user, password, space.name.replace("-", "_")), text)


def can_log_in(space: Space, user: str, password: str) -> bool:
    try:
        return sql(space, user, password, "SELECT 1") == "1"
    except local_postgres.SqlError:
        return False


def roles(space: Space, pattern: str) -> list[str]:
    return space.world.postgres.sql(f"SELECT rolname FROM pg_roles WHERE rolname LIKE '{pattern}'").split()  # type: ignore[attr-defined]


def members(space: Space, name: str) -> dict[str, str]:
    text = space.kubectl("get", "secret", name, "-o", "json", "--ignore-not-found")
    return {k: base64.b64decode(v).decode() for k, v in json.loads(text)["data"].items()} if text.strip() else {}


def vault(space: Space, path: str) -> dict[str, Any]:
    status, body = space.vault("GET", path)
    return dict(body["data"], lease=body.get("lease_id")) if status == 200 else {}


@scenario
def kv(space: Space) -> None:
    """The password in Vault's KV engine is the one that the database takes, also after a rotation."""
    create(space, {"mode": "VaultKV"})
    first = space.secret()
    assert can_log_in(space, first["username"], first["password"])
    space.annotate("squall.dev/rotate=1")
    space.until("it is rotated", lambda: space.secret()["password"] != first["password"])
    assert can_log_in(space, first["username"], space.secret()["password"]) and not can_log_in(space, first["username"], first["password"])


@scenario
def vault_static(space: Space) -> None:
    """Vault keeps one user for the application; squall never connects to the database, and nobody keeps the master password."""
    identifier = create(space, {"mode": "VaultStatic", "rotation": {"every": "1h"}}, publish={"secret": {"name": "app"}})
    document = space.read()
    path = f"database/static-creds/{identifier}-app"
    told = document["status"]["credentials"]
    assert (told["vaultPath"], told["role"], told["mode"]) == (path, identifier + "-app", "VaultStatic")
    assert space.keys()["vault_path"] == path and members(space, "app")["vault_path"] == path
    login = vault(space, path)
    assert login["username"] == told["username"] and login["rotation_period"] == 3600
    assert sql(space, login["username"], login["password"], "CREATE TABLE t (i int); INSERT INTO t VALUES (1); SELECT count(*) FROM t") == "1"
    # What applications find beside it has no password in it; the master's was changed by Vault.
    assert "password" not in space.secret() and space.secret()["credentials_path"] == path
    master = space.secret(suffix="/master")
    assert master["username"].startswith("m_") and not can_log_in(space, master["username"], master["password"])
    # Another round changes nothing: the dead password is not given to Vault again (hashicorp/terraform-provider-vault#1041).
    space.patch({"backup": {"retentionDays": 3}})
    space.ready()
    assert space.find_work() == []
    space.annotate("squall.dev/rotate=now")
    space.until("Vault has made another password", lambda: vault(space, path)["password"] != login["password"])
    document = space.until("it is told", lambda: (d := space.ready())["status"]["credentials"].get("rotationRequest") == "now" and d)
    assert "Rotated" in space.events() and document["status"]["credentials"]["lastRotated"]
    assert can_log_in(space, login["username"], vault(space, path)["password"])
    # The role goes by hand, then the config, whose password nobody else knows: both come back.
    space.vault("DELETE", f"database/static-roles/{identifier}-app")
    assert "role" in space.until("drift is found", space.find_work)[0]["why"]
    space.until("the role is back", lambda: vault(space, path) and not space.find_work())
    space.vault("DELETE", f"database/config/{identifier}")
    assert "config" in space.until("drift is found", space.find_work)[0]["why"]
    space.until("the config is back", lambda: vault(space, f"database/config/{identifier}") and not space.find_work())
    login = vault(space, path)
    assert sql(space, login["username"], login["password"], "SELECT i FROM t") == "1"
    space.delete()
    space.gone()
    assert not vault(space, f"database/config/{identifier}") and not vault(space, path)
    assert space.secret() is None and space.secret(suffix="/master") is None


@scenario
def vault_dynamic(space: Space) -> None:
    """A user for each login, gone when its lease is; what it made stays, and belongs to all."""
    identifier = create(space, {"mode": "VaultDynamic", "ttl": "10m"})
    path = f"database/creds/{identifier}-app"
    assert space.read()["status"]["credentials"]["vaultPath"] == path
    one, other = vault(space, path), vault(space, path)
    assert one["username"] != other["username"]
    sql(space, one["username"], one["password"], "CREATE TABLE t (i int); INSERT INTO t VALUES (1)")
    assert sql(space, other["username"], other["password"], "INSERT INTO t VALUES (2); SELECT count(*) FROM t") == "2"
    reader = vault(space, f"database/creds/{identifier}-readonly")
    assert sql(space, reader["username"], reader["password"], "SELECT count(*) FROM t") == "2"
    with pytest.raises(local_postgres.SqlError, match="permission denied"):
        sql(space, reader["username"], reader["password"], "INSERT INTO t VALUES (3)")
    status, _ = space.vault("PUT", "sys/leases/revoke", {"lease_id": one["lease"]})
    assert status in (200, 204) and not can_log_in(space, one["username"], one["password"])
    assert sql(space, other["username"], other["password"], "SELECT count(*) FROM t") == "2"
    calls = len(space.calls("DeleteDBInstance", identifier))
    assert calls == 0 and roles(space, other["username"])
    space.delete()
    space.gone()
    assert not roles(space, other["username"]) and not roles(space, reader["username"]), "logins were left in the database"
    assert not vault(space, f"database/config/{identifier}")


@scenario
def vault_cannot_connect(space: Space) -> None:
    """The database is up and Vault cannot reach it: that is said in words, and no endpoint is told."""
    good = space.world.postgres.port  # type: ignore[attr-defined]
    space.cloud.rds.control(endpoint={space.name + "-*": "127.0.0.1:1"})
    space.apply(credentials={"mode": "VaultDynamic"}, databaseName="lonely", parameters={"MasterUsername": "m_lonely"})
    document = space.reason("VaultCannotConnect", "CredentialsPublished")
    assert "Vault cannot log in at 127.0.0.1:1" in space.condition("Ready", document=document)["message"]
    assert "security groups" in space.condition("Ready", document=document)["message"]
    assert space.keys() == {} and space.service() == []
    space.cloud.rds.control(endpoint={space.name + "-*": f"127.0.0.1:{good}"})
    space.ready()
    assert space.keys()["port"] == str(good)


@scenario
def secret_only(space: Space) -> None:
    """No Vault at all: the Secret keeps the password; a rotation and a Secret that was lost are no different from Vault's."""
    create(space, {"mode": "SecretOnly"}, publish={"secret": {"name": "mine"}})
    first = members(space, "mine")
    assert can_log_in(space, first["username"], first["password"]) and first["type"] == "postgresql"
    assert space.secret() is None and space.status("secretRef") == {"name": "mine"}
    assert space.find_work() == []
    space.annotate("squall.dev/rotate=1")
    space.until("it is rotated", lambda: members(space, "mine")["password"] != first["password"])
    space.ready()
    assert can_log_in(space, first["username"], members(space, "mine")["password"]) and members(space, "mine-pending") == {}
    # Another name takes the password along.
    kept = members(space, "mine")
    space.patch({"publish": {"secret": {"name": "yours"}}})
    space.ready()
    assert members(space, "yours")["password"] == kept["password"] and members(space, "mine") == {}
    space.kubectl("delete", "secret", "yours")
    assert "Secret" in space.until("drift is found", space.find_work)[0]["why"]
    space.until("it is back", lambda: members(space, "yours") and not space.find_work())
    again = members(space, "yours")
    assert again["password"] != kept["password"] and can_log_in(space, again["username"], again["password"])
    text = space.squall.log.read_text() + str(space.squall.get("/executions?limit=-1"))
    assert again["password"] not in text and first["password"] not in text
    space.delete()
    space.gone()
    assert members(space, "yours") == {}


@scenario
def aws_managed(space: Space) -> None:
    """RDS makes the password; what is published says where it is and has none. Neither Vault nor squall ever knows it."""
    identifier = create(space, {"mode": "AWSManaged"}, publish={"secret": {"name": "app"}})
    arn = space.instance(identifier)["MasterUserSecret"]["SecretArn"]
    assert space.status("credentials")["secretArn"] == arn and space.secret() is None
    assert space.keys()["secret_arn"] == arn and json.loads(space.keys()["config"])["secret_arn"] == arn
    shown = members(space, "app")
    assert shown["secret_arn"] == arn and shown["username"] == space.instance(identifier)["MasterUsername"] and "password" not in shown
    [call] = space.calls("CreateDBInstance", identifier)
    assert "ManageMasterUserPassword" in call["params"] and "MasterUserPassword" not in call["params"]
    assert space.find_work() == []
    space.annotate("squall.dev/rotate=1")
    space.until("it is rotated", lambda: space.status("credentials").get("rotationRequest") == "1")
    assert ["RotateMasterUserPassword" in c["params"] for c in space.calls("ModifyDBInstance", identifier)] == [True]
    assert "Rotated" in space.events() and space.find_work() == []
    space.rds.modify_db_instance(DBInstanceIdentifier=identifier, ManageMasterUserPassword=False, MasterUserPassword="by-hand-by-hand")
    assert "master user secret" in space.until("drift is found", space.find_work)[0]["why"]
    space.until("AWS has it again", lambda: space.instance(identifier).get("MasterUserSecret") and not space.find_work())
    space.ready()
    assert space.keys()["secret_arn"] == space.instance(identifier)["MasterUserSecret"]["SecretArn"]


@scenario
def neither_vault_nor_consul(space: Space) -> None:
    """With SecretOnly and Consul off, squall asks neither: there need not be any."""
    if space.cloud.vault.kind == "simulator":
        space.cloud.vault.fault({"path": f"*{space.name}*"}, "error", count=1000, status=500)
    create(space, {"mode": "SecretOnly"}, publish={"consul": {"kv": False, "service": False}})
    document = space.read()
    assert "consul" not in document["status"] and space.condition("EndpointPublished", document=document)["status"] == "True"
    chain = space.squall.get(f"/executions/{document['status']['execution']['id']}")
    results = {task["name"]: task["result"] for task in chain["result"]["tasks"]}
    assert results["endpoint"] == {"asked": False} and results["credentials"]["place"] == f"the Secret {space.name}/db-db"
    assert can_log_in(space, members(space, "db-db")["username"], members(space, "db-db")["password"])
    # Switched on, it is there; switched off again, it goes.
    space.patch({"publish": {"consul": {"kv": True, "service": True}}})
    space.ready()
    assert space.keys()["host"] and space.service()
    space.patch({"publish": {"consul": {"kv": False, "service": False}}})
    space.ready()
    assert space.keys() == {} and space.service() == []
    space.delete()
    space.gone()


@scenario
def password_from(space: Space) -> None:
    """A password that somebody else chose: missing, unusable, changed."""
    word = space.name.replace("-", "_")
    space.apply(credentials={"passwordFrom": {"secretKeyRef": {"name": "chosen", "key": "word"}}}, databaseName=word,
                parameters={"MasterUsername": "m_" + word})
    document = space.reason("ReferenceNotFound")
    assert f"there is no Secret {space.name}/chosen" in space.condition("Ready", document=document)["message"]
    space.kubectl("create", "secret", "generic", "chosen", "--from-literal=word=chosen-by-me-1\n")
    document = space.reason("PasswordUnusable")
    assert "a line end" in space.condition("Ready", document=document)["message"]

    def choose(password: str) -> None:
        space.kubectl("patch", "secret", "chosen", "--type=merge", "-p", json.dumps({"stringData": {"word": password}}))
    choose("chosen-by-me-1")
    space.ready()
    assert space.secret()["password"] == "chosen-by-me-1" and can_log_in(space, "m_" + word, "chosen-by-me-1")
    assert space.find_work() == []
    choose("chosen-by-me-2")
    assert "passwordFrom" in space.until("the change is found", space.find_work)[0]["why"]
    space.until("it is carried out", lambda: space.secret()["password"] == "chosen-by-me-2" and not space.find_work())
    assert can_log_in(space, "m_" + word, "chosen-by-me-2") and not can_log_in(space, "m_" + word, "chosen-by-me-1")
    text = space.squall.log.read_text() + str(space.squall.get("/executions?limit=-1"))
    assert "chosen-by-me" not in text


@scenario
def restored(space: Space) -> None:
    """From a snapshot: the old master user with a new password, and what the spec says besides."""
    identifier = create(space, {"mode": "VaultKV"}, deletionPolicy="Snapshot")
    old = space.secret()
    space.rds.create_db_snapshot(DBInstanceIdentifier=identifier, DBSnapshotIdentifier=f"{space.name}-kept")
    space.apply("again", restoreFrom={"snapshot": f"{space.name}-kept"}, backup={"retentionDays": 5})
    document = space.ready("again")
    again = document["status"]["identifier"]
    assert space.calls("CreateDBInstance", again) == [] and len(space.calls("RestoreDBInstanceFromDBSnapshot", again)) == 1
    stored = space.secret("again")
    assert stored["username"] == old["username"] and stored["dbname"] == old["dbname"] and stored["password"] != old["password"]
    assert can_log_in(space, stored["username"], stored["password"])
    assert space.instance(again)["BackupRetentionPeriod"] == 5
    assert space.tags(space.instance(again))["squall.dev/uid"] == document["metadata"]["uid"]
    assert space.find_work() == []
    space.apply("nothing", restoreFrom={"snapshot": "not-there"})
    found = space.reason("ReferenceNotFound", name="nothing")
    assert "there is no DB snapshot not-there" in space.condition("Ready", document=found)["message"]
    space.apply("other", engine="mysql", restoreFrom={"snapshot": f"{space.name}-kept"})
    found = space.reason("InvalidSpec", name="other")
    assert "is of postgres, and spec.engine is mysql" in space.condition("Ready", document=found)["message"]


@scenario
def provider(space: Space) -> None:
    """Another region of the platform; a look at all asks each region once."""
    identifier = create(space, {"mode": "VaultKV"}, providerRef={"name": "west"})
    west = space.cloud.rds.client("rds", region_name="us-west-2")
    assert [d["DBInstanceIdentifier"] for d in west.describe_db_instances()["DBInstances"]] == [identifier]
    assert space.instance(identifier) is None, "it is in the usual region, too"
    west.modify_db_instance(DBInstanceIdentifier=identifier, DeletionProtection=True)
    assert "DeletionProtection" in space.until("drift is found in the west", space.find_work)[0]["why"]
    space.until("it is corrected", lambda: not west.describe_db_instances()["DBInstances"][0]["DeletionProtection"] and not space.find_work())
    space.apply("lost", providerRef={"name": "moon"})
    found = space.reason("InvalidSpec", name="lost")
    assert "'moon' is not one of the providers of this platform (west)" in space.condition("Ready", document=found)["message"]
    space.delete()
    space.gone()
    assert west.describe_db_instances()["DBInstances"] == []


@scenario
def no_engine(space: Space) -> None:
    """What is not there in Vault is named, with the command that makes it."""
    space.apply("kv", publish={"vault": {"mount": "absent"}})
    document = space.reason("VaultRefused", name="kv")
    assert "vault secrets enable -path=absent kv-v2" in space.condition("Ready", document=document)["message"]


@pytest.mark.parametrize("name", list(scenario.known))
def test_credentials(name: str, running: dict[str, Future[None]]) -> None:
    running[name].result()


def test_squall_killed_while_vault_takes_over(inside: World, running: dict[str, Future[None]]) -> None:
    """Killed at any moment of the creation: one instance, and a login that works."""
    rest(running)
    space = inside.space("killed")
    space.apply(credentials={"mode": "VaultStatic"}, databaseName="killed", parameters={"MasterUsername": "m_killed"})
    for pause in (0.1, 0.3, 0.2, 0.9, 0.6, 0.15, 0.25, 0.35):
        time.sleep(pause)
        inside.squall.kill()
        inside.squall.start()
    identifier = str(space.ready()["status"]["identifier"])
    assert len([c for c in space.calls("CreateDBInstance", identifier) if c["code"] is None]) == 1
    login = vault(space, f"database/static-creds/{identifier}-app")
    assert can_log_in(space, login["username"], login["password"])
    assert space.find_work() == []
    space.annotate("squall.dev/rotate=1")
    for pause in (0.2, 0.3, 0.1):
        time.sleep(pause)
        inside.squall.kill()
        inside.squall.start()
    space.until("Vault has made another password", lambda: vault(space, f"database/static-creds/{identifier}-app")["password"] != login["password"])
    space.ready()
    space.delete()
    for pause in (0.2, 0.4):
        time.sleep(pause)
        inside.squall.kill()
        inside.squall.start()
    space.gone()
    assert not vault(space, f"database/config/{identifier}") and space.secret(suffix="/master") is None
    assert roles(space, "v-token%killed%") == []
