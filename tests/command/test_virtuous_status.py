"""`giftbridge status` says how Virtuous stands; `settings validate --live` asks it about credential and codes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ops.simulators.faults import FaultKind, FaultRule
from tests.command.desk import BATCH_SCHEDULE, RAISEDONORS_URL, VIRTUOUS_URL, Desk


def give(at: Desk) -> int:
    """A gift that is picked up and carried to Aegis."""
    gift = at.bench.give()
    at.bench.run()
    return gift


def minute(at: Desk) -> None:
    """A minute of everything, the batch's tick too."""
    at.both.plan(now_requested=False)
    at.both.drain()
    at.both.net()
    at.both.tick()


def of_virtuous(at: Desk, code: int = 0) -> dict[str, Any]:
    """What status tells of the way to Virtuous."""
    answer = at.run("status", "--json")
    assert answer.code == code, answer
    found: dict[str, Any] = answer.data["destinations"]["virtuous"]
    return found


def test_rows_that_wait_for_the_batch_are_neither_open_nor_late(trio: Desk) -> None:
    minute(trio)
    give(trio)
    minute(trio)
    trio.bench.clock.advance(4 * 60)
    minute(trio)

    answer = trio.run("status", "--json")

    found = answer.data["destinations"]["virtuous"]
    assert answer.code == 0, answer
    assert (found["outbox"], found["open"], found["held"], found["oldest_undelivered_at"]) == (1, 0, 0, None)
    assert found["last_batch"] is None and found["next_batch_at"] == "2026-03-02T22:00:00.000000Z"
    assert found["switches"] == {"gifts": True, "contacts": True, "projects": True}
    assert not [notice for notice in answer.data["notices"] if "waits since" in notice]
    assert "1 rows wait for the batch, 0 held; no batch yet, next 2026-03-02 22:00:00 UTC" in trio.run("status").out


def test_held_rows_alone_need_nobody_and_say_since_when(trio: Desk) -> None:
    minute(trio)
    give(trio)
    began = trio.bench.clock()
    trio.both.batch()
    for _ in range(3):
        trio.bench.clock.advance(7 * 3600)
        trio.bench.settings(batch_at=f"{(trio.bench.clock() - timedelta(hours=1)):%H:%M}")
        minute(trio)

    answer = trio.run("status", "--json")

    found = answer.data["destinations"]["virtuous"]
    assert answer.code == 0, answer.data["needs_a_person"]
    assert (found["held"], found["outbox"]) == (1, 0)
    assert found["held_since"] == began.strftime("%Y-%m-%dT%H:%M:%S.%fZ") and found["held_seconds"] > 20 * 3600
    assert any(f"holds 1 rows, the oldest since {began:%Y-%m-%d %H:%M} UTC" in line for line in answer.data["notices"])
    assert f"1 held, held since {began:%Y-%m-%d %H:%M:%S} (21 h ago)" in trio.run("status").out


def test_a_refund_that_waits_for_a_held_gift_is_not_late(trio: Desk) -> None:
    minute(trio)
    gift = give(trio)
    trio.both.batch()
    trio.bench.raisedonors.store.set_gift_status(gift, "Refunded", modified=trio.bench.clock())
    for _ in range(6):
        trio.bench.run()
        minute(trio)

    found = of_virtuous(trio)

    assert found["open_by_kind"] == {"donation.refunded": 1} and found["oldest_undelivered_at"] is None


def test_the_last_batch_and_its_rows_are_told(trio: Desk) -> None:
    minute(trio)
    give(trio)
    began = trio.bench.clock()
    trio.both.batch()

    assert of_virtuous(trio)["last_batch"] == {"at": began.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "gifts": 1, "contacts": 0}


def test_a_batch_that_did_not_run_needs_a_person(trio: Desk) -> None:
    minute(trio)
    trio.bench.clock.now = datetime(2026, 3, 2, 22, 20, tzinfo=UTC)
    trio.bench.run()

    answer = trio.run("status", "--json")

    assert answer.code == 1
    assert "The batch of 2026-03-02 22:00 UTC did not run: `giftbridge batch run --stack-name ours`" in str(
        answer.data["needs_a_person"]
    )
    trio.both.batch()
    trio.both.net()
    assert trio.run("status").code == 0


def test_a_local_stack_has_no_time_of_a_batch(trio: Desk) -> None:
    minute(trio)
    trio.stack = replace(trio.stack, is_local=True)
    trio.bench.clock.now = datetime(2026, 3, 2, 22, 20, tzinfo=UTC)
    trio.bench.run()

    found = of_virtuous(trio)

    assert (found["next_batch_at"], found["missed_batch_at"]) == (None, None)


def test_what_is_switched_off_is_a_notice(trio: Desk) -> None:
    minute(trio)
    trio.bench.settings(virtuous={"sync_gifts": False, "sync_contacts": False})
    trio.bench.run()

    answer = trio.run("status", "--json")

    [notice] = [line for line in answer.data["notices"] if line.startswith("Virtuous:")]
    assert "virtuous.sync_gifts is off" in notice and "projects" not in notice
    assert answer.code == 0 and answer.data["destinations"]["raisedonors"]["enabled"] is False


