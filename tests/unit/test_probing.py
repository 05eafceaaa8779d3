"""Did the lost request land after all?"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from giftbridge.domain.deliveries import Attempt, State, Step
from giftbridge.domain.partners import HistoryRow, Pledge
from giftbridge.domain.probing import fitting_pledges, fitting_rows, query_hits, unsettled_twins
from tests.unit.samples import NOW, attempt, delivery

ROW = HistoryRow(500001, Decimal("75.1"), "2026-03-02T08:30:05-06:00", "EOY24", "Bridge", "2026-03-02T08:30:06-06:00")
PLEDGE = Pledge("p1", "100001", Decimal(30), "Monthly", "2026-03-01", "2026-02-27T01:00:00-07:00", True)
PLEDGED = Attempt(
    "a2", Step.PLEDGE, NOW, NOW,
    {"entity": "schedule#1", "partner": "100001", "amount": "30.00", "frequency": "Monthly", "start": "2026-03-01",
     "pledged": "2026-02-27T08:00:00Z"},
)  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"appeal_code": "eoy24", "recorded_by": "BRIDGE"},
        {"transaction_date": "2026-03-02T14:30:05.250Z"},
        {"transaction_date": "2026-03-02T07:30:05"},
        {"transaction_date": "2026-03-01"},
        {"date_recorded": None},
        {"date_recorded": "2026-03-02"},
        {"date_recorded": "2026-03-02T00:00:00-06:00"},
        {"appeal_code": None},
        {"recorded_by": None},
        {"transaction_date": "2026-03-02T08:30:00-06:00"},
        {"transaction_date": "2026-03-02T14:30Z"},
        {"transaction_date": "2026-03-02T08:30:06-06:00"},
    ],
)
def test_a_row_that_can_be_the_lost_one_is_found(changes: dict[str, Any]) -> None:
    assert fitting_rows(attempt(), [replace(ROW, **changes)])


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": Decimal("75.11")},
        {"amount": Decimal("-75.10")},
        {"appeal_code": "SPRING"},
        {"recorded_by": "Staff"},
        {"transaction_date": "2026-03-02T08:30:09-06:00"},
        {"transaction_date": "2026-03-05"},
        {"date_recorded": "2026-03-02T08:00:00-06:00"},
    ],
)
def test_a_row_that_cannot_be_the_lost_one_is_left_aside(changes: dict[str, Any]) -> None:
    assert not fitting_rows(attempt(), [replace(ROW, **changes)])


def test_without_a_recorder_of_our_own_any_recorder_may_be_ours() -> None:
    assert fitting_rows(attempt(recorded_by=""), [replace(ROW, recorded_by="api user")])


def test_two_equal_gifts_both_fit_and_a_person_decides() -> None:
    assert len(fitting_rows(attempt(), [ROW, replace(ROW, invoice_number=500002)])) == 2


@pytest.mark.parametrize("state", list(State))
def test_another_lost_request_of_the_donor_is_a_twin_while_its_outcome_is_open(state: State) -> None:
    other = delivery(id="aegis/donation/900002/created", state=state, attempt=attempt())
    twins = unsettled_twins(delivery(), ROW, [delivery(attempt=attempt()), other])
    assert twins == ([other] if state in {State.UNKNOWN, State.SENDING, State.FAILED} else [])


def test_a_delivery_of_another_amount_or_step_is_no_twin() -> None:
    other = delivery(id="aegis/donation/900002/created", state=State.UNKNOWN)
    others = [
        replace(other, attempt=attempt(amount="10.00")),
        replace(other, attempt=replace(attempt(), step=Step.PARTNER)),
        replace(other, attempt=None),
    ]
    assert unsettled_twins(delivery(), ROW, others) == []


@pytest.mark.parametrize(
    ("changes", "fits"),
    [
        ({}, True),
        ({"frequency": "monthly"}, True),
        ({"start_date": None, "date_pledged": None}, True),
        ({"start_date": "2026-03-01T00:00:00-07:00"}, True),
        ({"is_active": False}, False),
        ({"amount": Decimal("30.01")}, False),
        ({"frequency": "Weekly"}, False),
        ({"frequency": None}, True),
        ({"date_pledged": "2026-03-02T07:31:00-07:00"}, True),
        ({"start_date": "2026-04-01"}, False),
        ({"date_pledged": "2026-02-27T02:00:05-07:00"}, False),
    ],
)
def test_a_pledge_is_recognised_by_what_was_sent(changes: dict[str, Any], fits: bool) -> None:
    assert bool(fitting_pledges(PLEDGED, [replace(PLEDGE, **changes)])) is fits


def test_the_customers_query_answers_exactly() -> None:
    rows: list[dict[str, object]] = [
        {"InvoiceNumber": 1, "RaiseDonors.Donation.Id": "900001", "TransactionAmount": Decimal(50)},
        {"invoicenumber": "1", "raisedonors.donation.id": " 900001 ", "TotalTransactionAmount": "25.10"},
        {"InvoiceNumber": 2, "RaiseDonors.Donation.Id": "900001", "TransactionAmount": Decimal("-75.10")},
        {"InvoiceNumber": 3, "RaiseDonors.Donation.Id": "9000010", "TransactionAmount": Decimal(1)},
        {"InvoiceNumber": None, "RaiseDonors.Donation.Id": "900001"},
        {"RaiseDonors.Donation.Id": "900001", "TransactionAmount": "?"},
        {"RaiseDonors.Donation.Id": None},
    ]
    assert query_hits(rows, "900001", "75.10") == [1]
    assert query_hits(rows, "900001", "-75.10") == [2]
    assert query_hits(rows, "900002", "75.10") == []
