"""The apiserver, through kubectl and plain requests: a custom resource, the identities, a restart, a freeze."""

from __future__ import annotations

import json

import pytest

from cloud_kube import PLAIN_TOKEN
from cloud_process import ServerError
from local_cloud import LocalCloud

CRD = {
    "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
    "metadata": {"name": "databases.test.squall.dev"},
    "spec": {"group": "test.squall.dev", "scope": "Namespaced",
             "names": {"kind": "Database", "plural": "databases", "singular": "database"},
             "versions": [{"name": "v1", "served": True, "storage": True, "subresources": {"status": {}},
                           "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}}]},
}
DATABASES = "/apis/test.squall.dev/v1/namespaces/default/databases"


@pytest.fixture(scope="module")
def crd(kube: LocalCloud) -> LocalCloud:
    kube.kube.kubectl("apply", "-f", "-", stdin=json.dumps(CRD))
    kube.kube.kubectl("wait", "--for=condition=Established", "crd/databases.test.squall.dev", "--timeout=20s")
    return kube


def apply(cloud: LocalCloud, name: str, **spec: object) -> None:
    body = {"apiVersion": "test.squall.dev/v1", "kind": "Database", "metadata": {"name": name}, "spec": spec}
    cloud.kube.kubectl("apply", "-f", "-", stdin=json.dumps(body))


def test_a_custom_resource_comes_and_goes(crd):
    apply(crd, "orders", size="small")
    assert crd.kube.kubectl("get", "database", "orders", "-o", "jsonpath={.spec.size}") == "small"
    apply(crd, "orders", size="large")
    assert crd.kube.kubectl("get", "database", "orders", "-o", "jsonpath={.metadata.generation}") == "2"
    crd.kube.kubectl("delete", "database", "orders")
    assert "orders" not in crd.kube.kubectl("get", "databases")


def test_the_server_says_its_version(kube):
    assert json.loads(kube.kube.request("GET", "/version")[1])["gitVersion"] == "v1.36.3"


def test_identities(kube):
    assert kube.kube.request("GET", "/api/v1/namespaces")[0] == 200
    assert kube.kube.request("GET", "/api/v1/namespaces", token=PLAIN_TOKEN)[0] == 403
    assert kube.kube.request("GET", "/api/v1/namespaces", token="tok-nobody")[0] == 401
    with pytest.raises(ServerError, match="forbidden"):
        kube.kube.kubectl("--context", "squall", "get", "namespaces")
    assert "default" in kube.kube.kubectl("--context", "cert", "get", "namespaces")


def test_a_service_account_token_works(kube):
    account = {"metadata": {"name": "squall"}}
    assert kube.kube.request("POST", "/api/v1/namespaces/default/serviceaccounts", account)[0] == 201
    path = "/api/v1/namespaces/default/serviceaccounts/squall/token"
    answer = kube.kube.request("POST", path, {"spec": {"expirationSeconds": 600}})[1]
    token = json.loads(answer)["status"]["token"]
    status, body = kube.kube.request("GET", "/api/v1/namespaces", token=token)
    assert status == 403 and b"system:serviceaccount:default:squall" in body


def test_a_watch_starts_from_a_list_and_streams_changes(crd):
    apply(crd, "watched", number=1)
    version = json.loads(crd.kube.request("GET", DATABASES)[1])["metadata"]["resourceVersion"]
    apply(crd, "watched", number=2)
    query = f"?watch=true&resourceVersion={version}&timeoutSeconds=1"
    events = [json.loads(line) for line in crd.kube.request("GET", DATABASES + query)[1].splitlines()]
    assert [(event["type"], event["object"]["spec"]["number"]) for event in events] == [("MODIFIED", 2)]


def test_after_a_restart_data_and_port_are_there_and_compacted_history_is_gone(crd):
    apply(crd, "kept")
    version = json.loads(crd.kube.request("GET", DATABASES)[1])["metadata"]["resourceVersion"]
    apply(crd, "kept", number=2)
    crd.etcd.compact()
    crd.kube.restart()
    assert "kept" in crd.kube.kubectl("get", "databases")
    watch = f"{DATABASES}?watch=true&resourceVersion={version}&timeoutSeconds=1"
    event = json.loads(crd.kube.request("GET", watch)[1].splitlines()[0])
    assert (event["type"], event["object"]["code"]) == ("ERROR", 410)


def test_a_frozen_server_is_silent_and_comes_back(kube):
    kube.kube.freeze()
    with pytest.raises(OSError):
        kube.kube.request("GET", "/readyz", timeout=0.5)
    kube.kube.thaw()
    assert kube.kube.request("GET", "/readyz")[0] == 200
