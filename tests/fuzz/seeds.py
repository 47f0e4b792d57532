#!/usr/bin/env python3
"""Writes the inputs of the recorded answers as seeds for the fuzzers: DIRECTORY/<target>/<number>.

usage: seeds.py DIRECTORY
"""

import json
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
REQUESTS = [
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /v1/webhooks/a%20b?x=1&y=%C3%A4 HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\":1}",
    "PUT /v1/keys/k HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "POST /v1/executions HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}GET /v1/ HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "HEAD //v1/../x HTTP/1.1\r\nHost: a\r\nX-Request-ID: r\r\nX: a\r\n b\r\n\r\n",
]
DATES = ["2026-01-31T10:00:00Z", "Sat, 31 Jan 2026 10:00:00 +0100", "Jan 31 2026 10:00", "31/01/2026", "20260131T100000.5-03", "10am", "1.2.3-rc.1+b5"]


def vectors(topic):
    named = os.environ.get("SQUALL_CONFORMANCE")
    folders = [pathlib.Path(named)] if named else [ROOT.parent / "shared" / "conformance", ROOT / "tests" / "conformance"]
    folder = next(folder for folder in folders if folder.is_dir())
    return json.loads((folder / f"{topic}.json").read_text(encoding="utf-8"))["vectors"]


def texts(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from texts(key)
            yield from texts(item)


def cron_line(trigger):
    units = ["year", "month", "day", "week", "day_of_week", "hour", "minute", "second"]
    return " ".join(str(trigger.get(unit, "*")).replace(" ", "") or "*" for unit in units)


def seeds():
    yaml = [v["text"] for v in vectors("yaml11")]
    written = [v["value"] for v in vectors("tojson_dialects") if isinstance(v.get("value"), str)]
    chains = [text for v in vectors("action_chain") for path, text in v.get("files", {}).items() if "/chains/" in path]
    return {
        "json": written + [json.dumps(v) for v in vectors("casts")[:50]],
        "yaml": yaml + chains[:20],
        "literal": written + [v["input"] for v in vectors("casts") if isinstance(v.get("input"), str)],
        "date": DATES + [text for v in vectors("cron") for text in texts(v["trigger"])] + [t for v in vectors("semver") for t in texts(v["args"])],
        "jsonpath": [v["path"] + "\n" + json.dumps(v["data"]) for v in vectors("jsonpath") if isinstance(v["path"], str)],
        "regex": ["\n".join([v["pattern"], v.get("repl") or "\\1", v["string"]]) for v in vectors("python_re")
                  if isinstance(v.get("pattern"), str) and isinstance(v.get("string"), str) and isinstance(v.get("repl") or "", str)],
        "cron": [cron_line(v["trigger"]) for v in vectors("cron") if v["trigger"]["type"] == "cron"],
        "jinja": [v["template"] for v in vectors("jinja_st2") if "template" in v],
        "yaql": [v["expression"] for v in vectors("yaql_raw")],
        "workflow": [t for topic in ("yaql_orquesta", "jinja_orquesta") for v in vectors(topic) for t in texts(v["text"])],
        "chain": chains,
        "http": REQUESTS,
    }


def main():
    directory = pathlib.Path(sys.argv[1])
    for target, inputs in seeds().items():
        folder = directory / target
        folder.mkdir(parents=True, exist_ok=True)
        for number, text in enumerate(sorted(set(inputs))):
            data = text.encode("utf-8", "surrogatepass")
            if len(data) <= 2048:
                (folder / f"{number:04}").write_bytes(data)


if __name__ == "__main__":
    main()
