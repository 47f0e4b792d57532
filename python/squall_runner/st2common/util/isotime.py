"""Times as text: "2014-10-31T12:00:00.123456Z"."""

import datetime
import re

from st2common.util import date as date_utils

__all__ = ["format", "parse", "validate"]

_PATTERN = re.compile(
    r"^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,6})\d*)?(Z|[+-]\d{2}(?::?\d{2})?)?$"
)


def format(dt, usec=True, offset=False):
    """ISO 8601 in UTC; with `offset` as "+00:00" instead of "Z"."""
    if isinstance(dt, (int, float)):
        dt = datetime.datetime.fromtimestamp(dt, datetime.timezone.utc)
    moment = date_utils.convert_to_utc(dt)
    text = moment.strftime("%Y-%m-%dT%H:%M:%S.%f" if usec else "%Y-%m-%dT%H:%M:%S")
    return text + ("+00:00" if offset else "Z")


def validate(value, raise_exception=True):
    if isinstance(value, datetime.datetime) or (isinstance(value, str) and _PATTERN.match(value)):
        return True
    if raise_exception:
        raise ValueError("Invalid value for ISO 8601 datetime %r." % (value,))
    return False


def parse(value, preserve_original_tz=False):
    """A datetime with an offset, moved to UTC unless the original offset is to be kept."""
    validate(value, raise_exception=True)
    if isinstance(value, datetime.datetime):
        moment = value
    else:
        day, time, fraction, zone = _PATTERN.match(value).groups()
        moment = datetime.datetime.strptime(
            "%sT%s.%s" % (day, time, fraction or "0"), "%Y-%m-%dT%H:%M:%S.%f"
        ).replace(tzinfo=_zone(zone))
    return moment if preserve_original_tz else date_utils.convert_to_utc(moment)


def _zone(text):
    if not text or text == "Z":
        return datetime.timezone.utc
    digits = text[1:].replace(":", "")
    delta = datetime.timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
    return datetime.timezone(delta if text[0] == "+" else -delta)
