"""Formats of action aliases: what a command says, by a format such as "restart {{service}} on {{host=all}}"."""

import re

from st2common.exceptions.content import ParseException

__all__ = ["extract_parameters", "extract_parameters_for_action_alias_db"]

_KEY = r"\s*(\S+?)\s*"
_VALUE = r"""""|''|"(.+?)"|'(.+?)'|({.+?})|(\S+)"""
_DEFAULT = r"""""|''|"(.+?)"|'(.+?)'|({.+?})|(.+?)"""
_PAIRS = re.compile(r"(?:^|\s+)%s=(%s)" % (_KEY, _VALUE), re.DOTALL)
_ENDING = re.compile(r".*?((%s\s*)*)$" % _PAIRS.pattern, re.DOTALL)
_OPTIONAL = r"{{%s\s*=\s*(?:%s)\s*}}" % (_KEY, _DEFAULT)
_REQUIRED = r"{{%s}}" % _KEY
# A value: what stands in quotes or braces, or as little text as fits.
_PARAMETER = r"""%s["']?(?P<%s>(?:(?<=').+?(?=')|(?<=").+?(?=")|{.+?}|.+?))["']?"""


def extract_parameters(format_str, param_stream, match_multiple=False):
    """The parameters by name; a list of such when the format may match more than once. ParseException when it does not fit."""
    return _Format(format_str, param_stream or "").read(match_multiple)


def extract_parameters_for_action_alias_db(action_alias_db, format_str, param_stream, match_multiple=False):
    formats = []
    for known in _field(action_alias_db, "formats") or []:
        representation = known if isinstance(known, str) else known.get("representation")
        formats.extend([representation] if isinstance(representation, str) else representation or [])
    if format_str not in formats:
        raise ValueError('Format string "%s" is not available on the alias "%s"' % (format_str, _field(action_alias_db, "name")))
    return extract_parameters(format_str, param_stream, match_multiple)


def _field(document, name):
    return document.get(name) if isinstance(document, dict) else getattr(document, name, None)


class _Format:
    def __init__(self, text, command):
        self.text, self.command = text, command
        self.pairs = {}
        rest = command
        ending = _ENDING.match(command)
        if ending and ending.group(1):
            # "key=value" at the end stands for parameters that the format need not know.
            self.pairs = {found[0]: "".join(found[2:]) for found in _PAIRS.findall(ending.group(1))}
            rest = command.replace(ending.group(1), "")
        self.stream = " %s " % rest
        self.defaults = {found[0]: "".join(found[1:]) for found in re.findall(_OPTIONAL, text)}

    def read(self, match_multiple):
        if match_multiple:
            return [self._parameters(match) for match in re.finditer(self._pattern(), self.stream, re.DOTALL)]
        match = re.match(self._pattern(), self.stream, re.DOTALL)
        if not match:
            raise ParseException('Command "%s" doesn\'t match format string "%s"' % (self.command, self.text))
        return self._parameters(match)

    def _pattern(self):
        pattern = re.sub(r"(\s*)" + _OPTIONAL, lambda found: "(?:%s)?" % (_PARAMETER % found.group(1, 2)), self.text)
        pattern = re.sub(r"(\s*)" + _REQUIRED, lambda found: _PARAMETER % found.group(1, 2), pattern)
        pattern = pattern if pattern.startswith("^") else r"^\s*" + pattern
        return pattern if pattern.endswith("$") else pattern + r"\s*$"

    def _parameters(self, match):
        found = match.groupdict()
        found.update({name: value for name, value in self.defaults.items() if not found.get(name)})
        found.update(self.pairs)
        if self.text and not self.stream.strip() and not any(found.values()):
            raise ParseException("No value supplied and no default value found.")
        return found
