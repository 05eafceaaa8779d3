"""The tally of edits: which arrived, which lost a conflict, which are lost, and which writes were echoes."""

from datetime import UTC, datetime

import pytest

from ops.simulators.access_log import AccessLog
from ops.simulators.raisedonors import RaiseDonorsSimulator
from ops.simulators.raisedonors_time import ticks_of
from ops.simulators.virtuous_population import OUR_SOURCE
from ops.simulators.virtuous_records import HeldRow, RowState
from ops.simulators.virtuous_tally import virtuous_tally
from ops.simulators.virtuous_tally_edits import Beside, RecordedConflict, reads_of
from ops.simulators.virtuous_tally_result import VirtuousTally
from ops.simulators.wire import Request
from tests.simulators.conftest import Clock
from tests.simulators.virtuous_world import HOME, IMANI, VirtuousWorld

FIRST, SECOND, THIRD = "251-555-0101", "989-555-0102", "977-555-0103"


class Pair:
    """A donor and their contact, who agree, and hands that edit either, as a person or as the product does."""

    def __init__(self, raisedonors: RaiseDonorsSimulator, world: VirtuousWorld, clock: Clock) -> None:
        self.raisedonors, self.world, self.clock = raisedonors, world, clock
        address = {**{name: HOME[name] for name in ("address1", "city", "state", "postal")}, "countryString": "US"}
        self.donor_id = raisedonors.store.add("donor", {**IMANI, "primaryAddress": address})
        self.contact = world.contact(str(self.donor_id))
        clock.move(60)

    def here(self, phone: str, *, is_ours: bool = False) -> None:
        self.raisedonors.store.edit("donor", self.donor_id, {"phone": phone}, via_api=is_ours)
        self.clock.move(60)

    def there(self, phone: str) -> None:
        self.world.staff.edit_contact(self.contact.contact_id, {"individual": {"phone": phone}})
        self.clock.move(60)

    def row(self, phone: str) -> None:
        """A row of the product, handed in and imported."""
        row = {"referenceId": str(self.donor_id), "contactType": "Household", "phone": phone, **_names()}
        held = HeldRow(self.world.store.new_id("row"), "contact", OUR_SOURCE, row, self.world.store.now())
        self.world.store.rows.append(held)
        self.clock.move(60)
        self.world.simulator.run_import()
        assert held.state is RowState.LANDED
        self.clock.move(60)

    def tally(self, beside: Beside | None = None) -> VirtuousTally:
        stores = self.raisedonors.store, self.world.store
        return virtuous_tally(*stores, expected_gifts=(), beside=beside or Beside())


@pytest.fixture
def pair(raisedonors: RaiseDonorsSimulator, clock: Clock) -> Pair:
    return Pair(raisedonors, VirtuousWorld(clock), clock)


def test_an_edit_that_the_other_side_said_once_has_arrived_whatever_came_after(pair: Pair) -> None:
    pair.there(SECOND)
    pair.here(SECOND, is_ours=True)
    pair.here(THIRD)
    pair.row(THIRD)

    found = pair.tally()
    assert found.clean, found.describe()
    assert found.counts["edits on Virtuous arrived"] == found.counts["edits on Virtuous"] == 1
    assert found.counts["edits on RaiseDonors arrived"] == found.counts["edits on RaiseDonors"] == 1


def test_a_value_that_we_once_wrote_and_that_a_person_set_again_is_counted(pair: Pair) -> None:
    pair.here(SECOND)
    pair.row(SECOND)
    pair.there(THIRD)
    pair.here(THIRD, is_ours=True)
    pair.there(SECOND)
    assert pair.tally().counts["edits on Virtuous back to a value we wrote"] == 1
    pair.here(SECOND, is_ours=True)

    found = pair.tally()
    assert found.clean, found.describe()
    assert found.counts["edits on Virtuous back to a value we wrote, arrived"] == 1


