"""A note on a donor on its way into Aegis (requirement B4), where the setting aegis.send_notes is on."""

from __future__ import annotations

from dataclasses import replace

from giftbridge.clients.aegis import Aegis
from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.domain.aegis_bodies import note_body
from giftbridge.domain.aegis_mapping import GatheredNote
from giftbridge.domain.deliveries import State, Step
from giftbridge.domain.times import parse_moment
from giftbridge.domain.validation import require_short_note
from giftbridge.errors import Rejected, Skipped
from giftbridge.flows.aegis_partners import AegisPartners
from giftbridge.flows.holds import require_no_open_donation
from giftbridge.flows.tools import Tools
from giftbridge.flows.work import Work


class AegisNotes:
    """Brings notes to partners. Aegis shows no notes, so a note whose answer was lost goes to a person."""

    def __init__(self, tools: Tools, raisedonors: RaiseDonors, aegis: Aegis, partners: AegisPartners) -> None:
        self.tools = tools
        self.raisedonors = raisedonors
        self.aegis = aegis
        self.partners = partners

    def carry(self, work: Work) -> None:
        """The note becomes a note of the donor's partner."""
        _, settings = self.tools.settings()
        if not settings.aegis.send_notes:
            raise Skipped("notes are not sent (setting aegis.send_notes)", cause="switched-off")
        if work.delivery.donor_id is None:
            raise Skipped("the note names no donor", cause="no-partner")
        since = parse_moment(work.facts["modified"]) if "modified" in work.facts else work.delivery.created_at
        note = self.raisedonors.note(work.delivery.donor_id, work.delivery.entity_id, since)
        require_short_note(note)
        donor = self.raisedonors.donor(work.delivery.donor_id)
        partner_id = self.partners.known(work, donor, settings.aegis)
        if partner_id is None:
            require_no_open_donation(self.tools, work)
            raise Skipped("the donor has no partner in Aegis", cause="no-partner")
        work.begin(Step.NOTE, {"partner": partner_id})
        self.aegis.create_note(note_body(GatheredNote(note, settings.aegis, partner_id)))
        work.delivered({"partner": partner_id}, "note added in Aegis", proven=True)

    def probe(self, work: Work) -> None:
        """No operation of Aegis lists notes: only a person can look. A retry sends it (again). Raises Rejected."""
        work.delivery = replace(work.delivery, state=State.PENDING, attempt=None)
        raise Rejected(
            "the answer was lost, and Aegis offers no way to look for a note",
            cause="note-outcome-unknown",
            remedy="look at the partner's notes in Aegis; retry only if it is not there",
        )
