"""What an action prints is told line by line while it runs: by the API, by the stream, and to those who come later."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from squall_server import Squall, write_pack

PYTHON = """
import os, sys, time
from st2common.runners.base_action import Action


class Talk(Action):
    def run(self, gate):
        for number in (1, 2):
            print("out %d" % number, flush=True)
            sys.stderr.write("err %d\\n" % number)
            sys.stderr.flush()
            while not os.path.exists("%s%d" % (gate, number)):
                time.sleep(0.02)
        return "said"
"""
SHELL = 'for n in 1 2; do echo "out $n"; echo "err $n" >&2; while [ ! -e {gate}$n ]; do sleep 0.02; done; done'


@pytest.fixture(scope="module")
def squall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Squall]:
    directory = tmp_path_factory.mktemp("streaming")
    packs = write_pack(directory / "packs", "talk", {"actions/talk.yaml": "name: talk\nrunner_type: python-script\nentry_point: talk.py\n"
                                                                         "parameters:\n  gate: {type: string}\n", "actions/talk.py": PYTHON})
    squall = Squall(directory, [packs])
    squall.start()
    yield squall
    squall.stop()


@pytest.mark.parametrize("runner", ["shell", "python"])
def test_output_while_it_runs(squall: Squall, tmp_path: Path, runner: str) -> None:
    gate = tmp_path / "gate"
    running = squall.run("core.local", {"cmd": SHELL.format(gate=gate)}) if runner == "shell" else squall.run("talk.talk", {"gate": str(gate)})

    def shown(kind: str) -> str:
        status, text = squall.call("GET", f"/v1/executions/{running}/output?output_type={kind}")
        assert status == 200
        return str(text or "")

    squall.until("the first lines are shown", lambda: shown("stdout") == "out 1\n" and shown("stderr") == "err 1\n")
    assert squall.get(f"/executions/{running}")["status"] == "running"
    with urllib.request.urlopen(f"{squall.url}/stream/v1/executions/{running}/output", timeout=20) as stream:
        told = (json.loads(line[6:]) for line in stream if line.startswith(b"data: {"))
        first = [next(told), next(told)]
        assert {(event["output_type"], event["data"]) for event in first} == {("stdout", "out 1\n"), ("stderr", "err 1\n")}
        Path(f"{gate}1").touch()
        second = [next(told), next(told)]
        assert {(event["output_type"], event["data"]) for event in second} == {("stdout", "out 2\n"), ("stderr", "err 2\n")}
        assert {event["execution_id"] for event in first + second} == {running}
        Path(f"{gate}2").touch()
        assert list(told) == []
    done = squall.finished(running)
    assert done["status"] == "succeeded"
    assert done["result"]["stdout"].rstrip("\n") == "out 1\nout 2"
    assert shown("stdout") == "out 1\nout 2\n"
