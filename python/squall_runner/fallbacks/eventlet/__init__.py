"""The part of eventlet that packs use, on threads. Found only where the real package is not installed: StackStorm's own
environment has it, so that packs import it and do not list it in their requirements.
"""

import collections
import ctypes as _ctypes
import queue as _queue
import threading as _threading
import time as _time

__version__ = "0"


def monkey_patch(*arguments, **keywords):
    """Nothing has to be patched: threads wait by themselves."""


def is_monkey_patched(module):
    return False


def import_patched(module, *arguments, **keywords):
    import importlib

    return importlib.import_module(module)


def sleep(seconds=0):
    _time.sleep(seconds)


class GreenThread:
    """A call that runs in a thread of its own."""

    def __init__(self, function, arguments, keywords, delay=0):
        self._done = _threading.Event()
        self._result, self._error, self._links = None, None, []
        self._canceled = False
        self._lock = _threading.Lock()

        def run():
            if delay:
                _time.sleep(delay)
            try:
                if not self._canceled:
                    self._result = function(*arguments, **keywords)
            except BaseException as error:
                self._error = error
            with self._lock:
                self._done.set()
            for link, more, named in self._links:
                link(self, *more, **named)

        _threading.Thread(target=run, daemon=True).start()

    @property
    def dead(self):
        return self._done.is_set()

    def wait(self):
        self._done.wait()
        if self._error is not None:
            raise self._error
        return self._result

    def link(self, function, *arguments, **keywords):
        with self._lock:
            if not self._done.is_set():
                self._links.append((function, arguments, keywords))
                return
        function(self, *arguments, **keywords)

    def kill(self, *exception):
        """A thread cannot be killed: it is not started any more, or runs to its end unheard."""
        self._canceled = True

    cancel = kill


def spawn(function, *arguments, **keywords):
    return GreenThread(function, arguments, keywords)


spawn_n = spawn


def spawn_after(seconds, function, *arguments, **keywords):
    return GreenThread(function, arguments, keywords, seconds)


def kill(thread, *exception):
    thread.kill()


class Timeout(BaseException):
    """Ends the block with itself after so many seconds, at the next line of Python that runs there."""

    def __init__(self, seconds=None, exception=None):
        super().__init__(seconds)
        self.seconds = seconds
        self._exception = exception
        self._timer = None
        if seconds is not None:
            target = _threading.get_ident()
            raised = type(self) if exception in (None, False) else exception
            self._timer = _threading.Timer(seconds, _raise_in, (target, raised))
            self._timer.daemon = True
            self._timer.start()

    def cancel(self):
        if self._timer is not None:
            self._timer.cancel()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.cancel()
        return self._exception is False and kind is not None and issubclass(kind, Timeout)


def _raise_in(thread, exception):
    kind = exception if isinstance(exception, type) else type(exception)
    _ctypes.pythonapi.PyThreadState_SetAsyncExc(_ctypes.c_ulong(thread), _ctypes.py_object(kind))


class GreenPool:
    def __init__(self, size=1000):
        self.size = size
        self._places = _threading.Semaphore(size)
        self._threads = collections.deque()

    def spawn(self, function, *arguments, **keywords):
        self._places.acquire()

        def run():
            try:
                return function(*arguments, **keywords)
            finally:
                self._places.release()

        thread = spawn(run)
        self._threads = collections.deque(one for one in self._threads if not one.dead)
        self._threads.append(thread)
        return thread

    spawn_n = spawn

    def running(self):
        return sum(not thread.dead for thread in self._threads)

    def free(self):
        return self.size - self.running()

    def waiting(self):
        return 0

    def waitall(self):
        for thread in list(self._threads):
            thread._done.wait()

    def imap(self, function, *iterables):
        return iter([thread.wait() for thread in [self.spawn(function, *items) for items in zip(*iterables)]])

    def starmap(self, function, iterable):
        return iter([thread.wait() for thread in [self.spawn(function, *items) for items in iterable]])

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.waitall()


class GreenPile:
    def __init__(self, size_or_pool=1000):
        self._pool = size_or_pool if isinstance(size_or_pool, GreenPool) else GreenPool(size_or_pool)
        self._threads = collections.deque()

    def spawn(self, function, *arguments, **keywords):
        self._threads.append(self._pool.spawn(function, *arguments, **keywords))

    def __iter__(self):
        return self

    def __next__(self):
        if not self._threads:
            raise StopIteration
        return self._threads.popleft().wait()

    next = __next__


class Event:
    """One value, sent once."""

    def __init__(self):
        self._sent = _threading.Event()
        self._value, self._error = None, None

    def ready(self):
        return self._sent.is_set()

    def send(self, result=None, exc=None):
        self._value, self._error = result, exc
        self._sent.set()

    def send_exception(self, error):
        self.send(exc=error)

    def wait(self, timeout=None):
        if self._sent.wait(timeout) and self._error is not None:
            raise self._error
        return self._value


Queue = _queue.Queue
getcurrent = _threading.current_thread
