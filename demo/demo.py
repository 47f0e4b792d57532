#!/usr/bin/env python3
"""The main job, live: one Kubernetes file becomes a running database, and deleting the file takes it down.

Uses the reader's own cluster and services where their usual environment variables say so, and local ones for the rest.
Exits 0 when every step happened; otherwise non-zero, after saying which step failed and why.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "cloud"))
import servers as installer  # noqa: E402

Json = Any
STEP_SECONDS = 120.0
DATABASE_FILE = ROOT / "demo" / "database.yaml"
CRD_FILE = ROOT / "packs" / "database" / "crds" / "database.yaml"
NAMESPACE, NAME = "shop", "orders"

BOLD, DIM, GREEN, RED, PLAIN = ("\033[1m", "\033[2m", "\033[32m", "\033[31m", "\033[0m") if sys.stdout.isatty() else ("",) * 5
started = time.monotonic()


class StepFailed(Exception):
    """A step of the demo did not happen; the message says which and why."""


def line(what: str, text: str) -> None:
    print(f"{DIM}{time.monotonic() - started:7.2f}s{PLAIN}  {what:<11} {text}", flush=True)


def heading(text: str) -> None:
    print(f"\n{BOLD}{text}{PLAIN}", flush=True)


def fetch(method: str, url: str, body: Json = None, headers: dict[str, str] | None = None) -> tuple[int, Json]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method, headers={"Content-Type": "application/json", **(headers or {})})
    try:
        with urllib.request.urlopen(request, timeout=15) as answer:
            status, text = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read()
    except OSError as error:
        raise StepFailed(f"{method} {url}: {error}") from error
    try:
        return status, json.loads(text) if text.strip() else None
    except ValueError:
        return status, text.decode(errors="replace")


def wait_for(what: str, probe: Callable[[], Json], seconds: float = STEP_SECONDS, between: float = 0.1) -> Json:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (found := probe()):
            return found
        time.sleep(between)
    raise StepFailed(f"{what}: not within {seconds:.0f} s")


class Services:
    """Where Kubernetes, AWS, Consul and Vault are: the reader's own, or local stand-ins."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.local: Any = None
        own = {"kube": bool(os.environ.get("KUBECONFIG")),
               "aws": bool(os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("AWS_ACCESS_KEY_ID") or os.environ.get("AWS_PROFILE")),
               "consul": bool(os.environ.get("CONSUL_HTTP_ADDR")), "vault": bool(os.environ.get("VAULT_ADDR"))}
        self.needed = [part for part in ("kube", "aws", "consul", "vault") if not own[part]]
        self.env = {name: value for name, value in os.environ.items()}

    def start(self) -> None:
        if self.needed:
            import local_cloud

            # Building Consul takes many minutes, so a first demo makes do with a simulator, and says so.
            simulate = "consul" in self.needed and installer.find("consul") is None
            self.local = local_cloud.LocalCloud(self.directory, tuple(self.needed), simulate_consul=simulate).start()
            self.env |= self.local.env()
        rows = {"kube": ("Kubernetes", "KUBECONFIG"), "aws": ("AWS RDS", "AWS_ENDPOINT_URL"),
                "consul": ("Consul", "CONSUL_HTTP_ADDR"), "vault": ("Vault", "VAULT_ADDR")}
        for part, (title, variable) in rows.items():
            line("service", f"{title:<11} {self._kind(part):<34} {self.env.get(variable, '')}")

    def _kind(self, part: str) -> str:
        if part not in self.needed:
            return "yours"
        if part == "kube":
            return "local: real kube-apiserver and etcd"
        if part == "aws":
            return "local: moto behind our RDS proxy"
        server = getattr(self.local, part)
        return f"local: {'real ' + part if server.kind == 'real' else 'our simulator'}"

    def stop(self) -> None:
        if self.local:
            self.local.stop()


