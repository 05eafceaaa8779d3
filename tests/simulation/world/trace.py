"""What happened, line by line: the same for the same seed, byte by byte."""

from __future__ import annotations

import hashlib
from collections.abc import Callable


class Trace:
    """Lines in the order of events. `keeps` says whether they are kept, or only their digest."""

    def __init__(self, *, keeps: bool = False) -> None:
        self.lines: list[str] = []
        self._keeps = keeps
        self._hash = hashlib.sha256()
        self.seconds: Callable[[], float] = lambda: 0.0

    def line(self, who: str, what: str) -> None:
        """Say that something happened now."""
        text = f"{self.seconds():.6f} {who} {what}"
        self._hash.update(text.encode())
        if self._keeps:
            self.lines.append(text)

    @property
    def digest(self) -> str:
        """Of all lines so far."""
        return self._hash.hexdigest()
