"""Webhooks whose senders sign them: no token, no signature, no event."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from guarded_squall import Guarded, guarded

Json = Any
SECRET = "canary-webhook-secret-7171"
STANDARD = "whsec_" + base64.b64encode(b"canary-standard-secret-7171").decode()
BODY = b'{"ref": "refs/heads/main"}'
HOOKS = "\n".join(f"in/{name}: {{scheme: {name}, secret_key: hooks.{name}}}" for name in ("github", "gitlab", "slack", "stripe", "standard", "bearer"))


def digest(key: bytes, text: bytes) -> bytes:
    return hmac.new(key, text, hashlib.sha256).digest()


def signed(scheme: str, body: bytes, secret: str = "", at: int = 0) -> dict[str, str]:
    """What each sender's documentation says it sends."""
    now, key = str(at or int(time.time())), (secret or SECRET).encode()
    if scheme == "github":
        return {"X-Hub-Signature-256": "sha256=" + digest(key, body).hex()}
    if scheme == "gitlab":
        return {"X-Gitlab-Token": key.decode()}
    if scheme == "slack":
        return {"X-Slack-Request-Timestamp": now, "X-Slack-Signature": "v0=" + digest(key, f"v0:{now}:".encode() + body).hex()}
    if scheme == "stripe":
        return {"Stripe-Signature": f"t={now},v1={digest(key, f'{now}.'.encode() + body).hex()}"}
    if scheme == "standard":
        key = base64.b64decode((secret or STANDARD).removeprefix("whsec_"))
        return {"webhook-id": "msg_1", "webhook-timestamp": now, "webhook-signature": "v1," + base64.b64encode(digest(key, f"msg_1.{now}.".encode() + body)).decode()}
    return {"Authorization": "Bearer " + key.decode()}


@pytest.fixture(scope="module")
def squall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    directory = tmp_path_factory.mktemp("hooks")
    (directory / "webhooks.yaml").write_text(HOOKS)
    server = guarded(directory, SQUALL_WEBHOOKS=str(directory / "webhooks.yaml"))
    rules = directory / "packs" / "t" / "rules"
    for name in ("github", "gitlab", "slack", "stripe", "standard", "bearer"):
        (rules / f"{name}.yaml").write_text(f"name: {name}\nenabled: true\ntrigger: {{type: core.st2.webhook, parameters: {{url: in/{name}}}}}\naction: {{ref: t.other}}\n")
    try:
        server.start()
        boss = server.as_user("boss")
        for name in ("github", "gitlab", "slack", "stripe", "standard", "bearer"):
            value = STANDARD if name == "standard" else SECRET
            assert boss("PUT", f"/keys/hooks.{name}", {"name": f"hooks.{name}", "value": value, "secret": True})[0] == 200
        yield server
    finally:
        server.kill()


def post(squall: Guarded, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, Json]:
    request = urllib.request.Request(squall.url + "/v1/webhooks/" + path, data=body, method="POST", headers={"Content-Type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


@pytest.mark.parametrize("scheme", ["github", "gitlab", "slack", "stripe", "standard", "bearer"])
def test_only_what_the_sender_signed_is_taken(squall: Guarded, scheme: str) -> None:
    path = "in/" + scheme
    assert post(squall, path, BODY, signed(scheme, BODY)) == (202, json.loads(BODY))
    refused = [{}, signed(scheme, BODY, "wrong" if scheme != "standard" else "whsec_d3Jvbmc="), {"X-Auth-Token": squall.login("boss")}]
    if scheme not in ("gitlab", "bearer"):
        refused.append(signed(scheme, BODY + b" "))
    if scheme in ("slack", "stripe", "standard"):
        refused.append(signed(scheme, BODY, at=int(time.time()) - 900))
    for headers in refused:
        status, answer = post(squall, path, BODY, headers)
        assert status == 401, (headers, answer)
        assert SECRET not in json.dumps(answer) and STANDARD not in json.dumps(answer)


def test_one_event_for_each_that_was_taken_and_no_secret_in_it(squall: Guarded) -> None:
    boss = squall.as_user("boss")
    instances = [i for i in boss("GET", "/triggerinstances?limit=100")[1] if i["payload"].get("body") == json.loads(BODY)]
    assert len(instances) == 6
    text = json.dumps(instances) + squall.log.read_text() + (squall.data / "audit.log").read_text()
    for secret in (SECRET, STANDARD, STANDARD.removeprefix("whsec_")):
        assert secret not in text
    lines = [json.loads(line) for line in (squall.data / "audit.log").read_text().splitlines()]
    told = {(line["_auth_method"], line["_outcome"]) for line in lines if line["_path"] == "/v1/webhooks/in/github"}
    assert ("signature", "done") in told and ("signature", "denied") in told


def test_slack_asks_whether_the_url_is_ours(squall: Guarded) -> None:
    body = json.dumps({"type": "url_verification", "challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"}).encode()
    assert post(squall, "in/slack", body, signed("slack", body)) == (200, {"challenge": json.loads(body)["challenge"]})
    assert post(squall, "in/slack", body, {})[0] == 401


def test_other_webhooks_need_a_token_as_before(squall: Guarded) -> None:
    assert post(squall, "nightly", BODY, signed("github", BODY))[0] == 401
    assert post(squall, "nightly", BODY, {"X-Auth-Token": squall.login("boss")})[0] == 202


def test_a_secret_that_is_changed_or_gone_counts_at_once(squall: Guarded) -> None:
    boss = squall.as_user("boss")
    boss("PUT", "/keys/hooks.github", {"name": "hooks.github", "value": "new-secret"})
    assert post(squall, "in/github", BODY, signed("github", BODY))[0] == 401
    assert post(squall, "in/github", BODY, signed("github", BODY, "new-secret"))[0] == 202
    assert boss("DELETE", "/keys/hooks.github")[0] == 204
    assert post(squall, "in/github", BODY, signed("github", BODY, "new-secret"))[0] == 401


def test_a_mistake_in_the_file_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "webhooks.yaml").write_text("push:\n  scheme: githob\n  secret_key: k\n")
    server = guarded(tmp_path, SQUALL_WEBHOOKS=str(tmp_path / "webhooks.yaml"))
    with pytest.raises(AssertionError, match="squall ended with 1"):
        server.start()
    assert "webhooks.yaml:2:" in server.log.read_text() and "github, gitlab, slack" in server.log.read_text()
