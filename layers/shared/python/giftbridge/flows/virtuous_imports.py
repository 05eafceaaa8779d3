"""Handing rows to the import tool: in chunks, or one alone (requirements D1 to D3).

What the tool holds nobody can look up. A lost answer is met by sending the same rows again, byte for byte: a gift is
told by source and id, a contact by its reference.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from giftbridge.clients.virtuous import Virtuous
from giftbridge.delivery_queue import new_nudge_name
from giftbridge.domain.deliveries import PROJECT_COMES, Delivery, Kind, State, Step, Trouble
from giftbridge.domain.delivery_ids import RAISEDONORS, VIRTUOUS
from giftbridge.domain.times import format_moment
from giftbridge.errors import BudgetSpent, GiftBridgeError, Held, LostRace, Misconfigured, Rejected, RetryLater, Skipped
from giftbridge.flows.tools import Tools
from giftbridge.flows.virtuous_rows import TURN, Preparation, PreparationEnds, PreparedRow, VirtuousRows
from giftbridge.flows.work import Work

log = logging.getLogger("giftbridge")
# What a held row remembers: the chunk it went with, how often it was looked up, and whether it stands for its chunk.
CHUNK, LOOKS, LEADS, SENT_AT = "chunk", "looks", "leads", "sent_at"
FIRST_LOOK = timedelta(minutes=1)
LATER_LOOK = timedelta(days=1)
LOOKS_BEFORE_A_DAY = 5
_WAIT = timedelta(seconds=10)
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Prepared:
    """A member of a chunk with its row, written down as the intent."""

    work: Work
    row: PreparedRow


class VirtuousImports:
    """Sends rows; a refused call held nothing, so it is halved until the bad row stands alone."""

    def __init__(self, tools: Tools, virtuous: Virtuous, rows: VirtuousRows) -> None:
        self.tools = tools
        self.virtuous = virtuous
        self.rows = rows

    def carry_chunk(self, work: Work) -> None:
        """Send what is still to be sent of a chunk's members."""
        members = self._to_send(work)
        if not members:
            raise Skipped("nothing of it is left to send", cause="nothing-left")
        prepared = self._prepared(work, members)
        if not prepared:
            raise Skipped("nothing of it is to be sent", cause="nothing-left")
        work.begin(Step.IMPORT, {"rows": str(len(prepared))})
        sent = self._submit(prepared)
        self._note_sent(work, sent)
        details = {"rows": str(len(sent)), "alone": str(len(prepared) - len(sent))}
        work.delivered(details, "the import tool holds the rows", proven=True)

    def carry_alone(self, work: Work) -> None:
        """Send one row: a retry, or what a refused chunk was split down to."""
        self._require_not_in_a_chunk(work)
        try:
            row = self.rows.prepare(work.delivery, self.rows.begin())
        except PreparationEnds as ends:
            work.also += ends.writes
            raise ends.reason from ends
        _take_row(work, row, "")
        work.also += row.writes
        work.begin(Step.IMPORT, {"rows": "1"})
        self._call(work.delivery.kind, [row])
        work.facts |= {CHUNK: "", LOOKS: "0", LEADS: "", SENT_AT: format_moment(work.now)}
        work.sent(work.now + FIRST_LOOK, "the import tool holds the row")

    def probe(self, work: Work) -> None:
        """Nothing tells what the import tool holds: the same rows may be sent again."""
        work.surely_not_sent()

    # --- the members of a chunk -----------------------------------------------------------------------------

    def _to_send(self, work: Work) -> list[Delivery]:
        known = self.tools.deliveries.get_many(work.delivery.members)
        members = [known[name] for name in work.delivery.members if name in known]
        chunks = self.tools.deliveries.get_many(one.chunk for one in members if one.chunk)
        return [member for member in members if _is_free(member, work.delivery.id, chunks.get(member.chunk))]

    def _prepared(self, work: Work, members: Sequence[Delivery]) -> list[Prepared]:
        """Each with its intent written down. One that cannot be made is settled, and the rest goes.

        Raises what kept all of them from being made; and where the calls or the time end in the middle, so that the
        chunk goes whole and soon: the rows made by then are kept.
        """
        shared = self.rows.begin()
        results = self.tools.side_by_side(
            lambda member: self._prepare(work, member, shared), members, self.tools.threads
        )
        prepared = [result for result in results if isinstance(result, Prepared)]
        errors = [result for result in results if isinstance(result, GiftBridgeError)]
        # A project on its way is there in moments, or the chunk's gifts would wait for the next batch.
        stopping = [error for error in errors if isinstance(error, Misconfigured) or error.cause == PROJECT_COMES]
        stopping += [error for error in errors if isinstance(error, BudgetSpent)]
        if stopping or (errors and not prepared):
            raise (stopping or errors)[0]
        return prepared

    def _prepare(self, work: Work, member: Delivery, shared: Preparation) -> Prepared | GiftBridgeError | None:
        """The member's row, tried again where somebody moved a row that belongs to it, or to its donor."""
        for _ in range(_TRIES):
            try:
                return self._prepare_once(work, member, shared)
            except LostRace:
                fresh = self.tools.deliveries.get(member.id)
                holder = self.tools.deliveries.get(fresh.chunk) if fresh is not None and fresh.chunk else None
                if fresh is None or not _is_free(fresh, work.delivery.id, holder):
                    return None
                member = fresh
        return RetryLater(f"{member.id} keeps being moved", cause="members-busy")

    def _prepare_once(self, work: Work, member: Delivery, shared: Preparation) -> Prepared | GiftBridgeError | None:
        """The member's row, None when it is settled, or the error that keeps it in the outbox. Raises LostRace."""
        own = Work(self.tools, member)
        if member.chunk not in {"", work.delivery.id}:
            # Its chunk has ended and never sent it: its row is made anew.
            member = own.delivery = replace(member, row="", chunk="")
        try:
            row = self._row(member, shared)
            if not member.row:
                _take_row(own, row, work.delivery.id)
                own.save_row(row.writes)
            return Prepared(own, row)
        except PreparationEnds as ends:
            self._ignore(own, ends)
        except Rejected:
            if not self._nudge_alone(own):
                return RetryLater("a refused row was moved meanwhile", cause="members-busy")
        except LostRace:
            raise
        except BudgetSpent as spent:
            shared.spent = spent
            return spent
        except GiftBridgeError as error:
            return error
        return None

    def _row(self, member: Delivery, shared: Preparation) -> PreparedRow:
        """The member's row. What one row reads is a turn of its own: a chunk may need more calls than an hour has."""
        if member.row:
            return self.rows.prepare(member, shared)
        if shared.spent is not None:
            raise shared.spent
        with self.tools.budgets.reserved((VIRTUOUS, RAISEDONORS), f"row:{member.kind}"):
            return self.rows.prepare(member, shared)

    def _ignore(self, own: Work, ends: PreparationEnds) -> None:
        own.also += ends.writes
        try:
            own.ignore(Trouble.of(ends.reason))
        except LostRace:
            log.info("a row of a chunk was left to another", extra={"delivery": own.delivery.id})

    def _nudge_alone(self, own: Work) -> bool:
        """Its own message will fail it, and take it to the dead letters with the reason. False if it was moved."""
        name = new_nudge_name(self.tools.token)
        if own.delivery.chunk or own.delivery.row:
            try:
                own.drop_row()
            except LostRace:
                return False
        noted = self.tools.deliveries.note_nudges([own.delivery], name, self.tools.now())
        self.tools.queue.send(noted, name)
        return True

    # --- the calls ------------------------------------------------------------------------------------------

    def _submit(self, prepared: Sequence[Prepared]) -> list[Prepared]:
        """Those that the import tool took."""
        try:
            self._call(prepared[0].work.delivery.kind, [one.row for one in prepared])
        except Rejected as refused:
            if len(prepared) == 1:
                log.warning("a row was refused", extra={"delivery": prepared[0].work.delivery.id})
                if not self._nudge_alone(prepared[0].work):
                    raise RetryLater("a refused row was moved meanwhile", cause="members-busy") from refused
                return []
            log.info("a refused chunk is split", extra={"rows": len(prepared), "cause": refused.cause})
            half = len(prepared) // 2
            return self._submit(prepared[:half]) + self._submit(prepared[half:])
        return list(prepared)

    def _call(self, kind: Kind, rows: Sequence[PreparedRow]) -> None:
        """One call for each Reference Source: a row keeps the one it was made with."""
        by_source: dict[str, list[dict[str, object]]] = {}
        for row in rows:
            by_source.setdefault(row.source, []).append(row.row)
        for source, bodies in by_source.items():
            if kind is Kind.DONATION_CREATED:
                self.virtuous.submit_gifts(source, bodies)
            else:
                self.virtuous.submit_contacts(source, bodies)

    def _note_sent(self, work: Work, sent: Sequence[Prepared]) -> None:
        """Each member is `sent`; one of them is looked up soon, and stands for the others."""

        def note(numbered: tuple[int, Prepared]) -> bool:
            number, one = numbered
            is_first = number == 0
            looks = "0" if is_first else str(LOOKS_BEFORE_A_DAY)
            one.work.facts |= {CHUNK: work.delivery.id, LOOKS: looks, LEADS: "yes" if is_first else ""}
            one.work.facts[SENT_AT] = format_moment(one.work.now)
            one.work.turn_began_with = int(one.work.delivery.result.get(TURN, one.work.delivery.wanted))
            try:
                due = one.work.now + (FIRST_LOOK if is_first else LATER_LOOK)
                one.work.sent(due, "the import tool holds the row", {"chunk": work.delivery.id})
            except LostRace:
                return False
            return True

        if not all(self.tools.side_by_side(note, list(enumerate(sent)), self.tools.threads)):
            raise RetryLater("rows were moved while they were being recorded", cause="members-busy")

    def _require_not_in_a_chunk(self, work: Work) -> None:
        if not work.delivery.chunk:
            return
        holder = self.tools.deliveries.get(work.delivery.chunk)
        if holder is not None and holder.may_still_send:
            text = f"goes with {holder.id} ({holder.state})"
            raise Held(text, waits_for=holder.id, not_before=work.now + _WAIT)


def _is_free(member: Delivery, chunk: str, holder: Delivery | None) -> bool:
    """Whether a row is still to be sent, and by no other chunk; `holder` is the chunk that it is in."""
    is_ours = member.chunk in {"", chunk} or holder is None or not holder.may_still_send
    return member.state in {State.PENDING, State.WAITING} and is_ours


def _take_row(work: Work, row: PreparedRow, chunk: str) -> None:
    """The row belongs to the delivery from now on, with the sightings that it serves."""
    work.facts |= {TURN: str(work.delivery.wanted), **row.facts}
    work.delivery = replace(work.delivery, row=row.text, chunk=chunk)
