"""A pledge and a gift have one local day, in every zone; and what is told once is told once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from giftbridge.domain.deliveries import State
from ops.simulators.faults import FaultKind, FaultRule
from tests.workbench import Workbench, workbench

Members = dict[str, Any]
NEW_YEARS_EVE = datetime(2026, 1, 1, 4, 30, tzinfo=UTC)  # 23:30 in New York


@pytest.fixture
def bench() -> Iterator[Workbench]:
    """A bench of its own."""
    with workbench() as fresh:
        yield fresh


@pytest.mark.parametrize(
    ("said", "start"),
    [
        ({}, "2025-12-31"),
        ({"startDate": "2026-01-01T04:30:00Z"}, "2025-12-31"),
        ({"startDate": "2026-01-05"}, "2026-01-05"),
        ({"startDate": "03/02/2026"}, "2025-12-31"),
        ({"startDate": "0001-01-01T00:00:00"}, "2025-12-31"),
        ({"startDate": 20260105, "statusText": None, "projects": "all"}, "2025-12-31"),
    ],
)
def test_a_schedule_of_new_years_eve_starts_on_that_day_whatever_else_it_says(
    bench: Workbench, said: Members, start: str
) -> None:
    bench.settings(time_zone="America/New_York", raisedonors={"start_from": "2025-12-01T00:00:00Z"})
    store, made = bench.raisedonors.store, {"created": NEW_YEARS_EVE, "modified": NEW_YEARS_EVE}
    donor = store.add("donor", {"firstName": "Ida", "lastName": "Kern", "email": "ida@example.org"})
    share = {"projectId": 301, "amount": Decimal("25.00")}
    members = {"donorId": donor, "frequency": 12, "amount": Decimal("25.00"), "projects": [share], **said}
    schedule = store.add("schedule", members, **made)
    gift = {"amount": Decimal("25.00"), "donorId": donor, "motivationCode": "WEB", "recurringGiftId": schedule}
    number = store.add("gift", {**gift, "projects": [{**share, "amount": "25.00"}]}, **made)
    bench.run(2)
    assert bench.delivery(number).state is State.DELIVERED, bench.delivery(number).trouble
    [pledge] = bench.aegis.store.pledges.values()
    [transaction] = bench.transactions_of(number)
    assert pledge.model["StartDate"] == start
    assert pledge.model["DatePledged"] == transaction.model["TransactionDate"] == "2025-12-31T23:30:00-05:00"


def test_a_lost_answer_of_new_years_eve_is_found_by_its_local_day(bench: Workbench) -> None:
    bench.settings(time_zone="Pacific/Kiritimati", raisedonors={"start_from": "2025-12-01T00:00:00Z"})
    store = bench.raisedonors.store
    donor = store.add("donor", {"firstName": "Ida", "lastName": "Kern", "email": "ida@example.org"})
    gift = {"amount": Decimal("25.00"), "donorId": donor, "motivationCode": "WEB"}
    gift["projects"] = [{"projectId": 301, "amount": "25.00"}]
    late = datetime(2025, 12, 31, 11, 0, tzinfo=UTC)  # 01:00 of the next day there, 04:00 of this one in Denver
    number = store.add("gift", gift, created=late, modified=late)
    bench.fault("aegis", FaultRule(FaultKind.DROP_AFTER, "createTransaction", count=1))
    bench.run(5)
    assert bench.delivery(number).state is State.DELIVERED, bench.delivery(number)
    assert len(bench.transactions_of(number)) == 1
    assert bench.transactions_of(number)[0].model["TransactionDate"] == "2026-01-01T01:00:00+14:00"


def test_a_lost_answer_and_a_later_try_make_no_second_line_of_activity(bench: Workbench) -> None:
    gift = bench.give()
    bench.raisedonors.store.edit(
        "gift", gift, {"billingAddress": {"address1": "9 Hill Road", "countryString": "Other"}}, modified=bench.clock()
    )
    bench.fault("aegis", FaultRule(FaultKind.DROP_BEFORE, "createTransaction", count=2))
    bench.run(12)
    delivery = bench.delivery(gift)
    assert delivery.state is State.DELIVERED, delivery
    lines = [row for row in bench.rows("ActivityTable") if row["what"] == "left out"]
    assert len(lines) == 1
