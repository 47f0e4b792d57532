"""`from st2common import log as logging`: the standard loggers, with StackStorm's level AUDIT."""

import logging

from squall_runtime.logs import AUDIT

__all__ = ["AUDIT", "getLogger"]


def getLogger(name):  # the name that packs call
    return logging.getLogger(name)
