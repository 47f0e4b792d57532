"""Vault's database secrets engine for PostgreSQL, with Vault's answers. It really makes and drops users, by psql."""

from __future__ import annotations

import re
import secrets
import string
import time
from typing import Any

from local_postgres import SqlError, run_sql
from sim_http import Json
from vault_kv import VaultError, rfc3339, seconds
from vault_tokens import names

TTL_DEFAULT_S = 32 * 24 * 3600.0
_PLUGINS = ("postgresql-database-plugin",)
_CONFIG_FIELDS = ("plugin_name", "allowed_roles", "password_policy", "root_rotation_statements", "verify_connection", "skip_static_role_import_rotation")
_ROLE_LISTS = ("creation_statements", "revocation_statements", "renew_statements", "rollback_statements")
_CHANGE_PASSWORD = "ALTER ROLE \"{{username}}\" WITH PASSWORD '{{password}}';"
_REVOKE = ('REVOKE ALL PRIVILEGES ON ALL TABLES IN SCHEMA public FROM "{{name}}"; REVOKE ALL PRIVILEGES ON ALL SEQUENCES IN SCHEMA public '
           'FROM "{{name}}"; REVOKE USAGE ON SCHEMA public FROM "{{name}}"; DROP ROLE IF EXISTS "{{name}}";')


def _new_password() -> str:
    letters = string.ascii_letters + string.digits
    return "A1a-" + "".join(secrets.choice(letters) for _ in range(16))


def _filled(statements: list[str], **values: str) -> str:
    text = "\n".join(statement if statement.rstrip().endswith(";") else statement + ";" for statement in statements)
    return re.sub(r"{{(\w+)}}", lambda match: values.get(match[1], match[0]), text)


