"""Loads and runs one Python sensor (run_sensor.py has the request)."""

import logging
import os
import signal
import sys
import traceback
from _thread import allocate_lock, start_new_thread

from squall_runtime import absent, jsonable, loader, rest, text_base64
from squall_runtime.channel import Channel
from squall_runtime.python2 import imports
from squall_runtime.sensor_base import BaseSensor, PollingSensor
from squall_runtime.sensor_service import ChannelLogHandler, ChannelRestClient, SensorService


class TriggerEvents:
    """Tells the sensor of triggers that come and go, one after another, in a thread of its own: a sensor may take its time
    there, and may dispatch events.
    """

    def __init__(self, sensor, logger):
        self._sensor = sensor
        self._logger = logger
        self._waiting = []
        self._lock = allocate_lock()
        self._is_running = False
        self._is_open = False

    def add(self, event):
        with self._lock:
            self._waiting.append(event)
        self._run_if_needed()

    def open(self):
        """From now on the sensor is ready to be told."""
        self._is_open = True
        self._run_if_needed()

    def _run_if_needed(self):
        with self._lock:
            if self._is_running or not self._is_open or not self._waiting:
                return
            self._is_running = True
        start_new_thread(self._run, ())

    def _run(self):
        while True:
            with self._lock:
                if not self._waiting:
                    self._is_running = False
                    return
                event = self._waiting.pop(0)
            name = "%s_trigger" % event["trigger"]
            try:
                getattr(self._sensor, name)(event["document"])
            except BaseException:
                self._logger.exception("%s() failed for trigger %s", name, event["document"].get("ref"))


def execute(request, channel):
    """Runs the sensor to its end; the exit code of the process."""
    _send_logs_to(channel)
    logger = logging.getLogger(request["class_name"])
    try:
        absent.install()
        jsonable.install_bytes()
        text_base64.install()
        pack = imports.Pack(
            loader.pack_directory_of(request["file_path"], "sensors"),
            request.get("python2_directory"),
            lambda path, reason: logger.info("Python 2 source converted: %s (%s)", path, reason),
        )
        imports.install(pack)
        sensor_class = loader.load_sensor_class(request["file_path"], request["class_name"], pack)
        rest.inside = ChannelRestClient(channel)
        service = SensorService(channel, request["pack"], request["class_name"])
        sensor = instantiate(sensor_class, service, request.get("config") or {}, request.get("poll_interval"))
        _stop_on_sigterm(sensor, logger)
        triggers = TriggerEvents(sensor, logger)
        for document in request.get("triggers") or []:
            triggers.add({"trigger": "add", "document": document})
        channel.start(triggers.add)
        sensor.setup()
        triggers.open()
        channel.send({"state": "running"})
        sensor.run()
    except SystemExit as error:
        return _exit_code(error, channel)
    except BaseException as error:
        logger.error("The sensor failed: %s", traceback.format_exc())
        channel.send({"failed": "%s: %s" % (type(error).__name__, error)})
        return 1
    return 0


def instantiate(sensor_class, service, config, poll_interval):
    """An instance; only a polling sensor is told its interval, and only when the metadata has one."""
    arguments = {"sensor_service": service, "config": config}
    is_polling = issubclass(sensor_class, PollingSensor) or (hasattr(sensor_class, "poll") and poll_interval)
    if is_polling and poll_interval:
        arguments["poll_interval"] = poll_interval
    while True:
        try:
            return sensor_class(**arguments)
        except TypeError as error:
            # Constructors of old sensors take fewer arguments than today's.
            refused = [name for name in arguments if "unexpected keyword argument '%s'" % name in str(error)]
            if not refused or refused == ["sensor_service"]:
                raise
            del arguments[refused[0]]


def _send_logs_to(channel):
    root = logging.getLogger()
    root.handlers[:] = [ChannelLogHandler(channel)]
    root.setLevel(logging.INFO)


def _stop_on_sigterm(sensor, logger):
    """Not by an exception: sensors have bare `except:` clauses in their loops."""

    def stop(number, frame):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        try:
            sensor.cleanup()
        except BaseException:
            logger.exception("cleanup() failed")
        os._exit(0)

    signal.signal(signal.SIGTERM, stop)


def _exit_code(error, channel):
    code = error.code
    if code is None or code == 0:
        return 0
    channel.send({"failed": "sys.exit(%r) was called" % (code,)})
    return code if isinstance(code, int) else 1


def main():
    """Takes the pipes of the process for the line to squall: what the sensor prints goes to standard error."""
    channel = Channel(os.dup(0), os.dup(1))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    request = channel.read()
    if request is None:
        return 1
    sys.argv[:] = [request["file_path"]]
    return execute(request, channel)
