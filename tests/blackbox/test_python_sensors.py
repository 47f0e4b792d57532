"""Sensors of packs, written in Python: one supervised process each; an event is durable before dispatch() returns."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from squall_server import Squall, write_pack

Json = Any

SENSOR = """
class_name: {cls}
entry_point: {file}
description: test
{more}
trigger_types:
  - name: {trigger}
    description: test
    payload_schema:
      type: object
      properties:
        n: {{type: integer}}
"""
RULE = ("name: on_{0}\nenabled: true\ntrigger: {{type: s.{0}}}\ncriteria: {{}}\n"
        "action: {{ref: core.local, parameters: {{cmd: 'echo {{{{ trigger.n }}}}'}}}}\n")
POLLER = '''
from st2reactor.sensor.base import PollingSensor

class Base(PollingSensor):
    def setup(self):
        self.log = self.sensor_service.get_logger(name=self.__class__.__name__)
        self.log.info("set up with %s", self.config["word"])
        if self.config.get("token") != "canary-token":
            raise ValueError("the config did not arrive")

    def cleanup(self):
        pass

    def add_trigger(self, trigger):
        pass

    def update_trigger(self, trigger):
        pass

    def remove_trigger(self, trigger):
        pass

class Poller(Base):
    def poll(self):
        n = int(self.sensor_service.get_value("n") or 0) + 1
        self.sensor_service.dispatch(trigger="s.polled", payload={"n": n}, trace_tag="poll-%d" % n)
        self.sensor_service.set_value("n", n)
'''
FALLER = '''
import sys
from st2reactor.sensor.base import Sensor

class Faller(Sensor):
    def __init__(self, sensor_service, config):
        super(Faller, self).__init__(sensor_service=sensor_service, config=config)

    def setup(self):
        pass

    def run(self):
        self._sensor_service.dispatch(trigger="s.fell", payload={"n": 1})
        print("this goes to the log")
        sys.exit(3)

    def cleanup(self):
        pass

    def add_trigger(self, trigger):
        pass

    def update_trigger(self, trigger):
        pass

    def remove_trigger(self, trigger):
        pass
'''
WATCHER = '''
import time
from st2reactor.sensor.base import Sensor

class Watcher(Sensor):
    def setup(self):
        self._log = self._sensor_service.get_logger(__name__)

    def run(self):
        while True:
            time.sleep(0.1)

    def cleanup(self):
        pass

    def add_trigger(self, trigger):
        if trigger["type"] == "s.asked":
            self._sensor_service.dispatch("s.watched", {"n": trigger["parameters"]["n"], "change": "add"})

    def update_trigger(self, trigger):
        pass

    def remove_trigger(self, trigger):
        self._sensor_service.dispatch("s.watched", {"n": trigger["parameters"]["n"], "change": "remove"})
'''
WRONG = '''
from st2reactor.sensor.base import Sensor

class Wrong(Sensor):
    def setup(self):
        pass

    def run(self):
        try:
            self.sensor_service.dispatch("s.wrong", {"n": "text"})
        except Exception as error:
            self.sensor_service.set_value("error", str(error), local=False)
        self.sensor_service.dispatch("s.wrong", {"n": 7, "odd": b"bytes"})
        import time
        time.sleep(1000)

    def cleanup(self):
        pass

    def add_trigger(self, trigger):
        pass

    def update_trigger(self, trigger):
        pass

    def remove_trigger(self, trigger):
        pass
'''


def pack(folder: Path, **wanted: str) -> Path:
    everything = {
        "polled": {"sensors/poller.yaml": SENSOR.format(cls="Poller", file="poller.py", trigger="polled", more="poll_interval: 1"), "sensors/poller.py": POLLER},
        "fell": {"sensors/faller.yaml": SENSOR.format(cls="Faller", file="faller.py", trigger="fell", more=""), "sensors/faller.py": FALLER},
        "wrong": {"sensors/wrong.yaml": SENSOR.format(cls="Wrong", file="wrong.py", trigger="wrong", more=""), "sensors/wrong.py": WRONG},
        "watched": {"sensors/watcher.yaml": "class_name: Watcher\nentry_point: watcher.py\ntrigger_types:\n  - name: asked\n    parameters_schema: {type: object, properties: {n: {type: integer}}}\n"
                                            "  - name: watched\n    payload_schema: {type: object}\n", "sensors/watcher.py": WATCHER},
    }
    files = {"config.schema.yaml": "word: {type: string, default: hello}\ntoken: {type: string, secret: true}\n"}
    for trigger in wanted or everything:
        files.update(everything[trigger])
        if trigger != "watched":
            files[f"rules/on_{trigger}.yaml"] = RULE.format(trigger)
    return write_pack(folder / "packs", "s", files)


def start(make_squall: Callable[..., Squall], folder: Path, *wanted: str) -> Squall:
    squall = make_squall([pack(folder, **dict.fromkeys(wanted, ""))], start=False)
    squall.config("s", "token: canary-token\n")
    return squall.start()


def sensor(squall: Squall, name: str) -> Json:
    return squall.get(f"/squall/sensors/s.{name}")["status"]


def outputs(squall: Squall) -> list[str]:
    return [str(e["result"]["stdout"]) for e in squall.get("/executions?action=core.local&limit=-1") if e["status"] == "succeeded"]


def test_a_polling_sensor_dispatches_and_goes_on_over_restarts_of_squall(make_squall: Callable[..., Squall], tmp_path: Path) -> None:
    squall = start(make_squall, tmp_path, "polled")
    squall.until("two events", lambda: {"1", "2"} <= set(outputs(squall)), 60)
    status = sensor(squall, "Poller")
    assert status["state"] == "running" and status["events"] >= 2 and status["pid"] > 0, status
    tags = [e["context"]["trace_context"]["trace_tag"] for e in squall.get("/executions?action=core.local&limit=-1")]
    assert "poll-1" in tags
    child = status["pid"]
    squall.kill()
    squall.until("the process goes with squall", lambda: not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text().split()[2], 20)
    known = len(set(outputs(squall.start())))
    squall.until("it goes on", lambda: len(set(outputs(squall))) > known + 1, 60)
    log = squall.log.read_text()
    assert "set up with hello" in log and "canary-token" not in log
    assert "canary-token" not in "".join(Path(f"/proc/{p}/cmdline").read_text() for p in os.listdir("/proc") if p.isdigit() and Path(f"/proc/{p}/cmdline").exists())


def test_a_sensor_that_ends_is_started_again_with_back_off(make_squall: Callable[..., Squall], tmp_path: Path) -> None:
    squall = start(make_squall, tmp_path, "fell")
    squall.until("it fell twice", lambda: len(outputs(squall)) >= 2, 60)
    status = squall.until("it waits", lambda: (s := sensor(squall, "Faller"))["state"] == "restarting" and s)
    assert status["restarts"] >= 1 and status["last_exit_code"] == 3 and "sys.exit(3)" in status["message"], status
    assert "this goes to the log" in squall.log.read_text()
    exits = squall.get("/triggerinstances?trigger=core.st2.sensor.process_exit")
    assert exits and exits[0]["payload"]["exit_code"] == 3
    assert "restarting" in squall.cli("sensor", "list")


def test_triggers_come_and_go(make_squall: Callable[..., Squall], tmp_path: Path) -> None:
    squall = start(make_squall, tmp_path, "watched")

    def told() -> list[tuple[int, str]]:
        return sorted((i["payload"]["n"], i["payload"]["change"]) for i in squall.get("/triggerinstances?trigger=s.watched&limit=-1"))

    squall.until("it runs", lambda: sensor(squall, "Watcher")["state"] == "running", 60)
    rule = {"name": "asks", "pack": "s", "trigger": {"type": "s.asked", "parameters": {"n": 5}}, "criteria": {}, "action": {"ref": "core.noop"}, "enabled": True}
    status, made = squall.call("POST", "/v1/rules", rule)
    assert status == 201, made
    squall.until("add_trigger", lambda: told() == [(5, "add")])
    os.kill(sensor(squall, "Watcher")["pid"], signal.SIGKILL)
    squall.until("add_trigger again, in a new process", lambda: told() == [(5, "add"), (5, "add")], 60)
    assert squall.call("DELETE", f"/v1/rules/{made['id']}")[0] == 204
    squall.until("remove_trigger", lambda: (5, "remove") in told())


def test_a_sensor_is_switched_off_and_on(make_squall: Callable[..., Squall], tmp_path: Path) -> None:
    squall = start(make_squall, tmp_path, "watched")
    pid = squall.until("it runs", lambda: (s := sensor(squall, "Watcher"))["state"] == "running" and s, 60)["pid"]
    squall.cli("sensor", "disable", "s.Watcher")
    squall.until("it stops", lambda: sensor(squall, "Watcher")["state"] == "disabled")
    assert not Path(f"/proc/{pid}").exists()
    assert squall.stop() == 0
    squall.start()
    time.sleep(0.5)
    assert sensor(squall, "Watcher")["state"] == "disabled", "it stays off over a restart"
    assert squall.get("/sensortypes/s.Watcher")["enabled"] is False
    assert "status" not in squall.get("/sensortypes/s.Watcher") and "enabled_in_file" not in squall.get("/sensortypes/s.Watcher")
    squall.cli("sensor", "enable", "s.Watcher")
    squall.until("it runs again", lambda: sensor(squall, "Watcher")["state"] == "running", 60)
    assert squall.call("PUT", "/v1/sensortypes/s.Watcher", {"enabled": "maybe"})[0] == 400
    assert squall.call("PUT", "/v1/sensortypes/s.Nobody", {"enabled": True})[0] == 404


def test_a_payload_that_breaks_its_schema_is_refused_to_the_sensor(make_squall: Callable[..., Squall], tmp_path: Path) -> None:
    squall = start(make_squall, tmp_path, "wrong")
    squall.until("the good event", lambda: "7" in outputs(squall), 60)
    status = sensor(squall, "Wrong")
    assert status["events"] == 1 and status["events_refused"] == 1 and "'text' is not of type 'integer'" in status["last_error"], status
    instance = squall.get("/triggerinstances?trigger=s.wrong")[0]
    assert instance["payload"] == {"n": 7, "odd": "bytes"}


def test_sensors_that_cannot_run_say_why(make_squall: Callable[..., Squall], tmp_path: Path) -> None:
    folder = write_pack(tmp_path / "packs", "s", {
        "sensors/a.yaml": SENSOR.format(cls="Absent", file="a.py", trigger="a", more=""), "sensors/a.py": "import nothing_of_that_name\n",
        "sensors/b.yaml": SENSOR.format(cls="Plain", file="b.py", trigger="b", more=""), "sensors/b.py": "class Plain(object):\n    pass\n",
        "sensors/c.yaml": SENSOR.format(cls="Other", file="c.py", trigger="c", more=""), "sensors/c.py": "x = 1\n"})
    squall = make_squall([folder])
    for name, why in [("Absent", "nothing_of_that_name"), ("Plain", "is no sensor"), ("Other", "has no class")]:
        squall.until(name, lambda: why in (sensor(squall, name)["last_error"] or ""), 60)
    assert squall.result("core.noop")["status"] == "succeeded"
