"""The kinds of documents: (class, plural, path, name when it is another)."""

from st2client.models import core
from st2client.models.core import Resource, ResourceManager

_KINDS = [
    ("Action", "Actions", "actions", None),
    ("ActionAlias", "ActionAliases", "actionalias", "Action-Alias"),
    ("ActionAliasExecution", "ActionAliasExecutions", "aliasexecution", "Action-Alias-Execution"),
    ("ActionAliasMatch", "ActionAliasMatches", "actionalias", "Action-Alias-Match"),
    ("ApiKey", "ApiKeys", "apikeys", None),
    ("Config", "Configs", "configs", None),
    ("ConfigSchema", "ConfigSchema", "config_schemas", None),
    ("Execution", "ActionExecutions", "executions", "Execution"),
    ("Inquiry", "Inquiries", "inquiries", None),
    ("Pack", "Packs", "packs", None),
    ("Policy", "Policies", "policies", None),
    ("PolicyType", "PolicyTypes", "policytypes", "Policy-Type"),
    ("Role", "Roles", "rbac/roles", "role"),
    ("Rule", "Rules", "rules", None),
    ("RuleEnforcement", "RuleEnforcements", "ruleenforcements", "Rule-Enforcement"),
    ("RunnerType", "RunnerTypes", "runnertypes", "Runner"),
    ("Sensor", "Sensortypes", "sensortypes", None),
    ("Timer", "Timers", "timers", None),
    ("Token", "Tokens", "tokens", None),
    ("Trace", "Traces", "traces", None),
    ("Trigger", "Triggers", "triggers", "TriggerSpecification"),
    ("TriggerInstance", "Triggerinstances", "triggerinstances", "Trigger-Instance"),
    ("TriggerType", "Triggertypes", "triggertypes", "Trigger"),
    ("UserRoleAssignment", "RoleAssignments", "rbac/role_assignments", "role-assignment"),
    ("Webhook", "Webhooks", "webhooks", None),
]
for _name, _plural, _path, _alias in _KINDS:
    globals()[_name] = type(_name, (Resource,), {"_plural": _plural, "_url_path": _path, "_alias": _alias, "__module__": __name__})


class LiveAction(globals()["Execution"]):
    """The old name of an execution."""


class KeyValuePair(Resource):
    _alias = "Key"
    _plural = "Keys"
    _url_path = "keys"
    _repr_attributes = ("name", "value")

    @property
    def id(self):
        return self.name

    @id.setter
    def id(self, value):
        """It is known by its name."""


__all__ = [kind[0] for kind in _KINDS] + ["KeyValuePair", "LiveAction", "Resource", "ResourceManager", "core"]
