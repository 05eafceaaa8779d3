"""The record of every call a simulated service received."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ops.simulators.wire import Request


@dataclass(slots=True)
class LogEntry:
    """One call: what was asked and what the caller saw. `status` is None while unanswered and after a hang-up."""

    n: int
    at: datetime
    method: str
    path: str
    operation_id: str | None
    status: int | None = None
    fault: str | None = None
    executed_status: int | None = None
    """What the operation itself said, if it ran; differs from `status` when a fault hid the true answer."""

    def as_json(self) -> dict[str, Any]:
        """The entry as the control side shows it."""
        return {
            "n": self.n,
            "at": self.at.astimezone(UTC).isoformat(),
            "method": self.method,
            "path": self.path,
            "operationId": self.operation_id,
            "status": self.status,
            "fault": self.fault,
            "executedStatus": self.executed_status,
        }


class AccessLog:
    """All calls in the order of their arrival; control calls are not among them."""

    def __init__(self) -> None:
        self._entries: list[LogEntry] = []
        self._next_n = 1

    def open(self, at: datetime, request: Request, operation_id: str | None) -> LogEntry:
        """Note the arrival of a call."""
        entry = LogEntry(self._next_n, at, request.method, request.target, operation_id)
        self._next_n += 1
        self._entries.append(entry)
        return entry

    def of(self, *operation_ids: str) -> list[LogEntry]:
        """The calls of these operations."""
        return [entry for entry in list(self._entries) if entry.operation_id in operation_ids]

    def since(self, n: int) -> list[LogEntry]:
        """The calls after the n-th."""
        return [entry for entry in list(self._entries) if entry.n > n]

    def counts(self) -> dict[str, int]:
        """How many calls each operation received."""
        counts: dict[str, int] = {}
        for entry in list(self._entries):
            name = entry.operation_id or "none"
            counts[name] = counts.get(name, 0) + 1
        return counts

    def clear(self) -> None:
        """Forget all calls; numbering goes on."""
        self._entries.clear()

    def __iter__(self) -> Iterator[LogEntry]:
        return iter(list(self._entries))

    def __len__(self) -> int:
        return len(self._entries)
