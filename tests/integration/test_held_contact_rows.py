"""A row that the import tool holds names the donor as they were: that undoes no rename made meanwhile (E6)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.domain.delivery_ids import RAISEDONORS
from tests.virtuous_bench import VirtuousBench, virtuous_bench

PHONE = "+1 702 555 0199"


@pytest.fixture
def both() -> Iterator[VirtuousBench]:
    """A fresh bench without projects."""
    with virtuous_bench() as fresh:
        fresh.bench.settings(virtuous={"sync_projects": False})
        yield fresh


def renamed_while_held(both: VirtuousBench) -> tuple[int, int, str]:
    """A donor whose new phone is held as a row, and whose contact was renamed since; the ids and the old name."""
    donor = both.bench.population.make_donor("new_person", gives=False).donor_id
    contact = both.link(donor).contact_id
    both.settle(2)
    old = str(both.donor(donor)["lastName"])
    RaiseDonors(both.bench.wire(RAISEDONORS)).put_phone(donor, None, PHONE)
    both.settle(1)
    both.batch()
    assert [(held.row["lastName"], held.row["phone"]) for held in both.virtuous.store.rows] == [(old, PHONE)]
    both.virtuous.staff.edit_contact(contact, {"individual": {"lastName": "Newmarried"}})
    both.settle(2)
    assert both.donor(donor)["lastName"] == "Newmarried"
    return donor, contact, old


def names(both: VirtuousBench, donor: int) -> tuple[str, str]:
    """A donor's last name on either side."""
    return both.donor(donor)["lastName"], both.contact_of(donor).individuals[0]["lastName"]


def test_an_import_that_leaves_names_alone_leaves_the_rename_on_both_sides(both: VirtuousBench) -> None:
    donor, _, _ = renamed_while_held(both)

    both.virtuous.run_import()
    both.settle(2)
    both.day()

    assert names(both, donor) == ("Newmarried", "Newmarried")


def test_an_import_that_takes_the_rows_name_is_put_right_by_the_next(both: VirtuousBench) -> None:
    donor, contact, old = renamed_while_held(both)
    both.virtuous.run_import()
    both.virtuous.staff.edit_contact(contact, {"individual": {"lastName": old}}, by="import")
    both.settle(2)
    assert names(both, donor) == ("Newmarried", old)

    both.day()

    assert names(both, donor) == ("Newmarried", "Newmarried")
