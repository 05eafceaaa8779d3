"""A gift row waits for no decoration either: what is odd is cleaned, or stands in the note and in one line."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from giftbridge.domain.deliveries import State
from giftbridge.domain.delivery_ids import VIRTUOUS, donation_created_id
from tests.virtuous_bench import VirtuousBench, virtuous_bench

EVERYWHERE = "a\x00b\x0bc\x0cd\x1be\x7ff\x85g\ud83dh"
CLEAN = "a b c d e f g h"
Members = dict[str, Any]
ODD: dict[str, tuple[Members, Members, str]] = {
    "controls": ({"comment": EVERYWHERE}, {"firstName": EVERYWHERE}, ""),
    "celebration": ({"tribute": {"type": "Celebration", "name": "Rosa"}}, {}, ""),
    "in memory": ({"tribute": {"type": "in memory of", "name": "Rosa Luz"}}, {}, ""),
    "a book": ({"comment": "All of it is meant kindly. " * 7600}, {"lastName": "x" * 600}, "comment, donor.lastName"),
    "nothing in it": (
        {"tribute": {}, "premium": {}, "mediaOutlet": {}, "billingAddress": "", "recurringGiftId": 0},
        {},
        "",
    ),
    "no flags": ({"giftAidRequested": "", "isTestMode": None}, {"isOrganization": None}, ""),
    "an outlet without a code": ({"mediaOutlet": {"name": "Radio"}}, {}, "mediaOutlet.name"),
    "choices": (
        {"customFields": [{"name": "custom_Likes", "value": ["tea", True]}, {"name": "custom_x", "value": {"a": 1}}]},
        {},
        "customFields[1].value",
    ),
    "a sole organisation": ({}, {"isOrganization": True, "organizationName": None}, ""),
    "thousands": ({"amount": "1,250.00", "projects": [{"projectId": 301, "amount": "1 250,00"}]}, {}, ""),
}


@pytest.fixture(scope="module")
def rows() -> Iterator[tuple[VirtuousBench, dict[str, int]]]:
    """One batch of odd gifts, and one gift late on New Year's Eve."""
    with virtuous_bench() as both:
        both.bench.pickup()
        both.batch()
        both.bench.settings(time_zone="America/New_York")
        store, gifts = both.bench.raisedonors.store, {}
        for name, (gift, donor, _) in ODD.items():
            made = both.bench.population.make_donor("new_person")
            gifts[name] = both.bench.give(donor=made)
            store.edit("gift", gifts[name], gift, modified=both.bench.clock())
            store.edit("donor", made.donor_id, donor)
        both.bench.pickup()
        both.batch()
        yield both, gifts


def _row(both: VirtuousBench, gift: int) -> Any:
    [row] = [one.row for one in both.virtuous.store.rows if one.row.get("transactionId") == str(gift)]
    return row


@pytest.mark.parametrize("name", ODD)
def test_the_row_is_sent_and_what_it_lacks_is_told_once(rows: tuple[VirtuousBench, dict[str, int]], name: str) -> None:
    both, gifts = rows
    delivery = both.delivery(donation_created_id(gifts[name], VIRTUOUS))
    assert delivery.state is State.SENT, delivery.trouble
    fields = ODD[name][2]
    told = [
        line
        for line in both.bench.rows("ActivityTable")
        if line["what"] == "left out" and line["delivery"] == delivery.id
    ]
    assert [line["details"]["fields"] for line in told] == ([fields] if fields else [])
    assert ("Could not be carried: " in _row(both, gifts[name])["notes"]) == bool(fields)


def test_what_can_be_carried_is(rows: tuple[VirtuousBench, dict[str, int]]) -> None:
    both, gifts = rows
    row = {name: _row(both, gift) for name, gift in gifts.items()}
    assert f"Comment: {CLEAN}" in row["controls"]["notes"]
    assert row["controls"]["contact"]["firstname"] == CLEAN
    assert row["celebration"]["tribute"] == "Celebration Rosa"
    assert "tributeDedication" not in row["celebration"]
    assert row["in memory"]["tributeDedication"]["tributeType"] == "InMemoryOf"
    assert row["choices"]["customFields"] == {"custom_Likes": "tea, true"}
    assert row["a sole organisation"]["contact"]["type"] == "Household"
    assert str(row["thousands"]["amount"]) == "1250.00"


def test_a_gift_of_new_years_eve_has_one_day(rows: tuple[VirtuousBench, dict[str, int]]) -> None:
    both, _ = rows
    store, late = both.bench.raisedonors.store, datetime(2027, 1, 1, 0, 0, tzinfo=UTC)  # 19:00 in New York
    donor = both.bench.population.make_donor("new_person").donor_id
    share = {"projectId": 301, "amount": "25.00"}
    gift = store.add(
        "gift", {"amount": 25, "donorId": donor, "projects": [share]}, created=late, modified=both.bench.clock()
    )
    both.bench.pickup()
    both.batch()
    assert _row(both, gift)["giftDate"] == "2026-12-31"
