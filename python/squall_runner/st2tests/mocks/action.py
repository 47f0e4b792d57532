"""The action service of tests."""

from squall_runtime.logs import action_logger
from st2tests.mocks.datastore import MockDatastoreService

__all__ = ["MockActionService", "MockActionWrapper"]


class MockActionWrapper:
    def __init__(self, pack, class_name):
        self._pack, self._class_name = pack, class_name


class MockActionService:
    def __init__(self, action_wrapper=None, pack="tests", class_name="Action"):
        self.pack = getattr(action_wrapper, "_pack", pack)
        self.class_name = getattr(action_wrapper, "_class_name", class_name)
        self.log_level, self.user = "DEBUG", "admin"
        self.datastore_service = MockDatastoreService(pack_name=self.pack, class_name=self.class_name)

    def get_logger(self, name):
        return action_logger(name, self.log_level)

    def __getattr__(self, name):
        if name in ("get_user_info", "list_values", "get_value", "set_value", "delete_value"):
            return getattr(self.datastore_service, name)
        raise AttributeError(name)
