"""A donor's giving from both sides becomes one list: nothing twice, refunds linked, an order that stays."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from giftbridge.clients.raisedonors_giving import read_donor_gift
from giftbridge.domain.giving_history import (
    DonorGift,
    GivingRow,
    Recorded,
    aegis_moment,
    as_of,
    invoice_form,
    mark_of,
    merge,
    within,
)
from giftbridge.domain.partners import HistoryRow

BEGIN = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)


def gift(number: int, **more: Any) -> DonorGift:
    values: dict[str, Any] = {
        "amount": Decimal("25.00"),
        "currency": "USD",
        "status": "Approved",
        "created_at": BEGIN + timedelta(hours=number),
        "modified_at": BEGIN + timedelta(hours=number + 5),
        "is_test_mode": False,
        "crm_key": None,
    }
    return DonorGift(id=number, **values | more)


def transaction(invoice: int | None, amount: str = "25.00", at: str = "2026-03-02T08:30:00-06:00") -> HistoryRow:
    return HistoryRow(invoice, Decimal(amount), at, None, "Staff", at)


def merged(
    gifts: list[DonorGift], recorded: dict[int, Recorded], rows: list[HistoryRow], *, with_tests: bool = False
) -> dict[str, GivingRow]:
    found = merge(gifts, recorded, rows, with_tests=with_tests)
    by_id = {row.id: row for row in found}
    assert len(by_id) == len(found), "an id occurs twice"
    return by_id


def test_a_delivered_gift_and_its_transaction_are_one_row_at_the_gifts_moment() -> None:
    rows = merged([gift(1)], {1: Recorded(invoice="7")}, [transaction(7), transaction(8)])

    assert {name: row.source for name, row in rows.items()} == {"raisedonors:1": "both", "aegis:8": "aegis"}
    assert rows["raisedonors:1"].at == gift(1).created_at
    assert rows["raisedonors:1"].invoice_number == "7"


def test_the_gifts_own_key_names_its_transaction_where_no_delivery_does() -> None:
    rows = merged([gift(1, crm_key=" 0007 ")], {}, [transaction(7)])

    assert [row.source for row in rows.values()] == ["both"]


def test_what_our_delivery_says_goes_before_a_key_that_somebody_wrote_on_another_gift() -> None:
    rows = merged([gift(1, crm_key="7"), gift(2)], {1: Recorded(), 2: Recorded(invoice="7")}, [transaction(7)])

    assert {name: row.source for name, row in rows.items()} == {"raisedonors:1": "raisedonors", "raisedonors:2": "both"}


def test_a_gift_that_is_not_in_aegis_yet_stands_alone_and_keeps_its_id_and_place_when_it_is() -> None:
    before = merged([gift(1)], {}, [])["raisedonors:1"]
    after = merged([gift(1)], {1: Recorded(invoice="7")}, [transaction(7)])["raisedonors:1"]

    assert (before.source, after.source) == ("raisedonors", "both")
    assert before.order == after.order


@pytest.mark.parametrize("status", ["Refunded", "Voided", " refunded "])
def test_a_refunded_gift_is_two_rows_that_name_each_other(status: str) -> None:
    rows = merged([gift(1, status=status)], {1: Recorded("7", "9")}, [transaction(7), transaction(9, "-25.00")])

    original, refund = rows["raisedonors:1"], rows["raisedonors:1:refund"]
    assert (original.refunded_by, refund.refund_of) == (refund.id, original.id)
    assert (original.amount, refund.amount) == (Decimal("25.00"), Decimal("-25.00"))
    assert (original.source, refund.source, refund.kind) == ("both", "both", "refund")
    assert refund.at == gift(1).modified_at


def test_a_delivered_refund_is_dated_as_it_was_sent_and_never_before_its_gift() -> None:
    sent = BEGIN + timedelta(hours=3)
    later = merged([gift(1, status="Refunded")], {1: Recorded("7", "9", sent)}, [])
    odd = merged([gift(1, status="Refunded", modified_at=BEGIN)], {}, [])

    assert later["raisedonors:1:refund"].at == sent
    assert odd["raisedonors:1:refund"].at == gift(1).created_at


def test_a_negative_transaction_of_another_channel_is_a_refund_of_nothing_that_is_known() -> None:
    row = merged([], {}, [transaction(8, "-10.00")])["aegis:8"]

    assert (row.kind, row.refund_of) == ("refund", None)


@pytest.mark.parametrize("status", ["Pending", "Declined", "Failed", "Something new"])
def test_a_payment_that_has_not_come_is_no_giving(status: str) -> None:
    assert merged([gift(1, status=status)], {}, []) == {}


def test_a_test_gift_is_shown_only_where_test_gifts_are_sent() -> None:
    tests = [gift(1, is_test_mode=True)]

    assert merged(tests, {}, []) == {}
    assert list(merged(tests, {}, [], with_tests=True)) == ["raisedonors:1"]


def test_another_amount_in_aegis_is_told() -> None:
    row = merged([gift(1)], {1: Recorded("7")}, [transaction(7, "20.00")])["raisedonors:1"]

    assert (row.amount, row.aegis_amount) == (Decimal("25.00"), Decimal("20.00"))


def test_a_transaction_read_twice_is_one_row_and_one_without_a_number_is_kept() -> None:
    rows = merged([], {}, [transaction(7), transaction(7), transaction(None), transaction(None)])

    assert len(rows) == 3


def test_rows_are_newest_first_and_a_refund_comes_before_its_gift_when_read_so() -> None:
    same = [gift(1, status="Refunded", modified_at=gift(1).created_at), gift(2)]

    assert list(merged(same, {}, [transaction(3)])) == [
        "raisedonors:2",
        "raisedonors:1:refund",
        "raisedonors:1",
        "aegis:3",
    ]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-02T08:30:00-06:00", datetime(2026, 3, 2, 14, 30, tzinfo=UTC)),
        ("2026-03-02T08:30:00", datetime(2026, 3, 2, 15, 30, tzinfo=UTC)),
        ("2026-03-02", datetime(2026, 3, 2, 7, 0, tzinfo=UTC)),
        ("2026-03-02T14:30:00.123Z", datetime(2026, 3, 2, 14, 30, 0, 123000, tzinfo=UTC)),
        ("soon", None),
        ("", None),
        ("9999-12-31T23:59:59", None),
    ],
)
def test_dates_of_aegis_are_read_as_the_contract_says(text: str, moment: datetime | None) -> None:
    assert aegis_moment(text) == moment


@pytest.mark.parametrize(
    ("key", "form"), [("7", "7"), (" 007", "7"), ("A-7", "A-7"), ("\u0667", "\u0667"), ("", None), (None, None)]
)
def test_an_invoice_number_has_one_form(key: str | None, form: str | None) -> None:
    assert invoice_form(key) == form


def test_days_are_inclusive_and_those_of_the_organisation() -> None:
    late = merge([gift(1, created_at=datetime(2026, 3, 3, 4, 0, tzinfo=UTC))], {}, [], with_tests=False)
    chicago, second, third = ZoneInfo("America/Chicago"), date(2026, 3, 2), date(2026, 3, 3)

    assert len(within(late, second, second, chicago)) == 1
    assert within(late, third, None, chicago) == []
    assert len(within(late, third, third, ZoneInfo("UTC"))) == 1


def test_the_beginning_of_time_is_a_date_like_another() -> None:
    odd = merge([], {}, [transaction(1, at="0001-01-01T00:00:00Z")], with_tests=False)

    assert len(within(odd, None, date(2026, 1, 1), ZoneInfo("America/Chicago"))) == 1


def test_rows_that_came_after_the_mark_are_left_out_and_no_older_one_is() -> None:
    early = merge([gift(5)], {}, [transaction(7)], with_tests=False)
    mark = mark_of(early, BEGIN + timedelta(days=1), aegis=True, raisedonors=True)
    refunded = gift(5, status="Refunded", modified_at=BEGIN + timedelta(days=2))
    later = merge([refunded, gift(6)], {5: Recorded("9")}, [transaction(7), transaction(9)], with_tests=False)

    shown = as_of(later, mark)

    assert [row.id for row in shown] == [row.id for row in early]
    assert shown[0].refunded_by is None


def test_a_side_that_did_not_answer_the_first_page_is_not_cut_on_the_next() -> None:
    mark = mark_of(merge([], {}, [transaction(7)], with_tests=False), BEGIN, aegis=True, raisedonors=False)

    assert len(as_of(merge([gift(1)], {}, [], with_tests=False), mark)) == 1


_MOMENTS = st.integers(0, 5).map(lambda hours: BEGIN + timedelta(hours=hours))
_GIFTS = st.lists(
    st.builds(
        gift,
        st.integers(1, 30),
        status=st.sampled_from(["Approved", "Refunded", "Pending"]),
        created_at=_MOMENTS,
        crm_key=st.one_of(st.none(), st.integers(1, 20).map(str)),
    ),
    unique_by=lambda one: one.id,
)
_ROWS = st.lists(st.builds(transaction, st.integers(1, 20), st.sampled_from(["25.00", "-25.00"])))


@given(_GIFTS, _ROWS, _GIFTS, _ROWS)
def test_every_transaction_is_shown_once_and_what_comes_later_shifts_nothing(
    gifts: list[DonorGift], rows: list[HistoryRow], more_gifts: list[DonorGift], more_rows: list[HistoryRow]
) -> None:
    first = merge(gifts, {}, rows, with_tests=False)
    invoices = {row.invoice_number for row in first if row.source != "raisedonors"}
    assert invoices == {str(row.invoice_number) for row in rows}
    shown = [row.invoice_number for row in first if row.source != "raisedonors"]
    assert len(shown) == len(set(shown))
    assert len({row.order for row in first}) == len(first)

    mark = mark_of(first, BEGIN + timedelta(days=1), aegis=True, raisedonors=True)
    highest = max([mark.invoice or 0, mark.donation or 0])
    new_gifts = [gift(one.id + highest, created_at=one.created_at) for one in more_gifts]
    new_rows = [transaction((row.invoice_number or 0) + highest) for row in more_rows]
    later = merge([*gifts, *new_gifts], {}, [*rows, *new_rows], with_tests=False)
    assert [row.id for row in as_of(later, mark)] == [row.id for row in first]


def test_an_odd_gift_is_read_as_far_as_it_is_shown() -> None:
    raw = {"id": 5, "amount": Decimal("5.10"), "createdDate": "2026-03-02T14:30:00", "statusText": "Approved"}

    read = read_donor_gift({**raw, "projects": "none", "crmKey": 12})
    assert read is not None
    assert (read.amount, read.crm_key, read.currency, read.modified_at) == (Decimal("5.10"), "12", None, None)
    for name in raw:
        assert read_donor_gift({**raw, name: None}) is None
    assert read_donor_gift({**raw, "amount": "NaN"}) is None
    assert read_donor_gift("gift") is None
