"""Loggers of actions: they write to standard error, which the execution shows as `stderr`."""

import logging
import sys

# StackStorm's level above all others.
AUDIT = logging.CRITICAL + 10


class RuntimeLogger(logging.getLoggerClass()):
    def audit(self, message, *args, **kwargs):
        if self.isEnabledFor(AUDIT):
            self._log(AUDIT, message, args, **kwargs)


logging.addLevelName(AUDIT, "AUDIT")
logging.AUDIT = AUDIT
logging.setLoggerClass(RuntimeLogger)


def action_logger(class_name, level_name):
    """The logger of an action class. The same name gives the same logger, with one handler."""
    logger = logging.getLogger("actions.python.%s" % class_name)
    level = getattr(logging, str(level_name).upper(), logging.DEBUG)
    if not logger.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(name)-12s: %(levelname)-8s %(message)s"))
        logger.addHandler(handler)
    logger.handlers[0].setLevel(level)
    logger.setLevel(level)
    return logger
