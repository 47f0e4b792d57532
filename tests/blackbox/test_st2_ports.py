"""StackStorm's three ports: the unmodified client finds squall without any configuration, and a browser goes on by its cookie."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from squall_server import Squall, write_pack
from st2_client import client_program

Json = Any
ADDRESS = f"127.9.{os.getpid() // 250 % 250 + 1}.{os.getpid() % 250 + 1}"  # of this test run alone, for the ports are not free to choose


class OnStackStormsPorts(Squall):
    up = 401

    def __init__(self, directory: Path, packs: list[Path]) -> None:
        password = base64.b64encode(hashlib.sha1(b"pw").digest()).decode()
        (directory / "htpasswd").write_text(f"jane:{{SHA}}{password}\n")
        super().__init__(directory, packs, {"SQUALL_AUTH_HTPASSWD": str(directory / "htpasswd")})
        self.url = f"http://{ADDRESS}:{self.port}"

    def command(self) -> list[str]:
        return [part.replace("127.0.0.1", ADDRESS) for part in super().command()] + ["--st2-ports"]


@pytest.fixture(scope="module")
def squall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnStackStormsPorts]:
    directory = tmp_path_factory.mktemp("ports")
    packs = write_pack(directory / "packs", "t", {"actions/greet.yaml": "name: greet\nrunner_type: local-shell-cmd\nparameters: {cmd: {default: echo hello}}\n"})
    server = OnStackStormsPorts(directory, [packs])
    try:
        yield server.start()  # type: ignore[misc]
    finally:
        server.kill()


def ask(port: int, method: str, path: str, headers: dict[str, str] | None = None, body: Json = None) -> tuple[int, str, Any]:
    request = urllib.request.Request(f"http://{ADDRESS}:{port}{path}", method=method, headers={"Content-Type": "application/json", **(headers or {})},
                                     data=None if body is None else json.dumps(body).encode())
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode(), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), error.headers


def login(path: str = "/tokens") -> str:
    basic = {"Authorization": "Basic " + base64.b64encode(b"jane:pw").decode()}
    status, text, _ = ask(9100, "POST", path, basic, {})
    assert status == 201, text
    return str(json.loads(text)["token"])


def test_each_port_has_its_part(squall: OnStackStormsPorts) -> None:
    for path in ("/tokens", "/v1/tokens", "/auth/v1/tokens"):
        assert login(path)
    token = {"X-Auth-Token": login()}
    for path in ("/actions/t.greet", "/v1/actions/t.greet", "/api/v1/actions/t.greet"):
        assert ask(9101, "GET", path, token)[0] == 200
    assert ask(9100, "GET", "/v1/actions", token)[0] == 404, "the port for logging in has nothing else"
    assert ask(9102, "GET", "/v1/actions", token)[0] == 404
    status, text, _ = ask(9101, "POST", "/v1/executions", token, {"action": "t.greet"})
    assert status == 201
    execution = json.loads(text)["id"]
    for path in ("/v1/stream", "/stream", "/stream/v1/stream"):
        status, text, headers = ask(9102, "GET", f"{path}?end_event=st2.execution__update&end_execution_id={execution}", token)
        assert status == 200 and headers["Content-Type"].startswith("text/event-stream") and '"succeeded"' in text, path
    for path in (f"/v1/executions/{execution}/output", f"/executions/{execution}/output"):
        assert "event: EOF" in ask(9102, "GET", path, token)[1]
        assert ask(9101, "GET", path, token)[1] == "hello\n", "the API's is the text alone"


def test_the_client_needs_no_configuration(squall: OnStackStormsPorts, tmp_path: Path) -> None:
    try:
        program = client_program()
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"st2client cannot be installed: {error}")
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "ST2_BASE_URL": f"http://{ADDRESS}"}
    token = subprocess.run([str(program), "auth", "jane", "-p", "pw", "-t"], env=environment, capture_output=True, text=True, timeout=60, check=True).stdout.strip()
    done = subprocess.run([str(program), "run", "t.greet"], env={**environment, "ST2_AUTH_TOKEN": token}, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0 and "hello" in done.stdout, done.stdout + done.stderr


def test_a_token_is_remembered_in_a_cookie(squall: OnStackStormsPorts) -> None:
    token = login()
    for path, headers in [("/v1/user", {"X-Auth-Token": token}), (f"/v1/user?x-auth-token={token}", {})]:
        status, _, answered = ask(9101, "GET", path, headers)
        cookie = answered["Set-Cookie"]
        assert status == 200 and cookie.startswith(f"auth-token={token};")
        assert {"HttpOnly", "Secure", "SameSite=lax"} <= {part.strip() for part in cookie.split(";")}
    status, text, answered = ask(9101, "GET", "/v1/user", {"Cookie": f"other=1; auth-token={token}"})
    assert json.loads(text)["authentication"]["location"] == "cookie" and answered["Set-Cookie"] is None
    assert ask(9101, "GET", "/v1/user", {"Cookie": "auth-token=wrong"})[0] == 401
    assert ask(9101, "GET", "/v1/user", {"X-Auth-Token": "wrong"})[2]["Set-Cookie"] is None


def test_a_port_that_is_taken_stops_the_start(squall: OnStackStormsPorts, tmp_path: Path) -> None:
    second = OnStackStormsPorts(tmp_path, [])
    with pytest.raises(AssertionError, match="squall ended with 1"):
        second.start()
    assert "9100" in second.log.read_text()
