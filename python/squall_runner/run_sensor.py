"""Runs one Python sensor: `python -u run_sensor.py`, with the request as the first line of standard input.

The request is {"pack", "class_name", "file_path", "config", "poll_interval", "triggers"}. It never travels in arguments or
the environment, because both can be read by every process of the same user. squall_runtime.channel has what follows.
"""

import os
import sys

from squall_runtime import sensor

if __name__ == "__main__":
    code = sensor.main()
    sys.stderr.flush()
    # At once: threads that the sensor has left behind must not keep the process.
    os._exit(code)
