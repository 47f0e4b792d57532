"""The client commands: what they print, what they end with, and where they find their server and their credentials."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from squall_server import BINARY, Squall, free_port, write_htpasswd

RULE = """
name: more
pack: default
enabled: true
trigger: {type: core.st2.webhook, parameters: {url: more}}
criteria: {trigger.body.n: {type: gt, pattern: 3}}
action: {ref: core.local, parameters: {cmd: "echo {{trigger.body.n}}"}}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Squall]:
    started = Squall(tmp_path_factory.mktemp("command-line")).start()
    yield started
    started.stop()


def squall(*arguments: str, home: Path, env: dict[str, str] | None = None, given: str = "") -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("SQUALL_", "ST2_"))} | {"HOME": str(home)} | (env or {})
    return subprocess.run([str(BINARY), *arguments], capture_output=True, text=True, env=clean, input=given, timeout=60, check=False)


def test_apply_makes_changes_and_leaves_alone(server: Squall, tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return squall(*arguments, home=tmp_path, env={"SQUALL_URL": server.url})

    file = tmp_path / "rules" / "more.yaml"
    file.parent.mkdir()
    file.write_text(RULE)
    assert run("apply", "-f", str(file), "--dry-run").stdout == "rule/default.more created (dry run)\n"
    assert run("rule", "get", "default.more").returncode == 3
    new = run("diff", "-f", str(file.parent))
    assert new.returncode == 9 and "+ criteria: " in new.stdout
    assert run("apply", "-f", str(file)).stdout == "rule/default.more created\n"
    assert run("apply", "-f", str(file)).stdout == "rule/default.more unchanged\n"
    assert run("diff", "-f", str(file)).returncode == 0
    file.write_text(RULE.replace("pattern: 3", "pattern: 5"))
    changed = run("diff", "-f", str(file))
    assert changed.returncode == 9
    assert changed.stdout.splitlines() == ["rule/default.more", "- criteria.trigger.body.n.pattern: 3", "+ criteria.trigger.body.n.pattern: 5"]
    assert run("apply", "-f", str(file)).stdout == "rule/default.more configured\n"
    assert server.get("/rules/default.more")["criteria"] == {"trigger.body.n": {"type": "gt", "pattern": 5}}

    assert run("rule", "disable", "default.more").returncode == 0
    assert server.get("/rules/default.more")["enabled"] is False
    assert run("rule", "delete", "default.more", "--dry-run").stdout == "rule/default.more deleted (dry run)\n"
    assert run("rule", "delete", "default.more").returncode == 0
    assert run("rule", "delete", "default.more").returncode == 3


def test_apply_sends_nothing_when_a_file_is_bad(server: Squall, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(RULE.replace("name: more", "name: first"))
    (tmp_path / "b.yaml").write_text("name: neither\n")
    done = squall("apply", "-f", str(tmp_path), home=tmp_path, env={"SQUALL_URL": server.url})
    assert done.returncode == 1 and "b.yaml" in done.stderr and "runner_type" in done.stderr
    assert server.call("GET", "/v1/rules/default.first")[0] == 404


def test_a_rule_is_tried_without_a_server(tmp_path: Path) -> None:
    rule, event = tmp_path / "rule.yaml", tmp_path / "event.json"
    rule.write_text(RULE)
    event.write_text('{"body": {"n": 4}}')
    assert squall("test", "rule", str(rule), "--event", str(event), home=tmp_path).returncode == 0
    told = squall("test", "rule", str(rule), "--event", "-", "-o", "json", home=tmp_path, given='{"body": {"n": 2}}')
    assert told.returncode == 1
    assert json.loads(told.stdout) == {"matched": False, "criteria": [
        {"criterion": "trigger.body.n", "type": "gt", "pattern": 3, "value": 2, "matched": False}]}
    assert squall("test", "rule", str(rule), "--event", "-", "--expect", "nomatch", home=tmp_path, given='{"body": {"n": 2}}').returncode == 0


def test_output_formats(server: Squall, tmp_path: Path) -> None:
    def out(*arguments: str) -> str:
        return squall(*arguments, home=tmp_path, env={"SQUALL_URL": server.url}).stdout

    names = out("action", "list", "--pack", "core", "-n", "-1", "-o", "name").split()
    assert "core.local" in names and names == sorted(names)
    rows = list(csv.DictReader(io.StringIO(out("action", "list", "--pack", "core", "-n", "-1", "-o", "csv", "--fields", "ref,enabled"))))
    assert {"ref": "core.local", "enabled": "true"} in rows and [row["ref"] for row in rows] == names
    lines = [json.loads(text) for text in out("action", "list", "--pack", "core", "-n", "-1", "-o", "jsonl", "--fields", "ref").splitlines()]
    assert lines == [{"ref": name} for name in names]
    bad = squall("action", "list", "-o", "xml", home=tmp_path, env={"SQUALL_URL": server.url})
    assert bad.returncode == 2 and "jsonl" in bad.stderr


def test_executions_and_their_exit_codes(server: Squall, tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return squall(*arguments, home=tmp_path, env={"SQUALL_URL": server.url})

    assert run("run", "core.local", "cmd=echo hello").returncode == 0
    assert run("logs", "last").stdout == "hello\n"
    assert run("run", "core.local", "cmd=exit 3").returncode == 1
    assert run("run", "core.local", "cmd=sleep 30", "timeout=1").returncode == 6
    again = run("execution", "re-run", "last", "cmd=echo again", "timeout=20")
    assert again.returncode == 0
    assert server.finished(again.stdout.strip())["result"]["stdout"] == "again"
    assert run("run", "core.nothing").returncode == 3
    away = squall("rule", "list", home=tmp_path, env={"SQUALL_URL": f"http://127.0.0.1:{free_port()}"})
    assert away.returncode == 5 and "squall serve" in away.stderr


def test_keys(server: Squall, tmp_path: Path) -> None:
    def run(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return squall(*arguments, home=tmp_path, env={"SQUALL_URL": server.url}, given=given)

    assert run("key", "set", "plain", "value", "--ttl", "500").returncode == 0
    assert server.get("/keys/plain")["expire_timestamp"]
    assert run("key", "set", "hidden", "-", "--encrypt", given="canary-in-key\n").returncode == 0
    assert "canary-in-key" not in run("key", "get", "hidden").stdout
    assert "canary-in-key" in run("key", "get", "hidden", "--decrypt").stdout
    assert run("key", "delete", "plain").returncode == 0
    assert run("key", "get", "plain").returncode == 3


def test_doctor_tells_what_is_wrong_and_how_to_mend_it(server: Squall, tmp_path: Path) -> None:
    away = squall("doctor", "-o", "json", home=tmp_path, env={"SQUALL_URL": f"http://127.0.0.1:{free_port()}"})
    checks = json.loads(away.stdout)
    assert away.returncode == 5 and checks[0]["status"] == "problem" and "squall serve" in checks[0]["fix"]
    told = json.loads(squall("doctor", "-o", "json", home=tmp_path, env={"SQUALL_URL": server.url}).stdout)
    assert {check["check"] for check in told} == {"server", "packs", "sensors", "rules", "executions"}


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Squall]:
    htpasswd = write_htpasswd(tmp_path / "htpasswd", {"ann": "swordfish"})
    started = Squall(tmp_path, env={"SQUALL_AUTH_HTPASSWD": str(htpasswd)})
    started.up = 401
    started.start()
    yield started
    started.stop()


def test_stackstorm_configuration_is_enough(guarded: Squall, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / ".st2").mkdir(parents=True)
    config = home / ".st2" / "config"
    config.write_text(f"[general]\n# comment\n[api]\nurl = {guarded.url}/v1\n[auth]\nurl = {guarded.url}/auth/v1\n"
                      "[credentials]\nusername = ann\npassword = swordfish\n")
    assert squall("action", "list", "-n", "1", home=home).returncode == 0
    cache = home / ".st2" / "token-ann"
    token = json.loads(cache.read_text())["token"]
    assert cache.stat().st_mode & 0o777 == 0o600
    assert squall("action", "list", "-n", "1", home=home).returncode == 0
    assert json.loads(cache.read_text())["token"] == token
    # A token that the server does not know any more is replaced.
    cache.write_text(json.dumps({"token": "0" * 32, "expire_timestamp": 4102444800}))
    assert squall("action", "list", "-n", "1", home=home).returncode == 0

    config.write_text(config.read_text().replace("swordfish", "wrong"))
    cache.unlink()
    refused = squall("action", "list", home=home)
    assert refused.returncode == 4 and "ann" in refused.stderr and "wrong" not in refused.stderr
    shutil.rmtree(home / ".st2")
    nobody = squall("action", "list", home=home, env={"SQUALL_URL": guarded.url})
    assert nobody.returncode == 4 and "SQUALL_TOKEN" in nobody.stderr
    assert squall("action", "list", home=home, env={"SQUALL_URL": guarded.url, "ST2_AUTH_TOKEN": token}).returncode == 0
    key = squall("apikey", "create", "-", "-o", "json", home=home, env={"SQUALL_URL": guarded.url, "SQUALL_TOKEN": token}, given="{}")
    assert squall("action", "list", "--url", guarded.url, "--api-key", json.loads(key.stdout)["key"], home=home).returncode == 0


def test_a_bad_line_of_the_configuration_is_named(tmp_path: Path) -> None:
    file = tmp_path / "st2.conf"
    file.write_text("[api]\nurl nowhere\n")
    done = squall("rule", "list", home=tmp_path, env={"ST2_CONFIG_FILE": str(file)})
    assert done.returncode == 2 and f"{file}:2" in done.stderr
    done = squall("rule", "list", home=tmp_path, env={"ST2_CONFIG_FILE": str(tmp_path / "none")})
    assert done.returncode == 2 and "no such file" in done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_valid_and_knows_the_commands(shell: str, tmp_path: Path) -> None:
    script = squall("completion", shell, home=tmp_path).stdout
    if shell == "bash":
        ask = f"{script}\nCOMP_WORDS=(squall rule en); COMP_CWORD=2; _squall; echo ${{COMPREPLY[@]}}"
        assert subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=True).stdout == "enable\n"
    elif shutil.which(shell):
        subprocess.run([shell, "-n", "/dev/stdin"], input=script, text=True, check=True)
    assert "explain" in script and "dry-run" in script
