"""The unmodified `st2` client against squall: the commands that people and scripts use every day."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from squall_server import Squall, write_pack
from st2_client import Client, client_program

FILES = {
    "actions/greet.yaml": "name: greet\nrunner_type: local-shell-cmd\ndescription: says hello\nparameters:\n"
                          "  cmd: {default: 'echo hello {{who}}', immutable: true}\n  who: {type: string, default: world}\n",
    "actions/both.yaml": "name: both\nrunner_type: action-chain\nentry_point: chains/both.yaml\n",
    "actions/chains/both.yaml": "chain:\n- {name: one, ref: t.greet, on-success: two}\n- {name: two, ref: t.greet}\n",
    "rules/hook.yaml": "name: hook\nenabled: true\ntrigger: {type: core.st2.webhook, parameters: {url: hook}}\naction: {ref: t.greet}\n",
    "rules/tick.yaml": "name: tick\nenabled: true\ntrigger: {type: core.st2.IntervalTimer, parameters: {unit: hours, delta: 1}}\naction: {ref: t.greet}\n",
    "aliases/greet.yaml": "name: greet\naction_ref: t.greet\nformats: ['greet {{who}}']\n",
    "policies/p.yaml": "name: p\nresource_ref: t.greet\npolicy_type: action.concurrency\nparameters: {threshold: 9}\n",
}


@pytest.fixture
def client(make_squall: Callable[..., Squall], tmp_path: Path) -> Client:
    try:
        client_program()
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"st2client cannot be installed: {error}")
    squall = make_squall([write_pack(tmp_path / "packs", "t", FILES)])
    return Client(squall.url, tmp_path)


def test_actions_and_executions(client: Client, tmp_path: Path) -> None:
    assert {a["ref"] for a in client.json("action", "list", "--pack", "t")} == {"t.both", "t.greet"}
    assert client.json("action", "get", "t.greet")["description"] == "says hello"
    assert "hello world" in client.run("run", "t.greet")
    tasks = client.run("run", "t.both")
    assert "one" in tasks and "two" in tasks
    last = client.json("execution", "list", "-n", "2")
    by_action = {action: e["id"] for e in last for action in ("t.both", "t.greet") if action in json.dumps(e)}
    assert set(by_action) == {"t.both", "t.greet"} and len(last) == 2
    assert client.json("execution", "get", by_action["t.both"])["id"] == by_action["t.both"]
    assert "hello world" in client.run("execution", "tail", by_action["t.greet"])
    again = client.json("execution", "re-run", by_action["t.greet"], "who=there")
    assert again["result"]["stdout"] == "hello there"
    slow = client.run("run", "-a", "core.local", "cmd=sleep 20")
    execution = next(word for word in slow.split() if len(word) == 24 and all(c in "0123456789abcdef" for c in word))
    client.run("execution", "cancel", execution)
    assert client.json("execution", "get", execution)["status"].startswith("canceled")
    made = tmp_path / "action.json"
    made.write_text(json.dumps({"name": "made", "pack": "t", "runner_type": "noop"}))
    assert client.json("action", "create", str(made))["ref"] == "t.made"
    assert client.json("action", "disable", "t.made")["enabled"] is False
    client.run("action", "delete", "t.made")
    assert "not found" in client.run("action", "get", "t.made", expect=None)
    assert "t.nosuch" in client.run("run", "t.nosuch", expect=None)


def test_rules_triggers_and_events(client: Client, tmp_path: Path) -> None:
    assert {r["ref"] for r in client.json("rule", "list", "--pack", "t")} == {"t.hook", "t.tick"}
    made = tmp_path / "rule.json"
    made.write_text(json.dumps({"name": "made", "pack": "t", "enabled": True, "trigger": {"type": "core.st2.webhook", "parameters": {"url": "made"}},
                                "criteria": {}, "action": {"ref": "t.greet", "parameters": {"who": "{{trigger.body.who}}"}}}))
    assert client.json("rule", "create", str(made))["ref"] == "t.made"
    assert client.json("rule", "disable", "t.made")["enabled"] is False
    assert client.json("rule", "enable", "t.made")["enabled"] is True
    assert {w["url"] for w in client.json("webhook", "list")} >= {"hook", "made"}
    assert client.json("timer", "list")[0]["type"] == "core.st2.IntervalTimer"
    assert any(t["ref"] == "core.st2.webhook" for t in client.json("trigger", "list"))
    client.run("rule", "delete", "t.made")
    assert "not found" in client.run("rule", "get", "t.made", expect=1)
    assert client.run("trigger-instance", "list") is not None
    assert client.run("rule-enforcement", "list") is not None
    assert client.run("trace", "list") is not None


def test_keys(client: Client) -> None:
    assert client.json("key", "set", "a", "1")["value"] == "1"
    client.run("key", "set", "b", "2", "--ttl", "100")
    assert {k["name"] for k in client.json("key", "list")} == {"a", "b"}
    assert client.json("key", "get", "a")["value"] == "1"
    assert client.json("key", "set", "--scope=user", "mine", "3")["scope"] == "st2kv.user"
    client.run("key", "delete", "a")
    assert "not found" in client.run("key", "get", "a", expect=1)
    client.run("key", "delete_by_prefix", "-p", "b")
    assert [k["name"] for k in client.json("key", "list", "--scope=all")] == ["mine"]


def test_content(client: Client) -> None:
    assert {p["ref"] for p in client.json("pack", "list")} >= {"core", "t"}
    assert client.json("pack", "get", "t")["version"] == "0.1.0"
    assert "actions" in client.run("pack", "register", "t")
    assert any(r["name"] == "noop" for r in client.json("runner", "list"))
    assert client.json("runner", "disable", "noop")["enabled"] is False
    assert client.json("runner", "enable", "noop")["enabled"] is True
    assert client.json("policy", "list")[0]["ref"] == "t.p"
    assert len(client.json("policy-type", "list")) == 3
    assert client.json("action-alias", "list")[0]["ref"] == "t.greet"
    assert "greet" in client.run("action-alias", "match", "greet bob")
    assert "hello bob" in client.run("execution", "get", client_execution(client, "greet bob"))
    assert client.run("sensor", "list") is not None
    assert client.run("service-registry", "group", "list") is not None


def client_execution(client: Client, command: str) -> str:
    client.run("action-alias", "execute", command)
    for _ in range(50):
        newest = client.json("execution", "list", "-n", "1")[0]
        if newest["status"].startswith("succeeded"):
            return str(newest["id"])
    raise AssertionError("the alias started nothing that succeeds")


def test_access(make_squall: Callable[..., Squall], tmp_path: Path) -> None:
    try:
        client_program()
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"st2client cannot be installed: {error}")
    passwords = tmp_path / "htpasswd"
    passwords.write_text("ann:{SHA}V1t6eZLxnehb7CTBuj61Nq3lIh4=\n")
    squall = make_squall(env={"SQUALL_AUTH_HTPASSWD": str(passwords)}, start=False)
    squall._answers = lambda: _is_up(squall)  # type: ignore[method-assign]
    squall.start()
    stranger = Client(squall.url, tmp_path)
    stranger.run("action", "list", expect=1)
    token = stranger.run("auth", "ann", "-p", "testp", "-t").strip()
    assert len(token) == 32
    known = Client(squall.url, tmp_path, {"ST2_AUTH_TOKEN": token})
    assert "ann" in known.run("whoami")
    key = known.run("apikey", "create", "-k").strip()
    by_key = Client(squall.url, tmp_path, {"ST2_API_KEY": key})
    assert "ann" in by_key.run("whoami")
    assert len(by_key.json("apikey", "list")) == 1


def _is_up(squall: Squall) -> bool:
    try:
        return squall.call("GET", "/v1/")[0] == 401
    except OSError:
        return False