def test_virtuous_alone_is_a_whole_stack(unconnected: Desk) -> None:
    at = unconnected
    at.put_secret("raisedonors", {"url": RAISEDONORS_URL, "token": at.bench.raisedonors.token})
    at.put_secret("virtuous", {"url": VIRTUOUS_URL, "api_key": at.both.virtuous.api_key})
    at.bench.settings(virtuous={"enabled": True}, aegis={"enabled": False})
    at.stack = replace(at.stack, is_local=True)
    at.bench.pickup()
    minute(at)

    answer = at.run("status", "--json")

    assert (answer.code, answer.data["needs_a_person"]) == (0, [])
    assert list(answer.data["pickup"]["feeds"]) == ["gifts", "donors-virtuous"]
    assert answer.data["systems"]["aegis"]["condition"] == "not connected"


def test_trouble_with_virtuous_is_told_like_any_other(trio: Desk) -> None:
    minute(trio)
    give(trio)
    trio.both.virtuous.faults.add(FaultRule(FaultKind.STATUS_BEFORE, "*", status=401))
    trio.both.batch()

    answer = trio.run("status", "--json")

    assert answer.code == 1
    assert answer.data["systems"]["virtuous"]["condition"] == "stopped"
    assert answer.data["destinations"]["virtuous"]["condition"] == "stopped"
    assert "giftbridge connect virtuous --stack-name ours" in str(answer.data["needs_a_person"])


def test_a_switched_on_virtuous_without_credentials_needs_a_person(trio: Desk) -> None:
    minute(trio)
    trio.put_secret("virtuous", {})
    trio.bench.clock.advance(61)
    trio.bench.run()

    needs = trio.run("status", "--json").data["needs_a_person"]

    assert needs == ["Virtuous is not connected: `giftbridge connect virtuous --stack-name ours`."]


def test_a_batch_schedule_that_is_off_needs_a_person(trio: Desk) -> None:
    minute(trio)
    scheduler = trio.stack.client("scheduler")
    known = scheduler.get_schedule(Name=BATCH_SCHEDULE)
    kept = {name: known[name] for name in ("ScheduleExpression", "FlexibleTimeWindow", "Target")}
    scheduler.update_schedule(Name=BATCH_SCHEDULE, State="DISABLED", **kept)

    answer = trio.run("status", "--json")

    assert answer.code == 1 and answer.data["pickup"]["scheduled"] is False


def test_all_three_systems_fit_one_screen(trio: Desk) -> None:
    minute(trio)
    give(trio)
    trio.both.batch()

    shown = trio.run("status").out

    assert len(shown.splitlines()) <= 30
    for words in ("virtuous.test", "Import tool", "raisedonors"):
        assert words in shown


def test_live_validation_tries_the_credential_and_every_projects_code(trio: Desk) -> None:
    trio.bench.settings(virtuous={"sync_projects": False})

    answer = trio.run("settings", "validate", "--live", "--json")

    found = [code for code in answer.data["codes"] if code["system"] == "Virtuous"]
    assert (found[0]["kind"], found[0]["verdict"]) == ("credential", "accepted")
    missing = [code for code in found if code["verdict"] == "missing"]
    assert answer.code == 1 and missing and not missing[0]["good"]
    assert "virtuous.sync_projects" in missing[0]["remedy"]
    assert "Virtuous would refuse" in trio.run("settings", "validate", "--live").out
    assert {call for call in trio.both.calls() if call.startswith("create")} == {"createWebhook"}


def test_codes_that_the_batch_makes_are_no_trouble(trio: Desk) -> None:
    before = trio.run("settings", "validate", "--live", "--json").data["codes"]
    assert all(code["good"] for code in before if code["system"] == "Virtuous")
    assert any(code["verdict"] == "missing" for code in before if code["kind"] == "project")

    trio.both.batch()

    after = trio.run("settings", "validate", "--live", "--json").data["codes"]
    coded = [code for code in after if code["kind"] == "project" and code["code"]]
    assert coded and {code["verdict"] for code in coded} == {"active"}


def test_a_credential_that_virtuous_refuses_is_named(trio: Desk) -> None:
    trio.put_secret("virtuous", {"url": VIRTUOUS_URL, "api_key": "taken back"})
    trio.bench.clock.advance(61)

    answer = trio.run("settings", "validate", "--live", "--json")

    [refused] = [code for code in answer.data["codes"] if code["system"] == "Virtuous"]
    assert answer.code == 1 and refused["verdict"] == "refused"
    assert "giftbridge connect virtuous --stack-name ours" in refused["remedy"]


def test_with_three_systems_and_every_trouble_it_fits_on_a_screen(trio: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = trio.bench
    bench.settings(notifications={"sender": "giftbridge@example.org", "recipients": ["ann@example.org"]})
    trio.both.settle(1)
    heights = {width: _height(trio, width, monkeypatch) for width in (80, 100)}
    bench.settings(notifications={"sender": None, "recipients": []})
    trio.fail_gift()
    trio.both.batch()
    bench.aegis.faults.begin_outage("status")
    for _ in range(8):
        bench.give(donor=bench.population.make_donor("new_person"))
    trio.both.settle(3)
    for system in ("raisedonors", "virtuous"):
        trio.run("pause", system)
    bench.clock.advance(3 * 86_400)

    assert trio.run("status").code == 1
    assert heights[80] <= 24 and heights[100] <= 24
    assert _height(trio, 80, monkeypatch) <= 40 and _height(trio, 100, monkeypatch) <= 40


def _height(at: Desk, width: int, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("ops.command.terminal._WIDTH_OF_A_PIPE", width)
    # A terminal breaks long words where the console does not.
    return sum(-(-max(1, len(line.rstrip())) // width) for line in at.run("status").out.splitlines())
