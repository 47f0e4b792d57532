"""Loads and runs one action, and writes its result to standard output in StackStorm's protocol.

    <DELIMITER>{"result": ..., "status": true | false | null}\\n<DELIMITER>

The document also has "converted" when files of Python 2 were converted now: [{"file", "reason"}]. After an exception it has
nothing else. Everything else on standard output is the action's own. The exit code is 0, 220 for a status that is no boolean, whatever
the action gives to sys.exit(), or 1 after an exception, whose traceback goes to standard error.
"""

import json
import sys

from squall_runtime import absent, jsonable, loader, text_base64
from squall_runtime.config import PackConfig
from squall_runtime.python2 import imports
from squall_runtime.service import ActionService

DELIMITER = "%%%%%~=~=~=************=~=~=~%%%%"
INVALID_STATUS_EXIT_CODE = 220

# The words of StackStorm, which its users search for.
INVALID_STATUS_MESSAGE = """Status returned from the action run() method must either be True or False, got: %s
If this is an existing action which returns a tuple with two items, it needs to be updated to
either:

1. Return a list instead of a tuple
2. Return a tuple where a first items is a status flag - (True, ('item1', 'item2'))

For more information, please see: https://docs.stackstorm.com/upgrade_notes.html#st2-v1-6"""


def execute(request):
    """Does what `request` (see run_action.py) asks for and returns the exit code. Exceptions of the action pass."""
    converted = []
    try:
        return _run(request, converted)
    except BaseException:
        if converted:
            _answer(json.dumps({"converted": converted}))
        raise


def _run(request, converted):
    absent.install()
    jsonable.install_bytes()
    text_base64.install()
    pack = imports.Pack(
        loader.pack_directory_of(request["file_path"], "actions"),
        request.get("python2_directory"),
        lambda path, reason: converted.append({"file": path, "reason": reason}),
    )
    imports.install(pack)
    action_class = loader.load_action_class(request["file_path"], pack)
    service = ActionService(
        pack=request["pack"],
        class_name=action_class.__name__,
        log_level=request.get("log_level") or "DEBUG",
        user=request.get("user"),
    )
    instance = instantiate(action_class, request.get("config") or {}, service)
    output = instance.run(**request.get("parameters") or {})

    status, result = None, output
    if isinstance(output, tuple) and len(output) == 2:
        status, result = output
        if status is not None and not isinstance(status, bool):
            sys.stderr.write(INVALID_STATUS_MESSAGE % (status,))
            sys.stderr.flush()
            return INVALID_STATUS_EXIT_CODE

    # In Python 2 bytes were text, and so they are in the results of packs of its time.
    is_old = pack.has_python2 or "st2actions.runners.pythonrunner" in sys.modules
    _answer(serialize(result, status, is_old, converted))
    return 0


def _answer(text):
    # The interpreter's own stream: the action may have put something else in place of sys.stdout.
    sys.stdout.flush()
    sys.__stdout__.write("%s%s\n%s" % (DELIMITER, text, DELIMITER))
    sys.__stdout__.flush()


def serialize(result, status, bytes_are_text=False, converted=None):
    """The result as JSON. What JSON cannot hold is given as its str(), with `bytes_are_text` that is no bytes' lot."""
    answer = {"result": result, "status": status}
    if converted:
        answer["converted"] = converted
    try:
        return json.dumps(answer, cls=jsonable.StrictEncoder)
    except Exception:  # an object's own methods may raise anything
        pass
    if bytes_are_text:
        try:
            return json.dumps(dict(answer, result=jsonable.jsonable(result)))
        except Exception:
            pass
    return json.dumps(dict(answer, result=str(result)))


def instantiate(action_class, config, service):
    """An instance of the class. Constructors written before StackStorm 1.2 take the config only."""
    try:
        return action_class(config=config, action_service=service)
    except TypeError as error:
        if "unexpected keyword argument 'action_service'" not in str(error):
            raise
    instance = action_class(config=config)
    instance.action_service = service
    if isinstance(getattr(instance, "config", None), PackConfig):
        instance.config.belongs_to(service.pack)  # which the constructor could not know
    return instance
