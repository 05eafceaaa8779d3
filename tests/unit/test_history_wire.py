"""What the portal may ask is checked word for word, and what is wrong is named."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from giftbridge.domain.giving_history import Mark
from giftbridge.errors import Rejected
from giftbridge.history_wire import _money, read_question, seconds_until

NOW = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)


def event(query: str = "", donor: str = "41") -> dict[str, Any]:
    return {"pathParameters": {"donorId": donor}, "rawQueryString": query, "rawPath": f"/donors/{donor}/history"}


def test_days_page_and_mark_are_read() -> None:
    query = "from=2026-01-31&to=2026-02-28&page=2&asOf=2026-03-02T14%3A30%3A00.000000Z&upTo=7001.-"
    question = read_question(event(query))

    assert (question.donor_id, question.page) == (41, 2)
    assert (question.first, question.last) == (date(2026, 1, 31), date(2026, 2, 28))
    assert question.mark == Mark(NOW, 7001, None)


@pytest.mark.parametrize(
    "donor", ["", "0", "-1", "+1", "1.0", "007", "x", "9" * 19, "1" * 5000, "٤١", "²", "4 1", "41'--", "4\x001"]
)
def test_what_is_no_donor_id_is_refused(donor: str) -> None:
    with pytest.raises(Rejected) as refused:
        read_question(event(donor=donor))
    assert (refused.value.field, bool(refused.value.remedy)) == ("donorId", True)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("page=0", "page"),
        ("page=-1", "page"),
        ("page=", "page"),
        ("page=1e3", "page"),
        ("page=%D9%A1", "page"),
        ("page=99999999999999999999", "page"),
        ("page=1&page=2", "page"),
        ("page=1&page=1", "page"),
        ("from=2026-02-30", "from"),
        ("from=20260230", "from"),
        ("from=2026-W01-1", "from"),
        ("from=", "from"),
        ("from=2026-01-31T00:00:00Z", "from"),
        ("from=%D9%A2026-01-01", "from"),
        ("to=0000-00-00", "to"),
        ("from=2026-02-01&to=2026-01-31", "from"),
        ("form=2026-02-01", "form"),
        ("FROM=2026-02-01", "FROM"),
        ("asOf=2026-03-02T14:30:00Z", "upTo"),
        ("upTo=1.2", "asOf"),
        ("asOf=2026-13-02T14:30:00Z&upTo=1.2", "asOf"),
        ("asOf=2026-03-02T14:30:00Z&upTo=1", "upTo"),
        ("asOf=2026-03-02T14:30:00Z&upTo=-1.2", "upTo"),
        ("%00=1", "\x00"),
        ("page=%FF", "page"),
    ],
)
def test_a_wrong_parameter_is_named_with_its_remedy(query: str, field: str) -> None:
    with pytest.raises(Rejected) as refused:
        read_question(event(query))
    assert (refused.value.field, bool(refused.value.remedy)) == (field, True)


def test_a_request_without_anything_is_no_crash() -> None:
    with pytest.raises(Rejected):
        read_question({})


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("25", "25.00"),
        ("25.1", "25.10"),
        ("-25.125", "-25.125"),
        ("1E+3", "1000.00"),
        ("-0", "0.00"),
        ("0.00", "0.00"),
        ("123456789012345678901234567890.01", "123456789012345678901234567890.01"),
        ("1E+25", "10000000000000000000000000"),
    ],
)
def test_money_is_exact_text(amount: str, text: str) -> None:
    assert _money(Decimal(amount)) == text


def test_a_retry_is_told_in_whole_seconds_within_reason() -> None:
    assert seconds_until(None, NOW) == 1
    assert seconds_until(datetime(2026, 3, 2, 14, 30, 1, 500000, tzinfo=UTC), NOW) == 2
    assert seconds_until(datetime(2027, 3, 2, tzinfo=UTC), NOW) == 300
