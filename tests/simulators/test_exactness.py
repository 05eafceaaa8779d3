"""Amounts and instants survive being written and read, digit by digit."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from ops.simulators.json_text import read_json, write_json
from ops.simulators.raisedonors_time import TIMESTAMP, format_timestamp, parse_timestamp

amounts = st.decimals(allow_nan=False, allow_infinity=False, places=2)
instants = st.integers(min_value=0, max_value=40_000_000_000_000_000)


@given(amounts)
def test_an_amount_is_read_as_it_was_written(amount: Decimal) -> None:
    read = read_json(write_json({"amount": amount}))["amount"]
    assert (read, str(read)) == (amount, str(amount))


@given(st.text())
def test_a_text_is_read_as_it_was_written(text: str) -> None:
    assert read_json(write_json(text)) == text


@settings(max_examples=300)
@given(instants, st.text(max_size=8))
def test_an_instant_is_written_exactly_in_any_spelling(ticks: int, salt: str) -> None:
    text = format_timestamp(ticks, salt)
    assert TIMESTAMP.fullmatch(text)
    assert parse_timestamp(text) == ticks
