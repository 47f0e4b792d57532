"""What the API sets in motion: policies, datastore triggers, aliases, the event stream, access."""

from __future__ import annotations

import base64
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from squall_server import Squall, write_pack

Json = Any

SLEEP = "runner_type: local-shell-cmd\nparameters:\n  cmd: {default: 'sleep 0.3; echo done', immutable: true}\n  key: {type: string, default: d}\n"


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return write_pack(tmp_path / "packs", "t", {
        "actions/slow.yaml": "name: slow\n" + SLEEP,
        "actions/bad.yaml": "name: bad\nrunner_type: local-shell-cmd\nparameters:\n  cmd: {default: 'exit 3', immutable: true}\n",
        "actions/say.yaml": "name: say\nrunner_type: local-shell-cmd\nparameters:\n  cmd: {default: 'echo {{what}} {{n}}', immutable: true}\n"
                            "  what: {type: string}\n  n: {type: integer, default: 1}\n",
        "actions/who.yaml": "name: who\nrunner_type: local-shell-cmd\nparameters:\n  cmd: {default: "
                            "'curl -s -H \"X-Auth-Token: $ST2_ACTION_AUTH_TOKEN\" $ST2_ACTION_API_URL/user', immutable: true}\n",
        "aliases/say.yaml": "name: say\naction_ref: t.say\nformats:\n- 'say {{what}} times {{n=2}}'\n"
                            "ack: {format: 'saying {{execution.parameters.what}}'}\n",
        "rules/on_key.yaml": "name: on_key\nenabled: true\ntrigger: {type: core.st2.key_value_pair.value_change}\n"
                             "action: {ref: t.say, parameters: {what: '{{trigger.old_object.value}}-{{trigger.new_object.value}}'}}\n",
    })


def finished_in_order(squall: Squall, ids: list[str]) -> list[Json]:
    return [squall.finished(execution) for execution in ids]


def test_concurrency_is_exact_and_first_in_first_out(make_squall: Callable[..., Squall], pack: Path) -> None:
    squall = make_squall([pack])
    status, policy = squall.call("POST", "/v1/policies", {"name": "p", "pack": "t", "resource_ref": "t.slow",
                                                         "policy_type": "action.concurrency", "parameters": {"threshold": 2}})
    assert status == 201, policy
    ids = [squall.run("t.slow") for _ in range(6)]
    assert [squall.get("/executions/" + i)["status"] for i in ids[3:]] == ["delayed"] * 3
    done = finished_in_order(squall, ids)
    starts = [next(e["timestamp"] for e in d["log"] if e["status"] == "running") for d in done]
    assert starts == sorted(starts)
    marks = sorted([(s, 1) for s in starts] + [(d["end_timestamp"], -1) for d in done])
    running = most = 0
    for _, change in marks:
        running += change
        most = max(most, running)
    assert most == 2


def test_a_failed_action_is_tried_again(make_squall: Callable[..., Squall], pack: Path) -> None:
    squall = make_squall([pack])
    assert squall.call("POST", "/v1/policies", {"name": "r", "pack": "t", "resource_ref": "t.bad", "policy_type": "action.retry",
                                                "parameters": {"retry_on": "failure", "max_retry_count": 2}})[0] == 201
    first = squall.finished(squall.run("t.bad"))
    tries = squall.until("three tries", lambda: (lambda l: l if len(l) == 3 and all(e["status"] == "failed" for e in l) else None)(
        squall.get("/executions?action=t.bad&sort=id")))
    assert [e["context"].get("policies", {}).get("retry", {}).get("retry_count") for e in tries] == [None, 1, 2]
    assert tries[1]["context"]["policies"]["retry"]["retried_liveaction_id"] == first["liveaction"]["id"]
    trace = squall.get("/traces?execution=" + first["id"])
    assert [c["object_id"] for c in trace[0]["action_executions"]] == [e["id"] for e in tries]


def test_a_changed_value_fires_its_rule(make_squall: Callable[..., Squall], pack: Path) -> None:
    squall = make_squall([pack])
    for value in ("one", "two", "two"):
        assert squall.call("PUT", "/v1/keys/k", {"name": "k", "value": value})[0] == 200
    fired = squall.until("the rule fires", lambda: squall.get("/executions?action=t.say"))
    assert [e["parameters"]["what"] for e in fired] == ["one-two"]
    trace = squall.get("/traces?execution=" + fired[0]["id"])[0]
    assert [r["ref"] for r in trace["rules"]] == ["t.on_key"]
    assert trace["action_executions"][0]["caused_by"]["id"] == trace["rules"][0]["object_id"] + ":" + trace["trigger_instances"][0]["object_id"]


def test_values_expire(make_squall: Callable[..., Squall], pack: Path) -> None:
    squall = make_squall([pack])
    assert squall.call("PUT", "/v1/keys/k", {"name": "k", "value": "v", "ttl": 1})[0] == 200
    assert squall.get("/keys/k")["value"] == "v"
    squall.until("it is gone", lambda: squall.call("GET", "/v1/keys/k")[0] == 404, 5)
    assert squall.get("/keys") == []


