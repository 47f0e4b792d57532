"""Where Action lived before StackStorm 2.4."""

from squall_runtime.base import Action

__all__ = ["Action"]
