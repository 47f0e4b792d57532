"""The Kubernetes sensor on a real kube-apiserver and etcd: a restored backup, lost history, a type that goes and comes back, new tokens."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from squall_server import Squall, write_pack

import servers
from cloud_kube import Etcd, KubeApiServer

Json = Any
RULE = ("name: {event}\nenabled: true\ntrigger: {{type: kubernetes.object_{event}, parameters: {{api_version: {group}/v1, kind: Widget{more}}}}}\n"
        "action: {{ref: core.noop}}\n")
DETECTED_S = 120  # how long a position that lies in the server's future may go unnoticed


class Kube:
    """One etcd and apiserver for all tests here; each test has a type of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.etcd = Etcd(directory)
        self.api = KubeApiServer(directory, self.etcd)

    def start(self) -> None:
        self.etcd.start()
        self.api.start()

    def stop(self) -> None:
        self.api.kill()
        self.etcd.stop()

    def back_up(self) -> Path:
        self.stop()
        copy = self.directory / "backup"
        shutil.copytree(self.etcd.directory / "data", copy)
        self.start()
        return copy

    def restore(self, copy: Path) -> None:
        self.stop()
        shutil.rmtree(self.etcd.directory / "data")
        shutil.copytree(copy, self.etcd.directory / "data")
        self.start()

    def call(self, method: str, path: str, body: Json = None, content_type: str = "application/json") -> Json:
        status, answer = self.api.request(method, path, body, content_type=content_type, timeout=30)
        assert status < 300, (method, path, status, answer)
        return json.loads(answer)


