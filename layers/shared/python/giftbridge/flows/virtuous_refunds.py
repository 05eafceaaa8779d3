"""A refund or void on its way into Virtuous: one reversal of the gift, once it has landed (requirement D2)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.clients.virtuous import Virtuous
from giftbridge.domain.amounts import Money
from giftbridge.domain.contacts import PostedGift
from giftbridge.domain.deliveries import OPEN_STATES, Delivery, State, Step, Trouble
from giftbridge.domain.delivery_ids import VIRTUOUS, donation_created_id
from giftbridge.domain.restores import may_have_been_sent
from giftbridge.domain.times import parse_moment
from giftbridge.domain.validation import REVERSED_STATUSES
from giftbridge.errors import Ambiguous, Held, LostRace, RecordMissing, Rejected, Skipped
from giftbridge.flows.tools import Tools
from giftbridge.flows.work import Work

_WAIT = timedelta(seconds=10)
_WAIT_FOR_A_PERSON = timedelta(minutes=1)
# The original is looked up beside this: whoever waits for it looks at its row alone.
_WAIT_FOR_THE_IMPORT = timedelta(minutes=1)
_CLOCK_LEEWAY = timedelta(minutes=5)
_NOT_SENT = "original-not-sent"


class VirtuousRefunds:
    """Reverses gifts. The endpoint has no key: what may have been reversed is looked for before it is sent again."""

    def __init__(self, tools: Tools, raisedonors: RaiseDonors, virtuous: Virtuous) -> None:
        self.tools = tools
        self.raisedonors = raisedonors
        self.virtuous = virtuous

    def carry(self, work: Work) -> None:
        """Reverse the gift that the original became (reverseGift)."""
        original = self._landed_original(work)
        donation = self.raisedonors.donation(work.delivery.entity_id)
        if donation.status.strip().casefold() not in REVERSED_STATUSES:
            raise Skipped(f"the donation is {donation.status[:40]} again", cause="not-refunded")
        gift_id, contact_id = original.result["gift"], original.result.get("contact", "")
        amount = f"{donation.amount:.2f}"
        work.begin(Step.REVERSAL, {"gift": gift_id, "contact": contact_id, "amount": amount, "notes": _notes(work)})
        day = self._refunded_at(work)
        self.virtuous.reverse_gift(int(gift_id), day, _notes(work))
        result = {"reversed": gift_id, "amount": str(Money(-donation.amount, donation.currency))}
        work.delivered(result, "reversed in Virtuous", proven=True)

    def probe(self, work: Work) -> None:
        """Whether the reversal whose answer was lost is there (listGiftsOfContact). Raises Ambiguous for several."""
        attempt = work.delivery.attempt
        values = attempt.values if attempt is not None else {}
        found = [gift for gift in self._negatives(values, work) if _is_ours(gift, work)]
        if not found:
            work.surely_not_sent()
            return
        if len(found) > 1:
            raise Ambiguous(
                f"{len(found)} reversals of this donation stand in Virtuous",
                cause="several-reversals",
                candidates=tuple(str(gift.id) for gift in found),
                remedy="delete all but one in Virtuous",
            )
        result = {"reversed": values.get("gift", ""), "reversal": str(found[0].id)}
        work.delivered(result, "found in Virtuous after the answer was lost", proven=False)

    def _negatives(self, values: Mapping[str, str], work: Work) -> list[PostedGift]:
        """The reversals of the contacts under which this one can stand: a contact may have been merged since.

        Raises Ambiguous when none of them can be read: then nobody knows whether it is there.
        """
        found: dict[int, PostedGift] = {}
        is_read = False
        for contact_id in self._contacts(values, work):
            try:
                gifts = self.virtuous.gifts_of_contact(contact_id)
            except RecordMissing:
                continue
            is_read = True
            found |= {gift.id: gift for gift in gifts if gift.amount < 0}
        if not is_read:
            raise Ambiguous(
                "the contact of the gift is gone in Virtuous, so its reversal cannot be looked for",
                cause="refund-may-be-there",
                candidates=(),
                remedy="look for the reversal in Virtuous; retry only if it is not there",
            )
        return list(found.values())

    def _contacts(self, values: Mapping[str, str], work: Work) -> list[int]:
        """The gift's contact as it was and as it is, and those they were merged into."""
        _, settings = self.tools.settings()
        gift = self.virtuous.gift(settings.virtuous.reference_source, work.delivery.entity_id)
        ids = [int(values["contact"])] if values.get("contact") else []
        if gift is not None and gift.contact_id is not None:
            ids.append(gift.contact_id)
        for contact_id in ids:
            try:
                merged_into = self.virtuous.contact(contact_id).merged_into
            except (RecordMissing, Rejected):
                continue
            if merged_into is not None and merged_into not in ids:
                # The loop goes on with it.
                ids.append(merged_into)
        return list(dict.fromkeys(ids))

    def _landed_original(self, work: Work) -> Delivery:
        """The original once it is a gift. Raises Held while it is not, Skipped when it was surely never handed in."""
        name = donation_created_id(work.delivery.entity_id, VIRTUOUS)
        original = self.tools.deliveries.get(name)
        if original is None or original.state is State.IGNORED:
            raise Skipped("the original was never sent, so there is nothing to reverse", cause=_NOT_SENT)
        if original.state is State.SENT:
            raise _held("original-held", original, work, _WAIT_FOR_THE_IMPORT)
        if original.state is State.FAILED and original.attempt is not None:
            raise _held("original-open", original, work, _WAIT_FOR_A_PERSON)
        if original.state is State.FAILED or original.is_in_outbox:
            if may_have_been_sent(original.result):
                # The life before a restore may have handed it in: it goes once more, and is reversed then.
                raise _held("original-open", original, work, _WAIT_FOR_A_PERSON)
            self._ignore(original, work)
            raise Skipped("the original was never sent: neither is", cause=_NOT_SENT)
        if original.state in OPEN_STATES:
            raise _held("original-open", original, work, _WAIT)
        return original

    def _ignore(self, original: Delivery, work: Work) -> None:
        """What surely was not handed in is not to be any more."""
        trouble = Trouble("reversed-before-sent", "refunded or voided before it was sent: neither is sent")
        try:
            Work(self.tools, original).ignore(trouble)
        except LostRace as lost:
            raise _held("original-open", original, work, _WAIT) from lost

    def _refunded_at(self, work: Work) -> date:
        _, settings = self.tools.settings()
        text = work.facts.get("refunded_at")
        moment = parse_moment(text) if text else work.delivery.created_at
        return moment.astimezone(ZoneInfo(settings.time_zone)).date()


def _notes(work: Work) -> str:
    """What a reversal is told by, by people and by the probe."""
    return f"Refund of RaiseDonors donation {work.delivery.entity_id} (GiftBridge)"


def _is_ours(gift: PostedGift, work: Work) -> bool:
    """By its note; without one by amount and by having been made since the first attempt."""
    attempt = work.delivery.attempt
    if gift.notes.strip():
        return _notes(work) in gift.notes
    if attempt is None or gift.amount != -Decimal(attempt.values.get("amount", "0")):
        return False
    return gift.created_at is None or gift.created_at >= attempt.first_started_at - _CLOCK_LEEWAY


def _held(cause: str, original: Delivery, work: Work, wait: timedelta) -> Held:
    text = f"waits for its original {original.id} ({original.state})"
    return Held(text, waits_for=original.id, cause=cause, not_before=work.now + wait)
