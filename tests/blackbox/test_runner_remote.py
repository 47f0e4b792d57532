"""The remote runners against a real sshd on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from squall_server import Json, Squall, free_port, write_pack
from ssh_host import IS_ROOT, PASSWORD, SUDO_PASSWORD, SshHost, keygen

needs_root = pytest.mark.skipif(not IS_ROOT, reason="sshd takes passwords only when it runs as root")

SCRIPT_META = """name: greet
runner_type: run-remote-script
entry_point: tools/greet.sh
parameters:
  name: {type: string, position: 0}
  loud: {type: boolean}
  word: {type: string}
"""
SCRIPT = """#!/bin/bash
. "$(dirname "$0")/lib/helper.sh"
helper "$@"
pwd
echo "$0" >&2
"""


class World:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.host = SshHost(directory / "host")
        self.key = keygen(directory / "key")
        self.locked_key = keygen(directory / "locked", "rsa", "open sesame")
        for key in (self.key, self.locked_key):
            self.host.allow(key)
        self.home = directory / "home"
        (self.home / ".ssh").mkdir(parents=True, mode=0o700)
        packs = write_pack(directory / "packs", "afar", {
            "actions/greet.yaml": SCRIPT_META, "actions/tools/greet.sh": SCRIPT,
            "actions/tools/lib/helper.sh": "helper() { printf '<%s>' \"$@\"; echo; }\n", "actions/tools/lib/deep/more.txt": "x",
            "actions/old.yaml": "name: old\nrunner_type: run-remote\nentry_point: ''\nparameters:\n  cmd: {default: echo old, immutable: true}\n"})
        (directory / "squall").mkdir()
        self.squall = Squall(directory / "squall", [packs], {"HOME": str(self.home), "SQUALL_USER": self.host.user,
                                                            "SQUALL_SSH_CONNECT_TIMEOUT": "10"})

    def parameters(self, **more: Json) -> Json:
        return {"hosts": self.host.address, "port": self.host.port, "private_key": str(self.key), **more}

    def remote(self, cmd: str, action: str = "core.remote", **more: Json) -> Json:
        return self.squall.result(action, self.parameters(cmd=cmd, **more))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("remote"))
    with world.host:
        world.squall.start()
        yield world
        world.squall.stop()


def processes_with(text: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in line and path.parent.name != str(os.getpid()):
            found.append(line)
    return found


def test_result_has_an_entry_for_the_host(world: World) -> None:
    done = world.remote("echo out; echo err >&2; exit 3")
    assert done["status"] == "failed"
    assert done["result"] == {"127.0.0.1": {"failed": True, "succeeded": False, "return_code": 3, "stdout": "out", "stderr": "err"}}


def test_output_that_is_json_becomes_a_value(world: World) -> None:
    done = world.remote("echo '{\"a\": [1, null]}'")
    assert done["status"] == "succeeded"
    assert done["result"]["127.0.0.1"]["stdout"] == {"a": [1, None]}


def test_environment_directory_and_empty_standard_input(world: World) -> None:
    done = world.remote('echo "[$A] $B"; pwd; cat; echo $ST2_ACTION_PACK_NAME $ST2_ACTION_EXECUTION_ID',
                        env={"A": "it's\ntwo lines", "B": 7}, cwd="/usr")
    assert done["result"]["127.0.0.1"]["stdout"] == f"[it's\ntwo lines] 7\n/usr\ncore {done['id']}"


def test_old_runner_name(world: World) -> None:
    done = world.squall.result("afar.old", world.parameters())
    assert done["result"]["127.0.0.1"]["stdout"] == "old"


def test_key_as_text_with_other_line_ends(world: World) -> None:
    text = world.key.read_text().strip().replace("\n", "\r\n")
    assert world.remote("echo in", private_key=text)["status"] == "succeeded"


def test_key_with_a_passphrase(world: World) -> None:
    assert world.remote("echo in", private_key=world.locked_key.read_text(), passphrase="open sesame")["status"] == "succeeded"
    assert world.remote("echo in", private_key=str(world.locked_key), passphrase="open sesame")["status"] == "succeeded"
    refused = world.remote("echo in", private_key=str(world.locked_key))
    assert refused["status"] == "failed"
    assert "Supply a passphrase" in refused["result"]["error"]


def test_a_key_that_the_host_does_not_know(world: World, tmp_path: Path) -> None:
    done = world.remote("echo in", private_key=keygen(tmp_path / "other").read_text())
    assert done["status"] == "failed"
    assert done["result"]["error"].startswith("Unable to connect to any one of the hosts: ['127.0.0.1'].\n\n connect_errors=")
    errors = json.loads(done["result"]["error"].split("connect_errors=", 1)[1])["127.0.0.1"]
    assert errors["return_code"] == 255 and errors["failed"] and not errors["succeeded"] and not errors["timeout"]
    assert "Authentication failed" in errors["error"]


@needs_root
def test_password(world: World) -> None:
    assert world.remote("whoami", private_key=None, password=PASSWORD)["status"] == "succeeded"
    wrong = world.remote("whoami", private_key=None, password="wrong-password-here")
    assert wrong["status"] == "failed"
    assert "wrong-password-here" not in json.dumps(wrong)


def test_secrets_are_in_no_command_line_and_in_no_record(world: World) -> None:
    secret = "s3cret-value-of-a-variable"
    world.host.sudo_needs_password.touch()
    try:
        running = world.squall.run("core.remote_sudo", world.parameters(cmd="sleep 1; echo over", env={"TOKEN": secret}, sudo_password=SUDO_PASSWORD))
        seen: list[str] = []
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not processes_with("sleep 1"):
            seen += processes_with(secret) + processes_with(SUDO_PASSWORD)
        seen += processes_with(secret) + processes_with(SUDO_PASSWORD)
        done = world.squall.finished(running)
    finally:
        world.host.sudo_needs_password.unlink()
    assert done["result"]["127.0.0.1"]["stdout"] == "over"
    assert seen == []
    assert SUDO_PASSWORD not in json.dumps(done)
    assert SUDO_PASSWORD not in world.squall.log.read_text()


def test_sudo(world: World) -> None:
    done = world.remote('echo "$SUDO_UID $A"; cat', "core.remote_sudo", env={"A": "kept"})
    assert done["result"]["127.0.0.1"]["stdout"] == "1 kept"


def test_a_sudo_password_that_nobody_asked_for_reaches_nobody(world: World) -> None:
    done = world.remote("cat", "core.remote_sudo", sudo_password=SUDO_PASSWORD)
    assert done["status"] == "succeeded"
    assert done["result"]["127.0.0.1"]["stdout"] == ""


def test_wrong_sudo_password(world: World) -> None:
    world.host.sudo_needs_password.touch()
    try:
        done = world.remote("true", "core.remote_sudo", sudo_password="nope-nope")
    finally:
        world.host.sudo_needs_password.unlink()
    entry = done["result"]["127.0.0.1"]
    assert done["status"] == "failed" and entry["return_code"] == 255
    assert entry["error"].endswith(f"Invalid sudo password provided or sudo is not configured for this user ({world.host.user})")


def test_some_hosts_cannot_be_reached(world: World) -> None:
    dead = free_port()
    done = world.squall.result("core.remote", world.parameters(cmd="echo here", hosts=f"127.0.0.1, localhost:{dead}"))
    assert done["status"] == "failed"
    assert done["result"]["127.0.0.1"] == {"failed": False, "succeeded": True, "return_code": 0, "stdout": "here", "stderr": ""}
    other = done["result"]["localhost"]
    assert other["failed"] and other["return_code"] == 255
    assert other["error"].startswith("Failed connecting to host localhost.")


def test_no_hosts(world: World) -> None:
    done = world.squall.result("core.remote", world.parameters(cmd="true", hosts=" , "))
    assert done["status"] == "failed" and "No hosts specified" in done["result"]["error"]


def test_the_same_host_on_two_ports_has_two_entries(world: World, tmp_path: Path) -> None:
    with SshHost(tmp_path / "second") as second:
        second.allow(world.key)
        hosts = f"127.0.0.1:{world.host.port},127.0.0.1:{second.port}"
        done = world.squall.result("core.remote", world.parameters(cmd="echo $SSH_CONNECTION", hosts=hosts))
    assert done["status"] == "succeeded"
    assert {name: entry["stdout"].split()[-1] for name, entry in done["result"].items()} == {
        f"127.0.0.1:{world.host.port}": str(world.host.port), f"127.0.0.1:{second.port}": str(second.port)}


def test_bastion(world: World, tmp_path: Path) -> None:
    with SshHost(tmp_path / "bastion") as bastion:
        bastion.allow(world.key)
        done = world.remote("head -c 300000 /dev/zero | tr '\\0' x | wc -c", bastion_host=f"127.0.0.1:{bastion.port}")
        assert done["status"] == "succeeded", done["result"]
        assert done["result"]["127.0.0.1"]["stdout"] == 300000
        assert "Accepted publickey" in bastion.log()


def test_config_file_names_port_user_and_key(world: World) -> None:
    config = world.home / ".ssh" / "config"
    config.write_text(f"Host quay\n  HostName 127.0.0.1\n  Port {world.host.port}\n  User {world.host.user}\n  IdentityFile {world.key}\n")
    try:
        done = world.squall.result("core.remote", {"hosts": "quay", "cmd": "echo docked"})
    finally:
        config.unlink()
    assert done["status"] == "succeeded", done["result"]
    assert done["result"]["quay"]["stdout"] == "docked"


def test_host_keys_are_remembered_and_a_changed_one_is_refused(world: World, tmp_path: Path) -> None:
    port = free_port()
    for round_number in (1, 2):
        other = SshHost(tmp_path / f"host{round_number}")
        other.port = port
        other.config.write_text(other.config.read_text().replace(other.config.read_text().split("\n")[1], f"ListenAddress 127.0.0.1:{port}"))
        other.allow(world.key)
        with other:
            done = world.squall.result("core.remote", world.parameters(cmd="true", port=port))
        if round_number == 1:
            assert done["status"] == "succeeded"
            assert f"[127.0.0.1]:{port}" in (world.home / ".ssh" / "known_hosts").read_text()
        else:
            assert done["status"] == "failed" and "ssh-keygen -R" in done["result"]["error"]


def test_script_with_its_library(world: World) -> None:
    done = world.squall.result("afar.greet", world.parameters(name="sea side", loud=True, word="a'b", cwd="/usr"))
    entry = done["result"]["127.0.0.1"]
    assert done["status"] == "succeeded", entry
    assert entry["stdout"] == "<--loud><--word=a'b><sea side>\n/usr"
    assert entry["stderr"].startswith("/tmp/") and entry["stderr"].endswith("/greet.sh")
    assert not Path(entry["stderr"]).parent.exists()


def test_script_into_a_directory_that_is_not_there(world: World) -> None:
    done = world.squall.result("afar.greet", world.parameters(name="x", dir="/no/such/place"))
    entry = done["result"]["127.0.0.1"]
    assert done["status"] == "failed" and entry["return_code"] == 255
    assert entry["error"].startswith("Failed sending file(s) in path") and "No such file" in entry["error"]


def test_timeout_ends_the_command_on_the_host(world: World) -> None:
    begin = time.monotonic()
    done = world.remote(f"echo begun; sleep {50_000_000 + os.getpid()}", timeout=1)
    assert time.monotonic() - begin < 6
    entry = done["result"]["127.0.0.1"]
    assert done["status"] == "timeout"
    assert entry["timeout"] and entry["return_code"] == -9 and entry["stdout"] == "begun"
    assert "Command didn't finish in 1 seconds" in entry["error"]
    world.squall.until("the command is gone", lambda: not processes_with(f"sleep {50_000_000 + os.getpid()}"), 5)


def test_cancel_ends_a_command_that_ignores_sigterm(world: World, tmp_path: Path) -> None:
    marker = tmp_path / "begun"
    running = world.squall.run("core.remote", world.parameters(cmd=f"trap '' TERM; touch {marker}; while :; do sleep 0.1; done # deaf"))
    world.squall.until("it runs", marker.exists)
    begin = time.monotonic()
    world.squall.call("DELETE", f"/v1/executions/{running}")
    done = world.squall.finished(running)
    assert time.monotonic() - begin < 4
    assert done["status"] == "canceled"
    world.squall.until("the command is gone", lambda: not processes_with("squall-begin-" + done["liveaction"]["id"]), 5)


def test_output_streams_while_the_command_runs(world: World, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    running = world.squall.run("core.remote", world.parameters(cmd=f"while [ ! -e {gate}1 ]; do sleep 0.05; done; echo first; "
                                                                   f"while [ ! -e {gate}2 ]; do sleep 0.05; done; echo second"))
    with urllib.request.urlopen(f"{world.squall.url}/stream/v1/executions/{running}/output", timeout=20) as stream:
        Path(f"{gate}1").touch()
        lines = (json.loads(line[6:])["data"] for line in stream if line.startswith(b"data: {"))
        assert next(lines) == "first\n"
        assert world.squall.get(f"/executions/{running}")["status"] == "running"
        Path(f"{gate}2").touch()
        assert next(lines) == "second\n"
    assert world.squall.finished(running)["result"]["127.0.0.1"]["stdout"] == "first\nsecond"


def test_many_hosts_and_no_descriptor_left(world: World) -> None:
    assert world.squall.process
    count = lambda: len(os.listdir(f"/proc/{world.squall.process.pid}/fd"))  # noqa: E731
    world.remote("true")
    before = count()
    for _ in range(5):
        assert world.remote("true")["status"] == "succeeded"
    world.squall.until("connections are closed", lambda: count() <= before, 5)


def test_agent(world: World, tmp_path: Path) -> None:
    agent = subprocess.run(["ssh-agent", "-s", "-a", str(tmp_path / "agent")], capture_output=True, text=True, check=True).stdout
    pid = agent.split("SSH_AGENT_PID=")[1].split(";")[0]
    try:
        subprocess.run(["ssh-add", "-q", str(world.key)], env=os.environ | {"SSH_AUTH_SOCK": str(tmp_path / "agent")}, check=True)
        (tmp_path / "squall").mkdir()
        server = Squall(tmp_path / "squall", env={"HOME": str(tmp_path), "SQUALL_USER": world.host.user, "SSH_AUTH_SOCK": str(tmp_path / "agent")})
        server.start()
        try:
            done = server.result("core.remote", {"hosts": f"127.0.0.1:{world.host.port}", "cmd": "echo by agent"})
        finally:
            server.stop()
    finally:
        os.kill(int(pid), 15)
    assert done["result"]["127.0.0.1"]["stdout"] == "by agent", done["result"]
