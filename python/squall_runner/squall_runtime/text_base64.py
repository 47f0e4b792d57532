"""base64 takes text where it would raise TypeError: so it was in Python 2, and packs of today still count on it.

Text gives text, bytes give bytes as ever; no program that runs without this runs otherwise with it.
"""

import base64
import functools

NAMES = ("b64encode", "standard_b64encode", "urlsafe_b64encode")


def install():
    for name in NAMES:
        function = getattr(base64, name)
        if not hasattr(function, "__wrapped__"):
            setattr(base64, name, _taking_text(function))


def _taking_text(function):
    @functools.wraps(function)
    def encode(s, *arguments, **options):
        if isinstance(s, str):
            return function(s.encode("utf-8"), *arguments, **options).decode("ascii")
        return function(s, *arguments, **options)

    return encode
