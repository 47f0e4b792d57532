"""The actions of the pack vault: secrets of both KV versions, logins, and the database engine on a real PostgreSQL."""

from __future__ import annotations

import base64
import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from squall_server import Squall

import local_cloud
from local_postgres import Postgres, find_program

Json = Any


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with local_cloud.Vault(tmp_path_factory.mktemp("vault"), simulate=True, mounts=("team/kv",)) as made:
        made.request("POST", "sys/mounts/old", {"type": "kv", "options": {"version": "1"}})
        yield made


@pytest.fixture
def squall(vault: Any, make_squall: Callable[..., Squall]) -> Squall:
    return make_squall(env={"VAULT_ADDR": vault.url, "VAULT_ROLE_ID": vault.role_id, "VAULT_SECRET_ID": vault.secret_id})


def good(squall: Squall, action: str, **parameters: Json) -> Json:
    ended = squall.result(f"vault.{action}", parameters)
    assert ended["status"] == "succeeded", f"{action}: {ended['result']}"
    return ended["result"]


def bad(squall: Squall, action: str, **parameters: Json) -> str:
    ended = squall.result(f"vault.{action}", parameters)
    assert ended["status"] == "failed", f"{action}: {ended['result']}"
    return str(ended["result"]["code"])


def test_versions_of_a_secret(vault: Any, squall: Squall) -> None:
    first = good(squall, "kv_generate", path="v/one", data={"uid": "u1"})
    assert (first["version"], first["created"]) == (1, True)
    assert good(squall, "kv_generate", path="v/one", data={"uid": "u1"})["created"] is False
    assert bad(squall, "kv_generate", path="v/one", data={"uid": "u2"}) == "NameTaken"
    second = good(squall, "kv_generate", path="v/one", replace_version=1)
    assert (second["version"], second["created"]) == (2, True)
    again = good(squall, "kv_generate", path="v/one", replace_version=1)
    assert (again["version"], again["created"]) == (2, False), "run again, it finds what the first run made"
    # Either version by its reference.
    good(squall, "kv_put", path="v/copy", data={"old": first["version_reference"], "new": second["reference"]})
    copy = vault.request("GET", "secret/data/v/copy")[1]["data"]["data"]
    stored = {n: vault.request("GET", f"secret/data/v/one?version={n}")[1]["data"]["data"]["password"] for n in (1, 2)}
    assert copy == {"old": stored[1], "new": stored[2]} and stored[1] != stored[2]


def test_check_and_set(squall: Squall) -> None:
    assert good(squall, "kv_put", path="v/cas", data={"k": "1"}, cas=0)["version"] == 1
    assert bad(squall, "kv_put", path="v/cas", data={"k": "2"}, cas=0) == "CheckAndSetMismatch"
    assert good(squall, "kv_put", path="v/cas", data={"k": "2"}, cas=1)["version"] == 2
    assert good(squall, "kv_put", path="v/cas", data={"k": "2"}, cas=1)["version"] == 2, "its own write, whose reply was lost"
    good(squall, "kv_metadata_put", path="v/cas", cas_required=True)
    assert bad(squall, "kv_put", path="v/cas", data={"k": "3"}) == "CheckAndSetRequired"


def test_a_lost_reply_of_a_write_is_not_a_conflict(vault: Any, squall: Squall) -> None:
    vault.fault({"path": "secret/data/v/lost", "method": "POST"}, "drop_after", count=1)
    assert good(squall, "kv_put", path="v/lost", data={"k": "1"}, cas=0)["version"] == 1


