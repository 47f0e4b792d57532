from squall_runtime.config import PackConfig as PackConfigDict
from squall_runtime.logs import action_logger

__all__ = ["PackConfigDict", "get_logger_for_python_runner_action"]


def get_logger_for_python_runner_action(action_name, log_level="debug"):
    return action_logger(action_name, log_level)
