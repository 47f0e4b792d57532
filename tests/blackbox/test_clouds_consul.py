"""The actions of the pack consul, on the real Consul and on the simulator."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from squall_server import Squall

import local_cloud
import servers

Json = Any


@pytest.fixture(scope="module", params=["real", "simulator"])
def consul(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    if request.param == "real" and servers.find("consul") is None:
        pytest.skip("no real Consul; `make servers` installs it")
    with local_cloud.Consul(tmp_path_factory.mktemp("consul"), simulate=request.param == "simulator") as made:
        yield made


@pytest.fixture
def squall(consul: Any, make_squall: Callable[..., Squall]) -> Squall:
    return make_squall(env={"CONSUL_HTTP_ADDR": consul.url})


def good(squall: Squall, action: str, **parameters: Json) -> Json:
    ended = squall.result(f"consul.{action}", parameters)
    assert ended["status"] == "succeeded", f"{action}: {ended['result']}"
    return ended["result"]


def bad(squall: Squall, action: str, **parameters: Json) -> str:
    ended = squall.result(f"consul.{action}", parameters)
    assert ended["status"] == "failed", f"{action}: {ended['result']}"
    return str(ended["result"]["code"])


def ask(consul: Any, method: str, path: str, body: bytes | None = None) -> Json:
    status, answer = local_cloud.call(method, f"{consul.url}/v1/{path}", body)
    assert status == 200, answer
    return json.loads(answer)


def test_keys_flags_and_check_and_set(squall: Squall) -> None:
    good(squall, "kv_put", key="t/k", value="one", flags=7)
    found = good(squall, "kv_get", key="t/k")
    assert (found["value"], found["flags"], found["session"]) == ("one", 7, None)
    assert good(squall, "kv_get", key="t/none")["found"] is False
    assert good(squall, "kv_cas", key="t/k", value="two", cas=found["modify_index"])["written"] is True
    assert bad(squall, "kv_cas", key="t/k", value="three", cas=found["modify_index"]) == "CheckAndSetMismatch"
    assert good(squall, "kv_cas", key="t/k", value="two", cas=found["modify_index"])["written"] is False, "its own write"
    good(squall, "kv_put_tree", prefix="tree", values={"a": "1", "b": {"x": 2}}, flags=3, owner_uid="u1")
    assert good(squall, "kv_list", prefix="tree")["values"] == {"a": "1", "b": '{"x":2}'}


def test_a_refused_transaction_names_the_operation(squall: Squall) -> None:
    value = base64.b64encode(b"v").decode()
    operations = [{"KV": {"Verb": "set", "Key": "txn/a", "Value": value}}, {"KV": {"Verb": "cas", "Key": "txn/b", "Value": value, "Index": 99}}]
    ended = squall.result("consul.txn", {"operations": operations})
    assert (ended["status"], ended["result"]["code"], ended["result"]["http_status"]) == ("failed", "TransactionRefused", 409)
    assert "operation 1" in ended["result"]["error"]
    assert good(squall, "kv_get", key="txn/a")["found"] is False, "all or nothing"
    assert good(squall, "txn", operations=operations[:1])["results"]


def test_locks_are_taken_waited_for_and_lost(consul: Any, squall: Squall) -> None:
    first = good(squall, "session_create", name="first", lock_delay="0s")["session"]
    second = good(squall, "session_create", name="second", lock_delay="0s")["session"]
    held = good(squall, "kv_acquire", key="lock/a", session=first, value="me")
    assert held["acquired"] is True and held["lock_index"] == 1
    assert good(squall, "kv_acquire", key="lock/a", session=first, value="me")["lock_index"] == 1, "again is the same"
    assert bad(squall, "kv_acquire", key="lock/a", session=second) == "LockHeld"
    assert bad(squall, "kv_release", key="lock/a", session=second) == "LockLost"
    waiting = squall.run("consul.kv_acquire", {"key": "lock/a", "session": second, "timeout": 60})
    time.sleep(0.5)
    assert good(squall, "kv_release", key="lock/a", session=first)["released"] is True
    assert squall.finished(waiting)["result"]["lock_index"] == 2
    # The holder's session ends: its lock is free, and it hears so.
    assert good(squall, "session_destroy", session=second)["destroyed"] is True
    assert good(squall, "session_destroy", session=second)["destroyed"] is False
    assert good(squall, "kv_get", key="lock/a")["session"] is None
    assert bad(squall, "session_renew", session=second) == "SessionLost"
    assert bad(squall, "kv_acquire", key="lock/a", session=second) == "SessionLost"
    assert good(squall, "session_renew", session=first)["renewed"] is True
    assert good(squall, "kv_release", key="lock/a", session=first)["released"] is False


def test_waiting_for_a_key(consul: Any, squall: Squall) -> None:
    waiting = squall.run("consul.kv_wait", {"key": "wait/a", "until": "equals", "value": "go"})
    time.sleep(0.3)
    ask(consul, "PUT", "kv/wait/a", b"not yet")
    time.sleep(0.3)
    began = time.monotonic()
    ask(consul, "PUT", "kv/wait/a", b"go")
    assert squall.finished(waiting)["result"]["value"] == "go"
    assert time.monotonic() - began < 8, "a blocking query ends at the change, not at its end"
    known = good(squall, "kv_get", key="wait/a")["modify_index"]
    threading.Timer(0.5, lambda: ask(consul, "PUT", "kv/wait/a", b"again")).start()
    assert good(squall, "kv_wait", key="wait/a", until="changed", modify_index=known)["value"] == "again"
    assert bad(squall, "kv_wait", key="wait/none", timeout=1) == "TimedOut"


def test_waiting_survives_a_restored_snapshot_and_a_kill(consul: Any, squall: Squall) -> None:
    """Consul's index goes down: a waiter that went on from its old index would not hear of a change for a long time."""
    saved = local_cloud.call("GET", f"{consul.url}/v1/snapshot")[1] if consul.kind == "real" else b""
    for _ in range(30):
        ask(consul, "PUT", "kv/filler", b"x")
    ask(consul, "PUT", "kv/snap/a", b"before")
    waiting = squall.run("consul.kv_wait", {"key": "snap/a", "until": "equals", "value": "after"})
    squall.until("it waits", lambda: "waiting" in squall.get(f"/executions/{waiting}").get("result", {}), 30)
    if consul.kind == "real":
        assert local_cloud.call("PUT", f"{consul.url}/v1/snapshot", saved)[0] == 200
    else:
        consul.control(index_reset=True)
    squall.kill()
    squall.start()
    squall.until("Consul writes again", lambda: local_cloud.call("PUT", f"{consul.url}/v1/kv/snap/a", b"after")[1].strip() == b"true")
    assert squall.finished(waiting, 60)["result"]["value"] == "after"


