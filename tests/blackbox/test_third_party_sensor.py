"""The native sensor for third-party resources, against the API of 2016."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from squall_server import Squall
from third_party_api import ThirdPartyApi

Json = Any


@pytest.fixture
def api() -> Iterator[ThirdPartyApi]:
    served = ThirdPartyApi()
    yield served
    served.close()


def begin(make_squall: Callable[..., Squall], api: ThirdPartyApi, more: str = "") -> Squall:
    squall = make_squall(start=False)
    squall.config("kubernetes", f"kubernetes_api_url: {api.url}\nuser: admin\npassword: canary-password\n{more}")
    return squall.start()


def status(squall: Squall) -> Json:
    return squall.get("/squall/sensors/kubernetes.ThirdPartyResource")["status"]


def watching(squall: Squall) -> Json:
    return squall.until("it watches", lambda: (s := status(squall))["state"] == "watching" and s)


def told(squall: Squall) -> list[str]:
    instances = squall.get("/triggerinstances?trigger=kubernetes.thirdpartyobject&limit=-1")
    return sorted(f"{i['payload']['resource']} {i['payload']['name']}" for i in instances)


def test_events_have_the_form_of_2016(make_squall: Callable[..., Squall], api: ThirdPartyApi) -> None:
    api.put("before", engine="mysql")
    squall = begin(make_squall, api)
    squall.until("what was there", lambda: told(squall) == ["ADDED before"])
    api.put("orders", engine="mysql", size="big")
    squall.until("a new one", lambda: told(squall) == ["ADDED before", "ADDED orders"])
    instance = next(i for i in squall.get("/triggerinstances?trigger=kubernetes.thirdpartyobject") if i["payload"]["name"] == "orders")
    assert instance["payload"] == {"resource": "ADDED", "name": "orders", "labels": {"engine": "mysql", "size": "big"}, "namespace": "shop",
                                   "object_kind": "ThirdPartyResource", "uid": "orders-uid-0001"}
    api.put("orders", engine="postgres")
    api.delete("before")
    squall.until("changes", lambda: told(squall) == ["ADDED before", "ADDED orders", "DELETED before", "MODIFIED orders"])
    shown = watching(squall)
    assert shown["objects"] == 1 and shown["events"] == 4 and shown["skipped"] == 0, shown
    assert "canary-password" not in squall.log.read_text() and "canary-password" not in str(shown)
    # The password of the config is masked where the config is shown.
    assert "canary-password" not in str(squall.call("GET", "/v1/configs/kubernetes"))


def test_nothing_is_lost_or_repeated_when_either_side_is_away(make_squall: Callable[..., Squall], api: ThirdPartyApi) -> None:
    for name in ("a", "b", "c"):
        api.put(name)
    squall = begin(make_squall, api)
    squall.until("all three", lambda: len(told(squall)) == 3)
    squall.kill()
    api.delete("a")
    api.put("b", changed="yes")
    api.put("d")
    squall.start()
    expected = ["ADDED a", "ADDED b", "ADDED c", "ADDED d", "DELETED a", "MODIFIED b"]
    squall.until("what happened meanwhile", lambda: told(squall) == expected)
    watching(squall)
    api.close()
    squall.until("it notices", lambda: status(squall)["state"] in ("failing", "connecting"))
    api.delete("c")
    api.open()
    squall.until("it comes back", lambda: told(squall) == sorted([*expected, "DELETED c"]), 60)
    watching(squall)
    api.end_watches()
    api.put("e")
    squall.until("after a watch that ended", lambda: "ADDED e" in told(squall))
    assert told(squall) == sorted([*expected, "ADDED e", "DELETED c"])


def test_a_server_with_the_watch_alone_does_too(make_squall: Callable[..., Squall], api: ThirdPartyApi) -> None:
    api.has_list = False
    api.put("a")
    squall = begin(make_squall, api)
    squall.until("the first", lambda: told(squall) == ["ADDED a"])
    watching(squall)
    api.end_watches()  # the next one begins with all objects again
    api.put("b")
    squall.until("the second", lambda: told(squall) == ["ADDED a", "ADDED b"])


def test_what_cannot_be_understood_is_skipped(make_squall: Callable[..., Squall], api: ThirdPartyApi) -> None:
    squall = begin(make_squall, api)
    watching(squall)
    api.say('{"type": "ADDED", "object": {"metadata": {}}}')
    api.say('{"type": "ADDED", "object": {"kind": "Bare", "metadata": {"name": "bare"}, "items": [null, true]}}')
    squall.until("the next one", lambda: told(squall) == ["ADDED bare"])
    assert status(squall)["skipped"] == 1
    api.say('{"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old"}}')
    api.put("after")
    squall.until("a list after the error", lambda: "ADDED after" in told(squall))


def test_it_says_what_is_wrong(make_squall: Callable[..., Squall], api: ThirdPartyApi) -> None:
    squall = begin(make_squall, api, "extension_url: /apis/other/watch/things\n")
    squall.until("not found", lambda: "404" in status(squall)["message"] and "extension_url" in status(squall)["message"])
    squall.config("kubernetes", f"kubernetes_api_url: {api.url}\nuser: admin\npassword: wrong\n")
    squall.cli("pack", "register", "kubernetes")
    squall.until("refused", lambda: "401" in status(squall)["message"] and "user and password" in status(squall)["message"], 60)
    assert squall.result("core.noop")["status"] == "succeeded"


def test_without_a_server_it_is_idle(make_squall: Callable[..., Squall]) -> None:
    squall = make_squall()
    shown = status(squall)
    assert shown["state"] == "idle" and "kubernetes_api_url" in shown["message"], shown
