"""The tally finds each gift that is missing, doubled, different or foreign in Virtuous, and each reversal likewise."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from ops.simulators.raisedonors import RaiseDonorsSimulator
from ops.simulators.virtuous_import import ImportChoices
from ops.simulators.virtuous_population import seed_virtuous_projects
from ops.simulators.virtuous_tally import virtuous_tally
from ops.simulators.virtuous_tally_result import VirtuousTally
from tests.simulators.conftest import Clock
from tests.simulators.virtuous_world import VirtuousWorld, gift

SHARES = [{"code": "GEN", "amountDesignated": "75.00"}]


@pytest.fixture
def world(clock: Clock) -> VirtuousWorld:
    return VirtuousWorld(clock)


def _tally(raisedonors: RaiseDonorsSimulator, world: VirtuousWorld, *gifts: int) -> VirtuousTally:
    return virtuous_tally(raisedonors.store, world.store, expected_gifts=gifts)


def _give(raisedonors: RaiseDonorsSimulator, donor_id: int, **members: Any) -> int:
    project_id = raisedonors.store.add("project", {"code": "GEN", "name": "General"})
    shares = [{"projectId": project_id, "amount": "75.00"}]
    return raisedonors.store.add(
        "gift", {"amount": Decimal("75.00"), "donorId": donor_id, "projects": shares, **members}
    )


def _hand_in(world: VirtuousWorld, gift_id: int, donor_id: int, prefix: str = "don-", **members: Any) -> None:
    giver = {"referenceId": str(donor_id), "type": "Household", "firstname": "Imani", "lastname": "Vance"}
    body = gift(f"{prefix}{gift_id}", contact=giver, designations=SHARES, **members)
    assert world.send("POST", "v2/Gift/Transaction", body).status == 200


@pytest.fixture
def donor_id(raisedonors: RaiseDonorsSimulator, world: VirtuousWorld) -> int:
    seed_virtuous_projects(world.store)
    return raisedonors.store.add("donor", {"firstName": "Imani", "lastName": "Vance"})


def test_a_gift_held_or_landed_once_and_reversed_once_is_in_order(
    world: VirtuousWorld, raisedonors: RaiseDonorsSimulator, donor_id: int
) -> None:
    gift_ids = [_give(raisedonors, donor_id) for _ in range(3)]
    assert len(virtuous_tally(raisedonors.store, world.store).missing_gifts) == 3
    for gift_id in gift_ids:
        _hand_in(world, gift_id, donor_id)
    raisedonors.store.set_gift_status(gift_ids[0], "Refunded")
    waiting = _tally(raisedonors, world, *gift_ids)
    assert (waiting.clean, waiting.counts["gifts held"], waiting.counts["reversals waiting for the import"]) == (
        True,
        3,
        1,
    )
    world.simulator.run_import(ImportChoices(take=lambda row: row.identity != f"don-{gift_ids[2]}"))
    landed = _tally(raisedonors, world, *gift_ids)
    assert [len(landed.missing_reversals), landed.counts["gifts landed"], landed.counts["gifts held"]] == [1, 2, 1]
    landed_id = world.read(f"Gift/Legacy%20RaiseDonors/don-{gift_ids[0]}")["id"]
    body = {"reversedGiftId": landed_id, "giftDate": "2026-03-03"}
    world.send("POST", "Gift/ReversingTransaction", body)
    assert _tally(raisedonors, world, *gift_ids).clean
    world.send("POST", "Gift/ReversingTransaction", body)
    assert len(_tally(raisedonors, world, *gift_ids).doubled_reversals) == 1


Wrong = Callable[[VirtuousWorld, int, int], None]
WRONGS: list[tuple[str, Wrong]] = [
    ("doubled_gifts", lambda world, gift_id, donor_id: _hand_in(world, gift_id, donor_id, "again-")),
    ("wrong_gifts", lambda world, gift_id, donor_id: _hand_in(world, gift_id, donor_id, "again-", amount="74.00")),
    ("wrong_gifts", lambda world, gift_id, donor_id: _hand_in(world, gift_id, donor_id + 1, "again-")),
    ("foreign_gifts", lambda world, gift_id, donor_id: _hand_in(world, 5, donor_id)),
    ("changed_repeats", lambda world, gift_id, donor_id: _hand_in(world, gift_id, donor_id, notes="other")),
]


@pytest.mark.parametrize(("difference", "wrong"), WRONGS)
def test_each_wrong_in_gifts_is_found_by_name(
    world: VirtuousWorld, raisedonors: RaiseDonorsSimulator, donor_id: int, difference: str, wrong: Wrong
) -> None:
    gift_id = _give(raisedonors, donor_id)
    _hand_in(world, gift_id, donor_id)
    wrong(world, gift_id, donor_id)
    world.simulator.run_import()
    result = _tally(raisedonors, world, gift_id)
    assert getattr(result, difference)
    assert result.describe()[-1] == "THE SIDES DIFFER"


def test_a_gift_that_was_not_to_be_sent_is_found(
    world: VirtuousWorld, raisedonors: RaiseDonorsSimulator, donor_id: int
) -> None:
    gift_id = _give(raisedonors, donor_id, statusText="Declined")
    _hand_in(world, gift_id, donor_id)
    assert len(_tally(raisedonors, world).foreign_gifts) == 1


def test_what_staff_deleted_is_held_against_nobody(
    world: VirtuousWorld, raisedonors: RaiseDonorsSimulator, donor_id: int
) -> None:
    gift_ids = [_give(raisedonors, donor_id) for _ in range(2)]
    for gift_id in gift_ids:
        _hand_in(world, gift_id, donor_id)
    world.simulator.run_import()
    raisedonors.store.set_gift_status(gift_ids[0], "Refunded")
    world.staff.delete_gift(min(world.store.gifts))
    assert _tally(raisedonors, world, *gift_ids).clean
    world.staff.delete(next(iter(world.store.contacts)))
    assert _tally(raisedonors, world, *gift_ids).clean
