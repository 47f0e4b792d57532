from eventlet import GreenPile, GreenPool

__all__ = ["GreenPile", "GreenPool"]
