"""How squall does, for probes and scrapers, and what it writes down of who did what."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from guarded_squall import Guarded, guarded

Json = Any


@pytest.fixture(scope="module")
def squall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    server = guarded(tmp_path_factory.mktemp("status"))
    try:
        yield server.start()  # type: ignore[misc]
    finally:
        server.kill()


def audit(squall: Guarded) -> list[Json]:
    return [json.loads(line) for line in (squall.data / "audit.log").read_text().splitlines()]


def test_probes_need_no_token(squall: Guarded) -> None:
    assert squall.call("GET", "/api/v1/squall/health") == (200, {"status": "ok"}), "details are for users"
    assert squall.call("GET", "/api/v1/squall/ready") == (200, {"status": "ready"})
    assert set(squall.as_user("nobody")("GET", "/squall/health")[1]) == {"status", "reason", "executions_unfinished", "recovering", "sensors", "problems"}
    assert squall.call("GET", "/api/v1/squall/metrics")[0] == 401


def test_metrics_are_prometheus_text(squall: Guarded) -> None:
    boss = squall.as_user("boss")
    boss("GET", "/actions/t.greet")
    boss("GET", "/actions/t.nosuch")
    status, text = boss("GET", "/squall/metrics")
    assert status == 200
    samples: dict[str, float] = {}
    for line in text.splitlines():
        if line.startswith("#"):
            assert re.fullmatch(r"# (HELP \w+ .+|TYPE \w+ (counter|gauge|histogram))", line), line
            continue
        match = re.fullmatch(r'(\w+(?:\{(?:\w+="(?:[^"\\]|\\.)*",?)*\})?) ([-+.e\d]+)', line)
        assert match, line
        samples[match[1]] = float(match[2])
    assert samples['squall_http_requests_total{method="GET",route="/actions/{id}",status="200"}'] >= 1
    assert samples['squall_http_requests_total{method="GET",route="/actions/{id}",status="404"}'] >= 1
    buckets = [value for name, value in samples.items() if name.startswith('squall_http_request_duration_seconds_bucket{method="GET"')]
    assert buckets == sorted(buckets) and buckets[-1] == samples['squall_http_request_duration_seconds_count{method="GET"}']
    assert samples["squall_http_connections"] >= 1 and samples["process_resident_memory_bytes"] > 1e6
    assert "nosuch" not in text, "names of resources would make a series each"


def test_changes_refusals_and_secrets_are_written_down(squall: Guarded) -> None:
    boss, nobody = squall.as_user("boss"), squall.as_user("nobody")
    canary = "CANARY-squall-secret-5309"
    assert boss("PUT", "/keys/hidden", {"name": "hidden", "value": canary, "secret": True})[0] == 200
    assert boss("GET", "/keys/hidden?decrypt=true")[1]["value"] == canary
    boss("GET", "/keys/hidden")
    assert nobody("GET", "/keys/hidden")[0] == 403
    assert squall.call("POST", "/auth/v1/tokens", {}, {"Authorization": "Basic Ym9zczp3cm9uZw=="})[0] == 401
    key = boss("POST", "/apikeys", {})[1]["key"]
    assert boss("DELETE", "/apikeys/" + key)[0] == 204
    lines = audit(squall)
    told = [(line["_user"], line["_method"], line["_path"], line["_status"], line["_outcome"]) for line in lines]
    assert ("boss", "PUT", "/v1/keys/hidden", "200", "done") in told
    assert told.count(("boss", "GET", "/v1/keys/hidden", "200", "done")) == 1, "the read that decrypts, and not the other"
    assert ("nobody", "GET", "/v1/keys/hidden", "403", "denied") in told
    assert ("boss", "POST", "/auth/v1/tokens", "401", "denied") in told and ("boss", "POST", "/auth/v1/tokens", "201", "done") in told
    assert ("boss", "DELETE", "/v1/apikeys/********", "204", "done") in told or ("boss", "DELETE", "/apikeys/********", "204", "done") in told
    for line in lines:
        assert {"version", "host", "short_message", "timestamp", "level", "_request_id", "_needs"} <= set(line) and line["version"] == "1.1"
    text = (squall.data / "audit.log").read_text()
    assert canary not in text and key not in text and squall.login("boss") not in text
    assert (squall.data / "audit.log").stat().st_mode & 0o777 == 0o600


def test_the_audit_log_may_be_moved_away(squall: Guarded, tmp_path: Path) -> None:
    boss = squall.as_user("boss")
    (squall.data / "audit.log").rename(tmp_path / "old.log")
    boss("PUT", "/keys/k", {"name": "k", "value": "v"})
    assert [line["_path"] for line in audit(squall)] == ["/v1/keys/k"]
