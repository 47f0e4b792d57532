"""A datastore in memory, with the methods of the real one."""

from squall_runtime.service import SYSTEM_SCOPE, KeyValuePair

__all__ = ["MockDatastoreService"]


class MockDatastoreService:
    def __init__(self, logger=None, pack_name="tests", class_name="Class", api_username=None):
        self._prefix = "%s.%s:" % (pack_name, class_name)
        self._items = {}  # (scope, name) -> KeyValuePair

    def get_user_info(self):
        return {"username": "admin", "rbac": {"roles": ["admin"], "enabled": False, "is_admin": True}, "authentication": {}}

    def list_values(self, local=True, prefix=None, limit=None, offset=0):
        start = self._prefix + (prefix or "") if local else prefix or ""
        found = [item for (scope, name), item in sorted(self._items.items()) if name.startswith(start)]
        return found[offset : None if not limit or limit < 0 else offset + limit]

    def get_value(self, name, local=True, scope=SYSTEM_SCOPE, decrypt=False):
        item = self._items.get((scope, self._full(name, local)))
        return item.value if item else None

    def set_value(self, name, value, ttl=None, local=True, scope=SYSTEM_SCOPE, encrypt=False):
        full = self._full(name, local)
        self._items[(scope, full)] = KeyValuePair(name=full, value=str(value), scope=scope, ttl=ttl, secret=encrypt)
        return True

    def delete_value(self, name, local=True, scope=SYSTEM_SCOPE):
        return self._items.pop((scope, self._full(name, local)), None) is not None

    def _full(self, name, local):
        return self._prefix + name if local else name
