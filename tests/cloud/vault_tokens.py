"""Vault's token store, AppRole logins and response wrapping."""

from __future__ import annotations

import secrets
import time
import uuid
from typing import Any

from sim_http import Json
from vault_kv import VaultError, rfc3339, seconds

TTL_DEFAULT_S = 32 * 24 * 3600.0
DENIED = "1 error occurred:\n\t* permission denied\n\n"
BAD_TOKEN = "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"


def _new_token(batch: bool) -> str:
    return ("hvb." if batch else "hvs.") + secrets.token_urlsafe(72 if batch else 18)


def names(value: Any) -> list[str]:
    """Vault takes lists as JSON lists or as text with commas."""
    return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else list(value or [])


class TokenStore:
    """Tokens are plain dictionaries, as they go to the state file. Times are epoch seconds; expires 0 means never."""

    def __init__(self, root_token: str, state: Json | None = None) -> None:
        self.tokens: dict[str, Json] = (state or {}).get("tokens", {})
        if root_token not in self.tokens:
            self.tokens[root_token] = self._record(root_token, policies=["root"], display_name="root", ttl=0.0,
                                                   path="auth/token/root", renewable=False)

    def to_state(self) -> Json:
        return {"tokens": self.tokens}

    def issue(self, *, policies: list[str], display_name: str, path: str, ttl: float, max_ttl: float = 0.0,
              period: float = 0.0, renewable: bool = True, num_uses: int = 0, meta: Json | None = None,
              batch: bool = False, token_id: str | None = None) -> Json:
        token = self._record(token_id or _new_token(batch), policies=sorted({"default", *policies}), path=path,
                             display_name=display_name, ttl=period or ttl or TTL_DEFAULT_S, renewable=renewable and not batch)
        token.update(max_ttl=max_ttl, period=period, num_uses=num_uses, meta=meta, type="batch" if batch else "service")
        if max_ttl and not period:
            token["expires"] = min(token["expires"], token["created"] + max_ttl)
        self.tokens[token["id"]] = token
        return token

    def _record(self, token_id: str, *, policies: list[str], display_name: str, ttl: float, path: str,
                renewable: bool) -> Json:
        now = time.time()
        return {"id": token_id, "accessor": secrets.token_urlsafe(18), "policies": policies, "path": path,
                "display_name": display_name, "created": now, "creation_ttl": int(ttl), "type": "service",
                "expires": now + ttl if ttl else 0.0, "max_ttl": 0.0, "period": 0.0, "renewable": renewable,
                "num_uses": 0, "meta": None}

    def live(self, token_id: str) -> Json | None:
        token = self.tokens.get(token_id)
        if token and token["expires"] and token["expires"] <= time.time():
            del self.tokens[token_id]
            return None
        return token

    def use(self, token_id: str) -> Json:
        """The token of a request; counts down a token of limited uses."""
        token = self.live(token_id) if token_id else None
        if token is None:
            raise VaultError(403, BAD_TOKEN if token_id else DENIED)
        if token["num_uses"] == 1:
            del self.tokens[token_id]
        elif token["num_uses"]:
            token["num_uses"] -= 1
        return token

    def renew(self, token: Json, increment: float) -> Json:
        if token["type"] == "batch":
            raise VaultError(400, "batch tokens cannot be renewed")
        if not token["renewable"] and token["expires"]:
            raise VaultError(400, "lease is not renewable")
        if token["expires"]:
            now = time.time()
            expires = now + (token["period"] or increment or token["creation_ttl"])
            if token["max_ttl"] and not token["period"]:
                expires = min(expires, token["created"] + token["max_ttl"])
            token["expires"] = expires
        return token

    def revoke(self, which: Any) -> None:
        """`which`: True for all but root, a list of token ids, or the path of the login (auth/approle/login)."""
        for token_id, token in list(self.tokens.items()):
            if "root" in token["policies"] and not (isinstance(which, list) and token_id in which):
                continue
            if which is True or (isinstance(which, list) and token_id in which) or which == token["path"]:
                del self.tokens[token_id]


def remaining_s(token: Json) -> int:
    return max(0, round(token["expires"] - time.time())) if token["expires"] else 0


def auth_block(token: Json) -> Json:
    return {"client_token": token["id"], "accessor": token["accessor"], "policies": token["policies"],
            "token_policies": token["policies"], "metadata": token["meta"], "lease_duration": remaining_s(token),
            "renewable": token["renewable"], "entity_id": "", "token_type": token["type"], "orphan": True,
            "mfa_requirement": None, "num_uses": token["num_uses"]}


def lookup(token: Json) -> Json:
    shown = {"accessor": token["accessor"], "creation_time": int(token["created"]), "creation_ttl": token["creation_ttl"],
             "display_name": token["display_name"], "entity_id": "", "explicit_max_ttl": int(token["max_ttl"]),
             "expire_time": rfc3339(token["expires"]) or None, "id": token["id"],
             "issue_time": rfc3339(token["created"]), "meta": token["meta"], "num_uses": token["num_uses"],
             "orphan": True, "path": token["path"], "policies": token["policies"], "renewable": token["renewable"],
             "ttl": remaining_s(token), "type": token["type"]}
    return {**shown, "period": int(token["period"])} if token["period"] else shown


