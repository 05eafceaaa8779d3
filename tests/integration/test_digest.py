"""The daily digest: once a day, of the day before in the set zone, in totals alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from giftbridge.domain.notice_letter import letter
from giftbridge.domain.notices import DIGEST, WaitingNotice
from giftbridge.errors import LostRace
from giftbridge.flows.daily_digest import DailyDigest, DigestOutcome
from giftbridge.flows.vitals import RECONCILIATION
from giftbridge.store.rows import commit
from ops.simulators.faults import FaultKind, FaultRule
from tests.workbench import Workbench, workbench

LISTENERS = {"sender": "giftbridge@example.org", "recipients": ["ops@example.org"]}


@pytest.fixture
def bench() -> Iterator[Workbench]:
    """A bench whose first digest has been waited for, at noon of 2 March; the next is due at 22:00 in Chicago."""
    with workbench() as fresh:
        fresh.population.build(donors=6)
        fresh.settings(notifications=LISTENERS, time_zone="America/Chicago", batch_at="22:00")
        run(fresh)
        yield fresh


def run(bench: Workbench) -> DigestOutcome:
    return DailyDigest(bench.tools, ["aegis"]).run()


def at(bench: Workbench, day: int, hour: int, minute: int = 0) -> None:
    """The clock at a time of a day in March, in UTC."""
    bench.clock.now = datetime(2026, 3, day, hour, minute, tzinfo=UTC)


def digests(bench: Workbench) -> list[WaitingNotice]:
    return [one for one in bench.tools.notices.oldest(100) if one.notice.kind == DIGEST]


def totals(bench: Workbench) -> dict[str, str | None]:
    [one] = digests(bench)
    return {change.field: change.new for change in one.notice.changes}


def test_it_tells_what_the_day_before_brought_in_the_set_zone(bench: Workbench) -> None:
    at(bench, 3, 5, 0)
    too_early = bench.give("one_time")
    bench.run(1)
    at(bench, 3, 7, 0)
    gifts = [bench.give("one_time"), bench.give("one_time")]
    bench.give("unknown_fund")
    bench.run(2)
    bench.raisedonors.store.set_gift_status(gifts[0], "Refunded", modified=bench.clock())
    bench.run(1)
    money = [Decimal(bench.delivery(gift).result["amount"].split()[0]) for gift in gifts]
    at(bench, 5, 4, 0)

    assert run(bench).day == "2026-03-03"
    told = totals(bench)
    assert bench.delivery(too_early).state == "delivered"
    assert told["gifts to Aegis"] == f"2, {sum(money):,.2f} USD"
    assert told["refunds to Aegis"] == f"1, -{money[0]:,.2f} USD"
    assert (told["failed on the way to Aegis"] or "").startswith("1, the oldest for 45 hours")
    assert told["on the way to Aegis"] == "0"
    assert told["reconciliation"] == "none was made yet"


def test_it_comes_once_a_day_at_the_hour_of_the_batch(bench: Workbench) -> None:
    days = []
    for day, hour, minute in ((3, 3, 59), (3, 4, 0), (3, 4, 1), (4, 3, 59), (4, 4, 0)):
        at(bench, day, hour, minute)
        days.append(run(bench).day)

    assert days == [None, "2026-03-01", None, None, "2026-03-02"]
    assert len(digests(bench)) == 2


def test_two_runs_at_once_write_one(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    at(bench, 4, 4, 0)
    seen = bench.tools.state.get("digest#last")
    assert run(bench).day is not None
    monkeypatch.setattr(type(bench.tools.state), "get", lambda _self, name: seen if name == "digest#last" else None)

    assert run(bench).why_idle == "another run wrote it"
    assert len(digests(bench)) == 1


def test_a_run_that_is_killed_wrote_nothing_or_all_of_it(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(client: object, writes: object) -> None:
        raise KeyboardInterrupt

    at(bench, 4, 4, 0)
    with monkeypatch.context() as killed, pytest.raises(KeyboardInterrupt):
        killed.setattr("giftbridge.flows.daily_digest.commit", dies)
        run(bench)
    assert digests(bench) == []
    with monkeypatch.context() as killed, pytest.raises(KeyboardInterrupt):
        killed.setattr("giftbridge.flows.daily_digest.commit", lambda *made: (commit(*made), dies(*made)))
        run(bench)

    assert run(bench).why_idle == "not due"
    assert len(digests(bench)) == 1


@pytest.mark.parametrize(
    "silent", [{"recipients": []}, {"sender": None}, {"digest": False}], ids=["nobody", "no sender", "switched off"]
)
def test_nobody_listens_so_none_is_written_nor_made_up_for_later(bench: Workbench, silent: dict[str, object]) -> None:
    bench.settings(notifications=silent)
    at(bench, 4, 4, 0)
    assert run(bench).why_idle == "nobody is to be told"
    bench.settings(notifications={**LISTENERS, "digest": True})

    assert run(bench).why_idle == "not due"
    assert digests(bench) == []


def test_an_unconnected_stack_writes_none(bench: Workbench) -> None:
    at(bench, 4, 4, 0)

    assert DailyDigest(bench.tools, []).run().why_idle == "no destination is connected"


def test_the_first_run_of_all_waits_for_its_time() -> None:
    with workbench() as fresh:
        fresh.settings(notifications=LISTENERS)
        assert run(fresh).day is None
        fresh.clock.advance(86_400)
        assert run(fresh).day is not None


def test_the_reconciliation_is_told_with_its_open_money(bench: Workbench) -> None:
    row = {"open": 2, "open_money": "30.50", "currency": "USD", "finished_at": "2026-03-04T03:50:00.000000Z"}
    bench.tools.state.put(RECONCILIATION, row, None)
    at(bench, 4, 4, 0)
    run(bench)

    assert totals(bench)["reconciliation"] == "2 open differences, 30.50 USD (2026-03-04 03:50 UTC)"


def test_waiting_gifts_have_their_age_and_no_name_is_in_the_e_mail(bench: Workbench) -> None:
    at(bench, 4, 3, 30)
    gift = bench.give("one_time")
    bench.pickup()
    bench.tools.state.change_destination("aegis", lambda d: replace(d, paused_by="ops"))
    at(bench, 4, 4, 30)
    run(bench)
    [one] = digests(bench)

    text = letter([one], "America/Chicago").text

    assert "on the way to Aegis: 1, the oldest for 60 minutes" in text
    assert "1 daily digest" in text and "→" not in text
    [donor] = [made for made in bench.population.donors if made.donor_id == bench.delivery(gift).donor_id]
    assert donor.person.last_name not in text


def test_losing_the_row_of_the_day_is_no_error(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    def loses(client: object, writes: object) -> None:
        raise LostRace("changed meanwhile")

    monkeypatch.setattr("giftbridge.flows.daily_digest.commit", loses)
    bench.clock.advance(timedelta(days=2).total_seconds())

    assert run(bench).day is None


def test_a_gift_that_was_found_after_a_lost_answer_counts_in_its_currency(bench: Workbench) -> None:
    at(bench, 3, 7, 0)
    bench.fault("aegis", FaultRule(FaultKind.DROP_AFTER, "createTransaction", count=1))
    gift = bench.give("one_time")
    bench.run(1)
    bench.clock.advance(120)
    bench.run(2)
    assert "found" in bench.delivery(gift).result["how"]
    at(bench, 5, 4, 0)

    run(bench)
    assert (totals(bench)["gifts to Aegis"] or "").endswith(" USD")


def test_a_day_of_twenty_five_hours_is_counted_whole(bench: Workbench) -> None:
    bench.settings(notifications=LISTENERS, time_zone="Europe/London", batch_at="02:00")
    bench.clock.now = datetime(2026, 10, 25, 12, tzinfo=UTC)
    run(bench)
    bench.give("one_time")
    bench.run(2)
    bench.clock.now = datetime(2026, 10, 26, 12, tzinfo=UTC)

    assert run(bench).day == "2026-10-25"
    told = {change.field: change.new or "" for change in digests(bench)[-1].notice.changes}
    assert told["gifts to Aegis"].startswith("1, ")
