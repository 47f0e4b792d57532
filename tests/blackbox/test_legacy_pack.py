"""Packs as they were written for StackStorm in 2016 run unmodified: each of their habits, and one from event to database.

The packs here are our own; they have the habits of those that were published then.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from squall_server import Squall
from third_party_api import WATCH, ThirdPartyApi

import local_cloud

Json = Any

PACK = "---\nname : {0}\ndescription : a pack of 2016\nversion : 0.1\nauthor : somebody\nemail : somebody@example.com\n"

# ---- a pack that turns third-party objects into databases

SENSOR_META = """---
  class_name: "ThirdPartyResource"
  entry_point: "watch_objects.py"
  description: "Watches an API"
  trigger_types:
    -
      name: "thirdpartyobject"
      payload_schema:
        type: "object"
        properties:
          resource:
            type: "obj"
          name:
            type: "obj"
          labels:
            type: "obj"
"""
# Python 2 in its syntax; a line of the stream is bytes today, and json.dumps() has to take it.
SENSOR = """
import ast, json, sys
import requests
from requests.auth import HTTPBasicAuth
from st2reactor.sensor.base import Sensor

class ThirdPartyResource(Sensor):
    def __init__(self, sensor_service, config=None):
        super(ThirdPartyResource, self).__init__(sensor_service=sensor_service, config=config)
        self._log = self._sensor_service.get_logger(__name__)

    def setup(self):
        self.stream = requests.get(self._config['kubernetes_api_url'] + self._config['extension_url'],
                                   auth=HTTPBasicAuth(self._config['user'], self._config['password']),
                                   verify=self._config['verify'], stream=True)

    def run(self):
        for line in self.stream.iter_lines():
            try:
                event = ast.literal_eval(json.loads(json.dumps(line)))
                metadata = event['object']['metadata']
                payload = {'resource': event['type'], 'name': metadata['name'], 'labels': metadata['labels'], 'uid': metadata['uid'],
                           'namespace': metadata['namespace'], 'object_kind': event['object']['kind']}
            except Exception, e:
                print >>sys.stderr, 'bad line', e
                sys.exit(1)
            self._sensor_service.dispatch(trigger='kubernetes.thirdpartyobject', payload=payload)

    def cleanup(self):
        pass

    def add_trigger(self, trigger):
        pass

    def update_trigger(self, trigger):
        pass

    def remove_trigger(self, trigger):
        pass
"""
RULE = """---
name: "on_{0}"
pack: "kubernetes"
enabled: true
trigger:
  type: "kubernetes.thirdpartyobject"
  parameters: {{}}
criteria:
  trigger.resource:
    type: "contains"
    pattern: "{1}"
  trigger.labels.engine:
    type: "equals"
    pattern: "mysql"
action:
  ref: "kubernetes.{2}"
  parameters:
    payload: "{{{{trigger}}}}"
"""
CHAIN_META = """---
name: "{0}"
runner_type: "action-chain"
entry_point: "workflows/{0}.yaml"
parameters:
  payload:
    type: "object"
    required: true
"""
CREATE_CHAIN = """---
  chain:
    -
      name: "spec"
      ref: "kubernetes.database_spec"
      params:
        payload: "{{payload}}"
      on-success: "create"
    -
      name: "create"
      ref: "aws.rds_create_dbinstance"
      params:
        id: "{{spec.result.name}}"
        master_username: "{{spec.result.user}}"
        master_password: "{{spec.result.password}}"
        engine: "{{spec.result.engine}}"
        instance_class: "{{spec.result.instance_class}}"
        allocated_storage: "{{spec.result.storage}}"
        port: "{{spec.result.port}}"
"""
DELETE_CHAIN = """---
  chain:
    -
      name: "spec"
      ref: "kubernetes.database_spec"
      params:
        payload: "{{payload}}"
      on-success: "delete"
    -
      name: "delete"
      ref: "aws.rds_delete_dbinstance"
      params:
        id: "{{spec.result.name}}"
        skip_final_snapshot: "true"
"""
SPEC = """
import re, uuid
from st2actions.runners.pythonrunner import Action

