"""The base classes of Python sensors; packs import them from st2reactor.sensor.base."""

import abc
import time

DEFAULT_POLL_INTERVAL_SECONDS = 5


class BaseSensor(abc.ABC):
    """What a sensor finds in `self`: `sensor_service` and `config`, also under their old names with an underscore."""

    def __init__(self, sensor_service, config=None):
        self._sensor_service = sensor_service
        self.sensor_service = sensor_service
        self._config = config or {}
        self.config = self._config

    @abc.abstractmethod
    def setup(self):
        """Called once, before run()."""

    @abc.abstractmethod
    def run(self):
        """Called once; its end is the end of the sensor, which squall then starts again."""

    @abc.abstractmethod
    def cleanup(self):
        """Called when the sensor is asked to stop."""

    @abc.abstractmethod
    def add_trigger(self, trigger):
        """Told of every trigger of the sensor's types: those that exist and those that come."""

    @abc.abstractmethod
    def update_trigger(self, trigger):
        """A trigger has changed."""

    @abc.abstractmethod
    def remove_trigger(self, trigger):
        """A trigger has gone."""


class Sensor(BaseSensor):
    """A sensor that waits for events by itself."""


class PollingSensor(BaseSensor):
    """A sensor whose poll() is called every `poll_interval` seconds."""

    def __init__(self, sensor_service, config=None, poll_interval=DEFAULT_POLL_INTERVAL_SECONDS):
        super().__init__(sensor_service=sensor_service, config=config)
        self._poll_interval = poll_interval or DEFAULT_POLL_INTERVAL_SECONDS

    @abc.abstractmethod
    def poll(self):
        """One look at the outside."""

    def run(self):
        while True:
            self.poll()
            time.sleep(self._poll_interval)

    def get_poll_interval(self):
        return self._poll_interval

    def set_poll_interval(self, poll_interval):
        self._poll_interval = poll_interval
