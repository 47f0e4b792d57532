"""What a sensor finds in `self.sensor_service`: events, logger, datastore."""

import logging

from squall_runtime.channel import CallRefused
from squall_runtime.rest import ApiError
from squall_runtime.service import SYSTEM_SCOPE, DatastoreService


class ChannelLogHandler(logging.Handler):
    """Hands log records to squall, whose log they appear in."""

    def __init__(self, channel):
        super().__init__()
        self._channel = channel

    def emit(self, record):
        try:
            message = self.format(record)
            self._channel.send({"log": {"level": record.levelname.lower(), "name": record.name, "message": message}})
        except Exception:
            self.handleError(record)


class ChannelRestClient:
    """Calls of the API over the sensor's own line to squall; has the face of rest.RestClient."""

    api_url = "squall:inside"  # never opened
    token = None

    def __init__(self, channel):
        self._channel = channel

    def call(self, method, path, query=None, body=None, headers=None):
        try:
            return self._channel.call("api", method=method, path=path, query=query or {}, body=body)
        except CallRefused as error:
            raise ApiError("%s %s: %s" % (method, path, error), error.status) from None


class SensorService:
    def __init__(self, channel, pack, class_name):
        self._channel = channel
        self._class_name = class_name
        self._datastore_service = DatastoreService(
            pack, class_name, self.get_logger("datastore"), ChannelRestClient(channel)
        )

    @property
    def datastore_service(self):
        return self._datastore_service

    def get_logger(self, name):
        """A logger whose lines appear in squall's log."""
        logger = logging.getLogger("%s.%s" % (self._class_name, name))
        logger.setLevel(logging.DEBUG)
        return logger

    def dispatch(self, trigger, payload=None, trace_tag=None):
        """Returns when the event is durable. `trigger` is the ref of a trigger, or of a type without parameters; a document
        of a trigger, as add_trigger() gets it, is taken too.
        """
        self._dispatch(trigger, payload, {"trace_tag": trace_tag} if trace_tag else None)

    def dispatch_with_context(self, trigger, payload=None, trace_context=None):
        """The same with a trace context: {"trace_tag": ...}, or an object with such an attribute."""
        if trace_context is not None and not isinstance(trace_context, dict):
            trace_context = {name: getattr(trace_context, name, None) for name in ("id_", "trace_tag")}
        self._dispatch(trigger, payload, trace_context)

    def _dispatch(self, trigger, payload, trace_context):
        if isinstance(trigger, dict):
            trigger = trigger.get("ref") or "%s.%s" % (trigger.get("pack"), trigger.get("name"))
        trace_tag = (trace_context or {}).get("trace_tag")
        payload = {} if payload is None else payload
        self._channel.call("dispatch", trigger=trigger, payload=payload, trace_tag=trace_tag or "")

    def get_user_info(self):
        return self._datastore_service.get_user_info()

    def list_values(self, local=True, prefix=None, limit=None, offset=0):
        return self._datastore_service.list_values(local, prefix, limit, offset)

    def get_value(self, name, local=True, scope=SYSTEM_SCOPE, decrypt=False):
        return self._datastore_service.get_value(name, local, scope=scope, decrypt=decrypt)

    def set_value(self, name, value, ttl=None, local=True, scope=SYSTEM_SCOPE, encrypt=False):
        return self._datastore_service.set_value(name, value, ttl, local, scope=scope, encrypt=encrypt)

    def delete_value(self, name, local=True, scope=SYSTEM_SCOPE):
        return self._datastore_service.delete_value(name, local, scope=scope)
