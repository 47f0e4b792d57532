"""Tests of python/squall_runner that need no squall: `pytest python/tests`."""

import datetime
import json
import logging
import sys

import pytest

from squall_runtime import absent, action, loader
from squall_runtime.config import PackConfig
from squall_runtime.service import ActionService


@pytest.fixture
def write(tmp_path):
    """Writes a file of a pack and returns its path."""

    def writer(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return str(path)

    return writer


@pytest.fixture(autouse=True)
def keep_interpreter_clean():
    modules, path, finders = set(sys.modules), list(sys.path), list(sys.meta_path)
    yield
    for name in set(sys.modules) - modules:
        del sys.modules[name]
    sys.path[:] = path
    sys.meta_path[:] = finders


HEADER = "from st2common.runners.base_action import Action\n"


class TestLoader:
    def test_first_subclass_in_alphabetical_order(self, write):
        path = write(
            "actions/a.py",
            HEADER + "class Zebra(Action):\n def run(self): pass\n"
            "class Beta(Action):\n def run(self): pass\n"
            "class Alpha:\n def run(self): pass\n",
        )
        assert loader.load_action_class(path).__name__ == "Beta"

    def test_class_without_the_base_is_good_enough(self, write):
        path = write("actions/a.py", "class Plain:\n def run(self): pass\n")
        assert loader.load_action_class(path).__name__ == "Plain"

    def test_abstract_and_imported_classes_do_not_count(self, write):
        path = write("actions/a.py", HEADER + "class Base(Action):\n pass\n")
        with pytest.raises(loader.ActionLoadError, match="Found no classes"):
            loader.load_action_class(path)

    @pytest.mark.parametrize("name", ["nosuch.py", "script.sh"])
    def test_file_that_is_none(self, write, name):
        path = write("actions/script.sh", "echo")
        with pytest.raises(loader.ActionLoadError, match="doesn't exist"):
            loader.load_action_class(path.replace("script.sh", name))

    def test_library_directories_are_found_from_subdirectories(self, write):
        write("lib/shared.py", "X = 1")
        write("actions/sub/near.py", "Y = 2")
        path = write("actions/sub/a.py", HEADER + "import shared, near\nclass A(Action):\n def run(self): return 0\n")
        assert loader.load_action_class(path).__name__ == "A"


class TestAction:
    def run(self, write, capfd, body, **request):
        path = write("actions/a.py", HEADER + "class A(Action):\n def run(self, **p):\n  " + body + "\n")
        request = dict({"pack": "demo", "file_path": path, "parameters": {}}, **request)
        code = action.execute(request)
        out, err = capfd.readouterr()
        return code, out, err

    def test_result_stands_between_two_delimiters(self, write, capfd):
        code, out, _ = self.run(write, capfd, "print('own', end=''); return p", parameters={"a": [1]})
        before, result, after = out.split(action.DELIMITER)
        assert (code, before, after) == (0, "own", "")
        assert json.loads(result) == {"result": {"a": [1]}, "status": None}

    def test_status_tuple(self, write, capfd):
        _, out, _ = self.run(write, capfd, "return False, 'no'")
        assert json.loads(out.split(action.DELIMITER)[1]) == {"result": "no", "status": False}

    def test_longer_tuples_and_lists_are_results(self, write, capfd):
        _, out, _ = self.run(write, capfd, "return 'a', 1, 2")
        assert json.loads(out.split(action.DELIMITER)[1])["result"] == ["a", 1, 2]

    def test_bad_status(self, write, capfd):
        code, out, err = self.run(write, capfd, "return 1, 2")
        assert (code, out) == (220, "")
        assert err.startswith("Status returned from the action run() method must either be True or False, got: 1\n")

    def test_replaced_stdout_does_not_swallow_the_result(self, write, capfd):
        import io

        original = sys.stdout
        try:
            sys.stdout = io.StringIO()
            _, out, _ = self.run(write, capfd, "return 7")
        finally:
            sys.stdout = original
        assert json.loads(out.split(action.DELIMITER)[1])["result"] == 7


def test_constructor_that_fails_for_another_reason_is_not_called_twice():
    class Broken:
        calls = 0

        def __init__(self, config, action_service):
            Broken.calls += 1
            raise TypeError("something else")

    with pytest.raises(TypeError, match="something else"):
        action.instantiate(Broken, {}, ActionService("p", "C"))
    assert Broken.calls == 1


def test_config_tells_where_to_add_a_key():
    config = PackConfig("demo", {"a": 1})
    assert (config["a"], config.get("b"), "b" in config) == (1, None, False)
    with pytest.raises(ValueError, match="configs/demo.yaml"):
        config["b"]


def test_unsupported_scope():
    with pytest.raises(ValueError, match="Scope user is unsupported."):
        ActionService("p", "C").get_value("k", scope="user")


def test_absent_modules_are_explained_and_present_ones_untouched():
    absent.install()
    absent.install()
    assert len([finder for finder in sys.meta_path if isinstance(finder, absent._AbsentFinder)]) == 1
    with pytest.raises(ModuleNotFoundError, match="requirements.txt"):
        import st2client.shell  # noqa: F401
    with pytest.raises(ModuleNotFoundError) as caught:
        import st2common.persistence.pack  # noqa: F401
    assert caught.value.name == "st2common.persistence"
    import st2common.util.shell  # noqa: F401

    with pytest.raises(ModuleNotFoundError, match="^No module named 'nosuchmodule'$"):
        import nosuchmodule  # noqa: F401


class TestShims:
    def test_names_that_packs_import(self):
        from st2actions.runners.pythonrunner import Action as Old
        from st2common.constants.keyvalue import SYSTEM_SCOPE
        from st2common.exceptions.action import InvalidActionParameterException
        from st2common.runners.base_action import Action as New
        from st2common.runners.utils import get_logger_for_python_runner_action

        assert Old is New
        assert SYSTEM_SCOPE == "system"
        assert issubclass(InvalidActionParameterException, Exception)
        assert get_logger_for_python_runner_action("X").name == "actions.python.X"

    def test_log(self):
        from st2common import log

        logger = log.getLogger("some.name")
        assert isinstance(logger, logging.Logger)
        logger.audit("no handler is needed")

    def test_shell(self):
        from st2common.util.shell import quote_unix, run_command

        assert run_command("echo out; echo err >&2; exit 3", shell=True) == (3, "out\n", "err\n")
        assert run_command([sys.executable, "-c", "print(1)"])[1] == "1\n"
        assert quote_unix("a b") == "'a b'"

    # Values of StackStorm's st2common.util.isotime.
    def test_isotime(self):
        from st2common.util import isotime

        moment = datetime.datetime(2000, 1, 1, 12, 0, 0, 1)
        assert isotime.format(moment) == "2000-01-01T12:00:00.000001Z"
        assert isotime.format(moment, usec=False) == "2000-01-01T12:00:00Z"
        assert isotime.format(moment, offset=True) == "2000-01-01T12:00:00.000001+00:00"
        utc = datetime.timezone.utc
        for text in ["2000-01-01T12:00:00Z", "2000-01-01T14:00:00+02:00", "2000-01-01 07:00:00-0500"]:
            assert isotime.parse(text) == datetime.datetime(2000, 1, 1, 12, tzinfo=utc)
        assert isotime.parse("2000-01-01T14:00:00+02", preserve_original_tz=True).hour == 14
        assert isotime.validate("2000-01-01", raise_exception=False) is False
        with pytest.raises(ValueError):
            isotime.parse("yesterday")

    def test_date(self):
        from st2common.util import date

        assert date.get_datetime_utc_now().tzinfo is datetime.timezone.utc
        zone = datetime.timezone(datetime.timedelta(hours=2))
        assert date.convert_to_utc(datetime.datetime(2000, 1, 1, 2, tzinfo=zone)).hour == 0


class TestTextBase64:
    def test_text_gives_text_and_bytes_give_bytes(self):
        import base64

        from squall_runtime import text_base64

        before = {name: getattr(base64, name) for name in text_base64.NAMES}
        try:
            text_base64.install()
            text_base64.install()
            assert base64.b64encode("Gr\u00fc\u00dfe") == "R3LDvMOfZQ==" and base64.b64encode(b"ab") == b"YWI="
            assert base64.urlsafe_b64encode("??>") == "Pz8-" and base64.b64encode(b"?", altchars=b"-_") == b"Pw=="
            with pytest.raises(TypeError):
                base64.b64encode(5)
        finally:
            for name, function in before.items():
                setattr(base64, name, function)