class DatabaseSpec(Action):
    def run(self, payload, config):
        assert config is None, 'a parameter that is declared and not given is None'
        spec = {'name': re.sub('[^0-9a-zA-Z]+', '-', payload['name']) + '-' + payload['namespace'],
                'user': 'db_' + payload['uid'][0:7], 'password': uuid.uuid4().hex}
        defaults = dict(self.config['rds'])
        for key in defaults.keys():
            spec[key] = payload['labels'][key] if key in payload['labels'].keys() else defaults[key]
        return spec
"""
KUBERNETES = {
    "pack.yaml": PACK.format("kubernetes"),
    "sensors/watch_objects.yaml": SENSOR_META, "sensors/watch_objects.py": SENSOR,
    "rules/create.yaml": RULE.format("create", "ADDED", "create_chain"), "rules/delete.yaml": RULE.format("delete", "DELETED", "delete_chain"),
    "actions/create_chain.meta.yaml": CHAIN_META.format("create_chain"), "actions/workflows/create_chain.yaml": CREATE_CHAIN,
    "actions/delete_chain.meta.yaml": CHAIN_META.format("delete_chain"), "actions/workflows/delete_chain.yaml": DELETE_CHAIN,
    "actions/database_spec.py": SPEC,
    "actions/database_spec.yaml": "---\n  name: database_spec\n  entry_point: database_spec.py\n  runner_type: run-python\n"
                                  "  parameters:\n    payload:\n      type: object\n    config:\n      type: object\n",
}

# ---- and one that calls any method of boto 2

BASE = """
import importlib
import eventlet
import boto.ec2
from st2actions.runners.pythonrunner import Action
from shaping import shape

class BaseAction(Action):
    def __init__(self, config):
        super(BaseAction, self).__init__(config)
        if config['st2_user_data'] is not "":
            self.userdata = open(config['st2_user_data'], 'r').read()
        self.setup = config['setup']

    def do_method(self, module_path, cls, action, **kwargs):
        del self.setup['region']
        connection = getattr(importlib.import_module(module_path), cls)(**self.setup)
        try:
            return [shape(getattr(connection, action)(**kwargs))]
        except boto.exception.BotoServerError, e:
            self.logger.error("%s: %s" % (action, e.error_code))
            raise
"""
SHAPING = """
import six

def shape(found):
    fields = dict((key, value) for key, value in six.iteritems(vars(found)) if isinstance(value, (basestring, int, long)))
    return {'id': found.id, 'fields': sorted(fields)}
"""
RUN = """
from lib import action

class ActionManager(action.BaseAction):
    def run(self, **kwargs):
        names = [kwargs.pop(key) for key in ('module_path', 'cls', 'action')]
        return self.do_method(*names, **kwargs)
"""


def boto_action(name: str, method: str, **parameters: str) -> str:
    fixed = {"action": method, "cls": "RDSConnection", "module_path": "boto.rds"}
    text = f"name: {name}\ndescription: ''\nenabled: true\nentry_point: run.py\nrunner_type: run-python\nparameters:\n"
    text += "".join(f"  {key}:\n    default: {value}\n    immutable: true\n    type: string\n" for key, value in fixed.items())
    return text + "".join(f"  {key}:\n    {value}\n" for key, value in parameters.items())


AWS = {
    "pack.yaml": PACK.format("aws"),
    "requirements.txt": "six\nboto\n",
    "config.yaml": '---\nsetup:\n  region: ""\n  aws_access_key_id: null\n  aws_secret_access_key: null\nst2_user_data: ""\n',
    "config.schema.yaml": "---\n  aws_access_key_id:\n    type: string\n    secret: true\n    required: true\n",
    "actions/lib/__init__.py": "", "actions/lib/action.py": BASE, "actions/lib/shaping.py": SHAPING, "actions/run.py": RUN,
    "actions/rds_create_dbinstance.yaml": boto_action(
        "rds_create_dbinstance", "create_dbinstance", id="required: true", allocated_storage="type: string", instance_class="type: string",
        master_username="type: string", master_password="type: string", engine="type: string", port="{type: string, default: 3306}",
        db_name="type: string", multi_az="{type: boolean, default: false}"),
    "actions/rds_delete_dbinstance.yaml": boto_action(
        "rds_delete_dbinstance", "delete_dbinstance", id="required: true", skip_final_snapshot="{type: boolean, default: false}",
        final_snapshot_id="{type: string, default: ''}"),
}


def write(folder: Path, name: str, files: dict[str, str]) -> Path:
    for path, text in files.items():
        file = folder / name / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment of a pip that needs no index: what the packs require was fetched before."""
    folder = tmp_path_factory.mktemp("wheels")
    done = subprocess.run([sys.executable, "-m", "pip", "download", "-q", "-d", str(folder), "boto==2.49.0", "six", "requests"],
                          capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0 and os.environ.get("CI"):
        pytest.fail(f"boto cannot be fetched: {done.stderr[-500:]}")
    if done.returncode != 0:
        pytest.skip("no package index: boto cannot be fetched")
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder)}


