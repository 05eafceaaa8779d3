"""What happened before the sync, or while a switch was off, stays; what happened since travels (requirement E8)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from giftbridge.domain.deliveries import State
from giftbridge.domain.delivery_ids import VIRTUOUS, donor_updated_id
from giftbridge.store.switches import enabled_periods
from tests.virtuous_bench import VirtuousBench, virtuous_bench

NEW = {"address1": "12 Elm St", "city": "Reno", "state": "NV", "postal": "89501", "country": "US"}


@pytest.fixture
def both() -> Iterator[VirtuousBench]:
    """A fresh bench."""
    with virtuous_bench() as fresh:
        yield fresh


def new_donor(both: VirtuousBench) -> int:
    """A donor without gifts; their id."""
    return both.bench.population.make_donor("new_person", gives=False).donor_id


def lose_webhooks(both: VirtuousBench) -> None:
    """Nobody hears what Virtuous tells."""
    both.virtuous.sender.deliver_due(lambda *_: 200)


def street(both: VirtuousBench, donor: int) -> str:
    """The street of a donor's primary address."""
    return str(next(one["address1"] for one in both.donor(donor)["donorAddresses"] if one["isPrimary"]))


def phone(both: VirtuousBench, donor: int) -> str:
    """A donor's primary phone."""
    return str(next(one["value"] for one in both.donor(donor)["donorPhoneNumbers"] if one["isPrimary"]))


def rename(both: VirtuousBench, donor: int, first_name: str) -> None:
    """Somebody edits the donor on RaiseDonors; some seconds pass."""
    both.bench.raisedonors.store.edit("donor", donor, {"firstName": first_name})
    both.bench.clock.advance(10)


def walk_feeds(both: VirtuousBench, hours: int = 3) -> None:
    """Pickups, an hour apart."""
    for _ in range(hours):
        both.bench.pickup()
        both.bench.clock.advance(3600)


def test_a_contact_edited_while_the_switch_was_off_is_not_brought_later(both: VirtuousBench) -> None:
    donor = new_donor(both)
    contact = both.link(donor).contact_id
    both.settle(2)
    both.net()
    before = street(both, donor)
    both.bench.settings(virtuous={"sync_contacts": False})
    both.virtuous.staff.edit_contact(contact, {"address": NEW})
    both.settle(2)

    both.bench.settings(virtuous={"sync_contacts": True})
    both.net()
    both.settle(2)

    assert street(both, donor) == before


def test_a_donor_edited_while_the_switch_was_off_is_not_undone_by_a_later_edit_of_the_contact(
    both: VirtuousBench,
) -> None:
    donor = new_donor(both)
    contact = both.link(donor).contact_id
    both.settle(2)
    both.bench.settings(virtuous={"sync_contacts": False})
    rename(both, donor, "Edited")
    both.settle(1)
    both.bench.settings(virtuous={"sync_contacts": True})
    both.settle(1)

    both.virtuous.staff.edit_contact(contact, {"individual": {"phone": "404-555-0142"}})
    both.settle(2)

    assert phone(both, donor) == "404-555-0142"
    assert both.donor(donor)["firstName"] == "Edited"


def test_an_edit_made_before_the_donor_was_recorded_travels(both: VirtuousBench) -> None:
    donor = new_donor(both)
    both.link(donor)
    lose_webhooks(both)
    enabled_periods(both.bench.tools.state, VIRTUOUS, both.bench.clock())
    both.bench.clock.advance(30)
    rename(both, donor, "Edited")

    both.settle(2)

    assert both.delivery(donor_updated_id(donor, VIRTUOUS)).state is State.PENDING


def test_donors_known_to_aegis_are_recorded_for_virtuous_when_that_is_switched_on() -> None:
    with virtuous_bench(with_aegis=True) as both:
        both.bench.settings(virtuous={"enabled": False})
        donor = new_donor(both)
        both.link(donor)
        lose_webhooks(both)
        both.bench.pickup()
        both.bench.clock.advance(86400)
        # A younger donor takes the feed past the one in question.
        new_donor(both)
        walk_feeds(both)
        both.bench.settings(virtuous={"enabled": True})
        walk_feeds(both)

        rename(both, donor, "Edited")
        both.bench.pickup()

        found = both.delivery(donor_updated_id(donor, VIRTUOUS))
        assert (found.state, found.is_backfill) == (State.PENDING, False)
