"""Where sensors find their base classes."""

from squall_runtime.sensor_base import BaseSensor, PollingSensor, Sensor

__all__ = ["BaseSensor", "PollingSensor", "Sensor"]
