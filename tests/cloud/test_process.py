"""Servers as processes: nothing outlives its owner, a stop is final, and a failure explains itself."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from cloud_process import Server, ServerError, http_status
from local_cloud import LocalCloud, Vault

HERE = Path(__file__).resolve().parent


class Failing(Server):
    name = "failing"

    def command(self) -> list[str]:
        return [sys.executable, "-c", "import sys; print('no such luck'); sys.exit(3)"]


def gone(url: str, timeout_s: float = 5) -> bool:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if http_status(url) is None:
            return True
        time.sleep(0.05)
    return False


def test_a_server_dies_with_its_killed_parent(tmp_path):
    script = ("import sys, time; sys.path.insert(0, sys.argv[1]); from local_cloud import Vault\n"
              "print(Vault(sys.argv[2], simulate=True).start().url, flush=True); time.sleep(60)")
    parent = subprocess.Popen([sys.executable, "-c", script, str(HERE), str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    url = parent.stdout.readline().strip() + "/v1/sys/health"
    assert http_status(url) == 200
    parent.kill()
    parent.communicate()
    assert gone(url)


def test_a_server_outlives_the_thread_that_started_it(tmp_path):
    vault = Vault(tmp_path, simulate=True)
    thread = threading.Thread(target=vault.start)
    thread.start()
    thread.join()
    time.sleep(0.2)
    assert vault.running and vault.ready()
    vault.stop()
    assert not vault.running


def test_a_frozen_server_can_be_stopped(tmp_path):
    vault = Vault(tmp_path, simulate=True).start()
    vault.freeze()
    assert http_status(f"{vault.url}/v1/sys/health", timeout=0.3) is None
    started = time.monotonic()
    vault.stop()
    assert time.monotonic() - started < 5


def test_a_failure_at_start_shows_the_log(tmp_path):
    with pytest.raises(ServerError, match=r"(?s)failing ended at start \(exit 3\).*no such luck"):
        Failing(tmp_path).start()


def test_a_taken_port_is_named(tmp_path):
    vault = Vault(tmp_path, simulate=True)
    with socket.socket() as thief:
        thief.bind(("127.0.0.1", vault.port))
        thief.listen()
        with pytest.raises(ServerError, match=f"port {vault.port} of vault is taken"):
            vault.start()


def test_a_directory_keeps_its_ports(tmp_path):
    assert Vault(tmp_path, simulate=True).port == Vault(tmp_path, simulate=True).port


def test_the_environment_names_only_the_parts_asked_for(tmp_path):
    with LocalCloud(tmp_path, ("consul", "vault"), simulate_consul=True) as cloud:
        assert set(cloud.env()) == {"CONSUL_HTTP_ADDR", "VAULT_ADDR", "VAULT_TOKEN", "VAULT_ROLE_ID", "VAULT_SECRET_ID"}
    assert not any(server.running for server in cloud.servers)
    with pytest.raises(ValueError, match="unknown part moon"):
        LocalCloud(tmp_path, ("moon",))


def test_the_command_line_prints_exports_and_stops_on_ctrl_c(tmp_path):
    command = [sys.executable, str(HERE / "local_cloud.py"), "up", "--dir", str(tmp_path), "--only", "vault"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout
    exports = [child.stdout.readline().strip() for _ in range(4)]
    assert exports[0].startswith("export VAULT_ADDR=http://127.0.0.1:")
    assert (tmp_path / "env.sh").stat().st_mode & 0o777 == 0o600
    url = exports[0].partition("=")[2] + "/v1/sys/health"
    assert http_status(url) == 200
    os.kill(child.pid, signal.SIGINT)
    _, errors = child.communicate(timeout=10)
    assert child.returncode == 0 and "stopped" in errors
    assert gone(url)
