#!/usr/bin/env python3
"""Checks the shape of the source tree; a test of its own.

Include layers (the table in src/README.md), file sizes, line lengths, headers without `#pragma once`, heavy third-party
headers outside .cpp files, and words that have no place in finished work.
"""

import argparse
import pathlib
import re
import subprocess
import sys

# Folder -> layer. A folder may include lower layers, itself, and what EXTRA allows.
LAYERS = {
    "base": 0, "value": 1, "text": 2, "crypto": 2, "model": 3, "expr": 4, "store": 4, "net": 4, "process": 4,
    "auth": 5, "workflow": 5, "rules": 5, "clients": 5, "packs": 6, "runners": 6, "sensors": 7, "engine": 8, "api": 9, "cli": 9,
    "app": 10,
}
EXTRA = {}
HEAVY = re.compile(r'#include [<"](boost/|spdlog/|sqlite3\.h|curl/|yaml\.h|pcre2\.h|simdjson|openssl/|libssh/|CLI/|valijson)')
# Internal headers that exist to share a heavy include between the .cpp files of one folder.
HEAVY_ALLOWED = re.compile(r"src/(net/(asio|byte_stream_asio|event_loop_impl|http_session|session_stream|response_head|request_reader).*\.hpp"
                           r"|store/sqlite/.*\.hpp|text/regex_.*\.hpp|.*_impl\.hpp|.*_internal\.hpp)")
LINE_MAX = 140
FILE_MAX = 700
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
SUFFIXES = {".cpp", ".hpp"}


def tracked(root: pathlib.Path) -> list[pathlib.Path]:
    try:
        listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=root, capture_output=True, text=True, check=True)
        return [root / line for line in listed.stdout.splitlines() if (root / line).is_file()]
    except (subprocess.CalledProcessError, FileNotFoundError):
        return [path for path in root.rglob("*") if path.is_file() and "build" not in path.parts]


def check_includes(path: pathlib.Path, relative: str, lines: list[str]) -> list[str]:
    folder = relative.split("/")[1]
    problems = []
    for number, line in enumerate(lines, 1):
        found = re.match(r'#include "([a-z_0-9]+)/', line)
        if found and found.group(1) != folder:
            other = found.group(1)
            if other not in LAYERS:
                problems.append(f"{relative}:{number}: includes the unknown folder {other}")
            elif LAYERS[other] >= LAYERS[folder] and other not in EXTRA.get(folder, set()):
                problems.append(f"{relative}:{number}: {folder} (layer {LAYERS[folder]}) may not include {other} (layer {LAYERS[other]})")
        if relative.endswith(".hpp") and HEAVY.match(line) and not HEAVY_ALLOWED.match(relative):
            problems.append(f"{relative}:{number}: a heavy third-party header belongs into a .cpp file")
    return problems


def check_source(path: pathlib.Path, relative: str) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    problems = check_includes(path, relative, lines) if relative.startswith("src/") else []
    if relative.endswith(".hpp") and not any(line.strip() == "#pragma once" for line in lines):
        problems.append(f"{relative}: no #pragma once")
    if len(lines) > FILE_MAX:
        problems.append(f"{relative}: {len(lines)} lines; split what is over {FILE_MAX}")
    for number, line in enumerate(lines, 1):
        if len(line) > LINE_MAX:
            problems.append(f"{relative}:{number}: {len(line)} columns, the limit is {LINE_MAX}")
        if UNFINISHED.search(line):
            problems.append(f"{relative}:{number}: unfinished work is marked here")
    return problems


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path("."))
    root = parser.parse_args().root.resolve()
    problems: list[str] = []
    for path in tracked(root):
        relative = path.relative_to(root).as_posix()
        if path.suffix in SUFFIXES and relative.split("/")[0] in {"src", "bench", "tests"}:
            if relative.startswith("src/") and relative.split("/")[1] not in LAYERS:
                problems.append(f"{relative}: unknown folder; add it to the layers in tools/tidy.py and src/README.md")
                continue
            problems += check_source(path, relative)
    for problem in problems:
        print(problem)
    print(f"tidy: {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
