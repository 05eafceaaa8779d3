"""What the body of an answer is read as."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from giftbridge.clients.answers import Body, Said


@pytest.mark.parametrize(
    ("content", "kind", "value"),
    [
        (b"", Body.NOTHING, None),
        (b" \r\n", Body.NOTHING, None),
        (b"<html></html>", Body.PAGE, None),
        (b'{"a": 1', Body.PAGE, None),
        (b"\xff\xfe", Body.PAGE, None),
        (b"[" * 100_000, Body.PAGE, None),
        (b"null", Body.JSON, None),
        (b'\xef\xbb\xbf{"a": 1.10}', Body.JSON, {"a": Decimal("1.10")}),
    ],
)
def test_a_body_is_json_nothing_or_something_else(content: bytes, kind: Body, value: object) -> None:
    said = Said.of(content)
    assert (said.kind, said.value) == (kind, value)


@pytest.mark.parametrize(
    ("escaped", "text"),
    [
        (r"a\ud83d", "a "),
        (r"\udc00b", " b"),
        (r"\uD83D\uD83D", "  "),
        (r"\ud83d\ude00", "\U0001f600"),
        (r"\ud83d\ud83d\ude00", " \U0001f600"),
        (r"\\ud83d", r"\ud83d"),
        (r"\\\ud83d", "\\ "),
        (r"\u00e9", "\u00e9"),
    ],
)
def test_half_a_character_is_a_blank(escaped: str, text: str) -> None:
    assert Said.of(f'{{"{escaped}": "{escaped}"}}'.encode()).value == {text: text}


@given(st.text(st.characters(codec=None)))
def test_whatever_a_text_holds_a_table_can_hold_what_is_read(text: str) -> None:
    read = Said.of(json.dumps(text).encode()).value
    read.encode("utf-8", "strict")
    if text.encode("utf-8", "replace").decode() == text:
        assert read == text
