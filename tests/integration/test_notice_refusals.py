"""What Amazon SES refuses is told, waited out and sent later; one recipient's trouble is not the others'."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from tests.mail_room import FIRST, SECOND, Killed, MailRoom, mail_room
from tests.workbench import BEGIN, Workbench


@pytest.fixture
def room(bench: Workbench) -> Iterator[MailRoom]:
    """A mail room that writes to one address."""
    room = mail_room(bench)
    room.tell(FIRST)
    yield room


def trouble(room: MailRoom) -> Any:
    return (room.bench.tools.state.get("notices#trouble") or {}).get("cause")


# --- what Amazon SES may say --------------------------------------------------------------------------------

REFUSALS = [
    ("MessageRejected", 400, "mail-rejected"),
    ("MailFromDomainNotVerifiedException", 400, "mail-from-not-verified"),
    ("AccountSuspendedException", 400, "mail-account-suspended"),
    ("SendingPausedException", 400, "mail-sending-paused"),
    ("NotFoundException", 404, "mail-not-found"),
    ("BadRequestException", 400, "mail-bad-request"),
    ("AccessDeniedException", 403, "mail-not-allowed"),
    ("TooManyRequestsException", 429, "mail-limit"),
    ("LimitExceededException", 400, "mail-limit"),
    ("SomethingNew", 418, "mail-refused"),
]


@pytest.mark.parametrize(("code", "status", "cause"), REFUSALS, ids=[code for code, _, _ in REFUSALS])
def test_a_refusal_is_told_without_an_address_backed_off_and_forgotten_with_the_next_success(
    room: MailRoom, code: str, status: int, cause: str
) -> None:
    room.write()
    room.refuse(code, status, f"The identity {FIRST} failed the check")

    assert room.run().trouble == cause

    row = room.bench.tools.state.get("notices#trouble") or {}
    assert row["cause"] == cause and row["remedy"]
    assert "@" not in str(row)
    for _ in range(11):
        room.later()
    assert 3 <= len(room.tried) <= 4, "not every tick of an hour"
    assert room.waiting() == 1

    room.before_send = lambda to: None
    outcome = room.later(60)

    assert (outcome.mailed, outcome.is_repeat, trouble(room)) == (1, False, None)


def test_an_unreachable_endpoint_is_waited_out(room: MailRoom) -> None:
    def unreachable(to: tuple[str, ...]) -> None:
        raise EndpointConnectionError(endpoint_url="https://email.us-east-1.amazonaws.com")

    room.write()
    room.before_send = unreachable  # type: ignore[assignment]
    assert room.run().trouble == "mail-unreachable"

    room.before_send = lambda to: None

    assert not room.later(6).is_repeat
    assert (len(room.mails), trouble(room)) == (1, None)


def test_a_sender_that_is_not_verified_is_named_by_its_setting_and_tried_once(room: MailRoom) -> None:
    room.tell(FIRST, SECOND, sender="Somebody <else@example.org>")
    room.write()

    assert room.run().trouble == "mail-sender-not-verified"
    assert len(room.tried) == 1
    assert "notifications.sender" in (room.bench.tools.state.get("notices#trouble") or {})["text"]


def test_new_settings_are_tried_at_once(room: MailRoom) -> None:
    room.tell(FIRST, sender="else@example.org")
    room.write()
    room.run()

    room.tell(FIRST)

    assert room.run().mailed == 1


@pytest.mark.parametrize("kind", ["lost", "500"])
def test_an_e_mail_whose_answer_was_lost_is_sent_again_marked_as_a_repeat(room: MailRoom, kind: str) -> None:
    room.write()
    if kind == "lost":
        room.lose_answers(1)
    else:
        room.refuse("InternalFailure", 500)

    assert room.run().trouble == "mail-answer-lost"
    room.before_send = lambda to: None
    assert room.later(1).why_idle is not None, "not at once"
    outcome = room.later(5)

    assert (outcome.mailed, outcome.is_repeat, trouble(room)) == (1, True, None)
    assert room.mails[-1].subject.endswith("(may be a repeat)")
    assert len(room.mails) == (2 if kind == "lost" else 1)


# --- recipients ---------------------------------------------------------------------------------------------


def test_a_recipient_who_is_refused_does_not_stop_the_others(room: MailRoom) -> None:
    room.tell(FIRST, SECOND, "third@example.org")
    room.write()
    room.refuse("MessageRejected", only=SECOND)

    outcome = room.run()

    assert (outcome.mailed, outcome.recipients, outcome.trouble) == (1, 2, "mail-rejected")
    assert [mail.to for mail in room.mails] == [(FIRST,), ("third@example.org",)]
    row = room.bench.tools.state.get("notices#trouble") or {}
    assert row["text"].startswith("1 of 3 recipients were refused") and "@" not in row["text"]

    room.write()
    assert room.later().mailed == 1, "nothing waits for the one who is refused"

    room.before_send = lambda to: None
    room.write()
    assert (room.later().recipients, trouble(room)) == (3, None)


def test_an_address_that_e_mail_cannot_use_does_not_stop_the_others(room: MailRoom) -> None:
    room.tell("öps@example.org", SECOND)
    room.write()

    assert (room.run().recipients, trouble(room)) == (1, "mail-not-an-address")


def test_a_process_that_dies_between_two_recipients_marks_only_the_doubtful_one(room: MailRoom) -> None:
    third = "third@example.org"
    room.tell("bad@example.org", FIRST, SECOND, third)
    room.write()

    def dies_at_second(to: tuple[str, ...]) -> Any:
        if to == (SECOND,):
            raise Killed
        return refuse(to)

    room.refuse("MessageRejected", only="bad@example.org")
    refuse, room.before_send = room.before_send, dies_at_second
    with pytest.raises(Killed):
        room.run()
    room.before_send = refuse
    room.later()

    told = {mail.to: "repeat" in mail.subject for mail in room.mails}
    assert told == {(FIRST,): False, (SECOND,): True, (third,): False}
    assert len(room.mails) == 3


def test_more_recipients_than_one_message_takes_are_asked_in_groups(room: MailRoom) -> None:
    room.tell(*(f"r{n}@example.org" for n in range(120)))
    room.write()

    assert room.run().recipients == 120
    assert [len(mail.to) for mail in room.mails] == [50, 50, 20]


def test_a_recipient_on_the_suppression_list_is_left_out_and_asked_about_once_a_day(room: MailRoom) -> None:
    room.tell(FIRST, SECOND)
    room.suppressed[SECOND] = ("BOUNCE", BEGIN)
    for _ in range(13):
        room.write()
        room.later(60)

    assert {mail.to for mail in room.mails} == {(FIRST,)}
    assert room.asked == [FIRST, SECOND]

    room.suppressed.clear()
    room.write()
    room.later(12 * 60)

    assert room.asked == [FIRST, SECOND] * 2
    assert room.mails[-1].to == (FIRST, SECOND)


def test_when_all_recipients_are_suppressed_the_notices_wait_and_it_is_a_trouble(room: MailRoom) -> None:
    room.suppressed[FIRST] = ("COMPLAINT", BEGIN)
    room.write()

    assert room.run().trouble == "mail-all-suppressed"
    assert (room.waiting(), room.tried) == (1, [])

    room.tell(SECOND)

    assert (room.run().mailed, trouble(room)) == (1, None)


def test_a_suppression_list_that_cannot_be_asked_stops_nothing(
    room: MailRoom, caplog: pytest.LogCaptureFixture
) -> None:
    room.suppressed[FIRST] = ("BOUNCE", BEGIN)
    room.tell(FIRST, SECOND)
    room.is_list_throttled = True
    room.write()

    assert room.run().recipients == 2
    assert room.asked == [FIRST], "one after the other"
    for _ in range(3):
        room.write()
        assert room.later().recipients == 2
    assert room.asked == [FIRST, SECOND], "nor are they asked again today"
    assert FIRST not in caplog.text
