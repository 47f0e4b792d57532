"""What packs test themselves with (st2tests), and the client library, without squall."""

import http.server
import json
import os
import pathlib
import subprocess
import sys
import threading

import pytest

RUNTIME = pathlib.Path(__file__).resolve().parents[1] / "squall_runner"
ROOT = RUNTIME.parents[1]

PACK = {
    "pack.yaml": "name: demo\n",
    "actions/lib/base.py": "from st2common.runners.base_action import Action\n\n\nclass Base(Action):\n    pass\n",
    "actions/count.py": "from lib.base import Base\n\n\nclass Count(Base):\n    def run(self, name):\n"
    "        n = int(self.action_service.get_value(name) or 0) + self.config.get('step', 1)\n"
    "        self.action_service.set_value(name, n)\n        return n\n",
    "actions/old.py": "from st2actions.runners.pythonrunner import Action\n\nclass Old(Action):\n    def __init__(self, config):\n"
    "        super(Old, self).__init__(config)\n    def run(self):\n        print 'hello'\n        return unicode('x')\n",
    "sensors/tick.py": "from st2reactor.sensor.base import PollingSensor\n\n\nclass Tick(PollingSensor):\n    def setup(self):\n        pass\n"
    "    def poll(self):\n        self.sensor_service.dispatch('demo.tick', {'interval': self.get_poll_interval()}, trace_tag='t')\n"
    "        self.sensor_service.set_value('seen', '1')\n    def cleanup(self):\n        pass\n    def add_trigger(self, trigger):\n        pass\n"
    "    def update_trigger(self, trigger):\n        pass\n    def remove_trigger(self, trigger):\n        pass\n",
    "aliases/restart.yaml": "name: restart\naction_ref: demo.count\nformats:\n  - 'restart {{name}}'\n"
    "  - display: 'bounce <name>'\n    representation: ['bounce {{name}} times {{n=2}}', 'kick {{name}}']\n",
    "tests/fixtures/answer.json": '{"a": 1}',
    "tests/test_demo.py": """
import json
from st2tests.base import BaseActionAliasTestCase, BaseActionTestCase, BaseSensorTestCase
from count import Count
from old import Old
from tick import Tick


class CountTestCase(BaseActionTestCase):
    action_cls = Count

    def test_counts_in_the_datastore(self):
        action = self.get_action_instance({'step': 2})
        self.assertEqual([action.run('a'), action.run('a')], [2, 4])
        self.assertEqual(self.action_service.get_value('a'), '4')
        self.assertEqual(json.loads(self.get_fixture_content('answer.json')), {'a': 1})


class OldTestCase(BaseActionTestCase):
    action_cls = Old

    def test_python2(self):
        self.assertEqual(self.get_action_instance().run(), 'x')


class TickTestCase(BaseSensorTestCase):
    sensor_cls = Tick

    def test_dispatches(self):
        sensor = self.get_sensor_instance(poll_interval=7)
        sensor.poll()
        self.assertTriggerDispatched(trigger='demo.tick', payload={'interval': 7}, trace_context={'trace_tag': 't'})
        self.assertEqual(len(self.get_dispatched_triggers()), 1)
        self.assertEqual(self.sensor_service.get_value('seen'), '1')
        with self.assertRaises(AssertionError):
            self.assertTriggerDispatched(trigger='demo.other')


class AliasTestCase(BaseActionAliasTestCase):
    action_alias_name = 'restart'

    def test_formats(self):
        formats = self.action_alias_db.get_format_strings()
        self.assertEqual(len(formats), 3)
        self.assertCommandMatchesExactlyOneFormatString(formats, 'restart web')
        self.assertExtractedParametersMatch(formats[1], 'bounce web times', {'name': 'web', 'n': '2'})
        with self.assertRaises(AssertionError):
            self.assertCommandMatchesExactlyOneFormatString(formats, 'nothing')
""",
}


@pytest.fixture
def pack(tmp_path):
    for name, text in PACK.items():
        path = tmp_path / "demo" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "demo"


def run_tests(pack, *more):
    return subprocess.run([sys.executable, RUNTIME / "run_tests.py", pack, *more], capture_output=True, text=True, timeout=60, check=False)


class TestRunTests:
    def test_a_packs_own_tests_run(self, pack):
        pytest.importorskip("yaml")
        done = run_tests(pack)
        assert done.returncode == 0, done.stderr
        assert "Ran 4 tests" in done.stderr and "converted from Python 2" in done.stdout

    def test_one_of_them_by_name(self, pack):
        done = run_tests(pack, "test_demo.TickTestCase")
        assert done.returncode == 0 and "Ran 1 test" in done.stderr, done.stderr

    def test_a_failure_is_the_exit_code(self, pack):
        (pack / "tests" / "test_bad.py").write_text("import unittest\nclass T(unittest.TestCase):\n    def test(self): self.fail('no')\n")
        assert run_tests(pack, "test_bad").returncode == 1

    def test_a_directory_without_tests(self, tmp_path):
        (tmp_path / "pack.yaml").write_text("name: x\n")
        done = run_tests(tmp_path)
        assert done.returncode == 1 and "there is no directory tests/" in done.stderr