class Squall:
    """The server under demonstration, on an empty data directory."""

    def __init__(self, directory: Path, env: dict[str, str], fast: bool) -> None:
        self.data = directory / "data"
        self.log = directory / "squall.log"
        self.port = self._free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        configs = self.data / "configs"
        configs.mkdir(parents=True)
        (configs / "database.yaml").write_text(f"cluster: demo\npoll_interval: {1 if fast else 30}\n")
        self.binary = Path(os.environ.get("SQUALL_BINARY", ROOT / "build" / "release" / "squall"))
        self.env = env
        self.process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def _free_port() -> int:
        import socket

        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]

    def start(self, keep: bool) -> None:
        if not self.binary.exists():
            raise StepFailed(f"{self.binary} is not built; run `make` first")
        begin = time.monotonic()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([str(self.binary), "serve", "--data", str(self.data), "--listen", f"127.0.0.1:{self.port}"],
                                            env=self.env, stdout=log, stderr=log, start_new_session=keep)
        wait_for("squall starts", self._ready, 15, 0.005)
        line("squall", f"ready after {1000 * (time.monotonic() - begin):.0f} ms, pid {self.process.pid}, API {self.url}")

    def _ready(self) -> bool:
        if self.process and self.process.poll() is not None:
            raise StepFailed(f"squall ended with code {self.process.returncode}: {self.log.read_text()[-500:]}")
        try:
            return fetch("GET", self.url + "/v1/")[0] == 200
        except StepFailed:
            return False

    def get(self, path: str) -> Json:
        status, body = fetch("GET", self.url + "/v1" + path)
        if status != 200:
            raise StepFailed(f"GET {path} answered {status}: {body}")
        return body

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()


