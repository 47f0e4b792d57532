from eventlet import Event

__all__ = ["Event"]
