"""Commands and quoting."""

import os
import shlex
import subprocess

__all__ = ["quote_unix", "quote_windows", "run_command"]


def run_command(
    cmd, stdin=None, stdout=subprocess.PIPE, stderr=subprocess.PIPE, shell=False, cwd=None, env=None, close_fds=None
):
    """(exit code, standard output, standard error) of a command, which is waited for."""
    process = subprocess.Popen(
        cmd,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        env=env or os.environ.copy(),
        cwd=cwd,
        shell=shell,
        close_fds=True if close_fds is None else close_fds,
        universal_newlines=True,
    )
    output, error = process.communicate()
    return process.returncode, output, error


def quote_unix(value):
    return shlex.quote(value)


def quote_windows(value):
    return subprocess.list2cmdline([value])
