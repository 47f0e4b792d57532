"""Encrypted datastore values: stored, read and used in templates as in StackStorm, and never in clear on disk."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path

from squall_server import Squall, write_pack

PLAIN = "canary-of-the-datastore"
# A key file of StackStorm's, and what the openssl program and Python's hmac module made under it of "topsécret".
KEY = {"hmacKey": {"hmacKeyString": "ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1-f4CBgoM", "size": 256},
       "aesKeyString": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", "mode": "CBC", "size": 256}
STORED = "3030303030101112131415161718191A1B1C1D1E1F54924B3DA07241F16EDA919B9213D0CDAEE20A0A44E688A1DF70618356145D3159D96FB1"

ACTION = """---
name: tell
runner_type: python-script
entry_point: tell.py
enabled: true
parameters:
  given: {type: string, secret: true}
"""
TELL = """from st2common.runners.base_action import Action


class Tell(Action):
    def run(self, given=None):
        return [len(given or ""), len(self.config.get("password") or ""), self.action_service.get_value("password", local=False, decrypt=True) == self.config["password"]]
"""


def put(squall: Squall, name: str, value: str, **more: object) -> dict:
    status, body = squall.call("PUT", f"/v1/keys/{name}", {"name": name, "value": value, **more})
    assert status == 200, body
    return body


def on_disk(squall: Squall, text: str) -> list[Path]:
    return [file for file in squall.directory.rglob("*") if file.is_file() and text.encode() in file.read_bytes()]


def test_secrets_are_encrypted_and_used(make_squall: Callable[..., Squall], tmp_path: Path) -> None:
    packs = write_pack(tmp_path / "packs", "sec", {"actions/tell.yaml": ACTION, "actions/tell.py": TELL,
                                                    "config.schema.yaml": "---\npassword: {type: string, secret: true}\n"})
    squall = make_squall([packs], start=False)
    squall.config("sec", "password: '{{ st2kv.system.password }}'\n")
    squall.start()
    stored = put(squall, "password", PLAIN, secret=True)
    assert stored["secret"] and stored["encrypted"] and set(stored["value"]) <= set("0123456789ABCDEF")
    assert squall.get("/keys/password")["value"] == stored["value"]
    assert squall.get("/keys/password?decrypt=true")["value"] == PLAIN
    ended = squall.result("sec.tell", {"given": "{{ st2kv.system.password | decrypt_kv }}"})
    assert ended["status"] == "succeeded" and ended["result"]["result"] == [len(PLAIN), len(PLAIN), True], ended
    missing = squall.call("POST", "/v1/executions", {"action": "sec.tell", "parameters": {"given": "{{ st2kv.system.nosuch | decrypt_kv }}"}})
    assert missing[0] == 400 and 'Referenced datastore item "st2kv.system.nosuch" doesn\'t exist' in missing[1]["faultstring"]
    squall.kill()
    squall.start()
    assert squall.get("/keys/password?decrypt=true")["value"] == PLAIN
    squall.stop()
    assert on_disk(squall, PLAIN) == []
    assert stat.S_IMODE((squall.data / "datastore_key.json").stat().st_mode) == 0o600


def test_stackstorms_key_and_values_are_taken(make_squall: Callable[..., Squall], tmp_path: Path) -> None:
    key = tmp_path / "datastore_key.json"
    key.write_text(json.dumps(KEY))
    squall = make_squall(env={"SQUALL_ENCRYPTION_KEY_PATH": str(key)})
    put(squall, "old", STORED, encrypted=True)
    assert squall.get("/keys/old?decrypt=true")["value"] == "topsécret"
    status, body = squall.call("PUT", "/v1/keys/bad", {"name": "bad", "value": STORED[:-1] + "0", "encrypted": True})
    assert (status, body["faultstring"]) == (400, 'Failed to verify the integrity of the provided value for key "bad". '
                                                  "Ensure that the value is encrypted with the correct key and not corrupted.")
    assert not (squall.data / "datastore_key.json").exists()


def test_a_key_file_that_is_not_there_is_told(make_squall: Callable[..., Squall], tmp_path: Path) -> None:
    squall = make_squall(env={"SQUALL_ENCRYPTION_KEY_PATH": str(tmp_path / "nosuch.json")}, start=False)
    try:
        squall.start()
    except AssertionError as error:
        assert "ended with 1" in str(error) and "nosuch.json" in str(error)
    else:
        raise AssertionError("squall started without its key")
