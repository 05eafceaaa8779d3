"""What happened, line by line: the same for the same seed, byte by byte."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from greenlet import getcurrent, greenlet


@dataclass(frozen=True, slots=True)
class Line:
    """`about` names the rows that were touched, `delivery` the one that the thread was working on, if any."""

    seconds: float
    who: str
    what: str
    about: str = ""
    delivery: str = ""

    def __str__(self) -> str:
        return f"{self.seconds:.6f} {self.who} {self.what}" + (f" [{self.about}]" if self.about else "")


class Trace:
    """Lines in the order of events. `keeps` says whether they are kept, or only their digest."""

    def __init__(self, *, keeps: bool = False) -> None:
        self.lines: list[Line] = []
        self.keeps = keeps
        self._hash = hashlib.sha256()
        self._works_on: WeakKeyDictionary[greenlet, str] = WeakKeyDictionary()
        self.seconds: Callable[[], float] = lambda: 0.0

    def line(self, who: str, what: str, about: str = "", delivery: str = "") -> None:
        """Say that something happened now."""
        seconds = self.seconds()
        self._hash.update(f"{seconds:.6f} {who} {what}".encode())
        if self.keeps:
            self.lines.append(Line(seconds, who, what, about, delivery or self.works_on()))

    def begins_with(self, delivery: str) -> None:
        """The present thread works on this delivery from now on."""
        self._works_on[getcurrent()] = delivery

    def works_on(self) -> str:
        """The delivery that the present thread works on."""
        return self._works_on.get(getcurrent(), "")

    @property
    def digest(self) -> str:
        """Of all lines so far."""
        return self._hash.hexdigest()
