"""Did the lost request land? Each step's own look at Aegis, before anything is sent again (requirement A15)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from giftbridge.clients.aegis import Aegis
from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.domain.deliveries import Attempt, Delivery, Kind, Step
from giftbridge.domain.partners import HistoryRow
from giftbridge.domain.probing import (
    fitting_pledges,
    fitting_rows,
    invoice_name,
    is_ruled_out,
    query_hits,
    unsettled_twins,
)
from giftbridge.domain.times import parse_moment
from giftbridge.errors import Ambiguous, Rejected
from giftbridge.flows.aegis_partners import KNOWN_BEFORE, AegisPartners
from giftbridge.flows.aegis_pledges import AegisPledges
from giftbridge.flows.tools import Tools
from giftbridge.flows.work import Work

SYSTEM = "aegis"
_REMEDY = "compare the donor's history in Aegis with RaiseDonors, then decide with `giftbridge review`"


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

    def look(self, work: Work) -> str | None:
        """The invoice number when the transaction landed, else None.

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
        sent = attempt.values.get("donor", "")
        self.partners.found_after_lost_answer(work, donor, settings.aegis, known_before, sent)

    def _pledge(self, work: Work, attempt: Attempt) -> None:
        row = self.tools.keys.get(attempt.values["entity"], SYSTEM)
        if row is not None and row.key is not None:
            return
        fitting = fitting_pledges(attempt, self.aegis.pledges(attempt.values["partner"]))
        hits = self.pledges.unclaimed(fitting, work.delivery.id)
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

    def _transaction(self, work: Work, attempt: Attempt) -> str | None:
        _, settings = self.tools.settings()
        query_id = settings.aegis.reconciliation_query_id
        # The query tells donations apart, not a donation from what puts it right.
        if query_id and work.delivery.kind is not Kind.DONATION_ADJUSTED:
            found = self._by_query(work, attempt, query_id)
            if found is not None:
                return found
        day = parse_moment(attempt.values["date"]).date()
        one = timedelta(days=1)
        rows = fitting_rows(attempt, self.aegis.history(attempt.values["partner"], day - one, day + one))
        hits = self._unclaimed([row.invoice_number for row in rows if row.invoice_number is not None], work.delivery.id)
        # A row whose number cannot be read may be ours: only a person can tell.
        return self._only_hit(work, [row for row in rows if row.invoice_number in hits or row.invoice_number is None])

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

    def _only_hit(self, work: Work, rows: list[HistoryRow]) -> str | None:
        if len(rows) > 1 or any(row.invoice_number is None for row in rows):
            raise _several([invoice_name(row) for row in rows])
        if not rows:
            return None
        twins = unsettled_twins(work.delivery, rows[0], self._others_of_partner(work))
        if twins:
            raise Ambiguous(
                f"transaction {rows[0].invoice_number} fits this delivery and {twins[0].id} alike",
                cause="twin-unsettled",
                candidates=(str(rows[0].invoice_number),),
                remedy=_REMEDY,
            )
        return str(rows[0].invoice_number)

    def _others_of_partner(self, work: Work) -> list[Delivery]:
        """Deliveries of all donors that share the partner, found through the indexes."""
        attempt = work.delivery.attempt
        partner = attempt.values["partner"] if attempt is not None else ""
        donors = {name for name in self.tools.keys.entities_with(SYSTEM, partner) if name.startswith("donor#")}
        donors.add(work.delivery.donor_entity)
        numbers = [int(name.removeprefix("donor#")) for name in donors if name.startswith("donor#")]
        return [delivery for number in numbers for delivery in self.tools.deliveries.of_donor(number)]

    def _unclaimed(self, invoices: Iterable[int], delivery_id: str) -> list[int]:
        numbers = list(dict.fromkeys(invoices))
        claims = self.tools.keys.claimed_by([f"aegis-invoice#{number}" for number in numbers], SYSTEM)
        return [number for number in numbers if claims.get(f"aegis-invoice#{number}", delivery_id) == delivery_id]


def _several(invoices: list[str]) -> Ambiguous:
    return Ambiguous(
        f"{len(invoices)} transactions fit the one whose answer was lost",
        cause="several-transactions",
        candidates=tuple(invoices),
        remedy=_REMEDY,
    )
