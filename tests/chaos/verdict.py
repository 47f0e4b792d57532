"""What squall made of a chaos run: which last generations it missed and what it repeated."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from cluster import Book
from squall_server import FINAL, Squall

Json = Any


@dataclass
class Verdict:
    missed: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    instances: int = 0
    executions: int = 0


def judge(squall: Squall, book: Book, living: dict[str, Json]) -> Verdict:
    """Compares with what is on the server (`living`, metadata by uid) and with what the writer knows to be gone."""
    verdict = Verdict()
    instances = {item["id"]: item["payload"] for item in squall.get("/triggerinstances?limit=-1")
                 if str(item["trigger"]).startswith("kubernetes.") or "uid" in item["payload"]}
    executions = squall.get("/executions?limit=-1&include_attributes=status,trigger_instance")
    acted = Counter(str((item.get("trigger_instance") or {}).get("id")) for item in executions if item["status"] in FINAL)
    verdict.instances, verdict.executions = len(instances), len(executions)

    told: Counter[tuple[str, str, str]] = Counter()     # by uid, event and resourceVersion
    acted_on: Counter[tuple[str, int]] = Counter()      # changes of the spec, by uid and generation
    created: Counter[str] = Counter()
    deleted: Counter[str] = Counter()
    newest: dict[str, int] = {}
    for identity, payload in instances.items():
        uid, event = payload["uid"], payload["event"]
        told[(uid, event, payload["resource_version"])] += 1
        runs = acted[identity]
        if event == "deleted":
            deleted[uid] += runs
        elif event == "created" or (payload["old_object"] or {}).get("metadata", {}).get("generation") != payload["generation"]:
            acted_on[(uid, payload["generation"])] += runs
            created[uid] += event == "created"
        if event != "deleted":
            newest[uid] = max(newest.get(uid, 0), int(payload["resource_version"]))
        elif runs == 0:
            verdict.missed.append(f"nothing acted on the deletion of {payload['name']} {uid}")
        if uid not in book.made and payload["name"] not in book.doubtful:
            verdict.repeated.append(f"{event} of {payload['name']} {uid}, which never was")

    for uid, metadata in living.items():
        what = f"{metadata['name']} {uid}"
        if acted_on[(uid, metadata["generation"])] == 0:
            verdict.missed.append(f"generation {metadata['generation']} of {what}")
        if newest.get(uid) != int(metadata["resourceVersion"]):
            verdict.missed.append(f"version {metadata['resourceVersion']} of {what}, told of {newest.get(uid)}")
        if deleted[uid]:
            verdict.repeated.append(f"a deletion of {what}, which is there")
    for uid in book.deleted - living.keys():
        # What came and went while nobody looked need not be told of.
        if created[uid] and not deleted[uid]:
            verdict.missed.append(f"the deletion of {book.made.get(uid)} {uid}")
        if deleted[uid] and not created[uid]:
            verdict.missed.append(f"the creation of {book.made.get(uid)} {uid}, whose deletion was told")
    for (uid, event, version), count in told.items():
        if count > 1:
            verdict.repeated.append(f"{event} of {uid} at version {version}: told {count} times")
    for (uid, generation), count in acted_on.items():
        if count > 1:
            verdict.repeated.append(f"generation {generation} of {uid}: acted on {count} times")
    for uid in created.keys() | deleted.keys():
        if created[uid] > 1 or deleted[uid] > 1:
            verdict.repeated.append(f"{uid}: created {created[uid]} times, deleted {deleted[uid]} times")
    return verdict