def test_soft_delete_undelete_destroy_and_metadata(vault: Any, squall: Squall) -> None:
    good(squall, "kv_put", path="v/soft", data={"k": "1"})
    good(squall, "kv_metadata_put", path="v/soft", custom_metadata={"state": "pending", "uid": "u1"})
    good(squall, "kv_metadata_put", path="v/soft", custom_metadata={"state": "current"}, merge=True)
    known = good(squall, "kv_metadata_get", path="v/soft")
    assert (known["current_version"], known["custom_metadata"]) == (1, {"state": "current", "uid": "u1"})
    assert bad(squall, "kv_delete", path="v/soft", owner_uid="u2") == "NameTaken"
    assert good(squall, "kv_delete", path="v/soft", owner_uid="u1")["deleted"] is True
    assert good(squall, "kv_delete", path="v/soft")["deleted"] is False
    assert bad(squall, "kv_get", path="v/soft") == "NotFound"
    assert good(squall, "kv_get", path="v/soft", missing_ok=True)["exists"] is False
    good(squall, "kv_undelete", path="v/soft")
    assert good(squall, "kv_get", path="v/soft")["keys"] == ["k"]
    good(squall, "kv_destroy", path="v/soft", versions=[1])
    assert vault.request("GET", "secret/metadata/v/soft")[1]["data"]["versions"]["1"]["destroyed"] is True
    assert good(squall, "kv_delete", path="v/soft", all_versions=True)["deleted"] is True
    assert good(squall, "kv_metadata_get", path="v/soft")["exists"] is False


def test_version_1_engines_and_mounts_with_slashes(vault: Any, squall: Squall) -> None:
    made = good(squall, "kv_generate", mount="old", path="db")
    assert good(squall, "kv_generate", mount="old", path="db")["created"] is False
    good(squall, "kv_put", mount="old", path="db", data={"host": "h"}, merge=True)
    assert sorted(vault.request("GET", "old/db")[1]["data"]) == ["host", "password"]
    assert bad(squall, "kv_metadata_get", mount="old", path="db") == "KvVersion1"
    assert good(squall, "kv_list", mount="old")["keys"] == ["db"]
    good(squall, "kv_put", mount="team/kv", path="x/y", data={"copied": made["reference"]})
    assert vault.request("GET", "team/kv/data/x/y")[1]["data"]["data"]["copied"] == vault.request("GET", "old/db")[1]["data"]["password"]
    good(squall, "kv_put", path="deep", data={"k": "secretref://vault/team/kv/x/y#copied"})
    assert good(squall, "kv_delete", mount="old", path="db")["deleted"] is True


def jwt(account: str, seconds: float) -> str:
    claims = json.dumps({"sub": f"system:serviceaccount:squall:{account}", "exp": time.time() + seconds}).encode()
    return "e30." + base64.urlsafe_b64encode(claims).decode().rstrip("=") + ".c2ln"


def test_kubernetes_login_reads_its_token_anew(vault: Any, make_squall: Callable[..., Squall], tmp_path: Path) -> None:
    vault.request("POST", "sys/auth/kubernetes", {"type": "kubernetes"})
    vault.request("POST", "auth/kubernetes/role/squall", {"bound_service_account_names": "squall", "bound_service_account_namespaces": "squall",
                                                          "token_policies": "squall", "token_ttl": "1h"})
    token = tmp_path / "token"
    token.write_text(jwt("squall", 3600) + "\n")
    squall = make_squall(start=False, env={"VAULT_ADDR": vault.url})
    squall.config("vault", f"kubernetes_role: squall\nkubernetes_token_file: {token}\n")
    squall.start()
    good(squall, "kv_put", path="k8s", data={"k": "v"})
    token.write_text(jwt("stranger", 3600))
    vault.control(revoke_tokens="auth/kubernetes/login")
    assert bad(squall, "kv_get", path="k8s") == "VaultLoginRefused"
    token.write_text(jwt("squall", 3600))
    assert good(squall, "kv_get", path="k8s")["keys"] == ["k"]