def test_an_edit_that_never_arrived_is_named_unless_its_conflict_is_told_of(pair: Pair) -> None:
    pair.there(SECOND)
    pair.row(FIRST)
    reads = {pair.contact.contact_id: [ticks_of(pair.clock()) - 150 * 10**7]}

    lost = pair.tally(Beside(contact_reads=reads))
    assert [one.describe() for one in lost.lost_edits] == [
        f"donor {pair.donor_id}: phone edited on the side of Virtuous"
    ]
    conflict = RecordedConflict(pair.donor_id, "phone", "raisedonors", "+19895550102")
    told = pair.tally(Beside((conflict,), reads))
    assert told.lost_edits == []
    assert told.counts["edits on Virtuous lost a conflict"] == told.counts["conflicts won by raisedonors"] == 1


def test_an_edit_that_was_overwritten_before_anybody_read_it_is_counted_apart(pair: Pair) -> None:
    pair.there(SECOND)
    pair.row(FIRST)

    found = pair.tally()
    assert found.lost_edits == []
    assert found.counts["edits on Virtuous overwritten before anybody read it"] == 1


def test_a_row_that_says_what_the_contact_says_is_an_echo_and_one_after_an_edit_is_not(pair: Pair) -> None:
    pair.here(SECOND)
    pair.row(SECOND)
    assert pair.tally().echoes == []
    pair.there(THIRD)
    pair.here(THIRD, is_ours=True)
    pair.row(THIRD)

    [echo] = pair.tally().echoes
    assert echo.subject == f"donor {pair.donor_id}"
    assert "was sent to Virtuous" in echo.detail


def test_a_value_written_to_a_donor_that_no_person_entered_in_virtuous_is_an_echo(pair: Pair) -> None:
    pair.here(SECOND)
    pair.row(SECOND)
    pair.here(THIRD)
    pair.here(SECOND, is_ours=True)

    [echo] = pair.tally().echoes
    assert echo.detail == "phone was written back to RaiseDonors"


def test_an_edit_of_a_contact_that_was_not_the_donors_yet_is_not_theirs_to_get(pair: Pair) -> None:
    other = pair.world.contact("77", contactIndividuals=[{**IMANI, "firstName": "Olga", "email": "olga@example.org"}])
    pair.clock.move(60)
    pair.world.staff.edit_contact(other.contact_id, {"address": {**HOME, "address1": "9 Lake Ave"}})
    pair.clock.move(60)
    newcomer = pair.raisedonors.store.add("donor", {**IMANI, "firstName": "Lewis", "email": "lewis@example.org"})
    with pair.world.store.changing(other.contact_id):
        pair.world.store.refer(other, OUR_SOURCE, str(newcomer))
    assert pair.tally().counts["edits on Virtuous"] == 0
    pair.clock.move(60)
    pair.world.staff.edit_contact(other.contact_id, {"address": {**HOME, "address1": "8 Hill St"}})

    assert [one.subject for one in pair.tally().lost_edits] == [f"donor {newcomer}"]


def test_a_call_that_failed_has_read_nothing() -> None:
    log = AccessLog()
    for status in (200, 503, None):
        log.open(datetime(2026, 11, 22, tzinfo=UTC), Request("GET", "/api/Contact/4001"), "getContact").status = status

    assert [len(reads) for reads in reads_of(log, "getContact").values()] == [1]


def test_an_e_mail_that_staff_copied_from_a_donor_has_not_crossed(pair: Pair) -> None:
    pair.raisedonors.store.edit("donor", pair.donor_id, {"email": "moved@example.org"})
    pair.world.staff.edit_contact(pair.contact.contact_id, {"individual": {"email": "moved@example.org"}})
    pair.clock.move(60)
    pair.here(SECOND, is_ours=True)
    assert pair.tally().crossed_emails == []
    pair.world.staff.edit_contact(pair.contact.contact_id, {"individual": {"email": "theirs@example.org"}})
    pair.raisedonors.store.edit("donor", pair.donor_id, {"email": "theirs@example.org"}, via_api=True)

    assert [one.subject for one in pair.tally().crossed_emails] == [f"donor {pair.donor_id}"]


def _names() -> dict[str, str]:
    return {name: IMANI[name] for name in ("firstName", "lastName")}
