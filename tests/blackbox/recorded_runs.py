"""Replays what a real StackStorm was asked (chains, workflows) against a running squall, and compares the answers.

The form of the vectors is told by the `how` of the topic files action_chain.json and orquesta_st2.json.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from conformance_matching import differences, first_line_only
from squall_server import FINAL, ROOT, Squall, conformance_folder

Json = Any
# A recorded machine was slow; a test must not wait as long as that to see that nothing more happens.
SLEEP_MAX_S = 1.0
STEP_S = 20.0
STATUS_OF = {"pause": "pausing", "resume": "resuming"}


def topic(name: str) -> Json:
    folder = conformance_folder()
    if folder is None or not (folder / f"{name}.json").exists():
        if os.environ.get("CI"):
            pytest.fail(f"the recorded answers ({name}.json) are missing; under CI they must be there")
        pytest.skip(f"{name}: recorded answers left out (no conformance folder)")
    return json.loads((folder / f"{name}.json").read_text())


def deviations(name: str) -> dict[str, str]:
    """Ids of vectors that squall answers otherwise on purpose, each with its reason."""
    file = ROOT / "tests" / "conformance" / "deviations" / f"{name}.txt"
    lines = file.read_text().splitlines() if file.exists() else []
    return dict(line.split(None, 1) for line in lines if line.strip() and not line.startswith("#"))


def judge(name: str, results: dict[str, list[str]], left_out: Counter[str]) -> None:
    known = deviations(name)
    failed = {vector: why for vector, why in results.items() if why}
    print(f"{name}: {len(results) - len(failed)} passed, {len(failed)} failed, {sum(left_out.values())} left out {dict(left_out)}")
    surprising = {vector: why for vector, why in failed.items() if vector not in known}
    mended = [vector for vector in known if vector in results and not results[vector]]
    for vector, why in list(surprising.items())[:60]:
        print(f"  {vector}: {'; '.join(why)[:600]}")
    assert not surprising, f"{len(surprising)} answers differ from StackStorm's: {sorted(surprising)[:40]}"
    assert not mended, f"listed as deviations, but equal now: {mended}"


def prepare(make_squall: Callable[..., Squall], document: Json, files: dict[str, str]) -> Squall:
    """A server with the pack that the recordings were made with."""
    squall = make_squall(start=False)
    pack = squall.directory / "packs" / "chainconf"
    folder = conformance_folder()
    assert folder
    for source in (folder / "chainconf_pack").rglob("*"):
        if source.is_file():
            files.setdefault(str(source.relative_to(folder / "chainconf_pack")), source.read_text())
    for path, text in files.items():
        (pack / path).parent.mkdir(parents=True, exist_ok=True)
        (pack / path).write_text(text)
    squall.packs = [pack.parent]
    squall.env["SQUALL_USER"] = "root"
    squall.config("chainconf", json.dumps(document["setup"]["config"]["body"]))
    squall.start()
    for key in document["setup"]["keys"]:
        status, body = squall.call(key["method"], key["path"], key["body"])
        assert status == 200, body
    return squall


def ended(squall: Squall, execution: str, also: list[str], seconds: float = 40) -> Json:
    deadline = time.monotonic() + seconds
    while True:
        found = squall.get("/executions/" + execution)
        if found["status"] in FINAL or found["status"] in also or time.monotonic() > deadline:
            return found
        time.sleep(0.03)


def task_of(child: Json) -> Json:
    context = child["context"]
    return context["chain"]["name"] if "chain" in context else context.get("orquesta", {}).get("task_name")


def child_view(squall: Squall, child: Json, wanted: Json) -> Json:
    if wanted.get("status") in FINAL and child["status"] not in FINAL:
        child = ended(squall, child["id"], [], STEP_S)  # it may outlive the workflow that failed
    view = {"task": task_of(child), "action": child["action"]["ref"], "status": child["status"],
            "parameters": child.get("parameters"), "result": child.get("result"), "context": child["context"]}
    if "item_id" in wanted:
        view["item_id"] = child["context"].get("orquesta", {}).get("item_id")
    if "children" in wanted:
        view["children"] = children(squall, child["id"], wanted["children"])
    return {key: value for key, value in view.items() if key in wanted}


def children_of(squall: Squall, parent: str) -> list[Json]:
    found = squall.get(f"/executions?parent={parent}&limit=-1")
    return sorted(found, key=lambda c: (c["start_timestamp"], c["id"]))


def children(squall: Squall, parent: str, wanted: list[Json], any_order: bool = False) -> list[Json]:
    found = children_of(squall, parent)
    if any_order:
        def place(child: Json) -> int:
            fits = (i for i, want in enumerate(wanted) if not differences(want, child_view(squall, child, want)))
            return next(fits, len(wanted))
        found.sort(key=place)
    return [child_view(squall, child, want) for child, want in zip(found, wanted)] + [{"extra": c["id"]} for c in found[len(wanted):]]


class Run:
    """One execution with the steps that were done to it."""

    def __init__(self, squall: Squall, vector: Json) -> None:
        self.squall = squall
        self.vector = vector
        self.any_order = vector.get("children_order") == "any"
        self.execution = ""
        self.wrong: list[str] = []

    def view(self, execution: str, wanted: Json) -> Json:
        found = self.squall.get("/executions/" + execution)
        shown = {"status": found["status"], "parameters": found.get("parameters"), "result": found.get("result"),
                 "context": found["context"], "log": [entry["status"] for entry in found.get("log", [])]}
        if "children" in wanted:
            shown["children"] = children(self.squall, execution, wanted["children"], self.any_order)
        return {key: value for key, value in shown.items() if key in wanted}

    def compare(self, wanted: Json, got: Json, where: str) -> None:
        self.wrong += differences(wanted, got, where)

    def answer(self, method: str, path: str, body: Json, wanted: Json, where: str) -> Json:
        """Makes a request; compares what the recording has of the answer."""
        status, answer = self.squall.call(method, path, body)
        shown: dict[str, Json] = {"http_status": status}
        if isinstance(answer, dict):
            shown |= {key: answer.get(key) for key in ("status", "faultstring") if key in wanted}
        if "body" in wanted:
            shown["body"] = {key: answer.get(key) for key in wanted["body"]} if isinstance(answer, dict) else answer
        self.compare({k: v for k, v in wanted.items() if k != "old"}, shown, where)
        return answer if status < 300 else None

    def wait_task(self, step: Json) -> str:
        deadline = time.monotonic() + STEP_S
        seen = ""
        while time.monotonic() < deadline:
            tasks = [c for c in children_of(self.squall, self.execution) if task_of(c) == step["task"]]
            seen = tasks[-1]["status"] if tasks else ""
            if seen in step["status"]:
                return seen
            main = self.squall.get("/executions/" + self.execution)["status"]
            if main in FINAL:
                return "main:" + main
            time.sleep(0.05)
        return seen

    def pending_inquiry(self) -> str:
        def search(parent: str) -> str:
            for child in children_of(self.squall, parent):
                if child["status"] == "pending":
                    return str(child["id"])
                if (below := search(child["id"])):
                    return below
            return ""
        return str(self.squall.until("an inquiry is pending", lambda: search(self.execution), STEP_S))

    def rerun(self, step: Json, wanted: Json, where: str) -> None:
        old = self.execution
        made = self.answer("POST", f"/v1/executions/{old}/re_run", step["body"], wanted, where)
        if made is not None:
            self.execution = made["id"]
        if "old" in wanted:
            self.compare(wanted["old"], self.view(old, wanted["old"]), where + ".old")

    def step(self, step: Json, wanted: Json, where: str) -> None:
        path = "/v1/executions/" + self.execution
        op = step["op"]
        if op == "wait":
            self.compare(wanted, {"got": ended(self.squall, self.execution, step["status"], STEP_S)["status"]}, where)
        elif op == "wait_task":
            self.compare(wanted, {"got": self.wait_task(step)}, where)
        elif op == "sleep":
            time.sleep(min(step["seconds"], SLEEP_MAX_S))
        elif op == "view":
            self.compare(wanted, self.view(self.execution, wanted), where)
        elif op in STATUS_OF:
            self.answer("PUT", path, {"status": STATUS_OF[op]}, wanted, where)
        elif op == "cancel":
            self.answer("DELETE", path, None, wanted, where)
        elif op == "rerun":
            self.rerun(step, wanted, where)
        elif op == "inquiry":
            self.answer("GET", "/v1/inquiries/" + self.pending_inquiry(), None, wanted, where)
        elif op == "respond":
            inquiry = self.pending_inquiry()
            self.answer("PUT", "/v1/inquiries/" + inquiry, {"id": inquiry, "response": step["response"]}, wanted, where)
        else:
            raise AssertionError(f"unknown step {op}")

    def notifications(self, wanted: list[Json]) -> None:
        """Order is not compared: they are events of their own."""
        mine = {self.execution: "(main)"} | {c["id"]: task_of(c) for c in children_of(self.squall, self.execution)}

        def shown() -> list[Json]:
            found = self.squall.get("/triggerinstances?trigger=core.st2.generic.notifytrigger&limit=-1")
            payloads = [i["payload"] for i in found if i["payload"]["execution_id"] in mine]
            return [{"of": mine[p["execution_id"]], "payload": p} for p in payloads]

        deadline = time.monotonic() + STEP_S
        while len(shown()) < len(wanted) and time.monotonic() < deadline:
            time.sleep(0.05)
        got = shown()
        if len(got) != len(wanted):
            self.wrong.append(f"$.notifications: expected {len(wanted)}, got {len(got)}")
        for want in wanted:
            if not any(not differences(want, have) for have in got):
                nearest = next((have for have in got if have["of"] == want["of"]), None)
                self.wrong += differences(want, nearest, "$.notifications") or ["$.notifications: missing"]

    def go(self) -> list[str]:
        expect = first_line_only(self.vector["expect"])
        scratch = self.squall.directory / "scratch"
        scratch.mkdir(exist_ok=True)
        asked = json.loads(json.dumps(self.vector["request"]["body"]).replace("{{tmp}}", str(scratch)))
        status, body = self.squall.call("POST", self.vector["request"]["path"], asked)
        if status != expect["post"]["http_status"]:
            return [f"POST answered {status} {body!r:.200}, expected {expect['post']}"]
        if status != 201:
            return differences(expect["post"].get("faultstring", "{{any}}"), body.get("faultstring"), "$.post")
        self.execution = body["id"]
        for number, (step, wanted) in enumerate(zip(self.vector.get("steps", []), expect.get("steps", []))):
            self.step(step, wanted, f"$.steps[{number}]")
        ended(self.squall, self.execution, self.vector.get("stop_at", []))
        wanted = expect["final"]
        self.compare(wanted, self.view(self.execution, wanted), "$.final")
        if "notifications" in expect:
            self.notifications(expect["notifications"])
        return self.wrong


def run_recorded(squall: Squall, vector: Json) -> list[str]:
    try:
        return Run(squall, vector).go()
    except AssertionError as error:
        return [f"stopped: {error}"]
