"""Mistakes of users: a clear answer, and everything else goes on."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from squall_server import BINARY, Squall, write_pack

NOOP = "name: ok\nrunner_type: noop\nenabled: true\nparameters:\n  n: {type: integer, required: true}\n"


def problems(squall: Squall) -> list[dict[str, str]]:
    return list(squall.get("/squall/health")["problems"])


def test_a_broken_pack_file_is_reported_with_its_line_and_the_rest_loads(make_squall: Callable[..., Squall], tmp_path: Path) -> None:
    packs = write_pack(tmp_path / "packs", "mixed", {
        "actions/ok.yaml": NOOP, "actions/broken.yaml": "name: broken\nrunner_type: [\n",
        "actions/odd.yaml": "name: odd\nrunner_type: no-such-runner\n",
        "rules/lost.yaml": "name: lost\nenabled: true\ntrigger: {type: mixed.nothing}\ncriteria: {}\naction: {ref: mixed.ok}\n",
        "rules/nowhere.yaml": "name: nowhere\nenabled: true\ntrigger: {type: core.st2.webhook, parameters: {url: x}}\ncriteria: {}\naction: {ref: mixed.ghost}\n",
        "rules/pattern.yaml": "name: pattern\nenabled: true\ntrigger: {type: core.st2.webhook, parameters: {url: y}}\n"
                              "criteria: {trigger.body.a: {type: regex, pattern: '(unclosed'}}\naction: {ref: mixed.ok}\n"})
    squall = make_squall([packs])
    assert squall.get("/actions/mixed.ok")["name"] == "ok"
    found = {problem["where"].split("/mixed/")[1]: problem["message"] for problem in problems(squall) if problem["pack"] == "mixed"}
    broken = [where for where in found if where.startswith("actions/broken.yaml:")]
    assert broken and int(broken[0].split(":")[1]) >= 2, found
    assert any(where.startswith("actions/odd.yaml:2") and "no-such-runner" in text for where, text in found.items()), found
    assert any(where.startswith("rules/lost.yaml") and "mixed.nothing" in text for where, text in found.items()), found
    assert any(where.startswith("rules/nowhere.yaml") and "mixed.ghost" in text for where, text in found.items()), found
    assert any(where.startswith("rules/pattern.yaml") and "unterminated subpattern" in text for where, text in found.items()), found
    assert squall.finished(squall.run("mixed.ok", {"n": 1}))["status"] == "succeeded"


def test_missing_and_wrong_parameters_are_refused(make_squall: Callable[..., Squall], tmp_path: Path) -> None:
    squall = make_squall([write_pack(tmp_path / "packs", "p", {"actions/ok.yaml": NOOP})])
    assert squall.call("POST", "/v1/executions", {"action": "p.ok"}) == (400, {"faultstring": "'n' is a required property"})
    status, body = squall.call("POST", "/v1/executions", {"action": "p.ok", "parameters": {"n": "many"}})
    assert status == 400 and "invalid literal for int()" in body["faultstring"]
    status, body = squall.call("POST", "/v1/executions", {"action": "p.ok", "parameters": {"n": 1, "m": 2}})
    assert status == 400 and "'m' was unexpected" in body["faultstring"]
    status, body = squall.call("POST", "/v1/executions", {"action": "p.ghost"})
    assert status == 400 and body["faultstring"] == 'Action "p.ghost" cannot be found.'


def test_a_chain_with_an_unknown_task_fails_and_says_so(make_squall: Callable[..., Squall], tmp_path: Path) -> None:
    squall = make_squall([write_pack(tmp_path / "packs", "p", {
        "actions/c.yaml": "name: c\nrunner_type: action-chain\nentry_point: chains/c.yaml\nenabled: true\n",
        "actions/chains/c.yaml": "chain:\n- {name: t1, ref: core.noop, on-success: ghost}\n"})])
    result = squall.result("p.c")
    assert result["status"] == "failed"
    assert result["result"]["error"] == 'Unable to find node with name "ghost" referenced in "on-success" in task "t1".'


def test_requests_that_are_none(squall: Squall) -> None:
    assert squall.call("GET", "/v1/nothing")[0] == 404
    assert squall.call("POST", "/v1/rules", {"name": "x"})[0] == 400
    status, body = squall.call("GET", "/v1/executions?limit=0")
    assert status == 400 and "Limit" in body["faultstring"]
    status, body = squall.call("GET", "/v1/executions/000000000000000000000000")
    assert status == 404
    assert squall.call("POST", "/v1/webhooks/unknown", {"a": 1})[0] == 404


def test_a_second_squall_on_the_same_data_directory_refuses(squall: Squall) -> None:
    second = subprocess.run([str(BINARY), "serve", "--data", str(squall.data), "--listen", "127.0.0.1:0"],
                            capture_output=True, text=True, timeout=20, check=False)
    assert second.returncode == 1
    assert squall.process and str(squall.process.pid) in second.stderr and str(squall.data) in second.stderr


def test_wrong_settings_are_named(tmp_path: Path) -> None:
    config = tmp_path / "squall.yaml"
    config.write_text("data: x\nlissten: 1\n")
    done = subprocess.run([str(BINARY), "serve", "--config", str(config)], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2 and f"{config}:2" in done.stderr and "lissten" in done.stderr
    done = subprocess.run([str(BINARY), "serve", "--listen", "here"], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2 and "--listen" in done.stderr


def test_an_api_server_that_is_down_is_told_and_does_not_disturb(make_squall: Callable[..., Squall], tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text("apiVersion: v1\nkind: Config\ncurrent-context: x\ncontexts: [{name: x, context: {cluster: x, user: x}}]\n"
                          "clusters: [{name: x, cluster: {server: 'http://127.0.0.1:9'}}]\nusers: [{name: x, user: {token: t}}]\n")
    squall = make_squall(env={"KUBECONFIG": str(kubeconfig)})
    state = squall.until("the sensor tells", lambda: (s := squall.get("/squall/health")["sensors"]["kubernetes.KubernetesSensor"])["state"] == "failing" and s)
    assert "127.0.0.1:9" in str(state)
    assert squall.finished(squall.run("core.noop"))["status"] == "succeeded"


def test_unreachable_clouds_fail_with_their_names(squall: Squall, make_squall: Callable[..., Squall]) -> None:
    away = make_squall(env={"VAULT_ADDR": "http://127.0.0.1:9", "VAULT_TOKEN": "tok-canary-1234", "CONSUL_HTTP_ADDR": "127.0.0.1:9",
                            "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "secret-canary", "AWS_REGION": "eu-west-1"})
    vault = away.result("vault.kv_get", {"path": "a", "unavailable_timeout": 0})
    assert vault["status"] == "failed" and "Vault at http://127.0.0.1:9" in vault["result"]["error"]
    consul = away.result("consul.kv_get", {"key": "a", "unavailable_timeout": 0})
    assert consul["status"] == "failed" and "Consul at http://127.0.0.1:9" in consul["result"]["error"]
    rds = away.finished(away.run("aws.rds_describe_db_instances", {"unavailable_timeout": 0}), 60)
    assert rds["status"] == "failed"
    for text in (away.log.read_text(), str(vault), str(consul), str(rds)):
        assert "canary" not in text
