"""Requests to the API. In a sensor they go over the sensor's own line to squall, which needs no token."""

import base64
import json
import os
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request

from squall_runtime import rest

TIMEOUT_SECONDS = 60
_REQUIRED = object()


def http_error(status, reason, message, url):
    """What packs catch: requests' own class where requests is in use, else one with its name and its base."""
    text = "%s Client Error: %s%s for url: %s" % (status, reason, "\nMESSAGE: %s" % message if message else "", url)
    requests = sys.modules.get("requests")
    if requests is not None:
        response = requests.Response()
        response.status_code, response.reason, response.url = status, reason, url
        return requests.exceptions.HTTPError(text, response=response)
    return HTTPError(text)


class HTTPError(OSError):
    pass


class Transport:
    def __init__(self, endpoint, cacert=None, basic_auth=None):
        self.endpoint = endpoint.rstrip("/")
        self.basic_auth = basic_auth
        if isinstance(cacert, str):
            context = ssl.create_default_context(cafile=cacert)
        else:
            context = ssl._create_unverified_context() if cacert is False else ssl.create_default_context()
        self._opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))

    def call(self, method, path, query=None, **options):
        return self.call_with_headers(method, path, query, **options)[0]

    def call_with_headers(
        self, method, path, query=None, body=None, raw_body=None, headers=None, token=None, api_key=None, missing=_REQUIRED, text=False
    ):
        """(answer, headers). With `missing` given that is the answer when there is no such thing."""
        if rest.inside is not None and self.endpoint == rest.inside.api_url and not (token or api_key or raw_body or text):
            try:
                return rest.inside.call(method, path, query=query, body=body, headers=headers), {}
            except rest.ApiError as error:
                if error.status == 404 and missing is not _REQUIRED:
                    return missing, {}
                raise http_error(error.status, "Error", str(error), self.endpoint + path) from None
        request = self._request(method, path, query, headers, token, api_key)
        if raw_body is not None:
            request.data = raw_body.encode("utf-8")
            request.add_header("Content-Type", "text/plain")
        elif body is not None or method in ("POST", "PUT"):
            request.data = json.dumps(body).encode("utf-8")
            request.add_header("Content-Type", "application/json")
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
                content = answer.read().decode("utf-8")
                if text:
                    return content, answer.headers
                return (json.loads(content) if content.strip() else None), answer.headers
        except urllib.error.HTTPError as error:
            if error.code == 404 and missing is not _REQUIRED:
                return missing, {}
            raise http_error(error.code, error.reason, _fault(error), request.full_url.split("?")[0]) from None

    def lines(self, path, query=None, token=None, api_key=None):
        request = self._request("GET", path, query, None, token, api_key)
        with self._opener.open(request) as answer:
            for line in answer:
                yield line.decode("utf-8").rstrip("\n")

    def _request(self, method, path, query, headers, token, api_key):
        url = self.endpoint + path
        if query:
            url += "?" + urllib.parse.urlencode(query)
        request = urllib.request.Request(url, method=method, headers=dict(headers or {}))
        token = token or os.environ.get("ST2_AUTH_TOKEN")
        api_key = api_key or os.environ.get("ST2_API_KEY")
        if token:
            request.add_header("X-Auth-Token", token)
        if api_key:
            request.add_header("St2-Api-Key", api_key)
        if self.basic_auth:
            request.add_header("Authorization", "Basic " + base64.b64encode(":".join(self.basic_auth).encode()).decode())
        return request


def _fault(error):
    try:
        return json.loads(error.read())["faultstring"]
    except Exception:
        return ""
