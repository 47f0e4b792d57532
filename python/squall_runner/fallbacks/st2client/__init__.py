"""StackStorm's client library as packs use it, on the standard library alone. A pack that requires the real st2client gets that."""

__version__ = "3.10dev"
