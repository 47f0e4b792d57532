"""What was counted in the 136 packs that people have published: a pack of our own for each row, which has to register and run.

The test prints how many do.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from squall_server import Squall

Json = Any
MANIFEST = "---\nname: {0}\ndescription: d\nversion: {1}\nauthor: a\nemail: a@example.com\n"


def python(name: str, body: str, head: str = "from st2common.runners.base_action import Action", runner: str = "python-script",
           parameters: str = "{}", file: str | None = None) -> dict[str, str]:
    """An action whose run() has this body."""
    file = file or f"{name}.py"
    lines = "".join(f"        {line}\n" for line in body.splitlines())
    return {f"actions/{name}.yaml": f"---\nname: {name}\nrunner_type: {runner}\nentry_point: {file}\nparameters: {parameters}\n",
            f"actions/{file}": f"{head}\n\n\nclass A(Action):\n    def run(self, **kwargs):\n{lines}"}


OLD = "from st2actions.runners.pythonrunner import Action"

# row -> (files, what its actions give: [(action, parameters, result or status)], version in pack.yaml)
ROWS: dict[str, tuple[dict[str, str], list[tuple[str, Json, Json]]]] = {
    # ---- YAML
    "yaml_duplicate_keys": ({"actions/a.yaml": "name: a\nname: b\nrunner_type: noop\n"}, [("b", {}, "succeeded")]),
    "yaml_anchors_and_merges": (python("a", "return kwargs", parameters="\n  x: &x {type: string, default: one}\n  y: {<<: *x, default: two}\n"),
                                [("a", {}, {"x": "one", "y": "two"})]),
    "yaml_key_y_and_capitals": (python("a", "return kwargs['y']", parameters="{y: {type: boolean, required: False, default: True}}"), [("a", {}, True)]),
    "yaml_crlf_tabs_and_nulls": ({"actions/a.yaml": "---\r\nname: a\r\nrunner_type: local-shell-cmd\r\ndescription:\t\"x\"\r\nparameters:\r\n  cmd:\r\n"
                                                    "    default: echo hi\r\n    enum: ~\r\n    description:\r\ntags: ~\r\n"}, [("a", {}, {"stdout": "hi"})]),
    "yaml_not_ascii": (python("a", "return kwargs['x']", parameters="{x: {type: string, default: 'Grüße', description: 'Größe — x'}}"), [("a", {}, "Grüße")]),
    "json_metadata": ({"actions/a.json": '{"name": "a", "runner_type": "noop", "parameters": {}}'}, [("a", {}, "succeeded")]),
    # ---- registration
    "old_runner_names": ({"actions/a.yaml": "name: a\nrunner_type: run-local\nparameters: {cmd: {default: echo one, immutable: true}}\n",
                          "actions/b.yaml": "name: b\nrunner_type: run-local-script\nentry_point: b.sh\n", "actions/b.sh": "#!/bin/sh\necho two\n",
                          **python("c", "return 'three'", OLD, "run-python")}, [("a", {}, {"stdout": "one"}), ("b", {}, {"stdout": "two"}), ("c", {}, "three")]),
    "defaults_of_wrong_types": (python("a", "return kwargs", parameters="{p: {type: string, default: 3306}, n: {type: number, default: now}}"),
                                [("a", {"p": "1", "n": 2.5}, {"p": "1", "n": 2.5})]),
    "typos_in_parameters": (python("a", "return kwargs", parameters="{p: {type: string, requried: true}, l: {type: array, item: {type: string}}}"),
                            [("a", {"p": "x"}, {"p": "x", "l": None})]),
    "no_type_and_several": (python("a", "return kwargs", parameters="{p: {description: any}, q: {type: [string, boolean]}}"),
                            [("a", {"p": "1", "q": True}, {"p": "1", "q": True})]),
    "entry_point_missing": ({"actions/a.yaml": "name: a\nrunner_type: python-script\nentry_point: nothing\n"}, [("a", {}, "failed")]),
    "config_schema_with_ref_and_patterns": (
        {**python("a", "return [self.config['host'], self.config.get('port')]"),
         "config.schema.yaml": "host: {type: string, default: h}\nport: {type: integer, default: 80, requried: true}\n"
                               "hosts: {type: object, patternProperties: {'^\\w+$': {$ref: '#/x'}}}\n"}, [("a", {}, ["h", 80])]),
    "rule_of_an_unknown_action": ({"rules/r.yaml": "name: r\npack: rule_of_an_unknown_action\nenabled: true\ntrigger: {type: core.st2.webhook, parameters: {url: u}}\n"
                                                   "criteria: {}\naction: {ref: nosuch.a}\ntype: {ref: standard, parameters: null}\ntags: []\n"}, []),
    "version_is_a_number": (python("a", "return 1"), [("a", {}, 1)]),
    "aliases": ({"aliases/a.yaml": "name: a\naction_ref: core.noop\nformats:\n- 'do {{x=1}}'\n- {display: d, representation: ['go {{x}}', 'run {{x}}']}\n"
                                   "ack: {format: 'ok', append_url: false}\nresult:\n  format: '{% for k, v in execution.result.iteritems() %}{{k}}{% endfor %}'\n  extra: {slack: {}}\n"}, []),
    # ---- Python 2
    "python2_print_and_except": (python("a", "try:\n    raise ValueError('x')\nexcept ValueError, e:\n    print 'caught', e\nreturn 0755", OLD), [("a", {}, 493)]),
    "python2_modules": (python("a", "return [httplib.OK, urlparse.urlparse('http://h/x').path, StringIO.StringIO('s').read(), urllib2.quote('a b')]",
                               "import httplib, urlparse, StringIO, urllib2\n" + OLD), [("a", {}, [200, "/x", "s", "a%20b"])]),
    "python2_builtins": (python("a", "d = {'k': 1}\nreturn [isinstance(u'x', basestring), unicode('u'), [v for _, v in d.iteritems()], reduce(lambda x, y: x + y, xrange(4)),\n"
                                     "        d.has_key('k'), d.keys()[0], iter([7]).next()]", OLD), [("a", {}, [True, "u", [1], 6, True, "k", 7])]),
    "python2_bytes_are_text": (python("a", "return base64.b64encode('user:password')", "import base64\n" + OLD, parameters="{}"), [("a", {}, "dXNlcjpwYXNzd29yZA==")]),
    "python2_implicit_relative_imports": ({**python("a", "return helper()", OLD + "\nfrom lib.tools import helper"),
                                           "actions/lib/__init__.py": "", "actions/lib/tools.py": "from parsers import parse\n\ndef helper():\n    return parse()\n",
                                           "actions/lib/parsers.py": "def parse():\n    return 'parsed'\n"}, [("a", {}, "parsed")]),
    # ---- Python
    "constructor_with_config_only": ({"actions/a.yaml": "name: a\nrunner_type: python-script\nentry_point: a.py\n",
                                      "actions/a.py": OLD + "\n\n\nclass A(Action):\n    def __init__(self, config):\n        super(A, self).__init__(config)\n        self.x = config.get('x', 5)\n\n"
                                                            "    def run(self):\n        self.action_service.set_value('n', self.x)\n        return self.action_service.get_value('n')\n"}, [("a", {}, "5")]),
    "status_tuples_and_exits": ({**python("a", "return (True, {'x': 1})"), **python("b", "return (False, 'no')"), **python("c", "import sys; sys.exit(3)")},
                                [("a", {}, {"x": 1}), ("b", {}, "failed"), ("c", {}, "failed")]),
    "prints_on_stdout": (python("a", "print('noise')\nself.logger.info('log')\nreturn 1"), [("a", {}, 1)]),
    "eventlet_without_requiring_it": (python("a", "pool = eventlet.GreenPool(2)\nreturn sorted(pool.imap(lambda x: x * x, [3, 1]))", "import eventlet\nfrom st2common.runners.base_action import Action"),
                                      [("a", {}, [1, 9])]),
    "st2common_utilities": (python("a", "code, out, err = run_command(['echo', quote_unix('a b')])\ntry:\n    raise InvalidActionParameterException('x')\n"
                                        "except InvalidActionParameterException:\n    pass\nlogging.getLogger(__name__).info('x')\n"
                                        "return [code, out.strip(), isotime.format(isotime.parse('2020-01-02T03:04:05Z'), usec=False)]",
                                   "from st2common import log as logging\nfrom st2common.exceptions.action import InvalidActionParameterException\n"
                                   "from st2common.util import isotime\nfrom st2common.util.shell import quote_unix, run_command\nfrom st2common.runners.base_action import Action"),
                            [("a", {}, [0, "'a b'", "2020-01-02T03:04:05Z"])]),
    "st2client_in_an_action": (python("a", "client = Client(api_url=os.environ['ST2_ACTION_API_URL'], token=os.environ.get('ST2_ACTION_AUTH_TOKEN'))\n"
                                           "client.keys.update(KeyValuePair(name='from_client', value='v'))\n"
                                           "return [client.keys.get_by_name('from_client').value, client.actions.get_by_ref_or_id('core.noop').name,\n"
                                           "        Client().executions.get_by_id(os.environ['ST2_ACTION_EXECUTION_ID']).status]",
                                      "import os\nfrom st2client.client import Client\nfrom st2client.models.keyvalue import KeyValuePair\nfrom st2common.runners.base_action import Action"),
                               [("a", {}, ["v", "noop", "running"])]),
    "datastore_from_an_action": (python("a", "s = self.action_service\ns.set_value('k', 1)\ns.set_value('other', 2, local=False)\nfound = [s.get_value('k'), s.get_value('other', local=False), len(s.list_values())]\n"
                                             "return found + [s.delete_value('k'), s.get_value('k')]"), [("a", {}, ["1", "2", 1, True, None])]),
    "pack_lib": ({**python("a", "return shared.X", "import shared\nfrom st2common.runners.base_action import Action"), "lib/shared.py": "X = 'lib'\n"}, [("a", {}, "succeeded")]),
    # ---- workflows
    "chain_with_params_and_no_default": ({"actions/c.yaml": "name: c\nrunner_type: action-chain\nentry_point: chains/c.yaml\n",
                                          "actions/chains/c.yaml": "chain:\n  -\n    name: one\n    ref: core.local\n    params: {cmd: echo 1}\n    on-success: two\n"
                                                                   "    publish: {x: '{{one.stdout}}'}\n  -\n    name: two\n    ref: core.local\n    parameters: {cmd: 'echo {{x}}{{one.stdout}}'}\n"},
                                         [("c", {}, "succeeded")]),
    "orquesta_with_number_version": ({"actions/o.yaml": "name: o\nrunner_type: orquesta\nentry_point: workflows/o.yaml\n",
                                      "actions/workflows/o.yaml": "version: 1.0\ntasks:\n  t:\n    action: core.local cmd='echo 3'\n    next:\n      - when: <% succeeded() %>\n        publish: a=<% result().stdout %> b=2\n        do: u, v\n"
                                                                  "  u: {action: core.noop, next: [{do: [w]}]}\n  v: {action: core.noop, next: [{do: w}]}\n  w: {join: all, action: core.noop}\noutput:\n  - a: <% ctx().a %>\n"},
                                     [("o", {}, {"output": {"a": 3}})]),
    "mistral": ({"actions/m.yaml": "name: m\nrunner_type: mistral-v2\nentry_point: workflows/m.yaml\nparameters: {n: {type: integer, default: 2}}\n",
                 "actions/workflows/m.yaml": "version: '2.0'\nmistral.m:\n  type: direct\n  input: [n]\n  output: {got: <% $.got %>}\n  tasks:\n    t:\n      with-items: i in <% list(range($.n)) %>\n      action: core.local\n      input: {cmd: 'echo <% $.i %>'}\n"
                                             "      publish: {got: '<% task(t).result.stdout %>'}\n"}, [("m", {}, "succeeded")]),
}
NUMBER_VERSIONS = {"version_is_a_number": "0.2"}
SENSOR = """
from st2reactor.sensor.base import PollingSensor


