"""One batch of notices brought to Amazon SES: the intent before each call, so that a death in between is no riddle."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from giftbridge.clients.mail import MAY_BE_ONE_RECIPIENT, SECONDS_A_CALL, Mail
from giftbridge.domain.mailing import MOST_RECIPIENTS, Mailing, after_failure, in_groups
from giftbridge.domain.notice_letter import Letter
from giftbridge.domain.settings import Settings
from giftbridge.errors import GiftBridgeError, Rejected, UnknownOutcome
from giftbridge.store.activity import Activity
from giftbridge.store.mailing import MailingState, Seen
from giftbridge.store.notices import Notices
from giftbridge.store.rows import commit
from giftbridge.store.state import StateTable

_CLOCK_SKEW_SECONDS = 5.0
_ENDED = "the process that mailed ended before it knew whether Amazon SES took the e-mail"
_ENDED_REMEDY = "goes on by itself, marked as a repeat; if it stays, see the log of the notice_mail function"


@dataclass(frozen=True, slots=True)
class MailTools:
    """What the mailing is given: neither system, no queue. `seconds_left` is how long this invocation may still run."""

    notices: Notices
    activity: Activity
    state: StateTable
    settings: Callable[[], tuple[int, Settings]]
    now: Callable[[], datetime]
    seconds_left: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Posted:
    """What became of a batch. `refused` are single recipients' refusals; `stopped` ended it before all were asked."""

    mailing: Mailing
    seen: Seen
    refused: tuple[Rejected, ...] = ()
    stopped: GiftBridgeError | None = None


class Posting:
    """Asks for all addresses at once, and one by one where a single address may have spoilt it for all."""

    def __init__(self, tools: MailTools, mail: Mail, rows: MailingState) -> None:
        self.tools = tools
        self.mail = mail
        self.rows = rows

    def post(self, mailing: Mailing, seen: Seen, sender: str, letters: Iterable[tuple[list[str], Letter]]) -> Posted:
        """Send each letter to its addresses. The mailing names the batch and what is known of it so far.

        Raises LostRace where another process mails.
        """
        left = deque((group, text) for to, text in letters for group in in_groups(to, MOST_RECIPIENTS))
        refused: list[Rejected] = []
        has_died = bool(mailing.asking) and mailing.until is not None
        while left:
            if self.tools.seconds_left() < SECONDS_A_CALL + _CLOCK_SKEW_SECONDS:
                break
            group, text = left.popleft()
            doubtful = mailing.asking
            mailing, seen = self._intend(mailing, seen, group, has_died)
            has_died = False
            try:
                self.mail.send(sender, group, text)
            except Rejected as refusal:
                mailing = replace(mailing, asking=doubtful)
                if refusal.cause not in MAY_BE_ONE_RECIPIENT or refusal.field == "notifications.sender":
                    return Posted(mailing, seen, tuple(refused), refusal)
                if len(group) == 1:
                    refused.append(refusal)
                left.extendleft(((address,), text) for address in reversed(group) if len(group) > 1)
            except UnknownOutcome as unknown:
                return Posted(mailing, seen, tuple(refused), unknown)
            except GiftBridgeError as later:
                return Posted(replace(mailing, asking=doubtful), seen, tuple(refused), later)
            else:
                doubtful = tuple(address for address in doubtful if address not in group)
                mailing = replace(mailing, asking=doubtful, served=(*mailing.served, *group))
        return Posted(mailing, seen, tuple(refused))

    def _intend(self, mailing: Mailing, seen: Seen, group: tuple[str, ...], has_died: bool) -> tuple[Mailing, Seen]:
        """Who is asked now, and until when this process may live. A death before is told, so that deaths are spaced."""
        now = self.tools.now()
        until = now + timedelta(seconds=self.tools.seconds_left() + _CLOCK_SKEW_SECONDS)
        mailing = replace(mailing, asking=tuple(dict.fromkeys((*mailing.asking, *group))), until=until)
        write, seen_next = self.rows.saving(mailing, seen)
        writes = [write]
        if has_died:
            version, _ = self.tools.settings()
            trouble, row = self.rows.trouble()
            trouble = after_failure(trouble, "mail-process-ended", _ENDED, _ENDED_REMEDY, version, now)
            writes.append(self.rows.telling(trouble, row)[0])
        commit(self.tools.state.client, writes)
        return mailing, seen_next
