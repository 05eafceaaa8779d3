"""Healing differences from a report (requirement H1): exactly what was planned, each looked at anew.

Nothing is sent from here: deliveries are taken up, opened again or made, and go the way of all others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from giftbridge.clients.aegis import Aegis
from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.delivery_queue import DeliveryQueue, new_nudge_name
from giftbridge.domain import delivery_life as life
from giftbridge.domain.deliveries import Delivery, Kind, State
from giftbridge.domain.delivery_ids import AEGIS, donation_adjusted_id, donation_created_id, donation_refunded_id
from giftbridge.domain.reconciliation import DONATION, REFUND, Difference, Heal, Sort
from giftbridge.domain.remembered import Mirror, Mirrored
from giftbridge.domain.reversals import without_invoice
from giftbridge.domain.sightings import Sighting, delivery_for, refund_for
from giftbridge.domain.times import format_moment
from giftbridge.errors import GiftBridgeError, LostRace, RecordMissing
from giftbridge.flows.aegis_adjustments import ADJUSTS, CORRECTS, OF, STANDS
from giftbridge.flows.aegis_transactions import transaction_numbered
from giftbridge.flows.reconciliation_plans import HealItem, HealPlan, HealResult, Left, adjusts_by
from giftbridge.flows.reconciliation_sides import on_periods_of
from giftbridge.flows.reconciliation_states import ACCEPTED, HEALING, tell_latest_anew
from giftbridge.flows.tools import Tools
from giftbridge.store.crm_keys import invoice_claim
from giftbridge.store.reconciliations import Reconciliations
from giftbridge.store.restores import newest_restore
from giftbridge.store.rows import Write

_EVER = date(1990, 1, 1)


class Healing:
    """Does what was planned. `queues` are those by destination."""

    def __init__(
        self,
        tools: Tools,
        raisedonors: RaiseDonors | None,
        aegis: Aegis | None,
        queues: Mapping[str, DeliveryQueue],
        who: str,
    ) -> None:
        self.tools = tools
        self.raisedonors = raisedonors
        self.aegis = aegis
        self.queues = queues
        self.who = who
        self.kept = Reconciliations(tools.state)

    def heal(self, plan: HealPlan) -> list[HealResult]:
        """Exactly the planned ones, in order."""
        results = [self._one(item) for item in plan.items]
        tell_latest_anew(self.tools, self.kept, plan.report_id)
        return results

    def accept(self, difference: Difference, report_id: str, why: str) -> None:
        """A person says that a difference is right as it is: later reports show it so while it says the same."""
        entity = self._entity(difference)
        line = self._line(entity, "difference accepted", f"{difference.words}: {why}", difference.delivery_id)
        self.tools.activity.client.put_item(**line.arguments)
        self._note(difference, {"what": ACCEPTED, "why": why, "report": report_id, "money": str(difference.money)})
        tell_latest_anew(self.tools, self.kept, report_id)

    def _one(self, item: HealItem) -> HealResult:
        one = item.difference
        if item.left:
            return HealResult(one.id, "left", item.what)
        try:
            delivery = self._begin(one)
        except Left as left:
            return HealResult(one.id, "left", str(left))
        except LostRace:
            return HealResult(one.id, "left", "its delivery changed meanwhile; reconcile once more")
        except GiftBridgeError as error:
            return HealResult(one.id, "left", error.explain())
        self._note(one, {"what": HEALING, "how": item.what, "delivery": delivery.id})
        self._nudge(delivery)
        return HealResult(one.id, "begun", item.what, delivery.id)

    def _begin(self, one: Difference) -> Delivery:
        match one.heal:
            case Heal.PICK_UP:
                return self._pick_up(one)
            case Heal.RETRY:
                return self._retry(one)
            case Heal.SEND_ANEW:
                return self._send_anew(one)
            case Heal.LINK:
                return self._link(one)
            case Heal.ADJUST:
                return self._adjust(one)
            case _:
                raise Left(one.remedy)

    # --- each way -----------------------------------------------------------------------------------------

    def _pick_up(self, one: Difference) -> Delivery:
        """The rows that the pickup would write for the gift as it is now."""
        sighting = self._sighting(one)
        created_id = donation_created_id(sighting.donation_id, one.crm)
        refunded_id = donation_refunded_id(sighting.donation_id, one.crm)
        known = self.tools.deliveries.get_many([created_id, refunded_id])
        _, settings = self.tools.settings()
        now, created = self.tools.now(), known.get(created_id)
        on = on_periods_of(self.tools, settings, one.crm)
        if one.kind == DONATION:
            after = delivery_for(sighting, created, settings, on, now, one.crm)
        else:
            after = refund_for(sighting, created, known.get(refunded_id), now, is_first_sight=False)
        if after is None:
            raise Left("it was taken up meanwhile; reconcile once more")
        before = known.get(after.id)
        restore = newest_restore(self.tools.state)
        if before is None and restore is not None:
            after = restore.marked(after, sighting.created_at)
        line = self._told_line(after, "taken up", one)
        if before is not None:
            return self.tools.deliveries.save(before, after, line)
        if not self.tools.deliveries.add(after, line):
            raise Left("it was taken up meanwhile; reconcile once more")
        return after

    def _sighting(self, one: Difference) -> Sighting:
        if self.raisedonors is None:
            raise Left("RaiseDonors is not connected")
        gift = self.raisedonors.donation(str(one.donation_id))
        return Sighting(
            donation_id=str(gift.id),
            donor_id=gift.donor_id,
            status=gift.status.strip().casefold(),
            crm_key=gift.crm_key,
            is_test_mode=gift.is_test_mode,
            created_at=gift.created_at,
            modified_at=gift.modified_at,
        )

    def _retry(self, one: Difference) -> Delivery:
        before = self._delivery(one, State.FAILED)
        after = life.reopened(before, self.tools.now())
        return self.tools.deliveries.save(before, after, self._told_line(after, "reopened", one))

    def _send_anew(self, one: Difference) -> Delivery:
        """Delivered once and gone: opened as if it was never sent, the old number and its claim kept."""
        before = self._delivery(one, State.DELIVERED)
        number = before.result.get("invoice", "")
        self._require_gone(one, before)
        fresh = replace(before, attempt=None, mirrors=(), result=without_invoice(before))
        after = life.reopened(fresh, self.tools.now())
        why = f"{one.words}; it is sent anew, asked for by {self.who}"
        line = self._line(after.donor_entity, "reopened", why, after.id, {"former invoice": number})
        return self.tools.deliveries.save(before, after, line)

    def _require_gone(self, one: Difference, delivery: Delivery) -> None:
        """Raises Left when Aegis shows it after all, or something that nobody claims and that may be it."""
        aegis = self._aegis()
        number = delivery.result.get("invoice", "").strip().lstrip("0")
        row = self.tools.keys.get(delivery.donor_entity, AEGIS)
        places = {delivery.result.get("partner"), one.place, row.key if row is not None else None} - {None, ""}
        for place in sorted(str(one) for one in places):
            try:
                history = aegis.history(place, _EVER, self.tools.now().date() + timedelta(days=2))
            except RecordMissing as missing:
                raise Left(f"partner {place} does not exist any more: find out where it went") from missing
            partner = aegis.partner(place)
            if partner is None or not partner.is_active:
                raise Left(f"partner {place} is inactive, and its history may have moved: find out where it went")
            alike = [row for row in history if row.amount == one.expected]
            names = [invoice_claim(row.invoice_number) for row in alike]
            claims = self.tools.keys.claimed_by(names, AEGIS)
            for row_there in history:
                if str(row_there.invoice_number) == number:
                    raise Left("Aegis shows it again; reconcile once more")
            recorder = self.tools.settings()[1].aegis.recorded_by.casefold()
            for row_there in alike:
                is_free = invoice_claim(row_there.invoice_number) not in claims
                is_ours = (row_there.recorded_by or "").strip().casefold() == recorder
                if is_free and is_ours and _is_near(row_there.transaction_date, one.day):
                    raise Left(f"{row_there.invoice_number} in Aegis may be it; reconcile once more")

    def _link(self, one: Difference) -> Delivery:
        """The transaction that fits becomes the delivery's: claimed by it, its number stored."""
        number = one.numbers[0]
        now = self.tools.now()
        before = self.tools.deliveries.get(one.delivery_id)
        kind = Kind.DONATION_REFUNDED if one.kind == REFUND else Kind.DONATION_CREATED
        base = before or life.new_delivery(
            id=one.delivery_id, kind=kind, donor_id=one.donor_id, entity_id=str(one.donation_id), now=now
        )
        if base.state not in {State.FAILED, State.DELIVERED} and before is not None:
            raise Left(f"its delivery is {base.state} by now; reconcile once more")
        result = {**base.result, "invoice": number, "how": f"linked by {self.who}", "partner": one.place}
        mirrors = (Mirror(Mirrored.DONATION, str(one.donation_id), number),) if one.kind == DONATION else ()
        after = replace(life.delivered(base, now), result=result, mirrors=mirrors, due=now)
        writes = [
            self.tools.keys.claim(invoice_claim(number), AEGIS, after.id, now),
            self._told_line(after, "linked", one),
        ]
        if before is not None:
            return self.tools.deliveries.save(before, after, *writes)
        if not self.tools.deliveries.add(after, *writes):
            raise Left("it was taken up meanwhile; reconcile once more")
        return after

    def _adjust(self, one: Difference) -> Delivery:
        """A delivery of its own, with an id that only one can have; a surplus is claimed by it at once."""
        number, now = one.numbers[0], self.tools.now()
        name = donation_adjusted_id(str(one.donation_id), number)
        stands = self._stands(one, number)
        if stands != one.found:
            raise Left(f"{number} was {one.found} in the report, and is {stands}; reconcile once more")
        result = {OF: one.delivery_id, CORRECTS: number, STANDS: str(stands), ADJUSTS: f"{adjusts_by(one):.2f}"}
        new = life.new_delivery(
            id=name, kind=Kind.DONATION_ADJUSTED, donor_id=one.donor_id, entity_id=str(one.donation_id), now=now
        )
        writes: list[Write] = []
        if one.sort is Sort.DOUBLED:
            claim = invoice_claim(number)
            claimant = self.tools.keys.claimed_by([claim], AEGIS).get(claim)
            if claimant not in {None, name, one.delivery_id}:
                raise Left(f"{number} belongs to {claimant} by now; reconcile once more")
            writes.append(self.tools.keys.claim(claim, AEGIS, name, now, take_over=claimant is not None))
        before = self.tools.deliveries.get(name)
        after = replace(before or new, result={**result, "partner": one.place})
        writes.append(self._told_line(after, "adjusting", one))
        if before is not None:
            if before.state not in {State.FAILED, State.IGNORED}:
                raise Left(f"{name} is {before.state}: it was adjusted before; put the rest right by hand")
            return self.tools.deliveries.save(before, life.reopened(after, now), *writes)
        if not self.tools.deliveries.add(after, *writes):
            raise Left("somebody else began to adjust it")
        return after

    def _stands(self, one: Difference, number: str) -> Decimal:
        """The transaction's amount in Aegis, now. Raises Left when it is not there any more."""
        today = self.tools.now().date()
        row = transaction_numbered(self._aegis(), one.place, number, one.day or today, today)
        found = row.amount if row is not None else None
        if found is None:
            raise Left(f"{number} is not in Aegis any more; reconcile once more")
        return found

    def _aegis(self) -> Aegis:
        if self.aegis is None:
            raise Left("Aegis is not connected")
        return self.aegis

    def _delivery(self, one: Difference, state: State) -> Delivery:
        """The delivery behind a difference. Raises Left when it has moved on since the report."""
        found = self.tools.deliveries.get(one.delivery_id)
        if found is None or found.state is not state:
            is_now = found.state.value if found is not None else "gone"
            raise Left(f"its delivery is {is_now} by now; reconcile once more")
        return found

    # --- what is told -------------------------------------------------------------------------------------

    def _nudge(self, delivery: Delivery) -> None:
        queue = self.queues.get(delivery.destination)
        if queue is None or delivery.state not in {State.PENDING, State.UNKNOWN} or delivery.is_in_outbox:
            return
        name = new_nudge_name(self.tools.token)
        queue.send(self.tools.deliveries.note_nudges([delivery], name, self.tools.now()), name)

    def _note(self, one: Difference, values: Mapping[str, object]) -> None:
        self.kept.note_act(one.id, {**values, "who": self.who, "at": format_moment(self.tools.now())})

    def _told_line(self, delivery: Delivery, what: str, one: Difference) -> Write:
        why = f"reconciliation: {one.words or one.sort}; asked for by {self.who}"
        return self._line(delivery.donor_entity, what, why, delivery.id, {"kind": delivery.kind.value})

    def _line(
        self, entity: str, what: str, why: str, delivery_id: str, details: Mapping[str, object] | None = None
    ) -> Write:
        now = self.tools.now()
        return self.tools.activity.line(
            entity, now=now, what=what, why=why, delivery_id=delivery_id or None, who=self.who, details=details
        )

    @staticmethod
    def _entity(one: Difference) -> str:
        return f"donor#{one.donor_id}" if one.donor_id is not None else f"reconciliation#{one.crm}"


def _is_near(text: str, day: date | None) -> bool:
    try:
        return day is None or abs((date.fromisoformat(text[:10]) - day).days) <= 1
    except ValueError:
        return True
