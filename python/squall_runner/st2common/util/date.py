"""Times in UTC."""

import datetime

__all__ = ["add_utc_tz", "append_milliseconds_to_time", "convert_to_utc", "get_datetime_utc_now"]


def append_milliseconds_to_time(date, millis):
    return date + datetime.timedelta(milliseconds=millis)


def convert_to_utc(dt):
    """A time without an offset counts as UTC."""
    if dt.tzinfo is None:
        return add_utc_tz(dt)
    return dt.astimezone(datetime.timezone.utc)


def add_utc_tz(dt):
    return dt.replace(tzinfo=datetime.timezone.utc)


def get_datetime_utc_now():
    return datetime.datetime.now(datetime.timezone.utc)
