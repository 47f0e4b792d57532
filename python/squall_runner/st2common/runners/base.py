"""The bases of runners written in Python, with StackStorm's names. squall_runtime.runner makes and runs them."""

import abc
import os

from st2common.exceptions.actionrunner import ActionRunnerPreRunError

__all__ = [
    "ActionRunner",
    "AsyncActionRunner",
    "PollingAsyncActionRunner",
    "ShellRunnerMixin",
    "get_metadata",
]


class ActionRunner(metaclass=abc.ABCMeta):
    """Runs the actions of one runner type: pre_run(), run() and post_run() are called in this order, once."""

    def __init__(self, runner_id):
        self.runner_id = runner_id
        self.container_service = None
        self.runner_type = None
        self.runner_type_db = None
        self.runner_parameters = None
        self.action = None
        self.action_name = None
        self.liveaction = None
        self.liveaction_id = None
        self.execution = None
        self.execution_id = None
        self.entry_point = None
        self.libs_dir_path = None
        self.context = None
        self.callback = None
        self.auth_token = None
        self.rerun_ex_ref = None
        self._config = None
        self._common_variables = {}

    @property
    def config(self):
        return self._config

    def pre_run(self):
        if getattr(self.runner_type, "enabled", True) is False:
            raise ValueError('Runner "%s" has been disabled by the administrator' % self.runner_type.name)

    @abc.abstractmethod
    def run(self, action_parameters):
        """Returns (status, result, context)."""

    def pause(self):
        raise NotImplementedError("Pause is not supported for runner %s." % self.runner_type.name)

    def resume(self):
        raise NotImplementedError("Resume is not supported for runner %s." % self.runner_type.name)

    def cancel(self):
        return ("canceled", getattr(self.liveaction, "result", None), getattr(self.liveaction, "context", None))

    def post_run(self, status, result):
        pass

    def get_pack_ref(self):
        return self.action.pack if self.action is not None else "unknown"

    def get_user(self):
        return (self.context or {}).get("user")

    def _get_common_action_env_variables(self):
        return dict(self._common_variables)

    def __str__(self):
        return "%s(runner_id=%s, liveaction_id=%s)" % (type(self).__name__, self.runner_id, self.liveaction_id)


class AsyncActionRunner(ActionRunner):
    pass


class PollingAsyncActionRunner(AsyncActionRunner):
    @classmethod
    def is_polling_enabled(cls):
        return True


class ShellRunnerMixin:
    """Arguments of scripts from the parameters of an action."""

    def _transform_named_args(self, named_args):
        if not named_args:
            return None
        return {self._kwarg_op + name: value for name, value in named_args.items()}

    def _get_script_args(self, action_parameters):
        """(positional arguments as texts in their order, named arguments as a dict)."""
        positions = {}
        for name, schema in (self.action.parameters or {}).items():
            if isinstance(schema, dict) and isinstance(schema.get("position"), int):
                positions[schema["position"]] = name
        positional = [positional_text(action_parameters.get(positions[at]), self.action.parameters[positions[at]]) for at in sorted(positions)]
        named = {name: value for name, value in action_parameters.items() if name not in positions.values()}
        return positional, named


def positional_text(value, schema):
    """One positional argument: booleans are 1 and 0, arrays are joined with commas, objects are JSON, None is empty."""
    import json

    kind = schema.get("type")
    if value is None or kind == "null":
        return ""
    if kind in ("string", "number", "float"):
        return str(value)
    if kind == "boolean":
        return "1" if value else "0"
    if not value:
        return ""
    if kind in ("array", "list"):
        return ",".join(str(item) for item in value)
    if kind == "object":
        return json.dumps(value)
    return str(value)


def get_metadata(package_name):
    """The entries of the file runner.yaml of a runner's package."""
    import importlib

    import yaml

    package = importlib.import_module(package_name)
    directory = os.path.dirname(os.path.abspath(package.__file__))
    for folder in (directory, os.path.dirname(directory)):
        path = os.path.join(folder, "runner.yaml")
        if os.path.isfile(path):
            with open(path, encoding="utf-8") as file:
                return yaml.safe_load(file)
    raise ActionRunnerPreRunError("%s has no runner.yaml" % package_name)


