"""The base class of Python actions; packs import it as st2common.runners.base_action.Action."""

import abc

from squall_runtime.config import PackConfig
from squall_runtime.logs import action_logger


class Action(abc.ABC):
    """What an action finds in `self`: `config`, `logger` and `action_service`."""

    description = None

    def __init__(self, config=None, action_service=None):
        self.action_service = action_service
        self.config = PackConfig(getattr(action_service, "pack", "unknown"), config or {})
        self.logger = action_logger(type(self).__name__, getattr(action_service, "log_level", "DEBUG"))

    @abc.abstractmethod
    def run(self, **kwargs):
        """Returns the result, or (succeeded, result)."""
