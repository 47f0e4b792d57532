from eventlet import Timeout

__all__ = ["Timeout"]