def test_a_wrapped_secret_id_is_looked_at_once(vault: Any, make_squall: Callable[..., Squall], tmp_path: Path) -> None:
    """Used twice, its token is an alarm: somebody else may have the secret id."""
    vault.request("POST", "auth/approle/role/wrapped", {"token_policies": "squall", "token_ttl": "1h"})
    vault.request("POST", "auth/approle/role/wrapped/role-id", {"role_id": "wrapped-role"})
    file = tmp_path / "secret-id"

    def wrap() -> None:
        file.write_text(vault.request("POST", "auth/approle/role/wrapped/secret-id", {}, X_Vault_Wrap_TTL="60s")[1]["wrap_info"]["token"])

    wrap()
    squall = make_squall(start=False, env={"VAULT_ADDR": vault.url})
    squall.config("vault", f"role_id: wrapped-role\nsecret_id_file: {file}\nsecret_id_is_wrapped: true\n")
    squall.start()
    good(squall, "kv_put", path="wrapped", data={"k": "v"})
    vault.control(revoke_tokens="auth/approle/login")
    assert good(squall, "kv_get", path="wrapped")["keys"] == ["k"], "a new login needs no second look"
    squall.kill()
    squall.start()
    assert bad(squall, "kv_get", path="wrapped") == "VaultWrappingTokenUsed"
    wrap()
    assert good(squall, "kv_get", path="wrapped")["keys"] == ["k"]


def test_a_short_lived_token_outlasts_its_first_end_by_renewal(vault: Any, make_squall: Callable[..., Squall]) -> None:
    vault.request("POST", "auth/approle/role/short", {"token_policies": "squall", "token_ttl": "3s"})
    vault.request("POST", "auth/approle/role/short/role-id", {"role_id": "short-role"})
    vault.request("POST", "auth/approle/role/short/custom-secret-id", {"secret_id": "short-secret"})
    squall = make_squall(env={"VAULT_ADDR": vault.url, "VAULT_ROLE_ID": "short-role", "VAULT_SECRET_ID": "short-secret"})
    good(squall, "kv_put", path="short", data={"k": "v"})
    vault.forget_calls()
    squall.until("two renewals", lambda: len(vault.calls(path="auth/token/renew-self")) >= 2, 30)
    good(squall, "kv_get", path="short")
    assert not vault.calls(path="auth/approle/login"), "renewed, not logged in again"


# ---------------------------------------------------------------- database engine

CREATE = "CREATE ROLE \"[[name]]\" WITH LOGIN PASSWORD '[[password]]' VALID UNTIL '[[expiration]]' IN ROLE app_owner"


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    if find_program("initdb") is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with Postgres(tmp_path_factory.mktemp("postgres")) as made:
        made.sql("CREATE ROLE app_owner NOLOGIN")
        yield made


