"""Roles as people use them: files in StackStorm's format, users that log in, and what they may and may not."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from guarded_squall import ROLES, Guarded, guarded, write_roles
from squall_server import Squall

Json = Any
@pytest.fixture(scope="module")
def squall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    server = guarded(tmp_path_factory.mktemp("rbac"))
    try:
        yield server.start()  # type: ignore[misc]
    finally:
        server.kill()


def test_who_asks_sees_their_roles(squall: Guarded) -> None:
    assert squall.as_user("boss")("GET", "/user")[1]["rbac"] == {"enabled": True, "roles": ["admin"], "is_admin": True}
    assert squall.as_user("runner")("GET", "/user")[1]["rbac"] == {"enabled": True, "roles": ["runner"], "is_admin": False}


def test_without_a_role_nothing_is_allowed(squall: Guarded) -> None:
    nobody = squall.as_user("nobody")
    for method, path, body in [
        ("GET", "/actions", None), ("GET", "/actions/t.greet", None), ("DELETE", "/actions/t.greet", None), ("GET", "/executions", None),
        ("POST", "/executions", {"action": "t.greet"}), ("GET", "/rules", None), ("POST", "/rules", {"name": "x", "trigger": {}, "action": {}}),
        ("GET", "/packs", None), ("GET", "/packs/views/file/t/pack.yaml", None), ("PUT", "/configs/t", {}), ("GET", "/stream", None),
        ("POST", "/webhooks/nightly", {}), ("POST", "/packs/register", {}), ("POST", "/packs/install", {"packs": ["x"]}),
        ("GET", "/apikeys", None), ("POST", "/apikeys", {}), ("GET", "/rbac/roles", None), ("POST", "/squall/rbac/apply", {}),
        ("PUT", "/keys/shared", {"name": "shared", "value": "1"}), ("GET", "/inquiries", None), ("GET", "/triggerinstances", None),
        ("GET", "/service_registry/groups", None), ("POST", "/aliasexecution", {"name": "greet", "format": "say hello", "command": "say hello"}),
    ]:
        status, answer = nobody(method, path, body)
        assert status == 403, f"{method} {path}: {status} {answer}"
    assert nobody("GET", "/actions")[1] == {"faultstring": 'User "nobody" doesn\'t have required permission "action_list"'}
    assert nobody("GET", "/actions/t.greet")[1]["faultstring"].endswith('"action_view" on resource "action:t:greet"')
    assert nobody("GET", "/keys") == (200, [])
    assert nobody("PUT", "/keys/own?scope=user", {"name": "own", "value": "1", "scope": "user"})[0] == 200, "one's own keys"


def test_observer_reads_and_no_more(squall: Guarded) -> None:
    watcher = squall.as_user("watcher")
    for path in ["/actions", "/actions/t.greet", "/executions", "/rules/t.nightly", "/packs", "/keys", "/triggertypes", "/policies", "/timers"]:
        assert watcher("GET", path)[0] == 200, path
    assert watcher("POST", "/executions", {"action": "t.greet"})[0] == 403
    assert watcher("DELETE", "/rules/t.nightly")[0] == 403
    status, answer = watcher("GET", "/actions?limit=-1")
    assert status == 403 and "Administrator access required" in answer["faultstring"]
    assert watcher("GET", "/actions?limit=101")[0] == 403
    assert watcher("GET", "/keys?decrypt=true")[0] == 403
    assert squall.as_user("boss")("GET", "/actions?limit=-1")[0] == 200


def test_running_an_action(squall: Guarded) -> None:
    runner, joe = squall.as_user("runner"), squall.as_user("joe")
    status, execution = runner("POST", "/executions", {"action": "t.greet"})
    assert status == 201
    assert execution["context"]["user"] == "runner" and execution["context"]["rbac"] == {"user": "runner", "roles": ["runner"]}
    assert runner("GET", "/executions/" + execution["id"])[0] == 200, "one's own"
    assert joe("GET", "/executions/" + execution["id"])[0] == 403, "action_execute alone does not show those of others"
    assert joe("DELETE", "/executions/" + execution["id"])[0] == 200
    assert joe("POST", "/executions/" + execution["id"] + "/re_run", {})[0] == 201
    assert runner("POST", "/executions", {"action": "t.other"})[0] == 403
    status, answer = runner("POST", "/executions", {"action": "t.greet", "user": "boss"})
    assert status == 403 and "only be provided by admins" in answer["faultstring"]
    assert squall.as_user("boss")("POST", "/executions", {"action": "t.greet", "user": "joe"})[1]["context"]["user"] == "joe"
    assert runner("POST", "/aliasexecution", {"name": "greet", "format": "say hello", "command": "say hello", "source_channel": "c"})[0] == 201


def test_a_rule_needs_what_its_trigger_and_action_need(squall: Guarded) -> None:
    maker = squall.as_user("maker")

    def rule(name: str, url: str, action: str, pack: str = "t") -> Json:
        return {"name": name, "pack": pack, "trigger": {"type": "core.st2.webhook", "parameters": {"url": url}}, "action": {"ref": action}}
    status, made = maker("POST", "/rules", rule("one", "mine", "t.greet"))
    assert status == 201 and made["context"] == {"user": "maker"}
    status, answer = maker("POST", "/rules", rule("two", "others", "t.greet"))
    assert status == 403 and "(webhook_create) to use trigger core.st2.webhook" in answer["faultstring"]
    status, answer = maker("POST", "/rules", rule("two", "mine", "core.local"))
    assert status == 403 and "(action_execute) permission to use action core.local" in answer["faultstring"]
    assert maker("POST", "/rules", rule("two", "mine", "t.greet", "default"))[0] == 403
    assert maker("PUT", "/rules/t.one", rule("one", "mine", "t.greet", "default"))[0] == 403, "a rule does not move where nobody may make one"
    assert maker("PUT", "/rules/t.one", {**rule("one", "mine", "t.greet"), "context": {"user": "boss"}})[1]["context"] == {"user": "maker"}
    assert maker("DELETE", "/rules/t.one")[0] == 204


def test_keys(squall: Guarded) -> None:
    boss, keeper = squall.as_user("boss"), squall.as_user("keeper")
    for name in ("shared", "hidden"):
        assert boss("PUT", "/keys/" + name, {"name": name, "value": "v"})[0] == 200
    assert [pair["name"] for pair in keeper("GET", "/keys")[1]] == ["shared"]
    assert keeper("GET", "/keys/shared")[0] == 200 and keeper("GET", "/keys/hidden")[0] == 403
    assert keeper("PUT", "/keys/shared", {"name": "shared", "value": "w"})[0] == 200
    assert keeper("PUT", "/keys/hidden", {"name": "hidden", "value": "w"})[0] == 403
    assert keeper("DELETE", "/keys/shared")[0] == 403
    assert keeper("PUT", "/keys/mine?scope=user", {"name": "mine", "value": "x", "scope": "user"})[0] == 200
    assert boss("GET", "/keys/mine?scope=user&user=keeper")[0] == 403, "not even an administrator's business"


def test_api_keys_are_ones_own(squall: Guarded) -> None:
    maker = squall.as_user("maker")
    status, key = maker("POST", "/apikeys", {})
    assert status == 201
    assert squall.call("GET", "/v1/user", headers={"St2-Api-Key": key["key"]})[1]["username"] == "maker"
    assert maker("POST", "/apikeys", {"user": "boss"})[0] == 403, "a key of somebody else would be a way to become them"


def test_inquiries_by_role(squall: Guarded) -> None:
    boss, runner, watcher = (squall.as_user(name) for name in ("boss", "runner", "watcher"))
    status, execution = runner("POST", "/executions", {"action": "t.ask"})
    assert status == 201
    question = squall.until("the question", lambda: [q for q in runner("GET", "/inquiries")[1] if q["roles"] == ["runner"]])[0]
    assert watcher("PUT", "/inquiries/" + question["id"], {"response": {}})[0] == 403
    assert runner("PUT", "/inquiries/" + question["id"], {"response": {}})[0] == 200
    assert squall.until("the end", lambda: boss("GET", "/executions/" + execution["id"])[1]["status"] == "succeeded")


def test_roles_are_shown_and_applied_anew(squall: Guarded) -> None:
    boss = squall.as_user("boss")
    roles = {role["name"]: role for role in boss("GET", "/rbac/roles")[1]}
    assert set(roles) == {"system_admin", "admin", "observer", *ROLES}
    assert {role["name"] for role in boss("GET", "/rbac/roles?system=1")[1]} == {"system_admin", "admin", "observer"}
    keeper = boss("GET", "/rbac/roles/keeper")[1]
    assert keeper["id"] == roles["keeper"]["id"] == boss("GET", "/rbac/roles/" + keeper["id"])[1]["id"]
    assert keeper["permission_grant_objects"][0]["resource_uid"] == "key_value_pair:st2kv.system:shared"
    [assignment] = boss("GET", "/rbac/role_assignments?user=keeper")[1]
    assert assignment["source"] == "assignments/keeper.yaml" and assignment["is_remote"] is False
    assert boss("GET", "/rbac/role_assignments/" + assignment["id"])[1] == assignment
    assert boss("GET", "/rbac/permission_types/trace")[1].keys() == {"trace_list", "trace_view", "trace_all"}
    assert "rule_all" in boss("GET", "/rbac/permission_types")[1]["pack"]
    assert boss("GET", "/rbac/roles/1")[0] == boss("GET", "/rbac/permission_types/1")[0] == 404

    nobody, file = squall.as_user("nobody"), squall.directory / "rbac" / "assignments" / "nobody.yaml"
    old = file.read_text()
    file.write_text("username: nobody\nroles: [no_such]\n")
    status, answer = boss("POST", "/squall/rbac/apply", {})
    assert status == 400 and "nobody.yaml:2" in answer["faultstring"] and "no_such" in answer["faultstring"]
    assert nobody("GET", "/actions")[0] == 403, "nothing has changed"
    file.write_text("username: nobody\nroles: [observer]\n")
    assert boss("POST", "/squall/rbac/apply", {}) == (200, {"applied": True})
    assert nobody("GET", "/actions")[0] == 200
    file.write_text(old)
    assert boss("POST", "/squall/rbac/apply", {})[0] == 200


def stream_text(server: Guarded, user: str, execution: str) -> str:
    """What the stream tells a user within a second of an execution that is over."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=1)
    connection.request("GET", f"/v1/stream?end_execution_id={execution}", headers={"X-Auth-Token": server.login(user)})
    answer, text = connection.getresponse(), b""
    assert answer.status == 200
    try:
        while chunk := answer.read1(65536):
            text += chunk
    except TimeoutError:
        pass
    return text.decode()


