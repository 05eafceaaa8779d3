"""How the mailing of notices stands: what waits, what is wrong, who is on Amazon SES' suppression list."""

from __future__ import annotations

from dataclasses import dataclass

from giftbridge.domain.mailing import MailTrouble, Recipient
from giftbridge.domain.settings import NotificationSettings
from giftbridge.store.mailing import MailingState
from giftbridge.store.settings_versions import SettingsVersion
from ops.operating.stack import Stack

MOST_COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class NoticeStatus:
    """`waiting` stops at MOST_COUNTED; `suppressed` are recipients that get nothing."""

    waiting: int
    trouble: MailTrouble | None
    suppressed: tuple[Recipient, ...]


def read_notices(stack: Stack, version: SettingsVersion) -> NoticeStatus:
    """Look at the waiting notices and at the mailing's own rows."""
    rows = MailingState(stack.tools.state)
    listed = {address.strip() for address in version.settings.notifications.recipients}
    told, _ = rows.recipients()
    suppressed = [recipient for recipient in told.values() if recipient.is_suppressed and recipient.address in listed]
    waiting, (trouble, _) = stack.tools.notices.count(MOST_COUNTED), rows.trouble()
    # With other settings it may be over; the next e-mail will tell.
    is_old_news = trouble is not None and trouble.settings_version != version.number and not waiting
    return NoticeStatus(waiting, None if is_old_news else trouble, tuple(suppressed))


def judge(found: NoticeStatus, notifications: NotificationSettings, hint: str) -> list[str]:
    """What a person should know. E-mail that does not go out needs nobody at once: the notices wait."""
    missing = []
    if not notifications.sender:
        missing.append("notifications.sender=giftbridge@example.org")
    if not notifications.recipients:
        missing.append("notifications.recipients='[\"you@example.org\"]'")
    waiting = f"; {_count(found.waiting)}" if found.waiting else ""
    told = []
    if missing:
        told.append(f"Nobody is told by e-mail{waiting}: `giftbridge settings set {' '.join(missing)} {hint}`.")
    elif found.trouble is not None:
        what_to_do = f" What to do: {found.trouble.remedy}." if found.trouble.remedy else ""
        since = f"since {found.trouble.since:%Y-%m-%d %H:%M} UTC"
        told.append(f"Notices cannot be mailed as they should {since}{waiting}: {found.trouble.text}.{what_to_do}")
    told += [
        f"{recipient.address} {recipient.in_words()}: Amazon SES sends nothing there." for recipient in found.suppressed
    ]
    return told


def _count(waiting: int) -> str:
    if waiting >= MOST_COUNTED:
        return f"{waiting} notices or more wait"
    return "1 notice waits" if waiting == 1 else f"{waiting} notices wait"
