"""The mailing of notices as it stands: which batch is on its way to whom, what went wrong, who is not to be written to.

idle ──► asking (the batch and the addresses, written before Amazon SES is called) ──► sent ──► idle (rows deleted)
A process that died while asking cannot be known to have sent: the batch goes to these addresses again, and says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

MOST_NOTICES = 500
# What Amazon SES takes for one message.
MOST_RECIPIENTS = 50
_FIRST_WAIT = timedelta(minutes=5)
_LONGEST_WAIT = timedelta(hours=1)
_ASK_AGAIN_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Mailing:
    """`batch` holds the keys of the notices on their way; it is empty when nothing is.

    `asking` are the addresses whose answer is not known, `served` those that have this batch. `until` is when the
    process that mails is surely dead. `attempts` counts how often this batch was begun.
    """

    batch: tuple[str, ...] = ()
    attempts: int = 0
    asking: tuple[str, ...] = ()
    served: tuple[str, ...] = ()
    is_sent: bool = False
    until: datetime | None = None
    last_sent_at: datetime | None = None

    def is_live(self, now: datetime) -> bool:
        """Whether another process is at work on it."""
        return self.until is not None and self.until > now


@dataclass(frozen=True, slots=True)
class MailTrouble:
    """Why notices cannot be mailed, without an address; no try before `not_before` unless the settings changed."""

    cause: str
    text: str
    remedy: str | None
    since: datetime
    not_before: datetime
    failures: int
    settings_version: int

    def blocks(self, settings_version: int, now: datetime) -> bool:
        """Whether another try would only fail again."""
        return self.settings_version == settings_version and now < self.not_before


@dataclass(frozen=True, slots=True)
class Recipient:
    """What Amazon SES says of an address: on its suppression list since when and why, as of `asked_at`."""

    address: str
    asked_at: datetime
    suppressed_at: datetime | None = None
    reason: str | None = None

    @property
    def is_suppressed(self) -> bool:
        return self.suppressed_at is not None

    def is_fresh(self, now: datetime) -> bool:
        """Whether it was asked within a day."""
        return now - self.asked_at < _ASK_AGAIN_AFTER

    def in_words(self) -> str:
        """What happened: bounced or complained, and when."""
        what = {"BOUNCE": "bounced", "COMPLAINT": "complained"}.get(self.reason or "", "is suppressed")
        return f"{what} on {self.suppressed_at:%Y-%m-%d}" if self.suppressed_at is not None else "takes e-mail"


def after_failure(
    before: MailTrouble | None, cause: str, text: str, remedy: str | None, settings_version: int, now: datetime
) -> MailTrouble:
    """One more failure: the wait doubles, up to an hour."""
    failures = before.failures + 1 if before is not None else 1
    since = before.since if before is not None and before.cause == cause else now
    wait = min(_FIRST_WAIT * 2 ** min(failures - 1, 10), _LONGEST_WAIT)
    return MailTrouble(cause, text, remedy, since, now + wait, failures, settings_version)


def without_waiting(
    before: MailTrouble | None, cause: str, text: str, remedy: str | None, settings_version: int, now: datetime
) -> MailTrouble:
    """Trouble that does not stop the mailing: the others got the e-mail."""
    since = before.since if before is not None and before.cause == cause else now
    return MailTrouble(cause, text, remedy, since, now, 0, settings_version)


def in_groups(addresses: list[str], size: int) -> list[tuple[str, ...]]:
    """Addresses in groups of at most `size`."""
    return [tuple(addresses[i : i + size]) for i in range(0, len(addresses), size)]
