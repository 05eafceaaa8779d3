"""What is left to a person after a restore is what a notice names, as the donor is now; nothing besides."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from ops.simulators.raisedonors import RaiseDonorsSimulator
from tests.simulation.judge.excuses import Excuses, Forgotten

BEGIN = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
RESTORED = Forgotten(("StateTable",), BEGIN, BEGIN + timedelta(hours=1), BEGIN + timedelta(hours=1))
HOURS = timedelta(hours=2)


def simulator() -> RaiseDonorsSimulator:
    now = [BEGIN]
    return RaiseDonorsSimulator(clock=lambda: now[0], pause=lambda _: None, seed=1)


def notice(donor: int, at: datetime, *fields: str) -> dict[str, Any]:
    changes = [{"field": field, "old": None, "new": "x"} for field in fields]
    at_key = f"{at:%Y-%m-%dT%H:%M:%S.%fZ}#000001#abcd"
    return {
        "kind": "donor-edit-forgotten",
        "about": f"donor#{donor}",
        "at": at_key,
        "text": "differs",
        "changes": changes,
    }


def test_a_value_that_a_notice_names_is_left_to_a_person_and_no_other_value() -> None:
    raisedonors = simulator().store
    raisedonors.add("donor", {"id": 7, "firstName": "Ada", "isOrganization": False}, modified=BEGIN)
    excuses = Excuses(raisedonors, (), notices=[notice(7, BEGIN + HOURS, "FirstName", "City")], forgotten=RESTORED)

    assert [excuses.is_left_to_a_person(7, value) for value in ("first name", "address")] == [True, True]
    assert [excuses.is_left_to_a_person(7, value) for value in ("last name", "phone", "e-mail")] == [False] * 3
    assert not excuses.is_left_to_a_person(8, "first name")


def test_an_edit_made_after_the_notice_is_not_left_to_a_person() -> None:
    raisedonors = simulator().store
    raisedonors.add("donor", {"id": 7, "firstName": "Ada", "isOrganization": False}, modified=BEGIN)
    raisedonors.edit("donor", 7, {"firstName": "Eve"}, modified=BEGIN + 2 * HOURS)
    excuses = Excuses(raisedonors, (), notices=[notice(7, BEGIN + HOURS, "FirstName")], forgotten=RESTORED)

    assert not excuses.is_left_to_a_person(7, "first name")


def test_without_a_restore_nothing_is_left_to_a_person() -> None:
    raisedonors = simulator().store
    raisedonors.add("donor", {"id": 7, "firstName": "Ada", "isOrganization": False}, modified=BEGIN)

    assert not Excuses(raisedonors, (), notices=[notice(7, BEGIN + HOURS, "FirstName")]).is_left_to_a_person(
        7, "first name"
    )
