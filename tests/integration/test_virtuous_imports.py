"""Gifts and donor edits go to the import tool once, a hundred a call, and are followed until they land (D1 to D3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests

from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.domain.daily_times import last_batch_time
from giftbridge.domain.deliveries import State
from giftbridge.domain.delivery_ids import VIRTUOUS, donation_created_id, donation_refunded_id, donor_updated_id
from giftbridge.errors import LostRace
from giftbridge.flows import daily_batch
from giftbridge.flows.virtuous_delivery import VirtuousDelivery
from giftbridge.flows.work import Work
from ops.simulators.faults import FaultKind, FaultRule
from ops.simulators.virtuous_import import ImportChoices
from ops.simulators.virtuous_records import RowState
from tests.virtuous_bench import VirtuousBench, virtuous_bench
from tests.workbench import BEGIN


@pytest.fixture
def both() -> Iterator[VirtuousBench]:
    """A fresh bench whose projects are known in Virtuous."""
    with virtuous_bench() as fresh:
        fresh.bench.pickup()
        fresh.batch()
        fresh.virtuous.log.clear()
        yield fresh


def give(both: VirtuousBench, count: int = 1, kind: str = "one_time") -> list[int]:
    """New gifts, picked up."""
    gifts = [both.bench.give(kind) for _ in range(count)]
    both.bench.pickup()
    return gifts


def state(both: VirtuousBench, gift: int) -> State:
    """Where a gift's delivery is."""
    return both.delivery(donation_created_id(gift, VIRTUOUS)).state


def gift_rows(both: VirtuousBench) -> list[dict[str, Any]]:
    """The gifts that the import tool holds or took."""
    return [row.row for row in both.virtuous.store.rows if row.kind == "gift"]


