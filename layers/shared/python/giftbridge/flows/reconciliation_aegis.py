"""Aegis' part of a reconciliation: histories of the partners concerned, and what is gone looked for once more."""

from __future__ import annotations

import json
from collections.abc import Iterable

from giftbridge.clients.aegis import Aegis
from giftbridge.domain.delivery_ids import AEGIS, RAISEDONORS
from giftbridge.domain.partners import HistoryRow
from giftbridge.domain.reconciliation import Entry, Period, Standing
from giftbridge.domain.reconciliation_compare import Compared
from giftbridge.domain.reconciliation_rows import history_text
from giftbridge.errors import Rejected
from giftbridge.flows.reconciliation_reading import (
    QueryFact,
    bounds,
    history_in,
    query_facts,
    query_text,
    whole_history,
)
from giftbridge.flows.reconciliation_run import DONORS, LOOKED, QUERY, SLICE, Desk
from giftbridge.flows.reconciliation_sides import Expected, Sides


class AegisStage:
    """Reads Aegis and compares it."""

    def __init__(self, desk: Desk, sides: Sides, aegis: Aegis) -> None:
        self.desk = desk
        self.sides = sides
        self.aegis = aegis

    def compare(self) -> tuple[Compared, Expected]:
        """All of it, from where it was."""
        expected = self.sides.expected(AEGIS, self.desk.read)
        if self._imported_keys(expected.entries):
            expected = self.sides.expected(AEGIS, self.desk.read)
        self._read_query()
        concerned = self.desk.places(expected.entries)
        self._look(concerned)
        # What was delivered meanwhile is known by now.
        expected = self.sides.expected(AEGIS, self.desk.read)
        compared = self.sides.aegis(self.desk.read, expected)
        suspects = [entry for entry in compared.gone if entry.places]
        if suspects:
            self._look_again(suspects)
            expected = self.sides.expected(AEGIS, self.desk.read)
            compared = self.sides.aegis(self.desk.read, expected)
        return compared, expected

    def _look(self, partners: list[str]) -> None:
        """Histories of partners, a few at a time."""
        todo = [partner for partner in partners if partner not in self.desk.read.histories]
        while todo:
            size = min(SLICE, self.desk.allowed(AEGIS) or SLICE)
            now, todo = todo[:size], todo[size:]
            answers = self.desk.tools.side_by_side(self._history, now, self.desk.tools.threads)
            looks = {partner: rows for partner, (rows, _) in zip(now, answers, strict=True)}
            self.desk.run.calls[AEGIS] += sum(calls for _, calls in answers)
            self.desk.read.histories.update(looks)
            self.desk.keep(LOOKED, history_text(looks))
            self.desk.tell("reading Aegis", len(partners) - len(todo), len(partners))

    def _history(self, partner: str) -> tuple[list[HistoryRow] | None, int]:
        return history_in(self.aegis, partner, self.desk.period)

    def _look_again(self, suspects: list[Entry]) -> None:
        """What seems to be gone may lie on a day far off: all of the partner's transactions, as they are now."""
        numbers = {entry.number for entry in suspects}
        gone = {place for place, rows in self.desk.read.histories.items() if rows is None}
        for partner in sorted({place for entry in suspects for place in entry.places} - gone):
            self.desk.allowed(AEGIS)
            rows, calls = whole_history(self.aegis, partner, self.desk.tools.now().date())
            self.desk.run.calls[AEGIS] += calls
            if rows is None:
                continue
            if not self._is_active(partner):
                # What an inactive partner does not show may stand under the one it was merged into.
                self.desk.read.histories[partner] = None
                self.desk.keep(LOOKED, history_text({partner: None}))
                continue
            before = {row.invoice_number for row in self.desk.read.histories.get(partner) or ()}
            near = before | _around(rows, self.desk.period)
            kept = [r for r in rows if r.invoice_number in near or str(r.invoice_number) in numbers]
            self.desk.read.histories[partner] = kept
            self.desk.keep(LOOKED, history_text({partner: kept}))

    def _is_active(self, partner_id: str) -> bool:
        self.desk.run.calls[AEGIS] += 1
        partner = self.aegis.partner(partner_id)
        return partner is not None and partner.is_active

    def _read_query(self) -> None:
        """The customer's own query, where one is set; a query that cannot be used only leaves funds as sent."""
        query_id = self.desk.settings.aegis.reconciliation_query_id
        if not query_id or self.desk.run.is_query_read:
            return
        self.desk.allowed(AEGIS)
        try:
            facts = query_facts(self.aegis.query_rows(query_id))
        except Rejected as refused:
            self.desk.run.query_gap = f"query {query_id} could not be used ({refused.cause})"
        else:
            self.desk.read.query = facts
            self.desk.run.calls[AEGIS] += max(1, -(-len(facts) // 100))
            self.desk.keep(QUERY, query_text({name: fact for name, fact in facts.items() if self._matters(fact)}))
        self.desk.run.is_query_read = True
        self.desk.save()

    def _matters(self, fact: QueryFact) -> bool:
        """Whether a transaction of the query may be one that is compared."""
        donation = fact.donation or ""
        return not donation.isdigit() or int(donation) in self.desk.read.facts

    def _imported_keys(self, entries: list[Entry]) -> bool:
        """Ask whose partner it is that others recorded a gift for; whether any donor was asked for."""
        unplaced = {e.donor_id for e in self.desk.judged(entries) if not e.places and e.standing is Standing.DELIVERED}
        wanted = sorted(donor for donor in unplaced if donor is not None and donor not in self.desk.read.donors)
        for donor in wanted:
            self.desk.allowed(RAISEDONORS)
            try:
                key = self.desk.sources.raisedonors.donor(donor).crm_key or ""
            except Rejected:
                key = ""
            self.desk.run.calls[RAISEDONORS] += 1
            self.desk.read.donors[donor] = key
            self.desk.keep(DONORS, json.dumps({donor: key}))
        return bool(wanted)


def _around(rows: Iterable[HistoryRow], period: Period) -> set[int | None]:
    """The numbers of rows whose date, however it is written, may lie around the period."""
    first, last = bounds(period)
    days = (first.date().isoformat(), last.date().isoformat())
    return {row.invoice_number for row in rows if days[0] <= row.transaction_date[:10] <= days[1]}
