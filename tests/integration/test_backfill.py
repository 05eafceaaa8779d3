"""The past of a period, sent on the way of live work and behind it (requirement H3)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from giftbridge.domain.backfills import CONTACTS, GIFTS, Backfill
from giftbridge.domain.deliveries import State
from giftbridge.domain.delivery_ids import AEGIS, VIRTUOUS, donation_created_id, donor_updated_id
from giftbridge.flows import backfill as flow
from tests.virtuous_bench import VirtuousBench, virtuous_bench
from tests.workbench import BEGIN, Workbench

LAST_MONTH = BEGIN - timedelta(days=30)


def ask(bench: Workbench, destination: str = AEGIS, what: tuple[str, ...] = (GIFTS,), days: int = 2) -> Backfill:
    """A backfill of some days from the moment a month ago."""
    since = LAST_MONTH - timedelta(days=1)
    asked = Backfill("b1", destination, since, since + timedelta(days=days), what, "an operator", bench.clock())
    bench.tools.state.put(flow.ROW, asked.as_row(), bench.tools.state.get(flow.ROW))
    return asked


def is_done(bench: Workbench) -> bool:
    """Whether the pickup is through with it."""
    row = bench.tools.state.get(flow.ROW)
    return row is not None and bool(row["is_done"])


def test_gifts_of_the_period_are_sent_and_no_others(bench: Workbench) -> None:
    bench.run()
    inside = bench.population.make_gift("one_time", LAST_MONTH).gift_id
    before = bench.population.make_gift("one_time", LAST_MONTH - timedelta(days=10)).gift_id
    after = bench.population.make_gift("one_time", LAST_MONTH + timedelta(days=10)).gift_id
    bench.run()
    assert not bench.transactions_of(inside)

    ask(bench)
    bench.run(3)

    assert is_done(bench)
    assert [len(bench.transactions_of(gift)) for gift in (before, inside, after)] == [0, 1, 0]
    assert bench.delivery(inside).state is State.DELIVERED


def test_a_gift_that_was_sent_or_carries_a_key_is_not_sent_again(bench: Workbench) -> None:
    live = bench.give()
    bench.run(2)
    adopted = bench.population.make_gift("adopted", LAST_MONTH).gift_id

    asked = ask(bench)
    ended = Backfill("b2", AEGIS, asked.since, bench.clock(), (GIFTS,), "an operator", bench.clock())
    bench.run(2)
    bench.tools.state.put(flow.ROW, ended.as_row(), bench.tools.state.get(flow.ROW))
    bench.run(3)

    assert len(bench.transactions_of(live)) == 1
    assert bench.transactions_of(adopted) == []
    assert bench.delivery(adopted).state is State.DELIVERED


def test_a_pickup_that_dies_in_the_middle_goes_on_where_it_was(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("giftbridge.clients.raisedonors.PAGE_SIZE", 10)
    monkeypatch.setattr(flow.BackfilledGifts, "most_pages", 2)
    gifts = [bench.population.make_gift("one_time", LAST_MONTH + timedelta(minutes=n)).gift_id for n in range(35)]
    bench.run()
    ask(bench)

    reads: list[int] = []
    real = flow.BackfilledGifts.record

    def dies_once(self: flow.BackfilledGifts, raws: list[object], turn: object) -> object:
        reads.append(len(raws))
        written = real(self, raws, turn)  # type: ignore[arg-type]
        if len(reads) == 2:
            raise KeyboardInterrupt
        return written

    monkeypatch.setattr(flow.BackfilledGifts, "record", dies_once)
    with pytest.raises(KeyboardInterrupt):
        bench.pickup()
    bench.clock.advance(60)
    bench.run(4)

    assert is_done(bench)
    assert [len(bench.transactions_of(gift)) for gift in gifts] == [1] * 35
    # Storing the keys moves the gifts to the end of the walk: they are seen a second time, in pages that overlap.
    assert sum(reads) <= 3 * 35


def test_what_was_cancelled_is_not_picked_up(bench: Workbench) -> None:
    gift = bench.population.make_gift("one_time", LAST_MONTH).gift_id
    bench.run()
    asked = ask(bench)
    row = bench.tools.state.get(flow.ROW)
    bench.tools.state.put(flow.ROW, {**asked.as_row(), "is_done": True}, row)

    bench.run(2)

    assert bench.transactions_of(gift) == []


def test_contacts_and_gifts_of_the_period_go_to_the_import_tool_whole_and_once() -> None:
    with virtuous_bench() as both:
        bench = both.bench
        made = bench.population.make_donor("new_person", gives=False)
        bench.pickup()
        gift = bench.population.make_gift("one_time", LAST_MONTH, donor=made).gift_id
        bench.pickup()
        both.batch()
        assert both.virtuous.store.rows == []

        days = 40
        ask(bench, VIRTUOUS, (GIFTS, CONTACTS), days)
        for _ in range(2):
            bench.pickup()
            both.batch()
            bench.clock.advance(60)

        rows = [
            (row.kind, row.row.get("referenceId"), row.row.get("transactionId")) for row in both.virtuous.store.rows
        ]
        assert sorted(rows) == [("contact", str(made.donor_id), None), ("gift", None, str(gift))]
        assert is_done(bench)
        _assert_lands(both, made.donor_id, gift)


def _assert_lands(both: VirtuousBench, donor_id: int, gift: int) -> None:
    both.virtuous.run_import()
    both.settle(3)
    for name in (donor_updated_id(donor_id, VIRTUOUS), donation_created_id(gift, VIRTUOUS)):
        assert both.delivery(name).state is State.DELIVERED, both.delivery(name)