class Kubectl:
    def __init__(self, env: dict[str, str]) -> None:
        self.binary = str(installer.find("kubectl") or shutil.which("kubectl") or "kubectl")
        self.env = env

    def __call__(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run([self.binary, *arguments], env=self.env, capture_output=True, text=True, timeout=60, check=False)
        if check and done.returncode != 0:
            raise StepFailed(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def database(self) -> Json:
        text = self("get", "databases.squall.dev", NAME, "-n", NAMESPACE, "-o", "json", "--ignore-not-found", check=False)
        return json.loads(text) if text.strip() else None


class Story:
    """Tells what happens, from squall's own records, as it happens."""

    def __init__(self, squall: Squall, rds: Any) -> None:
        self.squall = squall
        self.rds = rds
        self.told: set[str] = set()
        self.begun: dict[str, float] = {}
        self.rds_state = ""

    def once(self, key: str, what: str, text: str) -> None:
        if key not in self.told:
            self.told.add(key)
            line(what, text)

    def follow(self, rule: str, action: str) -> Json:
        """Until the execution that this rule started has ended; returns it with its tasks."""
        enforcement = wait_for(f"rule {rule} matches", lambda: self._enforcement(rule))
        if enforcement["status"] != "succeeded":
            raise StepFailed(f"rule {rule} matched but could not start {action}: {enforcement.get('failure_reason')}")
        instance = self.squall.get("/triggerinstances/" + enforcement["trigger_instance_id"])
        payload = instance["payload"]
        self.once(instance["id"], "seen", f"{payload['event']} {payload['kind']} {payload['namespace']}/{payload['name']} generation {payload['generation']}")
        kind = self.squall.get("/triggers/" + instance["trigger"])["type"]
        self.once(instance["id"] + "t", "trigger", f"{kind}, instance {instance['id']}")
        self.once(enforcement["id"], "rule", f"{rule} matched, execution {enforcement['execution_id']}")
        return wait_for(f"{action} ends", lambda: self._progress(enforcement["execution_id"]))

    def _enforcement(self, rule: str) -> Json:
        found = self.squall.get(f"/ruleenforcements?rule_ref={rule}&limit=1")
        return found[0] if found else None

    def _progress(self, execution: str) -> Json:
        # Read before its tasks, so that the last of them is told, too.
        found = self.squall.get("/executions/" + execution)
        for task in self.squall.get(f"/executions/{execution}/children"):
            name = task["context"]["chain"]["name"]
            if task["status"] == "running":
                # Most are over before anybody could read that they run.
                if time.monotonic() - self.begun.setdefault(task["id"], time.monotonic()) > 1:
                    self.once(task["id"] + "r", "task", f"{name:<18} {task['action']['ref']} waits, holding no thread")
            elif task["status"] in ("succeeded", "failed", "timeout", "abandoned", "canceled"):
                detail = "" if task["status"] == "succeeded" else ": " + str((task.get("result") or {}).get("error"))
                self.once(task["id"] + "e", "task", f"{name:<18} {task['action']['ref']} {task['status']} after {task.get('elapsed_seconds', 0):.3f} s{detail}")
        self._tell_rds()
        return found if found["status"] in ("succeeded", "failed", "timeout", "canceled", "abandoned") else None

    def _tell_rds(self) -> None:
        states = {db["DBInstanceIdentifier"]: db["DBInstanceStatus"] for db in self.rds.describe_db_instances()["DBInstances"]}
        mine = [(name, state) for name, state in states.items() if name.startswith(f"{NAMESPACE}-{NAME}-")]
        state = f"{mine[0][0]} is {mine[0][1]}" if mine else "no instance"
        if state != self.rds_state and (mine or self.rds_state):
            self.rds_state = state
            line("rds", state)


def rds_client(env: dict[str, str]) -> Any:
    import boto3

    return boto3.session.Session(
        aws_access_key_id=env.get("AWS_ACCESS_KEY_ID"), aws_secret_access_key=env.get("AWS_SECRET_ACCESS_KEY"),
        aws_session_token=env.get("AWS_SESSION_TOKEN"), region_name=env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION"),
    ).client("rds", endpoint_url=env.get("AWS_ENDPOINT_URL_RDS") or env.get("AWS_ENDPOINT_URL"))


class Demo:
    def __init__(self, keep: bool) -> None:
        self.keep = keep
        self.directory = Path(tempfile.mkdtemp(prefix="squall-demo-"))
        self.services = Services(self.directory / "cloud")
        self.squall: Squall | None = None
        self.executions: list[tuple[str, str]] = []

    def run(self) -> None:
        heading("1. Servers")
        self.services.start()
        env = self.services.env
        kubectl = Kubectl(env)
        self.squall = Squall(self.directory, env, fast="aws" in self.services.needed)
        self.squall.start(self.keep)
        story = Story(self.squall, rds_client(env))

        heading("2. The kind Database is made known, once per cluster")
        line("kubectl", "apply -f packs/database/crds/database.yaml")
        kubectl("apply", "-f", str(CRD_FILE))
        kubectl("wait", "--for=condition=Established", "crd/databases.squall.dev", "--timeout=60s")
        kubectl("create", "namespace", NAMESPACE, check=False)

        heading("3. The developer applies one file")
        line("kubectl", f"apply -f {DATABASE_FILE.relative_to(ROOT)}")
        kubectl("apply", "-f", str(DATABASE_FILE))
        created = story.follow("database.created", "database.create")
        self.executions.append(("create", created["id"]))
        self.check_chain(created)

        heading("4. What is there now")
        plan = self.result_of(created, "plan")
        self.show_published(plan, env)
        line("kubectl", "get databases -n " + NAMESPACE)
        table = kubectl("get", "databases.squall.dev", "-n", NAMESPACE).rstrip()
        print("\n".join("          " + row for row in table.splitlines()))
        for condition in kubectl.database()["status"]["conditions"]:
            line("condition", f"{condition['type']:<21} {condition['status']:<6} {condition['reason']:<10} {condition['message']}")
        ready = [c for c in kubectl.database()["status"]["conditions"] if c["type"] == "Ready"][0]
        if ready["status"] != "True":
            raise StepFailed(f"the Database is not Ready: {ready['reason']}: {ready['message']}")

        heading("5. The developer asks for more storage")
        change = {"spec": {"storage": {"sizeGiB": 40}}}
        line("kubectl", f"patch database {NAME} -n {NAMESPACE} --type=merge -p '{json.dumps(change)}'")
        kubectl("patch", "databases.squall.dev", NAME, "-n", NAMESPACE, "--type=merge", "-p", json.dumps(change))
        changed = story.follow("database.changed", "database.modify")
        self.executions.append(("modify", changed["id"]))
        self.check_chain(changed)
        self.check_storage(plan, story.rds, 40)

        heading("6. The password is rotated")
        self.rotate(plan, kubectl, story, env)

        if self.keep:
            return
        heading("7. The developer deletes the file")
        line("kubectl", f"delete -f {DATABASE_FILE.relative_to(ROOT)}")
        kubectl("delete", "-f", str(DATABASE_FILE), "--wait=false")
        deleted = story.follow("database.deleted", "database.delete")
        self.executions.append(("delete", deleted["id"]))
        self.check_chain(deleted)
        self.check_gone(plan, kubectl, story.rds, env)
        heading("8. What Kubernetes was told on the way")
        self.show_events(kubectl)

    @staticmethod
    def show_events(kubectl: Kubectl) -> None:
        events = json.loads(kubectl("get", "events.events.k8s.io", "-n", NAMESPACE, "-o", "json"))["items"]
        mine = [event for event in events if event["regarding"]["name"] == NAME]
        if not mine:
            raise StepFailed(f"there are no Events of databases/{NAME}")
        for event in sorted(mine, key=lambda event: event["eventTime"]):
            line("event", f"{event['type']:<8} {event['reason']:<10} {event['note']}")

    @staticmethod
    def check_storage(plan: Json, rds: Any, wanted: int) -> None:
        [instance] = rds.describe_db_instances(DBInstanceIdentifier=plan["identifier"])["DBInstances"]
        if instance["AllocatedStorage"] != wanted:
            raise StepFailed(f"RDS has {instance['AllocatedStorage']} GiB instead of {wanted}")
        line("rds", f"{plan['identifier']} has {wanted} GiB")

    def rotate(self, plan: Json, kubectl: Kubectl, story: Story, env: dict[str, str]) -> None:
        before = self.vault_secret(plan, env)["password"]
        annotation = f"squall.dev/rotate={datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ')}"
        line("kubectl", f"annotate database {NAME} -n {NAMESPACE} {annotation}")
        kubectl("annotate", "databases.squall.dev", NAME, "-n", NAMESPACE, annotation)
        rotated = story.follow("database.rotation_requested", "database.rotate")
        self.executions.append(("rotate", rotated["id"]))
        self.check_chain(rotated)
        after = self.vault_secret(plan, env)["password"]
        if after == before:
            raise StepFailed("Vault still has the old password")
        line("vault", f"{plan['vault']['mount']}/{plan['vault']['path']} has another password ({len(after)} characters); RDS took it first")
        credentials = kubectl.database()["status"]["credentials"]
        line("status", "credentials: " + ", ".join(f"{key}={value}" for key, value in sorted(credentials.items())))

    def check_chain(self, execution: Json) -> None:
        if execution["status"] != "succeeded":
            result = execution.get("result") or {}
            failed = [task for task in result.get("tasks", []) if task["state"] != "succeeded"]
            why = failed[0]["result"].get("error") if failed else result.get("error")
            raise StepFailed(f"{execution['action']['ref']} {execution['status']} at {failed[0]['name'] if failed else 'its start'}: {why}")
        line("chain", f"{execution['action']['ref']} succeeded, {len(execution['result']['tasks'])} tasks in {execution['elapsed_seconds']:.2f} s")

    @staticmethod
    def result_of(execution: Json, task: str) -> Json:
        return next(t["result"] for t in execution["result"]["tasks"] if t["name"] == task)

    def show_published(self, plan: Json, env: dict[str, str]) -> None:
        keys = self.consul_keys(plan, env)
        if not keys:
            raise StepFailed(f"Consul has no keys under {plan['consul']['prefix']}")
        for key, value in sorted(keys.items()):
            line("consul", f"{key} = " + ("(all of them as JSON)" if key.endswith("/config") else value))
        secret = self.vault_secret(plan, env)
        if not secret or not secret.get("password"):
            raise StepFailed(f"Vault has no password at {plan['vault']['path']}")
        password = secret["password"]
        line("vault", f"{plan['vault']['mount']}/{plan['vault']['path']} has, with the password shown as dots:")
        for key, value in sorted(secret.items()):
            line("vault", f"  {key} = {str(value).replace(password, '.' * len(password))}")

    @staticmethod
    def consul_keys(plan: Json, env: dict[str, str]) -> dict[str, str]:
        import base64

        address = env["CONSUL_HTTP_ADDR"]
        url = address if "://" in address else "http://" + address
        headers = {"X-Consul-Token": env["CONSUL_HTTP_TOKEN"]} if env.get("CONSUL_HTTP_TOKEN") else {}
        status, entries = fetch("GET", f"{url}/v1/kv/{plan['consul']['prefix']}/?recurse", headers=headers)
        return {e["Key"]: base64.b64decode(e["Value"] or "").decode() for e in entries} if status == 200 else {}

    @staticmethod
    def vault_secret(plan: Json, env: dict[str, str]) -> dict[str, Any]:
        token = env.get("VAULT_TOKEN", "")
        status, body = fetch("GET", f"{env['VAULT_ADDR']}/v1/{plan['vault']['mount']}/data/{plan['vault']['path']}", headers={"X-Vault-Token": token})
        return body["data"]["data"] if status == 200 else {}

    def check_gone(self, plan: Json, kubectl: Kubectl, rds: Any, env: dict[str, str]) -> None:
        wait_for("the Database resource goes", lambda: kubectl.database() is None, 15)
        line("gone", f"Kubernetes: databases/{NAME}")
        if any(db["DBInstanceIdentifier"] == plan["identifier"] for db in rds.describe_db_instances()["DBInstances"]):
            raise StepFailed(f"RDS still has {plan['identifier']}")
        line("gone", f"RDS: {plan['identifier']}")
        if self.consul_keys(plan, env):
            raise StepFailed(f"Consul still has keys under {plan['consul']['prefix']}")
        line("gone", f"Consul: {plan['consul']['prefix']}/ and service {plan['consul']['service']}")
        if self.vault_secret(plan, env):
            raise StepFailed(f"Vault still has {plan['vault']['path']}")
        line("gone", f"Vault: {plan['vault']['mount']}/{plan['vault']['path']}")

    def where_to_look(self) -> None:
        assert self.squall
        heading("Where to look")
        binary = os.path.relpath(self.squall.binary)
        if not self.keep:
            print("  The demo ends here; what squall kept stays. Look at it with:")
            print(f"  serve       {binary} serve --data {self.squall.data} --listen 127.0.0.1:{self.squall.port}")
        else:
            print(f"  API         {self.squall.url}/v1/executions")
        for name, execution in self.executions:
            print(f"  {name:<11} {binary} execution get {execution} --url {self.squall.url}")
        print(f"  log         {self.squall.log}")
        if self.keep:
            print(f"  data        {self.squall.data}")
            settings = " ".join(f"{k}={v}" for k, v in self.services.local.env().items() if "SECRET" not in k and "TOKEN" not in k) if self.services.local else ""
            print(f"  environment {settings}")
            print(f"  stop        kill {os.getpid()}   (or Ctrl-C here)")
        print("\nOn your own cluster: set KUBECONFIG, AWS_REGION and AWS credentials, CONSUL_HTTP_ADDR and VAULT_ADDR with VAULT_TOKEN,")
        print("then `kubectl apply -f packs/database/crds/database.yaml` and `build/release/squall serve --data DIR`.")
        print("docs/how-to/databases-on-your-cluster.md has the details. `make demo KEEP=1` leaves this demo running.")

    def stop(self) -> None:
        if self.squall:
            self.squall.stop()
        self.services.stop()


def use_tools_python() -> None:
    """Goes on under the interpreter that has boto3; installs it and the servers that are missing."""
    if os.environ.get("SQUALL_DEMO_PYTHON"):
        return
    services = Services(Path("/"))
    wanted = ["venv"] + (["kube"] if "kube" in services.needed else [])
    try:
        installer.install(wanted)
    except installer.InstallError as error:
        print(f"{RED}make demo: {error}{PLAIN}", file=sys.stderr)
        sys.exit(1)
    python = installer.venv_directory() / "bin" / "python"
    os.environ["SQUALL_DEMO_PYTHON"] = "1"
    os.execv(str(python), [str(python), *sys.argv])


def interrupted(*_: Any) -> NoReturn:
    raise KeyboardInterrupt


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave everything running with the database up")
    options = parser.parse_args()
    use_tools_python()
    signal.signal(signal.SIGTERM, interrupted)
    demo = Demo(options.keep)
    try:
        demo.run()
        demo.where_to_look()
        print(f"\n{GREEN}Done in {time.monotonic() - started:.1f} s.{PLAIN}", flush=True)
        if options.keep:
            print("Everything stays up until you press Ctrl-C.", flush=True)
            signal.pause()
        return 0
    except StepFailed as error:
        print(f"\n{RED}make demo failed: {error}{PLAIN}", file=sys.stderr)
        print(f"  the log of squall is {demo.directory / 'squall.log'}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0 if options.keep else 130
    except Exception as error:  # noqa: BLE001 - a demo ends with a sentence, not a stack
        print(f"\n{RED}make demo failed: {type(error).__name__}: {error}{PLAIN}", file=sys.stderr)
        return 1
    finally:
        demo.stop()


if __name__ == "__main__":
    sys.exit(main())
