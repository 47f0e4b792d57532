"""Runs one Python action: `python -u run_action.py`, with the request as one JSON document on standard input.

The request is {"pack", "file_path", "config", "parameters", "user", "log_level"}. It never travels in arguments or the
environment, because both can be read by every process of the same user. squall_runtime.action tells what is answered.
"""

import json
import sys

from squall_runtime import action


def main():
    try:
        request = json.loads(sys.stdin.buffer.read().decode("utf-8"))
    except ValueError as error:
        sys.exit("run_action.py: standard input holds no JSON request: %s" % error)
    return action.execute(request)


if __name__ == "__main__":
    sys.exit(main())
