"""A refund or void on its way into Aegis: one negative transaction, after its original (requirement B1)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from giftbridge.clients.aegis import Aegis
from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.domain.aegis_bodies import transaction_body
from giftbridge.domain.aegis_mapping import Gathered
from giftbridge.domain.amounts import Money
from giftbridge.domain.corrections import corrected
from giftbridge.domain.deliveries import OPEN_STATES, Delivery, State, Trouble
from giftbridge.domain.delivery_ids import donation_created_id
from giftbridge.domain.donations import Donation, Donor
from giftbridge.domain.mapping_rows import Body
from giftbridge.domain.reversals import ADOPTED, PLEDGE, projects_as_sent, require_same_amount, reversing_rows
from giftbridge.domain.settings import AegisSettings
from giftbridge.domain.times import parse_moment
from giftbridge.domain.validation import REVERSED_STATUSES, require_sound
from giftbridge.errors import Ambiguous, Held, LostRace, Rejected, Skipped
from giftbridge.flows.aegis_donations import AegisDonations
from giftbridge.flows.aegis_transactions import live_pledge, post_transaction
from giftbridge.flows.tools import Tools
from giftbridge.flows.work import Work
from giftbridge.store.crm_keys import invoice_claim

SYSTEM = "aegis"
_WAIT = timedelta(seconds=5)
_WAIT_FOR_A_PERSON = timedelta(seconds=60)
_NOT_SENT = "original-not-sent"
_LOOKED_FOR = "refunded, and looked for in Aegis"


class AegisRefunds:
    """Brings refunds to Aegis."""

    def __init__(self, tools: Tools, raisedonors: RaiseDonors, aegis: Aegis, donations: AegisDonations) -> None:
        self.tools = tools
        self.raisedonors = raisedonors
        self.aegis = aegis
        self.donations = donations

    def carry(self, work: Work) -> None:
        """All properties of the original, with negative amounts, dated when RaiseDonors showed it refunded."""
        _, settings = self.tools.settings()
        original = self._original(work)
        corrections = {**original.corrections, **work.delivery.corrections}
        donation = corrected(self.raisedonors.donation(work.delivery.entity_id), corrections)
        if donation.status.strip().casefold() not in REVERSED_STATUSES:
            raise Skipped(f"the donation is {donation.status[:40]} again", cause="not-refunded")
        require_sound(donation, None)
        require_same_amount(original, donation)
        donor = self.raisedonors.donor(donation.donor_id)
        partner_id = self._partner(work, original, donor, settings.aegis)
        self._require_no_other_refund(work, original, donation, partner_id)
        self._send(work, original, donation, donor, partner_id, settings.aegis)

    def record(self, work: Work, invoice: str, why: str, *, proven: bool) -> None:
        """The fact: the refund is in Aegis under this number."""
        work.delivered({"invoice": invoice}, why, claim=invoice_claim(invoice), proven=proven)

    def _original(self, work: Work) -> Delivery:
        """The delivered original. Raises Held while its outcome is open, Skipped when it was surely never sent."""
        original = self.tools.deliveries.get(donation_created_id(work.delivery.entity_id))
        if original is None or original.state is State.IGNORED:
            raise Skipped("the original was never sent, so there is nothing to reverse", cause=_NOT_SENT)
        if original.state in OPEN_STATES:
            raise self._held(original, work, _WAIT)
        if original.state is State.FAILED:
            if original.attempt is not None:
                raise self._held(original, work, _WAIT_FOR_A_PERSON)
            self._ignore(original, work)
            raise Skipped("the original was refused and never sent: neither is", cause=_NOT_SENT)
        return original

    def _ignore(self, original: Delivery, work: Work) -> None:
        """The original that Aegis surely never recorded is not to be sent any more."""
        try:
            trouble = Trouble("reversed-before-sent", "refunded or voided before it was sent: neither is sent")
            Work(self.tools, original).ignore(trouble)
        except LostRace as lost:
            raise self._held(original, work, _WAIT) from lost

    def _held(self, original: Delivery, work: Work, wait: timedelta) -> Held:
        return Held(
            f"waits for its original {original.id} ({original.state})",
            waits_for=original.id,
            cause="original-open",
            not_before=work.now + wait,
        )

    def _partner(self, work: Work, original: Delivery, donor: Donor, settings: AegisSettings) -> str:
        """The partner the original went to; of an adopted original the donor's, by the same rules as for a donation."""
        sent_to = original.result.get("partner")
        if sent_to is not None:
            return sent_to
        return self.donations.partners.settle(work, donor, settings)

    def _require_no_other_refund(self, work: Work, original: Delivery, donation: Donation, partner_id: str) -> None:
        """An original that others sent and that was refunded before we saw it: they may have sent its refund too.

        Raises Ambiguous once; a retry is a person's word that the refund is not there.
        """
        first_seen = work.facts.get("first_seen", "refunded" if ADOPTED in original.result else "")
        if first_seen != "refunded":
            return
        if not self.donations.partners.is_active(partner_id):
            work.facts["first_seen"] = _LOOKED_FOR
            raise Ambiguous(
                f"partner {partner_id} is inactive or gone: whether this refund is there already cannot be seen",
                cause="refund-may-be-there",
                candidates=(),
                remedy="look under the partner that took its place; leave it if it is there, retry if it is not",
            )
        first = donation.created_at.date() - timedelta(days=1)
        rows = reversing_rows(self.aegis.history(partner_id, first, work.now.date() + timedelta(days=1)), donation)
        numbers = [row.invoice_number for row in rows if row.invoice_number is not None]
        claims = self.tools.keys.claimed_by([invoice_claim(number) for number in numbers], SYSTEM)
        unclaimed = [str(number) for number in numbers if invoice_claim(number) not in claims]
        if unclaimed:
            work.facts["first_seen"] = _LOOKED_FOR
            raise Ambiguous(
                f"{len(unclaimed)} transactions in Aegis may be this refund already",
                cause="refund-may-be-there",
                candidates=tuple(unclaimed),
                remedy="if one of them is this refund, leave it; if none is, retry to send it",
            )

    def _send(
        self,
        work: Work,
        original: Delivery,
        donation: Donation,
        donor: Donor,
        partner_id: str,
        settings: AegisSettings,
    ) -> None:
        sent = original.attempt.values if original.attempt is not None else {}
        corrections = {**original.corrections, **work.delivery.corrections}
        projects = projects_as_sent(original, donation, self.donations.projects_of(donation, corrections))
        donation, projects = self.donations.as_spelled(donation, projects, settings)
        appeal_code = sent.get("appeal") or self.donations.appeal(donation, settings)
        pledge_id = original.result.get("pledge") or sent.get(PLEDGE)

        def body_for(partner: str) -> Body:
            gathered = Gathered(
                donation,
                donor,
                projects,
                settings,
                partner,
                appeal_code,
                self._refunded_at(work),
                self.tools.zone,
                live_pledge(self.aegis, pledge_id, partner),
                sign=-1,
            )
            body = transaction_body(gathered)
            self.donations.require_codes(donation, body, settings)
            return body

        def anew(refused_id: str, refused: Rejected) -> str:
            return self.donations.partners.settle_anew(work, donor, refused_id, settings, refused)

        invoice, partner_id = post_transaction(work, self.aegis, partner_id, donation.currency, body_for, anew)
        work.facts.update(
            partner=partner_id,
            amount=str(Money(-donation.amount, donation.currency)),
            refund_of=original.result.get("invoice", ""),
        )
        self.record(work, invoice, "refund recorded in Aegis", proven=True)

    def _refunded_at(self, work: Work) -> datetime:
        """Always the same moment, however often the refund is tried: a probe looks for it."""
        text = work.facts.get("refunded_at")
        return parse_moment(text) if text else work.delivery.created_at.astimezone(UTC)
