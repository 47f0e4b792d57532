"""Runners written in Python, from a directory of the site; and the runner `announcement`."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from squall_server import Squall, write_pack

RUNNER_YAML = """- name: ferry
  description: Carries things
  runner_package: ferry_runner
  runner_module: ferry
  runner_parameters:
    speed: {type: integer, default: 5}
    timeout: {type: integer, default: 60}
"""
FERRY = """
import os, time, uuid
from st2common import log as logging
from st2common.constants.action import LIVEACTION_STATUS_FAILED, LIVEACTION_STATUS_SUCCEEDED
from st2common.runners.base import ActionRunner
from ferry_runner.crew import greeting

LOG = logging.getLogger(__name__)


class FerryRunner(ActionRunner):
    def pre_run(self):
        super().pre_run()
        self._speed = self.runner_parameters["speed"]

    def run(self, action_parameters):
        print(greeting(), flush=True)
        if action_parameters.get("sink"):
            raise RuntimeError("sunk")
        if action_parameters.get("wait"):
            open(action_parameters["wait"], "w").close()
            time.sleep(60)
        if action_parameters.get("odd"):
            return "odd"
        status = LIVEACTION_STATUS_FAILED if action_parameters.get("fail") else LIVEACTION_STATUS_SUCCEEDED
        return (status, {"speed": self._speed, "cargo": action_parameters["cargo"], "action": self.action.ref, "user": self.context["user"],
                         "pack": self.get_pack_ref(), "id": self.execution_id, "entry": self.entry_point,
                         "variables": sorted(self._get_common_action_env_variables())}, {"crossed": True})

    def cancel(self):
        open(self.liveaction.parameters["wait"] + ".canceled", "w").close()
        return super().cancel()


def get_runner():
    return FerryRunner(str(uuid.uuid4()))
"""
ACTION = "name: {name}\nrunner_type: {runner}\nentry_point: ''\nparameters:\n  cargo: {{default: sheep}}\n  fail: {{type: boolean}}\n" \
         "  sink: {{type: boolean}}\n  odd: {{type: boolean}}\n  wait: {{type: string}}\n"


@pytest.fixture(scope="module")
def squall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Squall]:
    directory = tmp_path_factory.mktemp("custom")
    runner = directory / "runners" / "ferry"
    (runner / "ferry_runner").mkdir(parents=True)
    (runner / "runner.yaml").write_text(RUNNER_YAML)
    (runner / "ferry_runner" / "__init__.py").write_text("")
    (runner / "ferry_runner" / "ferry.py").write_text(FERRY)
    (runner / "ferry_runner" / "crew.py").write_text("def greeting():\n    return 'all aboard'\n")
    broken = directory / "runners" / "broken"
    broken.mkdir()
    (broken / "runner.yaml").write_text("name: broken\n")
    taken = directory / "runners" / "taken"
    taken.mkdir()
    (taken / "runner.yaml").write_text("name: noop\nrunner_module: taken\n")
    packs = write_pack(directory / "packs", "sea", {"actions/cross.yaml": ACTION.format(name="cross", runner="ferry"),
                                                    "actions/tell.yaml": "name: tell\nrunner_type: announcement\nentry_point: ''\nparameters: "
                                                    "{experimental: {default: true}, route: {default: harbour}, message: {type: object}}\n"})
    squall = Squall(directory, [packs], {"SQUALL_RUNNERS": str(directory / "runners")})
    squall.start()
    yield squall
    squall.stop()


def test_it_is_a_runner_type_like_the_others(squall: Squall) -> None:
    found = squall.get("/runnertypes?name=ferry")
    assert len(found) == 1 and found[0]["runner_module"] == "ferry" and found[0]["runner_parameters"]["speed"]["default"] == 5
    action = squall.get("/actions/views/overview/sea.cross")
    assert "speed" in action["parameters"]


def test_run_returns_the_outcome(squall: Squall) -> None:
    done = squall.result("sea.cross", {"cargo": ["wolf", "goat"], "speed": 9})
    assert done["status"] == "succeeded"
    result = done["result"]
    assert result["cargo"] == ["wolf", "goat"] and result["speed"] == 9 and result["action"] == "sea.cross" and result["pack"] == "sea"
    assert result["id"] == done["id"] and result["user"] == done["context"]["user"]
    assert "ST2_ACTION_EXECUTION_ID" in result["variables"]
    assert squall.result("sea.cross", {"fail": True})["status"] == "failed"


def test_exceptions_are_the_result(squall: Squall) -> None:
    done = squall.result("sea.cross", {"sink": True})
    assert done["status"] == "failed"
    assert done["result"]["error"] == "sunk" and "RuntimeError" in done["result"]["traceback"]
    odd = squall.result("sea.cross", {"odd": True})
    assert odd["status"] == "failed" and "(status, result, context)" in odd["result"]["error"]


def test_cancel_is_told_to_the_runner(squall: Squall, tmp_path: Path) -> None:
    mark = tmp_path / "begun"
    running = squall.run("sea.cross", {"wait": str(mark)})
    squall.until("it runs", mark.exists)
    squall.call("DELETE", f"/v1/executions/{running}")
    assert squall.finished(running, 10)["status"] == "canceled"
    squall.until("cancel() was called", Path(f"{mark}.canceled").exists, 5)


def test_files_that_cannot_be_used_are_told(squall: Squall) -> None:
    log = squall.log.read_text()
    assert "broken/runner.yaml" in log and 'it has no \\"runner_module\\"' in log.replace('"runner_module"', '\\"runner_module\\"')
    assert "there is one of this name already" in log
    assert squall.result("core.noop")["status"] == "succeeded"


def test_announcement_reaches_listeners(squall: Squall) -> None:
    with urllib.request.urlopen(f"{squall.url}/stream/v1/stream?events=st2.announcement__harbour", timeout=20) as stream:
        done = squall.result("sea.tell", {"message": {"text": "fog"}})
        line = next(line for line in stream if line.startswith(b"data: {"))
    assert json.loads(line[6:])["payload"] == {"message": {"text": "fog"}}
    assert done["status"] == "succeeded"
    assert done["result"] == {"output": {"message": {"text": "fog"}}, "message": {"text": "fog"}}


def test_announcement_has_to_be_switched_on(squall: Squall) -> None:
    done = squall.result("sea.tell", {"experimental": False, "message": {}})
    assert done["status"] == "failed" and done["result"]["error"] == "Experimental flag is missing for action sea.tell"
