"""The worker of the queue towards RaiseDonors: webhooks' hints become deliveries, deliveries are worked on."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from giftbridge.contact_hints import ContactHint, read_contact_hint
from giftbridge.delivery_queue import new_nudge_name
from giftbridge.domain.delivery_ids import VIRTUOUS
from giftbridge.flows.contact_sightings import ContactSightings
from giftbridge.flows.delivery_worker import BatchOutcome, DeliveryWorker
from giftbridge.flows.donor_outbox import DonorOutbox
from giftbridge.flows.feed_walk import Line
from giftbridge.flows.tools import Tools

log = logging.getLogger("giftbridge")


class ContactHints:
    """Writes hints down as deliveries."""

    def __init__(self, tools: Tools) -> None:
        self.tools = tools
        self.sightings = ContactSightings(tools)
        self.outbox = DonorOutbox(tools)

    def take_in(self, record: Mapping[str, Any]) -> bool:
        """Write down the hint of a dead letter, whose worker died again and again; False when it is none."""
        hint = read_contact_hint(record)
        if hint is None:
            return False
        self.write_down([hint])
        return True

    def write_down(self, hints: Sequence[ContactHint]) -> int:
        """One sighting for each contact, however many hints name it; how many contacts began anew."""
        newest: dict[int, datetime] = {}
        for hint in hints:
            for contact_id in (*hint.contacts, *self._unknown_givers(hint)):
                newest[contact_id] = max(hint.received, newest.get(contact_id, hint.received))
        began = 0
        for received in sorted(set(newest.values())):
            ids = [contact_id for contact_id, moment in newest.items() if moment == received]
            began += self._count(ids, received)
        return began

    def _count(self, ids: Sequence[int], received: datetime) -> int:
        """Count sightings; those for whom there is room in the queue are nudged, the sweep nudges the rest."""
        counted = self.sightings.count(ids, "webhook", received)
        line = Line(self.tools.queue, self.tools.lock)
        nudged = [delivery for delivery in counted if line.take()]
        if nudged:
            name = new_nudge_name(self.tools.token)
            noted = self.tools.deliveries.note_nudges(nudged, name, self.tools.now())
            self.tools.queue.send(noted, name)
        return len(counted)

    def _unknown_givers(self, hint: ContactHint) -> list[int]:
        """Gifts of known donors are looked up at once; a contact that is not known yet is read as if it had changed."""
        unknown: list[int] = []
        for contact_id in hint.gifts_of:
            donors = self.tools.keys.donors_with(VIRTUOUS, str(contact_id))
            if not donors:
                unknown.append(contact_id)
            for number in donors:
                self.outbox.bring_gifts_forward(number)
        return unknown


class ContactWorker:
    """A hint is written down before anything else is done with it; its message is gone only then."""

    def __init__(self, tools: Tools, worker: DeliveryWorker) -> None:
        self.hints = ContactHints(tools)
        self.worker = worker

    def work(self, records: Sequence[Mapping[str, Any]]) -> BatchOutcome:
        """Work through a batch of hints and nudges. A hint that could not be written down is handed back."""
        hints = {str(record["messageId"]): hint for record in records if (hint := read_contact_hint(record))}
        nudges = [record for record in records if str(record["messageId"]) not in hints]
        hand_back: list[str] = []
        counted = 0
        try:
            counted = self.hints.write_down(list(hints.values()))
        except Exception as error:
            log.exception("hints could not be written down", extra={"error": type(error).__name__})
            hand_back += list(hints)
        outcome = self.worker.work(nudges)
        counts = {**outcome.counts, **({"hinted": counted} if counted else {})}
        return BatchOutcome((*hand_back, *outcome.hand_back), counts)
