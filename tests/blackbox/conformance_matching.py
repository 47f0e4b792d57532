"""Compares what squall answered with what the real engine answered, placeholders included."""

from __future__ import annotations

import re
from typing import Any

Json = Any
TOKEN = re.compile(r"\{\{(id|time|any|pack_dir|tmp|api)\}\}")
PATTERNS = {
    "id": r"(?:[0-9a-f]{24}|[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})",
    "time": r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+]00:00)?", "any": r"[\s\S]*", "pack_dir": r".*", "tmp": r".*", "api": r".*",
}


def text_matches(expected: str, got: str) -> bool:
    if "{{" not in expected:
        return expected == got
    pattern, at = "", 0
    for found in TOKEN.finditer(expected):
        pattern += re.escape(expected[at:found.start()]) + PATTERNS[found.group(1)]
        at = found.end()
    return re.fullmatch(pattern + re.escape(expected[at:]), got) is not None


def differences(expected: Json, got: Json, path: str = "$") -> list[str]:
    """Where the two differ, as "path: expected X, got Y"."""
    if expected == "{{any}}":
        return []
    if isinstance(expected, dict) and isinstance(got, dict):
        found = [f"{path}.{key}: missing" for key in expected if key not in got]
        found += [f"{path}.{key}: unexpected {got[key]!r:.80}" for key in got if key not in expected]
        for key in expected:
            if key in got:
                found += differences(expected[key], got[key], f"{path}.{key}")
        return found
    if isinstance(expected, list) and isinstance(got, list):
        if len(expected) != len(got):
            return [f"{path}: expected {len(expected)} elements, got {len(got)}"]
        return [d for i, (e, g) in enumerate(zip(expected, got)) for d in differences(e, g, f"{path}[{i}]")]
    if isinstance(expected, str) and isinstance(got, str):
        return [] if text_matches(expected, got) else [f"{path}: expected {expected!r:.160}, got {got!r:.160}"]
    if isinstance(expected, bool) != isinstance(got, bool) or expected != got:
        return [f"{path}: expected {expected!r:.160}, got {got!r:.160}"]
    return []


def first_line_only(value: Json) -> Json:
    """Long messages of Python's jsonschema are stable in their first line only."""
    if isinstance(value, dict):
        return {k: "{{any}}" if k == "traceback" else first_line_only(v) for k, v in value.items()}
    if isinstance(value, list):
        return [first_line_only(v) for v in value]
    if isinstance(value, str) and "\n\nFailed validating" in value:
        return value.split("\n")[0] + "{{any}}"
    return value
