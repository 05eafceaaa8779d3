"""What a tally with Virtuous found: counts, and every difference by name."""

from collections import Counter
from dataclasses import dataclass, field

VIRTUOUS_DIFFERENCES = {
    "different_fields": "is not the same on both sides",
    "lost_edits": "was edited, and the edit is lost",
    "echoes": "was sent what it said itself",
    "different_projects": "is not the same project in Virtuous",
    "crossed_emails": "has an e-mail that came from Virtuous",
    "doubled_donors": "was made more than once on RaiseDonors",
    "missing_gifts": "is neither held nor landed in Virtuous",
    "doubled_gifts": "is in Virtuous more than once",
    "foreign_gifts": "should not be in Virtuous",
    "changed_repeats": "was sent again with another content",
    "wrong_gifts": "differs in Virtuous",
    "missing_reversals": "was given back, but not in Virtuous",
    "doubled_reversals": "has too many reversals in Virtuous",
}


@dataclass(frozen=True, slots=True)
class VirtuousFinding:
    """One difference: the record it is about and what is wrong."""

    subject: str
    detail: str

    def describe(self) -> str:
        """The finding in one line."""
        return f"{self.subject}: {self.detail}"


@dataclass(slots=True)
class VirtuousTally:
    """The result of a tally."""

    counts: Counter[str] = field(default_factory=Counter)
    different_fields: list[VirtuousFinding] = field(default_factory=list)
    lost_edits: list[VirtuousFinding] = field(default_factory=list)
    echoes: list[VirtuousFinding] = field(default_factory=list)
    different_projects: list[VirtuousFinding] = field(default_factory=list)
    crossed_emails: list[VirtuousFinding] = field(default_factory=list)
    doubled_donors: list[VirtuousFinding] = field(default_factory=list)
    missing_gifts: list[VirtuousFinding] = field(default_factory=list)
    doubled_gifts: list[VirtuousFinding] = field(default_factory=list)
    foreign_gifts: list[VirtuousFinding] = field(default_factory=list)
    changed_repeats: list[VirtuousFinding] = field(default_factory=list)
    wrong_gifts: list[VirtuousFinding] = field(default_factory=list)
    missing_reversals: list[VirtuousFinding] = field(default_factory=list)
    doubled_reversals: list[VirtuousFinding] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether both sides agree in every respect."""
        return not any(getattr(self, name) for name in VIRTUOUS_DIFFERENCES)

    def describe(self) -> list[str]:
        """The result in readable lines, the differences one by one."""
        lines = [f"{name}: {count}" for name, count in sorted(self.counts.items())]
        for name, meaning in VIRTUOUS_DIFFERENCES.items():
            lines += [f"{meaning}: {finding.describe()}" for finding in getattr(self, name)]
        return [*lines, "both sides agree" if self.clean else "THE SIDES DIFFER"]
