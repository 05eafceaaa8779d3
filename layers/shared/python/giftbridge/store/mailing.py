"""Where the mailing of notices stands: three rows of the state table, each change a compare-and-set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from giftbridge.domain.mailing import Mailing, MailTrouble, Recipient
from giftbridge.domain.times import format_moment, parse_moment
from giftbridge.store.rows import Write
from giftbridge.store.state import StateTable

MAILING, TROUBLE, RECIPIENTS = "notices#mailing", "notices#trouble", "notices#recipients"
Seen = Mapping[str, Any] | None


class MailingState:
    """The rows of the mailing. Addresses in them are the notification list's own."""

    def __init__(self, state: StateTable) -> None:
        self.state = state

    def mailing(self) -> tuple[Mailing, Seen]:
        """The mailing as it stands, with the row that says so."""
        row = self.state.get(MAILING)
        if row is None:
            return Mailing(), None
        found = Mailing(
            batch=tuple(row.get("batch", ())),
            attempts=int(row.get("attempts", 0)),
            asking=tuple(row.get("asking", ())),
            served=tuple(row.get("served", ())),
            is_sent=bool(row.get("is_sent", False)),
            until=_moment(row.get("until")),
            last_sent_at=_moment(row.get("last_sent_at")),
        )
        return found, row

    def saving(self, mailing: Mailing, seen: Seen) -> tuple[Write, Seen]:
        """The write of a mailing over the row that was seen, and the row it leaves."""
        values = {
            "batch": list(mailing.batch) or None,
            "attempts": mailing.attempts,
            "asking": list(mailing.asking) or None,
            "served": list(mailing.served) or None,
            "is_sent": mailing.is_sent,
            "until": _text(mailing.until),
            "last_sent_at": _text(mailing.last_sent_at),
        }
        return self.state.replacing(MAILING, values, seen), _next(seen)

    def trouble(self) -> tuple[MailTrouble | None, Seen]:
        """What is wrong, None when nothing is, with the row that says so."""
        row = self.state.get(TROUBLE)
        if row is None or not row.get("cause"):
            return None, row
        found = MailTrouble(
            cause=str(row["cause"]),
            text=str(row["text"]),
            remedy=row.get("remedy"),
            since=parse_moment(row["at"]),
            not_before=parse_moment(row["not_before"]),
            failures=int(row["failures"]),
            settings_version=int(row["settings_version"]),
        )
        return found, row

    def telling(self, trouble: MailTrouble | None, seen: Seen) -> tuple[Write, Seen]:
        """The write of a trouble, or that there is none, over the row that was seen, and the row it leaves."""
        values: dict[str, object] = {}
        if trouble is not None:
            values = {
                "cause": trouble.cause,
                "text": trouble.text,
                "remedy": trouble.remedy,
                "at": format_moment(trouble.since),
                "not_before": format_moment(trouble.not_before),
                "failures": trouble.failures,
                "settings_version": trouble.settings_version,
            }
        return self.state.replacing(TROUBLE, values, seen), _next(seen)

    def recipients(self) -> tuple[dict[str, Recipient], Seen]:
        """What Amazon SES said of each address when last asked, with the row that says so."""
        row = self.state.get(RECIPIENTS)
        told = row.get("addresses", {}) if row else {}
        return {address: _recipient(address, values) for address, values in told.items()}, row

    def remember(self, recipients: Iterable[Recipient], seen: Seen) -> None:
        """Keep what Amazon SES said. Raises LostRace."""
        addresses = {
            recipient.address: {
                "asked_at": format_moment(recipient.asked_at),
                "suppressed_at": _text(recipient.suppressed_at),
                "reason": recipient.reason,
            }
            for recipient in recipients
        }
        self.state.put(RECIPIENTS, {"addresses": addresses}, seen)


def _recipient(address: str, values: Mapping[str, Any]) -> Recipient:
    return Recipient(address, parse_moment(values["asked_at"]), _moment(values.get("suppressed_at")), values["reason"])


def _next(seen: Seen) -> Seen:
    return {"revision": (int(seen["revision"]) if seen else 0) + 1}


def _moment(text: str | None) -> datetime | None:
    return parse_moment(text) if text else None


def _text(moment: datetime | None) -> str | None:
    return format_moment(moment) if moment is not None else None
