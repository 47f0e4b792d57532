"""What the RDS proxy remembers of each DB instance: the states it walks through, and the changes not yet applied."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any
from xml.etree import ElementTree as ET

NAMESPACE = "http://rds.amazonaws.com/doc/2014-10-31/"
_TAG = f"{{{NAMESPACE}}}"
ET.register_namespace("", NAMESPACE)

# Changes that AWS makes during `modifying` and shows in PendingModifiedValues until then.
DEFERRED = ("DBInstanceClass", "AllocatedStorage", "EngineVersion", "MultiAZ", "Iops", "StorageType",
            "StorageThroughput", "BackupRetentionPeriod")
MASK = "****"


@dataclass
class Times:
    """Seconds spent in each state."""

    create_s: float = 4.0
    backup_s: float = 2.0
    modify_lag_s: float = 0.3  # AWS still says `available` for a moment after it accepted a change
    modify_s: float = 2.0
    delete_s: float = 3.0

    def update(self, changes: dict[str, float]) -> None:
        known = {item.name for item in fields(self)}
        for name, value in changes.items():
            if name not in known:
                raise ValueError(f"unknown time {name!r}; known are {', '.join(sorted(known))}")
            setattr(self, name, float(value))


@dataclass
class Instance:
    """One DB instance that was created through the proxy. Moments are epoch seconds, so that they outlive a restart."""

    region: str
    identifier: str
    phases: list[tuple[str, float]] = field(default_factory=list)  # (state, until)
    created_until: float = 0.0                       # no Endpoint before
    forced_status: str | None = None
    endpoint: str = ""                               # HOST:PORT, when it is not that of all
    resource_id: str = ""                            # moto draws a new one when it is restarted; ours stays
    pending: dict[str, str] = field(default_factory=dict)
    masked: dict[str, str] = field(default_factory=dict)   # shown as pending, already applied
    apply_at: float | None = None
    delete_at: float | None = None
    delete_params: dict[str, str] = field(default_factory=dict)

    def status(self, now: float) -> str | None:
        """The state to show, or None when moto's own is right."""
        if self.forced_status:
            return self.forced_status
        return next((state for state, until in self.phases if now < until), None)

    def creating(self, now: float) -> bool:
        return now < self.created_until

    def begin_create(self, now: float, times: Times, *, backups: bool) -> None:
        backup_s = times.backup_s if backups else 0.0
        self.created_until = now + times.create_s + backup_s
        self.phases = [("creating", now + times.create_s), ("backing-up", self.created_until)]
        self.masked = {"MasterUserPassword": MASK}

    def begin_change(self, now: float, times: Times, state: str) -> None:
        starts = now + times.modify_lag_s
        self.phases = [("available", starts), (state, starts + times.modify_s)]
        self.apply_at = starts + times.modify_s

    def begin_delete(self, now: float, times: Times, params: dict[str, str]) -> None:
        self.delete_at = now + times.delete_s
        # The proxy is told of the end by delete_at, so the last phase has none of its own.
        self.phases = [("deleting", float("inf"))]
        self.delete_params = params

    def skip_ahead(self, now: float) -> None:
        """Ends the present walk at once."""
        self.phases = [] if self.delete_at is None else self.phases
        self.created_until = min(self.created_until, now)
        self.apply_at = now if self.apply_at is not None else None
        self.delete_at = now if self.delete_at is not None else None
        self.forced_status = None


class Book:
    """All instances of the proxy, by region and lower-case identifier."""

    def __init__(self, state: dict[str, Any] | None = None) -> None:
        self._instances: dict[tuple[str, str], Instance] = {}
        for item in (state or {}).get("instances", []):
            item["phases"] = [tuple(phase) for phase in item["phases"]]
            instance = Instance(**item)
            self._instances[instance.region, instance.identifier] = instance

    def to_state(self) -> dict[str, Any]:
        return {"instances": [asdict(instance) for instance in self._instances.values()]}

    def add(self, region: str, identifier: str) -> Instance:
        instance = Instance(region, identifier.lower())
        self._instances[region, instance.identifier] = instance
        return instance

    def get(self, region: str, identifier: str) -> Instance | None:
        return self._instances.get((region, identifier.lower()))

    def named(self, identifier: str) -> list[Instance]:
        """In every region; "*" means all."""
        return [instance for instance in self._instances.values() if identifier.lower() in ("*", instance.identifier)]

    def remove(self, instance: Instance) -> None:
        self._instances.pop((instance.region, instance.identifier), None)

    def rename(self, instance: Instance, identifier: str) -> None:
        self.remove(instance)
        instance.identifier = identifier.lower()
        self._instances[instance.region, instance.identifier] = instance


# ---------------------------------------------------------------- XML


def text_of(element: ET.Element, name: str) -> str:
    return element.findtext(_TAG + name, "")


def instances_in(root: ET.Element) -> list[ET.Element]:
    return [element for element in root.iter(_TAG + "DBInstance") if element.find(_TAG + "DBInstanceIdentifier") is not None]


def simple_fields(element: ET.Element) -> dict[str, str]:
    return {child.tag.removeprefix(_TAG): child.text or "" for child in element if len(child) == 0}


def to_bytes(root: ET.Element) -> bytes:
    return ET.tostring(root, encoding="utf-8", xml_declaration=False)


def _set(element: ET.Element, name: str, text: str) -> None:
    child = element.find(_TAG + name)
    if child is None:
        child = ET.SubElement(element, _TAG + name)
    child.text = text


def _drop(element: ET.Element, *names: str) -> None:
    for name in names:
        if (child := element.find(_TAG + name)) is not None:
            element.remove(child)


def endpoint_of(instance: Instance, of_all: tuple[str, int] | None) -> tuple[str, int] | None:
    host, _, port = instance.endpoint.rpartition(":")
    return (host, int(port)) if host else of_all


def show(element: ET.Element, instance: Instance, now: float, endpoint: tuple[str, int] | None) -> None:
    """Rewrites one <DBInstance> of moto to what AWS would show at this moment."""
    if status := instance.status(now):
        _set(element, "DBInstanceStatus", status)
    if instance.resource_id:
        _set(element, "DbiResourceId", instance.resource_id)
    if instance.creating(now):
        _drop(element, "Endpoint", "InstanceCreateTime", "LatestRestorableTime", "DbInstancePort")
    elif (place := endpoint_of(instance, endpoint)) and (node := element.find(_TAG + "Endpoint")) is not None:
        _set(node, "Address", place[0])
        _set(node, "Port", str(place[1]))
    pending = {**instance.pending, **instance.masked}
    if pending:
        _drop(element, "PendingModifiedValues")
        node = ET.SubElement(element, _TAG + "PendingModifiedValues")
        for name, value in pending.items():
            _set(node, name, value)


def error_body(code: str, message: str, status: int, request_id: str) -> bytes:
    root = ET.Element(_TAG + "ErrorResponse")
    error = ET.SubElement(root, _TAG + "Error")
    _set(error, "Type", "Receiver" if status >= 500 else "Sender")
    _set(error, "Code", code)
    _set(error, "Message", message)
    _set(root, "RequestId", request_id)
    return to_bytes(root)
