"""Vault's KV secrets engines, version 2 (versions, check-and-set, soft delete) and version 1, with Vault's answers."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime
from typing import Any

from sim_http import Json

CUSTOM_KEYS_MAX, CUSTOM_KEY_BYTES_MAX, CUSTOM_VALUE_BYTES_MAX = 64, 128, 512
MAX_VERSIONS_DEFAULT = 10


class VaultError(Exception):
    """An answer in Vault's error form; `data` is set when a 404 still tells something (a deleted version)."""

    def __init__(self, status: int, *errors: str, data: Json | None = None) -> None:
        super().__init__(f"{status} {errors}")
        self.status, self.errors, self.data = status, list(errors), data


def rfc3339(moment: float | None) -> str:
    if not moment:
        return ""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


_DURATION = re.compile(r"(\d+)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(value: Any) -> float:
    """Vault's durations: a number of seconds, or text such as "90s" and "1h30m"."""
    text = str(value if value is not None else 0).strip()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    if text and not _DURATION.sub("", text):
        return float(sum(int(number) * _SECONDS[unit] for number, unit in _DURATION.findall(text)))
    raise VaultError(400, f'error parsing duration "{text}"')


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def list_keys(paths: list[str], prefix: str) -> Json:
    """The names one level below `prefix`; folders end in a slash."""
    folder = prefix.rstrip("/") + "/" if prefix.strip("/") else ""
    below = [path[len(folder):] for path in paths if path.startswith(folder)]
    names = {name.partition("/")[0] + ("/" if "/" in name else "") for name in below if name}
    if not names:
        raise VaultError(404)
    return {"keys": sorted(names)}


class KvV1:
    """Plain values, no history."""

    version = "1"

    def __init__(self, state: Json | None = None) -> None:
        self.values: dict[str, Json] = (state or {}).get("values", {})

    def to_state(self) -> Json:
        return {"values": self.values}

    def handle(self, method: str, path: str, query: dict[str, str], body: Any, content_type: str) -> Json | None:
        if method == "LIST":
            return list_keys(list(self.values), path)
        if method in ("POST", "PUT"):
            if not body:
                raise VaultError(400, "missing data fields")
            self.values[path] = body
            return None
        if method == "DELETE":
            self.values.pop(path, None)
            return None
        if path not in self.values:
            raise VaultError(404)
        return self.values[path]


class KvV2:
    """Entries are plain dictionaries, as they go to the state file: {"versions": {"1": {...}}, "current": 1, ...}."""

    version = "2"

    def __init__(self, state: Json | None = None) -> None:
        saved = state or {}
        self.entries: dict[str, Json] = saved.get("entries", {})
        self.config: Json = saved.get("config", {"max_versions": 0, "cas_required": False, "delete_version_after": "0s"})

    def to_state(self) -> Json:
        return {"entries": self.entries, "config": self.config}

    def handle(self, method: str, path: str, query: dict[str, str], body: Any, content_type: str) -> Json | None:
        kind, _, key = path.partition("/")
        if path == "config":
            return self._config(method, body)
        if method == "LIST":
            if kind != "metadata":
                raise VaultError(405, "unsupported operation")
            return list_keys(list(self.entries), key)
        write = "WRITE" if method in ("POST", "PUT") else method
        handler = {
            ("data", "GET"): lambda: self._read(key, query), ("data", "WRITE"): lambda: self._write(key, body),
            ("data", "PATCH"): lambda: self._patch(key, body, content_type),
            ("data", "DELETE"): lambda: self._delete(key, None),
            ("delete", "WRITE"): lambda: self._delete(key, _versions(body)),
            ("undelete", "WRITE"): lambda: self._undelete(key, _versions(body)),
            ("destroy", "WRITE"): lambda: self._destroy(key, _versions(body)),
            ("subkeys", "GET"): lambda: self._subkeys(key, query),
            ("metadata", "GET"): lambda: self._metadata(key),
            ("metadata", "WRITE"): lambda: self._write_metadata(key, body),
            ("metadata", "PATCH"): lambda: self._patch_metadata(key, body, content_type),
            ("metadata", "DELETE"): lambda: self._delete_metadata(key),
        }.get((kind, write))
        if handler is None or not key:
            known = kind in ("data", "delete", "undelete", "destroy", "subkeys", "metadata")
            raise VaultError(405, "unsupported operation") if known and key else VaultError(
                404, f'unsupported path: a KV version 2 mount wants "data/" or "metadata/" before "{path}"')
        return handler()

    # ------------------------------------------------------------ data

    def _write(self, path: str, body: Json) -> Json:
        data = body.get("data")
        if not isinstance(data, dict):
            raise VaultError(400, "no data provided")
        self._check_cas(path, body.get("options") or {})
        return self._append(path, data)

    def _check_cas(self, path: str, options: Json) -> None:
        entry = self.entries.get(path)
        required = self.config["cas_required"] or (entry or {}).get("cas_required", False)
        if "cas" not in options:
            if required:
                raise VaultError(400, "check-and-set parameter required for this call")
            return
        try:
            expected = int(options["cas"])
        except (TypeError, ValueError):
            raise VaultError(400, "error parsing check-and-set parameter") from None
        # A deleted path keeps its count of versions: only a path never written, or wiped with its metadata, is at 0.
        if expected != (entry["current"] if entry else 0):
            raise VaultError(400, "check-and-set parameter did not match the current version")

    def _append(self, path: str, data: Json) -> Json:
        now = time.time()
        entry = self.entries.setdefault(path, _new_entry(now))
        entry["current"] += 1
        entry["updated"] = now
        after = seconds(entry["delete_version_after"]) or seconds(self.config["delete_version_after"])
        entry["versions"][str(entry["current"])] = {"data": data, "created": now, "destroyed": False,
                                                    "deleted": now + after if after else 0.0}
        keep = entry["max_versions"] or self.config["max_versions"] or MAX_VERSIONS_DEFAULT
        for number in sorted(map(int, entry["versions"]))[:-keep]:
            del entry["versions"][str(number)]
        entry["oldest"] = min(map(int, entry["versions"])) if entry["current"] > keep else 0
        return self._version_metadata(path, entry["current"])

    def _patch(self, path: str, body: Json, content_type: str) -> Json:
        _require_merge_patch(content_type)
        if not isinstance(body.get("data"), dict):
            raise VaultError(400, "no data provided")
        current = self._read(path, {})
        self._check_cas(path, body.get("options") or {})
        return self._append(path, merge_patch(current["data"], body["data"]))

    def _read(self, path: str, query: dict[str, str]) -> Json:
        number, version = self._find(path, query)
        metadata = self._version_metadata(path, number)
        if version["destroyed"] or _is_deleted(version):
            raise VaultError(404, data={"data": None, "metadata": metadata})
        return {"data": version["data"], "metadata": metadata}

    def _find(self, path: str, query: dict[str, str]) -> tuple[int, Json]:
        entry = self.entries.get(path)
        wanted = query.get("version", "0")
        if not re.fullmatch(r"\d+", wanted):
            raise VaultError(400, f'Field validation failed: error converting input "{wanted}" for field "version"')
        number = int(wanted) or (entry["current"] if entry else 0)
        if entry is None or str(number) not in entry["versions"]:
            raise VaultError(404)
        return number, entry["versions"][str(number)]

    def _subkeys(self, path: str, query: dict[str, str]) -> Json:
        found = self._read(path, query)
        return {"metadata": found["metadata"], "subkeys": _without_values(found["data"], int(query.get("depth", "0")))}

    def _version_metadata(self, path: str, number: int) -> Json:
        entry = self.entries[path]
        version = entry["versions"][str(number)]
        return {"created_time": rfc3339(version["created"]), "custom_metadata": entry["custom_metadata"],
                "deletion_time": rfc3339(version["deleted"]), "destroyed": version["destroyed"], "version": number}

    # ------------------------------------------------------------ delete, undelete, destroy

    def _chosen(self, path: str, versions: list[int]) -> list[Json]:
        have = self.entries.get(path, {"versions": {}})["versions"]
        return [have[str(number)] for number in versions if str(number) in have]

    def _delete(self, path: str, versions: list[int] | None) -> None:
        current = self.entries.get(path, {}).get("current", 0)
        for version in self._chosen(path, [current] if versions is None else versions):
            if not version["destroyed"] and not _is_deleted(version):
                version["deleted"] = time.time()

    def _undelete(self, path: str, versions: list[int]) -> None:
        for version in self._chosen(path, versions):
            if not version["destroyed"]:
                version["deleted"] = 0.0

    def _destroy(self, path: str, versions: list[int]) -> None:
        for version in self._chosen(path, versions):
            version.update(destroyed=True, data=None)

    # ------------------------------------------------------------ metadata

    def _metadata(self, path: str) -> Json:
        entry = self.entries.get(path)
        if entry is None:
            raise VaultError(404)
        versions = {number: {"created_time": rfc3339(item["created"]), "deletion_time": rfc3339(item["deleted"]),
                             "destroyed": item["destroyed"]} for number, item in entry["versions"].items()}
        return {"cas_required": entry["cas_required"], "created_time": rfc3339(entry["created"]),
                "current_version": entry["current"], "custom_metadata": entry["custom_metadata"],
                "delete_version_after": entry["delete_version_after"], "max_versions": entry["max_versions"],
                "oldest_version": entry["oldest"], "updated_time": rfc3339(entry["updated"]), "versions": versions}

    def _write_metadata(self, path: str, body: Json) -> None:
        changes = _metadata_fields(body)
        entry = self.entries.setdefault(path, _new_entry(time.time()))
        entry.update(changes, updated=time.time())

    def _patch_metadata(self, path: str, body: Json, content_type: str) -> None:
        _require_merge_patch(content_type)
        entry = self.entries.get(path)
        if entry is None:
            raise VaultError(404)
        patch = {key: value for key, value in body.items() if key in _METADATA_DEFAULTS}
        entry.update(_metadata_fields(merge_patch({key: entry[key] for key in _METADATA_DEFAULTS}, patch), fill=True))
        entry["updated"] = time.time()

    def _delete_metadata(self, path: str) -> None:
        self.entries.pop(path, None)

    def _config(self, method: str, body: Json) -> Json | None:
        if method == "GET":
            return dict(self.config)
        for name in self.config:
            if name in body:
                self.config[name] = body[name]
        return None


_METADATA_DEFAULTS: Json = {"max_versions": 0, "cas_required": False, "delete_version_after": "0s",
                            "custom_metadata": None}


def _new_entry(now: float) -> Json:
    return {"versions": {}, "current": 0, "oldest": 0, "created": now, "updated": now, **_METADATA_DEFAULTS}


def _metadata_fields(body: Json, *, fill: bool = False) -> Json:
    """The checked settings of a metadata write. With `fill`, what is absent goes back to its default."""
    fields = {name: body.get(name, default) for name, default in _METADATA_DEFAULTS.items() if fill or name in body}
    if "delete_version_after" in fields:
        seconds(fields["delete_version_after"])
    custom = fields.get("custom_metadata")
    if custom is not None:
        _check_custom(custom)
    return fields


def _check_custom(custom: Any) -> None:
    problem = ""
    if not isinstance(custom, dict) or not all(isinstance(value, str) for value in custom.values()):
        problem = "Field validation failed: custom_metadata must be a map of strings"
    elif len(custom) > CUSTOM_KEYS_MAX:
        problem = f"payload must contain at most {CUSTOM_KEYS_MAX} keys, provided {len(custom)}"
    elif any(not key or len(key.encode()) > CUSTOM_KEY_BYTES_MAX for key in custom):
        problem = f"length of key must be between 1 and {CUSTOM_KEY_BYTES_MAX} bytes"
    elif any(not value or len(value.encode()) > CUSTOM_VALUE_BYTES_MAX for value in custom.values()):
        problem = f"length of value must be between 1 and {CUSTOM_VALUE_BYTES_MAX} bytes"
    if problem:
        raise VaultError(400, f"custom_metadata validation failed: {problem}")


def _require_merge_patch(content_type: str) -> None:
    if content_type.partition(";")[0].strip() != "application/merge-patch+json":
        raise VaultError(415, "PATCH requests require a Content-Type of application/merge-patch+json")


def _versions(body: Json) -> list[int]:
    value = body.get("versions")
    items = value if isinstance(value, list) else [value] if value is not None else []
    try:
        numbers = [int(item) for item in items]
    except (TypeError, ValueError):
        raise VaultError(400, f"Field validation failed: versions must be numbers, not {json.dumps(value)}") from None
    if not numbers:
        raise VaultError(400, "No version number provided")
    return numbers


def _is_deleted(version: Json) -> bool:
    return 0 < version["deleted"] <= time.time()


def _without_values(data: Any, depth: int, level: int = 1) -> Any:
    if not isinstance(data, dict) or (depth and level > depth):
        return None
    return {key: _without_values(value, depth, level + 1) for key, value in data.items()}
