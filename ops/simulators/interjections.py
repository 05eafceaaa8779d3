"""What staff does at the very moment a caller is at work: straight before or after one of the caller's calls."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from ops.simulators.wire import Request


class Moment(StrEnum):
    """On which side of the call it happens."""

    BEFORE = "before"
    """The call has arrived and is not carried out yet."""
    AFTER = "after"
    """The call was carried out, and its answer is on the way."""


@dataclass
class Interjection:
    """An act that happens beside the n-th call of an operation whose path or body names a record; once, unless told."""

    operation: str
    act: Callable[[], None]
    moment: Moment = Moment.AFTER
    names: str = ""
    nth: int = 1
    count: int = 1
    seen: int = 0
    fired: int = 0

    def strikes(self, operation_id: str, request: Request) -> bool:
        """Count the call and decide whether the act happens beside it."""
        is_named = self.names in request.target or self.names.encode("utf-8") in request.body
        if operation_id != self.operation or not is_named:
            return False
        self.seen += 1
        if self.seen < self.nth or self.fired >= self.count:
            return False
        self.fired += 1
        return True
