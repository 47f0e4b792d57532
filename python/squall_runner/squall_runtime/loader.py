"""Finds the action class in a pack's file."""

import importlib.util
import inspect
import os
import sys

from squall_runtime.base import Action


class ActionLoadError(Exception):
    """The file cannot be imported, or holds no action."""


def load_action_class(file_path):
    """Imports the file and returns its action class: of the classes it defines itself, in alphabetical order, the first
    subclass of Action with a run() of its own; failing that, the first class with a run() at all.
    """
    module = _import_file(file_path)
    classes = [
        member
        for _, member in inspect.getmembers(module, inspect.isclass)
        if member.__module__ == module.__name__ and _has_run(member)
    ]
    for candidate in classes:
        if issubclass(candidate, Action):
            return candidate
    if classes:
        return classes[0]
    raise ActionLoadError('Found no classes in plugin file "%s" matching requirements.' % file_path)


def _has_run(candidate):
    method = getattr(candidate, "run", None)
    return callable(method) and not getattr(method, "__isabstractmethod__", False)


def _import_file(file_path):
    if not file_path.endswith(".py") or not os.path.isfile(file_path):
        raise ActionLoadError('File "%s" has no action class or the file doesn\'t exist.' % file_path)
    _arrange_path(file_path)
    name = os.path.splitext(os.path.basename(file_path))[0]
    spec = importlib.util.spec_from_file_location(name, file_path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        message = (
            'Failed to load action class from file "%s" (action file most likely doesn\'t exist or contains invalid '
            "syntax): %s" % (file_path, error)
        )
        raise ActionLoadError(message) from error
    return module


def _arrange_path(file_path):
    """Puts sys.path in the order that actions have in StackStorm: this runtime, the packages of the virtualenv, actions/lib,
    the interpreter's own, and last the directory of the action and <pack>/lib. So `lib.x` and the modules of both lib
    directories are found, and a file beside the action does not take the place of a standard module.
    """
    directory = os.path.dirname(os.path.realpath(file_path))
    actions = directory
    while os.path.basename(actions) != "actions" and os.path.dirname(actions) != actions:
        actions = os.path.dirname(actions)
    runtime = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    in_virtualenv = sys.prefix != sys.base_prefix
    front = [runtime]
    if in_virtualenv:
        front += [path for path in sys.path if path.startswith(sys.prefix + os.sep)]
    front.append(os.path.join(actions, "lib"))
    back = [directory, os.path.join(os.path.dirname(actions), "lib")]
    middle = [path for path in sys.path if path not in front + back]
    sys.path[:] = [path for path in front if os.path.isdir(path)] + middle + [path for path in back if os.path.isdir(path)]