@pytest.fixture
def api() -> Iterator[ThirdPartyApi]:
    served = ThirdPartyApi(has_list=False)
    yield served
    served.close()


def chains(squall: Squall, name: str) -> list[Json]:
    return squall.get(f"/executions?action=kubernetes.{name}&limit=-1")


def test_an_object_of_2016_becomes_a_database(make_squall: Callable[..., Squall], tmp_path: Path, api: ThirdPartyApi, wheels: dict[str, str]) -> None:
    times = {"create_s": 0.2, "backup_s": 0.0, "modify_lag_s": 0.0, "modify_s": 0.1, "delete_s": 0.1}
    with local_cloud.LocalCloud(tmp_path / "cloud", which=("aws",), rds_times=times) as cloud:
        boto = tmp_path / "boto.cfg"  # boto 2 knows no other endpoint: the stand-in is its proxy
        boto.write_text(f"[Boto]\nis_secure = False\nproxy = 127.0.0.1\nproxy_port = {cloud.rds.port}\nnum_retries = 0\n")
        packs = write(tmp_path / "packs", "aws", AWS)
        config = f"""---
user: "admin"
password: "not this one"
kubernetes_api_url: "{api.url}"
extension_url: "{WATCH}"
verify: false
rds: {{engine: mysql, instance_class: db.t3.small, storage: "20", port: "3306"}}
"""
        write(packs, "kubernetes", {**KUBERNETES, "config.yaml": config})
        squall = make_squall([packs], env={**cloud.env(), **wheels, "BOTO_CONFIG": str(boto)}, start=False)
        squall.config("kubernetes", "password: canary-password\n")
        squall.start()

        # The packs lie over those that ship with squall, whose actions stay.
        assert squall.get("/actions/aws.rds_describe_db_instances") and squall.get("/actions/kubernetes.apply")
        assert squall.get("/packs/kubernetes")["version"] == "0.1.0"
        problems = squall.get("/squall/health")["problems"]
        assert [(p["severity"], p["kind"]) for p in problems] == [("warning", "sensor")] and '"obj"' in problems[0]["message"], problems

        squall.until("the sensor watches", lambda: any(path.startswith(WATCH) for path in api.requests), 120)
        api.put("Orders db", uid="0a1b2c3d4e5f", engine="mysql", storage="30")
        api.put("other", engine="postgres")
        created = squall.until("the chain ends", lambda: [c for c in chains(squall, "create_chain") if c["status"] != "running"], 120)[0]
        assert created["status"] == "succeeded", created["result"]
        result = created["result"]["tasks"][-1]["result"]["result"]
        assert result[0]["id"] == "orders-db-shop" and "engine" in result[0]["fields"], result
        found = cloud.rds.client("rds", region_name="us-east-1").describe_db_instances()["DBInstances"]
        assert [(d["DBInstanceIdentifier"], d["Engine"], d["AllocatedStorage"], d["MasterUsername"]) for d in found] == [
            ("orders-db-shop", "mysql", 30, "db_0a1b2c3")]

        squall.until("it is available", lambda: cloud.rds.client("rds", region_name="us-east-1").describe_db_instances()[
            "DBInstances"][0]["DBInstanceStatus"] == "available")
        api.delete("Orders db")
        deleted = squall.until("the other chain ends", lambda: [c for c in chains(squall, "delete_chain") if c["status"] != "running"], 60)[0]
        assert deleted["status"] == "succeeded", deleted["result"]
        assert [len(cloud.rds.calls(action=f"{what}DBInstance")) for what in ("Create", "Delete")] == [1, 1]

        log = squall.log.read_text()
        converted = [line for line in log.splitlines() if "Python 2 source converted" in line]
        assert sum("lib/action.py" in line for line in converted) == 1 and sum("lib/shaping.py" in line for line in converted) == 1, converted
        assert sum("watch_objects.py" in line for line in converted) == 1 and len(list((squall.data / "python2").glob("*.py"))) == 3
        assert "canary-password" not in log


