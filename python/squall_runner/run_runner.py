"""Runs one action by a runner written in Python: `python -u run_runner.py`, with the request as one JSON document on standard input.

The request is {"runner": {"name", "directory", "package", "module", "parameters"}, "action": {"ref", "pack", "parameters", "entry_point"},
"entry_point" (a path), "runner_parameters", "action_parameters", "config", "context", "common_variables", "execution_id", "liveaction_id",
"auth_token"}. squall_runtime.runner tells what is answered.
"""

import json
import sys

from squall_runtime import runner


def main():
    try:
        request = json.loads(sys.stdin.buffer.read().decode("utf-8"))
    except ValueError as error:
        sys.exit("run_runner.py: standard input holds no JSON request: %s" % error)
    return runner.execute(request)


if __name__ == "__main__":
    sys.exit(main())