class Base(PollingSensor):
    def setup(self):
        self._log = self._sensor_service.get_logger(__name__)

    def cleanup(self):
        pass

    def add_trigger(self, trigger):
        pass

    def update_trigger(self, trigger):
        pass

    def remove_trigger(self, trigger):
        pass


class Counts(Base):
    def __init__(self, sensor_service, config=None, poll_interval=1):
        super(Counts, self).__init__(sensor_service=sensor_service, config=config, poll_interval=poll_interval)

    def poll(self):
        from st2client.client import Client
        seen = int(self._sensor_service.get_value('seen') or 0)
        self._sensor_service.set_value('seen', seen + 1)
        if not seen:
            name = Client().actions.get_by_ref_or_id('core.noop').name
            self._sensor_service.dispatch(trigger='sensor_of_the_packs_own_base.seen', payload={'name': name, 'value': self._config.get('v')})
"""


@pytest.fixture
def squall(make_squall: Callable[..., Squall], tmp_path: Path) -> Squall:
    sensor = {"sensors/s.yaml": "class_name: Counts\nentry_point: s.py\ntrigger_types: [{name: seen, payload_schema: {type: obj}}]\n", "sensors/s.py": SENSOR,
              "config.yaml": "v: 7\n", "rules/r.yaml": "name: r\nenabled: true\ntrigger: {type: sensor_of_the_packs_own_base.seen}\ncriteria: {trigger.value: {type: gt, pattern: 1}}\n"
                                                      "action: {ref: core.local, parameters: {cmd: 'echo {{trigger.name}}'}}\n"}
    for name, files in [*((row, files) for row, (files, _) in ROWS.items()), ("sensor_of_the_packs_own_base", sensor)]:
        for path, text in {"pack.yaml": MANIFEST.format(name, NUMBER_VERSIONS.get(name, "1.0.0")), **files}.items():
            file = tmp_path / "packs" / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode())
    return make_squall([tmp_path / "packs"])


def trouble_of(squall: Squall, row: str, running: list[tuple[str, str, Json]]) -> str | None:
    errors = [p for p in squall.get("/squall/health")["problems"] if p["pack"] == row and p["severity"] != "warning"]
    if errors:
        return str(errors)
    for action, execution, wanted in running:
        done = squall.finished(execution, 60)
        result = done.get("result", {})
        if isinstance(wanted, str) and wanted in ("succeeded", "failed"):
            found: Json = done["status"]
        elif isinstance(wanted, dict) and ("stdout" in wanted or "output" in wanted):
            found = {key: result.get(key) for key in wanted}
        else:
            found = result.get("result") if wanted is not None else wanted
            found = done["status"] if done["status"] != "succeeded" else found
        if found != wanted and not (wanted is None and done["status"] == "succeeded"):
            return f"{action}: {found!r}, not {wanted!r}: {str(result)[-800:]}"
    return None


def test_every_row_of_the_survey_registers_and_runs(squall: Squall, capsys: pytest.CaptureFixture[str]) -> None:
    running = {row: [(action, squall.run(f"{row}.{action}", parameters), wanted) for action, parameters, wanted in runs]
               for row, (_, runs) in ROWS.items()}
    troubles = {row: trouble for row in ROWS if (trouble := trouble_of(squall, row, running[row])) is not None}
    event = squall.until("the sensor's event starts its rule's action",
                         lambda: [e for e in squall.get("/executions?limit=100") if e.get("rule", {}).get("ref") == "sensor_of_the_packs_own_base.r"])
    if squall.finished(event[0]["id"])["result"]["stdout"] != "noop":
        troubles["sensor_of_the_packs_own_base"] = str(event)
    with capsys.disabled():
        print(f"\npacks for the rows of the survey: {len(ROWS) + 1 - len(troubles)} of {len(ROWS) + 1} register and run")
    assert not troubles, "\n".join(f"{row}: {trouble}" for row, trouble in troubles.items())
    warned = {p["pack"] for p in squall.get("/squall/health")["problems"]}
    assert warned >= {"yaml_duplicate_keys", "typos_in_parameters", "entry_point_missing", "rule_of_an_unknown_action"}
