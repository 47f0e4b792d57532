"""The Vault simulator's semantics, spoken to in plain HTTP."""

from __future__ import annotations

import base64
import json
import threading
import time

import pytest

from local_cloud import Vault

CAS_MISMATCH = "check-and-set parameter did not match the current version"
PATCH = {"Content_Type": "application/merge-patch+json"}


def write(vault: Vault, path: str, data: dict, **options: int) -> tuple[int, dict]:
    return vault.request("POST", f"secret/data/{path}", {"data": data, **({"options": options} if options else {})})


def read(vault: Vault, path: str, version: int | None = None) -> tuple[int, dict]:
    return vault.request("GET", f"secret/data/{path}" + (f"?version={version}" if version else ""))


def login(vault: Vault, **role: object) -> dict:
    """Makes a role of the given settings and logs in with it."""
    vault.request("POST", "auth/approle/role/short", role)
    role_id = vault.request("GET", "auth/approle/role/short/role-id")[1]["data"]["role_id"]
    secret_id = vault.request("POST", "auth/approle/role/short/secret-id")[1]["data"]["secret_id"]
    status, answer = vault.request("POST", "auth/approle/login", {"role_id": role_id, "secret_id": secret_id}, token="")
    assert status == 200
    return answer["auth"]


# ---------------------------------------------------------------- KV version 2


def test_write_and_read_with_vaults_envelope(vault, unique):
    status, written = write(vault, unique(), {"user": "u"})
    assert (status, written["data"]["version"]) == (200, 1)
    status, answer = read(vault, unique())
    assert status == 200
    assert answer["data"]["data"] == {"user": "u"}
    assert answer["data"]["metadata"]["deletion_time"] == "" and not answer["data"]["metadata"]["destroyed"]
    assert set(answer) >= {"request_id", "lease_id", "renewable", "lease_duration", "data", "wrap_info", "warnings", "auth"}


def test_a_missing_path_is_404_with_no_errors(vault):
    assert read(vault, "nowhere") == (404, {"errors": []})


def test_cas_zero_creates_only_once(vault, unique):
    assert write(vault, unique(), {"a": "1"}, cas=0)[0] == 200
    assert write(vault, unique(), {"a": "2"}, cas=0) == (400, {"errors": [CAS_MISMATCH]})
    assert write(vault, unique(), {"a": "2"}, cas=1)[1]["data"]["version"] == 2
    assert write(vault, unique(), {"a": "3"}, cas=1) == (400, {"errors": [CAS_MISMATCH]})


def test_of_two_racing_writers_one_wins(vault, unique):
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda: statuses.append(write(vault, unique(), {"a": "1"}, cas=0)[0]))
               for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [400] * 7


def test_a_soft_deleted_version_is_404_with_its_metadata(vault, unique):
    write(vault, unique(), {"a": "1"})
    assert vault.request("DELETE", f"secret/data/{unique()}")[0] == 204
    status, answer = read(vault, unique())
    assert status == 404
    assert answer["data"]["data"] is None
    assert answer["data"]["metadata"]["version"] == 1 and answer["data"]["metadata"]["deletion_time"]


def test_after_a_delete_cas_is_the_old_count_not_zero(vault, unique):
    write(vault, unique(), {"a": "1"})
    vault.request("DELETE", f"secret/data/{unique()}")
    assert write(vault, unique(), {"a": "2"}, cas=0) == (400, {"errors": [CAS_MISMATCH]})
    assert write(vault, unique(), {"a": "2"}, cas=1)[1]["data"]["version"] == 2


def test_undelete_and_destroy(vault, unique):
    write(vault, unique(), {"a": "1"})
    write(vault, unique(), {"a": "2"})
    assert vault.request("POST", f"secret/delete/{unique()}", {"versions": [1]})[0] == 204
    assert read(vault, unique(), 1)[0] == 404
    assert vault.request("POST", f"secret/undelete/{unique()}", {"versions": [1]})[0] == 204
    assert read(vault, unique(), 1)[1]["data"]["data"] == {"a": "1"}
    assert vault.request("PUT", f"secret/destroy/{unique()}", {"versions": [1]})[0] == 204
    vault.request("POST", f"secret/undelete/{unique()}", {"versions": [1]})
    status, answer = read(vault, unique(), 1)
    assert (status, answer["data"]["metadata"]["destroyed"]) == (404, True)
    assert read(vault, unique())[1]["data"]["data"] == {"a": "2"}


