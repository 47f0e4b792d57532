"""A fork server for Python actions: `python -u zygote.py SOCKET`.

Starting an interpreter and importing what every action needs takes a few hundred milliseconds, forking this process a few.
It loads nothing of any pack, so all packs of one interpreter share it. src/process/fork_client.hpp has the protocol; in
short: a connection brings three descriptors, gets the number of a forked child, may send signals for its group, and gets its
exit code. The child reads the same document from standard input as run_action.py, plus "environment".

It writes "ready" to standard output when it listens. When standard input ends it takes no more connections and leaves after
its last child. When it dies, its children die with it.
"""

import array
import atexit
import ctypes
import gc
import json
import os
import selectors
import signal
import socket
import struct
import sys

# What actions usually import. Standard library only: any other module might be another version in the pack itself.
import base64  # noqa: F401
import copy  # noqa: F401
import datetime  # noqa: F401
import hashlib  # noqa: F401
import http.client  # noqa: F401
import logging  # noqa: F401
import random  # noqa: F401
import re  # noqa: F401
import ssl  # noqa: F401
import subprocess  # noqa: F401
import threading  # noqa: F401
import time
import urllib.request  # noqa: F401
import uuid  # noqa: F401

from squall_runtime import action
from squall_runtime.python2 import imports
import st2common.runners.base_action  # noqa: F401
import st2common.util.shell  # noqa: F401

FORKED, ENDED = 1, 2
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
LIBC = ctypes.CDLL(None, use_errno=True)
DESCRIPTORS = 3


class Child:
    """A connection and the process that it stands for."""

    def __init__(self, connection, pid):
        self.connection = connection
        self.pid = pid
        self.has_ended = False

    def tell(self, kind, value):
        try:
            self.connection.send(struct.pack("=ii", kind, value))
        except OSError:
            pass  # squall has gone; this process follows it

    def signal(self, number):
        # The number cannot be anybody else's as long as the child is not reaped.
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            pass


class Zygote:
    def __init__(self, path):
        self.selector = selectors.DefaultSelector()
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        old_mask = os.umask(0o177)  # nobody else may connect
        self.listener.bind(path)
        os.umask(old_mask)
        self.listener.listen(1024)
        self.pid = os.getpid()
        self.children = {}  # by pid
        self.accepting = True
        # A byte arrives here at each SIGCHLD.
        self.wake_up, self.wake_up_end = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(self.wake_up_end, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        self.selector.register(self.listener, selectors.EVENT_READ, "listener")
        self.selector.register(self.wake_up, selectors.EVENT_READ, "ended")
        self.selector.register(sys.stdin.fileno(), selectors.EVENT_READ, "stdin")

    def serve(self):
        """Returns in the zygote when it is to leave (None), and in every child with the descriptors that it was given."""
        while self.accepting or self.children:
            for key, _ in self.selector.select():
                if key.data == "listener":
                    descriptors = self.accept()
                    if descriptors is not None:
                        return descriptors
                elif key.data == "ended":
                    self.collect_ended()
                elif key.data == "stdin":
                    self.stop_accepting()
                else:
                    self.on_command(key.data)
        return None

    def accept(self):
        """Forks. The descriptors in the child, None in the zygote."""
        try:
            connection, _ = self.listener.accept()
        except OSError:  # it went away again, or this zygote is retiring
            return None
        connection.settimeout(1)
        try:
            descriptors = receive_descriptors(connection)
            pid = os.fork()
        except (OSError, ValueError) as error:
            sys.stderr.write("zygote.py: %s\n" % error)
            connection.close()  # squall starts an interpreter instead
            return None
        if pid == 0:
            connection.close()
            self.become_child()
            return descriptors
        for descriptor in descriptors:
            os.close(descriptor)
        child = Child(connection, pid)
        self.children[pid] = child
        self.selector.register(connection, selectors.EVENT_READ, child)
        child.tell(FORKED, pid)
        return None

    def become_child(self):
        os.setsid()
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # so that squall finds all that the action starts
        if os.getppid() != self.pid:  # it died before the line above
            os._exit(1)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self.selector.close()
        self.listener.close()
        os.close(self.wake_up)
        os.close(self.wake_up_end)
        for child in self.children.values():
            child.connection.close()
        self.children.clear()

    def collect_ended(self):
        """Tells which children have ended, without reaping them: that waits for the end of the connection."""
        os.read(self.wake_up, 4096)
        for child in self.children.values():
            if child.has_ended:
                continue
            end = os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if end is None:
                continue
            child.has_ended = True
            child.tell(ENDED, end.si_status if end.si_code == os.CLD_EXITED else -end.si_status)

    def on_command(self, child):
        try:
            command = child.connection.recv(1)
        except OSError:
            command = b""
        if command:
            child.signal(command[0])
            return
        self.selector.unregister(child.connection)
        child.connection.close()
        if not child.has_ended:
            child.signal(signal.SIGKILL)
        os.waitpid(child.pid, 0)
        del self.children[child.pid]

    def stop_accepting(self):
        self.accepting = False
        self.selector.unregister(sys.stdin.fileno())
        self.selector.unregister(self.listener)
        self.listener.close()


def receive_descriptors(connection):
    space = socket.CMSG_SPACE(DESCRIPTORS * array.array("i").itemsize)
    byte, ancillary, _, _ = connection.recvmsg(1, space)
    descriptors = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
    if byte != b"F" or len(descriptors) != DESCRIPTORS:
        for descriptor in descriptors:
            os.close(descriptor)
        raise ValueError("a connection without a request")
    return list(descriptors)


def take_environment(wanted):
    """Most of it is there already, and what is not written does not have to be copied."""
    for name in list(os.environ):
        if name not in wanted:
            del os.environ[name]
    for name, value in wanted.items():
        if os.environ.get(name) != value:
            os.environ[name] = value


def run_in_child(descriptors):
    """The same as run_action.py, in the environment that the document brings along."""
    for target, descriptor in enumerate(descriptors):
        os.dup2(descriptor, target)
        os.close(descriptor)
    request = json.loads(sys.stdin.buffer.read().decode("utf-8"))
    take_environment(request["environment"])
    time.tzset()
    sys.argv[:] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), "run_action.py")]
    gc.enable()
    return action.execute(request)


def main():
    # Objects that no child touches stay in shared memory.
    gc.disable()
    zygote = Zygote(sys.argv[1])
    for path in list(sys.path_importer_cache):
        imports.real_path(path)  # so that no child has to ask
    gc.collect()
    gc.freeze()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    descriptors = zygote.serve()
    if descriptors is not None:
        leave(exit_code_of(lambda: run_in_child(descriptors)))
    return 0


def exit_code_of(run):
    """What the interpreter would end with."""
    try:
        code = run()
    except SystemExit as end:
        code = end.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    if code is None or isinstance(code, int):
        return (code or 0) & 0xFF
    sys.stderr.write("%s\n" % (code,))
    return 1


def leave(code):
    """Ends like an interpreter: threads are waited for, exit functions run, output is flushed. But it does not take its modules apart
    one by one, which would take longer than all that most actions do.
    """
    try:
        threading._shutdown()
        atexit._run_exitfuncs()
    except BaseException:
        sys.excepthook(*sys.exc_info())
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            pass  # the action closed it, or nobody reads it any more
    os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
