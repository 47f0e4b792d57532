"""A Jinja environment as StackStorm's actions make one. The package jinja2 has to be installed."""

import json
import os
import re

__all__ = ["get_jinja_environment", "is_jinja_expression", "render_values"]


def _use_none(value):
    return value if value is not None else "%*****__%NONE%__*****%"


def _to_human_time(seconds):
    seconds = int(seconds)
    if seconds == 0:
        return "0s"
    text = ""
    for size, unit in ((31536000, "y"), (604800, "w"), (86400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        if seconds >= size:
            text += "%d%s" % (seconds // size, unit)
            seconds %= size
    return text


def _yaml_text(value, **options):
    import yaml

    return yaml.safe_dump(value, **options)


def _yaml_value(text):
    import yaml

    return yaml.safe_load(text)


_FILTERS = {
    "to_json_string": lambda value, indent=None, sort_keys=False, separators=(",", ": "): json.dumps(
        value, indent=indent, sort_keys=sort_keys, separators=separators
    ),
    "from_json_string": json.loads,
    "to_yaml_string": _yaml_text,
    "from_yaml_string": _yaml_value,
    "to_complex": json.dumps,
    "json_escape": lambda value: json.dumps(str(value))[1:-1],
    "regex_match": lambda value, pattern="", ignorecase=False: bool(re.match(pattern, value, re.I if ignorecase else 0)),
    "regex_search": lambda value, pattern="", ignorecase=False: bool(re.search(pattern, value, re.I if ignorecase else 0)),
    "regex_replace": lambda value="", pattern="", replacement="", ignorecase=False: re.sub(
        pattern, replacement, value, flags=re.I if ignorecase else 0
    ),
    "regex_substring": lambda value, pattern="", result_index=0, ignorecase=False: re.findall(
        pattern, value, re.I if ignorecase else 0
    )[result_index],
    "to_human_time_from_seconds": _to_human_time,
    "use_none": _use_none,
    "basename": os.path.basename,
    "dirname": os.path.dirname,
}


def get_jinja_environment(allow_undefined=False, trim_blocks=True, lstrip_blocks=True):
    from jinja2 import StrictUndefined, Undefined
    from jinja2.sandbox import SandboxedEnvironment

    environment = SandboxedEnvironment(
        undefined=Undefined if allow_undefined else StrictUndefined, trim_blocks=trim_blocks, lstrip_blocks=lstrip_blocks
    )
    environment.filters.update(_FILTERS)
    environment.tests["in"] = lambda item, container: item in container
    return environment


def is_jinja_expression(value):
    return isinstance(value, str) and ("{{" in value or "{%" in value)


def render_values(mapping=None, context=None, allow_undefined=False):
    """Every value of a dict, rendered; a container by way of its JSON."""
    environment = get_jinja_environment(allow_undefined=allow_undefined)
    rendered = {}
    for name, value in (mapping or {}).items():
        is_text = isinstance(value, str)
        text = environment.from_string(value if is_text else json.dumps(value)).render(dict(context or {}, **rendered))
        rendered[name] = text if is_text else json.loads(text)
    return rendered