class AppRole:
    """auth/approle: roles, their secret ids, and logins."""

    def __init__(self, tokens: TokenStore, state: Json | None = None) -> None:
        self.tokens = tokens
        self.roles: dict[str, Json] = (state or {}).get("roles", {})

    def to_state(self) -> Json:
        return {"roles": self.roles}

    def handle(self, method: str, path: str, body: Json) -> Json | None:
        """Everything below auth/approle/ except the login. Returns data, or None for 204."""
        parts = path.split("/")
        if path == "role" and method == "LIST":
            if not self.roles:
                raise VaultError(404)
            return {"keys": sorted(self.roles)}
        if parts[0] != "role" or len(parts) < 2:
            raise VaultError(404, f'unsupported path "auth/approle/{path}"')
        name, rest = parts[1], "/".join(parts[2:])
        if not rest and method in ("POST", "PUT"):
            self._write_role(name, body)
            return None
        role = self.roles.get(name)
        if role is None:
            raise VaultError(404) if method == "GET" else VaultError(404, f'role "{name}" does not exist')
        return self._read_role(name, method) if not rest else self._role_part(role, method, rest, body)

    def _role_part(self, role: Json, method: str, rest: str, body: Json) -> Json | None:
        if rest == "role-id":
            if method == "GET":
                return {"role_id": role["role_id"]}
            role["role_id"] = body["role_id"]
            return None
        if rest == "secret-id" and method in ("POST", "PUT"):
            return self._new_secret_id(role, body, str(uuid.uuid4()))
        if rest == "custom-secret-id" and method in ("POST", "PUT"):
            return self._new_secret_id(role, body, body["secret_id"])
        raise VaultError(405, "unsupported operation")

    def _write_role(self, name: str, body: Json) -> None:
        role = self.roles.setdefault(name, {"role_id": str(uuid.uuid4()), "secret_ids": {}, "settings": {}})
        role["settings"].update(body)

    def _read_role(self, name: str, method: str) -> Json | None:
        if method == "DELETE":
            del self.roles[name]
            return None
        return dict(self.roles[name]["settings"])

    def _new_secret_id(self, role: Json, body: Json, secret_id: str) -> Json:
        settings = role["settings"]
        ttl = seconds(body.get("ttl", settings.get("secret_id_ttl", 0)))
        uses = int(body.get("num_uses", settings.get("secret_id_num_uses", 0)))
        role["secret_ids"][secret_id] = {"expires": time.time() + ttl if ttl else 0.0, "uses": uses}
        return {"secret_id": secret_id, "secret_id_accessor": str(uuid.uuid4()), "secret_id_num_uses": uses,
                "secret_id_ttl": int(ttl)}

    def login(self, body: Json) -> Json:
        name, role = next(((name, role) for name, role in self.roles.items()
                           if role["role_id"] == body.get("role_id")), ("", None))
        if role is None:
            raise VaultError(400, "invalid role or secret ID")
        settings = role["settings"]
        if settings.get("bind_secret_id", True):
            self._use_secret_id(role, body.get("secret_id", ""))
        return self.tokens.issue(
            policies=names(settings.get("token_policies")), display_name="approle",
            path="auth/approle/login", ttl=seconds(settings.get("token_ttl", 0)), meta={"role_name": name},
            max_ttl=seconds(settings.get("token_max_ttl", 0)), period=seconds(settings.get("token_period", 0)),
            num_uses=int(settings.get("token_num_uses", 0)), batch=settings.get("token_type") == "batch")

    def _use_secret_id(self, role: Json, secret_id: str) -> None:
        if not secret_id:
            raise VaultError(400, "missing secret_id")
        known = role["secret_ids"].get(secret_id)
        if known is None or (known["expires"] and known["expires"] <= time.time()):
            raise VaultError(400, "invalid role or secret ID")
        if known["uses"] == 1:
            del role["secret_ids"][secret_id]
        elif known["uses"]:
            known["uses"] -= 1


class Wrapping:
    """Answers put aside for one unwrap."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[float, Json, Json]] = {}

    def wrap(self, envelope: Json, ttl: float, creation_path: str) -> Json:
        token = _new_token(False)
        info: Json = {"token": token, "accessor": secrets.token_urlsafe(18), "ttl": int(ttl), "wrapped_accessor": "",
                      "creation_time": rfc3339(time.time()), "creation_path": creation_path}
        self._kept[token] = (time.time() + ttl, envelope, info)
        return info

    def unwrap(self, token: str) -> Json:
        expires, envelope, _ = self._kept.pop(token, (0.0, {}, {}))
        if expires <= time.time():
            raise VaultError(400, "wrapping token is not valid or does not exist")
        return envelope

    def lookup(self, token: str) -> Json:
        expires, _, info = self._kept.get(token, (0.0, {}, {}))
        if expires <= time.time():
            raise VaultError(400, "wrapping token is not valid or does not exist")
        return {"creation_path": info["creation_path"], "creation_time": info["creation_time"],
                "creation_ttl": info["ttl"]}
