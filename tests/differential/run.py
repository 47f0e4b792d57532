#!/usr/bin/env python3
"""Random expressions to squall and to the real engines; every difference is shown.

usage: run.py [--engine yaql|jinja|all] [--cases N] [--seed S] [--squall PATH] [--python PATH]

Where the answers differ, the real engine is asked again with other seeds of Python's text hashes: what depends on the order
of a set of texts has no one answer and is left out, as is what takes the real engine longer than two seconds. Exit code 1
for any difference that tests/differential/known.py does not explain.
"""

import argparse
import concurrent.futures
import json
import math
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import environment  # noqa: E402
import jinja_cases  # noqa: E402
import jinja_statements  # noqa: E402
import known  # noqa: E402
import yaql_cases  # noqa: E402



class Alternating:
    """Cases of several generators in turn."""

    def __init__(self, *generators):
        self.generators = generators

    def make_case(self, seed):
        number = int(seed.rpartition("-")[2])
        return self.generators[number % len(self.generators)].make_case(seed)


ENGINES = {"yaql": yaql_cases, "jinja": Alternating(jinja_cases, jinja_statements)}
CHUNK = 1000


def lines_of(command, cases, **environment):
    text = "\n".join(json.dumps(case) for case in cases) + "\n"
    done = subprocess.run(command, input=text, capture_output=True, text=True, env={**os.environ, **environment}, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{command[0]} failed: {done.stderr[-2000:]}")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    if len(answers) != len(cases):
        raise SystemExit(f"{command[0]}: {len(answers)} answers to {len(cases)} cases")
    return answers


def canonical(value):
    """The same for equal answers: 1 is not 1.0, the order of dicts counts, that of sets does not."""
    if isinstance(value, dict):
        if value.get("$type") == "set":
            return ("set", sorted(repr(canonical(item)) for item in value["items"]))
        if value.get("$type") == "tuple":
            return ("tuple", [canonical(item) for item in value["items"]])
        return ("dict", [(key, canonical(member)) for key, member in value.items()])
    if isinstance(value, list):
        return ("list", [canonical(item) for item in value])
    if isinstance(value, float):
        return ("float", repr(value), math.copysign(1, value))
    return (type(value).__name__, value)


def judge(case, real, again, squall):
    """None when both agree or nothing can be said, else "kind"."""
    if "skip" in real or "skip" in again:
        return "skipped"
    if canonical(real) != canonical(again):
        return "skipped"
    if "error" in squall and squall["error"].get("limit"):
        return "limit"
    if "error" in real and "error" in squall:
        # CPython's re.error calls itself "error".
        if real["error"]["type"] != squall["error"]["type"].removeprefix("re."):
            return "type"
        return None if real["error"]["message"] == squall["error"]["message"] else "message"
    if "error" in real or "error" in squall:
        return "outcome"
    return None if canonical(real["value"]) == canonical(squall["value"]) else "value"


def may_depend_on_hashes(case):
    """Whether sets of texts may be involved."""
    return case["env"] == "yaql" and any(word in case["text"] for word in ("et(", "keys(", "items(", "characters("))


def run_chunk(arguments, engine, first, count):
    cases = [ENGINES[engine].make_case(f"{arguments.seed}-{engine}-{number}") for number in range(first, first + count)]
    oracle = [arguments.python, str(HERE / "oracle.py")]
    real = lines_of(oracle, cases, PYTHONHASHSEED="1")
    squall = lines_of([arguments.squall, "expr", "--batch"], cases)
    rows = [[case, a, s, judge(case, a, a, s)] for case, a, s in zip(cases, real, squall)]
    # What came out equal is equal; only of a difference it must be known whether there is one answer at all.
    differing = [row for row in rows if row[3] not in (None, "skipped", "limit")]
    for seed in ("2", "3", "4", "5"):
        doubtful = [row for row in differing if row[3] != "skipped" and may_depend_on_hashes(row[0])]
        if doubtful:
            for row, answer in zip(doubtful, lines_of(oracle, [row[0] for row in doubtful], PYTHONHASHSEED=seed)):
                row[3] = judge(row[0], row[1], answer, row[2])
    differing = [row for row in differing if row[3] != "skipped"]
    if differing:
        # Where objects are shows even in a text that was cut up or turned around; another process has them elsewhere.
        for row, answer in zip(differing, lines_of(oracle, [row[0] for row in differing])):
            row[3] = judge(row[0], row[1], answer, row[2])
        differing = [row for row in differing if row[3] not in (None, "skipped", "limit")]
    if differing and engine == "jinja":
        # jinja2 evaluates constants when it compiles, also those in branches that never run.
        unfolded = lines_of(oracle, [{**row[0], "env": "unfolded"} for row in differing])
        for row, answer in zip(differing, unfolded):
            if judge(row[0], answer, answer, row[2]) is None:
                row[3] = "explained"
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", default="all", choices=["yaql", "jinja", "all"])
    parser.add_argument("--cases", type=int, default=5000)
    parser.add_argument("--seed", default="0")
    parser.add_argument("--squall", default=os.environ.get("SQUALL_BINARY", "build/release/squall"))
    parser.add_argument("--python", help="a Python with yaql and jinja2; made in the cache when not given")
    parser.add_argument("--show", type=int, default=40)
    arguments = parser.parse_args()
    arguments.python = arguments.python or environment.python()
    status = 0
    for engine in ENGINES if arguments.engine == "all" else [arguments.engine]:
        counts = {}
        shown = 0
        with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
            jobs = [pool.submit(run_chunk, arguments, engine, first, min(CHUNK, arguments.cases - first))
                    for first in range(0, arguments.cases, CHUNK)]
            for job in jobs:
                for case, real, squall, kind in job.result():
                    if kind not in (None, "skipped", "limit", "explained") and known.reason(case, real, squall):
                        kind = "explained"
                    counts[kind or "equal"] = counts.get(kind or "equal", 0) + 1
                    if kind in (None, "skipped", "limit", "explained"):
                        continue
                    status = 1
                    shown += 1
                    if shown <= arguments.show:
                        print(f"{engine} {kind}: {case['text']}\n  real   {json.dumps(real)[:400]}\n  squall {json.dumps(squall)[:400]}")
                        if "$.x" in case["text"] or engine == "jinja":
                            print(f"  context {json.dumps(case['context'])[:300]}")
        differ = sum(counts.get(kind, 0) for kind in ("value", "outcome", "type", "message"))
        print(f"differential {engine}: {arguments.cases} cases, {counts.get('equal', 0)} equal, {differ} differ, "
              f"{counts.get('explained', 0)} explained, {counts.get('limit', 0)} at a limit, {counts.get('skipped', 0)} without one answer")
    return status


if __name__ == "__main__":
    sys.exit(main())
