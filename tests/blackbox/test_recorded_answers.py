"""Chains and rules against the recorded answers of a real StackStorm: through the API of a running squall."""

from __future__ import annotations

import concurrent.futures
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from conformance_matching import differences, first_line_only
from recorded_runs import child_view, ended, judge, prepare, run_recorded, topic
from squall_server import Squall

Json = Any


def is_race(vector: Json) -> bool:
    """Recorded runs of these did not agree with each other."""
    return vector.get("race") is not None


def run_topic(make_squall: Callable[..., Squall], name: str, left_out: Callable[[Json], bool]) -> None:
    document = topic(name)
    vectors = [v for v in document["vectors"] if not left_out(v)]
    files: dict[str, str] = dict(document["actions"])
    for vector in vectors:
        files |= vector["files"]
    squall = prepare(make_squall, document, files)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        results = dict(zip([v["id"] for v in vectors], pool.map(lambda v: run_recorded(squall, v), vectors)))
    judge(name, results, Counter(v["group"] for v in document["vectors"] if left_out(v)))


def test_action_chains(make_squall: Callable[..., Squall]) -> None:
    run_topic(make_squall, "action_chain", is_race)


def enforcement_view(squall: Squall, enforcement: Json, wanted: Json) -> Json:
    wanted.pop("other_executions", None)
    view = {"rule": enforcement["rule"]["ref"], "status": enforcement["status"], "failure_reason": enforcement.get("failure_reason")}
    if "execution" in wanted and enforcement.get("execution_id"):
        execution = ended(squall, enforcement["execution_id"], [])
        view["execution"] = {key: execution_part(squall, execution, key, want) for key, want in wanted["execution"].items()}
    return view


def execution_part(squall: Squall, execution: Json, key: str, wanted: Json) -> Json:
    if key == "children":
        return [child_view(squall, squall.get("/executions/" + child), want) for child, want in zip(execution.get("children", []), wanted)]
    value = execution["action"]["ref"] if key == "action" else execution.get(key)
    if isinstance(value, dict) and isinstance(wanted, dict) and key in ("rule", "trigger_type", "trigger", "trigger_instance"):
        return {name: value.get(name) for name in wanted}
    return value


def run_rules(squall: Squall, vector: Json) -> list[str]:
    expect = first_line_only(vector["expect"])
    if "trigger_type" in vector:
        status, body = squall.call("POST", "/v1/triggertypes", vector["trigger_type"])
        if status != expect["trigger_type"]["http_status"]:
            return [f"trigger type: {status} {body!r:.200}"]
    made = []
    for rule, want in zip(vector["rules"], expect["rules"]):
        status, body = squall.call("POST", "/v1/rules", rule)
        if status != want["http_status"]:
            return [f"rule: answered {status} {body!r:.300}, expected {want}"]
        if status == 201:
            made.append(body["id"])
        elif "faultstring" in want:
            if found := differences(want["faultstring"], body.get("faultstring"), "$.rule"):
                return found
    inject = vector["inject"]
    status, body = squall.call(inject["method"], inject["path"], inject.get("body"))
    if status != expect["inject"].get("http_status", status):
        return [f"inject: answered {status} {body!r:.300}, expected {expect['inject']}"]
    if "faultstring" in expect["inject"]:
        return differences(expect["inject"]["faultstring"], body.get("faultstring"), "$.inject")
    found: list[str] = []
    trigger = vector["trigger_type"]["pack"] + "." + vector["trigger_type"]["name"] if "trigger_type" in vector else None
    if inject["path"] == "/v1/executions":
        ended(squall, body["id"], [])
    if trigger:
        instances = squall.get(f"/triggerinstances?trigger={trigger}&limit=-1&sort=occurrence_time")
        shown = []
        for instance, want in zip(instances, expect["trigger_instances"]):
            enforcements = sorted(squall.get(f"/ruleenforcements?trigger_instance={instance['id']}&limit=-1"), key=lambda e: e["rule"]["ref"])
            wants = sorted(want["enforcements"], key=lambda e: e["rule"])
            want["enforcements"] = wants
            shown.append({"status": instance["status"], "payload": instance.get("payload"),
                          "enforcements": [enforcement_view(squall, e, w) for e, w in zip(enforcements, wants)]
                          + [{"extra": e["rule"]["ref"]} for e in enforcements[len(wants):]]})
        shown += [{"extra": i["id"]} for i in instances[len(expect["trigger_instances"]):]]
        found = differences(expect["trigger_instances"], shown)
    for rule in made:
        squall.call("DELETE", "/v1/rules/" + rule)
    return found


def test_rules(make_squall: Callable[..., Squall]) -> None:
    document = topic("rule_flow")
    squall = prepare(make_squall, document, dict(document["actions"]))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        results = dict(zip([v["id"] for v in document["vectors"]], pool.map(lambda v: run_rules(squall, v), document["vectors"])))
    judge("rule_flow", results, Counter())


def test_orquesta_workflows(make_squall: Callable[..., Squall]) -> None:
    run_topic(make_squall, "orquesta_st2", is_race)
