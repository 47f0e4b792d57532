"""Values of sensors as JSON has them."""

import base64
import datetime
import json
import math
import sys


_default = json.JSONEncoder.default


class StrictEncoder(json.JSONEncoder):
    """JSON as Python 3 has it, also after install_bytes()."""

    default = _default


def install_bytes():
    """From now on json.dumps() takes bytes for the text that they are, as it did in Python 2, where Python 3 raises."""

    def default(self, value):
        if isinstance(value, (bytes, bytearray)):
            return text_of(bytes(value))
        return _default(self, value)

    json.JSONEncoder.default = default


def jsonable(value):
    """The same value of JSON's kinds. What StackStorm's message bus carried and JSON cannot becomes text: bytes (UTF-8,
    else Base64), times, decimals, ids; tuples and sets become lists; NaN and the infinities null. TypeError for the rest.
    """
    if value is None or isinstance(value, (bool, int)):
        return value if type(value) in (bool, int, type(None)) else int(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {_key(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [jsonable(item) for item in value]
    if isinstance(value, (bytes, bytearray)):
        return text_of(bytes(value))
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if _is_of(value, "decimal", "Decimal") or _is_of(value, "uuid", "UUID"):
        return str(value)
    raise TypeError("%r (a %s) cannot be part of a payload" % (value, type(value).__name__))


def _is_of(value, module, name):
    """Without importing the module: where nobody has, there are no values of its classes."""
    return module in sys.modules and isinstance(value, getattr(sys.modules[module], name))


def text_of(data):
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return base64.b64encode(data).decode("ascii")


def _key(key):
    if isinstance(key, str):
        return str(key)
    if isinstance(key, bytes):
        return text_of(key)
    if key is None or isinstance(key, bool):
        return {None: "null", True: "true", False: "false"}[key]
    return str(key)
