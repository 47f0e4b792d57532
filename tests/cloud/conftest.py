"""Fixtures of the local cloud's own tests: each module gets the servers it needs, started once."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import servers  # noqa: E402
from local_cloud import Consul, LocalCloud, Vault  # noqa: E402


def _need(*programs: str) -> None:
    """Without a server a developer's run skips; CI must not pass by skipping."""
    try:
        for program in programs:
            servers.need(program)
    except servers.ServerMissing as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    _need("moto_server")
    pytest.importorskip("boto3", reason="run with the pytest that servers.py installed")
    times = {"create_s": 0.6, "backup_s": 0.4, "modify_lag_s": 0.2, "modify_s": 0.4, "delete_s": 0.5}
    with LocalCloud(tmp_path_factory.mktemp("aws"), ("aws",), rds_times=times) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def kube(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    _need("etcd", "kube-apiserver", "kubectl")
    with LocalCloud(tmp_path_factory.mktemp("kube"), ("kube",)) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vault]:
    with Vault(tmp_path_factory.mktemp("vault"), simulate=True, mounts=("team",)) as server:
        yield server


@pytest.fixture(scope="module", params=["real", "simulator"])
def consul(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consul]:
    if request.param == "real":
        _need("consul")
    with Consul(tmp_path_factory.mktemp("consul"), simulate=request.param == "simulator") as server:
        assert server.kind == request.param
        yield server


@pytest.fixture
def unique(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """A name of this test's own, so that tests of one module share a server without meeting."""
    stem = request.node.originalname.removeprefix("test_").replace("_", "-")[:40].strip("-")
    return lambda prefix="": f"{prefix}{stem}"
