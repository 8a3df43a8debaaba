"""What is remembered of stacks: one JSON file each, which any process can read."""

from __future__ import annotations

import fcntl
import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from behavior.whole_file import whole_file
from infra.local.access.asked import arn
from infra.local.cloudformation.plan import Planned

_MOST_EVENTS = 500


@dataclass
class ChangeSet:
    """A change set that was made, and perhaps executed."""

    name: str
    id: str
    body: str
    parameters: dict[str, str]
    capabilities: list[str]
    tags: dict[str, str]
    imports: bool
    on_failure: str
    changes: list[dict[str, Any]] = field(default_factory=list)
    status: str = "CREATE_COMPLETE"
    reason: str = ""
    execution: str = "AVAILABLE"


@dataclass
class Stack:
    """A stack with its resources as they are now."""

    name: str
    id: str
    created: str
    status: str = "REVIEW_IN_PROGRESS"
    reason: str = ""
    body: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    capabilities: list[str] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Logical name -> fields of Planned, in the order in which they were made."""
    events: list[dict[str, str]] = field(default_factory=list)
    change_sets: dict[str, ChangeSet] = field(default_factory=dict)

    @classmethod
    def new(cls, name: str) -> Stack:
        """Return a stack that has nothing yet."""
        return cls(name, arn("cloudformation", f"stack/{name}/{uuid.uuid4()}"), now())

    def present(self) -> dict[str, Planned]:
        """Return its resources."""
        return {name: Planned(**fields) for name, fields in self.resources.items()}

    def put(self, resource: Planned) -> None:
        """Note that a resource is there."""
        self.resources[resource.logical] = asdict(resource)

    def tell(self, logical: str, kind: str, physical: str, status: str, reason: str = "") -> None:
        """Add an event."""
        event = {"EventId": str(uuid.uuid4()), "StackId": self.id, "StackName": self.name, "LogicalResourceId": logical, "Timestamp": now()}
        self.events.append(
            {**event, "PhysicalResourceId": physical, "ResourceType": kind, "ResourceStatus": status, "ResourceStatusReason": reason}
        )
        del self.events[:-_MOST_EVENTS]

    def enter(self, status: str, reason: str = "") -> None:
        """Change the status and tell of it."""
        self.status, self.reason = status, reason
        self.tell(self.name, "AWS::CloudFormation::Stack", self.id, status, reason)


class StackStore:
    """The stacks of one root."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other process from changing stacks."""
        with self.lock_file() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def lock_file(self) -> TextIO:
        """Open the file whose lock whoever changes a stack holds."""
        return (self._folder / ".lock").open("w")

    def get(self, name: str) -> Stack | None:
        """Return a stack by its name or its id."""
        if name.startswith("arn:"):
            _, named, number = name.split("/")
            found = self._read(self._folder / f"{named}.json")
            return found if found and found.id == name else self._read(self._folder / "deleted" / f"{number}.json")
        return self._read(self._folder / f"{name}.json")

    def _read(self, path: Path) -> Stack | None:
        try:
            fields = json.loads(path.read_text())
        except FileNotFoundError:
            return None
        fields["change_sets"] = {key: ChangeSet(**value) for key, value in fields["change_sets"].items()}
        return Stack(**fields)

    def save(self, stack: Stack) -> None:
        """Write a stack, whole or not at all."""
        with whole_file(self._folder / f"{stack.name}.json") as draft:
            draft.write_text(json.dumps(asdict(stack)))

    def remove(self, stack: Stack) -> None:
        """Forget a stack; only who knows its id still finds it."""
        path = self._folder / f"{stack.name}.json"
        (self._folder / "deleted").mkdir(exist_ok=True)
        path.replace(self._folder / "deleted" / f"{stack.id.rpartition('/')[2]}.json")

    def all(self) -> list[Stack]:
        """Return every stack, by name."""
        found = (self.get(path.stem) for path in sorted(self._folder.glob("*.json")))
        return [stack for stack in found if stack]


def now() -> str:
    """Return the time as CloudFormation writes it."""
    return datetime.fromtimestamp(time.time(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
