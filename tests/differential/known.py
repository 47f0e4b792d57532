"""Differences that are meant, each with its reason (docs/explanation/differences.md)."""

import json
import re


def shuffled(value):
    """The same for lists of the same members."""
    if isinstance(value, list):
        return sorted(json.dumps(shuffled(item)) for item in value)
    if isinstance(value, dict):
        return {key: shuffled(member) for key, member in value.items()}
    return value


def reason(case, real, squall):
    """Why the two answers may differ; None when they may not."""
    text = case["text"]
    has_set = "set(" in text or "toSet(" in text or "keys(" in text
    views = r"(operand type\(s\) for [-&|^]: |not supported between instances of ).*'dict_(keys|items)'"
    if "error" in squall and re.search(views, squall["error"]["message"]):
        return "views of dicts have no set operators"
    if "error" in real and "error" in squall:
        wanted, came = real["error"]["message"], squall["error"]["message"]
        if real["error"]["type"] == squall["error"]["type"] and sorted(wanted) == sorted(came) and "frozenset({" in wanted:
            return "the order of a set in a message: CPython's depends on addresses"
    if "error" in squall and squall["error"]["message"].startswith("offset must be a timedelta strictly between"):
        return "an offset of a day or more is refused at once; dateutil refuses it when it is first used"
    if "frozenset({" in str(real.get("value")).lower() and sorted(str(real["value"])) == sorted(str(squall.get("value"))):
        return "the order of a set shown as text: CPython's depends on hashes and addresses"
    if has_set and "error" in real and "error" in squall and sorted(str(real["error"]["message"])) == sorted(str(squall["error"]["message"])):
        return "the order of a set in a message: CPython's depends on hashes"
    if has_set and all(str(answer.get("error", {}).get("message")).startswith("unhashable type") for answer in (real, squall)):
        return "which member of a set is met first depends on its order"
    if has_set and "value" in real and "value" in squall and shuffled(real["value"]) == shuffled(squall["value"]):
        return "the order of a set with more in it than numbers: CPython's depends on hashes and addresses"
    if has_set and "error" in real and "error" in squall and ("orderBy" in text or "null" in text):
        return "which member of a set is met first depends on its order"
    if "Markup(" in json.dumps(real) and "error" in squall and real["error"]["type"] == squall["error"]["type"]:
        return "a message shows a Markup as the text that it is"
    if all(answer.get("error", {}).get("type") == "TemplateAssertionError" for answer in (real, squall)):
        return "of several unknown filters and tests another one is told first"
    if "error" in real and "'StrictUndefined' object cannot be interpreted" in real["error"]["message"] and "error" in squall:
        return "an undefined factor is told as what it is: undefined"
    sequence_item = r"sequence item \d+: expected str instance, \w+ found"
    if "error" in squall and re.fullmatch(sequence_item, squall["error"]["message"]) and "filter" in text and "error" in real:
        return "what a filter block makes is told at once when it is no text; jinja2 tells when it joins the pieces, and counts them"
    if all("duplicate argument" in str(answer.get("error", {}).get("message")) for answer in (real, squall)):
        return "of a parameter that is there twice the name is told, not that of a variable of generated code"
    if re.search(r"autoescape n\b", text) and "'<a>'" in text:
        return "where escaping depends on a value, jinja2 leaves constants as they are"
    if re.search(r"range\(\d\)[^ ]*\.(index|count)\(", text):
        return "ranges have no methods"
    if "error" in squall and squall["error"]["message"].startswith("Parse error: the path ends too early"):
        return "a JSONPath that ends too early is told as such, not as an AttributeError of the parser"
    if "jsonpath_query" in text and real.get("error", {}).get("type") == "UndefinedError":
        return "a JSONPath goes past what is undefined inside a list"
    return None
