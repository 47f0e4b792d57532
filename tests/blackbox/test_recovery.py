"""Killed at any moment, squall goes on from what is durable."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

from squall_server import Squall, write_pack

CHAIN = "name: {0}\nrunner_type: action-chain\nentry_point: chains/{0}.yaml\nenabled: true\n"
SLEEP = "name: sleep\nrunner_type: local-shell-cmd\nenabled: true\nparameters:\n  cmd: {default: sleep 3, immutable: true}\n"
HOOK = ("name: hook\nenabled: true\ntrigger: {type: core.st2.webhook, parameters: {url: hook}}\n"
        "criteria: {trigger.body.n: {type: exists, pattern: true}}\naction: {ref: core.noop}\n")


def pack(folder: Path) -> Path:
    return write_pack(folder / "packs", "r", {
        "actions/sleep.yaml": SLEEP, "actions/cut.yaml": CHAIN.format("cut"), "actions/steps.yaml": CHAIN.format("steps"),
        "actions/chains/cut.yaml": "chain:\n- {name: long, ref: r.sleep, on-failure: mend, on-success: done}\n"
                                   "- {name: mend, ref: core.noop}\n- {name: done, ref: core.noop}\n",
        "actions/chains/steps.yaml": "chain:\n" + "".join(f"- {{name: s{n}, ref: core.noop, on-success: s{n + 1}}}\n" for n in range(40)) + "- {name: s40, ref: core.noop}\n",
        "rules/hook.yaml": HOOK})


def test_a_shell_action_that_was_cut_off_is_abandoned_and_its_chain_takes_the_failure_path(make_squall: Callable[..., Squall], tmp_path: Path) -> None:
    squall = make_squall([pack(tmp_path)])
    chain = squall.run("r.cut")
    squall.until("the task runs", lambda: [c for c in squall.get(f"/executions?parent={chain}") if c["status"] == "running"])
    time.sleep(0.2)
    squall.kill()
    squall.start()
    ended = squall.finished(chain)
    assert [(t["name"], t["state"]) for t in ended["result"]["tasks"]] == [("long", "abandoned"), ("mend", "succeeded")]
    assert ended["status"] == "succeeded"


def test_what_was_acknowledged_survives_kill_9_and_nothing_happens_twice(make_squall: Callable[..., Squall], tmp_path: Path) -> None:
    """Webhooks and chains while the server is killed again and again, at random moments of the work."""
    squall = make_squall([pack(tmp_path)])
    randomness = random.Random(20161)
    accepted: list[int] = []
    chains: list[str] = []
    stop = threading.Event()

    def load() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            try:
                if squall.call("POST", "/v1/webhooks/hook", {"n": number})[0] == 202:
                    accepted.append(number)
                if number % 10 == 0:
                    status, body = squall.call("POST", "/v1/executions", {"action": "r.steps"})
                    if status == 201:
                        chains.append(body["id"])
            except (OSError, ValueError):
                time.sleep(0.02)
            except Exception:  # a connection that broke in the middle of an answer
                time.sleep(0.02)

    worker = threading.Thread(target=load)
    worker.start()
    for _ in range(8):
        time.sleep(randomness.uniform(0.05, 0.5))
        squall.kill()
        squall.start()
    time.sleep(0.3)
    stop.set()
    worker.join()
    for chain in chains:
        ended = squall.finished(chain)
        assert ended["status"] == "succeeded"
        assert [t["name"] for t in ended["result"]["tasks"]] == [f"s{n}" for n in range(41)]
        assert len(ended["children"]) == 41
    instances = squall.get("/triggerinstances?limit=-1")
    numbers = [i["payload"]["body"]["n"] for i in instances]
    assert set(accepted) <= set(numbers), "an acknowledged event is gone"
    assert len(numbers) == len(set(numbers)), "an event is there twice"
    enforcements = squall.get("/ruleenforcements?limit=-1")
    assert sorted(e["trigger_instance_id"] for e in enforcements) == sorted(i["id"] for i in instances), "one enforcement for each event"
    for enforcement in enforcements:
        assert squall.finished(enforcement["execution_id"])["status"] == "succeeded"
    assert len(accepted) > 20 and chains


def test_delayed_executions_run_after_a_restart(squall: Squall) -> None:
    delayed = squall.run("core.noop", delay=1500)
    assert squall.get("/executions/" + delayed)["status"] == "delayed"
    squall.kill()
    squall.start()
    ended = squall.finished(delayed)
    assert ended["status"] == "succeeded"
    assert [entry["status"] for entry in ended["log"]] == ["requested", "delayed", "scheduled", "running", "succeeded"]


def test_a_clean_stop_ends_with_0_and_a_restart_keeps_the_records(squall: Squall) -> None:
    done = squall.run("core.local", {"cmd": "echo kept"})
    assert squall.finished(done)["result"]["stdout"] == "kept"
    assert squall.stop() == 0
    squall.start()
    assert squall.get("/executions/" + done)["result"]["stdout"] == "kept"
    action = squall.get("/actions/core.noop")["id"]
    assert squall.stop() == 0
    squall.start()
    assert squall.get("/actions/core.noop")["id"] == action


def test_cancel_ends_the_process(squall: Squall) -> None:
    execution = squall.run("core.local", {"cmd": "echo $$ > /tmp/squall-cancel-test.pid; exec sleep 30", "timeout": 60})
    file = Path("/tmp/squall-cancel-test.pid")
    pid = int(squall.until("the process runs", lambda: file.exists() and file.read_text().strip()))
    status, body = squall.call("DELETE", "/v1/executions/" + execution)
    assert status == 200 and body["status"] == "canceled"
    squall.until("the process is gone", lambda: not Path(f"/proc/{pid}").exists(), 10)
    file.unlink()
    assert squall.get("/executions/" + execution)["status"] == "canceled"
