"""StackStorm's own Jinja filters, as docs/reference/expressions.md describes them, over the libraries that StackStorm uses."""

import datetime
import json
import os.path
import re

import jsonpath_rw
import orjson
import semver
import yaml

NONE = "%*****__%NONE%__*****%"


def from_json_string(value):
    return orjson.loads(str(value))


def to_json_string(value, indent=None, sort_keys=False, separators=(",", ": ")):
    return json.dumps(value, indent=indent, sort_keys=sort_keys, separators=separators)


def to_complex(value):
    return json.dumps(value)


def json_escape(value):
    return json.dumps(value).strip('"')


def from_yaml_string(value):
    return yaml.load(str(value), Loader=yaml.CSafeLoader)


class PlainDumper(yaml.SafeDumper):
    def ignore_aliases(self, data):
        return True


def to_yaml_string(value, indent=None, allow_unicode=True):
    text = yaml.dump(value, Dumper=PlainDumper, default_flow_style=False, allow_unicode=allow_unicode, indent=indent)
    return text[:-4] if text.endswith("\n...\n") else text


def jsonpath_query(value, query):
    return [match.value for match in jsonpath_rw.parse(query).find(value)] or None


def subject(value):
    return value if isinstance(value, str) else str(value)


def regex_match(value, pattern, ignorecase=False):
    return bool(re.match(pattern, subject(value), re.IGNORECASE if ignorecase else 0))


def regex_search(value, pattern, ignorecase=False):
    return bool(re.search(pattern, subject(value), re.IGNORECASE if ignorecase else 0))


def regex_replace(value, pattern, replacement, ignorecase=False):
    return re.compile(pattern, re.IGNORECASE if ignorecase else 0).sub(replacement, subject(value))


def regex_substring(value, pattern, result_index=0, ignorecase=False):
    return re.findall(pattern, subject(value), re.IGNORECASE if ignorecase else 0)[result_index]


def to_human_time_from_seconds(seconds):
    assert isinstance(seconds, (int, float))
    if seconds == 0:
        return "0s"
    if seconds < 1:
        return f"{seconds}\u03bcs"
    moment = datetime.datetime.min + datetime.timedelta(seconds=int(round(seconds)))
    text = ""
    for number, unit in ((moment.year - 1, "y"), (moment.day - 1, "d"), (moment.hour, "h"), (moment.minute, "m"), (moment.second, "s")):
        if number or text or unit == "s":
            text += f"{number}{unit}"
    return text


def version_compare(value, pattern):
    return semver.compare(value, pattern)


def version_more_than(value, pattern):
    return semver.compare(value, pattern) == 1


def version_less_than(value, pattern):
    return semver.compare(value, pattern) == -1


def version_equal(value, pattern):
    return semver.compare(value, pattern) == 0


def version_match(value, pattern):
    return semver.match(value, pattern)


def version_bump_major(value):
    return semver.bump_major(value)


def version_bump_minor(value):
    return semver.bump_minor(value)


def version_bump_patch(value):
    return semver.bump_patch(value)


def version_strip_patch(value):
    parts = semver.parse(value)
    return f"{parts['major']}.{parts['minor']}"


def use_none(value):
    return NONE if value is None else value


def basename(path):
    return os.path.basename(path)


def dirname(path):
    return os.path.dirname(path)


FILTERS = {function.__name__: function for function in (
    from_json_string, to_json_string, to_complex, json_escape, from_yaml_string, to_yaml_string, jsonpath_query, regex_match, regex_search, regex_replace,
    regex_substring, to_human_time_from_seconds, version_compare, version_more_than, version_less_than, version_equal, version_match, version_bump_major,
    version_bump_minor, version_bump_patch, version_strip_patch, use_none, basename, dirname)}
