"""The e-mail with everything that waited, and the rules of mailing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from giftbridge.clients.mail import wire_address
from giftbridge.domain.mailing import Recipient, after_failure, in_groups, without_waiting
from giftbridge.domain.notice_letter import letter
from giftbridge.domain.notices import (
    EDIT_WITHOUT_PARTNER,
    PARTNER_CREATED_AMONG_SEVERAL,
    PLEDGE_RECREATED,
    FieldChange,
    Notice,
    WaitingNotice,
)
from giftbridge.errors import Rejected

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def waiting(
    donor: int = 41, *, kind: str = EDIT_WITHOUT_PARTNER, minute: int = 0, changes: tuple[FieldChange, ...] = ()
) -> WaitingNotice:
    text = "The donor was edited, and Aegis has no partner for them."
    notice = Notice(kind, f"donor#{donor}", text, changes, f"aegis/donor/{donor}/updated")
    return WaitingNotice(f"2026-03-02T12:{minute:02d}:00.000000Z#000000#abcd", notice)


def changed(field: str, old: str | None, new: str | None) -> tuple[FieldChange, ...]:
    return (FieldChange(field, old, new),)


def test_a_change_is_shown_with_its_old_and_its_new_value_and_the_command_that_tells_more() -> None:
    written = letter([waiting(changes=changed("last name", "Núñez", "李"))], "America/Chicago", "gifts")

    assert written.subject == "GiftBridge (gifts): 1 donor edit without a partner"
    assert written.text == (
        "GiftBridge (gifts) has 1 notice for you, written at 2026-03-02 06:00 (America/Chicago).\n"
        "\n"
        "1 donor edit without a partner\n"
        "==============================\n"
        "\n"
        "Donor 41\n"
        "  2026-03-02 06:00  The donor was edited, and Aegis has no partner for them.\n"
        "    last name: Núñez → 李\n"
        "  To look further: giftbridge activity --donor 41 --stack-name gifts\n"
    )


def test_a_value_that_is_absent_differs_from_one_that_is_empty() -> None:
    text = letter([waiting(changes=(*changed("phone", None, ""), *changed("street", "", None)))], "UTC").text

    assert "phone: (none) → (empty)" in text
    assert "street: (empty) → (none)" in text


def test_notices_are_grouped_by_kind_and_donor_and_those_of_one_donor_stay_in_order() -> None:
    text = letter(
        [
            waiting(41, minute=1, changes=changed("phone", "1", "2")),
            waiting(7, kind=PLEDGE_RECREATED, minute=2),
            waiting(42, minute=3),
            waiting(41, minute=4, changes=changed("phone", "2", "1")),
        ],
        "UTC",
    ).text

    places = [text.index(part) for part in ("3 donor edits", "Donor 41", "1 → 2", "2 → 1", "Donor 42", "1 pledge")]
    assert places == sorted(places)
    assert text.count("Donor 41\n") == text.count("activity --donor 41\n") == 1


@pytest.mark.parametrize(
    ("kinds", "subject"),
    [
        ([PLEDGE_RECREATED] * 2, "GiftBridge: 2 pledges created anew"),
        ([PARTNER_CREATED_AMONG_SEVERAL], "GiftBridge: 1 partner created although several match"),
        ([PLEDGE_RECREATED, "odd-thing"], "GiftBridge: 1 pledge created anew, 1 notice: odd thing"),
        (["a", "b", "c", "d", "e", "e"], "GiftBridge: 1 notice: a, 1 notice: b, 1 notice: c, 3 more"),
    ],
)
def test_the_subject_says_how_many_and_of_what(kinds: list[str], subject: str) -> None:
    assert letter([waiting(kind=kind) for kind in kinds], "UTC").subject == subject


def test_a_repeat_says_so_in_subject_and_text() -> None:
    written = letter([waiting()], "UTC", may_be_repeat=True, more_wait=True)

    assert written.subject.endswith(" (may be a repeat)")
    assert "this may be a repeat" in written.text
    assert "More notices wait" in written.text


@pytest.mark.parametrize(
    "evil", ["a\r\nBcc: x@example.org", "a\nDonor 99", "a\u2028b", "a\x00b\x85c", "\u202egro.live"]
)
def test_no_value_can_break_a_line_or_turn_it_around(evil: str) -> None:
    one = WaitingNotice(
        "2026-03-02T12:00:00.000000Z#0#a", Notice(evil, f"donor#{evil}", evil, changed(evil, evil, evil), evil)
    )

    written = letter([one], "UTC", evil)

    assert written.subject.isprintable()
    assert len(written.text.splitlines()) == 9
    assert all(line.isprintable() for line in written.text.splitlines())


def test_five_hundred_long_notices_make_lines_that_e_mail_can_carry() -> None:
    many = [waiting(n, changes=changed("street", "x" * 5000, "y" * 5000)) for n in range(500)]

    text = letter(many, "UTC").text

    assert max(map(len, text.splitlines())) < 500
    assert len(text) < 500_000


def test_something_that_is_no_donor_is_looked_up_by_its_delivery() -> None:
    one = waiting().notice
    of_schedule = Notice(one.kind, "schedule#9", one.text, delivery_id="aegis/schedule/9/changed")

    text = letter([WaitingNotice("2026-03-02T12:00:00.000000Z#0#a", of_schedule)], "UTC").text

    assert "Schedule 9\n" in text
    assert "giftbridge activity aegis/schedule/9/changed\n" in text


def test_the_wait_doubles_up_to_an_hour_and_a_new_settings_version_ends_it() -> None:
    trouble, waits = None, []
    for _ in range(6):
        trouble = after_failure(trouble, "mail-limit", "too many", None, 3, NOON)
        waits.append((trouble.not_before - NOON) / timedelta(minutes=1))

    assert waits == [5, 10, 20, 40, 60, 60]
    assert trouble is not None
    assert trouble.blocks(3, NOON)
    assert not trouble.blocks(4, NOON)
    assert not trouble.blocks(3, NOON + timedelta(hours=1))


def test_trouble_keeps_the_moment_it_began_while_its_cause_stays() -> None:
    first = after_failure(None, "a", "x", None, 1, NOON)
    later = NOON + timedelta(hours=2)

    assert after_failure(first, "a", "x", None, 1, later).since == NOON
    assert after_failure(first, "b", "x", None, 1, later).since == later
    assert without_waiting(first, "a", "x", None, 1, later).since == NOON


def test_an_address_is_asked_about_once_a_day() -> None:
    asked = Recipient("a@example.org", NOON, NOON, "BOUNCE")

    assert asked.is_suppressed and asked.in_words() == "bounced on 2026-03-02"
    assert asked.is_fresh(NOON + timedelta(hours=23))
    assert not asked.is_fresh(NOON + timedelta(hours=24))


def test_more_addresses_than_one_message_takes_make_groups() -> None:
    assert in_groups(["a", "b", "c"], 2) == [("a", "b"), ("c",)]


@pytest.mark.parametrize(
    ("address", "header"),
    [
        ("ops@example.org", "ops@example.org"),
        ("Ops <ops@example.org>", "Ops <ops@example.org>"),
        ("Équipe <ops@exämple.org>", "=?utf-8?q?=C3=89quipe?= <ops@xn--exmple-cua.org>"),
    ],
)
def test_an_address_is_written_as_a_header_takes_it(address: str, header: str) -> None:
    assert wire_address(address, "notifications.sender") == header


@pytest.mark.parametrize("address", ["", "ops", "ops@", "@example.org", "öps@example.org", "a@b.org\r\nBcc: c@d.org"])
def test_an_address_that_e_mail_cannot_use_is_refused_without_being_named(address: str) -> None:
    with pytest.raises(Rejected) as refused:
        wire_address(address, "notifications.sender")

    assert refused.value.field == "notifications.sender"
    assert "example.org" not in refused.value.text and "b.org" not in refused.value.text
