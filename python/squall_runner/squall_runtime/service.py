"""What an action finds in `self.action_service`: the datastore and the user, over the REST API."""

import urllib.parse

from squall_runtime.logs import action_logger
from squall_runtime.rest import ApiError, RestClient

SYSTEM_SCOPE = "system"
KEY_SEPARATOR = ":"
PAGE_SIZE = 100


class KeyValuePair:
    """One item of the datastore; the fields of the API's answer are its attributes."""

    name = None
    value = None

    def __init__(self, **fields):
        self.__dict__.update(fields)

    def __repr__(self):
        return "<KeyValuePair name=%s>" % self.name


class DatastoreService:
    """Reads and writes the datastore. With local=True a name belongs to the class alone: "<pack>.<Class>:<name>"."""

    def __init__(self, pack, class_name, logger, client=None):
        self._prefix = "%s.%s%s" % (pack, class_name, KEY_SEPARATOR)
        self._logger = logger
        self._client = client or RestClient()

    def get_user_info(self):
        """{"username", "rbac", "authentication"} of the user whom the execution runs as."""
        return self._client.call("GET", "/user")

    def list_values(self, local=True, prefix=None, limit=None, offset=0):
        """A list of KeyValuePair, at most `limit` (100)."""
        full_prefix = self._prefix + (prefix or "") if local else prefix
        query = {"limit": limit or PAGE_SIZE, "offset": offset}
        if full_prefix:
            query["prefix"] = full_prefix
        return [KeyValuePair(**item) for item in self._client.call("GET", "/keys", query=query) or []]

    def get_value(self, name, local=True, scope=SYSTEM_SCOPE, decrypt=False):
        """The text stored under the name; None when there is none or it cannot be read."""
        _check_scope(scope)
        query = {"decrypt": str(bool(decrypt)).lower(), "scope": scope}
        try:
            item = self._client.call("GET", self._path(name, local), query=query)
        except ApiError as error:
            if error.status != 404:
                self._logger.error("Cannot read the datastore (name=%s): %s", name, error)
            return None
        return item.get("value") if item else None

    def set_value(self, name, value, ttl=None, local=True, scope=SYSTEM_SCOPE, encrypt=False):
        """Stores str(value), for `ttl` seconds if given. True, or ApiError."""
        _check_scope(scope)
        full_name = self._full_name(name, local)
        body = {"id": full_name, "name": full_name, "value": str(value), "scope": scope}
        if encrypt:
            body["secret"] = True
        if ttl:
            body["ttl"] = ttl
        self._client.call("PUT", self._path(name, local), body=body)
        return True

    def delete_value(self, name, local=True, scope=SYSTEM_SCOPE):
        """True when it was there and is gone."""
        _check_scope(scope)
        try:
            self._client.call("DELETE", self._path(name, local), query={"scope": scope})
        except ApiError as error:
            self._logger.error("Cannot delete from the datastore (name=%s): %s", name, error)
            return False
        return True

    def get_api_client(self):
        """A st2client.client.Client that asks as this execution."""
        from st2client.client import Client

        return Client(api_url=self._client.api_url, token=self._client.token)

    def _full_name(self, name, local):
        return self._prefix + name if local else name

    def _path(self, name, local):
        return "/keys/" + urllib.parse.quote(self._full_name(name, local), safe="")


class ActionService:
    def __init__(self, pack, class_name, log_level="DEBUG", user=None):
        self.pack = pack
        self.class_name = class_name
        self.log_level = log_level
        self.user = user
        self._datastore_service = None

    @property
    def datastore_service(self):
        if self._datastore_service is None:
            logger = action_logger(self.class_name, self.log_level)
            self._datastore_service = DatastoreService(self.pack, self.class_name, logger)
        return self._datastore_service

    def get_user_info(self):
        return self.datastore_service.get_user_info()

    def list_values(self, local=True, prefix=None, limit=None, offset=0):
        return self.datastore_service.list_values(local, prefix, limit, offset)

    def get_value(self, name, local=True, scope=SYSTEM_SCOPE, decrypt=False):
        return self.datastore_service.get_value(name, local, scope=scope, decrypt=decrypt)

    def set_value(self, name, value, ttl=None, local=True, scope=SYSTEM_SCOPE, encrypt=False):
        return self.datastore_service.set_value(name, value, ttl, local, scope=scope, encrypt=encrypt)

    def delete_value(self, name, local=True, scope=SYSTEM_SCOPE):
        return self.datastore_service.delete_value(name, local, scope=scope)


def _check_scope(scope):
    if scope != SYSTEM_SCOPE:
        raise ValueError("Scope %s is unsupported." % scope)
