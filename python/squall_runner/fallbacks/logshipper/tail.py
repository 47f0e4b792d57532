"""Follows files that grow, without the library pyinotify."""

import os
import threading
import time
import types

__all__ = ["Tail"]

BETWEEN_LOOKS_SECONDS = 0.2


class _File:
    def __init__(self, name, from_start):
        self.name, self.handle, self.rest, self.from_start = name, None, b"", from_start

    def lines(self):
        """What was written since; a file that was replaced or cut is read from its start."""
        try:
            now = os.stat(self.name)
        except OSError:
            self.close()
            self.from_start = True
            return []
        if self.handle is not None:
            known = os.fstat(self.handle.fileno())
            if (known.st_dev, known.st_ino) != (now.st_dev, now.st_ino) or now.st_size < self.handle.tell():
                self.close()
                self.from_start = True
        if self.handle is None:
            self.handle = open(self.name, "rb")
            if not self.from_start:
                self.handle.seek(0, os.SEEK_END)
        parts = (self.rest + self.handle.read()).split(b"\n")
        self.rest = parts.pop()
        return [part.decode("utf-8", "replace") for part in parts]

    def close(self):
        if self.handle is not None:
            self.handle.close()
        self.handle, self.rest = None, b""


class Tail:
    """Calls handler(file_path=..., line=...) for each new line of the files, until should_run is false."""

    def __init__(self, filenames=()):
        self.handler = lambda file_path, line: None
        self.should_run = True
        self.notifier = types.SimpleNamespace(stop=self.stop)
        self._lock = threading.Lock()
        self._files = {}
        for filename in filenames:
            self.add_file(filename)

    def add_file(self, filename):
        with self._lock:
            file = self._files.setdefault(filename, _File(filename, from_start=not os.path.exists(filename)))
            # From now on, not from the first look on.
            if file.handle is None and not file.from_start:
                file.lines()

    def remove_file(self, filename):
        with self._lock:
            file = self._files.pop(filename, None)
            if file is not None:
                file.close()

    def stop(self):
        self.should_run = False

    def run(self):
        while self.should_run:
            with self._lock:
                found = [(file.name, line) for file in self._files.values() for line in file.lines()]
            for name, line in found:
                self.handler(file_path=name, line=line)
            time.sleep(BETWEEN_LOOKS_SECONDS)
