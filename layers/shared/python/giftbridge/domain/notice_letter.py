"""The e-mail that tells everything that waited: by kind, then by donor, oldest first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from giftbridge.domain.entities import donor_of
from giftbridge.domain.notices import (
    DIGEST,
    EDIT_FORGOTTEN,
    EDIT_WITHOUT_PARTNER,
    PARTNER_CREATED_AMONG_SEVERAL,
    PLEDGE_NOT_ENDED,
    PLEDGE_RECREATED,
    REFUND_TO_NEW_PARTNER,
    FieldChange,
    WaitingNotice,
)
from giftbridge.domain.times import parse_moment

# One of them, several of them.
_TITLES = {
    EDIT_FORGOTTEN: ("donor who differs after a restore", "donors who differ after a restore"),
    EDIT_WITHOUT_PARTNER: ("donor edit without a partner", "donor edits without a partner"),
    PARTNER_CREATED_AMONG_SEVERAL: (
        "partner created although several match",
        "partners created although several match",
    ),
    PLEDGE_NOT_ENDED: ("pledge not ended", "pledges not ended"),
    PLEDGE_RECREATED: ("pledge created anew", "pledges created anew"),
    DIGEST: ("daily digest", "daily digests"),
    REFUND_TO_NEW_PARTNER: ("refund of a new partner", "refunds of new partners"),
}
_MOST_KINDS_IN_SUBJECT = 3
_LONGEST_SHOWN = 200
# What could break a line, a header, or the order in which a line is read.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_TURNING = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Letter:
    """An e-mail in plain text."""

    subject: str
    text: str


def letter(
    waiting: Sequence[WaitingNotice],
    zone: str,
    stack: str = "",
    *,
    may_be_repeat: bool = False,
    more_wait: bool = False,
) -> Letter:
    """The e-mail for these notices, given oldest first; moments are shown in the time zone."""
    kinds: dict[str, list[WaitingNotice]] = {}
    for one in waiting:
        kinds.setdefault(one.notice.kind, []).append(one)
    lines = [_opening(waiting, zone, stack)]
    if may_be_repeat:
        lines.append("GiftBridge could not learn whether an e-mail before this one arrived: this may be a repeat.")
    for kind, notices in kinds.items():
        lines += _section(kind, notices, ZoneInfo(zone), stack)
    if more_wait:
        lines += ["", "More notices wait; they come with the next e-mail."]
    return Letter(_subject(kinds, stack, may_be_repeat), "\n".join(lines) + "\n")


def _subject(kinds: dict[str, list[WaitingNotice]], stack: str, may_be_repeat: bool) -> str:
    parts = [f"{len(notices)} {_title(kind, len(notices))}" for kind, notices in kinds.items()]
    if len(parts) > _MOST_KINDS_IN_SUBJECT:
        rest = sum(len(notices) for notices in list(kinds.values())[_MOST_KINDS_IN_SUBJECT:])
        parts = [*parts[:_MOST_KINDS_IN_SUBJECT], f"{rest} more"]
    repeat = " (may be a repeat)" if may_be_repeat else ""
    return f"{_sender(stack)}: {', '.join(parts)}{repeat}"


def _sender(stack: str) -> str:
    return f"GiftBridge ({_plain(stack)})" if stack else "GiftBridge"


def _title(kind: str, count: int) -> str:
    one, several = _TITLES.get(kind, (f"notice: {_words(kind)}", f"notices: {_words(kind)}"))
    return one if count == 1 else several


def _words(kind: str) -> str:
    return _plain(kind.replace("-", " "))


def _opening(waiting: Sequence[WaitingNotice], zone: str, stack: str) -> str:
    first, last = (_moment(one, ZoneInfo(zone)) for one in (waiting[0], waiting[-1]))
    when = f"at {first}" if first == last else f"between {first} and {last}"
    notices = "1 notice" if len(waiting) == 1 else f"{len(waiting)} notices"
    return f"{_sender(stack)} has {notices} for you, written {when} ({zone})."


def _section(kind: str, notices: list[WaitingNotice], zone: ZoneInfo, stack: str) -> list[str]:
    title = f"{len(notices)} {_title(kind, len(notices))}"
    lines = ["", title, "=" * len(title)]
    groups: dict[str, list[WaitingNotice]] = {}
    for one in notices:
        groups.setdefault(one.notice.about, []).append(one)
    for about, group in groups.items():
        lines += ["", _name(about)]
        for one in group:
            lines.append(f"  {_moment(one, zone)}  {_shown(one.notice.text)}")
            shown = _total if kind == DIGEST else _change
            lines += [f"    {shown(change)}" for change in one.notice.changes]
        lines += _look_further(about, group[-1], stack)
    return lines


def _name(about: str) -> str:
    entity, _, number = about.partition("#")
    return f"{_plain(entity).capitalize()} {_plain(number)}".strip()


def _look_further(about: str, last: WaitingNotice, stack: str) -> list[str]:
    """The command that tells the whole story."""
    donor = donor_of(about)
    named = f"--donor {donor}" if donor is not None else _plain(last.notice.delivery_id or "")
    if not named:
        return []
    of_stack = f" --stack-name {_plain(stack)}" if stack else ""
    return [f"  To look further: giftbridge activity {named}{of_stack}"]


def _moment(one: WaitingNotice, zone: ZoneInfo) -> str:
    written: datetime = parse_moment(one.key.partition("#")[0])
    return written.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def _change(change: FieldChange) -> str:
    return f"{_plain(change.field)}: {_value(change.old)} → {_value(change.new)}"


def _total(total: FieldChange) -> str:
    return f"{_plain(total.field)}: {_value(total.new)}"


def _value(value: str | None) -> str:
    if value is None:
        return "(none)"
    return _shown(value) or "(empty)"


def _shown(value: str) -> str:
    plain = _plain(value)
    return plain if len(plain) <= _LONGEST_SHOWN else plain[: _LONGEST_SHOWN - 1] + "…"


def _plain(value: str) -> str:
    """A value on one line, readable in one direction: names come from strangers."""
    return _TURNING.sub("", _UNPRINTABLE.sub(" ", value)).strip()
