"""A squall whose users log in and have roles."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

from squall_server import Squall, write_htpasswd, write_pack

Json = Any
FILES = {
    "actions/greet.yaml": "name: greet\nrunner_type: local-shell-cmd\nparameters: {cmd: {default: echo hello, immutable: true}}\n",
    "actions/other.yaml": "name: other\nrunner_type: noop\n",
    "actions/ask.yaml": "name: ask\nrunner_type: action-chain\nentry_point: chains/ask.yaml\n",
    "actions/chains/ask.yaml": "chain:\n- name: ask\n  ref: core.ask\n  parameters: {schema: {type: object}, roles: [runner]}\n",
    "rules/nightly.yaml": "name: nightly\nenabled: true\ntrigger: {type: core.st2.webhook, parameters: {url: nightly}}\naction: {ref: t.greet}\n",
    "aliases/greet.yaml": "name: greet\naction_ref: t.greet\nformats: [say hello]\n",
}
USERS = {"boss": ["admin"], "watcher": ["observer"], "nobody": [], "runner": ["runner"], "keeper": ["keeper"], "maker": ["maker"], "joe": ["runner"]}
ROLES = {
    "runner": [("", ["execution_list", "inquiry_list"]), ("action:t:greet", ["action_execute"]), ("action:t:ask", ["action_execute", "action_view"])],
    "keeper": [("key_value_pair:st2kv.system:shared", ["key_value_pair_set"])],
    "maker": [("pack:t", ["rule_all"]), ("action:t:greet", ["action_execute"]), ("webhook:mine", ["webhook_create"]), ("", ["rule_list", "api_key_create"])],
}


class Guarded(Squall):
    """A squall whose users log in."""

    up = 401

    def login(self, user: str) -> str:
        basic = base64.b64encode(f"{user}:{user}-pw".encode()).decode()
        status, token = self.call("POST", "/auth/v1/tokens", {}, {"Authorization": "Basic " + basic})
        assert status == 201, token
        return str(token["token"])

    def as_user(self, user: str) -> Callable[..., tuple[int, Json]]:
        headers = {"X-Auth-Token": self.login(user)}

        def call(method: str, path: str, body: Json = None) -> tuple[int, Json]:
            return self.call(method, "/v1" + path, body, headers)
        return call


def write_roles(folder: Path) -> Path:
    for name in ("roles", "assignments", "mappings"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for role, grants in ROLES.items():
        text = f"name: {role}\ndescription: for tests\npermission_grants:\n"
        for uid, permissions in grants:
            text += "- permission_types: [" + ", ".join(permissions) + "]\n" + (f'  resource_uid: "{uid}"\n' if uid else "")
        (folder / "roles" / f"{role}.yaml").write_text(text)
    for user, roles in USERS.items():
        (folder / "assignments" / f"{user}.yaml").write_text(f"username: {user}\nroles: [{', '.join(roles)}]\n")
    return folder


def guarded(folder: Path, **env: str) -> Guarded:
    passwords = write_htpasswd(folder / "htpasswd", {user: f"{user}-pw" for user in USERS})
    roles = write_roles(folder / "rbac")
    return Guarded(folder, [write_pack(folder / "packs", "t", FILES)],
                   {"SQUALL_AUTH_HTPASSWD": str(passwords), "SQUALL_RBAC": str(roles), **env})
