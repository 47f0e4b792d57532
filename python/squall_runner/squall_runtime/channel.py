"""The sensor's line to squall: one JSON document a line, over the pipes that the process was started with.

    sensor -> squall  {"id", "call", ...}              wants an answer; asked again with the same id when none comes
                      {"log": {"level", "name", "message"}}
                      {"state": "running"} | {"failed": reason}
    squall -> sensor  {"id", "result"} | {"id", "error", "status"}
                      {"trigger": "add" | "update" | "remove", "document": {...}}

Works with real locks even in a sensor that lets eventlet replace those of `threading`: they are taken from _thread before
any code of the pack is loaded.
"""

import json
import os
import uuid
from _thread import RLock, allocate_lock, start_new_thread

from squall_runtime.jsonable import jsonable

# Without an answer a call is made again: squall recognises the id, so that nothing happens twice.
ASK_AGAIN_SECONDS = 60


class CallRefused(Exception):
    """squall answered with an error; `status` is that of the API where it was one."""

    def __init__(self, message, status=None):
        super().__init__(message)
        self.status = status


class Channel:
    def __init__(self, read_fd, write_fd):
        self._reader = os.fdopen(read_fd, "rb")
        self._write_fd = write_fd
        self._write_lock = RLock()  # a signal handler may log while its own thread writes
        self._calls = {}
        self._calls_lock = RLock()
        self._prefix = uuid.uuid4().hex
        self._last_number = 0

    def read(self):
        """The next document; None when squall has gone."""
        line = self._reader.readline()
        return json.loads(line) if line else None

    def send(self, document):
        data = json.dumps(jsonable(document)).encode("utf-8") + b"\n"
        with self._write_lock:
            view = memoryview(data)
            while view:
                view = view[os.write(self._write_fd, view) :]

    def call(self, name, **arguments):
        """The result, once squall has answered. CallRefused when it said no."""
        answered = allocate_lock()
        answered.acquire()
        with self._calls_lock:
            self._last_number += 1
            number = "%s-%d" % (self._prefix, self._last_number)
            call = self._calls[number] = {"answered": answered, "answer": None}
        request = dict(arguments, id=number, call=name)
        try:
            self.send(request)
            while not answered.acquire(True, ASK_AGAIN_SECONDS):
                self.send(request)
        finally:
            with self._calls_lock:
                del self._calls[number]
        answer = call["answer"]
        if "error" in answer:
            raise CallRefused(answer["error"], answer.get("status"))
        return answer.get("result")

    def start(self, on_event):
        """Takes answers from now on, in a thread of its own, which also calls on_event for everything that is none."""
        start_new_thread(self._serve, (on_event,))

    def _serve(self, on_event):
        while True:
            document = self.read()
            if document is None:
                os._exit(1)  # squall has gone, and with it the sense of this process
            if "id" in document:
                self._answer(document)
            else:
                on_event(document)

    def _answer(self, document):
        with self._calls_lock:
            call = self._calls.get(document["id"])
            if call is not None and call["answer"] is None:
                call["answer"] = document
                call["answered"].release()
