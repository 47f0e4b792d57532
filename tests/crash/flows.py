"""The flows that are killed: how each begins, when it is over, and what must be true then."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from squall_server import FINAL, write_pack
from databases import Space

import local_cloud

Json = Any

CHAIN = "name: steps\nrunner_type: action-chain\nentry_point: chains/steps.yaml\nenabled: true\nparameters:\n  n: {type: string, required: true}\n"
STEPS = """chain:
- {name: shell, ref: crash.shell, parameters: {n: "{{ n }}"}, on-success: python, on-failure: mend}
- {name: python, ref: crash.python, parameters: {n: "{{ n }}"}, on-success: native, on-failure: mend}
- {name: native, ref: consul.kv_put, parameters: {key: "crash/{{ n }}", value: "{{ n }}"}, on-success: last, on-failure: mend}
- {name: last, ref: core.noop}
- {name: mend, ref: core.noop}
"""
SHELL = "name: shell\nrunner_type: local-shell-cmd\nenabled: true\nparameters:\n  n: {type: string, required: true}\n  cmd: {immutable: true, default: 'echo x >> EFFECTS/{{ n }}.shell'}\n"
PYTHON = "name: python\nrunner_type: python-script\nentry_point: python.py\nenabled: true\nparameters:\n  n: {type: string, required: true}\n"
SCRIPT = """from st2common.runners.base_action import Action

class Effect(Action):
    def run(self, n):
        with open("EFFECTS/%s.python" % n, "a") as file:
            file.write("x\\n")
        return n
"""
RULE = ("name: hook\nenabled: true\ntrigger: {type: core.st2.webhook, parameters: {url: crash}}\ncriteria: {}\n"
        "action: {ref: crash.steps, parameters: {n: '{{ trigger.body.n }}'}}\n")


def crash_pack(directory: Path) -> Path:
    effects = directory / "effects"
    effects.mkdir(parents=True)
    files = {"actions/steps.yaml": CHAIN, "actions/chains/steps.yaml": STEPS, "actions/shell.yaml": SHELL, "actions/python.yaml": PYTHON,
             "actions/python.py": SCRIPT, "rules/hook.yaml": RULE}
    return write_pack(directory / "packs", "crash", {name: text.replace("EFFECTS", str(effects)) for name, text in files.items()})


@dataclass
class Life:
    """One resource's way through the stages, and what was seen on it."""

    space: Space
    secrets: set[str] = field(default_factory=set)
    notes: Json = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.space.name

    def look_for_secrets(self) -> None:
        for suffix in ("", "/pending"):
            if (found := self.space.secret(suffix=suffix)) and found.get("password"):
                self.secrets.add(found["password"])


@dataclass(frozen=True)
class Flow:
    name: str
    begin: Callable[[Life], None]
    over: Callable[[Life], bool]      # asks the outside only: squall may be dead
    check: Callable[[Life], list[str]]
    # Points of requests to squall itself belong to a flow only when it makes such requests.
    serves: bool = False


def effective(life: Life, action: str) -> list[Json]:
    """The calls that RDS took."""
    return [c for c in life.space.calls(action, life.notes["identifier"]) if not c.get("code") and c.get("status", 200) == 200]


def expect(good: bool, what: str) -> list[str]:
    return [] if good else [what]


# ---- an event, a rule, a chain of shell, Python and native actions


def event_begin(life: Life) -> None:
    squall = life.space.squall
    if life.notes.get("sent") and event_instances(life):
        return
    life.notes["sent"] = True
    try:
        status, _ = squall.call("POST", "/v1/webhooks/crash", {"n": life.name})
        life.notes["acknowledged"] = life.notes.get("acknowledged", False) or status == 202
    except (OSError, http.client.HTTPException):
        return  # it died before it answered: the client will ask again


def event_instances(life: Life) -> list[Json]:
    found = life.space.squall.get("/triggerinstances?limit=-1")
    return [i for i in found if isinstance(i["payload"].get("body"), dict) and i["payload"]["body"].get("n") == life.name]


def event_chains(life: Life) -> list[Json]:
    found = life.space.squall.get("/executions?action=crash.steps&limit=-1")
    return [e for e in found if e["parameters"].get("n") == life.name]


def event_over(life: Life) -> bool:
    chains = event_chains(life)
    return bool(chains) and all(e["status"] in FINAL for e in chains)


def event_check(life: Life) -> list[str]:
    instances, chains = event_instances(life), event_chains(life)
    bad = expect(len(instances) == 1, f"{len(instances)} trigger instances for one event, acknowledged: {life.notes.get('acknowledged')}")
    bad += expect(len(chains) == 1, f"{len(chains)} executions for one event")
    for chain in chains:
        tasks = [(t["name"], t["state"]) for t in chain["result"]["tasks"]]
        bad += expect(chain["status"] == "succeeded" and tasks[-1][0] in ("last", "mend"), f"the chain ended {chain['status']} after {tasks}")
        states = dict(tasks)
        effects = Path(life.space.squall.directory) / "effects"
        for kind in ("shell", "python"):
            file = effects / f"{life.name}.{kind}"
            times = len(file.read_text().split()) if file.exists() else 0
            wanted = {"succeeded": (1, 1), "abandoned": (0, 1)}.get(states.get(kind, ""), (0, 0))
            bad += expect(wanted[0] <= times <= wanted[1], f"the {kind} action had its effect {times} times; tasks {tasks}")
        if states.get("native") == "succeeded":
            status, _ = local_cloud.call("GET", f"{life.space.cloud.consul.url}/v1/kv/crash/{life.name}")
            bad += expect(status == 200, f"the native action's key is not there ({status})")
        bad += expect(states.get("native", "succeeded") == "succeeded", f"the native action is idempotent and should have gone on: {tasks}")
    return bad


