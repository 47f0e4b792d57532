#!/usr/bin/env python3
"""The Kubernetes sensor on a real API server: what it costs to follow very many objects whose bodies nobody needs, and how soon a
change is a trigger instance.

    python3 bench/kubernetes.py          # BENCH_OBJECTS=20000

Memory is compared with the raw JSON of the list, the first sync with curl's download of that list, the delay of a change with one
commit of SQLite (WAL, synchronous=FULL) on the same disk: all in one run, in turns.
"""

from __future__ import annotations

import http.client
import json
import os
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from run import ROOT, Baseline, Server, line

sys.path.insert(0, str(ROOT / "tests" / "cloud"))

import servers  # noqa: E402
from cloud_kube import ADMIN_TOKEN, Etcd, KubeApiServer  # noqa: E402

OBJECTS = int(os.environ.get("BENCH_OBJECTS", "20000"))
CHANGES = int(os.environ.get("BENCH_ROUNDS", "200"))
ROUNDS = 3
WRITERS = 4
PATH = "/apis/bench.squall.dev/v1/namespaces/default/widgets"
CRD = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "widgets.bench.squall.dev"},
       "spec": {"group": "bench.squall.dev", "scope": "Namespaced", "names": {"kind": "Widget", "plural": "widgets"},
                "versions": [{"name": "v1", "served": True, "storage": True,
                              "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}}]}}
RULE = {"name": "changes", "pack": "bench", "enabled": True, "action": {"ref": "core.noop"}, "criteria": {},
        "trigger": {"type": "kubernetes.object_modified",
                    "parameters": {"api_version": "bench.squall.dev/v1", "resource": "widgets", "keep_objects": False}}}


def spec(number: int) -> object:
    """About 2 KB with what the server adds."""
    return {"number": number, "ports": [{"name": f"port-{n}", "number": 8000 + n, "enabled": n % 2 == 0} for n in range(12)],
            "text": f"{number:06d}-" + "x" * 300}


class Connection:
    """One connection to the API server, kept open."""

    def __init__(self, kube: KubeApiServer) -> None:
        context = ssl.create_default_context(cafile=str(kube.ca_file))
        self.http = http.client.HTTPSConnection("127.0.0.1", kube.port, timeout=60, context=context)

    def call(self, method: str, path: str, body: object = None, content_type: str = "application/json") -> dict[str, object]:
        self.http.request(method, path, json.dumps(body), {"Authorization": f"Bearer {ADMIN_TOKEN}", "Content-Type": content_type})
        answer = self.http.getresponse()
        text = answer.read()
        assert answer.status < 300, text
        return json.loads(text)


def create_all(kube: KubeApiServer) -> None:
    def some(first: int) -> None:
        connection = Connection(kube)
        for number in range(first, OBJECTS, WRITERS):
            connection.call("POST", PATH, {"apiVersion": "bench.squall.dev/v1", "kind": "Widget", "metadata": {"name": f"w{number:05d}"},
                                           "spec": spec(number)})

    threads = [threading.Thread(target=some, args=(first,)) for first in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def curl(kube: KubeApiServer, directory: Path) -> tuple[float, int]:
    """Seconds and bytes of the whole list."""
    header = directory / "header"  # a file, so that the token is in no process list
    header.write_text(f"Authorization: Bearer {ADMIN_TOKEN}\n")
    done = subprocess.run(["curl", "-sS", "--fail", "--cacert", str(kube.ca_file), "-H", f"@{header}", "-o", str(directory / "list"), "-w", "%{time_total}",
                           kube.url + PATH], capture_output=True, text=True, check=True)
    return float(done.stdout), (directory / "list").stat().st_size


def watch(server: Server) -> dict[str, object]:
    sensor = server.call("GET", "/v1/squall/health")["sensors"]["kubernetes.KubernetesSensor"]
    return sensor["watches"][0] if sensor["watches"] else {}


def sync(server: Server) -> float:
    """Seconds from the rule that wants it until every object is known and durable."""
    begin = time.perf_counter()
    server.call("POST", "/v1/rules", RULE)
    while not ((found := watch(server)).get("state") == "watching" and found["pending"] == 0):
        assert time.perf_counter() - begin < 300, found
        time.sleep(0.005)
    seconds = time.perf_counter() - begin
    assert found["objects"] == OBJECTS and found["keeps_objects"] is False, found
    return seconds


class Watcher:
    """A plain watch of one's own: what it hears, squall can hear."""

    def __init__(self, kube: KubeApiServer) -> None:
        self.heard: dict[str, float] = {}  # by resourceVersion
        self.connection = Connection(kube)
        self.connection.http.timeout = None
        version = self.connection.call("GET", PATH + "?limit=1")["metadata"]["resourceVersion"]
        self.connection.http.request("GET", f"{PATH}?watch=1&resourceVersion={version}", headers={"Authorization": f"Bearer {ADMIN_TOKEN}"})
        self.stream = self.connection.http.getresponse()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while event := self.stream.readline():
            now = time.perf_counter()
            self.heard[json.loads(event)["object"]["metadata"]["resourceVersion"]] = now

    def when(self, version: str) -> float:
        while version not in self.heard:
            time.sleep(0.001)
        return self.heard[version]


def change(connection: Connection, watcher: Watcher, server: Server, number: int) -> float:
    """Seconds from when the API server tells of a change until its trigger instance is durable and can be read."""
    path = f"{PATH}/w{number % OBJECTS:05d}"
    version = connection.call("PATCH", path, {"spec": {"number": -number - 1}}, "application/merge-patch+json")["metadata"]["resourceVersion"]
    begin = time.perf_counter()
    while True:
        newest = server.call("GET", "/v1/triggerinstances?limit=1&sort=-id")
        if newest and newest[0]["payload"].get("resource_version") == version:
            return time.perf_counter() - watcher.when(version)
        assert time.perf_counter() - begin < 30, f"the change of {path} is not told of"
        time.sleep(0.0002)  # the processors are needed for what is measured


def measure(directory: Path, kube: KubeApiServer) -> bool:
    downloads, syncs, growth, raw = [], [], [], 0
    base, mine = [], []
    baseline = Baseline(directory)
    connection, watcher = Connection(kube), Watcher(kube)
    curl(kube, directory)
    for round_number in range(ROUNDS):
        folder = directory / f"squall{round_number}"
        folder.mkdir()
        seconds, raw = curl(kube, directory)
        downloads.append(seconds)
        server = Server(folder)
        (folder / "packs" / "bench" / "rules" / "bench.yaml").unlink()
        (folder / "data" / "configs").mkdir(parents=True)
        (folder / "data" / "configs" / "kubernetes.yaml").write_text(f"kubeconfig: {kube.kubeconfig}\n")
        server.start()
        time.sleep(2)
        before = server.pss_mb()
        syncs.append(sync(server))
        time.sleep(1)
        growth.append(server.pss_mb() - before)
        for number in range(10):
            change(connection, watcher, server, round_number * 1000 + number)
            baseline.commit()
        for number in range(CHANGES // ROUNDS):
            base.append(baseline.commit())
            mine.append(change(connection, watcher, server, round_number * 1000 + 10 + number))
        server.stop()
    raw_mb = raw / 2**20
    what = f"{OBJECTS} objects, {raw_mb:.0f} MB of JSON"
    grown = statistics.median(growth)
    good = line(f"{what}: memory", f"{grown:.1f} MB more = {grown / raw_mb:.2f} of it (limit 0.5)", grown <= raw_mb / 2)
    ratio = statistics.median(syncs) / statistics.median(downloads)
    good = line(f"{what}: first sync", f"{statistics.median(syncs):.2f} s = {ratio:.2f} x curl's {statistics.median(downloads):.2f} s (limit 3)", ratio <= 3) and good
    late, commit = 1000 * statistics.median(mine), 1000 * statistics.median(base)
    return line("change to trigger instance", f"p50 {late:.2f} ms = one commit ({commit:.2f} ms) + {late - commit:.2f} ms (limit + 2)", late <= commit + 2) and good


def main() -> int:
    if missing := [name for name in ("kube-apiserver", "etcd") if servers.find(name) is None]:
        print(f"the Kubernetes sensor: left out, for {' and '.join(missing)} are not installed; `make servers` installs them")
        return 0
    print(f"load average {os.getloadavg()[0]:.2f}, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory(prefix="squall-bench-") as temporary:
        directory = Path(temporary)
        with Etcd(directory) as etcd, KubeApiServer(directory, etcd) as kube:
            kube.kubectl("apply", "-f", "-", stdin=json.dumps(CRD))
            kube.kubectl("wait", "--for=condition=Established", "crd/widgets.bench.squall.dev", "--timeout=60s")
            create_all(kube)
            return 0 if measure(directory, kube) else 1


if __name__ == "__main__":
    sys.exit(main())
