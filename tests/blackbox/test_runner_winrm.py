"""The Windows runners against a small WS-Management server."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from squall_server import Json, Squall, write_pack
from winrm_host import PASSWORD, USER, WinRmHost

SCRIPT_META = """name: script
runner_type: winrm-ps-script
entry_point: script.ps1
parameters:
  first: {type: string, position: 0}
  count: {type: integer}
  really: {type: boolean}
  names: {type: array}
  table: {type: object}
  nothing: {type: string}
"""


class World:
    def __init__(self, directory: Path) -> None:
        self.host = WinRmHost()
        packs = write_pack(directory / "packs", "windows", {
            "actions/script.yaml": SCRIPT_META, "actions/script.ps1": "param($first)\nWrite-Output $first\n",
            "actions/long.yaml": "name: long\nrunner_type: winrm-ps-script\nentry_point: long.ps1\n", "actions/long.ps1": "# " + "é" * 9000})
        self.squall = Squall(directory, [packs])

    def run(self, action: str, **more: Json) -> Json:
        access = {"host": "127.0.0.1", "port": self.host.port, "scheme": "http", "transport": "basic", "username": USER, "password": PASSWORD}
        return self.squall.finished(self.squall.run(action, {**access, **more}), 180)  # the first one makes a virtualenv


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("winrm"))
    world.squall.start()
    yield world
    world.squall.stop()
    world.host.stop()


def test_command(world: World) -> None:
    done = world.run("core.winrm_cmd", cmd='echo "$A in $(pwd)"; echo err >&2; exit 4', env={"A": "b c"}, cwd="/usr")
    assert done["status"] == "failed"
    assert done["result"] == {"failed": True, "succeeded": False, "return_code": 4, "stdout": "b c in /usr\n", "stderr": "err\n"}
    assert world.host.shells == {}, "the shell was closed"


def test_output_that_is_json_becomes_a_value(world: World) -> None:
    done = world.run("core.winrm_cmd", cmd="echo '{\"a\": 1}'")
    assert done["status"] == "succeeded" and done["result"]["stdout"] == {"a": 1}


def test_wrong_password_is_in_no_record(world: World) -> None:
    done = world.run("core.winrm_cmd", cmd="true", password="not-this-one")
    assert done["status"] == "failed"
    assert "credentials" in done["result"]["error"]
    assert "not-this-one" not in json.dumps(done)


def test_timeout_ends_the_command(world: World) -> None:
    begin = time.monotonic()
    done = world.run("core.winrm_cmd", cmd="sleep 60", timeout=1)
    assert done["status"] == "timeout" and time.monotonic() - begin < 10
    assert done["result"]["return_code"] == -1 and done["result"]["failed"] is True
    assert list(world.host.commands.values())[-1].signaled


def test_cancel_ends_the_command(world: World) -> None:
    access = {"host": "127.0.0.1", "port": world.host.port, "scheme": "http", "transport": "basic", "username": USER, "password": PASSWORD}
    before = set(world.host.commands)
    running = world.squall.run("core.winrm_cmd", {**access, "cmd": "sleep 61", "timeout": 30})
    started = world.squall.until("it runs", lambda: set(world.host.commands) - before)
    world.squall.call("DELETE", f"/v1/executions/{running}")
    assert world.squall.finished(running)["status"] == "canceled"
    assert world.squall.until("it is ended", lambda: all(world.host.commands[one].signaled for one in started), 10)


def test_powershell_command_and_its_errors(world: World) -> None:
    clixml = '#< CLIXML\r\n<Objs xmlns="http://schemas.microsoft.com/powershell/2004/04"><S S="Error">no such thing_x000D__x000A_</S></Objs>'
    world.host.answers = lambda script: (1, "", clixml)
    done = world.run("core.winrm_ps_cmd", cmd="Get-Thing 'x'")
    assert world.host.scripts[-1] == "Get-Thing 'x'"
    assert done["status"] == "failed" and done["result"]["return_code"] == 1
    assert "no such thing" in done["result"]["stderr"] and "CLIXML" not in done["result"]["stderr"]


def test_powershell_script_with_arguments(world: World) -> None:
    world.host.answers = lambda script: (0, "fine\r\n", "")
    done = world.run("windows.script", first='say "hi" for $5', count=3, really=True, names=["a", None], table={"k": False})
    assert done["status"] == "succeeded" and done["result"]["stdout"] == "fine\r\n"
    script = world.host.scripts[-1]
    assert script.startswith("& {param($first)\nWrite-Output $first\n} ")
    arguments = script.split("} ", 1)[1]
    for part in ("-count 3", "-really $true", '-names @("a", $null)', '-table @{"k" = $false}', '"say `"hi`" for `$5"'):
        assert part in arguments, arguments


def test_long_script_is_uploaded_and_removed(world: World) -> None:
    world.host.answers = lambda script: (0, "long one" if script.startswith("& ") else "", "")
    before = len(world.host.scripts)
    done = world.run("windows.long")
    assert done["status"] == "succeeded" and done["result"]["stdout"] == "long one"
    scripts = world.host.scripts[before:]
    pieces = [found.group(1) for script in scripts if (found := re.search(r'Add-Content .* -Value "([^"]*)"', script))]
    assert base64.b64decode("".join(pieces)).decode("utf-8-sig") == "# " + "é" * 9000
    assert scripts[-1].startswith("Remove-Item")
