"""`from eventlet.green import subprocess`: the modules themselves."""

import importlib


def __getattr__(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        raise AttributeError(name) from None
