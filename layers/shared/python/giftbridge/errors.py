"""Everything that can go wrong, named by what happens next.

    GiftBridgeError
    ├── RetryLater          nothing was recorded; the delivery becomes `waiting` and is due again by itself
    │   ├── Held            another delivery settles the key this one needs
    │   ├── BudgetSpent     our own rate budget, or the destination's 429, says: not yet
    │   └── RefusedHere     401, 403 or a redirect for this one record, while a harmless read succeeds
    ├── UnknownOutcome      the request left, its answer did not come: `unknown`, then a probe
    ├── Rejected            refused for good, by the destination or before sending: `failed`, a person looks
    │   ├── Ambiguous       several records fit and only a person can choose
    │   └── RecordMissing   the named record does not exist (404)
    ├── Misconfigured       the destination stops, and an alarm says why
    │   └── Forbidden       401, 403 or a redirect: a harmless read tells of whom it speaks
    ├── Skipped             not to be sent, with the reason: `ignored`
    ├── LostRace            somebody else moved the row first: read again or leave it
    └── InvalidSettings     a settings document is refused; the last good one stays

A `cause` is a short, stable word that groups equal failures; `field` names the offending value in the words of the
system it came from; `remedy` tells a person what to do. None of them ever holds a name, an address or an e-mail.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


class GiftBridgeError(Exception):
    """Root of all expected errors."""

    def __init__(self, text: str, *, cause: str, field: str | None = None, remedy: str | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.cause = cause
        self.field = field
        self.remedy = remedy

    def explain(self) -> str:
        """The sentence an operator reads: field, problem, remedy."""
        where = f"{self.field}: " if self.field else ""
        remedy = f" — {self.remedy}" if self.remedy else ""
        return f"{where}{self.text}{remedy}"


class RetryLater(GiftBridgeError):
    """Nothing was recorded. `not_before` is set where the other side named a time (Retry-After).

    `counts` is False where waiting says nothing about the destination's health (a hold, a budget).
    """

    counts = True

    def __init__(
        self,
        text: str,
        *,
        cause: str,
        field: str | None = None,
        remedy: str | None = None,
        not_before: datetime | None = None,
        system: str | None = None,
    ) -> None:
        super().__init__(text, cause=cause, field=field, remedy=remedy)
        self.not_before = not_before
        self.system = system


class Held(RetryLater):
    """Another delivery comes first: `waits_for` is its id."""

    counts = False

    def __init__(self, text: str, *, waits_for: str, cause: str = "held", not_before: datetime) -> None:
        super().__init__(text, cause=cause, not_before=not_before)
        self.waits_for = waits_for


class BudgetSpent(RetryLater):
    """The rate budget until `not_before` is used up."""

    counts = False


class RefusedHere(RetryLater):
    """This one record is refused as if the credentials were wrong, which they are not: soon a person looks."""

    counts = False


class UnknownOutcome(GiftBridgeError):
    """A write's first byte left and no readable answer came back.

    `counts` is False where the system did answer, only not readably: that is no outage.
    """

    def __init__(
        self, text: str, *, cause: str = "answer-lost", system: str | None = None, counts: bool = True
    ) -> None:
        super().__init__(text, cause=cause, remedy="GiftBridge looks for the record before it sends again")
        self.system = system
        self.counts = counts


class Rejected(GiftBridgeError):
    """Refused for good. Nothing was recorded. `status` and `system` are the answer's, where there was one."""

    def __init__(
        self,
        text: str,
        *,
        cause: str,
        field: str | None = None,
        remedy: str | None = None,
        status: int | None = None,
        system: str | None = None,
    ) -> None:
        super().__init__(text, cause=cause, field=field, remedy=remedy)
        self.status = status
        self.system = system


class Ambiguous(Rejected):
    """Several records fit; `candidates` are their ids at the destination."""

    def __init__(self, text: str, *, cause: str, candidates: tuple[str, ...], remedy: str) -> None:
        super().__init__(text, cause=cause, remedy=remedy)
        self.candidates = candidates


class RecordMissing(Rejected):
    """404: the named record does not exist there."""


class Misconfigured(GiftBridgeError):
    """Credentials, permissions or an address that cannot work. No further call until something changed."""

    def __init__(self, text: str, *, system: str) -> None:
        super().__init__(
            text,
            cause="credentials-refused",
            field=f"{system} credentials",
            remedy=f"run `giftbridge connect {system}` with credentials that work, or `giftbridge resume {system}`",
        )
        self.system = system


class Forbidden(Misconfigured):
    """401, 403 or a redirect: the credentials are refused, or this one record, or a gateway stands in between.

    `is_from_gateway` is set where no answer of the system itself came: a page or nothing in place of JSON, or a
    redirect. If the call was a write, its outcome is not known.
    """

    def __init__(self, operation: str, *, system: str, status: int, is_from_gateway: bool) -> None:
        super().__init__(f"{operation} was answered with {status}", system=system)
        self.status = status
        self.is_from_gateway = is_from_gateway


class Skipped(GiftBridgeError):
    """Not to be sent; the delivery becomes `ignored` with this reason."""


class LostRace(GiftBridgeError):
    """A row was changed by somebody else since it was read; `rows` are the labels of the rows."""

    def __init__(self, text: str, rows: tuple[str, ...] = ()) -> None:
        super().__init__(text, cause="lost-race")
        self.rows = rows


@dataclass(frozen=True, slots=True)
class SettingsProblem:
    """What is wrong with a setting, or with an entry of it; without a field, with the whole document."""

    field: str
    text: str

    def __str__(self) -> str:
        return f"{self.field or 'document'}: {self.text}"

    def is_of(self, setting: str) -> bool:
        """Whether it is the setting's own problem, or one of its entries'."""
        return f"{self.field}.".startswith(f"{setting}.")


class InvalidSettings(GiftBridgeError):
    """A settings document that breaks a rule; `problems` names each field and the allowed values."""

    def __init__(self, problems: Sequence[SettingsProblem]) -> None:
        super().__init__("; ".join(map(str, problems)), cause="invalid-settings")
        self.problems = tuple(problems)
