"""Notices reach the notification list in one e-mail, whichever process dies when, however many run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto.ses.models import ses_backends

from giftbridge.clients.mail import Mail
from giftbridge.domain.notice_letter import letter
from giftbridge.domain.notices import PLEDGE_RECREATED, Notice, WaitingNotice
from giftbridge.errors import Rejected
from giftbridge.flows.notice_mail import ANOTHER_MAILS, NONE_WAITS, NOT_CONFIGURED
from tests.mail_room import FIRST, SECOND, SENDER, Killed, MailRoom, mail_room
from tests.workbench import BEGIN, Workbench


@pytest.fixture
def room(bench: Workbench) -> Iterator[MailRoom]:
    """A mail room that writes to one address."""
    room = mail_room(bench)
    room.tell(FIRST)
    yield room


def trouble(room: MailRoom) -> Any:
    return (room.bench.tools.state.get("notices#trouble") or {}).get("cause")


# --- what is sent -------------------------------------------------------------------------------------------


def test_five_hundred_edits_are_one_e_mail_and_gone_afterwards(room: MailRoom) -> None:
    for donor in range(500):
        room.write(donor, new=f"Núñez {donor}")
    room.write(41, kind=PLEDGE_RECREATED)

    first, second, third = room.run(), room.later(), room.later()

    assert (first.mailed, second.mailed, third.why_idle) == (500, 1, NONE_WAITS)
    assert [mail.subject for mail in room.mails] == [
        "GiftBridge (gifts): 500 donor edits without a partner",
        "GiftBridge (gifts): 1 pledge created anew",
    ]
    assert "Smith → Núñez 499" in room.mails[0].body and "More notices wait" in room.mails[0].body
    assert (room.mails[0].sender, room.mails[0].to) == (SENDER, (FIRST,))
    assert room.waiting() == 0


def test_all_recipients_get_the_same_e_mail_at_once(room: MailRoom) -> None:
    room.tell(FIRST, SECOND, FIRST)
    room.write()

    room.run()

    assert [mail.to for mail in room.mails] == [(FIRST, SECOND)]


def test_the_activity_says_that_it_was_mailed_without_a_name_or_an_address(room: MailRoom) -> None:
    room.write()
    room.run()

    [line] = room.bench.tools.activity.of_entity("notices")

    assert (line["what"], line["why"]) == ("mailed", "notices: 1, addresses: 1")
    assert room.bench.tools.activity.of_day("2026-03-02") == [line]


def test_a_waiting_notice_is_no_line_of_the_day_and_expires(room: MailRoom) -> None:
    room.write()

    [row] = [row for row in room.bench.rows("ActivityTable") if row["entity"] == "notices#waiting"]

    assert "day" not in row
    assert int(row["expires_at"]) > BEGIN.timestamp() + 700 * 86400
    assert room.bench.tools.activity.of_day("2026-03-02") == []


def test_a_value_no_table_would_take_does_not_lose_the_fact_it_came_with(room: MailRoom) -> None:
    room.write(new="half \ud83d" + "x" * 100_000)

    assert room.run().mailed == 1
    assert "→ half ?xxx" in room.mails[0].body


@pytest.mark.parametrize(("sender", "recipients"), [(None, [FIRST]), (SENDER, [])])
def test_without_a_sender_or_recipients_the_notices_wait(
    room: MailRoom, sender: str | None, recipients: list[str]
) -> None:
    room.tell(*recipients, sender=sender)
    room.write()

    assert room.run().why_idle == NOT_CONFIGURED
    assert (room.waiting(), room.tried, trouble(room)) == (1, [], None)

    room.tell(FIRST)

    assert room.run().mailed == 1


def test_the_mocked_amazon_ses_of_others_takes_it_too(room: MailRoom) -> None:
    ses = boto3.client("sesv2", region_name="us-east-1")
    ses.create_email_identity(EmailIdentity=SENDER)
    written = letter([WaitingNotice("2026-03-02T12:00:00.000000Z#0#a", Notice("odd", "donor#1", "Núñez"))], "UTC")

    Mail(ses).send(SENDER, (FIRST, SECOND), written)

    [taken] = ses_backends["123456789012"]["us-east-1"].sent_messages
    assert (taken.subject, taken.body, taken.destinations) == (
        written.subject,
        written.text,
        {"ToAddresses": [FIRST, SECOND]},
    )
    with pytest.raises(Rejected, match="the sender is not verified"):
        Mail(ses).send("else@example.org", (FIRST,), written)


# --- processes that die, and runs side by side --------------------------------------------------------------


def test_a_process_that_dies_before_the_intent_leaves_everything_as_it_was(room: MailRoom) -> None:
    room.write()
    _die_at(room, "PutItem")

    assert room.later().mailed == 1
    assert [mail.subject for mail in room.mails] == ["GiftBridge (gifts): 1 donor edit without a partner"]


@pytest.mark.parametrize("after", [False, True], ids=["before Amazon SES took it", "after Amazon SES took it"])
def test_a_process_that_dies_after_the_intent_has_its_batch_sent_once_more_marked_as_a_repeat(
    room: MailRoom, after: bool
) -> None:
    room.write(41)
    room.kill_at_send(after=after)
    with pytest.raises(Killed):
        room.run()
    room.write(42)

    assert room.run().why_idle == ANOTHER_MAILS, "it may still live"
    outcome = room.later()

    assert (outcome.mailed, outcome.is_repeat) == (1, True)
    assert [mail.subject for mail in room.mails][-1].endswith("1 donor edit without a partner (may be a repeat)")
    assert "Donor 42" not in room.mails[-1].body
    assert (room.waiting(), trouble(room)) == (1, None)
    assert room.later().mailed == 1
    assert room.mails[-1].subject == "GiftBridge (gifts): 1 donor edit without a partner"
    assert len(room.mails) == (3 if after else 2)


def test_a_process_that_dies_between_the_answer_and_its_noting_has_it_sent_once_more(room: MailRoom) -> None:
    room.write()
    _die_at(room, "TransactWriteItems")

    assert room.later().is_repeat
    assert room.later().why_idle == NONE_WAITS
    assert len(room.mails) == 2


def test_a_process_that_dies_after_deleting_half_deletes_the_rest_and_sends_nothing_again(room: MailRoom) -> None:
    for donor in range(60):
        room.write(donor)
    _die_at(room, "BatchWriteItem", number=2)
    assert room.waiting() == 35

    assert room.later().why_idle == NONE_WAITS
    assert (room.waiting(), len(room.mails)) == (0, 1)


def test_processes_that_die_again_and_again_send_ever_more_seldom_and_say_so(room: MailRoom) -> None:
    room.write()
    for _ in range(24 * 12):
        room.kill_at_send(after=True)
        try:
            room.later()
        except Killed:
            continue

    assert 20 <= len(room.mails) <= 30, "about one an hour in a day"
    assert trouble(room) == "mail-process-ended"


def test_of_two_runs_at_once_one_mails(room: MailRoom) -> None:
    room.write()
    outcomes: list[str | None] = []
    room.before_send = lambda to: outcomes.append(room.run().why_idle)

    assert room.run().mailed == 1
    assert (outcomes, len(room.mails)) == ([ANOTHER_MAILS], 1)


def test_of_two_runs_that_began_at_the_same_moment_one_mails(room: MailRoom) -> None:
    room.write()
    outcomes: list[str | None] = []

    def meanwhile(params: Any, **_: Any) -> None:
        if not outcomes and params["Item"]["name"] == {"S": "notices#mailing"}:
            outcomes.append("")
            outcomes.append(room.run().why_idle)

    room.bench.dynamodb.meta.events.register("provide-client-params.dynamodb.PutItem", meanwhile)
    outcome = room.run()
    room.bench.dynamodb.meta.events.unregister("provide-client-params.dynamodb.PutItem", meanwhile)

    assert (outcome.why_idle, outcomes, len(room.mails)) == (ANOTHER_MAILS, ["", None], 1)


def test_a_batch_whose_notices_expired_meanwhile_makes_room_for_the_next(room: MailRoom) -> None:
    room.write(41)
    room.kill_at_send(after=False)
    with pytest.raises(Killed):
        room.run()
    room.bench.tools.notices.forget([one.key for one in room.bench.tools.notices.oldest(9)])
    room.write(42)

    outcome = room.later()

    assert (outcome.mailed, outcome.is_repeat) == (1, False)
    assert "Donor 42" in room.mails[0].body


def _die_at(room: MailRoom, operation: str, number: int = 1) -> None:
    """A run whose process dies just before a call of DynamoDB."""
    seen = 0

    def die(**_: Any) -> None:
        nonlocal seen
        seen += 1
        if seen == number:
            raise Killed

    mailer = room.mailer()
    mailer._recipients(mailer.tools.settings()[1])  # otherwise the first write of a run
    events = room.bench.dynamodb.meta.events
    events.register(f"provide-client-params.dynamodb.{operation}", die)
    with pytest.raises(Killed):
        mailer.run()
    events.unregister(f"provide-client-params.dynamodb.{operation}", die)
