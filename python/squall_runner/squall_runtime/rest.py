"""Calls to squall's REST API with the token of the execution."""

import json
import os

# urllib is imported by the first call: most actions make none, and it takes longer to load than all the rest.

TIMEOUT_SECONDS = 60

# In a sensor: what has the face of a RestClient and calls the API over the sensor's own line.
inside = None


class ApiError(Exception):
    """The API said no, or did not answer."""

    def __init__(self, message, status=None):
        super().__init__(message)
        self.status = status


class RestClient:
    """Speaks JSON. Address and token come from the environment of the action unless they are given."""

    def __init__(self, api_url=None, token=None):
        self.api_url = (api_url or os.environ.get("ST2_ACTION_API_URL") or "").rstrip("/")
        self.token = token or os.environ.get("ST2_ACTION_AUTH_TOKEN")
        self._opener = None

    def call(self, method, path, query=None, body=None, headers=None):
        """The decoded answer; None for an empty one. ApiError for every failure, with `status` when there was an answer."""
        if not self.api_url:
            raise ApiError("ST2_ACTION_API_URL is not set, so the API of squall cannot be called")
        import urllib.error
        import urllib.parse
        import urllib.request

        if self._opener is None:
            # The API is a neighbour: proxies of the environment are not for it.
            self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        url = self.api_url + path
        if query:
            url += "?" + urllib.parse.urlencode(query)
        request = urllib.request.Request(url, method=method, headers=dict(headers or {}))
        if body is not None:
            request.data = json.dumps(body).encode("utf-8")
            request.add_header("Content-Type", "application/json")
        if self.token:
            request.add_header("X-Auth-Token", self.token)
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as response:
                text = response.read()
        except urllib.error.HTTPError as error:
            raise ApiError("%s %s: %d %s" % (method, path, error.code, _fault(error)), error.code) from None
        except OSError as error:
            raise ApiError("%s %s: %s" % (method, path, getattr(error, "reason", error))) from None
        return json.loads(text) if text else None


def _fault(error):
    try:
        return json.loads(error.read())["faultstring"]
    except Exception:
        return error.reason