def test_alias_formats_as_recorded():
    folders = [ROOT.parent / "shared" / "conformance", ROOT / "tests" / "conformance"]
    file = next((folder / "alias_formats.json" for folder in folders if (folder / "alias_formats.json").exists()), None)
    if file is None:
        pytest.skip("no recorded answers")
    from st2common.exceptions.content import ParseException
    from st2common.models.utils.action_alias_utils import extract_parameters

    vectors = [v for v in json.loads(file.read_text())["vectors"] if "$type" not in json.dumps(v)]
    different = []
    for vector in vectors:
        try:
            got = extract_parameters(vector["format"], vector["text"], vector["match_multiple"])
        except ParseException as error:
            got = ("error", str(error))
        except Exception as error:
            got = ("error", type(error).__name__)
        wanted = vector.get("value")
        if "error" in vector:
            wanted = ("error", vector["error"]["message" if vector["error"]["type"] == "ParseException" else "type"])
        if got != wanted:
            different.append((vector["id"], got, wanted))
    assert len(vectors) > 20 and not different, different[:5]


@pytest.fixture
def api():
    """An API that says what it was asked."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            headers = {name: self.headers[name] for name in ("X-Auth-Token", "St2-Api-Key", "St2-Trace-Tag") if self.headers[name]}
            asked.append((self.command, self.path, json.loads(body) if body else None, headers))
            missing = "nosuch" in self.path
            refused = "refused" in self.path
            document = {"faultstring": "no"} if missing or refused else {"id": "1", "ref": "p.a", "name": "k", "value": "v"}
            listed = self.command == "GET" and self.path.partition("?")[0].rstrip("/") in ("/v1/rules", "/v1/keys", "/v1/executions/1/children")
            text = json.dumps([document] if listed else document).encode()
            self.send_response(404 if missing else 403 if refused else 200)
            self.send_header("Content-Length", str(len(text)))
            self.send_header("X-Total-Count", "5")
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = do_DELETE = answer

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield "http://127.0.0.1:%d/v1" % server.server_port, asked
    server.shutdown()
    server.server_close()


@pytest.fixture
def client(api, monkeypatch):
    monkeypatch.syspath_prepend(str(RUNTIME / "fallbacks"))
    monkeypatch.setenv("ST2_API_URL", api[0])
    monkeypatch.setenv("ST2_AUTH_TOKEN", "token")
    from st2client.client import Client

    yield Client()
    for name in [name for name in sys.modules if name.split(".")[0] == "st2client"]:
        del sys.modules[name]


class TestClient:
    def test_addresses_and_token_come_from_the_environment(self, client, api):
        assert client.actions.get_by_ref_or_id("p.a").ref == "p.a"
        assert api[1] == [("GET", "/v1/actions/p.a", None, {"X-Auth-Token": "token"})]

    def test_lists_and_queries(self, client, api):
        assert [rule.ref for rule in client.rules.get_all(pack="p", limit=3)] == ["p.a"]
        rules, count = client.managers["Rule"].query_with_count(name="x")
        assert (len(rules), count) == (1, 5)
        assert client.executions.get_children("1")[0].id == "1"
        assert [path for _, path, _, _ in api[1]] == ["/v1/rules?limit=3&pack=p", "/v1/rules?name=x", "/v1/executions/1/children?depth=-1"]

    def test_what_is_not_there(self, client):
        assert client.actions.get_by_id("nosuch") is None
        assert client.keys.get_by_name("nosuch") == []

    def test_a_refusal_is_an_http_error(self, client):
        with pytest.raises(OSError, match="403 Client Error: .*\nMESSAGE: no for url"):
            client.actions.get_by_id("refused")

    def test_keys_executions_packs_and_webhooks(self, client, api):
        from st2client.models import LiveAction
        from st2client.models.keyvalue import KeyValuePair

        client.keys.update(KeyValuePair(name="a b", value="1"))
        client.keys.delete(KeyValuePair(name="k", scope="user"))
        client.liveactions.create(LiveAction(action="p.a", parameters={"x": 1}))
        client.packs.register(packs=["p"], types=["action"])
        client.webhooks.post_generic_webhook(trigger="p.t", payload={"a": 1}, trace_tag="tag")
        assert [(method, path, body) for method, path, body, _ in api[1]] == [
            ("PUT", "/v1/keys/a%20b", {"name": "a b", "value": "1", "id": "a b"}),
            ("DELETE", "/v1/keys/k?scope=user", None),
            ("POST", "/v1/executions", {"action": "p.a", "parameters": {"x": 1}}),
            ("POST", "/v1/packs/register", {"types": ["action"], "packs": ["p"]}),
            ("POST", "/v1/webhooks/st2", {"trigger": "p.t", "payload": {"a": 1}}),
        ]
        assert api[1][-1][3]["St2-Trace-Tag"] == "tag"

    def test_documents(self, client):
        execution = client.executions.get_by_id("1")
        assert execution.to_dict(exclude_attributes=["value"]) == {"id": "1", "ref": "p.a", "name": "k"}
        with pytest.raises(AttributeError):
            client.nothing

    def test_in_a_sensor_calls_go_over_its_line(self, monkeypatch):
        monkeypatch.syspath_prepend(str(RUNTIME / "fallbacks"))
        monkeypatch.delenv("ST2_API_URL", raising=False)
        from squall_runtime import rest

        class Inside:
            api_url = "squall:inside"

            def call(self, method, path, query=None, body=None, headers=None):
                if path.endswith("nosuch"):
                    raise rest.ApiError("no", 404)
                return {"path": path}

        monkeypatch.setattr(rest, "inside", Inside())
        from st2client.client import Client

        assert Client().actions.get_by_id("p.a").path == "/actions/p.a"
        assert Client().actions.get_by_id("nosuch") is None
        for name in [name for name in sys.modules if name.split(".")[0] == "st2client"]:
            del sys.modules[name]


def test_where_packs_are_without_squall(monkeypatch):
    monkeypatch.delenv("ST2_ACTION_API_URL", raising=False)
    from st2common.content import utils

    assert utils.get_pack_base_path("x") == os.path.join(utils.DEFAULT_BASE_PATH, "x")


class TestFallbacks:
    """What StackStorm's own environment has and packs import without requiring it."""

    def test_a_file_is_followed_through_growth_replacement_and_removal(self, tmp_path, monkeypatch):
        monkeypatch.syspath_prepend(str(RUNTIME / "fallbacks"))
        from logshipper.tail import Tail

        log, late, lines, changed = tmp_path / "log", tmp_path / "late", [], threading.Event()
        log.write_text("old\n")

        def handle(file_path, line):
            lines.append((os.path.basename(file_path), line))
            changed.set()

        def wait_for(count):
            while len(lines) < count:
                assert changed.wait(10)
                changed.clear()

        tail = Tail(filenames=[])
        tail.handler = handle
        tail.add_file(filename=str(log))
        tail.add_file(filename=str(late))
        thread = threading.Thread(target=tail.run, daemon=True)
        thread.start()
        with log.open("a") as file:
            file.write("one\ntw")
        wait_for(1)
        with log.open("a") as file:
            file.write("o\n")
        wait_for(2)
        late.write_text("from its start\n")
        wait_for(3)
        (tmp_path / "new").write_text("rotated\n")
        os.replace(tmp_path / "new", log)
        wait_for(4)
        assert lines == [("log", "one"), ("log", "two"), ("late", "from its start"), ("log", "rotated")]
        tail.remove_file(filename=str(log))
        tail.notifier.stop()
        thread.join(10)
        assert not thread.is_alive()

    def test_names_that_packs_import(self, monkeypatch):
        monkeypatch.syspath_prepend(str(RUNTIME / "fallbacks"))
        for name in [name for name in sys.modules if name.split(".")[0] == "st2client"]:
            del sys.modules[name]
        from oslo_config import cfg
        from st2client.commands.action import LIVEACTION_COMPLETED_STATES
        from st2actions.runners.ssh.paramiko_ssh import ParamikoSSHClient

        assert cfg.CONF.system_user.ssh_key_file.startswith("/") and "timeout" in LIVEACTION_COMPLETED_STATES
        assert ParamikoSSHClient(hostname="h", port=22, username="u", password="p", timeout=1).close()

    def test_jinja_as_actions_make_it(self):
        pytest.importorskip("jinja2")
        from st2common.util import jinja

        environment = jinja.get_jinja_environment(allow_undefined=True)
        text = "{% if 'a' is in x %}\n{{ x | to_json_string }} {{ nothing }}{{ 3661 | to_human_time_from_seconds }}\n{% endif %}\n"
        assert environment.from_string(text).render(x=["a"]) == '["a"] 1h1m1s\n'
        assert jinja.render_values({"a": "{{ n }}", "b": {"c": "{{ n }}", "d": 1}}, {"n": 2}) == {"a": "2", "b": {"c": "2", "d": 1}}
