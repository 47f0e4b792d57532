"""Client: everything that the API has, by name of its kind."""

import os

from squall_runtime import rest
from st2client import models
from st2client.models import core

DEFAULT_BASE_URL = "http://127.0.0.1"
DEFAULT_API_PORT, DEFAULT_AUTH_PORT, DEFAULT_STREAM_PORT = 9101, 9100, 9102
DEFAULT_API_VERSION = "v1"

_MANAGERS = {
    "Action": core.ActionManager,
    "ActionAlias": core.ActionAliasManager,
    "ActionAliasExecution": core.ActionAliasExecutionManager,
    "Config": core.ConfigManager,
    "Execution": core.ExecutionManager,
    "Inquiry": core.InquiryManager,
    "KeyValuePair": core.KeyValuePairManager,
    "Pack": core.PackManager,
    "TriggerInstance": core.TriggerInstanceManager,
    "Webhook": core.WebhookManager,
}
_PROPERTIES = {
    "actions": "Action",
    "apikeys": "ApiKey",
    "executions": "Execution",
    "inquiries": "Inquiry",
    "keys": "KeyValuePair",
    "liveactions": "Execution",
    "packs": "Pack",
    "policies": "Policy",
    "policytypes": "PolicyType",
    "ruleenforcements": "RuleEnforcement",
    "rules": "Rule",
    "runners": "RunnerType",
    "sensors": "Sensor",
    "tokens": "Token",
    "trace": "Trace",
    "triggerinstances": "TriggerInstance",
    "triggertypes": "TriggerType",
    "webhooks": "Webhook",
    "workflows": "Workflow",
}


class Client:
    """Addresses and tokens come from the environment (ST2_API_URL, ST2_AUTH_TOKEN, ...) unless they are given."""

    def __init__(
        self, base_url=None, auth_url=None, api_url=None, stream_url=None, api_version=None, cacert=None, debug=False, token=None,
        api_key=None, basic_auth=None,
    ):
        version = api_version or os.environ.get("ST2_API_VERSION", DEFAULT_API_VERSION)
        base = base_url or os.environ.get("ST2_BASE_URL", DEFAULT_BASE_URL)
        # squall answers everything at one address.
        known = os.environ.get("ST2_API_URL") or (rest.inside.api_url if rest.inside is not None else None)
        if base_url:
            known = None
        self.endpoints = {
            "base": base,
            "api": api_url or known or "%s:%d/%s" % (base, DEFAULT_API_PORT, version),
            "auth": auth_url or os.environ.get("ST2_AUTH_URL") or known or "%s:%d" % (base, DEFAULT_AUTH_PORT),
            "stream": stream_url or os.environ.get("ST2_STREAM_URL") or known or "%s:%d/%s" % (base, DEFAULT_STREAM_PORT, version),
        }
        self.cacert = cacert if cacert is not None else os.environ.get("ST2_CACERT")
        if isinstance(self.cacert, str) and not os.path.isfile(self.cacert):
            raise ValueError('CA cert file "%s" does not exist.' % self.cacert)
        self.debug = debug
        self.token, self.api_key = token, api_key
        # As the real one does: all clients of the process ask as this user from now on.
        if token:
            os.environ["ST2_AUTH_TOKEN"] = token
        if api_key:
            os.environ["ST2_API_KEY"] = api_key
        self.basic_auth = tuple(basic_auth.split(":", 1)) if basic_auth else None
        if self.basic_auth and len(self.basic_auth) != 2:
            raise ValueError("basic_auth config options needs to be in the username:password notation")
        options = {"cacert": self.cacert, "debug": debug, "basic_auth": self.basic_auth}
        self.managers = {
            name: _MANAGERS.get(name, core.ResourceManager)(
                getattr(models, name), self.endpoints["auth" if name == "Token" else "api"], **options
            )
            for name in models.__all__
            if name not in ("LiveAction", "Resource", "ResourceManager", "ActionAliasMatch", "core")
        }
        self.managers["LiveAction"] = self.managers["Execution"]
        self.managers["Workflow"] = core.WorkflowManager(self.endpoints["api"], **options)
        self.managers["Stream"] = core.StreamManager(self.endpoints["stream"], **options)

    def __getattr__(self, name):
        if name in _PROPERTIES:
            return self.managers[_PROPERTIES[name]]
        raise AttributeError("'Client' object has no attribute '%s'" % name)

    def get_user_info(self, **arguments):
        return self.managers["Action"].client.call("GET", "/user", **core.who(arguments))