def test_metadata_of_a_path(vault, unique):
    path = f"secret/metadata/{unique()}"
    write(vault, unique(), {"a": "1"})
    assert vault.request("POST", path, {"custom_metadata": {"uid": "1", "state": "new"}, "max_versions": 2})[0] == 204
    assert vault.request("PATCH", path, {"custom_metadata": {"state": "ready"}}, **PATCH)[0] == 204
    data = vault.request("GET", path)[1]["data"]
    assert data["custom_metadata"] == {"uid": "1", "state": "ready"}
    assert (data["current_version"], data["max_versions"], list(data["versions"])) == (1, 2, ["1"])
    assert read(vault, unique())[1]["data"]["metadata"]["custom_metadata"] == {"uid": "1", "state": "ready"}
    for value in ("2", "3"):
        write(vault, unique(), {"a": value})
    assert list(vault.request("GET", path)[1]["data"]["versions"]) == ["2", "3"]
    assert vault.request("DELETE", path)[0] == 204
    assert vault.request("GET", path) == (404, {"errors": []})
    assert write(vault, unique(), {"a": "1"}, cas=0)[0] == 200


@pytest.mark.parametrize("custom", [{str(i): "v" for i in range(65)}, {"k" * 129: "v"}, {"k": "v" * 513}, {"k": 1}])
def test_custom_metadata_has_limits(vault, custom):
    assert vault.request("POST", "secret/metadata/limits", {"custom_metadata": custom})[0] == 400


def test_cas_can_be_made_a_duty(vault, unique):
    vault.request("POST", f"secret/metadata/{unique()}", {"cas_required": True})
    assert write(vault, unique(), {"a": "1"})[1] == {"errors": ["check-and-set parameter required for this call"]}
    assert write(vault, unique(), {"a": "1"}, cas=0)[0] == 200


def test_patch_merges_and_keeps_the_rest(vault, unique):
    write(vault, unique(), {"a": "1", "b": {"c": "2", "d": "3"}})
    path = f"secret/data/{unique()}"
    assert vault.request("PATCH", path, {"data": {"a": None, "b": {"c": "9"}}})[0] == 415
    assert vault.request("PATCH", path, {"data": {"a": None, "b": {"c": "9"}}}, **PATCH)[1]["data"]["version"] == 2
    assert read(vault, unique())[1]["data"]["data"] == {"b": {"c": "9", "d": "3"}}
    assert vault.request("PATCH", "secret/data/nowhere", {"data": {"a": "1"}}, **PATCH)[0] == 404


def test_list_shows_one_level(vault):
    for path in ("tree/a", "tree/b/c", "tree/b/d"):
        write(vault, path, {"x": "1"})
    assert vault.request("LIST", "secret/metadata/tree")[1]["data"] == {"keys": ["a", "b/"]}
    assert vault.request("GET", "secret/metadata/tree/b?list=true")[1]["data"] == {"keys": ["c", "d"]}
    assert vault.request("LIST", "secret/metadata/tree/none") == (404, {"errors": []})


def test_subkeys_show_names_without_values(vault, unique):
    write(vault, unique(), {"a": "1", "b": {"c": "2"}})
    assert vault.request("GET", f"secret/subkeys/{unique()}")[1]["data"]["subkeys"] == {"a": None, "b": {"c": None}}
    assert vault.request("GET", f"secret/subkeys/{unique()}?depth=1")[1]["data"]["subkeys"] == {"a": None, "b": None}


# ---------------------------------------------------------------- mounts


def test_mounts_tell_their_version(vault):
    assert vault.request("GET", "sys/internal/ui/mounts/team/some/path")[1]["data"]["path"] == "team/"
    assert vault.request("GET", "sys/internal/ui/mounts/secret")[1]["data"]["options"] == {"version": "2"}
    assert vault.request("GET", "sys/internal/ui/mounts/none")[0] == 403
    vault.request("POST", "sys/mounts/old", {"type": "kv", "options": {"version": "1"}})
    assert vault.request("GET", "sys/internal/ui/mounts/old")[1]["data"]["options"] == {"version": "1"}
    assert vault.request("PUT", "old/x", {"a": "1"})[0] == 204
    assert vault.request("GET", "old/x")[1]["data"] == {"a": "1"}


# ---------------------------------------------------------------- tokens and logins


def test_a_bad_token_is_403(vault):
    status, answer = vault.request("GET", "secret/data/x", token="hvs.wrong")
    assert status == 403 and "permission denied" in answer["errors"][0]
    assert vault.request("GET", "secret/data/x", token="")[0] == 403


def test_the_approle_of_the_cloud_logs_in(vault):
    ids = {"role_id": vault.role_id, "secret_id": vault.secret_id}
    auth = vault.request("POST", "auth/approle/login", ids, token="")[1]["auth"]
    assert auth["renewable"] and auth["lease_duration"] == 1200 and "squall" in auth["policies"]
    assert vault.request("GET", "auth/token/lookup-self", token=auth["client_token"])[1]["data"]["ttl"] in (1199, 1200)
    wrong = vault.request("POST", "auth/approle/login", {**ids, "secret_id": "no"}, token="")
    assert wrong == (400, {"errors": ["invalid role or secret ID"]})


