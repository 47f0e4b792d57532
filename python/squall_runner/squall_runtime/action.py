"""Loads and runs one action, and writes its result to standard output in StackStorm's protocol.

    <DELIMITER>{"result": ..., "status": true | false | null}\\n<DELIMITER>

Everything else on standard output is the action's own. The exit code is 0, 220 for a status that is no boolean, whatever
the action gives to sys.exit(), or 1 after an exception, whose traceback goes to standard error.
"""

import json
import sys

from squall_runtime import absent
from squall_runtime import loader
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
    absent.install()
    action_class = loader.load_action_class(request["file_path"])
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

    # The interpreter's own stream: the action may have put something else in place of sys.stdout.
    sys.stdout.flush()
    sys.__stdout__.write("%s%s\n%s" % (DELIMITER, serialize(result, status), DELIMITER))
    sys.__stdout__.flush()
    return 0


def serialize(result, status):
    """The result as JSON. What JSON cannot hold is given as its str()."""
    try:
        return json.dumps({"result": result, "status": status})
    except Exception:  # an object's own methods may raise anything
        return json.dumps({"result": str(result), "status": status})


def instantiate(action_class, config, service):
    """An instance of the class. Constructors written before StackStorm 1.2 take the config only."""
    try:
        return action_class(config=config, action_service=service)
    except TypeError as error:
        if "unexpected keyword argument 'action_service'" not in str(error):
            raise
    instance = action_class(config=config)
    instance.action_service = service
    return instance
