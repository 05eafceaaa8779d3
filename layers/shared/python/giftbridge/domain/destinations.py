"""A destination's health: breaker, stop, pause, and the moment before which nothing is to be sent.

closed ──(failures of different donors in a row)──► open ──(probe time)──► half-open ──► closed | open
stopped: credentials refused; one try an hour (every five minutes where no account can be locked out by it), or a new
         secret or settings version, or `giftbridge resume`
paused:  an operator said so
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from giftbridge.domain.settings import RetrySettings

STOPPED_RETRY = timedelta(hours=1)
_FORBIDDEN_RETRY = timedelta(minutes=5)
# The most that a system can ask for with one answer.
LONGEST_WAIT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Destination:
    """A row of the state table. `trial` names the delivery that may try while the breaker is half open.

    `not_before` is what the system asked for at `asked_at`, which rows of older versions do not tell.
    """

    name: str
    revision: int = 0
    paused_by: str | None = None
    stopped_why: str | None = None
    stopped_at: datetime | None = None
    stopped_versions: str | None = None
    opened_at: datetime | None = None
    probe_at: datetime | None = None
    trial: str | None = None
    failed_donors: tuple[str, ...] = ()
    not_before: datetime | None = None
    asked_at: datetime | None = None
    last_success_at: datetime | None = None

    def blocks(self, delivery_id: str, now: datetime) -> tuple[str, datetime] | None:
        """Why this delivery may not call the destination now, and until when; None when it may."""
        if self.paused_by is not None:
            return f"{self.name} is paused by {self.paused_by}", now + timedelta(minutes=1)
        waits_until = self.waits_until(now)
        if waits_until is not None:
            return f"{self.name} asked for a pause (429)", waits_until
        if self.stopped_at is not None:
            return None if self.trial == delivery_id else (self.stopped_why or "stopped", self.next_try(now))
        if self.opened_at is not None:
            return None if self.trial == delivery_id else (f"the breaker of {self.name} is open", self.next_try(now))
        return None

    def waits_until(self, now: datetime) -> datetime | None:
        """Until when the system itself wants no calls, an hour after it asked at the latest; None when it wants some.

        Where it is not told when it asked, what lies more than an hour ahead is not believed.
        """
        if self.not_before is None or self.not_before <= now:
            return None
        if self.asked_at is None:
            return self.not_before if self.not_before <= now + LONGEST_WAIT else None
        until = min(self.not_before, self.asked_at + LONGEST_WAIT)
        return until if until > now else None

    def next_try(self, now: datetime) -> datetime:
        """When one delivery may try again."""
        return max(self.probe_at or now, now + timedelta(seconds=1))

    @property
    def is_healthy(self) -> bool:
        return self.paused_by is None and self.stopped_at is None and self.opened_at is None


def after_failure(destination: Destination, donor: str, retries: RetrySettings, why: str, now: datetime) -> Destination:
    """A failure that speaks against the destination. Enough donors in a row open the breaker; a failed trial too."""
    donors = tuple(dict.fromkeys((*destination.failed_donors, donor)))[-retries.breaker_failures :]
    opens = len(donors) >= retries.breaker_failures or destination.opened_at is not None
    if not opens:
        return replace(destination, failed_donors=donors)
    return replace(
        destination,
        failed_donors=donors,
        opened_at=destination.opened_at or now,
        probe_at=now + timedelta(seconds=retries.breaker_probe_seconds),
        trial=None,
    )


def after_success(destination: Destination, now: datetime) -> Destination:
    """An answer that proves the destination works: everything closes."""
    return replace(
        destination,
        failed_donors=(),
        opened_at=None,
        probe_at=None,
        trial=None,
        stopped_at=None,
        stopped_why=None,
        stopped_versions=None,
        # What is over or was never believed is forgotten: it would come into force in its last hour.
        not_before=destination.waits_until(now),
        last_success_at=now,
    )


def after_too_many_calls(destination: Destination, until: datetime, now: datetime) -> Destination:
    """429: no call before the moment it asked for, at most an hour from now."""
    return replace(destination, not_before=min(until, now + LONGEST_WAIT), asked_at=now)


def after_refused_credentials(
    destination: Destination, why: str, versions: str, now: datetime, *, may_lock_out: bool = True
) -> Destination:
    """No call until the secret or the settings change, an operator resumes, or some time has passed.

    `may_lock_out` is False where the credentials were right and the permission was not (403).
    """
    return replace(
        destination,
        stopped_at=destination.stopped_at or now,
        stopped_why=why,
        stopped_versions=versions,
        probe_at=now + (STOPPED_RETRY if may_lock_out else _FORBIDDEN_RETRY),
        trial=None,
    )


def needs_success_noted(destination: Destination, now: datetime) -> bool:
    """Whether a success is worth a write: it closes something, or the last one noted is a minute old."""
    troubled = destination.failed_donors or destination.opened_at or destination.stopped_at
    stale = destination.last_success_at is None or now - destination.last_success_at > timedelta(minutes=1)
    return bool(troubled) or stale
