from squall_runtime.base import Action

__all__ = ["Action"]
