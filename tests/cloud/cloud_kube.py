"""Etcd and a real kube-apiserver, with no kubelet and no controllers: what a Kubernetes client can see of a cluster."""

from __future__ import annotations

import base64
import json
import os
import ssl
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import servers
from cloud_process import HOST, Server, ServerError, http_status


class Etcd(Server):
    """The store of the apiserver."""

    name = "etcd"

    def __init__(self, directory: Path | str, *, port: int | None = None) -> None:
        super().__init__(directory, port=port)
        self.peer_port = self.reserve_port("peer")

    def command(self) -> list[str]:
        peer = f"http://{HOST}:{self.peer_port}"
        return [str(servers.need("etcd")), "--data-dir", str(self.directory / "data"),
                "--listen-client-urls", self.url, "--advertise-client-urls", self.url,
                "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                "--initial-cluster", f"default={peer}", "--log-level", "warn",
                # Test data may be lost with the machine; waiting for the disk would only slow every write.
                "--unsafe-no-fsync"]

    def ready(self) -> bool:
        return http_status(f"{self.url}/health") == 200

    def revision(self) -> int:
        return int(self._call("/v3/maintenance/status")["header"]["revision"])

    def compact(self) -> int:
        """Forgets all history up to now: after a restart of the apiserver, old resourceVersions get 410 Gone."""
        revision = self.revision()
        self._call("/v3/kv/compaction", {"revision": revision, "physical": True})
        return revision

    def _call(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        request = urllib.request.Request(self.url + path, data=json.dumps(body or {}).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())


@dataclass(frozen=True)
class KeyPair:
    cert: Path
    key: Path


class Pki:
    """A throw-away certificate authority, made once per directory with the openssl program."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.ca = self._pair("ca")
        if not self.ca.cert.exists():
            self._openssl("req", "-x509", *self._new_key(self.ca), "-days", "3650", "-subj", "/CN=local-cloud-ca",
                          "-out", str(self.ca.cert))

    def issue(self, name: str, subject: str, alternative_names: str = "") -> KeyPair:
        """A certificate signed by the authority; `alternative_names` in openssl's form (IP:...,DNS:...)."""
        pair = self._pair(name)
        if pair.cert.exists():
            return pair
        usage = "extendedKeyUsage=serverAuth" if alternative_names else "extendedKeyUsage=clientAuth"
        names = ["-addext", f"subjectAltName={alternative_names}"] if alternative_names else []
        self._openssl("req", "-x509", *self._new_key(pair), "-days", "3650", "-subj", subject, "-addext", usage, *names,
                      "-addext", "basicConstraints=critical,CA:FALSE", "-CA", str(self.ca.cert),
                      "-CAkey", str(self.ca.key), "-out", str(pair.cert))
        return pair

    def signing_key(self, name: str) -> Path:
        key = self.directory / f"{name}.key"
        if not key.exists():
            self._openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", str(key))
        return key

    def _pair(self, name: str) -> KeyPair:
        return KeyPair(self.directory / f"{name}.crt", self.directory / f"{name}.key")

    def _new_key(self, pair: KeyPair) -> list[str]:
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(pair.key)]

    def _openssl(self, *arguments: str) -> None:
        try:
            answer = subprocess.run(["openssl", *arguments], capture_output=True, text=True)
        except FileNotFoundError as error:
            raise ServerError("the openssl program is missing; install the package openssl") from error
        if answer.returncode != 0:
            raise ServerError(f"openssl {arguments[0]} failed: {answer.stderr.strip()}")


ADMIN_TOKEN = "tok-admin"
# A signed-in user without any right, for tests of 403 and of RBAC rules that a test creates.
PLAIN_TOKEN = "tok-plain"
# The identity squall itself is meant to run with; a test binds it to the ClusterRole that it ships.
SQUALL_TOKEN = "tok-squall"


