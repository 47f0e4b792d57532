"""Finds the class of an action or a sensor in a pack's file."""

import importlib.util
import inspect
import os
import sys

from squall_runtime.base import Action
from squall_runtime.python2.imports import PackLoader
from squall_runtime.sensor_base import BaseSensor

SENSOR_METHODS = ("setup", "run", "cleanup", "add_trigger", "update_trigger", "remove_trigger")


class ActionLoadError(Exception):
    """The file cannot be imported, or holds no action."""


class SensorLoadError(Exception):
    """The file cannot be imported, or its class is no sensor."""


def load_action_class(file_path, pack=None):
    """Imports the file and returns its action class: of the classes it defines itself, in alphabetical order, the first
    subclass of Action with a run() of its own; failing that, the first class with a run() at all. `pack` is for import_file.
    """
    if not file_path.endswith(".py") or not os.path.isfile(file_path):
        raise ActionLoadError('File "%s" has no action class or the file doesn\'t exist.' % file_path)
    arrange_path(file_path, "actions")
    try:
        module = import_file(file_path, pack)
    except Exception as error:
        message = (
            'Failed to load action class from file "%s" (action file most likely doesn\'t exist or contains invalid '
            "syntax): %s" % (file_path, error)
        )
        raise ActionLoadError(message) from error
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


def load_sensor_class(file_path, class_name, pack=None):
    """Imports the file and returns its class of this name, which has to be a sensor: a subclass of Sensor or PollingSensor,
    at whatever distance, or at least a class with all of their methods.
    """
    if not os.path.isfile(file_path):
        raise SensorLoadError('The file "%s" does not exist.' % file_path)
    arrange_path(file_path, "sensors")
    module = import_file(file_path, pack)
    found = getattr(module, class_name, None)
    if not inspect.isclass(found):
        classes = sorted(name for name, member in inspect.getmembers(module, inspect.isclass) if _is_sensor(member))
        raise SensorLoadError(
            'The file "%s" has no class "%s". Sensor classes in it: %s.' % (file_path, class_name, ", ".join(classes) or "none")
        )
    if not _is_sensor(found):
        missing = [name for name in SENSOR_METHODS if not callable(getattr(found, name, None))]
        raise SensorLoadError(
            'The class "%s" is no sensor: it has neither st2reactor.sensor.base.Sensor nor PollingSensor as a base, and '
            "lacks the methods %s." % (class_name, ", ".join(missing))
        )
    return found


def _is_sensor(candidate):
    if BaseSensor in candidate.__mro__:
        return True
    return all(callable(getattr(candidate, name, None)) for name in SENSOR_METHODS)


def import_file(file_path, pack=None):
    """Runs the file as a module of its name. As a part of `pack` it may also be of Python 2."""
    name = os.path.splitext(os.path.basename(file_path))[0]
    loader = PackLoader(name, file_path, pack) if pack is not None else None
    spec = importlib.util.spec_from_file_location(name, file_path, loader=loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def arrange_path(file_path, folder):
    """Puts sys.path in the order that packs have in StackStorm: this runtime, the packages of the virtualenv, actions/lib
    (sensors/lib for a sensor), the interpreter's own, and last the directory of the file and <pack>/lib. So `lib.x` and the modules of both lib
    directories are found, and a file beside it does not take the place of a standard module.
    """
    directory = os.path.dirname(os.path.realpath(file_path))
    base = folder_of(file_path, folder)
    runtime = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    in_virtualenv = sys.prefix != sys.base_prefix
    front = [runtime]
    if in_virtualenv:
        front += [path for path in sys.path if path.startswith(sys.prefix + os.sep)]
    front.append(os.path.join(base, "lib"))
    back = [directory, os.path.join(os.path.dirname(base), "lib")]
    middle = [path for path in sys.path if path not in front + back]
    back.append(os.path.join(runtime, "fallbacks"))  # for what StackStorm's own environment has and packs do not list
    sys.path[:] = [path for path in front if os.path.isdir(path)] + middle + [path for path in back if os.path.isdir(path)]


def pack_directory_of(file_path, folder):
    """The directory of the pack; that of the file when it lies in no such folder."""
    base = folder_of(file_path, folder)
    return os.path.dirname(base if os.path.basename(base) == folder else os.path.realpath(file_path))


def folder_of(file_path, folder):
    """The directory "actions" or "sensors" of the pack that the file belongs to."""
    base = os.path.dirname(os.path.realpath(file_path))
    while os.path.basename(base) != folder and os.path.dirname(base) != base:
        base = os.path.dirname(base)
    return base
