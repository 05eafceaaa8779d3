"""What is a page, a record and a created id, and what is not."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from giftbridge.clients.whole_answers import (
    NotWhole,
    id_text,
    positive_number,
    read_page,
    require_same,
    tells_an_error,
)


@pytest.mark.parametrize(
    "body",
    [
        None, "", [], "text", 7, {}, {"Message": "An error has occurred."},
        {"items": None, "total": 0}, {"items": [], "total": None}, {"items": [], "total": "0"},
        {"items": [], "total": -1}, {"items": [], "total": True}, {"items": {}, "total": 0},
        {"items": [], "total": 3}, {"items": [1, 2], "total": 1}, {"items": [1], "total": 0},
        {"items": [], "total": Decimal("0.5")}, {"total": 0}, {"items": []},
    ],
)  # fmt: skip
def test_what_lacks_a_list_or_a_count_or_contradicts_itself_is_no_page(body: Any) -> None:
    with pytest.raises(NotWhole):
        read_page(body, "items", "total", 0)


def test_a_page_has_its_rows_and_the_count_of_all() -> None:
    page = read_page({"items": [{"id": 1}, None], "total": 5}, "items", "total", 3)
    assert (page.rows, page.total) == ([{"id": 1}, None], 5)


def test_an_empty_page_beyond_the_end_is_a_page() -> None:
    assert read_page({"items": [], "total": 5}, "items", "total", 7).rows == []


def test_a_list_that_may_be_null_is_empty_only_where_nothing_is_counted() -> None:
    assert read_page({"DataTable": None, "TotalCount": 0}, "DataTable", "TotalCount", 0, empty_is_none=True).rows == []
    for body in ({"DataTable": None, "TotalCount": 2}, {"TotalCount": 0}):
        with pytest.raises(NotWhole):
            read_page(body, "DataTable", "TotalCount", 0, empty_is_none=True)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (7, 7), ("7", 7), (Decimal(7), 7), (Decimal("7.0"), 7), ("0007", 7),
        (0, None), ("0", None), (-1, None), ("-1", None), (True, None), (False, None), (None, None), ("", None),
        (" ", None), ("1.5", None), (Decimal("1.5"), None), (float("nan"), None), (float("inf"), None), ([], None),
        ([7], None), ({}, None), ("\u0667", None), ("1e3", None), ("9" * 30, None), (Decimal("NaN"), None),
    ],
)  # fmt: skip
def test_a_created_number_is_a_positive_whole_one(value: object, number: int | None) -> None:
    assert positive_number(value) == number


@pytest.mark.parametrize(
    "value", ["", " ", "0", 0, -3, None, False, True, [], {}, "00000000-0000-0000-0000-000000000000", "null", 1.5]
)
def test_an_id_that_names_no_record_is_none(value: object) -> None:
    assert id_text(value) is None


def test_an_id_keeps_the_form_of_its_system() -> None:
    assert (id_text("A-17"), id_text(100001)) == ("A-17", "100001")


def test_another_record_than_the_one_asked_for_is_no_answer() -> None:
    require_same("ab-1", "AB-1 ", "ID")
    require_same(7, "7", "id")
    for answered in (None, 8, "", []):
        with pytest.raises(NotWhole):
            require_same(7, answered, "id")


@pytest.mark.parametrize(
    ("body", "tells"),
    [
        ({"Message": "Batch is closed"}, True), ({"error": {"code": "X"}}, True), ({"modelState": {"a": ["b"]}}, True),
        ({"message": ""}, False), ({"id": 7, "message": "fine"}, False), ({"ID": "7"}, False), (None, False),
        ("OK", False), ({"errors": []}, False),
    ],
)  # fmt: skip
def test_words_of_an_error_without_a_record_are_no_success(body: object, tells: bool) -> None:
    assert tells_an_error(body) is tells