class KubeApiServer(Server):
    """A real apiserver with RBAC. Users: `admin` and `squall-cert` (client certificate) may do all; `squall` and
    `plain` may do nothing until a test binds them to a role. Nothing garbage-collects and no Pods run.
    """

    name = "kube-apiserver"
    ready_timeout_s = 120.0

    def __init__(self, directory: Path | str, etcd: Etcd, *, port: int | None = None,
                 extra_arguments: list[str] | None = None) -> None:
        super().__init__(directory, port=port)
        self.etcd = etcd
        self.extra_arguments = extra_arguments or []
        pki = Pki(self.directory / "pki")
        self.ca_file = pki.ca.cert
        self.serving = pki.issue("serving", "/CN=kube-apiserver",
                                 f"IP:{HOST},IP:10.0.0.1,DNS:localhost,DNS:kubernetes.default.svc")
        self.client = pki.issue("client", "/O=system:masters/CN=squall-cert")
        self.service_account_key = pki.signing_key("service-account")
        self.token = ADMIN_TOKEN
        self.token_file = self._write_tokens()
        self.kubeconfig = self.write_kubeconfig(self.directory / "kubeconfig")

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.port}"

    def command(self) -> list[str]:
        key = str(self.service_account_key)
        return [str(servers.need("kube-apiserver")), f"--etcd-servers={self.etcd.url}", f"--secure-port={self.port}",
                f"--bind-address={HOST}", f"--advertise-address={HOST}", f"--cert-dir={self.directory / 'certs'}",
                f"--tls-cert-file={self.serving.cert}", f"--tls-private-key-file={self.serving.key}",
                f"--client-ca-file={self.ca_file}", f"--token-auth-file={self.token_file}",
                f"--service-account-key-file={key}", f"--service-account-signing-key-file={key}",
                "--service-account-issuer=https://kubernetes.default.svc", "--service-cluster-ip-range=10.0.0.0/24",
                # One endpoint reconciler less, and no minute of grace for requests at a stop: tests restart often.
                "--endpoint-reconciler-type=none", "--shutdown-delay-duration=0s",
                "--authorization-mode=RBAC", "--profiling=false", "--v=1", *self.extra_arguments]

    def ready(self) -> bool:
        try:
            return self.request("GET", "/readyz", timeout=2)[0] == 200
        except OSError:
            return False

    # -- for tests

    def request(self, method: str, path: str, body: object = None, *, token: str = ADMIN_TOKEN,
                content_type: str = "application/json", timeout: float = 10) -> tuple[int, bytes]:
        """One plain API request; returns the status and the raw body."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": content_type}
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=headers)
        context = ssl.create_default_context(cafile=str(self.ca_file))
        try:
            with urllib.request.urlopen(request, timeout=timeout, context=context) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        """Runs kubectl as the admin and returns what it printed; raises ServerError with its complaint."""
        answer = subprocess.run([str(servers.need("kubectl")), *arguments], input=stdin, capture_output=True, text=True,
                                timeout=120, env={**os.environ, "KUBECONFIG": str(self.kubeconfig)})
        if check and answer.returncode != 0:
            raise ServerError(f"kubectl {' '.join(arguments)} failed: {answer.stderr.strip()}")
        return answer.stdout

    def write_kubeconfig(self, path: Path, *, context: str = "admin", server: str | None = None) -> Path:
        """A kubeconfig with contexts admin, squall, plain (tokens) and cert (client certificate)."""
        users = {"admin": {"token": ADMIN_TOKEN}, "squall": {"token": SQUALL_TOKEN}, "plain": {"token": PLAIN_TOKEN},
                 "cert": {"client-certificate-data": _base64(self.client.cert),
                          "client-key-data": _base64(self.client.key)}}
        config = {
            "apiVersion": "v1", "kind": "Config", "current-context": context, "preferences": {},
            "clusters": [{"name": "local-cloud", "cluster": {"server": server or self.url,
                                                             "certificate-authority-data": _base64(self.ca_file)}}],
            "users": [{"name": name, "user": user} for name, user in users.items()],
            "contexts": [{"name": name, "context": {"cluster": "local-cloud", "user": name, "namespace": "default"}}
                         for name in users],
        }
        path.write_text(json.dumps(config, indent=2) + "\n")  # JSON is YAML too
        path.chmod(0o600)
        return path

    def _write_tokens(self) -> Path:
        path = self.directory / "tokens.csv"
        path.write_text(f'{ADMIN_TOKEN},admin,u-admin,"system:masters"\n{SQUALL_TOKEN},squall,u-squall\n'
                        f"{PLAIN_TOKEN},plain,u-plain\n")
        path.chmod(0o600)
        return path


def _base64(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()
