"""What packs test themselves with, as in StackStorm."""

from st2tests.base import BaseActionAliasTestCase, BaseActionTestCase, BasePackResourceTestCase, BaseSensorTestCase

__all__ = ["BaseActionAliasTestCase", "BaseActionTestCase", "BasePackResourceTestCase", "BaseSensorTestCase"]