def test_a_command_runs_its_alias(make_squall: Callable[..., Squall], pack: Path) -> None:
    squall = make_squall([pack])
    status, matched = squall.call("POST", "/v1/actionalias/match", {"command": "say hi times 3"})
    assert status == 200 and matched["actionalias"]["ref"] == "t.say" and matched["representation"] == "say {{what}} times {{n=2}}"
    status, answer = squall.call("POST", "/v1/aliasexecution/match_and_execute",
                                 {"command": "say hi times 3", "user": "ann", "source_channel": "chat"})
    assert status == 201, answer
    assert answer["results"][0]["message"] == "saying hi"
    done = squall.finished(answer["results"][0]["execution"]["id"])
    assert done["result"]["stdout"] == "hi 3" and done["context"]["api_user"] == "ann"
    assert squall.call("POST", "/v1/actionalias/match", {"command": "sing"}) == (400, {"faultstring": "Command 'sing' matched no patterns"})
    assert squall.get("/actionalias/help?filter=SAY")["helpstrings"][0]["display"] == "say {{what}} times {{n=2}}"


class Events:
    """One subscription to the stream, read by a thread."""

    def __init__(self, squall: Squall, query: str, headers: dict[str, str] | None = None) -> None:
        request = urllib.request.Request(squall.url + "/v1/stream?" + query, headers=headers or {})
        self.answer = urllib.request.urlopen(request, timeout=20)
        assert self.answer.readline() == b"\n"
        self.events: list[tuple[str, str, Json]] = []
        self.ended = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        name = number = ""
        try:
            for line in self.answer:
                key, _, value = line.decode().rstrip("\n").partition(": ")
                if key == "event":
                    name = value
                elif key == "id":
                    number = value
                elif key == "data":
                    self.events.append((name, number, json.loads(value)))
        except (OSError, ValueError):
            pass
        self.ended.set()

    def close(self) -> None:
        self.answer.close()


def test_the_stream_tells_ends_and_can_be_resumed(make_squall: Callable[..., Squall], pack: Path) -> None:
    squall = make_squall([pack])
    first = Events(squall, "action_refs=t.slow&events=st2.execution__*,st2.execution.output__create")
    execution = squall.run("t.slow")
    squall.finished(execution)
    squall.until("the end is told", lambda: any(d.get("status") == "succeeded" for _, _, d in first.events))
    names = [(n, d.get("status") or d.get("data")) for n, _, d in first.events]
    assert names == [("st2.execution__create", "requested"), ("st2.execution__update", "scheduled"), ("st2.execution__update", "running"),
                     ("st2.execution.output__create", "done\n"), ("st2.execution__update", "succeeded")]
    last = first.events[1][1]
    first.close()
    again = Events(squall, "action_refs=t.slow&events=st2.execution__*", {"Last-Event-ID": last})
    squall.until("what was missed comes", lambda: len(again.events) == 2)
    assert [d["status"] for _, _, d in again.events] == ["running", "succeeded"]
    again.close()
    late = Events(squall, f"end_execution_id={execution}&end_event=st2.execution__update")
    assert late.ended.wait(10), "a late subscriber hangs"
    assert [d["status"] for _, _, d in late.events] == ["succeeded"]


class Guarded(Squall):
    def _answers(self) -> bool:
        try:
            return self.call("GET", "/v1/")[0] == 401
        except OSError:
            return False


@pytest.fixture
def guarded(tmp_path: Path, pack: Path) -> Iterator[Guarded]:
    passwords = tmp_path / "htpasswd"
    passwords.write_text("ann:{SHA}V1t6eZLxnehb7CTBuj61Nq3lIh4=\n")
    squall = Guarded(tmp_path, [pack], {"SQUALL_AUTH_HTPASSWD": str(passwords)})
    squall.start()
    yield squall
    squall.kill()


def log_in(squall: Squall, password: str = "testp") -> tuple[int, Json]:
    basic = base64.b64encode(f"ann:{password}".encode()).decode()
    return squall.call("POST", "/auth/v1/tokens", {"ttl": 60}, {"Authorization": "Basic " + basic})


def test_nobody_comes_in_without_a_token(guarded: Guarded) -> None:
    for route in ("/v1/actions", "/v1/stream", "/v1/webhooks", "/v1/squall/metrics", "/stream/v1/stream", "/api/v1/keys"):
        status, body = guarded.call("GET", route)
        assert (status, body) == (401, {"faultstring": "Unauthorized - One of Token or API key required."}), route
    assert log_in(guarded, "wrong")[0] == 401
    status, token = log_in(guarded)
    assert status == 201
    headers = {"X-Auth-Token": token["token"]}
    assert guarded.call("GET", "/v1/user", headers=headers)[1]["username"] == "ann"
    _, execution = guarded.call("POST", "/v1/executions", {"action": "t.who"}, headers)
    done = guarded.until("it ends", lambda: (lambda e: e if e["status"] in ("succeeded", "failed") else None)(
        guarded.call("GET", "/v1/executions/" + execution["id"], headers=headers)[1]))
    assert done["result"]["stdout"]["username"] == "ann", "the action asks as the user who runs it"


def test_tokens_and_keys_leave_no_trace_on_disk(guarded: Guarded) -> None:
    token = log_in(guarded)[1]["token"]
    _, made = guarded.call("POST", "/v1/apikeys", {}, {"X-Auth-Token": token})
    assert guarded.call("GET", "/v1/user", headers={"St2-Api-Key": made["key"]})[0] == 200
    time.sleep(0.1)
    guarded.stop()
    for file in [*guarded.data.rglob("*"), guarded.log]:
        if file.is_file():
            content = file.read_bytes()
            for secret in (token, made["key"], "testp"):
                assert secret.encode() not in content, file
    guarded.start()
    assert guarded.call("GET", "/v1/user", headers={"X-Auth-Token": token})[0] == 200


def test_guessing_passwords_is_slowed_down(guarded: Guarded) -> None:
    answers = [log_in(guarded, f"wrong{n}")[0] for n in range(12)]
    assert answers == [401] * 10 + [429] * 2
    assert log_in(guarded)[0] == 429, "not even with the right one"