@pytest.fixture(scope="module", params=["real", "simulator"])
def database_vault(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    if request.param == "real" and shutil.which("vault") is None:
        pytest.skip("no vault on PATH: the database engine of the real Vault is not tested, the simulator's is")
    with local_cloud.Vault(tmp_path_factory.mktemp("vault"), simulate=request.param == "simulator") as made:
        made.request("POST", "sys/mounts/database", {"type": "database"})
        yield made


def test_database_engine(database_vault: Any, postgres: Postgres, make_squall: Callable[..., Squall]) -> None:
    vault = database_vault
    squall = make_squall(env={"VAULT_ADDR": vault.url, "VAULT_ROLE_ID": vault.role_id, "VAULT_SECRET_ID": vault.secret_id})
    name = f"orders-{vault.kind}"
    root = f"vault_root_{vault.kind}"
    postgres.sql(f"CREATE ROLE {root} SUPERUSER LOGIN PASSWORD 'first-root-word'")
    vault.request("POST", f"secret/data/{name}", {"data": {"password": "first-root-word"}})
    config = {"name": name, "plugin_name": "postgresql-database-plugin", "username": root, "allowed_roles": [f"{name}-app", f"{name}-static"],
              "password": f"secretref://vault/secret/{name}#password",
              "connection_url": postgres.template.replace("{{", "[[").replace("}}", "]]")}
    assert bad(squall, "database_config", **{**config, "username": "nobody"}) in ("VaultError", "InvalidParameter")
    assert good(squall, "database_config", **config)["credentials_sent"] is True
    good(squall, "database_role", name=f"{name}-app", db_name=name, creation_statements=[CREATE], default_ttl="1h", max_ttl="2h")

    login = good(squall, "database_creds", role=f"{name}-app", into_path=f"{name}/login")
    kept = vault.request("GET", f"secret/data/{name}/login")[1]["data"]["data"]
    assert postgres.can_log_in(kept["username"], kept["password"])
    assert good(squall, "database_creds", role=f"{name}-app", into_path=f"{name}/login")["lease_id"] == login["lease_id"]
    assert good(squall, "lease_renew", lease_id=login["lease_id"], increment=600)["lease_duration"] <= 600
    assert good(squall, "lease_revoke", lease_id=login["lease_id"])["revoked"] is True
    assert not postgres.can_log_in(kept["username"], kept["password"])
    assert postgres.sql(f"SELECT count(*) FROM pg_roles WHERE rolname = '{kept['username']}'") == "0"
    assert good(squall, "lease_revoke", lease_id=login["lease_id"])["revoked"] is False

    # Once only, and a config that is written again must not bring the dead password back.
    assert good(squall, "database_rotate_root", name=name)["rotated"] is True
    assert good(squall, "database_rotate_root", name=name)["rotated"] is False
    assert not postgres.can_log_in(root, "first-root-word")
    again = good(squall, "database_config", **config, parameters={"password": "first-root-word"})
    assert (again["credentials_sent"], again["root_rotated"]) == (False, True)
    assert good(squall, "database_config_get", name=name)["root_rotated"] is True
    good(squall, "database_creds", role=f"{name}-app", into_path=f"{name}/login")

    # A static role: Vault owns the password, the reference always gives the present one.
    user = f"app_{vault.kind}"
    postgres.sql(f"CREATE ROLE {user} LOGIN PASSWORD 'theirs'")
    static = good(squall, "database_static_role", name=f"{name}-static", db_name=name, username=user, rotation_period="24h")
    words = []
    for _ in range(2):
        good(squall, "kv_put", path=f"{name}/copy", data={"password": static["reference"]})
        words.append(vault.request("GET", f"secret/data/{name}/copy")[1]["data"]["data"]["password"])
        assert postgres.can_log_in(user, words[-1])
        good(squall, "database_rotate_role", name=f"{name}-static")
    assert words[0] != words[1]

    # Nobody knows the root password any more: it is given anew outside, and the mark goes.
    postgres.sql(f"ALTER ROLE {root} PASSWORD 'second-root-word'")
    vault.request("POST", f"secret/data/{name}", {"data": {"password": "second-root-word"}})
    assert good(squall, "database_config", **config, reset_credentials=True)["credentials_sent"] is True
    assert good(squall, "database_config_get", name=name)["root_rotated"] is False

    # Everything goes, the users in the database too.
    good(squall, "lease_revoke", prefix=f"database/creds/{name}-app")
    assert postgres.sql(f"SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid WHERE r.rolname = 'app_owner'") == "0"
    for action, what in (("database_role_delete", f"{name}-app"), ("database_static_role_delete", f"{name}-static"), ("database_config_delete", name)):
        assert good(squall, action, name=what)["deleted"] is True
        assert good(squall, action, name=what)["deleted"] is False
    assert vault.request("GET", f"secret/metadata/squall/database/{name}")[0] == 404

    everything = squall.log.read_text() + str(squall.get("/executions?limit=-1"))
    for word in ("first-root-word", "second-root-word", kept["password"], *words):
        assert word not in everything


def test_a_config_that_is_gone_after_a_rotation_is_named(database_vault: Any, postgres: Postgres, make_squall: Callable[..., Squall]) -> None:
    vault = database_vault
    squall = make_squall(env={"VAULT_ADDR": vault.url, "VAULT_TOKEN": vault.token})
    root = f"vault_gone_{vault.kind}"
    postgres.sql(f"CREATE ROLE {root} SUPERUSER LOGIN PASSWORD 'gone-root-word'")
    vault.request("POST", "secret/data/gone", {"data": {"password": "gone-root-word"}})
    config = {"name": "gone", "plugin_name": "postgresql-database-plugin", "username": root, "password": "secretref://vault/secret/gone#password",
              "allowed_roles": ["*"], "connection_url": postgres.template.replace("{{", "[[").replace("}}", "]]")}
    good(squall, "database_config", **config)
    good(squall, "database_rotate_root", name="gone")
    vault.request("DELETE", "database/config/gone")
    assert bad(squall, "database_config", **config) == "RootPasswordLost"
