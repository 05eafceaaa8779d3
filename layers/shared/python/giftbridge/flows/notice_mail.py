"""Every five minutes: all waiting notices in one e-mail to the notification list (requirements A4, A7, B3, G7).

The intent is written before Amazon SES is called, the result after it, then the notices are deleted. A process may die
at any point in between: what is known to be sent is not sent again; what is not known is, marked as a repeat.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from giftbridge.clients.mail import Mail
from giftbridge.domain.mailing import (
    MOST_NOTICES,
    Mailing,
    MailTrouble,
    Recipient,
    after_failure,
    without_waiting,
)
from giftbridge.domain.notice_letter import letter
from giftbridge.domain.notices import WaitingNotice
from giftbridge.domain.settings import Settings
from giftbridge.errors import GiftBridgeError, LostRace, Rejected
from giftbridge.flows.notice_posting import MailTools, Posted, Posting
from giftbridge.store.mailing import MailingState, Seen
from giftbridge.store.rows import commit

log = logging.getLogger("giftbridge")
ACTIVITY_ENTITY = "notices"
NOT_CONFIGURED = "notifications.sender or notifications.recipients is not set: notices wait"
ANOTHER_MAILS = "another run is mailing"
NONE_WAITS = "no notice waits"
_ALL_SUPPRESSED = "every recipient is on Amazon SES' suppression list"
_UNSUPPRESS = (
    "once the mailbox works: `aws sesv2 delete-suppressed-destination --email-address ADDRESS`; it is asked again daily"
)
# What must be left for the e-mail itself.
_ENOUGH_TO_ASK_SECONDS = 35.0
_NOT_ASKED_YET = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class MailOutcome:
    """`why_idle` says why nothing, or not all, was mailed. `mailed` counts notices, `trouble` is its cause."""

    why_idle: str | None = None
    mailed: int = 0
    recipients: int = 0
    is_repeat: bool = False
    trouble: str | None = None


class NoticeMail:
    """One run mails at most one batch. One process at a time: the row of the mailing is compared and set."""

    def __init__(self, tools: MailTools, mail: Mail, stack: str = "") -> None:
        self.tools = tools
        self.mail = mail
        self.stack = stack
        self.rows = MailingState(tools.state)

    def run(self) -> MailOutcome:
        """Mail what waits, oldest first."""
        try:
            return self._run()
        except LostRace:
            return MailOutcome(ANOTHER_MAILS)

    def _run(self) -> MailOutcome:
        version, settings = self.tools.settings()
        now = self.tools.now()
        mailing, seen = self.rows.mailing()
        if mailing.is_live(now):
            return MailOutcome(ANOTHER_MAILS)
        if mailing.is_sent:
            mailing, seen = self._tidy(mailing, seen)
        if not settings.notifications.sender or not settings.notifications.recipients:
            return MailOutcome(NOT_CONFIGURED)
        told = self._recipients(settings)
        trouble, _ = self.rows.trouble()
        if trouble is not None and trouble.blocks(version, now):
            return MailOutcome(f"waits after a failure: {trouble.text}", trouble=trouble.cause)
        mailing, notices, more_wait = self._batch(mailing)
        if not notices:
            return MailOutcome(NONE_WAITS)
        open_to = [recipient.address for recipient in told if not recipient.is_suppressed]
        if not open_to:
            return self._all_suppressed()
        return self._mail(mailing, seen, notices, open_to, more_wait)

    def _batch(self, mailing: Mailing) -> tuple[Mailing, list[WaitingNotice], bool]:
        """What is left of the batch that was begun, else a new one; and whether more wait behind it."""
        notices = self.tools.notices.of_keys(mailing.batch) if mailing.batch else []
        if notices:
            return mailing, notices, False
        notices = self.tools.notices.oldest(MOST_NOTICES + 1)
        fresh = Mailing(tuple(one.key for one in notices[:MOST_NOTICES]), last_sent_at=mailing.last_sent_at)
        return fresh, notices[:MOST_NOTICES], len(notices) > MOST_NOTICES

    def _mail(
        self, mailing: Mailing, seen: Seen, notices: list[WaitingNotice], open_to: list[str], more_wait: bool
    ) -> MailOutcome:
        _, settings = self.tools.settings()
        unserved = [address for address in open_to if address not in mailing.served]
        repeated = [address for address in unserved if address in mailing.asking]
        first = [address for address in unserved if address not in mailing.asking]
        letters = [
            (to, letter(notices, settings.time_zone, self.stack, may_be_repeat=is_repeat, more_wait=more_wait))
            for to, is_repeat in ((repeated, True), (first, False))
            if to
        ]
        posting = Posting(self.tools, self.mail, self.rows)
        posted = posting.post(mailing, seen, settings.notifications.sender or "", letters)
        return replace(self._conclude(posted, open_to, len(notices)), is_repeat=bool(repeated))

    # --- results ------------------------------------------------------------------------------------------

    def _conclude(self, posted: Posted, open_to: list[str], count: int) -> MailOutcome:
        """Write down what became of the batch; delete its notices once all were asked and one has them."""
        mailing, stopped = posted.mailing, posted.stopped
        if stopped is None and posted.refused and not mailing.served:
            stopped = posted.refused[0]
        if stopped is not None:
            return self._stop(mailing, posted.seen, stopped)
        if len(set(open_to) - set(mailing.served)) > len(posted.refused):
            commit(self.tools.state.client, [self.rows.saving(replace(mailing, until=None), posted.seen)[0]])
            return MailOutcome("the time is up; the others are asked by the next run", 0, len(mailing.served))
        return self._sent(mailing, posted, count)

    def _stop(self, mailing: Mailing, seen: Seen, error: GiftBridgeError) -> MailOutcome:
        """Nobody else is asked for now. What nobody has, nor may have, becomes part of the next batch."""
        kept = replace(mailing, until=None)
        if not mailing.served and not mailing.asking:
            kept = Mailing(last_sent_at=mailing.last_sent_at)
        before, row = self.rows.trouble()
        trouble = self._failure(before, error)
        commit(self.tools.state.client, [self.rows.saving(kept, seen)[0], self.rows.telling(trouble, row)[0]])
        log.warning("notices could not be mailed", extra={"cause": error.cause, "failures": trouble.failures})
        return MailOutcome(error.text, recipients=len(mailing.served), trouble=error.cause)

    def _sent(self, mailing: Mailing, posted: Posted, count: int) -> MailOutcome:
        """The result, with an activity line; only then the notices go."""
        now, served = self.tools.now(), len(mailing.served)
        sent = replace(mailing, asking=(), is_sent=True, until=None, last_sent_at=now)
        write, seen = self.rows.saving(sent, posted.seen)
        why = f"notices: {count}, addresses: {served}"
        writes = [write, self.tools.activity.line(ACTIVITY_ENTITY, now=now, what="mailed", why=why)]
        before, row = self.rows.trouble()
        trouble = self._partial(before, posted.refused, served)
        if trouble is not None or before is not None:
            writes.append(self.rows.telling(trouble, row)[0])
        commit(self.tools.state.client, writes)
        self._tidy(sent, seen)
        return MailOutcome(None, count, served, trouble=trouble.cause if trouble else None)

    def _tidy(self, sent: Mailing, seen: Seen) -> tuple[Mailing, Seen]:
        """Delete what was mailed. A process that dies here leaves it to the next run."""
        self.tools.notices.forget(sent.batch)
        idle = Mailing(last_sent_at=sent.last_sent_at)
        write, seen = self.rows.saving(idle, seen)
        commit(self.tools.state.client, [write])
        return idle, seen

    # --- trouble ------------------------------------------------------------------------------------------

    def _failure(self, before: MailTrouble | None, error: GiftBridgeError) -> MailTrouble:
        version, _ = self.tools.settings()
        where = f"{error.field}: " if error.field else ""
        return after_failure(before, error.cause, where + error.text, error.remedy, version, self.tools.now())

    def _partial(self, before: MailTrouble | None, refused: tuple[Rejected, ...], served: int) -> MailTrouble | None:
        """Some addresses were refused: the others have the e-mail, and nothing waits."""
        if not refused:
            return None
        version, _ = self.tools.settings()
        first = refused[0]
        text = f"{len(refused)} of {len(refused) + served} recipients were refused: {first.text}"
        return without_waiting(before, first.cause, text, first.remedy, version, self.tools.now())

    def _all_suppressed(self) -> MailOutcome:
        before, row = self.rows.trouble()
        trouble = self._failure(before, Rejected(_ALL_SUPPRESSED, cause="mail-all-suppressed", remedy=_UNSUPPRESS))
        commit(self.tools.state.client, [self.rows.telling(trouble, row)[0]])
        return MailOutcome(trouble.text, trouble=trouble.cause)

    # --- recipients ---------------------------------------------------------------------------------------

    def _recipients(self, settings: Settings) -> list[Recipient]:
        """The notification list, with what Amazon SES says of each address: asked once a day, never in the way."""
        known, row = self.rows.recipients()
        wanted = list(dict.fromkeys(address.strip() for address in settings.notifications.recipients))
        now = self.tools.now()
        told: list[Recipient] = []
        is_open = True
        for address in wanted:
            recipient = known.get(address) or Recipient(address, _NOT_ASKED_YET)
            if is_open and not recipient.is_fresh(now) and self.tools.seconds_left() > _ENOUGH_TO_ASK_SECONDS:
                recipient, is_open = self._ask(recipient)
            told.append(recipient)
        if {recipient.address: recipient for recipient in told} != known:
            self.rows.remember(told, row)
        return told

    def _ask(self, recipient: Recipient) -> tuple[Recipient, bool]:
        """The recipient as Amazon SES sees it now, and whether it could be asked."""
        now = self.tools.now()
        try:
            found = self.mail.suppression(recipient.address)
        except GiftBridgeError as error:
            log.warning("the suppression list could not be asked", extra={"cause": error.cause})
            return replace(recipient, asked_at=now), isinstance(error, Rejected)
        if found is None:
            return Recipient(recipient.address, now), True
        return Recipient(recipient.address, now, found.at, found.reason), True
