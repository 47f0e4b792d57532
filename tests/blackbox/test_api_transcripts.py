"""The REST API against transcripts of a real StackStorm: every recorded request is sent again and the answer compared."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from squall_server import ROOT, Squall, conformance_folder

Json = Any
DEVIATIONS = ROOT / "tests" / "conformance" / "deviations" / "api_transcripts.txt"
# Each part has a server of its own and runs beside the others: groups only share the first one, "setup".
PARTS = {
    "content": ["root", "actions", "runners", "packs", "policies", "rules", "timers", "exec_list", "keys"],
    "executions": ["exec_shell", "exec_python", "exec_types", "webhooks", "stream_events"],
    "workflows": ["workflows", "pause_resume", "workflow_inspect"],
    "operators": ["rule_operators"],
}
# What the recorded server also held: lists show it.
ALSO_KEYS = {"chainconf_int": "42", "chainconf_json": '{"a": [1, 2], "b": "x"}'}
ALSO_POLICIES = {
    "policy1.yaml": "name: greet.concurrency\ndescription: limit\nresource_ref: hello_st2.greet\npolicy_type: action.concurrency\n"
                    "parameters: {threshold: 10}\n",
    "retry_core_http_on_timeout.yaml": "name: http.retry\ndescription: retry\nresource_ref: core.http\npolicy_type: action.retry\n"
                                       "parameters: {retry_on: timeout, max_retry_count: 2, delay: 2}\n",
}


def transcripts() -> Path:
    folder = conformance_folder()
    if folder is None or not (folder / "api" / "transcripts.json").exists():
        if os.environ.get("CI"):
            pytest.fail("the recorded transcripts of the API are missing; under CI they must be there")
        pytest.skip("recorded transcripts of the API left out (no conformance folder)")
    return folder / "api"


def deviations() -> dict[str, str]:
    lines = DEVIATIONS.read_text().splitlines() if DEVIATIONS.exists() else []
    return dict(line.split(None, 1) for line in lines if line.strip() and not line.startswith("#"))


class GuardedSquall(Squall):
    """A squall with authentication on: it answers, but not to everybody."""

    def _answers(self) -> bool:
        try:
            return self.call("GET", "/v1/")[0] == 401
        except OSError:
            return False


def prepare(squall: Squall, folder: Path) -> Squall:
    packs = squall.directory / "packs"
    shutil.copytree(folder / "packs" / "conf", packs / "conf")
    for path in packs.rglob("*"):
        path.chmod(0o755)
    hello = packs / "hello_st2"
    (hello / "policies").mkdir(parents=True)
    (hello / "pack.yaml").write_text("ref: hello_st2\nname: hello_st2\ndescription: d\nversion: 0.1.0\nauthor: a\nemail: a@example.com\n")
    for name, text in ALSO_POLICIES.items():
        (hello / "policies" / name).write_text(text)
    squall.packs = [packs]
    squall.env["SQUALL_USER"] = "root"
    return squall.start()


def replay(folder: Path, output: Path, groups: list[str], *arguments: str) -> Json:
    command = [sys.executable, str(folder / "replay.py"), str(folder / "transcripts.json"), "--json", str(output), *arguments]
    for group in ["setup", *groups]:
        command += ["--group", group]
    done = subprocess.run(command, capture_output=True, text=True, timeout=400, check=False)
    assert output.exists(), done.stdout + done.stderr
    return json.loads(output.read_text())


def judge(report: Json) -> None:
    known = deviations()
    failed = {failure["id"]: failure for failure in report["failures"]}
    counts = {group: f"{n['passed']} passed, {n['failed']} failed" for group, n in report["groups"].items()}
    print(f"api transcripts: {sum(n['passed'] for n in report['groups'].values())} passed, {len(failed)} failed {counts}")
    surprising = {step: failure for step, failure in failed.items() if step not in known}
    for failure in list(surprising.values())[:40]:
        print(f"  {failure['id']} {failure['request']}: {failure['error'][:400]}")
    for step in [step for step in known if step.rpartition("-")[0] in report["groups"] and step not in failed]:
        print(f"  {step} is equal now: take it out of {DEVIATIONS.name}")
    assert not surprising, f"{len(surprising)} answers differ from StackStorm's: {sorted(surprising)[:40]}"


@pytest.mark.parametrize("part", PARTS)
def test_answers_are_those_of_stackstorm(part: str, make_squall: Callable[..., Squall], tmp_path: Path) -> None:
    folder = transcripts()
    squall = prepare(make_squall(start=False), folder)
    for name, value in ALSO_KEYS.items():
        squall.call("PUT", "/v1/keys/" + name, {"name": name, "value": value})
    judge(replay(folder, tmp_path / "report.json", PARTS[part], "--api", squall.url, "--stream", squall.url, "--auth-url", squall.url))


def test_answers_with_authentication(tmp_path: Path) -> None:
    folder = transcripts()
    passwords = tmp_path / "htpasswd"
    passwords.write_text("testu:{SHA}V1t6eZLxnehb7CTBuj61Nq3lIh4=\n")
    squall = GuardedSquall(tmp_path, env={"SQUALL_AUTH_HTPASSWD": str(passwords)})
    try:
        prepare(squall, folder)
        urls = ["--api", squall.url, "--auth-api", squall.url, "--auth-url", squall.url, "--login", "--user", "testu", "--password", "testp"]
        judge(replay(folder, tmp_path / "report.json", ["auth"], *urls))
    finally:
        squall.kill()


def test_every_group_is_replayed() -> None:
    steps = json.loads((transcripts() / "transcripts.json").read_text())
    steps = steps["transcripts"] if isinstance(steps, dict) else steps
    assert {step["group"] for step in steps} == {"setup", "auth"} | {group for part in PARTS.values() for group in part}
    ids = {step["id"] for step in steps}
    assert not [step for step in deviations() if step not in ids], "a deviation names a step that does not exist"
