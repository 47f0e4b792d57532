#!/usr/bin/env python3
"""How much faster squall evaluates expressions than the real engines: CPython's jinja2 and yaql, in one run, each side with
its compiled expressions kept. The expressions are those of the recorded answers that succeed on both sides.

usage: expressions.py [--engine-process]  (the latter is this script's other half, run with the Python of the engines)
"""

import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SQUALL = os.environ.get("SQUALL_BINARY", str(ROOT / "build" / "release" / "squall"))
TOPICS = {"yaql": ("yaql_raw", "expression", "data", "yaql", 100), "jinja": ("jinja_st2", "template", "context", "stackstorm", 30)}
SQUALL_ROUNDS, ENGINE_ROUNDS, PARTS, CHUNK = 2000, 50, 5, 60


def load(topic):
    named = os.environ.get("SQUALL_CONFORMANCE")
    folders = [pathlib.Path(named)] if named else [ROOT.parent / "shared" / "conformance", ROOT / "tests" / "conformance"]
    path = next((folder for folder in folders if folder.is_dir()), folders[-1]) / f"{topic}.json"
    return json.loads(path.read_text(encoding="utf-8"))["vectors"] if path.exists() else None


def cases(engine):
    topic, text, context, env, _ = TOPICS[engine]
    vectors = load(topic)
    if vectors is None:
        return None
    return [{"env": env, "text": vector[text], "context": vector.get(context)} for vector in vectors
            if text in vector and "value" in vector and "$type" not in json.dumps(vector.get(context))
            and not vector["group"].startswith("st2filter") and not vector.get("allow_undefined")]


def exchange(command, lines):
    done = subprocess.run(command, input="\n".join(map(json.dumps, lines)) + "\n", capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def time_engine(case):
    """Processor seconds of one evaluation by the real engine, in the best of a few parts; squall counts the same way."""
    if case["env"] == "yaql":
        expression = ENGINE(case["text"])

        def once():
            context = CONTEXT.create_child_context()
            return expression.evaluate(data=case["context"], context=context)
    else:
        template = JINJA.from_string(case["text"])

        def once():
            return template.render(**(case["context"] or {}))
    once()
    best = math.inf
    for _ in range(PARTS):
        begin = time.process_time()
        for _ in range(ENGINE_ROUNDS // PARTS):
            once()
        best = min(best, (time.process_time() - begin) / (ENGINE_ROUNDS // PARTS))
    return best


def engine_process():
    import collections.abc  # noqa: F401 (yaql uses it without importing it)
    global ENGINE, CONTEXT, JINJA
    import jinja2.sandbox
    import yaql
    ENGINE, CONTEXT = yaql.YaqlFactory().create(), yaql.create_context()
    JINJA = jinja2.sandbox.SandboxedEnvironment(undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    for line in sys.stdin:
        try:
            seconds = time_engine(json.loads(line))
        except Exception:  # not an expression for this engine alone
            seconds = None
        print(json.dumps({"seconds": seconds}), flush=True)


def main():
    sys.path.insert(0, str(ROOT / "tests" / "differential"))
    import environment
    python = environment.python()
    for engine, (topic, _, _, _, target) in TOPICS.items():
        todo = cases(engine)
        if todo is None:
            print(f"expressions {engine}: no recorded answers ({topic}.json)")
            continue
        real, ours = [], []
        # In turns, so that a busy moment of the machine hits both.
        for first in range(0, len(todo), CHUNK):
            part = todo[first:first + CHUNK]
            real += exchange([python, __file__, "--engine-process"], part)
            ours += exchange([SQUALL, "expr", "--batch"], [{**case, "repeat": SQUALL_ROUNDS} for case in part])
        pairs = [(r["seconds"], o["seconds"]) for r, o in zip(real, ours) if r["seconds"] and o.get("seconds")]
        ratios = [r / o for r, o in pairs]
        mean = math.exp(statistics.fmean(map(math.log, ratios)))
        print(f"expressions {engine}: squall is {mean:.0f} times as fast (geometric mean of {len(pairs)} expressions; median {statistics.median(ratios):.0f}, "
              f"all in one {sum(r for r, _ in pairs) / sum(o for _, o in pairs):.0f}; target {target}); "
              f"squall {statistics.median(o for _, o in pairs) * 1e6:.2f} us, {engine} {statistics.median(r for r, _ in pairs) * 1e6:.1f} us an evaluation (medians)")


if __name__ == "__main__":
    engine_process() if sys.argv[1:] == ["--engine-process"] else main()
