"""No document kills the engine: what a record cannot hold is refused, or takes a faithful form, where it comes in."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from squall_server import Squall, write_pack

CHAIN = "name: {0}\nrunner_type: action-chain\nentry_point: chains/{0}.yaml\nenabled: true\nparameters:\n  x: {{type: string}}\n"
TAKE = ("name: take\nrunner_type: noop\nenabled: true\nparameters:\n  i: {type: integer}\n  n: {type: number}\n"
        "  s: {type: string}\n  o: {type: object}\n  a: {type: array}\n  any: {}\n")
PYTHON = ("name: answer\nrunner_type: python-script\nentry_point: answer.py\nenabled: true\n"
          "parameters:\n  what: {type: string, required: true}\n")
ANSWER = '''
from st2common.runners.base_action import Action

class Answer(Action):
    def run(self, what):
        deep = 1
        for _ in range(900):
            deep = [deep]
        return {"big": 2 ** 100, "nan": [float("nan"), float("inf"), 2 ** 100], "surrogate": "a\\ud800b", "deep": deep, "plain": 1,
                "huge": "x" * (10 << 20)}[what]
'''
HOOK = ("name: {0}\nenabled: true\ntrigger: {{type: core.st2.webhook, parameters: {{url: {0}}}}}\n"
        "criteria: {{}}\naction: {{ref: d.take, parameters: {1}}}\n")
PUBLISHES = {
    "surrogate": "{{ '\\ud800' }}",
    "power": "{{ 2 ** 100 }}",
    "wide": "{{ 'x' * 5000000 }}",
}


def chain_file(publish: dict[str, str]) -> str:
    return json.dumps({"chain": [{"name": "one", "ref": "core.noop", "publish": publish, "on-success": "two"}, {"name": "two", "ref": "core.noop"}]})


def pack(folder: Path) -> Path:
    files = {"actions/take.yaml": TAKE, "actions/answer.yaml": PYTHON, "actions/answer.py": ANSWER,
             "rules/big.yaml": HOOK.format("big", '{i: "{{ 2 ** 100 }}"}'), "rules/echo.yaml": HOOK.format("echo", '{o: "{{ trigger.body }}"}'),
             # What YAML has and JSON lacks.
             "actions/dated.yaml": "name: dated\nrunner_type: noop\nenabled: true\nparameters:\n  day: {type: string, default: 2001-12-14}\n",
             "actions/binary.yaml": "name: binary\nrunner_type: noop\nenabled: true\nparameters:\n  raw: {default: !!binary /////w==}\n",
             "actions/long.yaml": "name: long\nrunner_type: noop\nenabled: true\nparameters:\n  n: {default: 99999999999999999999999}\n",
             "actions/on.yaml": "name: 'on'\nrunner_type: noop\nenabled: maybe\n"}
    for name, template in PUBLISHES.items():
        files[f"actions/{name}.yaml"] = CHAIN.format(name)
        files[f"actions/chains/{name}.yaml"] = chain_file({"v": template})
    files["actions/days.yaml"] = CHAIN.format("days")
    files["actions/chains/days.yaml"] = "vars: {day: 2001-12-14}\nchain:\n- {name: one, ref: d.take, parameters: {any: 2001-12-14 10:00:00, s: '{{ day }}'}}\n"
    return write_pack(folder / "packs", "d", files)


@pytest.fixture
def server(make_squall: Callable[..., Squall], tmp_path: Path) -> Squall:
    return make_squall([pack(tmp_path)])


def alive(squall: Squall) -> None:
    """The same process still answers and works."""
    assert squall.process and squall.process.poll() is None, squall.log.read_text()[-2000:]
    assert squall.result("core.noop")["status"] == "succeeded"
    assert "could not be kept" not in squall.log.read_text(), "the last net was needed: a border let something through"


def raw(squall: Squall, path: str, body: bytes, *headers: bytes) -> tuple[int, str]:
    """A request whose bytes no HTTP library would send."""
    with socket.create_connection(("127.0.0.1", squall.port), timeout=60) as connection:
        head = [f"POST {path} HTTP/1.1".encode(), b"Host: x", b"Connection: close", b"Content-Length: " + str(len(body)).encode(), *headers]
        connection.sendall(b"\r\n".join(head) + b"\r\n\r\n" + body)
        answer = b""
        while (part := connection.recv(65536)):
            answer += part
    return int(answer.split(b" ", 2)[1]), answer.partition(b"\r\n\r\n")[2].decode(errors="replace")


def post(squall: Squall, path: str, body: bytes) -> tuple[int, str]:
    return raw(squall, path, body, b"Content-Type: application/json")


def nested(depth: int) -> bytes:
    return b"[" * depth + b"1" + b"]" * depth


def test_api_bodies_that_no_record_can_hold_are_refused(server: Squall) -> None:
    for path, wrap in [("/v1/webhooks/echo", b'{"v": %s}'), ("/v1/executions", b'{"action": "d.take", "parameters": {"any": %s}}'),
                       ("/v1/webhooks/st2", b'{"trigger": "core.st2.generic.actiontrigger", "payload": {"x": %s}}'),
                       ("/v1/rules", b'{"name": "r", "pack": "d", "trigger": {"type": "core.st2.webhook", "parameters": {"url": "z"}}, '
                                     b'"criteria": {}, "action": {"ref": "core.noop", "parameters": {"v": %s}}}')]:
        for bad in (nested(300), nested(998), nested(5000), b'"\\ud800"', b'"\xff\xfe"', b"NaN", b"1e999", b'"\xed\xa0\x80"'):
            status, text = post(server, path, wrap % bad)
            assert status == 400, (path, bad[:20], status, text[:300])
            assert "faultstring" in text and text != '{"faultstring":""}'
    alive(server)


def test_api_bodies_at_the_edge_are_kept_faithfully(server: Squall) -> None:
    for good in (nested(200), b"18446744073709551615", b"-9223372036854775808", b'"\\u0000\\uffff\\ud83d\\ude00"', b'""', b"{}", b'{"": {"": null}}'):
        status, text = post(server, "/v1/executions", b'{"action": "d.take", "parameters": {"any": %s}}' % good)
        assert status == 201, (good[:40], text[:300])
        kept = server.finished(json.loads(text)["id"])
        assert kept["status"] == "succeeded" and kept["parameters"]["any"] == json.loads(good), good[:40]
    huge = b'"' + b"y" * (10 << 20) + b'"'
    status, text = post(server, "/v1/webhooks/echo", b'{"v": %s}' % huge)
    assert status == 202
    server.until("the event's execution ends", lambda: [e for e in server.get("/executions?action=d.take&attributes=status") if e["status"] == "succeeded"])
    alive(server)


def test_headers_forms_and_trace_tags_of_any_bytes(server: Squall) -> None:
    status, _ = raw(server, "/v1/webhooks/echo", b'{"a": 1}', b"Content-Type: application/json", b"X-Odd: caf\xe9 \xff", b"St2-Trace-Tag: t\xff")
    assert status == 202
    status, _ = raw(server, "/v1/webhooks/echo", b"a=%ff%fe&%ff=1", b"Content-Type: application/x-www-form-urlencoded")
    assert status == 202
    instances = server.get("/triggerinstances?trigger=" + server.get("/triggerinstances?limit=1")[0]["trigger"])
    assert any("caf\ufffd" in str(instance["payload"]["headers"]) for instance in instances)
    for path in ("/v1/keys/%ff", "/v1/keys/a?user=%ff&scope=user"):
        request_line, body = path, b'{"value": "x"}'
        assert raw_put(server, request_line, body)[0] in {200, 400}
    alive(server)


def raw_put(squall: Squall, path: str, body: bytes) -> tuple[int, str]:
    with socket.create_connection(("127.0.0.1", squall.port), timeout=30) as connection:
        connection.sendall(b"PUT %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                           % (path.encode(), len(body), body))
        answer = b""
        while (part := connection.recv(65536)):
            answer += part
    return int(answer.split(b" ", 2)[1]), answer.partition(b"\r\n\r\n")[2].decode(errors="replace")


def test_rendered_parameters(server: Squall) -> None:
    status, body = server.call("POST", "/v1/executions", {"action": "d.take", "parameters": {"i": "{{ 2 ** 100 }}"}})
    assert status == 400 and "outside 64 bits" in body["faultstring"], body
    status, body = server.call("POST", "/v1/executions", {"action": "d.take", "parameters": {"s": "{{ '\\ud800' }}"}})
    assert status == 400 and "UTF-8" in body["faultstring"], body
    for wrong in ({"o": "{{ '{1: 2, (1,2): 3}' }}"}, {"a": "{{ '(1, {2})' }}"}, {"a": "{{ '[b\"\\\\xff\"]' }}"}, {"n": "{{ '1e999' }}"}, {"n": "nan"}):
        status, body = server.call("POST", "/v1/executions", {"action": "d.take", "parameters": wrong})
        assert status in {201, 400}, (wrong, status, body)
    alive(server)


def test_a_rule_whose_parameters_cannot_be_recorded_fails_its_enforcement(server: Squall) -> None:
    assert server.call("POST", "/v1/webhooks/big", {"a": 1})[0] == 202
    failed = server.until("the enforcement", lambda: server.get("/ruleenforcements?rule_ref=d.big"))[0]
    assert failed["status"] == "failed" and "outside 64 bits" in failed["failure_reason"]
    alive(server)


def test_chains_that_publish_what_cannot_be_recorded_fail_with_the_reason(server: Squall) -> None:
    surrogate = server.result("d.surrogate")
    assert surrogate["status"] == "failed" and "UTF-8" in surrogate["result"]["error"], surrogate["result"]
    power = server.result("d.power")
    assert power["status"] == "succeeded" and power["result"]["published"]["v"] == str(2 ** 100)
    wide = server.result("d.wide")
    assert wide["status"] == "succeeded" and len(wide["result"]["published"]["v"]) == 5_000_000
    days = server.result("d.days")
    assert days["status"] == "succeeded", days["result"]
    task = server.get("/executions/" + days["children"][0])
    assert task["parameters"] == {"any": "2001-12-14T10:00:00", "s": "2001-12-14"}
    alive(server)


def test_results_of_runners(server: Squall) -> None:
    big = server.finished(server.run("d.answer", {"what": "nan"}), 120)
    assert big["status"] == "failed" and "outside 64 bits" in big["result"]["error"], big["result"]
    deep = server.result("d.answer", {"what": "deep"})
    assert deep["status"] == "failed" and "deep" in deep["result"]["error"], str(deep["result"])[:500]
    huge = server.result("d.answer", {"what": "huge"})
    assert huge["status"] == "succeeded" and len(huge["result"]["result"]) == 10 << 20
    for what in ("big", "surrogate", "plain"):
        assert server.result("d.answer", {"what": what})["status"] in {"succeeded", "failed"}
    shell = server.result("core.local", {"cmd": "printf 'a\\377b'"})
    assert shell["status"] == "succeeded" and shell["result"]["stdout"] == "a\ufffdb"
    alive(server)


def test_pack_content_that_no_record_can_hold_is_reported_with_its_file(server: Squall) -> None:
    assert server.get("/actions/d.dated")["parameters"]["day"]["default"] == "2001-12-14"
    found = {problem["where"].split("/d/")[-1].split(":")[0]: problem["message"] for problem in server.get("/squall/health")["problems"]}
    assert "UTF-8" in found["actions/binary.yaml"] and "$.parameters.raw.default" in found["actions/binary.yaml"], found
    assert "64 bits" in found["actions/long.yaml"], found
    assert "actions/on.yaml" in found or server.get("/actions/d.on")["enabled"] in {True, False}
    assert server.call("GET", "/v1/actions/d.binary")[0] == 404
    rule = {"name": "odd", "pack": "d", "trigger": {"type": "core.st2.webhook", "parameters": {"url": "odd"}}, "criteria": {}, "action": {"ref": 5}}
    assert server.call("POST", "/v1/rules", rule)[0] == 400
    alive(server)
    # And again at the next start, when all of it is read from the store.
    assert server.stop() == 0
    server.start()
    alive(server)
