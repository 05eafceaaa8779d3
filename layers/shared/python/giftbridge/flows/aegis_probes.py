"""Did the lost request land? Each step's own look at Aegis, before anything is sent again (requirement A15)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from giftbridge.clients.aegis import Aegis
from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.domain.deliveries import Attempt, Delivery, Kind, Step
from giftbridge.domain.delivery_life import PARTNER_MERGED
from giftbridge.domain.partners import HistoryRow, Pledge
from giftbridge.domain.probing import (
    days_around,
    fitting_pledges,
    fitting_rows,
    invoice_name,
    is_ruled_out,
    partner_name,
    query_hits,
    unsettled_twins,
)
from giftbridge.errors import Ambiguous, RecordMissing, Rejected
from giftbridge.flows.aegis_partners import KNOWN_BEFORE, AegisPartners
from giftbridge.flows.aegis_pledges import AegisPledges
from giftbridge.flows.tools import Tools
from giftbridge.flows.work import Work
from giftbridge.store.crm_keys import invoice_claim

SYSTEM = "aegis"
_REMEDY = "compare the donor's history in Aegis with RaiseDonors, then decide with `giftbridge review`"


@dataclass(frozen=True, slots=True)
class Landed:
    """A transaction that a lost request made, and the partner under whom it stands by now."""

    invoice: str
    partner: str


class AegisProbes:
    """Looks for what a lost request may have made."""

    def __init__(
        self, tools: Tools, aegis: Aegis, partners: AegisPartners, pledges: AegisPledges, raisedonors: RaiseDonors
    ) -> None:
        self.tools = tools
        self.aegis = aegis
        self.partners = partners
        self.pledges = pledges
        self.raisedonors = raisedonors

    def look(self, work: Work) -> Landed | None:
        """The transaction when it landed, else None.

        A partner or pledge that landed gets its key stored with the next step. Raises Ambiguous when only a person can
        tell, and what the reads raise.
        """
        attempt = work.delivery.attempt
        if attempt is None:
            return None
        if attempt.step is Step.TRANSACTION:
            return self._transaction(work, attempt)
        if attempt.step is Step.PLEDGE:
            self._pledge(work, attempt)
        if attempt.step is Step.PARTNER:
            self._partner(work, attempt)
        return None

    def _partner(self, work: Work, attempt: Attempt) -> None:
        entity = attempt.values["entity"]
        row = self.tools.keys.get(entity, SYSTEM)
        if row is not None and row.key is not None:
            return
        _, settings = self.tools.settings()
        donor = self.raisedonors.donor(int(entity.removeprefix("donor#")))
        known_before = frozenset(attempt.values.get(KNOWN_BEFORE, "").split())
        self.partners.found_after_lost_answer(work, donor, settings.aegis, known_before)

    def _pledge(self, work: Work, attempt: Attempt) -> None:
        row = self.tools.keys.get(attempt.values["entity"], SYSTEM)
        if row is not None and row.key is not None:
            return
        partner = attempt.values["partner"]
        hits = self._free_pledges(work, attempt, partner)
        if not hits and not self.partners.is_active(partner):
            for successor in self._successors(work, partner):
                hits += self._free_pledges(work, attempt, successor)
            if not hits:
                _require_ruled_out(attempt, partner)
        if len(hits) > 1:
            raise Ambiguous(
                f"{len(hits)} pledges fit the one that was being created",
                cause="several-pledges",
                candidates=tuple(pledge.id for pledge in hits),
                remedy=_REMEDY,
            )
        if hits:
            _, settings = self.tools.settings()
            self.pledges.found_after_lost_answer(work, attempt, hits[0].id, settings.aegis)

    def _free_pledges(self, work: Work, attempt: Attempt, partner: str) -> list[Pledge]:
        """A partner's pledges that can be the one that was being made, and that no other schedule has."""
        try:
            pledges = self.aegis.pledges(partner)
        except RecordMissing:
            return []
        return self.pledges.unclaimed(fitting_pledges(attempt, pledges), work.delivery.id)

    def _transaction(self, work: Work, attempt: Attempt) -> Landed | None:
        _, settings = self.tools.settings()
        query_id, partner = settings.aegis.reconciliation_query_id, attempt.values["partner"]
        # The query tells donations apart, not a donation from what puts it right.
        if query_id and work.delivery.kind is not Kind.DONATION_ADJUSTED:
            found = self._by_query(work, attempt, query_id)
            if found is not None:
                return Landed(found, partner)
        rows = self._free_rows(work, attempt, partner)
        if rows or self.partners.is_active(partner):
            return self._only_hit(work, rows)
        # Merged into another partner, its history moved there: nothing found here proves nothing.
        rows = [row for name in self._successors(work, partner) for row in self._free_rows(work, attempt, name)]
        if not rows:
            _require_ruled_out(attempt, partner)
        return self._only_hit(work, rows)

    def _free_rows(self, work: Work, attempt: Attempt, partner: str) -> list[tuple[str, HistoryRow]]:
        """A partner's transactions that can be the one that was being made, and that no other delivery claims."""
        try:
            rows = fitting_rows(attempt, self.aegis.history(partner, *days_around(attempt)))
        except RecordMissing:
            return []
        free = self._unclaimed([row.invoice_number for row in rows if row.invoice_number is not None], work.delivery.id)
        # A row whose number cannot be read may be ours: only a person can tell.
        return [(partner, row) for row in rows if row.invoice_number in free or row.invoice_number is None]

    def _successors(self, work: Work, partner: str) -> list[str]:
        if work.delivery.donor_id is None:
            return []
        _, settings = self.tools.settings()
        return self.partners.successors(self.raisedonors.donor(work.delivery.donor_id), settings.aegis, partner)

    def _by_query(self, work: Work, attempt: Attempt, query_id: str) -> str | None:
        """What the customer's own query says; silence proves nothing, for its columns are the customer's."""
        try:
            listed = query_hits(self.aegis.query_rows(query_id), work.delivery.entity_id, attempt.values["amount"])
        except Rejected as refused:
            work.note("query not usable", f"query {query_id!r}: {refused.text}; the partner's history is looked at")
            return None
        hits = self._unclaimed((hit for hit in listed if not is_ruled_out(attempt, str(hit))), work.delivery.id)
        if len(hits) > 1:
            raise _several([str(hit) for hit in hits])
        return str(hits[0]) if hits else None

    def _only_hit(self, work: Work, rows: list[tuple[str, HistoryRow]]) -> Landed | None:
        if len(rows) > 1 or any(row.invoice_number is None for _, row in rows):
            raise _several([invoice_name(row) for _, row in rows])
        if not rows:
            return None
        partner, row = rows[0]
        twins = unsettled_twins(work.delivery, row, self._others_of(work, partner))
        if twins:
            raise Ambiguous(
                f"transaction {row.invoice_number} fits this delivery and {twins[0].id} alike",
                cause="twin-unsettled",
                candidates=(str(row.invoice_number),),
                remedy=_REMEDY,
            )
        return Landed(str(row.invoice_number), partner)

    def _others_of(self, work: Work, partner: str) -> list[Delivery]:
        """Deliveries of all donors that share the partner, found through the indexes."""
        donors = set(self.tools.keys.donors_with(SYSTEM, partner))
        donors |= {work.delivery.donor_id} if work.delivery.donor_id is not None else set()
        return [delivery for number in donors for delivery in self.tools.deliveries.of_donor(number)]

    def _unclaimed(self, invoices: Iterable[int], delivery_id: str) -> list[int]:
        numbers = list(dict.fromkeys(invoices))
        claims = self.tools.keys.claimed_by([invoice_claim(number) for number in numbers], SYSTEM)
        return [number for number in numbers if claims.get(invoice_claim(number), delivery_id) == delivery_id]


def _require_ruled_out(attempt: Attempt, partner: str) -> None:
    """Raises Ambiguous, unless a person said that nothing was recorded for this partner."""
    name = partner_name(partner)
    if not is_ruled_out(attempt, name):
        raise Ambiguous(
            f"partner {partner} is inactive or gone, and what it had may be another partner's by now",
            cause=PARTNER_MERGED,
            candidates=(name,),
            remedy="find out in Aegis where it went and whether this is there, then decide with `giftbridge review`",
        )


def _several(invoices: list[str]) -> Ambiguous:
    return Ambiguous(
        f"{len(invoices)} transactions fit the one whose answer was lost",
        cause="several-transactions",
        candidates=tuple(invoices),
        remedy=_REMEDY,
    )