# ---- one by one

OLD_BASE = "from st2actions.runners.pythonrunner import Action\n\n\nclass Old(Action):\n    def __init__(self, config):\n        super(Old, self).__init__(config)\n\n"
# name: what run() does, and its result
HABITS: dict[str, tuple[str, Json]] = {
    "syntax": ("print 'to stdout'\n        try:\n            raise ValueError, 'why'\n        except ValueError, e:\n            return [str(e), 7 / 2, 0755, `1`]", ["why", 3, 493, "1"]),
    "old_modules": ("import urllib2, urlparse\n        return [urllib2.quote('a b'), urlparse.urlparse('http://h/').netloc]", ["a%20b", "h"]),
    "old_names": ("return [isinstance('a', basestring), [k for k, v in {'a': 1}.iteritems()], reduce(lambda a, b: a + b, xrange(3))]", [True, ["a"], 3]),
    "own_config": ("return [self.config['own'], self.config['both'], self.config.get('site')]", ["from the pack", "from the site", "from the site"]),
    "bytes_in_results": ("import subprocess\n        return {'out': subprocess.Popen(['echo', 'hi'], stdout=subprocess.PIPE).communicate()[0], 'raw': b'x'}", {"out": "hi\n", "raw": "x"}),
    "green_threads": ("import eventlet\n        eventlet.sleep(0)\n        return eventlet.spawn(lambda: 5).wait()", 5),
    "lib": ("import helper\n        return helper.VALUE", 9),
    "tabs": ("if True:\n\t\treturn 'tab'", "tab"),
}


def test_habits_one_by_one(make_squall: Callable[..., Squall], tmp_path: Path) -> None:
    files = {"pack.yaml": PACK.format("habits"), "config.yaml": "own: from the pack\nboth: from the pack\n",
             "actions/lib/helper.py": "from second import VALUE\nprint 'said'\n", "actions/lib/second.py": "VALUE = 011\n",
             "actions/shell.yaml": "name: shell\nrunner_type: run-local\nparameters: {cmd: {default: echo old, immutable: true}}\n"}
    for name, (body, _) in HABITS.items():
        files[f"actions/{name}.py"] = OLD_BASE + f"    def run(self):\n        {body}\n"
        files[f"actions/{name}.yaml"] = f"---\nname: {name}\nrunner_type: run-python\nentry_point: {name}.py\n"
    squall = make_squall([write(tmp_path / "packs", "habits", files)], start=False)
    squall.config("habits", "both: from the site\nsite: from the site\n")
    squall.start()
    started = {name: squall.run(f"habits.{name}") for name in [*HABITS, "shell"]}
    for name, (_, expected) in HABITS.items():
        done = squall.finished(started[name], 60)
        assert done["status"] == "succeeded", (name, done["result"])
        assert done["result"]["result"] == expected, (name, done["result"])
    assert squall.finished(started["shell"])["result"]["stdout"] == "old"
    # What was converted stays converted, and is not told again.
    before = squall.log.read_text().count("Python 2 source converted")
    assert squall.result("habits.syntax")["result"]["stdout"] == "to stdout\n"
    assert squall.log.read_text().count("Python 2 source converted") == before > 0
