"""Contacts whose write to the donor broke off half-way: told whole, never taken for an edit to be sent back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from giftbridge.domain.deliveries import State
from giftbridge.domain.delivery_ids import VIRTUOUS, contact_updated_id, donor_updated_id
from ops.simulators.faults import FaultKind, FaultRule
from tests.virtuous_bench import VirtuousBench, virtuous_bench


@pytest.fixture
def both() -> Iterator[VirtuousBench]:
    """Both sides, no projects."""
    with virtuous_bench() as fresh:
        fresh.bench.settings(virtuous={"sync_projects": False})
        yield fresh


def half_written(both: VirtuousBench) -> tuple[int, int]:
    """A donor whose new name was written while their new phone was not, with their contact."""
    donor = both.bench.population.make_donor("new_person").donor_id
    contact = both.link(donor).contact_id
    both.settle(2)
    both.bench.fault("raisedonors", FaultRule(FaultKind.STATUS_BEFORE, "patchDonorPhone", count=1, status=500))
    edits = {"individual": {"lastName": "Neu", "phone": "+19895550133"}}
    both.virtuous.staff.edit_contact(contact, edits)
    both.webhooks()
    assert both.delivery(contact_updated_id(contact)).state is State.UNKNOWN
    assert both.donor(donor)["lastName"] == "Neu"
    return donor, contact


def activity(both: VirtuousBench, donor: int) -> list[str]:
    """The bodies of our entries in the donor's activity on RaiseDonors."""
    entries = [entry.latest.members for entry in both.bench.raisedonors.store.activities.all_entries()]
    return [str(one["body"]) for one in entries if one["donorId"] == donor and one["type"] == "CrmSync"]


def test_what_was_written_before_the_trouble_is_told_with_the_rest(both: VirtuousBench) -> None:
    donor, contact = half_written(both)

    both.settle(4)

    assert both.delivery(contact_updated_id(contact)).state is State.DELIVERED
    [body] = activity(both, donor)
    assert [line.partition(":")[0] for line in body.splitlines()] == ["last name", "phone"]


def test_half_of_it_is_no_edit_to_be_sent_back(both: VirtuousBench) -> None:
    donor, _ = half_written(both)

    both.bench.pickup()
    both.batch()

    assert both.delivery(donor_updated_id(donor, VIRTUOUS)).is_in_outbox
    assert not both.virtuous.store.rows
    both.settle(4)
    both.batch()
    assert both.delivery(donor_updated_id(donor, VIRTUOUS)).state is State.IGNORED
    assert not both.virtuous.store.rows


def test_what_staff_takes_back_meanwhile_is_taken_back_on_raisedonors_too(both: VirtuousBench) -> None:
    donor, contact = half_written(both)
    before = both.bench.tools.snapshots.get(f"donor#{donor}")
    assert before is not None
    name = before.base.ours["last name"]

    both.virtuous.staff.edit_contact(contact, {"individual": {"lastName": name}})
    both.settle(4)
    both.day()

    assert both.donor(donor)["lastName"] == name
    assert both.contact_of(donor).individuals[0]["lastName"] == name
    assert not both.virtuous.store.rows
    [body] = activity(both, donor)
    assert [line.partition(":")[0] for line in body.splitlines()] == ["phone"]