class Widgets:
    """The objects of one type, in the order of a test."""

    def __init__(self, kube: Kube, name: str) -> None:
        self.kube = kube
        self.group = f"{name}.informer.squall.dev"
        self.path = f"/apis/{self.group}/v1/namespaces/default/widgets"
        self.definition = {
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": f"widgets.{self.group}"},
            "spec": {"group": self.group, "scope": "Namespaced", "names": {"kind": "Widget", "plural": "widgets"},
                     "versions": [{"name": "v1", "served": True, "storage": True,
                                   "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}}]}}
        self.define()

    def define(self) -> None:
        self.kube.api.kubectl("apply", "-f", "-", stdin=json.dumps(self.definition))
        self.kube.api.kubectl("wait", "--for=condition=Established", f"crd/widgets.{self.group}", "--timeout=60s")

    def forget(self) -> None:
        self.kube.api.kubectl("delete", f"crd/widgets.{self.group}", "--timeout=60s")

    def create(self, *names: str, size: int = 1) -> None:
        for name in names:
            body = {"apiVersion": f"{self.group}/v1", "kind": "Widget", "metadata": {"name": name}, "spec": {"size": size, "text": "bulky"}}
            self.kube.call("POST", self.path, body)

    def patch(self, name: str, size: int) -> None:
        self.kube.call("PATCH", f"{self.path}/{name}", {"spec": {"size": size}}, "application/merge-patch+json")

    def delete(self, *names: str) -> None:
        for name in names:
            self.kube.call("DELETE", f"{self.path}/{name}")

    def pack(self, folder: Path, more: str = "") -> Path:
        return write_pack(folder / "packs", "informer", {
            f"rules/{event}.yaml": RULE.format(event=event, group=self.group, more=more) for event in ("created", "modified", "deleted")})


@pytest.fixture(scope="module")
def kube(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kube]:
    missing = [name for name in ("kube-apiserver", "etcd") if servers.find(name) is None]
    if missing:
        if os.environ.get("CI"):
            pytest.fail(f"test servers are missing under CI: {missing}; `make servers` installs them")
        pytest.skip(f"test servers left out: {missing}; `make servers` installs them")
    made = Kube(tmp_path_factory.mktemp("kube"))
    try:
        made.start()
        yield made
    finally:
        made.stop()


Start = Callable[..., Squall]


@pytest.fixture
def start(kube: Kube, make_squall: Callable[..., Squall], tmp_path: Path) -> Start:
    def start(widgets: Widgets, more: str = "", kubeconfig: Path | None = None) -> Squall:
        return make_squall([widgets.pack(tmp_path, more)], env={"KUBECONFIG": str(kubeconfig or kube.api.kubeconfig)})

    return start


def told(squall: Squall, since: int = 0) -> list[str]:
    """What the sensor told of, as "modified a 2" with the spec's size, from the `since`th on, in order of the objects' names."""
    instances = [item for item in squall.get("/triggerinstances?limit=-1") if "resource_version" in item["payload"]]
    instances.sort(key=lambda item: item["id"])
    lines = [f"{p['event']} {p['name']} {p['object'].get('spec', {}).get('size', '-')}" for p in (item["payload"] for item in instances)]
    return sorted(lines[since:])


def watch(squall: Squall) -> Json:
    """The status of the one watch there is, as `sensor get` shows it."""
    sensor = json.loads(squall.cli("sensor", "get", "kubernetes.KubernetesSensor", "-o", "json"))
    return next(item for item in sensor["status"]["watches"] if "informer.squall.dev" in item["api_version"])


def settled(squall: Squall, seconds: float = 60) -> Json:
    return squall.until("the sensor watches", lambda: (w := watch(squall))["state"] == "watching" and w["pending"] == 0 and w, seconds, 0.2)


def tells(squall: Squall, since: int, expected: list[str], seconds: float = 60) -> None:
    """Exactly these and nothing more, a moment later either."""
    squall.until(f"{len(expected)} changes are told", lambda: len(told(squall, since)) >= len(expected), seconds, 0.2)
    settled(squall)
    assert told(squall, since) == sorted(expected)


def test_lists_are_streamed_and_the_status_says_so(kube: Kube, start: Start) -> None:
    widgets = Widgets(kube, "plain")
    widgets.create("a", "b")
    squall = start(widgets)
    tells(squall, 0, ["created a 1", "created b 1"])
    found = watch(squall)
    assert (found["lists"], found["streams_lists"], found["keeps_objects"], found["objects"]) == (1, True, True, 2)
    assert found["last_list"] and found["resource"] == "widgets"
    widgets.patch("a", 2)
    widgets.delete("b")
    tells(squall, 2, ["modified a 2", "deleted b 1"])


def test_objects_that_no_rule_needs_are_not_kept(kube: Kube, start: Start) -> None:
    widgets = Widgets(kube, "light")
    widgets.create("a", "b")
    squall = start(widgets, ", keep_objects: false")
    tells(squall, 0, ["created a 1", "created b 1"])
    assert watch(squall)["keeps_objects"] is False
    widgets.patch("a", 2)
    tells(squall, 2, ["modified a 2"])
    payload = next(item["payload"] for item in squall.get("/triggerinstances?limit=-1") if item["payload"].get("event") == "modified")
    assert set(payload["old_object"]) == {"apiVersion", "kind", "metadata"} and payload["old_object"]["metadata"]["generation"] == 1
    squall.stop()
    with closing(sqlite3.connect(squall.data / "squall.db")) as database:
        kept = [row[0] for row in database.execute("SELECT document FROM sensor_objects")]
    assert len(kept) == 2 and not any("bulky" in document for document in kept)


def test_what_happened_meanwhile_is_told_once_although_the_history_is_gone(kube: Kube, start: Start) -> None:
    widgets = Widgets(kube, "away")
    widgets.create("same", "changed", "gone", "replaced")
    squall = start(widgets)
    tells(squall, 0, ["created changed 1", "created gone 1", "created replaced 1", "created same 1"])
    squall.kill()
    widgets.patch("changed", 2)
    widgets.delete("gone", "replaced")
    widgets.create("replaced", "new", size=3)
    kube.etcd.compact()
    kube.api.kill()
    kube.api.start()
    squall.start()
    meanwhile = ["modified changed 2", "deleted gone 1", "deleted replaced 1", "created replaced 3", "created new 3"]
    tells(squall, 4, meanwhile)
    squall.kill()
    squall.start()
    tells(squall, 4, meanwhile)


def test_a_restored_backup_is_noticed_and_nothing_is_repeated(kube: Kube, start: Start) -> None:
    widgets = Widgets(kube, "restored")
    widgets.create("same", "undone", "redone", "deleted")
    backup = kube.back_up()
    squall = start(widgets)
    tells(squall, 0, ["created deleted 1", "created redone 1", "created same 1", "created undone 1"])
    widgets.patch("undone", 2)
    widgets.patch("redone", 2)
    widgets.delete("deleted")
    widgets.create("later")
    for size in range(20):  # far ahead of what the restored server will count
        widgets.patch("later", size + 10)
    tells(squall, 4, ["modified undone 2", "modified redone 2", "deleted deleted 1", "created later 1", *(f"modified later {n + 10}" for n in range(20))])
    assert squall.process
    os.kill(squall.process.pid, signal.SIGSTOP)  # so that it does not see the state in between
    kube.restore(backup)
    widgets.patch("redone", 2)  # again what squall saw, with another resourceVersion
    os.kill(squall.process.pid, signal.SIGCONT)
    known = 4 + 24
    restored = ["modified undone 1", "created deleted 1", "deleted later 29"]
    tells(squall, known, restored, DETECTED_S)
    widgets.patch("same", 5)
    tells(squall, known, [*restored, "modified same 5"])


def test_a_type_that_is_deleted_and_defined_again(kube: Kube, start: Start) -> None:
    widgets = Widgets(kube, "typed")
    widgets.create("a", "b")
    squall = start(widgets)
    tells(squall, 0, ["created a 1", "created b 1"])
    widgets.forget()
    squall.until("both are told as deleted", lambda: told(squall, 2) == ["deleted a 1", "deleted b 1"], 60, 0.2)
    found = squall.until("it waits for the type", lambda: (w := watch(squall))["state"] == "failing" and w, 90, 0.2)
    assert "does not know Widget" in found["message"] and "waiting until it is defined" in found["message"]
    widgets.define()
    widgets.create("a", size=2)
    tells(squall, 4, ["created a 2"])


def test_a_token_that_is_replaced_while_it_runs(kube: Kube, start: Start, tmp_path: Path) -> None:
    widgets = Widgets(kube, "token")
    widgets.create("a")
    account = "/api/v1/namespaces/default/serviceaccounts"
    kube.call("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", {
        "metadata": {"name": "informer-test"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "informer-test", "namespace": "default"}]})
    token_file = tmp_path / "token"

    def new_token() -> str:
        kube.call("POST", account, {"metadata": {"name": "informer-test"}})
        token = kube.call("POST", f"{account}/informer-test/token", {"spec": {"expirationSeconds": 600}})["status"]["token"]
        token_file.write_text(token)
        return str(token)

    first = new_token()
    config = json.loads(kube.api.kubeconfig.read_text())
    config["users"] = [{"name": "admin", "user": {"tokenFile": str(token_file)}}]
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(json.dumps(config))
    squall = start(widgets, kubeconfig=kubeconfig)
    tells(squall, 0, ["created a 1"])
    kube.call("DELETE", f"{account}/informer-test")  # from now on the first token is worth nothing
    second = new_token()
    assert first != second
    kube.api.kill()
    kube.api.start()
    assert kube.api.request("GET", widgets.path, token=first)[0] == 401
    widgets.patch("a", 2)
    tells(squall, 1, ["modified a 2"])
    everything = squall.log.read_text() + json.dumps(squall.get("/squall/health"))
    assert first not in everything and second not in everything
