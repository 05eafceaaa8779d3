"""`giftbridge status` says how a stack is doing, and whether a person is needed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from giftbridge.domain.times import format_moment
from ops.simulators.faults import FaultKind, FaultRule
from tests.command.desk import Desk
from tests.mail_room import FIRST, SECOND, mail_room


def test_a_stack_at_work_is_healthy(connected: Desk) -> None:
    gift = connected.bench.give()
    connected.bench.run()

    answer = connected.run("status", "--json")

    assert answer.code == 0, answer
    found = answer.data
    assert found["healthy"] is True and found["needs_a_person"] == []
    assert found["systems"]["aegis"] | {"last_success": ""} == {
        "connected": True, "host": "aegis.test", "condition": "open", "reason": None, "since": None, "next_try": None,
        "waits_until": None, "last_success": "",
    }  # fmt: skip
    assert found["systems"]["aegis"]["last_success"] is not None
    assert found["destinations"]["aegis"]["open"] == found["destinations"]["aegis"]["failed"] == 0, gift
    assert found["pickup"]["scheduled"] is True and found["pickup"]["cursor"] is not None
    assert found["settings"]["version"] == 1


def test_it_fits_one_screen(connected: Desk) -> None:
    for _ in range(3):
        connected.fail_gift()

    shown = connected.run("status").out

    assert len(shown.splitlines()) <= 24
    for words in ("RaiseDonors", "aegis.test", "version 1", "dead letters", "A person is needed"):
        assert words in shown


def test_a_stack_that_is_not_connected_needs_a_person_and_is_told_the_command(at: Desk) -> None:
    answer = at.run("status", "--json")

    assert answer.code == 1
    assert answer.data["needs_a_person"] == [
        "RaiseDonors is not connected: `giftbridge connect raisedonors --stack-name ours`.",
        "Aegis is not connected: `giftbridge connect aegis --stack-name ours`.",
    ]


def test_nobody_on_the_notification_list_is_a_notice_and_no_trouble(connected: Desk) -> None:
    connected.bench.run()
    assert any("Nobody is told by e-mail" in notice for notice in connected.json("status")["notices"])

    connected.bench.settings(notifications={"recipients": ["ops@example.org"]})
    [notice] = connected.json("status")["notices"]
    assert "`giftbridge settings set notifications.sender=giftbridge@example.org --stack-name ours`" in notice

    connected.bench.settings(notifications={"sender": "giftbridge@example.org"})
    assert connected.json("status")["notices"] == []


def test_notices_that_nobody_can_be_told_are_counted(connected: Desk) -> None:
    room = mail_room(connected.bench)
    connected.bench.run()
    for donor in (41, 42):
        room.write(donor)

    found = connected.json("status")

    assert (found["notices_waiting"], found["notices_trouble"]) == (2, None)
    assert "Nobody is told by e-mail; 2 notices wait: `giftbridge settings set" in found["notices"][0]
    assert "Notices to mail" in connected.run("status").out


def test_e_mail_that_is_refused_is_a_notice_with_its_remedy_until_it_goes_out(connected: Desk) -> None:
    room = mail_room(connected.bench)
    room.tell(FIRST)
    connected.bench.run()
    room.write()
    room.refuse("SendingPausedException")
    room.run()

    found = connected.json("status")

    assert found["healthy"] is True
    assert found["notices_trouble"]["cause"] == "mail-sending-paused"
    assert "1 notice waits: this AWS account's sending is paused" in found["notices"][0]
    assert "put-account-sending-attributes" in found["notices"][0]
    assert "sending is paused" in connected.run("status").out

    room.before_send = lambda to: None
    room.later()
    found = connected.json("status")

    assert (found["notices"], found["notices_waiting"], found["notices_trouble"]) == ([], 0, None)


def test_a_recipient_whose_mail_bounced_is_named_while_listed(connected: Desk) -> None:
    room = mail_room(connected.bench)
    room.tell(FIRST, SECOND)
    room.suppressed[SECOND] = ("BOUNCE", connected.bench.clock())
    connected.bench.run()
    room.run()

    assert connected.json("status")["notices"] == [
        "second@example.org bounced on 2026-03-02: Amazon SES sends nothing there."
    ]

    room.tell(FIRST)
    connected.bench.run()

    assert connected.json("status")["notices"] == []


def test_failed_deliveries_need_a_person(connected: Desk) -> None:
    connected.fail_gift()

    answer = connected.run("status", "--json")

    assert answer.code == 1
    assert answer.data["destinations"]["aegis"]["failed"] == 1
    assert answer.data["destinations"]["aegis"]["dead_letters"]["waiting"] == 1
    assert "1 failed" in answer.data["needs_a_person"][0]


def test_an_open_breaker_needs_nobody_and_says_what_waits(connected: Desk) -> None:
    bench = connected.bench
    bench.aegis.faults.begin_outage("status")
    for _ in range(6):
        bench.give(donor=bench.population.make_donor("new_person"))
    bench.run(ticks=5)

    answer = connected.run("status", "--json")

    assert answer.code == 0, answer
    assert answer.data["systems"]["aegis"]["condition"] == "breaker open"
    assert answer.data["destinations"]["aegis"]["open"] == 6
    assert sum(answer.data["destinations"]["aegis"]["open_by_state"].values()) == 6
    assert answer.data["destinations"]["aegis"]["oldest_undelivered_seconds"] >= 240
    assert any("The oldest undelivered one to Aegis waits since" in notice for notice in answer.data["notices"])


def test_refused_credentials_need_a_person(connected: Desk) -> None:
    bench = connected.bench
    bench.wire("aegis")
    bench.aegis.password = "changed there"
    bench.give()
    bench.run()

    answer = connected.run("status", "--json")

    assert answer.code == 1
    assert answer.data["systems"]["aegis"]["condition"] == "stopped"
    assert "giftbridge connect aegis --stack-name ours" in answer.data["needs_a_person"][0]


def test_a_request_for_fewer_calls_is_a_notice(connected: Desk) -> None:
    bench = connected.bench
    bench.run()
    until = bench.clock() + timedelta(minutes=5)
    bench.tools.state.change_destination("aegis", lambda d: replace(d, not_before=until))

    found = connected.json("status")

    assert found["systems"]["aegis"]["condition"] == "asked to wait"
    assert "Aegis asked for fewer calls" in found["notices"][0]


@pytest.mark.parametrize(("system", "title"), [("aegis", "Aegis"), ("raisedonors", "RaiseDonors")])
def test_a_wait_longer_than_ten_minutes_needs_a_person_who_is_told_until_when(
    connected: Desk, system: str, title: str
) -> None:
    bench = connected.bench
    bench.run()
    faults = bench.aegis.faults if system == "aegis" else bench.raisedonors.faults
    faults.status("*", 429, headers={"Retry-After": "1800"})
    bench.give()
    until = bench.clock() + timedelta(seconds=1800)
    bench.pickup()
    bench.drain()
    # It stays told until it is over, also in its last minutes.
    for minutes in (0, 25):
        bench.clock.advance(minutes * 60)
        bench.pickup()
        answer = connected.run("status", "--json")

        assert answer.code == 1
        assert answer.data["systems"][system]["waits_until"] == format_moment(until)
        assert answer.data["needs_a_person"] == [
            f"{title} asked for no calls before {until:%Y-%m-%d %H:%M} UTC: "
            f"`giftbridge resume {system} --stack-name ours` ends the wait."
        ]
    assert f"next try {until:%Y-%m-%d %H:%M}" in " ".join(connected.run("status").out.split())

    faults.clear()
    connected.run("resume", system)
    bench.run(ticks=2)
    assert connected.run("status").code == 0


def test_a_wait_is_shown_behind_an_open_breaker_too(connected: Desk) -> None:
    bench = connected.bench
    bench.run()
    now = bench.clock()
    bench.tools.state.change_destination(
        "aegis",
        lambda d: replace(
            d, opened_at=now, probe_at=now + timedelta(minutes=1), not_before=now + timedelta(minutes=40), asked_at=now
        ),
    )

    answer = connected.run("status", "--json")

    assert (answer.code, answer.data["systems"]["aegis"]["condition"]) == (1, "breaker open")
    assert "asked for no calls before" in " ".join(connected.run("status").out.split())


def test_schedules_that_are_off_need_a_person(connected: Desk) -> None:
    connected.events.disable_rule(Name="sweep-every-minute")

    answer = connected.run("status", "--json")

    assert answer.code == 1
    assert answer.data["pickup"]["scheduled"] is False


def test_a_pickup_that_no_longer_runs_needs_a_person(connected: Desk) -> None:
    connected.bench.run()
    connected.bench.clock.advance(16 * 60)

    answer = connected.run("status", "--json")

    assert answer.code == 1
    assert "Nothing was read from RaiseDonors since" in answer.data["needs_a_person"][0]


def test_deliveries_that_are_switched_off_need_a_person(connected: Desk) -> None:
    connected.bench.settings(aegis={"enabled": False})

    answer = connected.run("status", "--json")

    assert answer.code == 1
    assert "giftbridge settings set aegis.enabled=true --stack-name ours" in answer.data["needs_a_person"][0]


def test_the_options_go_to_whoever_opens_the_stack(connected: Desk) -> None:
    connected.run("status")
    connected.run("status", "--stack-name", "a", "--local", "http://127.0.0.1:1")

    assert connected.opened == [(None, None), ("a", "http://127.0.0.1:1")]


def test_a_trouble_of_other_settings_is_old_news_once_nothing_waits(connected: Desk) -> None:
    room = mail_room(connected.bench)
    room.tell(FIRST, SECOND)
    connected.bench.run()
    room.write()
    room.refuse("MessageRejected", only=SECOND)
    room.run()
    assert "1 of 2 recipients were refused" in connected.json("status")["notices"][0]

    room.tell(FIRST)
    connected.bench.run()

    assert connected.json("status")["notices"] == []


def test_each_feed_says_how_far_it_has_been_read(connected: Desk) -> None:
    connected.bench.give()
    connected.bench.run()

    feeds = connected.json("status")["pickup"]["feeds"]

    assert list(feeds) == ["gifts", "schedules", "donors"]
    assert all(feed["read_to_end_at"] is not None and not feed["goes_on"] for feed in feeds.values())
    assert "gifts 1 min ago" in connected.run("status").out
    connected.bench.settings(aegis={"send_notes": True})
    assert list(connected.json("status")["pickup"]["feeds"])[-1] == "notes"


def test_a_feed_that_is_not_read_while_others_are_needs_a_person(connected: Desk) -> None:
    bench = connected.bench
    bench.run()
    bench.fault("raisedonors", FaultRule(FaultKind.STATUS_BEFORE, "queryDonors", status=500))
    for _ in range(17):
        bench.run()

    answer = connected.run("status", "--json")

    assert answer.code == 1
    [told] = answer.data["needs_a_person"]
    assert told.startswith("The donors were not read to the end since") and "giftbridge pickup run" in told


def test_what_is_open_and_what_failed_is_counted_by_kind(connected: Desk) -> None:
    bench = connected.bench
    gift = bench.give()
    bench.run()
    bench.aegis.faults.begin_outage("status")
    bench.clock.advance(30)
    bench.raisedonors.store.set_gift_status(gift, "Refunded", modified=bench.clock())
    bench.run()

    counted = connected.run("status", "--json").data["destinations"]["aegis"]

    assert counted["open_by_kind"] == {"donation.refunded": 1} and counted["failed_by_kind"] == {}
