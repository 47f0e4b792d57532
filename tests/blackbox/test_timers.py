"""Timers fire, survive kill -9, and say what is wrong with them."""

from __future__ import annotations

import time
from collections.abc import Callable

from squall_server import Squall

INTERVAL = {"name": "often", "pack": "default", "enabled": True, "criteria": {}, "action": {"ref": "core.noop", "parameters": {}},
            "trigger": {"type": "core.st2.IntervalTimer", "parameters": {"unit": "seconds", "delta": 1}}}


def instances(squall: Squall, trigger: str) -> list[dict]:
    return squall.get(f"/triggerinstances?trigger={trigger}&limit=-1")


def test_an_interval_fires_and_goes_on_after_kill_9(make_squall: Callable[..., Squall]) -> None:
    squall = make_squall()
    status, rule = squall.call("POST", "/v1/rules", INTERVAL)
    assert status == 201, rule
    trigger = rule["trigger"]["ref"]
    squall.until("it fires twice", lambda: len(instances(squall, trigger)) >= 2)
    timers = {timer["ref"]: timer["parameters"] for timer in squall.get("/timers?timer_type=core.st2.IntervalTimer")}
    assert timers[trigger] == {"unit": "seconds", "delta": 1}
    assert squall.get(f"/timers/{trigger}")["type"] == "core.st2.IntervalTimer"
    squall.kill()
    before = len(squall.start() and instances(squall, trigger))
    time.sleep(3)
    found = instances(squall, trigger)
    # Once for all that was missed, then one a second.
    assert before + 2 <= len(found) <= before + 5
    assert found[0]["payload"]["schedule"] is None and found[0]["payload"]["executed_at"].endswith("+00:00")
    executions = squall.until("each has its execution", lambda: len(e := squall.get("/executions?action=core.noop&limit=-1")) >= len(found) and e)
    assert executions[0]["context"]["trace_context"]["trace_tag"].startswith("st2.IntervalTimer-")
    assert len({e["trigger_instance"]["id"] for e in executions}) == len(executions)
    assert squall.call("DELETE", f"/v1/rules/{rule['id']}")[0] == 204
    assert trigger not in [timer["ref"] for timer in squall.get("/timers")]
    time.sleep(0.2)
    ended = len(instances(squall, trigger))
    time.sleep(1.5)
    assert len(instances(squall, trigger)) == ended


def test_timers_that_cannot_be(squall: Squall) -> None:
    def refused(kind: str, parameters: dict) -> str:
        rule = {**INTERVAL, "name": "bad", "trigger": {"type": f"core.st2.{kind}", "parameters": parameters}}
        status, answer = squall.call("POST", "/v1/rules", rule)
        assert status == 400, answer
        return answer["faultstring"]

    assert "'fortnights' is not one of" in refused("IntervalTimer", {"unit": "fortnights", "delta": 1})
    assert "'delta' is a required property" in refused("IntervalTimer", {"unit": "seconds"})
    assert refused("CronTimer", {"minute": "61"}) == "Error validating expression '61': the last value (61) is higher than the maximum value (59)"
    assert refused("CronTimer", {"hour": 1, "timezone": "Nowhere/Zone"}) == "'No time zone found with key Nowhere/Zone'"
    assert squall.call("GET", "/v1/timers?timer_type=nosuch")[0] == 400
    assert squall.call("GET", "/v1/timers/core.nosuch")[0] == 404


def test_an_unknown_time_zone_is_refused_at_the_start(make_squall: Callable[..., Squall]) -> None:
    squall = make_squall(env={"SQUALL_TIMEZONE": "Mars/Olympus"}, start=False)
    import subprocess

    done = subprocess.run(squall.command(), env=squall.env, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2 and "SQUALL_TIMEZONE: 'Mars/Olympus' is not a time zone" in done.stderr


def test_the_sweep_of_databases_has_nothing_to_do_without_a_cluster(make_squall: Callable[..., Squall]) -> None:
    squall = make_squall(env={"HOME": "/nonexistent"})
    done = squall.result("database.find_work")
    assert done["status"] == "succeeded" and "no Kubernetes cluster is configured" in done["result"]["tasks"][0]["result"]["note"]
