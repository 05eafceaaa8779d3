"""Credentials as people paste them: told by field and remedy before anything is stored, and never shown."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from ops.operating.pasted import address, bare, spoiled
from tests.command.desk import AEGIS_URL, RAISEDONORS_URL, VIRTUOUS_URL, Answer, Desk

# What spoils a token in its middle, and what that is called.
ODD = {
    "\n": "a line break", "\r\n": "a line break", "\u2028": "a line break", "\t": "a tab", " ": "a blank",
    "\u00a0": "a blank", "\ufeff": "a byte order mark", "\u200b": "a zero-width blank",
    "\u200d": "an invisible character", "\u202e": "an invisible character", "\u00ad": "an invisible character",
    "\x00": "a control character",
    "\x85": "a control character", "\u201d": "a curly quotation mark", "\u2019": "a curly quotation mark",
    "é": "a character that no token has", "\uff41": "a character that no token has", "\ud800": "half a character",
}  # fmt: skip


def connect(at: Desk, system: str, values: dict[str, Any]) -> Answer:
    no_webhook = ["--no-webhook"] if system == "virtuous" else []
    return at.run("connect", system, "--from-stdin", "--json", *no_webhook, input=json.dumps(values))


def right(at: Desk, system: str) -> dict[str, Any]:
    aegis = at.bench.aegis
    return {
        "raisedonors": {"url": RAISEDONORS_URL, "token": at.bench.raisedonors.token},
        "aegis": {"url": AEGIS_URL, "context": aegis.context, "username": aegis.username, "password": aegis.password},
        "virtuous": {"url": VIRTUOUS_URL, "api_key": "no-such-key"},
    }[system]


def told(answer: Answer) -> str:
    return " ".join([answer.data["error"], *answer.data["details"]])


@pytest.mark.parametrize("odd", ODD)
def test_a_token_with_an_odd_character_in_it_is_refused_by_name_and_never_shown(
    at: Desk, caplog: pytest.LogCaptureFixture, odd: str
) -> None:
    with caplog.at_level(logging.DEBUG):
        answers = [
            connect(at, "raisedonors", {"url": RAISEDONORS_URL, "token": f"secret{odd}words"}),
            connect(at, "virtuous", {"url": VIRTUOUS_URL, "api_key": f"secret{odd}words"}),
        ]

    for field, answer in zip(("token", "api_key"), answers, strict=True):
        assert answer.code == 2
        assert told(answer).startswith(f"{field} holds {ODD[odd]} (character 7 of ")
        assert "copy it again" in told(answer) and "Nothing was stored." in told(answer)
        assert "secret" not in answer.out + answer.err and "words" not in answer.out + answer.err
    assert "secret" not in "".join(record.getMessage() for record in caplog.records if "giftbridge" in record.name)
    assert at.secret("raisedonors") == {} and at.bench.calls("raisedonors") == []


@pytest.mark.parametrize("field", ["context", "username", "password"])
@pytest.mark.parametrize("odd", ["\n", "\u200b", "\ufeff", "\u201c", "\x1b", "\ud800"])
def test_what_no_user_password_or_context_key_holds_is_refused_by_its_field(at: Desk, field: str, odd: str) -> None:
    answer = connect(at, "aegis", {**right(at, "aegis"), field: f"se{odd}cret"})

    assert (answer.code, told(answer).partition(" holds ")[0]) == (2, field)
    assert "cret" not in told(answer)
    assert at.secret("aegis") == {} and at.bench.calls() == []


@pytest.mark.parametrize("around", ["\n", " ", "\r\n", "\ufeff", "\u200b", "\u00a0", "\t", "\u2028"])
@pytest.mark.parametrize("field", ["token", "url"])
def test_what_stands_around_a_value_is_left_out_and_that_is_told(at: Desk, around: str, field: str) -> None:
    values = right(at, "raisedonors")

    answer = connect(at, "raisedonors", {**values, field: f"{around}{values[field]}{around}"})

    assert answer.code == 0
    assert [note.partition(":")[0] for note in answer.data["notes"]] == [field]
    assert {name: at.secret("raisedonors")[name] for name in values} == values
    person = at.run(
        "connect", "raisedonors", "--from-stdin", input=json.dumps({**values, "token": values["token"] + " "})
    )
    assert "Note: token:" in person.out and values["token"] not in person.out + person.err


def test_a_value_that_needs_no_change_is_stored_without_a_note(at: Desk) -> None:
    assert connect(at, "aegis", right(at, "aegis")).data["notes"] == []


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"token": '"abc"'}, "token stands in quotation marks"),
        ({"token": "'abc'"}, "token stands in quotation marks"),
        ({"token": 7}, "token is no text"),
        ({"token": ["abc"]}, "token is no text"),
        ({"token": "\u200b\n"}, "needs token too"),
        ({"url": "a..b"}, "url is no address: it does not begin with https://"),
        ({"url": "https://a..b"}, "url is no address: it names no host"),
        ({"url": "https://"}, "names no host"),
        ({"url": "https://[::1"}, "names no host"),
        ({"url": "https://a.example:99999"}, "names no host"),
        ({"url": "https://a.example:x"}, "names no host"),
        ({"url": f"https://{'a' * 64}.example"}, "names no host"),
        ({"url": "https://a example.org"}, "url holds a blank"),
        ({"url": "https://a.example\n.org"}, "url holds a line break"),
        ({"url": "https://user:hidden@a.example"}, "holds a user name or a password"),
        ({"url": "https://a.example?key=hidden"}, "goes on after the path"),
        ({"url": "eyJhbGciOiJIUzI1NiJ9.hidden"}, "does not begin with https://"),
    ],
)
def test_what_cannot_be_an_address_or_a_token_is_refused_and_not_repeated(
    at: Desk, values: dict[str, Any], words: str
) -> None:
    answer = connect(at, "raisedonors", {**right(at, "raisedonors"), **values})

    assert answer.code == 2
    assert words in told(answer)
    assert "hidden" not in answer.out + answer.err and "abc" not in answer.out + answer.err
    assert at.secret("raisedonors") == {}


def test_a_user_name_with_a_colon_would_be_cut_in_two_and_is_refused(at: Desk) -> None:
    answer = connect(at, "aegis", {**right(at, "aegis"), "username": "anna:secret"})

    assert (answer.code, "username holds a colon" in told(answer)) == (2, True)
    assert "secret" not in told(answer)


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("https://a.example/", "https://a.example"),
        ("HTTPS://A.Example/api//", "https://a.example/api"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("https://[::1]:8443", "https://[::1]:8443"),
    ],
)
def test_an_address_is_stored_as_it_is_called(given: str, stored: str) -> None:
    assert address(given) == (stored, "")


def test_passwords_may_hold_blanks_and_letters_of_any_language() -> None:
    for password in ("correct horse battery", "pässwörd", "пароль", "a\"b'c", "a:b"):
        assert spoiled("password", password, is_basic=True) is None and bare(password) == password
