"""Base classes of the tests of packs. No server is needed: the datastore and the sensor service are in memory."""

import inspect
import os
import unittest

from squall_runtime.action import instantiate
from squall_runtime.sensor import instantiate as instantiate_sensor
from st2common.exceptions.content import ParseException
from st2common.models.utils.action_alias_utils import extract_parameters
from st2tests.mocks.action import MockActionService
from st2tests.mocks.sensor import MockSensorService, MockSensorWrapper

__all__ = ["BaseActionAliasTestCase", "BaseActionTestCase", "BasePackResourceTestCase", "BaseSensorTestCase"]


class BasePackResourceTestCase(unittest.TestCase):
    def get_fixture_content(self, fixture_path):
        """The text of tests/fixtures/<fixture_path>."""
        with open(os.path.join(self._tests_directory(), "fixtures", fixture_path), encoding="utf-8") as file:
            return file.read()

    @classmethod
    def _tests_directory(cls):
        return os.path.dirname(os.path.abspath(inspect.getfile(cls)))

    @classmethod
    def _pack_directory(cls):
        directory = cls._tests_directory()
        while not os.path.isfile(os.path.join(directory, "pack.yaml")) and os.path.dirname(directory) != directory:
            directory = os.path.dirname(directory)
        return directory


class BaseActionTestCase(BasePackResourceTestCase):
    """`action_cls` is the class under test."""

    action_cls = None

    def setUp(self):
        super().setUp()
        self.action_service = MockActionService(pack="tests", class_name=getattr(self.action_cls, "__name__", "Action"))

    def get_action_instance(self, config=None):
        return instantiate(self.action_cls, config, self.action_service)


class BaseSensorTestCase(BasePackResourceTestCase):
    """`sensor_cls` is the class under test."""

    sensor_cls = None

    def setUp(self):
        super().setUp()
        wrapper = MockSensorWrapper(pack="tests", class_name=getattr(self.sensor_cls, "__name__", "Sensor"))
        self.sensor_service = MockSensorService(sensor_wrapper=wrapper)

    def get_sensor_instance(self, config=None, poll_interval=None):
        return instantiate_sensor(self.sensor_cls, self.sensor_service, config, poll_interval)

    def get_dispatched_triggers(self):
        return self.sensor_service.dispatched_triggers

    def get_last_dispatched_trigger(self):
        return self.sensor_service.dispatched_triggers[-1]

    def assertTriggerDispatched(self, trigger, payload=None, trace_context=None):
        """At least once, with this payload and trace context if they are given."""
        for dispatched in self.get_dispatched_triggers():
            if dispatched["trigger"] != trigger:
                continue
            if payload is not None and dispatched["payload"] != payload:
                continue
            if trace_context is not None and dispatched["trace_context"] != trace_context:
                continue
            return True
        raise AssertionError('Trigger "%s" hasn\'t been dispatched; dispatched were: %s' % (trigger, self.get_dispatched_triggers()))


class ActionAlias:
    """An alias of a pack; the fields of its file are its attributes."""

    def __init__(self, **fields):
        self.__dict__.update(fields)

    def get_format_strings(self):
        """Every format that a command is held against."""
        formats = []
        for known in self.formats:
            representation = known if isinstance(known, str) else known.get("representation")
            formats.extend([representation] if isinstance(representation, str) else representation or [])
        return formats


class BaseActionAliasTestCase(BasePackResourceTestCase):
    """`action_alias_name` names the alias under test, which is in `action_alias_db` then."""

    action_alias_name = None
    action_alias_db = None

    def setUp(self):
        super().setUp()
        if not self.action_alias_name:
            raise ValueError('"action_alias_name" class attribute needs to be provided')
        self.action_alias_db = self._get_action_alias_db_by_name(self.action_alias_name)

    def assertCommandMatchesExactlyOneFormatString(self, format_strings, command):
        matched = [text for text in format_strings if self._fits(text, command)]
        if len(matched) == 1:
            return True
        raise AssertionError(
            'Command "%s" matched %s format strings: %s' % (command, len(matched) or "no", ", ".join(matched or format_strings))
        )

    def assertExtractedParametersMatch(self, format_string, command, parameters):
        extracted = extract_parameters(format_string, command)
        if extracted != parameters:
            raise AssertionError(
                'Extracted parameters from command string "%s" against format string "%s" didn\'t match the provided parameters: %s'
                % (command, format_string, extracted)
            )
        self.assertEqual(extracted, parameters)

    @staticmethod
    def _fits(format_string, command):
        try:
            extract_parameters(format_string, command)
        except ParseException:
            return False
        return True

    def _get_action_alias_db_by_name(self, name):
        import yaml

        directory = os.path.join(self._pack_directory(), "aliases")
        for file in sorted(os.listdir(directory)):
            if file.endswith((".yaml", ".yml", ".json")):
                with open(os.path.join(directory, file), encoding="utf-8") as text:
                    document = yaml.safe_load(text)
                if document.get("name") == name:
                    return ActionAlias(**dict({"pack": os.path.basename(self._pack_directory()), "enabled": True}, **document))
        raise ValueError('Alias with name "%s" not found in %s' % (name, directory))
