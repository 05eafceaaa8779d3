"""The carrier of Aegis: each kind of change goes its own way there."""

from __future__ import annotations

from giftbridge.clients.aegis import Aegis
from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.domain.deliveries import Kind
from giftbridge.domain.reversals import told_as_sent
from giftbridge.errors import Ambiguous
from giftbridge.flows.aegis_adjustments import AegisAdjustments
from giftbridge.flows.aegis_codes import AegisCodes
from giftbridge.flows.aegis_donations import AegisDonations
from giftbridge.flows.aegis_donors import AegisDonors
from giftbridge.flows.aegis_notes import AegisNotes
from giftbridge.flows.aegis_partners import AegisPartners
from giftbridge.flows.aegis_pledges import AegisPledges
from giftbridge.flows.aegis_probes import AegisProbes, Landed
from giftbridge.flows.aegis_refunds import AegisRefunds
from giftbridge.flows.aegis_schedules import AegisSchedules
from giftbridge.flows.key_mirror import KeyMirror
from giftbridge.flows.tools import Tools
from giftbridge.flows.work import Work, not_for


class AegisDelivery:
    """Brings donations, refunds, adjustments, schedules, donors and notes to Aegis."""

    destination = "aegis"
    systems: tuple[str, ...] = ("aegis", "raisedonors")

    def __init__(self, tools: Tools, raisedonors: RaiseDonors, aegis: Aegis) -> None:
        self.aegis = aegis
        self.raisedonors = raisedonors
        self.codes = AegisCodes(aegis, tools.state, tools.now, tools.lock)
        self.partners = AegisPartners(tools, aegis, self.codes)
        self.pledges = AegisPledges(tools, aegis, raisedonors, self.codes)
        self.probes = AegisProbes(tools, aegis, self.partners, self.pledges, raisedonors)
        self.donations = AegisDonations(tools, raisedonors, aegis, self.codes, self.partners, self.pledges)
        self.refunds = AegisRefunds(tools, raisedonors, aegis, self.donations)
        self.adjustments = AegisAdjustments(tools, raisedonors, aegis, self.donations)
        self.schedules = AegisSchedules(tools, raisedonors, aegis, self.partners, self.pledges, self.probes)
        self.donors = AegisDonors(tools, raisedonors, aegis, self.partners)
        self.notes = AegisNotes(tools, raisedonors, aegis, self.partners)
        self.keys_on_raisedonors = KeyMirror(tools, raisedonors)

    def carry(self, work: Work) -> None:
        """Bring the change to Aegis."""
        match work.delivery.kind:
            case Kind.DONATION_CREATED:
                self.donations.carry(work)
            case Kind.DONATION_REFUNDED:
                self.refunds.carry(work)
            case Kind.DONATION_ADJUSTED:
                self.adjustments.carry(work)
            case Kind.SCHEDULE_CHANGED | Kind.SCHEDULE_ENDED:
                self.schedules.carry(work)
            case Kind.DONOR_UPDATED:
                self.donors.carry(work)
            case Kind.DONOR_NOTED:
                self.notes.carry(work)
            case _:
                raise not_for(self.destination, work.delivery.kind)

    def probe(self, work: Work) -> None:
        """Look whether the lost request landed."""
        match work.delivery.kind:
            case Kind.DONATION_CREATED | Kind.DONATION_REFUNDED | Kind.DONATION_ADJUSTED:
                self._probe_transaction(work)
            case Kind.SCHEDULE_CHANGED | Kind.SCHEDULE_ENDED:
                self.schedules.probe(work)
            case Kind.DONOR_UPDATED:
                self.donors.probe(work)
            case Kind.DONOR_NOTED:
                self.notes.probe(work)
            case _:
                raise not_for(self.destination, work.delivery.kind)

    def _probe_transaction(self, work: Work) -> None:
        sent = work.delivery.attempt.values if work.delivery.attempt is not None else {}
        how = "found after the answer was lost"
        try:
            landed = self.probes.look(work)
        except Ambiguous:
            stored = self.donations.number_stored(work) if work.delivery.kind is Kind.DONATION_CREATED else None
            if stored is None or "partner" not in sent:
                raise
            # Whoever looked for it has stored its number on the gift: that settles it.
            landed, how = Landed(stored, sent["partner"]), "its number was stored on RaiseDonors by others"
        if landed is None:
            work.surely_not_sent()
            return
        work.facts["how"] = how
        work.facts.update(told_as_sent({**sent, "partner": landed.partner}))
        carriers: dict[Kind, AegisDonations | AegisRefunds | AegisAdjustments] = {
            Kind.DONATION_CREATED: self.donations,
            Kind.DONATION_ADJUSTED: self.adjustments,
        }
        carrier = carriers.get(work.delivery.kind, self.refunds)
        carrier.record(work, landed.invoice, "found in Aegis after the answer was lost", proven=False)

    def follow(self, work: Work) -> None:
        """Aegis holds nothing back: what it takes is recorded."""
        raise not_for(self.destination, work.delivery.kind)

    def mirror(self, work: Work) -> None:
        """Store the keys on RaiseDonors."""
        self.keys_on_raisedonors.store(work)

    def ping(self, system: str) -> None:
        """A harmless read."""
        if system == self.destination:
            self.aegis.ping()
        else:
            self.raisedonors.ping()