def test_nothing_goes_before_the_batch_and_a_call_takes_so_many_rows(
    both: VirtuousBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert daily_batch.ROWS_A_CALL == 100
    monkeypatch.setattr(daily_batch, "ROWS_A_CALL", 10)
    gifts = give(both, 25)
    both.settle(2)
    assert gift_rows(both) == []

    outcome = both.batch()

    assert (outcome.gifts, outcome.chunks) == (25, 3)
    assert both.calls().count("submitGiftTransactions") == 3
    assert sorted(int(row["transactionId"]) for row in gift_rows(both)) == sorted(gifts)
    assert Counter(state(both, gift) for gift in gifts) == {State.SENT: 25}


def test_several_edits_of_a_donor_become_one_row_with_the_last_values(both: VirtuousBench) -> None:
    donor = both.bench.population.make_donor("new_person", gives=False).donor_id
    both.link(donor)
    both.settle(2)
    for name in ("Ann", "Bea", "Cleo"):
        both.bench.raisedonors.store.edit("donor", donor, {"firstName": name})
        both.bench.clock.advance(10)
        both.bench.pickup()

    both.batch()

    rows = [row.row for row in both.virtuous.store.rows if row.kind == "contact"]
    assert [(row["referenceId"], row["firstName"]) for row in rows] == [(str(donor), "Cleo")]
    assert "address1" not in rows[0]


def test_an_e_mail_change_alone_travels(both: VirtuousBench) -> None:
    donor = both.bench.population.make_donor("new_person", gives=False).donor_id
    contact = both.link(donor).contact_id
    both.settle(2)
    both.bench.raisedonors.store.edit("donor", donor, {"email": "new.address@example.org"})

    both.day()

    assert "new.address@example.org" in both.client().contact(contact).individuals[0].emails
    assert both.delivery(donor_updated_id(donor, VIRTUOUS)).state is State.DELIVERED


def test_a_refused_chunk_is_split_the_bad_row_explained_and_the_rest_goes(both: VirtuousBench) -> None:
    gifts = give(both, 20)
    comment = "a text that Virtuous does not like"
    both.bench.raisedonors.store.edit("gift", gifts[7], {"comment": comment})
    both.virtuous.store.settings.unwelcome_texts.add(comment)

    both.batch()

    assert state(both, gifts[7]) is State.FAILED
    assert sum(state(both, gift) is State.SENT for gift in gifts) == 19
    assert not any(comment in str(row) for row in gift_rows(both))
    failed = both.delivery(donation_created_id(gifts[7], VIRTUOUS)).trouble
    assert failed is not None
    assert "not allowed" in failed.explain()
    both.virtuous.store.settings.unwelcome_texts.clear()

    assert both.dead_letters(VIRTUOUS) == 1


def test_rows_land_by_look_up_although_no_webhook_comes(both: VirtuousBench) -> None:
    gifts = give(both, 3)
    both.batch()
    both.virtuous.run_import()
    both.virtuous.sender.deliver_due(lambda *_: 200)

    for _ in range(5):
        both.bench.clock.advance(60)
        both.sweep()
        both.drain()

    assert {state(both, gift) for gift in gifts} == {State.DELIVERED}
    key = both.bench.tools.keys.get(f"donation#{gifts[0]}", VIRTUOUS)
    assert key is not None
    assert key.key in {str(number) for number in both.virtuous.store.gifts}


def test_held_rows_are_looked_up_at_growing_ages_and_never_fail(both: VirtuousBench) -> None:
    gift = give(both)[0]
    both.batch()
    both.virtuous.log.clear()

    for minutes in [5] * 12 + [120] * 36:
        both.bench.clock.advance(minutes * 60)
        both.sweep()
        both.drain()

    assert state(both, gift) is State.SENT
    assert 5 <= both.calls().count("getGiftByTransaction") <= 10
    assert both.calls().count("submitGiftTransactions") == 0


def test_two_batches_at_once_send_nothing_twice(both: VirtuousBench) -> None:
    gifts = give(both, 12)
    first, second = both.plan("one"), both.plan("two")
    both.drain()

    assert (first.chunks, second.chunks) == (1, 0)
    assert sorted(int(row["transactionId"]) for row in gift_rows(both)) == sorted(gifts)
    assert all(row.repeats == 0 for row in both.virtuous.store.rows)


def test_a_lost_answer_leads_to_the_same_rows_again_byte_for_byte(both: VirtuousBench) -> None:
    gifts = give(both, 5)
    both.virtuous.faults.add(FaultRule(FaultKind.DROP_AFTER, "submitGiftTransactions", count=1))
    both.batch()
    assert {state(both, gift) for gift in gifts} == {State.PENDING}
    both.bench.raisedonors.store.edit("gift", gifts[0], {"comment": "changed meanwhile"})

    for _ in range(4):
        both.bench.clock.advance(60)
        both.bench.pickup()
        both.sweep()
        both.drain()

    assert {state(both, gift) for gift in gifts} == {State.SENT}
    assert [row.repeats for row in both.virtuous.store.rows if row.kind == "gift"] == [1] * 5
    assert both.virtuous.store.changed_repeats == []


def test_a_refund_waits_while_its_original_is_held_and_is_reversed_once(both: VirtuousBench) -> None:
    gift = give(both)[0]
    both.batch()
    both.bench.raisedonors.store.set_gift_status(gift, "Refunded")
    both.settle(3)
    refund = donation_refunded_id(gift, VIRTUOUS)
    trouble = both.delivery(refund).trouble
    assert trouble is not None
    assert trouble.cause == "original-held"
    assert both.calls().count("reverseGift") == 0

    both.virtuous.run_import()
    both.settle(5)

    assert both.delivery(refund).state is State.DELIVERED
    amounts = [one.amount for one in both.virtuous.store.gifts.values()]
    assert sum(amounts) == 0
    assert len(amounts) == 2


def test_a_gift_refunded_before_the_batch_is_never_sent_and_has_no_reversal(both: VirtuousBench) -> None:
    gift = give(both)[0]
    both.bench.raisedonors.store.set_gift_status(gift, "Voided")
    both.settle(2)
    both.batch()
    both.settle(2)

    assert state(both, gift) is State.IGNORED
    assert gift_rows(both) == []
    assert both.calls().count("reverseGift") == 0


def test_what_happened_while_a_switch_was_off_is_not_sent(both: VirtuousBench) -> None:
    both.bench.settings(virtuous={"sync_gifts": False, "sync_contacts": False})
    donor = both.bench.population.make_donor("new_person", gives=False).donor_id
    both.bench.pickup()
    both.bench.raisedonors.store.edit("donor", donor, {"firstName": "Off"})
    off = give(both)[0]
    both.bench.clock.advance(60)
    both.bench.settings(virtuous={"sync_gifts": True, "sync_contacts": True})
    both.bench.pickup()
    on = give(both)[0]

    both.batch()

    assert [row["transactionId"] for row in gift_rows(both)] == [str(on)]
    assert [row for row in both.virtuous.store.rows if row.kind == "contact"] == []
    assert (
        both.bench.tools.deliveries.get(donation_created_id(off, VIRTUOUS)) is None or state(both, off) is State.IGNORED
    )


def test_rows_that_staff_leaves_stay_sent_and_those_it_takes_land(both: VirtuousBench) -> None:
    gifts = give(both, 4)
    both.batch()
    taken = str(gifts[0])

    both.virtuous.run_import(ImportChoices(take=lambda row: row.row.get("transactionId") == taken))
    both.settle(4)

    assert state(both, gifts[0]) is State.DELIVERED
    assert {state(both, gift) for gift in gifts[1:]} == {State.SENT}
    assert sum(row.state is RowState.HELD for row in both.virtuous.store.rows) == 3


def test_only_the_first_payment_of_a_schedule_names_the_frequency(both: VirtuousBench) -> None:
    give(both, 1, "first_of_schedule")
    schedules = list(both.bench.raisedonors.store.schedules.visible())
    both.batch()
    later = gift_rows(both)

    assert schedules
    assert [row.get("frequency") is not None for row in later] == [True]
    assert later[0]["recurringGiftTransactionId"] == str(schedules[-1].record_id)


def test_the_batch_comes_at_its_time_of_the_day_in_the_set_zone(both: VirtuousBench) -> None:
    both.bench.settings(time_zone="America/Chicago", batch_at="22:00")
    assert both.plan(now_requested=False).why_idle == "not due"
    due = last_batch_time(both.bench.clock() + timedelta(days=1), "America/Chicago", "22:00")
    both.bench.clock.now = due - timedelta(minutes=1)
    assert both.plan(now_requested=False).why_idle == "not due"

    both.bench.clock.now = due
    assert both.plan(now_requested=False).why_idle is None
    assert both.plan(now_requested=False).why_idle == "not due"


def test_the_batch_keeps_its_hour_when_the_clocks_change() -> None:
    spring = BEGIN.replace(month=3, day=9, hour=12)
    winter = last_batch_time(BEGIN.replace(month=3, day=7, hour=12), "America/Chicago", "22:00")

    assert (winter.hour, last_batch_time(spring, "America/Chicago", "22:00").hour) == (4, 3)


def test_an_e_mail_set_back_while_the_row_with_the_other_is_held_arrives(both: VirtuousBench) -> None:
    donor = both.bench.population.make_donor("new_person", gives=False).donor_id
    contact = both.link(donor).contact_id
    both.settle(2)
    first = both.donor(donor)["donorEmailAddresses"][0]["value"]
    both.bench.raisedonors.store.edit("donor", donor, {"email": "another@example.org"})
    both.bench.pickup()
    both.batch()
    both.bench.clock.advance(60)
    both.bench.raisedonors.store.edit("donor", donor, {"email": first})
    both.bench.clock.advance(60)

    both.bench.pickup()
    both.batch()
    both.virtuous.run_import()
    both.settle(3)

    sent = [row.row.get("email") for row in both.virtuous.store.rows if row.kind == "contact"]
    assert sent == ["another@example.org", first]
    assert both.client().contact(contact).individuals[0].emails[0] == first
    both.bench.clock.advance(3600)
    both.bench.pickup()
    assert both.batch().contacts == 0


def test_a_row_that_another_worker_put_into_a_chunk_that_ended_without_it_goes_with_the_next_batch(
    both: VirtuousBench,
) -> None:
    known, left = give(both, 2)
    both.bench.clock.advance(60)
    both.plan()
    [chunk] = [name for name in both.bench.tools.deliveries.ids_in("open", VIRTUOUS) if "/chunk/" in name]
    seen = both.delivery(chunk)
    wires = both.bench.adapters
    has_begun: list[bool] = []

    def unread(request: Any, send: Any) -> Any:
        """The first worker cannot read one of the gifts for a moment."""
        if request.path_url.endswith(f"/Gift/{left}") and not has_begun:
            raise requests.ConnectionError("dropped")
        return send()

    def worked_twice(request: Any, send: Any) -> Any:
        """Its call is under way: the same message comes again, and the second worker gets as far as its own intent."""
        if request.method == "POST" and "Transactions" in request.path_url and not has_begun:
            has_begun.append(True)
            tools = both.tools["virtuous"]
            carrier = VirtuousDelivery(tools, RaiseDonors(both.bench.wire("raisedonors")), both.client())
            with pytest.raises(LostRace):
                carrier.carry(Work(tools, seen))
        return send()

    wires["raisedonors"].around, wires["virtuous"].around = unread, worked_twice
    both.drain()
    wires["raisedonors"].around = wires["virtuous"].around = lambda _, send: send()
    assert has_begun and both.delivery(chunk).state is State.DELIVERED
    orphan = both.delivery(donation_created_id(left, VIRTUOUS))
    assert (orphan.state, orphan.chunk) == (State.PENDING, chunk)
    assert orphan.id in both.bench.tools.deliveries.ids_in("outbox", VIRTUOUS)

    both.batch()

    assert Counter(row["transactionId"] for row in gift_rows(both)) == {str(known): 1, str(left): 1}


def test_a_row_in_a_chunk_that_waits_goes_with_no_other(both: VirtuousBench) -> None:
    gifts = give(both, 3)
    both.plan()
    both.bench.clock.advance(60)
    both.plan()

    both.settle(3)

    assert Counter(row["transactionId"] for row in gift_rows(both)) == {str(gift): 1 for gift in gifts}


def test_a_chunk_whose_rows_need_more_calls_than_there_are_goes_whole_and_soon_and_reads_nothing_twice(
    both: VirtuousBench,
) -> None:
    both.bench.settings(limits={"raisedonors_per_hour": 120, "virtuous_per_hour": 120})
    gifts = [both.bench.give() for _ in range(60)]
    for _ in range(3):
        both.bench.pickup()
        both.bench.clock.advance(60)
    both.bench.clock.advance(3600)
    both.bench.raisedonors.log.clear()
    both.plan()
    both.drain()
    chunk = next(row for row in both.bench.rows("DeliveriesTable") if row["kind"] == "import.chunk" and row["members"])
    waiting = both.delivery(chunk["id"])
    assert waiting.state is State.WAITING and waiting.trouble is not None and not waiting.attempts
    assert waiting.trouble.cause == "budget-spent" and waiting.due > both.bench.clock()
    began = both.bench.clock()
    while any(state(both, gift) is State.PENDING for gift in gifts):
        assert both.bench.clock() - began < timedelta(hours=2)
        both.bench.clock.advance(60)
        both.sweep()
        both.drain()
    reads = Counter(both.bench.calls("raisedonors"))
    assert reads["getGift"] == len(gifts)
    assert both.calls().count("submitGiftTransactions") == 1
    assert len(gift_rows(both)) == len(gifts)