def test_isolation(tmp_path: Path) -> None:
    server = guarded(tmp_path, SQUALL_RBAC_ISOLATION="true")
    try:
        server.start()
        boss, runner, watcher, maker = (server.as_user(name) for name in ("boss", "runner", "watcher", "maker"))
        execution = runner("POST", "/executions", {"action": "t.greet"})[1]["id"]
        boss("POST", "/executions", {"action": "t.greet"})
        assert [e["id"] for e in runner("GET", "/executions")[1]] == [execution]
        assert watcher("GET", "/executions")[1] == [] and len(boss("GET", "/executions")[1]) == 2
        status, answer = watcher("GET", "/executions/" + execution)
        assert status == 403 and answer["faultstring"].endswith(f'"execution:{execution}" due to resource permission isolation.')
        assert maker("GET", "/rules")[1] == []
        server.until("the end", lambda: runner("GET", "/executions/" + execution)[1]["status"] == "succeeded")
        assert execution in stream_text(server, "boss", execution) and execution not in stream_text(server, "watcher", execution)
    finally:
        server.kill()


@pytest.mark.parametrize(("text", "told"), [
    ("name: r\npermission_grants:\n- permission_types: [fly]\n", "bad.yaml:3:"),
    ("name: r\npermission_grants:\n- permission_types: [fly]\n", "there is no permission type 'fly'"),
])
def test_a_mistake_in_a_role_stops_the_start(tmp_path: Path, text: str, told: str) -> None:
    server = guarded(tmp_path)
    (tmp_path / "rbac" / "roles" / "bad.yaml").write_text(text)
    with pytest.raises(AssertionError, match="squall ended with 1"):
        server.start()
    assert told in server.log.read_text()


def test_roles_need_users(make_squall: Callable[..., Squall], tmp_path: Path) -> None:
    server = make_squall(start=False)
    server.env["SQUALL_RBAC"] = str(write_roles(tmp_path / "rbac"))
    with pytest.raises(AssertionError, match="squall ended with 2"):
        server.start()
    assert "roles need users that log in" in server.log.read_text()
