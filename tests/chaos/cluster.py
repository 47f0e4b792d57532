"""The real API server of a chaos run: a type of its own, and a writer who knows what became of everything he wrote."""

from __future__ import annotations

import http.client
import json
import random
import ssl
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cloud_kube import ADMIN_TOKEN, Etcd, KubeApiServer

Json = Any
PATH = "/apis/chaos.squall.dev/v1/namespaces/default/widgets"
CRD = {
    "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.chaos.squall.dev"},
    "spec": {"group": "chaos.squall.dev", "scope": "Namespaced",
             "names": {"kind": "Widget", "plural": "widgets", "singular": "widget", "listKind": "WidgetList"},
             "versions": [{"name": "v1", "served": True, "storage": True, "subresources": {"status": {}},
                           "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}}]},
}
ANSWER_S = 3.0


class Unsure(Exception):
    """No answer came: whether the request took effect is not known."""


class Cluster:
    """Etcd and an apiserver. request() is for one thread at a time; the servers may be killed by another meanwhile."""

    def __init__(self, directory: Path) -> None:
        self.etcd = Etcd(directory)
        self.kube = KubeApiServer(directory, self.etcd)
        self._connection: http.client.HTTPSConnection | None = None

    def __enter__(self) -> Cluster:
        try:
            self.etcd.start()
            self.kube.start()
            self.kube.kubectl("apply", "-f", "-", stdin=json.dumps(CRD))
            self.kube.kubectl("wait", "--for=condition=Established", "crd/widgets.chaos.squall.dev", "--timeout=60s")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kube.kill()
        self.etcd.kill()

    def request(self, method: str, path: str, body: Json = None, content_type: str = "application/json") -> tuple[int, Json]:
        """One request over a connection that is kept; Unsure when no answer came in time."""
        if self._connection is None:
            context = ssl.create_default_context(cafile=str(self.kube.ca_file))
            self._connection = http.client.HTTPSConnection("127.0.0.1", self.kube.port, timeout=ANSWER_S, context=context)
        headers = {"Authorization": f"Bearer {ADMIN_TOKEN}", "Content-Type": content_type}
        try:
            self._connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = self._connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._connection.close()
            self._connection = None
            raise Unsure(str(error)) from error

    def certain(self, method: str, path: str, seconds: float = 180) -> tuple[int, Json]:
        """A request without effect, again and again until the server answers it."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                status, body = self.request(method, path)
                if status in (200, 404) and not (status == 404 and (body or {}).get("kind") != "Status"):
                    return status, body
            except Unsure:
                pass
            time.sleep(0.1)
        raise AssertionError(f"the apiserver does not answer {method} {path}; see {self.kube.log}")

    def objects(self) -> dict[str, Json]:
        """All widgets by uid."""
        return {item["metadata"]["uid"]: item["metadata"] for item in self.certain("GET", PATH)[1]["items"]}


@dataclass
class Book:
    """What the writer did. A uid is in `made` once an answer named it, and in `deleted` once it is gone for good."""

    made: dict[str, str] = field(default_factory=dict)  # uid -> name
    deleted: set[str] = field(default_factory=set)
    living: dict[str, str] = field(default_factory=dict)  # name -> uid
    doubtful: set[str] = field(default_factory=set)  # names that had a write without an answer
    events: int = 0  # writes that took effect for certain


class Writer:
    """Creates, patches and deletes widgets at random; names are used again, so that they come back with other uids."""

    def __init__(self, cluster: Cluster, seed: int, names: int) -> None:
        self.cluster = cluster
        self.random = random.Random(seed)
        self.names = [f"w{number}" for number in range(names)]
        self.book = Book()

    def step(self) -> None:
        name = self.random.choice(self.names)
        kind = self.random.random()
        try:
            if name not in self.book.living:
                self._create(name)
            elif kind < 0.15:
                self._delete(name)
            else:
                self._patch(name, kind)
        except Unsure:
            self.book.doubtful.add(name)
            self._look(name)

    def _create(self, name: str) -> None:
        body = {"apiVersion": "chaos.squall.dev/v1", "kind": "Widget", "metadata": {"name": name},
                "spec": {"size": self.random.randrange(1000), "text": "x" * self.random.randrange(300)}}
        status, answer = self.cluster.request("POST", PATH, body)
        if status == 201:
            self._is_there(name, answer["metadata"]["uid"])
            self.book.events += 1
        else:
            self._look(name)

    def _patch(self, name: str, kind: float) -> None:
        # Some changes leave the generation alone: labels, and the status.
        what, path = {"spec": {"size": self.random.randrange(10**9)}}, f"{PATH}/{name}"
        if kind > 0.9:
            what = {"metadata": {"labels": {"n": str(self.random.randrange(10**6))}}}
        elif kind > 0.8:
            what, path = {"status": {"n": self.random.randrange(10**9)}}, path + "/status"
        status, _ = self.cluster.request("PATCH", path, what, "application/merge-patch+json")
        if status == 200:
            self.book.events += 1
        else:
            self._look(name)

    def _delete(self, name: str) -> None:
        status, answer = self.cluster.request("DELETE", f"{PATH}/{name}")
        if status != 200:
            return self._look(name)
        uid = answer["details"]["uid"] if answer["kind"] == "Status" else answer["metadata"]["uid"]
        self.book.made.setdefault(uid, name)
        self._is_gone(name, uid)
        self.book.events += 1

    def _look(self, name: str) -> None:
        """Finds out what is there now."""
        status, answer = self.cluster.certain("GET", f"{PATH}/{name}")
        if status == 200:
            self._is_there(name, answer["metadata"]["uid"])
        elif name in self.book.living:
            self._is_gone(name, self.book.living[name])

    def _is_there(self, name: str, uid: str) -> None:
        before = self.book.living.get(name)
        if before not in (None, uid):
            self._is_gone(name, before)
        self.book.made[uid] = name
        self.book.living[name] = uid

    def _is_gone(self, name: str, uid: str) -> None:
        self.book.deleted.add(uid)
        for gone in {uid, self.book.living.pop(name, uid)}:
            self.book.deleted.add(gone)