# ---- the life of a database


def create_begin(life: Life) -> None:
    life.space.apply(storage={"sizeGiB": 20})


def at_rest(life: Life) -> bool:
    life.look_for_secrets()
    document = life.space.read()
    if not document:
        return False
    current = document.get("status", {}).get("observedGeneration") == document["metadata"]["generation"]
    return bool(current and all(life.space.condition(kind, document=document).get("status") == "True" for kind in ("Ready", "Synced")))


def create_check(life: Life) -> list[str]:
    space = life.space
    life.notes["identifier"] = identifier = space.read()["status"]["identifier"]
    life.notes["uid"] = space.read()["metadata"]["uid"]
    bad = expect(len(effective(life, "CreateDBInstance")) == 1, f"{len(effective(life, 'CreateDBInstance'))} instances were created")
    return bad + database_check(life, {"secret": 1, "storage": 20}) + expect(
        space.instance(identifier)["DBInstanceStatus"] == "available", "the instance is not available")


def database_check(life: Life, wanted: Json) -> list[str]:
    """What holds for a database at rest: one instance, its keys, its secret, the password that RDS has, nothing staged."""
    space = life.space
    uid = life.notes["uid"]
    owned = [i for i in space.rds.describe_db_instances()["DBInstances"] if space.tags(i).get("squall.dev/uid") == uid]
    bad = expect(len(owned) == 1, f"{len(owned)} instances carry the uid")
    endpoint = space.read()["status"]["endpoint"]
    keys, secret = space.keys(), space.secret() or {}
    bad += expect(keys.get("host") == endpoint["host"] and keys.get("port") == str(endpoint["port"]), f"Consul has {keys}")
    bad += expect(secret.get("host") == endpoint["host"] and bool(secret.get("password")), f"Vault has {sorted(secret)}")
    bad += expect(space.secret_version() == wanted["secret"], f"the secret has version {space.secret_version()}, not {wanted['secret']}")
    bad += expect(space.secret(suffix="/pending") is None, "a staged password is left")
    bad += expect(len(space.service()) == 1, f"{len(space.service())} services are registered")
    for instance in owned:
        bad += expect(instance["AllocatedStorage"] == wanted["storage"], f"the storage is {instance['AllocatedStorage']}")
    return bad


def modify_begin(life: Life) -> None:
    life.space.patch({"storage": {"sizeGiB": 30}})


def modify_check(life: Life) -> list[str]:
    calls = [c for c in effective(life, "ModifyDBInstance") if "AllocatedStorage" in c["params"]]
    return expect(len(calls) == 1, f"the storage was changed {len(calls)} times") + database_check(life, {"secret": 1, "storage": 30})


ROTATION = "2026-01-31T12:00:00Z"


def rotate_begin(life: Life) -> None:
    life.notes["before"] = life.space.secret()["password"]
    life.space.annotate("squall.dev/rotate=" + ROTATION)


def rotate_over(life: Life) -> bool:
    staged = life.space.secret(suffix="/pending")
    if staged:
        life.notes.setdefault("staged", set()).add(staged["password"])
    done = (life.space.status("credentials") or {}).get("rotationRequest") == ROTATION
    return bool(at_rest(life) and done and not staged)


def rotate_check(life: Life) -> list[str]:
    password = life.space.secret()["password"]
    staged = life.notes.get("staged", set()) | {password}
    bad = expect(password != life.notes["before"], "the password is the old one") + expect(len(staged) == 1, f"{len(staged)} passwords were made")
    # The same password may be set once more when nobody knows whether RDS took it; a crash adds one at most.
    calls = [c for c in effective(life, "ModifyDBInstance") if "MasterUserPassword" in c["params"]]
    bad += expect(1 <= len(calls) <= 2, f"the password was set {len(calls)} times")
    return bad + database_check(life, {"secret": 2, "storage": 30})


def delete_begin(life: Life) -> None:
    if life.space.read():
        life.space.delete()


def delete_over(life: Life) -> bool:
    return life.space.read() is None


def delete_check(life: Life) -> list[str]:
    space, identifier = life.space, life.notes["identifier"]
    bad = expect(space.instance(identifier) is None, "the instance is still there")
    bad += expect(space.keys() == {} and space.service() == [], f"Consul still has {space.keys()} {space.service()}")
    bad += expect(space.secret() is None and space.secret(suffix="/pending") is None, "Vault still has the secret")
    owned = [i for i in space.rds.describe_db_instances()["DBInstances"] if space.tags(i).get("squall.dev/uid") == life.notes["uid"]]
    return bad + expect(not owned, f"an orphan: {json.dumps([i['DBInstanceIdentifier'] for i in owned])}") + expect(
        len(effective(life, "DeleteDBInstance")) == 1, f"{len(effective(life, 'DeleteDBInstance'))} effective deletions")


DATABASE = [Flow("create", create_begin, at_rest, create_check), Flow("modify", modify_begin, at_rest, modify_check),
            Flow("rotate", rotate_begin, rotate_over, rotate_check), Flow("delete", delete_begin, delete_over, delete_check)]
EVENT = Flow("event", event_begin, event_over, event_check, serves=True)
