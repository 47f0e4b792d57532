"""The OpenAPI document is true: every route is in it, and schemathesis finds no error of the server and no answer that should be a no."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from guarded_squall import Guarded, guarded
from st2_client import cache_root

Json = Any
PACKAGE = "schemathesis==4.32.5"
# One spelling of each path: the others are the same handlers.
REPEATED = r"^/(actionexecutions|auth|stream/)"
ENDLESS = r"^/stream|/output$"
# What an observer may do besides reading: what is their own or changes nothing.
HARMLESS = {("POST", "/tokens"), ("POST", "/tokens/validate"), ("POST", "/workflows/inspect"), ("POST", "/packs/index/search"),
            ("POST", "/squall/pack_manifest")}


@pytest.fixture(scope="module")
def squall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    server = guarded(tmp_path_factory.mktemp("openapi"))
    server.env["SQUALL_INDEX_URL"] = "/no/such/index.json"
    try:
        yield server.start()  # type: ignore[misc]
    finally:
        server.kill()


def schemathesis_program() -> Path:
    """The program `schemathesis`, in a virtual environment outside of the tree; installed at the first call, by one test at a time."""
    directory = cache_root() / f"schemathesis-py{sys.version_info.major}.{sys.version_info.minor}-{PACKAGE.partition('==')[2]}"
    directory.parent.mkdir(parents=True, exist_ok=True)
    with (directory.parent / "schemathesis.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (directory / ".complete").exists():
            shutil.rmtree(directory, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", str(directory)], check=True, capture_output=True)
            subprocess.run([str(directory / "bin" / "python"), "-m", "pip", "install", "-q", "--no-input", "--disable-pip-version-check", PACKAGE],
                           check=True, capture_output=True, timeout=300)
            (directory / ".complete").touch()
    return directory / "bin" / "schemathesis"


def test_every_route_is_described(squall: Guarded) -> None:
    status, document = squall.call("GET", "/api/v1/squall/openapi.json")
    assert status == 200 and document["openapi"].startswith("3.")
    operations = [(path, method, operation) for path, item in document["paths"].items() for method, operation in item.items()]
    assert len(operations) > 130
    assert len({operation["operationId"] for _, _, operation in operations}) == len(operations)
    for path, method, operation in operations:
        assert operation["summary"] and operation["x-access"] and operation["responses"], path
        named = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
        assert named == {part[1:-1] for part in path.split("/") if part.startswith("{")}, path
        assert ("requestBody" in operation) <= (method in ("post", "put")), f"{method} {path}"
    [run] = [operation for path, method, operation in operations if (path, method) == ("/executions", "post")]
    assert run["x-access"] == "action_execute on the resource"
    assert run["requestBody"]["content"]["application/json"]["schema"]["required"] == ["action"]
    listing = document["paths"]["/actions"]["get"]
    assert {p["name"] for p in listing["parameters"]} >= {"limit", "offset", "sort", "include_attributes", "pack", "name"}


@pytest.mark.parametrize("user", ["boss", "watcher"])
def test_schemathesis_finds_nothing(squall: Guarded, user: str, tmp_path: Path) -> None:
    try:
        program = schemathesis_program()
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"schemathesis cannot be installed: {error}")
    report = tmp_path / "report.har"
    done = subprocess.run(
        [str(program), "run", squall.url + "/api/v1/squall/openapi.json", "--header", "X-Auth-Token:" + squall.login(user),
         "--checks", "not_a_server_error,status_code_conformance,content_type_conformance", "--phases", "examples,fuzzing", "--max-examples", "4",
         "--seed", "1", "--generation-database", "none", "--no-shrink", "--no-color", "--workers", "1", "--request-timeout", "20",
         "--exclude-path-regex", f"{REPEATED}|{ENDLESS}", "--report", "har", "--report-har-path", str(report), "--output-sanitize", "false"],
        cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert report.exists(), done.stdout + done.stderr
    entries = json.loads(report.read_text())["log"]["entries"]
    answers = [(entry["request"]["method"], urlsplit(entry["request"]["url"]).path.removeprefix("/api/v1"), entry["response"]["status"],
                "user" in json.dumps(entry["request"].get("postData", {})) + urlsplit(entry["request"]["url"]).query) for entry in entries]
    print(f"schemathesis as {user}: {len(answers)} requests")
    assert len(answers) > 200 and not [answer for answer in answers if answer[2] >= 500]
    assert done.returncode == 0, done.stdout[-6000:]
    if user == "watcher":
        own = [a for a in answers if a[1].startswith("/keys/") and a[3]]  # keys of the scope user
        wrong = [a for a in answers if a[2] < 300 and a[0] != "GET" and (a[0], a[1]) not in HARMLESS and a not in own]
        assert not wrong, f"an observer was let change something: {wrong[:5]}"
    assert squall.process and squall.process.poll() is None
