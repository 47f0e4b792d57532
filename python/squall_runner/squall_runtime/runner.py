"""Runs one action by a runner written in Python, and writes what came of it to standard output:

    <DELIMITER>{"status": ..., "result": ..., "context": ...}\\n<DELIMITER>

Everything else on standard output is the runner's own. SIGTERM calls the runner's cancel().
"""

import importlib
import inspect
import json
import os
import signal
import sys
import threading
import traceback
import types

from squall_runtime import absent, jsonable
from squall_runtime.action import DELIMITER

FINAL = ("succeeded", "failed", "timeout", "abandoned", "canceled", "pending")


class Canceled(BaseException):
    """Not an Exception: runners that catch everything must not swallow it."""


def execute(request):
    """Does what `request` (see run_runner.py) asks for. Always 0: how the action ended is in the answer."""
    absent.install()
    runner = None
    try:
        runner = make_runner(request)
        arrange_cancel(runner)
        runner.pre_run()
        status, result, context = unpack(runner.run(dict(request["action_parameters"])))
        runner.post_run(status, result)
        if status not in FINAL:
            raise ValueError('The runner "%s" left the action in the state "%s", which squall cannot follow: it has to end it.' % (request["runner"]["name"], status))
    except Canceled:
        status, result, context = "canceled", getattr(runner.liveaction, "result", None), None
    except Exception as error:
        status, context = "failed", None
        result = {"error": str(error), "traceback": traceback.format_exc()}
    answer = {"status": status, "result": jsonable_or_text(result), "context": jsonable_or_text(context)}
    sys.stdout.flush()
    sys.__stdout__.write("%s%s\n%s" % (DELIMITER, json.dumps(answer), DELIMITER))
    sys.__stdout__.flush()
    return 0


def jsonable_or_text(value):
    try:
        return jsonable.jsonable(value)
    except TypeError:
        return str(value)


def unpack(answer):
    if not isinstance(answer, (tuple, list)) or len(answer) != 3:
        raise ValueError("run() of a runner has to return (status, result, context), got: %r" % (answer,))
    return answer


def make_runner(request):
    described = request["runner"]
    directory = described["directory"]
    # Where StackStorm's layouts have the module: DIR/package/module.py, or DIR/module.py.
    for path in (os.path.join(directory, described["package"]), directory):
        sys.path.insert(0, path)
    names = ["%s.%s" % (described["package"], described["module"]), described["module"]]
    module = import_first(names, directory)
    factory = getattr(module, "get_runner", None)
    if factory is None:
        raise ValueError('The module "%s" of the runner "%s" has no get_runner().' % (module.__file__, described["name"]))
    takes_config = "config" in inspect.signature(factory).parameters
    runner = factory(config=request["config"]) if takes_config else factory()
    furnish(runner, request)
    return runner


def import_first(names, directory):
    for name in names:
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name not in (name, name.partition(".")[0]):
                raise
    raise ModuleNotFoundError("There is no module %s in %s." % (" or ".join(names), directory))


def furnish(runner, request):
    """What StackStorm's container sets before pre_run()."""
    described = request["runner"]
    action = request["action"]
    runner.runner_type = runner.runner_type_db = types.SimpleNamespace(
        name=described["name"], enabled=True, runner_package=described["package"], runner_module=described["module"],
        runner_parameters=described["parameters"])
    runner.runner_parameters = request["runner_parameters"]
    runner.action = types.SimpleNamespace(name=action["ref"].partition(".")[2], ref=action["ref"], pack=action["pack"],
                                          parameters=action["parameters"], entry_point=action["entry_point"])
    runner.action_name = runner.action.name
    runner.liveaction = types.SimpleNamespace(id=request["liveaction_id"], action=action["ref"], parameters=request["action_parameters"],
                                              context=request["context"], result=None, status="running")
    runner.liveaction_id = request["liveaction_id"]
    runner.execution = types.SimpleNamespace(id=request["execution_id"], context=request["context"])
    runner.execution_id = request["execution_id"]
    runner.entry_point = request["entry_point"]
    runner.libs_dir_path = os.path.join(os.path.dirname(request["entry_point"]), "lib") if request["entry_point"] else None
    runner.context = request["context"]
    runner.auth_token = types.SimpleNamespace(token=request["auth_token"]) if request["auth_token"] else None
    runner._config = request["config"]
    runner._common_variables = request["common_variables"]


def arrange_cancel(runner):
    def on_signal(number, frame):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        try:
            runner.cancel()
        finally:
            raise Canceled()

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, on_signal)
