"""The sensor service of tests: it remembers what was dispatched."""

import logging
from unittest import mock

from st2tests.mocks.datastore import MockDatastoreService

__all__ = ["MockSensorService", "MockSensorWrapper"]


class MockSensorWrapper:
    def __init__(self, pack, class_name):
        self._pack, self._class_name = pack, class_name


class MockSensorService:
    def __init__(self, sensor_wrapper):
        self._sensor_wrapper = sensor_wrapper
        self._logger = mock.Mock(spec=logging.Logger)
        self.dispatched_triggers = []
        self.datastore_service = MockDatastoreService(pack_name=sensor_wrapper._pack, class_name=sensor_wrapper._class_name)

    def get_logger(self, name):
        """A mock, so that a test can look at what was logged."""
        self._logger.name = name
        return self._logger

    def dispatch(self, trigger, payload=None, trace_tag=None):
        self.dispatch_with_context(trigger, payload, {"trace_tag": trace_tag} if trace_tag else {})

    def dispatch_with_context(self, trigger, payload=None, trace_context=None):
        self.dispatched_triggers.append({"trigger": trigger, "payload": payload, "trace_context": trace_context})

    def __getattr__(self, name):
        if name in ("get_user_info", "list_values", "get_value", "set_value", "delete_value"):
            return getattr(self.datastore_service, name)
        raise AttributeError(name)
