"""What is registered of packs: overrides, packs that change on disk while squall runs, mistakes with their places."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from squall_server import Squall, write_pack

NOOP = "name: {0}\nrunner_type: noop\n"
SENSOR = ("from st2reactor.sensor.base import PollingSensor\n\n\nclass Quiet(PollingSensor):\n    def setup(self): pass\n    def poll(self): pass\n"
          "    def cleanup(self): pass\n    def add_trigger(self, trigger): pass\n    def update_trigger(self, trigger): pass\n"
          "    def remove_trigger(self, trigger): pass\n")
FILES = {
    "actions/a.yaml": NOOP.format("a"), "actions/b.yaml": NOOP.format("b"),
    "rules/r.yaml": "name: r\nenabled: true\ntrigger: {type: core.st2.webhook, parameters: {url: r}}\naction: {ref: t.a}\n",
    "aliases/l.yaml": "name: l\naction_ref: t.a\nformats: ['l']\n",
    "sensors/s.yaml": "class_name: Quiet\nentry_point: s.py\npoll_interval: 60\ntrigger_types: [{name: seen}]\n", "sensors/s.py": SENSOR,
}


@pytest.fixture
def watching(make_squall: Callable[..., Squall], tmp_path: Path) -> Squall:
    return make_squall([write_pack(tmp_path / "packs", "t", FILES)], env={"SQUALL_WATCH": "true"})


def refs(squall: Squall, kind: str, pack: str = "t") -> set[str]:
    return {item["ref"] for item in squall.get(f"/{kind}?limit=-1") if item["ref"].split(".")[0] == pack}


def test_overrides_of_an_operator_win_over_the_files(make_squall: Callable[..., Squall], tmp_path: Path) -> None:
    squall = make_squall([write_pack(tmp_path / "packs", "t", FILES)], start=False)
    overrides = squall.data / "overrides"
    overrides.mkdir(parents=True)
    (overrides / "_global.yaml").write_text("---\nsensors:\n  defaults:\n    enabled: false\nrules:\n  defaults:\n    enabled: false\n")
    (overrides / "t.yaml").write_text("---\nactions:\n  defaults:\n    enabled: false\n  exceptions:\n    b:\n      enabled: true\n"
                                      "rules:\n  exceptions:\n    r:\n      enabled: true\n      criteria: {}\n")
    squall.start()
    assert [squall.get(f"/actions/t.{name}")["enabled"] for name in "ab"] == [False, True]
    assert squall.get("/rules/t.r")["enabled"] is True and squall.get("/actionalias/t.l")["enabled"] is True
    assert squall.get("/sensortypes/t.Quiet")["enabled"] is False
    assert squall.call("POST", "/v1/executions", {"action": "t.a"})[0] == 400
    counts = squall.call("POST", "/v1/packs/register", {"packs": ["t"]})[1]
    assert (counts["actions"], counts["actions(overridden)"], counts["sensors(overridden)"]) == (2, 1, 1)
    assert "rules(overridden)" not in counts
    (problem,) = counts["problems"]
    assert problem["severity"] == "warning" and problem["where"].startswith(f"{overrides}/t.yaml:12")
    assert 'only "enabled" can' in problem["message"]
    shutil.rmtree(overrides)
    squall.call("POST", "/v1/packs/register", {"packs": ["t"]})
    assert squall.get("/actions/t.a")["enabled"] and squall.get("/sensortypes/t.Quiet")["enabled"]


def test_changed_files_are_registered_at_once_and_removed_ones_removed(watching: Squall, tmp_path: Path) -> None:
    pack = tmp_path / "packs" / "t"
    before = watching.get("/actions/t.a")
    (pack / "actions" / "a.yaml").write_text(NOOP.format("a") + "description: changed\n")
    (pack / "actions" / "c.yaml").write_text(NOOP.format("c"))
    (pack / "actions" / "b.yaml").unlink()
    watching.until("the actions follow", lambda: refs(watching, "actions") == {"t.a", "t.c"})
    after = watching.until("the change counts", lambda: (a := watching.get("/actions/t.a")).get("description") == "changed" and a)
    assert after["id"] == before["id"]
    # A file that is broken for a moment keeps what it registered; mended, it counts again.
    (pack / "actions" / "a.yaml").write_text("name: [\n")
    watching.until("the mistake is told", lambda: "a.yaml" in str(watching.get("/squall/health")["problems"]))
    assert watching.get("/actions/t.a")["id"] == before["id"]
    (pack / "actions" / "a.yaml").write_text(NOOP.format("a"))
    watching.until("it is mended", lambda: not watching.get("/squall/health")["problems"])
    shutil.rmtree(pack / "sensors")
    watching.until("the sensor is gone", lambda: not refs(watching, "sensortypes") and "t.seen" not in refs(watching, "triggertypes"))
    (watching.data / "configs").mkdir(exist_ok=True)
    (watching.data / "configs" / "t.yaml").write_text("key: value\n")
    watching.until("the config counts", lambda: watching.call("GET", "/v1/configs/t")[1].get("values") == {"key": "value"})


def test_packs_that_come_and_go_while_squall_runs_or_not(watching: Squall, tmp_path: Path) -> None:
    write_pack(tmp_path / "elsewhere", "u", {"actions/x.yaml": NOOP.format("x")})
    (tmp_path / "elsewhere" / "u").rename(tmp_path / "packs" / "u")
    watching.until("the new pack is there", lambda: refs(watching, "actions", "u") == {"u.x"})
    shutil.rmtree(tmp_path / "packs" / "u")
    watching.until("it is gone", lambda: not refs(watching, "actions", "u") and watching.call("GET", "/v1/packs/u")[0] == 404)
    hooks = {hook["parameters"]["url"] for hook in watching.get("/webhooks")}
    assert "r" in hooks
    watching.stop()
    (tmp_path / "packs" / "t").rename(tmp_path / "t")
    watching.start()
    watching.until("what went while it was down is gone", lambda: watching.call("GET", "/v1/packs/t")[0] == 404)
    assert not refs(watching, "rules") and not [h for h in watching.get("/webhooks") if h["parameters"]["url"] == "r"]


def test_of_two_packs_with_one_ref_the_first_by_name_of_directory_counts(make_squall: Callable[..., Squall], tmp_path: Path) -> None:
    for directory in ("later", "earlier"):
        write_pack(tmp_path / "packs", directory, {f"actions/{directory}.yaml": NOOP.format(directory)})
        manifest = tmp_path / "packs" / directory / "pack.yaml"
        manifest.write_text(manifest.read_text().replace(f"ref: {directory}", "ref: same"))
    squall = make_squall([tmp_path / "packs"])
    assert refs(squall, "actions", "same") == {"same.earlier"}
    assert "two packs with one ref" in squall.log.read_text()


def test_a_registration_that_names_one_pack_leaves_the_others_alone(make_squall: Callable[..., Squall], tmp_path: Path) -> None:
    squall = make_squall([write_pack(tmp_path / "packs", "t", FILES)])
    write_pack(tmp_path / "packs", "u", {"actions/x.yaml": NOOP.format("x")})
    (tmp_path / "packs" / "t" / "actions" / "b.yaml").unlink()
    assert squall.call("POST", "/v1/packs/register", {"packs": ["u"], "types": ["actions"]})[1]["actions"] == 1
    assert refs(squall, "actions") == {"t.a", "t.b"} and refs(squall, "actions", "u") == {"u.x"}
    status, answer = squall.call("POST", "/v1/packs/register", {"packs": ["nosuch"]})
    assert status == 400 and "nosuch" in answer["faultstring"]
    assert squall.call("POST", "/v1/packs/register", {})[0] == 200
    assert refs(squall, "actions") == {"t.a"}