def test_a_token_ends_and_renewals_stop_at_its_maximum(vault):
    auth = login(vault, token_ttl="600ms", token_max_ttl="1s")
    time.sleep(0.4)
    assert vault.request("POST", "auth/token/renew-self", {"increment": "1h"}, token=auth["client_token"])[0] == 200
    time.sleep(0.4)
    assert vault.request("GET", "auth/token/lookup-self", token=auth["client_token"])[0] == 200
    time.sleep(0.3)
    assert vault.request("GET", "auth/token/lookup-self", token=auth["client_token"])[0] == 403


def test_a_periodic_token_is_renewed_past_its_maximum(vault):
    auth = login(vault, token_period="500ms", token_max_ttl="600ms")
    for _ in range(3):
        time.sleep(0.3)
        assert vault.request("POST", "auth/token/renew-self", {}, token=auth["client_token"])[0] == 200


def test_batch_tokens_cannot_be_renewed(vault):
    auth = login(vault, token_type="batch", token_ttl="1h", token_period=0, token_max_ttl=0)
    status, answer = vault.request("POST", "auth/token/renew-self", {}, token=auth["client_token"])
    assert (status, answer["errors"]) == (400, ["batch tokens cannot be renewed"])


def test_a_wrapped_secret_id_opens_once(vault):
    status, answer = vault.request("POST", "auth/approle/role/squall/secret-id", {}, X_Vault_Wrap_TTL="60s")
    assert status == 200 and answer["data"] is None
    token = answer["wrap_info"]["token"]
    assert answer["wrap_info"]["creation_path"] == "auth/approle/role/squall/secret-id"
    assert vault.request("POST", "sys/wrapping/unwrap", {}, token=token)[1]["data"]["secret_id"]
    assert vault.request("POST", "sys/wrapping/unwrap", {}, token=token)[0] == 400


def test_kubernetes_login_reads_the_service_account(vault):
    vault.request("POST", "auth/kubernetes/role/app", {"bound_service_account_names": "squall", "token_ttl": "1h",
                                                       "bound_service_account_namespaces": ["ops"]})

    def jwt(namespace: str) -> str:
        claims = {"sub": f"system:serviceaccount:{namespace}:squall", "exp": time.time() + 60}
        return "e30." + base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=") + ".c2ln"

    assert vault.request("POST", "auth/kubernetes/login", {"role": "app", "jwt": jwt("ops")}, token="")[0] == 200
    assert vault.request("POST", "auth/kubernetes/login", {"role": "app", "jwt": jwt("other")}, token="")[0] == 403


# ---------------------------------------------------------------- trouble on demand


def test_health_codes(vault):
    for health, status in (("standby", 429), ("perf-standby", 473), ("dr-secondary", 472), ("uninitialized", 501)):
        vault.control(health=health)
        assert vault.request("GET", "sys/health")[0] == status
    vault.control(health="standby")
    assert vault.request("GET", "sys/health?standbyok=true")[0] == 200
    vault.control(health="active")
    assert vault.request("GET", "sys/health")[0] == 200


def test_a_sealed_vault_answers_503_until_unsealed(vault, unique):
    write(vault, unique(), {"a": "1"})
    vault.control(seal=True)
    assert read(vault, unique()) == (503, {"errors": ["Vault is sealed"]})
    assert vault.request("GET", "sys/health")[0] == 503
    vault.control(seal=False)
    assert read(vault, unique())[0] == 200


def test_rights_can_be_taken_and_given_back(vault, unique):
    vault.control(deny=[{"path": "secret/data/*", "methods": ["POST", "PUT"]}])
    assert write(vault, unique(), {"a": "1"})[0] == 403
    vault.control(deny=[])
    assert write(vault, unique(), {"a": "1"})[0] == 200


def test_tokens_can_be_revoked_from_outside(vault):
    token = login(vault, token_ttl="1h", token_type="service")["client_token"]
    vault.control(revoke_tokens="auth/approle/login")
    assert vault.request("GET", "auth/token/lookup-self", token=token)[0] == 403
    assert vault.request("GET", "auth/token/lookup-self")[0] == 200


def test_a_write_whose_reply_is_lost_took_effect(vault, unique):
    vault.fault({"path": f"secret/data/{unique()}", "method": "POST"}, "drop_after")
    with pytest.raises(OSError):
        write(vault, unique(), {"a": "1"}, cas=0)
    assert read(vault, unique())[1]["data"]["data"] == {"a": "1"}


def test_data_tokens_and_roles_survive_a_restart(vault, unique):
    write(vault, unique(), {"a": "1"})
    token = login(vault, token_ttl="1h", token_type="service")["client_token"]
    vault.restart()
    assert read(vault, unique())[1]["data"]["data"] == {"a": "1"}
    assert vault.request("GET", "auth/token/lookup-self", token=token)[0] == 200


def test_the_log_holds_paths_but_no_secrets(vault, unique):
    write(vault, unique(), {"password": "hunter2-hunter2"})
    assert vault.calls(path=f"secret/data/{unique()}", method="POST")[0]["status"] == 200
    log = str(vault.calls())
    assert "hunter2" not in log and vault.token not in log