def test_acl_tokens(make_squall: Callable[..., Squall], tmp_path: Path) -> None:
    """On a real Consul that denies by default: a token from a file, a right that is missing, a token that is gone."""
    if servers.find("consul") is None:
        pytest.skip("no real Consul; `make servers` installs it")
    with local_cloud.Consul(tmp_path / "acl", acl_token="11111111-2222-3333-4444-555555555555") as consul:
        rules = 'key_prefix "mine/" { policy = "write" }'
        assert consul.request("PUT", "acl/policy", {"Name": "mine", "Rules": rules})[0] == 200
        token = consul.request("PUT", "acl/token", {"Policies": [{"Name": "mine"}]})[1]
        file = tmp_path / "consul-token"
        file.write_text(token["SecretID"] + "\n")
        squall = make_squall(env={"CONSUL_HTTP_ADDR": consul.url, "CONSUL_HTTP_TOKEN_FILE": str(file)})
        good(squall, "kv_put", key="mine/a", value="1")
        assert bad(squall, "kv_put", key="theirs/a", value="1") == "AccessDenied"
        consul.request("DELETE", f"acl/token/{token['AccessorID']}")
        squall.until("the token is gone", lambda: squall.result("consul.kv_get", {"key": "mine/a"})["status"] == "failed")
        file.write_text(consul.acl_token)
        assert good(squall, "kv_get", key="mine/a")["value"] == "1", "the file is read at each call"
        assert token["SecretID"] not in squall.log.read_text() + str(squall.get("/executions?limit=-1"))


def test_catalog_entries_with_checks(consul: Any, squall: Squall) -> None:
    service = {"ID": "db-1", "Service": "orders-db", "Port": "5432", "Tags": ["postgres"], "Meta": {"uid": "u1"}}
    checks = [{"CheckID": "rds-status", "Name": "RDS", "Status": "passing", "ServiceID": "db-1"}]
    good(squall, "catalog_register", node="rds-1", address="db.example", node_meta={"external-node": "true"}, service=service, checks=checks)
    health = good(squall, "health_service", service="orders-db", passing_only=True)
    assert (health["count"], health["passing"]) == (1, 1)
    assert (health["instances"][0]["address"], health["instances"][0]["port"]) == ("db.example", 5432)
    good(squall, "catalog_check", node="rds-1", check_id="rds-status", service_id="db-1", status="critical", output="modifying")
    health = good(squall, "health_service", service="orders-db")
    assert (health["passing"], health["instances"][0]["status"], health["instances"][0]["checks"][0]["output"]) == (0, "critical", "modifying")
    good(squall, "catalog_deregister", node="rds-1", check_id="rds-status")
    assert good(squall, "health_service", service="orders-db")["instances"][0]["checks"] == []
    good(squall, "catalog_deregister", node="rds-1")
    good(squall, "catalog_deregister", node="rds-1")
    assert good(squall, "health_service", service="orders-db")["count"] == 0
    assert bad(squall, "catalog_register", node="n", address="a", service={"Service": "s", "Port": "many"}) == "InvalidParameter"


def test_agent_service_with_a_ttl_check(squall: Squall) -> None:
    good(squall, "agent_service_register", name="worker", service_id="worker-1", port=8080, tags=["blue"], check={"TTL": "60s"})
    assert good(squall, "health_service", service="worker")["instances"][0]["status"] == "critical", "until it is told"
    good(squall, "agent_check_update", check_id="service:worker-1", status="passing", output="fine")
    squall.until("the catalog knows", lambda: good(squall, "health_service", service="worker", tag="blue", passing_only=True)["count"] == 1)
    good(squall, "agent_check_update", check_id="service:worker-1", status="warning")
    squall.until("the catalog knows", lambda: good(squall, "health_service", service="worker")["instances"][0]["status"] == "warning")
    assert bad(squall, "agent_check_update", check_id="service:none") == "NotFound"
    assert good(squall, "agent_service_deregister", service_id="worker-1")["deregistered"] is True
    assert good(squall, "agent_service_deregister", service_id="worker-1")["deregistered"] is False


def test_no_leader_is_waited_for(consul: Any, squall: Squall) -> None:
    if consul.kind != "simulator":
        pytest.skip("a real Consul is not made leaderless here; it is stopped in test_clouds_faults.py")
    consul.fault({"path": "/v1/kv/*"}, "error", count=2, status=500)
    assert good(squall, "kv_put", key="leader", value="v")["written"] is True
    consul.fault({"path": "/v1/kv/*"}, "error", count=1, status=403)
    assert bad(squall, "kv_put", key="leader", value="v") == "AccessDenied"
