"""A schedule's pledge: made first, verified before each later gift, never guessed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from giftbridge.domain.deliveries import State
from giftbridge.store.rows import commit
from ops.simulators.aegis_partners import seed_partner
from ops.simulators.population_donors import MadeDonor
from tests.workbench import Workbench

MISSING_PLEDGE = "00000000-0000-4000-8000-000000000000"


def _gift(bench: Workbench, kind: str, donor: MadeDonor | None = None, ticks: int = 1) -> tuple[int, int]:
    """A delivered or failed gift, and its schedule."""
    made = bench.population.make_gift(kind, bench.clock(), donor=donor)
    bench.run(ticks)
    assert made.schedule_id is not None
    return made.gift_id, made.schedule_id


def _lines(bench: Workbench, gift: int) -> list[Any]:
    assert bench.delivery(gift).state is State.DELIVERED, bench.delivery(gift)
    [transaction] = bench.transactions_of(gift)
    lines: list[Any] = transaction.lines
    assert not any(line.by_hazard for line in lines), "Aegis picked a pledge of its own"
    assert {line.apply_to_pledge for line in lines} == {bool(lines[0].pledge_id)}
    return lines


def _pledge_key(bench: Workbench, schedule: int) -> str | None:
    row = bench.tools.keys.get(f"schedule#{schedule}", "aegis")
    return row.key if row else None


def _schedule(bench: Workbench, schedule: int) -> dict[str, Any]:
    return dict(bench.raisedonors.store.schedules.entry(schedule).latest.members)


def _made(bench: Workbench) -> int:
    return sum(pledge.via_api for pledge in bench.aegis.store.pledges.values())


def test_the_first_gift_makes_the_pledge_then_is_applied_to_it(bench: Workbench) -> None:
    donor = bench.population.make_donor("new_person")
    gift, schedule = _gift(bench, "first_of_schedule", donor)
    pledge = _pledge_key(bench, schedule)
    assert {line.applied_to_pledge for line in _lines(bench, gift)} == {pledge}
    model, source = bench.aegis.store.pledges[str(pledge)].model, _schedule(bench, schedule)
    assert (model["Active"], model["AutoPayment"], model["PledgeType"]) == (True, False, "OpenEnded")
    assert (model["PledgeAmount"], model["StartDate"]) == (source["amount"], source["startDate"])
    calls = bench.calls()
    assert calls.index("createPledge") < calls.index("createTransaction")


def test_a_later_gift_costs_two_calls(bench: Workbench) -> None:
    donor = bench.population.make_donor("new_person")
    _, schedule = _gift(bench, "first_of_schedule", donor)
    bench.aegis.log.clear()
    gift, _ = _gift(bench, "later_of_schedule", donor)
    assert {line.applied_to_pledge for line in _lines(bench, gift)} == {_pledge_key(bench, schedule)}
    assert bench.calls() == ["getPledgeHistory", "createTransaction"]


def test_an_imported_pledge_is_verified_and_kept(bench: Workbench) -> None:
    gift, schedule = _gift(bench, "imported_schedule")
    assert {line.applied_to_pledge for line in _lines(bench, gift)} == {_schedule(bench, schedule)["crmKey"]}
    assert _pledge_key(bench, schedule) == _schedule(bench, schedule)["crmKey"]
    assert _made(bench) == 0


def test_an_imported_pledge_id_in_capitals_names_the_pledge_as_aegis_writes_it(bench: Workbench) -> None:
    made = bench.population.make_gift("imported_schedule", bench.clock())
    assert made.schedule_id is not None
    pledge = _schedule(bench, made.schedule_id)["crmKey"]
    bench.raisedonors.store.edit("schedule", made.schedule_id, {"crmKey": pledge.upper()})
    bench.run()
    assert {line.applied_to_pledge for line in _lines(bench, made.gift_id)} == {pledge}


def _lost(bench: Workbench, how: str) -> tuple[MadeDonor, int, str]:
    donor = bench.population.make_donor("new_person")
    _, schedule = _gift(bench, "first_of_schedule", donor)
    pledge = str(_pledge_key(bench, schedule))
    if how == "inactive":
        bench.aegis.store.set_pledge_active(pledge, False)
    else:
        [kept] = [found for found in bench.aegis.store.pledges_of.values() if found]
        kept.remove(bench.aegis.store.pledges.pop(pledge))
    return donor, schedule, pledge


@pytest.mark.parametrize("how", ["inactive", "gone"])
@pytest.mark.parametrize("setting", ["recreate", "send_without_pledge", "fail"])
def test_a_lost_pledge_follows_the_setting(bench: Workbench, how: str, setting: str) -> None:
    bench.settings(aegis={"on_lost_pledge": setting})
    donor, schedule, old = _lost(bench, how)
    gift, _ = _gift(bench, "later_of_schedule", donor)
    said = [line["what"] for line in bench.tools.activity.of_entity(f"donor#{donor.donor_id}")]
    if setting == "fail":
        trouble = bench.delivery(gift).trouble
        assert bench.delivery(gift).state is State.FAILED
        assert trouble is not None
        assert (trouble.cause, trouble.field, bool(trouble.remedy)) == ("pledge-lost", "recurringGift.crmKey", True)
    elif setting == "recreate":
        assert _pledge_key(bench, schedule) == _schedule(bench, schedule)["crmKey"] != old
        assert {line.applied_to_pledge for line in _lines(bench, gift)} == {_pledge_key(bench, schedule)}
        assert "pledge recreated" in said
    else:
        assert {line.applied_to_pledge for line in _lines(bench, gift)} == {None}
        assert "sent without a pledge" in said


def test_an_imported_pledge_that_is_missing_is_made_anew_and_never_guessed(bench: Workbench) -> None:
    made = bench.population.make_gift("imported_schedule", bench.clock())
    assert made.schedule_id is not None
    bench.raisedonors.store.edit("schedule", made.schedule_id, {"crmKey": MISSING_PLEDGE})
    bench.run()
    assert {line.applied_to_pledge for line in _lines(bench, made.gift_id)} == {_pledge_key(bench, made.schedule_id)}
    assert (_made(bench), _schedule(bench, made.schedule_id)["crmKey"]) == (1, _pledge_key(bench, made.schedule_id))


def test_a_pledge_of_another_partner_is_not_used(bench: Workbench) -> None:
    other, _ = _gift(bench, "first_of_schedule", bench.population.make_donor("new_person"))
    theirs = _lines(bench, other)[0].pledge_id
    made = bench.population.make_gift("imported_schedule", bench.clock())
    assert made.schedule_id is not None
    bench.raisedonors.store.edit("schedule", made.schedule_id, {"crmKey": theirs})
    bench.run()
    assert {line.applied_to_pledge for line in _lines(bench, made.gift_id)} != {theirs}


@pytest.mark.parametrize(
    ("settings", "frequency"),
    [
        ({}, "failed"),
        ({"on_unmappable_frequency": "send_without_pledge"}, None),
        ({"frequency_substitutes": {"26": "Semimonthly"}}, "Semimonthly"),
        (
            {"frequency_substitutes": {"biweekly": "Monthly"}, "on_unmappable_frequency": "send_without_pledge"},
            "Monthly",
        ),
    ],
)
def test_two_weekly_giving_follows_the_settings(
    bench: Workbench, settings: dict[str, Any], frequency: str | None
) -> None:
    bench.settings(aegis=settings)
    gift, schedule = _gift(bench, "biweekly_schedule")
    if frequency == "failed":
        trouble = bench.delivery(gift).trouble
        assert trouble is not None
        assert (trouble.cause, trouble.field) == ("unmappable-frequency", "recurringGift.frequency")
        assert not bench.aegis.store.transactions
    elif frequency is None:
        assert {line.applied_to_pledge for line in _lines(bench, gift)} == {None}
    else:
        pledge = _lines(bench, gift)[0].applied_to_pledge
        assert bench.aegis.store.pledges[pledge].model["Frequency"] == frequency
        assert pledge == _pledge_key(bench, schedule)


def test_two_weekly_giving_with_a_lost_imported_pledge_follows_the_settings_too(bench: Workbench) -> None:
    bench.settings(aegis={"on_unmappable_frequency": "send_without_pledge"})
    made = bench.population.make_gift("biweekly_schedule", bench.clock())
    assert made.schedule_id is not None
    bench.raisedonors.store.edit("schedule", made.schedule_id, {"crmKey": MISSING_PLEDGE})
    bench.run()
    assert {line.applied_to_pledge for line in _lines(bench, made.gift_id)} == {None}


def test_the_pledge_id_is_mirrored_and_nothing_else_of_the_schedule_changes(bench: Workbench) -> None:
    made = bench.population.make_gift("first_of_schedule", bench.clock())
    assert made.schedule_id is not None
    bench.raisedonors.store.edit("schedule", made.schedule_id, {"notes": "staff text", "futureMember": {"kept": True}})
    before = _schedule(bench, made.schedule_id)
    bench.run()
    after = _schedule(bench, made.schedule_id)
    assert after.pop("crmKey") == _pledge_key(bench, made.schedule_id)
    before.pop("crmKey", None)
    assert {name: value for name, value in after.items() if value is not None} == before
    assert bench.calls("raisedonors").count("replaceRecurringGift") == 1


def test_the_mirror_can_be_switched_off(bench: Workbench) -> None:
    bench.settings(aegis={"mirror_pledge_id": False})
    _, schedule = _gift(bench, "first_of_schedule")
    assert _pledge_key(bench, schedule)
    assert not _schedule(bench, schedule).get("crmKey")
    assert "replaceRecurringGift" not in bench.calls("raisedonors")


def test_two_gifts_of_a_new_schedule_make_one_pledge(bench: Workbench) -> None:
    donor = bench.population.make_donor("new_person")
    first = bench.population.make_gift("first_of_schedule", bench.clock(), donor=donor)
    second = bench.population.make_gift("later_of_schedule", bench.clock(), donor=donor)
    bench.run(ticks=2)
    pledges = {line.applied_to_pledge for gift in (first, second) for line in _lines(bench, gift.gift_id)}
    assert len(pledges) == _made(bench) == 1


def test_a_one_time_gift_of_a_donor_with_a_pledge_is_applied_to_none(bench: Workbench) -> None:
    donor = bench.population.make_donor("new_person")
    _gift(bench, "first_of_schedule", donor)
    gift = bench.give(donor=donor)
    bench.run()
    assert {line.applied_to_pledge for line in _lines(bench, gift)} == {None}
    assert bench.net() > Decimal(0)


def _moved_to_another_donor(bench: Workbench, *, survivor_gives: bool) -> tuple[int, str, str]:
    """Two donors are merged on RaiseDonors: the schedule of one moves to the other. Schedule, pledge, its partner."""
    donor, survivor = bench.population.make_donor("new_person"), bench.population.make_donor("new_person")
    first, schedule = _gift(bench, "first_of_schedule", donor, ticks=2)
    if survivor_gives:
        bench.give(donor=survivor)
        bench.run(ticks=2)
    bench.clock.advance(5)
    bench.raisedonors.store.edit("schedule", schedule, {"donorId": survivor.donor_id})
    return schedule, str(_pledge_key(bench, schedule)), str(bench.transactions_of(first)[0].partner_id)


def _next_gift(bench: Workbench, schedule: int) -> int:
    donor = _schedule(bench, schedule)["donorId"]
    giver = next(one for one in bench.population.donors if one.donor_id == donor)
    made = bench.population.make_gift("one_time", bench.clock(), donor=giver)
    bench.raisedonors.store.edit("gift", made.gift_id, {"recurringGiftId": schedule})
    bench.run(ticks=2)
    return made.gift_id


@pytest.mark.parametrize("survivor_gives", [True, False])
def test_a_schedule_that_moved_to_the_surviving_donor_keeps_its_pledge(bench: Workbench, survivor_gives: bool) -> None:
    schedule, pledge, partner = _moved_to_another_donor(bench, survivor_gives=survivor_gives)

    gift = _next_gift(bench, schedule)

    assert {line.applied_to_pledge for line in _lines(bench, gift)} == {pledge}
    [transaction] = bench.transactions_of(gift)
    assert transaction.partner_id == partner
    assert bench.delivery(gift).result["partner"] == partner
    assert _made(bench) == 1


def test_the_end_of_a_schedule_that_moved_to_the_surviving_donor_reaches_its_pledge(bench: Workbench) -> None:
    schedule, pledge, _ = _moved_to_another_donor(bench, survivor_gives=True)
    bench.run(ticks=2)
    bench.clock.advance(5)
    bench.raisedonors.store.set_schedule_status(schedule, "Cancelled", modified=bench.clock())

    bench.run(ticks=4)

    assert bench.aegis.store.pledges[pledge].model["Active"] is False
    assert _made(bench) == 1


def test_a_pledge_of_a_partner_that_proved_wrong_is_not_kept(bench: Workbench) -> None:
    donor = bench.population.make_donor("new_person")
    _, schedule = _gift(bench, "first_of_schedule", donor, ticks=2)
    wrong = _pledge_key(bench, schedule)
    row = bench.tools.keys.get(f"donor#{donor.donor_id}", "aegis")
    assert row is not None
    right = seed_partner(bench.aegis.store, donor.person.partner())
    link = bench.tools.keys.link(row.entity, "aegis", right, "picked by a person", row, bench.clock())
    commit(bench.dynamodb, [link])

    gift, _ = _gift(bench, "later_of_schedule", donor, ticks=2)

    [transaction] = bench.transactions_of(gift)
    assert transaction.partner_id == right
    assert {line.applied_to_pledge for line in transaction.lines} != {wrong}
