"""Consul: the same tests against the real one and against our simulator, so that they cannot drift apart."""

from __future__ import annotations

import base64
import json
import threading
import time
import urllib.error
import urllib.request
from typing import Any

from local_cloud import Consul


def ask(consul: Consul, method: str, path: str, body: object = None) -> tuple[int, Any, int]:
    """Status, parsed answer, X-Consul-Index."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(f"{consul.url}/v1/{path}", data=data, method=method)
    try:
        answer = urllib.request.urlopen(request, timeout=20)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        text, index = answer.read(), int(answer.headers.get("X-Consul-Index") or 0)
        try:
            return answer.status, json.loads(text), index
        except ValueError:
            return answer.status, text.decode(), index


def put(consul: Consul, key: str, value: str, query: str = "") -> Any:
    return ask(consul, "PUT", f"kv/{key}{query}", value.encode())[1]


def modify_index(consul: Consul, key: str) -> int:
    return ask(consul, "GET", f"kv/{key}")[1][0]["ModifyIndex"]


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_put_get_and_raw(consul, unique):
    assert put(consul, unique(), "välue", "?flags=7") is True
    status, found, index = ask(consul, "GET", f"kv/{unique()}")
    assert status == 200 and index == found[0]["ModifyIndex"] == found[0]["CreateIndex"]
    assert (base64.b64decode(found[0]["Value"]).decode(), found[0]["Flags"]) == ("välue", 7)
    assert ask(consul, "GET", f"kv/{unique()}?raw")[1] == "välue"


def test_a_missing_key_is_404_with_an_index(consul):
    status, body, index = ask(consul, "GET", "kv/nowhere")
    assert (status, body) == (404, "") and index >= 1


def test_an_empty_value_is_null(consul, unique):
    put(consul, unique(), "")
    assert ask(consul, "GET", f"kv/{unique()}")[1][0]["Value"] is None


def test_check_and_set(consul, unique):
    assert put(consul, unique(), "1", "?cas=0") is True
    assert put(consul, unique(), "2", "?cas=0") is False
    first = modify_index(consul, unique())
    assert put(consul, unique(), "2", f"?cas={first}") is True
    assert put(consul, unique(), "3", f"?cas={first}") is False
    assert ask(consul, "GET", f"kv/{unique()}?raw")[1] in (2, "2")
    assert ask(consul, "DELETE", f"kv/{unique()}?cas={first}")[1] is False
    assert ask(consul, "DELETE", f"kv/{unique()}?cas={modify_index(consul, unique())}")[1] is True
    assert ask(consul, "GET", f"kv/{unique()}")[0] == 404


def test_recurse_keys_and_delete_of_a_tree(consul, unique):
    for key in ("a", "b/c", "b/d"):
        put(consul, f"{unique()}/{key}", key)
    assert [pair["Key"] for pair in ask(consul, "GET", f"kv/{unique()}/?recurse")[1]] == [
        f"{unique()}/a", f"{unique()}/b/c", f"{unique()}/b/d"]
    assert ask(consul, "GET", f"kv/{unique()}/?keys&separator=/")[1] == [f"{unique()}/a", f"{unique()}/b/"]
    assert ask(consul, "DELETE", f"kv/{unique()}/b/?recurse")[1] is True
    assert ask(consul, "GET", f"kv/{unique()}/?keys")[1] == [f"{unique()}/a"]


def test_a_blocking_read_wakes_on_a_change_and_else_waits(consul, unique):
    put(consul, unique(), "1")
    _, _, index = ask(consul, "GET", f"kv/{unique()}")
    started = time.monotonic()
    assert ask(consul, "GET", f"kv/{unique()}?index={index}&wait=400ms")[2] == index
    assert 0.35 < time.monotonic() - started < 3
    writer = threading.Timer(0.3, put, (consul, unique(), "2"))
    writer.start()
    started = time.monotonic()
    _, found, later = ask(consul, "GET", f"kv/{unique()}?index={index}&wait=10s")
    assert later > index and base64.b64decode(found[0]["Value"]) == b"2"
    assert time.monotonic() - started < 5
    writer.join()


def test_a_transaction_of_keys_and_catalog_is_all_or_nothing(consul, unique):
    node = f"rds-{unique()}"
    operations = [
        {"KV": {"Verb": "cas", "Key": f"{unique()}/host", "Value": b64("h"), "Index": 0, "Flags": 3}},
        {"Node": {"Verb": "set", "Node": {"Node": node, "Address": "db.example.com", "Meta": {"external-node": "true"}}}},
        {"Service": {"Verb": "set", "Node": node, "Service": {"ID": unique(), "Service": unique(), "Port": 5432,
                                                              "Tags": ["postgres"], "Meta": {"uid": "u1"}}}},
        {"Check": {"Verb": "set", "Check": {"Node": node, "CheckID": "rds-status", "Name": "rds", "Status": "passing",
                                            "ServiceID": unique()}}},
    ]
    status, answer, _ = ask(consul, "PUT", "txn", operations)
    assert status == 200 and not answer["Errors"]
    assert [list(item)[0] for item in answer["Results"]] == ["KV", "Node", "Service", "Check"]
    entry = ask(consul, "GET", f"catalog/service/{unique()}")[1][0]
    assert (entry["Address"], entry["ServicePort"], entry["ServiceTags"]) == ("db.example.com", 5432, ["postgres"])
    assert entry["ServiceMeta"] == {"uid": "u1"}
    assert len(ask(consul, "GET", f"health/service/{unique()}?passing")[1]) == 1
    again = [{"KV": {"Verb": "set", "Key": f"{unique()}/new", "Value": b64("x")}}, operations[0]]
    status, answer, _ = ask(consul, "PUT", "txn", again)
    assert status == 409 and answer["Results"] is None
    assert [error["OpIndex"] for error in answer["Errors"]] == [1]
    assert "index is stale" in answer["Errors"][0]["What"]
    assert ask(consul, "GET", f"kv/{unique()}/new")[0] == 404


def test_transaction_verbs_on_keys(consul, unique):
    put(consul, unique(), "1")
    index = modify_index(consul, unique())

    def run(*operations: dict[str, Any]) -> tuple[int, Any]:
        return ask(consul, "PUT", "txn", [{"KV": {"Key": unique(), **operation}} for operation in operations])[:2]

    assert run({"Verb": "check-index", "Index": index}, {"Verb": "get"})[0] == 200
    assert run({"Verb": "check-index", "Index": index + 1000})[0] == 409
    assert run({"Verb": "check-not-exists"})[0] == 409
    assert run({"Verb": "delete-cas", "Index": index + 1000})[0] == 409
    assert run({"Verb": "delete-cas", "Index": index})[0] == 200
    assert run({"Verb": "get"})[0] == 409
    assert run({"Verb": "get-or-empty"})[1]["Results"][0]["KV"]["Value"] is None


def test_register_and_deregister(consul, unique):
    node = f"rds-{unique()}"
    body = {"Node": node, "Address": "db2.example.com", "NodeMeta": {"external-node": "true"},
            "Service": {"ID": "s1", "Service": unique(), "Port": 3306, "Tags": ["mysql"]},
            "Check": {"CheckID": "c1", "Name": "c1", "Status": "critical", "ServiceID": "s1"}}
    assert ask(consul, "PUT", "catalog/register", body)[1] is True
    assert list(ask(consul, "GET", f"catalog/node/{node}")[1]["Services"]) == ["s1"]
    assert ask(consul, "GET", f"health/service/{unique()}?passing")[1] == []
    assert ask(consul, "GET", "catalog/services")[1][unique()] == ["mysql"]
    assert ask(consul, "PUT", "catalog/deregister", {"Node": node, "ServiceID": "s1"})[1] is True
    assert ask(consul, "GET", f"catalog/service/{unique()}")[1] == []
    assert ask(consul, "PUT", "catalog/deregister", {"Node": node})[1] is True
    assert ask(consul, "GET", f"catalog/node/{node}")[1] is None


def test_data_survives_a_restart(consul, unique):
    put(consul, unique(), "kept")
    consul.restart()
    assert ask(consul, "GET", f"kv/{unique()}?raw")[1] == "kept"
    assert put(consul, unique(), "again") is True