class DatabaseEngine:
    """Configs, dynamic and static roles, and the leases of issued users. All state is plain JSON."""

    version = "database"

    def __init__(self, mount: str, state: Json | None = None) -> None:
        saved = state or {}
        self.mount = mount
        self.configs: dict[str, Json] = saved.get("configs", {})
        self.roles: dict[str, Json] = saved.get("roles", {})
        self.static_roles: dict[str, Json] = saved.get("static_roles", {})
        self.leases: dict[str, Json] = saved.get("leases", {})

    def to_state(self) -> Json:
        return {"configs": self.configs, "roles": self.roles, "static_roles": self.static_roles, "leases": self.leases}

    def handle(self, method: str, path: str, body: Json) -> tuple[Json | None, Json | None]:
        """The data of the answer (None for 204), and the lease that came with it."""
        kind, _, name = path.partition("/")
        write = "WRITE" if method in ("POST", "PUT") else method
        if method == "LIST":
            table = {"config": self.configs, "roles": self.roles, "static-roles": self.static_roles}.get(kind)
            if not table:
                raise VaultError(404)
            return {"keys": sorted(table)}, None
        if (kind, method) == ("creds", "GET"):
            return self._issue(name)
        handler = {
            ("config", "WRITE"): lambda: self._write_config(name, body), ("config", "GET"): lambda: self._read_config(name),
            ("rotate-root", "WRITE"): lambda: self._rotate_root(name), ("reset", "WRITE"): lambda: None,
            ("roles", "WRITE"): lambda: self._write_role(name, body), ("roles", "GET"): lambda: dict(_known(self.roles, name)),
            ("static-roles", "WRITE"): lambda: self._write_static_role(name, body),
            ("static-roles", "GET"): lambda: {key: value for key, value in _known(self.static_roles, name).items() if key != "password"},
            ("static-creds", "GET"): lambda: self._static_creds(name), ("rotate-role", "WRITE"): lambda: self._rotate_static(name),
            ("config", "DELETE"): lambda: self.configs.pop(name, None) and None, ("roles", "DELETE"): lambda: self.roles.pop(name, None) and None,
            ("static-roles", "DELETE"): lambda: self.static_roles.pop(name, None) and None,
        }.get((kind, write))
        if handler is None or not name:
            raise VaultError(404 if not name else 405, f'unsupported operation on "{self.mount}/{path}"')
        return handler(), None

    # ------------------------------------------------------------ configs

    def _write_config(self, name: str, body: Json) -> None:
        """An update merges over what is stored, so a password that is sent again replaces a rotated one."""
        config: Json = {**self.configs.get(name, {"connection_details": {}, "allowed_roles": []})}
        config["connection_details"] = {**config["connection_details"], **{key: value for key, value in body.items() if key not in _CONFIG_FIELDS}}
        config.update({key: body[key] for key in ("plugin_name", "allowed_roles", "password_policy", "root_rotation_statements") if key in body})
        config["allowed_roles"] = names(config["allowed_roles"])
        config["root_rotation_statements"] = names(config.get("root_rotation_statements"))
        if config.get("plugin_name") not in _PLUGINS:
            raise VaultError(400, f"unknown plugin {config.get('plugin_name')!r}; the simulator has {', '.join(_PLUGINS)}")
        if not config["connection_details"].get("connection_url"):
            raise VaultError(400, "error creating database object: connection_url cannot be empty")
        if body.get("verify_connection", True):
            try:
                self._run(config, "SELECT 1;")
            except SqlError as error:
                raise VaultError(400, f"error creating database object: error verifying connection: {error}") from None
        self.configs[name] = config

    def _read_config(self, name: str) -> Json:
        config = _known(self.configs, name)
        shown = {key: value for key, value in config["connection_details"].items() if key != "password"}
        return {"plugin_name": config["plugin_name"], "allowed_roles": config["allowed_roles"], "connection_details": shown,
                "password_policy": config.get("password_policy", ""), "plugin_version": "",
                "root_credentials_rotate_statements": config["root_rotation_statements"]}

    def _rotate_root(self, name: str) -> None:
        config = _known(self.configs, name)
        user, password = config["connection_details"].get("username", ""), _new_password()
        self._change(config, config["root_rotation_statements"] or [_CHANGE_PASSWORD], name=user, username=user, password=password)
        config["connection_details"]["password"] = password

    def _run(self, config: Json, sql: str) -> str:
        details = config["connection_details"]
        return run_sql(_filled([details["connection_url"]], username=details.get("username", ""), password=details.get("password", "")).rstrip(";"), sql)

    def _change(self, config: Json, statements: list[str], **values: str) -> None:
        try:
            self._run(config, _filled(statements, **values))
        except SqlError as error:
            raise VaultError(500, f"1 error occurred:\n\t* {error}\n\n") from None

    # ------------------------------------------------------------ roles

    def _write_role(self, name: str, body: Json) -> None:
        role = {**self.roles.get(name, {"default_ttl": 0, "max_ttl": 0, "credential_type": "password", **{key: [] for key in _ROLE_LISTS}})}
        role.update({key: [body[key]] if isinstance(body[key], str) else list(body[key] or []) for key in _ROLE_LISTS if key in body})
        role.update({key: int(seconds(body[key])) for key in ("default_ttl", "max_ttl") if key in body})
        role["db_name"] = body.get("db_name", role.get("db_name", ""))
        if not role["db_name"]:
            raise VaultError(400, "empty database name attribute")
        self.roles[name] = role

    def _config_for(self, role_name: str, role: Json) -> Json:
        config = self.configs.get(role["db_name"])
        if config is None:
            raise VaultError(500, f'1 error occurred:\n\t* failed to find entry for connection with name: "{role["db_name"]}"\n\n')
        if "*" not in config["allowed_roles"] and role_name not in config["allowed_roles"]:
            raise VaultError(500, f'1 error occurred:\n\t* "{role_name}" is not an allowed role\n\n')
        return config

    def _issue(self, name: str) -> tuple[Json, Json]:
        role = self.roles.get(name)
        if role is None:
            raise VaultError(400, f"unknown role: {name}")
        config = self._config_for(name, role)
        ttl = role["default_ttl"] or TTL_DEFAULT_S
        user, password = f"v-token-{name[:8]}-{secrets.token_hex(10)}-{int(time.time())}", _new_password()
        expires = time.time() + ttl
        expiration = time.strftime("%Y-%m-%d %H:%M:%S+0000", time.gmtime(expires))
        self._change(config, role["creation_statements"], name=user, username=user, password=password, expiration=expiration)
        lease_id = f"{self.mount}/creds/{name}/{secrets.token_urlsafe(18)}"
        self.leases[lease_id] = {"username": user, "role": name, "db_name": role["db_name"], "issued": time.time(), "expires": expires, "ttl": ttl,
                                 "max_ttl": role["max_ttl"] or TTL_DEFAULT_S, "revocation_statements": role["revocation_statements"]}
        return {"username": user, "password": password}, {"lease_id": lease_id, "lease_duration": int(ttl), "renewable": True}

    def _write_static_role(self, name: str, body: Json) -> None:
        known = self.static_roles.get(name)
        role = {**(known or {}), **{key: body[key] for key in ("db_name", "username", "rotation_period", "rotation_statements") if key in body}}
        if known and body.get("username", known["username"]) != known["username"]:
            raise VaultError(400, "cannot update static account username")
        if not role.get("username") or not role.get("db_name"):
            raise VaultError(400, "username is a required field to create a static account" if not role.get("username") else "database name is a required field")
        role["rotation_period"] = int(seconds(role.get("rotation_period", 0)))
        if role["rotation_period"] < 5:
            raise VaultError(400, "rotation_period must be 5 seconds or more")
        role["rotation_statements"] = names(role.get("rotation_statements")) if isinstance(role.get("rotation_statements"), list) else []
        self._config_for(name, role)
        self.static_roles[name] = role
        if known is None:
            try:
                self._rotate_static(name)
            except VaultError:
                del self.static_roles[name]
                raise

    def _rotate_static(self, name: str) -> None:
        role = _known(self.static_roles, name)
        password = _new_password()
        self._change(self._config_for(name, role), role["rotation_statements"] or [_CHANGE_PASSWORD], name=role["username"], username=role["username"],
                     password=password)
        role.update(password=password, last_vault_rotation=time.time())

    def _static_creds(self, name: str) -> Json:
        role = self.static_roles.get(name)
        if role is None:
            raise VaultError(400, f"unknown role: {name}")
        due = role["last_vault_rotation"] + role["rotation_period"]
        if due <= time.time():
            self._rotate_static(name)
            due = role["last_vault_rotation"] + role["rotation_period"]
        return {"username": role["username"], "password": role["password"], "last_vault_rotation": rfc3339(role["last_vault_rotation"]),
                "rotation_period": role["rotation_period"], "ttl": max(0, round(due - time.time()))}

    # ------------------------------------------------------------ leases

    def expire(self) -> None:
        """Revokes what has ended. A database that refuses is tried again at the next call."""
        for lease_id, lease in list(self.leases.items()):
            if lease["expires"] <= time.time():
                try:
                    self.revoke(lease_id)
                except VaultError:
                    continue

    def revoke(self, lease_id: str, force: bool = False) -> None:
        lease = self.leases.get(lease_id)
        if lease is None:
            return
        config = self.configs.get(lease["db_name"])
        try:
            if config is None:
                raise VaultError(400, f'failed to find entry for connection with name: "{lease["db_name"]}"')
            self._change(config, lease["revocation_statements"] or [_REVOKE], name=lease["username"], username=lease["username"])
        except VaultError:
            if not force:
                raise
        del self.leases[lease_id]

    def renew(self, lease_id: str, increment: float) -> Json:
        lease = self.leases.get(lease_id)
        if lease is None:
            raise VaultError(400, "lease not found")
        lease["expires"] = min(time.time() + (increment or lease["ttl"]), lease["issued"] + lease["max_ttl"])
        return {"lease_id": lease_id, "lease_duration": max(0, round(lease["expires"] - time.time())), "renewable": True}

    def lookup(self, lease_id: str) -> Json:
        lease = self.leases.get(lease_id)
        if lease is None:
            raise VaultError(400, "invalid lease")
        return {"id": lease_id, "issue_time": rfc3339(lease["issued"]), "expire_time": rfc3339(lease["expires"]), "last_renewal": None,
                "renewable": True, "ttl": max(0, round(lease["expires"] - time.time()))}


def _known(table: dict[str, Json], name: str) -> Any:
    if name not in table:
        raise VaultError(404)
    return table[name]
