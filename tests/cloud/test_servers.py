"""The installer's own behaviour; the installs themselves are proved by the tests that use what it installed."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import servers


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SQUALL_CACHE", str(tmp_path))
    return tmp_path / "servers"


def test_a_missing_server_says_how_to_install_it(cache):
    assert servers.find("consul") is None
    with pytest.raises(servers.ServerMissing, match="servers.py install --only consul"):
        servers.need("consul")
    with pytest.raises(servers.ServerMissing, match="--only venv"):
        servers.need("moto_server")


def test_directories_carry_version_and_pins(cache):
    assert servers.CONSUL.directory.name.startswith("consul-v1.17.0-")
    assert servers.venv_directory().name.startswith("venv-py3.")


def test_an_unknown_component_is_named(cache):
    with pytest.raises(servers.InstallError, match="unknown component nomad; there are: venv, etcd, kube, consul"):
        servers.install(["nomad"])


def test_a_failed_step_names_its_log_and_a_remedy(tmp_path):
    log = tmp_path / "step.log"
    script = "print('write: no space left on device'); raise SystemExit(7)"
    with pytest.raises(servers.InstallError) as error:
        servers.run_step("etcd", [sys.executable, "-c", script], log=log)
    text = str(error.value)
    assert "etcd failed (exit 7)" in text and str(log) in text and "free some disk" in text


def test_a_half_made_venv_does_not_count(cache):
    program = servers.venv_directory() / "bin" / "pytest"
    program.parent.mkdir(parents=True)
    program.touch()
    assert servers.find("pytest") is None
    (servers.venv_directory() / ".complete").touch()
    assert servers.find("pytest") == program


def test_two_installs_take_turns(cache):
    entered = threading.Event()

    def second() -> None:
        with servers.install_lock():
            entered.set()

    with servers.install_lock():
        thread = threading.Thread(target=second)
        thread.start()
        assert not entered.wait(0.3)
    assert entered.wait(5)
    thread.join()


def test_the_lock_ends_with_a_killed_installer(cache):
    holder = subprocess.Popen([sys.executable, "-c", "import servers, time\nwith servers.install_lock(): "
                                                     "print('held', flush=True); time.sleep(60)"],
                              cwd=Path(servers.__file__).parent, stdout=subprocess.PIPE, text=True)
    assert holder.stdout and holder.stdout.readline().strip() == "held"
    holder.kill()
    holder.communicate()
    deadline = time.monotonic() + 5
    with (cache / ".lock").open("a") as handle:
        while time.monotonic() < deadline:
            try:
                return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.05)
    raise AssertionError("the lock outlived its holder")
