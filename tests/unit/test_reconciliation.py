"""What differs between two sides, told from values alone (requirement H1)."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from giftbridge.domain.reconciliation import (
    Adjustment,
    Difference,
    Entry,
    Found,
    Heal,
    Period,
    Report,
    Side,
    Sort,
    Standing,
)
from giftbridge.domain.reconciliation_compare import Compared, compare
from giftbridge.domain.reconciliation_days import day_found
from giftbridge.domain.reconciliation_rows import cut, head_of, head_row, read_head, read_report, report_text
from giftbridge.flows.reconciliation_plans import plan_heal

ZONE = ZoneInfo("America/Chicago")
NOON = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)
PERIOD = Period(date(2026, 3, 1), date(2026, 3, 3), ZONE)
CENT = Decimal("0.01")


def entry(number: int, amount: str = "50.00", /, **more: object) -> Entry:
    base = Entry(
        id=f"aegis/donation/{number}/created",
        kind="donation",
        donation_id=str(number),
        donor_id=41,
        amount=Decimal(amount),
        moment=NOON,
        standing=Standing.DELIVERED,
        number=str(5000 + number),
        places=("P1",),
        funds=(("GEN", Decimal(amount)),),
    )
    return replace(base, **more)  # type: ignore[arg-type]


def found(number: int, amount: str = "50.00", /, claim: int | str | None = None, **more: object) -> Found:
    claimant = f"aegis/donation/{claim}/created" if isinstance(claim, int) else claim
    base = Found(str(number), "P1", Decimal(amount), "2026-03-02T12:00:00-06:00", True, claimant)
    return replace(base, **more)  # type: ignore[arg-type]


def compared(
    entries: list[Entry], there: list[Found], adjustments: dict[str, Adjustment] | None = None, *, exact: bool = False
) -> Compared:
    return compare("aegis", PERIOD, entries, there, adjustments or {}, exact_funds=exact)


def differences(*arguments: object, **more: object) -> dict[str, Difference]:
    return {one.id: one for one in compared(*arguments, **more).side.differences}  # type: ignore[arg-type]


def test_what_agrees_is_no_difference_and_counts_on_both_sides() -> None:
    side = compared([entry(1), entry(2)], [found(5001, claim=1), found(5002, claim=2)]).side
    assert side.differences == ()
    assert [(d.expected.count, d.found.count, d.difference) for d in side.days] == [(0, 0, 0), (2, 2, 0), (0, 0, 0)]


def test_a_second_transaction_of_ours_is_doubled_and_a_twin_that_was_given_is_not() -> None:
    entries = [entry(1), entry(2)]
    there = [found(5001, claim=1), found(5002, claim=2), found(5003)]
    assert list(differences(entries, there)) == ["aegis-doubled-1-5003"]
    assert differences(entries, there[:2]) == {}


def test_what_others_recorded_is_counted_apart() -> None:
    side = compared([entry(1)], [found(5001, claim=1), found(9, is_ours=False)]).side
    assert side.differences == ()
    assert (side.days[1].other.count, side.days[1].found.count) == (1, 1)


def test_the_query_tells_whose_double_it_is_even_with_another_amount() -> None:
    entries = [entry(1), entry(2)]
    there = [found(5001, claim=1), found(5002, claim=2), found(5003, "49.00", of_donation="2")]
    assert list(differences(entries, there)) == ["aegis-doubled-2-5003"]


def test_a_transaction_that_fits_what_is_missing_is_offered_for_it() -> None:
    failed = entry(1, standing=Standing.NEVER, number=None, words="failed", heal=Heal.RETRY)
    [one] = differences([failed], [found(7777)]).values()
    assert (one.sort, one.heal, one.numbers) == (Sort.MISSING, Heal.LINK, ("7777",))


def test_a_transaction_that_fits_what_is_on_its_way_explains_itself() -> None:
    waiting = entry(1, standing=Standing.HELD, number=None, words="unknown since …")
    side = compared([waiting], [found(7777)]).side
    assert [one.sort for one in side.differences] == [Sort.HELD]
    assert side.days[1].difference == 0
    assert compared([waiting], []).side.days[1].difference == 0


def test_a_transaction_that_moved_with_a_merge_is_offered_for_the_gift_that_waits_for_a_person() -> None:
    waiting = entry(1, standing=Standing.HELD, number=None, words="in review", may_have_moved=True)
    elsewhere = found(7777, place="P2")
    [one] = differences([waiting], [elsewhere]).values()
    assert (one.sort, one.heal, one.numbers, one.place) == (Sort.HELD, Heal.LINK, ("7777",), "P2")
    assert compared([waiting], [elsewhere]).side.days[1].difference == 0
    # One that did not move explains nothing elsewhere; nor does one of another amount.
    for other in (replace(waiting, may_have_moved=False), replace(waiting, amount=Decimal("9.00"))):
        assert {one.sort for one in compared([other], [elsewhere]).side.differences} == {Sort.HELD, Sort.UNEXPLAINED}


def test_an_adjustment_explains_what_it_puts_right_once_it_is_recorded() -> None:
    name = "aegis/donation/1/adjusted-5003"
    there = [found(5001, claim=1), found(5003, claim=name), found(5004, "-50.00", claim=name)]
    done = {name: Adjustment("aegis/donation/1/created", "5003", True)}
    assert differences([entry(1)], there, done) == {}
    begun = {name: Adjustment("aegis/donation/1/created", "5003", False)}
    assert list(differences([entry(1)], there[:2], begun)) == ["aegis-doubled-1-5003"]


def test_a_difference_that_was_made_up_for_is_none() -> None:
    name = "aegis/donation/1/adjusted-5001"
    there = [found(5001, "49.99", claim=1), found(5004, "0.01", claim=name)]
    assert differences([entry(1)], there, {name: Adjustment("aegis/donation/1/created", "5001", True)}) == {}
    [one] = differences([entry(1)], there[:1]).values()
    assert (one.sort, one.money, one.heal) == (Sort.DIFFERENT, CENT, Heal.ADJUST)


def test_a_number_that_comes_back_after_the_gift_was_sent_anew_is_doubled() -> None:
    sent_anew = entry(1, number="6001")
    there = [found(5001, claim=1), found(6001, claim=1)]
    assert list(differences([sent_anew], there)) == ["aegis-doubled-1-5001"]


def test_another_fund_is_seen_only_where_funds_are_read() -> None:
    there = [found(5001, claim=1, funds=(("BLD", Decimal("50.00")),))]
    assert differences([entry(1)], there) == {}
    [one] = differences([entry(1)], there, exact=True).values()
    assert (one.sort, one.words) == (Sort.WRONG_FUND, "was sent to GEN 50.00, and is in BLD 50.00")


def test_what_was_given_back_or_recorded_by_others_is_not_sent_anew() -> None:
    for gone in (entry(1, is_given_back=True), entry(1, is_adopted=True)):
        [one] = differences([gone], []).values()
        assert (one.sort, one.heal) == (Sort.MISSING, Heal.BY_HAND)
    [one] = differences([entry(1)], []).values()
    assert one.heal is Heal.SEND_ANEW


def test_what_could_not_be_looked_for_is_not_judged() -> None:
    told = compare("aegis", PERIOD, [entry(1)], [], {}, exact_funds=False, is_unread=lambda _: True)
    assert told.side.differences == ()
    assert [one.donation_id for one in told.unjudged] == ["1"]
    assert told.side.days[1].expected.count == 0


@pytest.mark.parametrize(
    ("text", "day", "agrees"),
    [
        ("2026-03-02T23:30:00-06:00", date(2026, 3, 2), True),
        ("2026-03-03T05:30:00Z", date(2026, 3, 2), True),
        ("2026-03-03T05:30:00.123Z", date(2026, 3, 2), True),
        # Mountain time without an offset, and UTC.
        ("2026-03-02T22:30:00", date(2026, 3, 2), True),
        ("2026-03-03T05:30:00", date(2026, 3, 2), True),
        # Cut to a day in Aegis' zone or in UTC.
        ("2026-03-02", date(2026, 3, 2), True),
        ("2026-03-03", date(2026, 3, 2), True),
        ("2026-03-04", date(2026, 3, 4), False),
        ("2026-03-03T00:10:00-06:00", date(2026, 3, 3), False),
        ("2026-03-02T11:00:00-06:00", date(2026, 3, 2), True),
        ("nonsense", date(2026, 3, 2), True),
    ],
)
def test_a_day_is_compared_at_the_precision_at_which_it_comes_back(text: str, day: date, agrees: bool) -> None:
    sent = datetime(2026, 3, 3, 5, 30, tzinfo=UTC)
    assert day_found(text, sent, ZONE) == (day, agrees)


@pytest.mark.parametrize("seed", range(150))
def test_exactly_what_was_planted_is_named_and_the_money_adds_up(seed: int) -> None:
    """Gifts of a few donors, many of one amount; what is planted hits each gift at most once."""
    chance = random.Random(seed)
    entries, there, expected = [], [], set[str]()
    signed = Decimal(0)
    for number in range(1, chance.randint(5, 30)):
        amount, place = chance.choice(("25.00", "50.00", f"{chance.randint(100, 99999) / 100:.2f}")), f"P{number % 4}"
        moment = NOON + timedelta(minutes=chance.randint(-600, 600))
        own = entry(number, amount, moment=moment, places=(place,))
        record = found(5000 + number, amount, claim=number, place=place, date=moment.isoformat())
        what = chance.choice(("fine", "fine", "fine", "cent", "gone", "failed", "held", "stray"))
        match what:
            case "cent":
                record = replace(record, amount=record.amount + CENT)
                expected.add(f"aegis-different-{number}-{record.number}")
                signed += CENT
            case "gone" | "failed":
                state = Standing.DELIVERED if what == "gone" else Standing.NEVER
                own = replace(own, standing=state)
                expected.add(f"aegis-missing-{number}")
                signed -= own.amount or 0
            case "held":
                own = replace(own, standing=Standing.HELD, number=None)
            case "stray":
                # Nobody ever gave so much.
                stray = replace(record, number=str(9000 + number), claim=None, amount=Decimal("123456.78"))
                there.append(stray)
                expected.add(f"aegis-unexplained-{stray.number}")
                signed += stray.amount
        entries.append(own)
        if what not in {"gone", "failed", "held"}:
            there.append(record)
    chance.shuffle(there)
    side = compared(entries, there).side
    assert {one.id for one in side.differences if one.sort is not Sort.HELD} == expected
    assert sum((day.difference for day in side.days), Decimal(0)) == signed


def a_report(side: Side) -> Report:
    return Report(
        "r1", PERIOD.first, PERIOD.last, ZONE.key, NOON, "test", "USD", ("all",), (), (side,), {"aegis": 1}, 1
    )


def test_a_report_is_kept_as_text_and_read_back_the_same() -> None:
    report = a_report(compared([entry(1), entry(2)], [found(5001, "50.01", claim=1)]).side)
    text = report_text(report)
    assert read_report("".join(cut(text))) == report
    assert read_head(head_row(head_of(report))) == head_of(report)
    assert (head_of(report).open, head_of(report).open_money) == (2, Decimal("50.01"))
    assert all(len(part.encode()) <= 300_000 for part in cut("ü" * 500_000))


def test_a_plan_names_what_is_done_and_what_is_left_to_hands() -> None:
    there = [found(5001, "50.01", claim=1), found(9999, "7.00")]
    plan = plan_heal(a_report(compared([entry(1), entry(2)], there).side))
    told = {item.difference.id: (item.what, item.left) for item in plan.items}
    assert told["aegis-different-1-5001"] == ("record an adjustment in Aegis of -0.01", False)
    assert told["aegis-missing-2"][1] is False
    assert told["aegis-unexplained-9999"][1] is True
    assert len(plan.to_do) == 2
    with pytest.raises(KeyError):
        plan_heal(a_report(compared([], []).side), ["no-such"])
