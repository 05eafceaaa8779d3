"""What the judge finds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

SORTS = ("lost", "doubled", "cents", "stuck", "unexplained", "crossed")


@dataclass(slots=True)
class Verdict:
    """What is wrong, by sort: each a sentence. `cents` is money; `waiting` counts what waits for a person, by cause."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)
    crossed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    cents: int = 0
    waiting: Counter[str] = field(default_factory=Counter)

    @property
    def is_clean(self) -> bool:
        """Whether nothing is wrong."""
        return not self.sentences() and self.cents == 0

    def sentences(self) -> list[str]:
        """Everything that is wrong."""
        sorts = ("lost", "doubled", "stuck", "unexplained", "crossed", "wrong")
        return [f"{sort}: {sentence}" for sort in sorts for sentence in getattr(self, sort)]
