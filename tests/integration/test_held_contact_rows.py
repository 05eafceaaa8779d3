"""A row that the import tool holds says what the donor was like: that undoes no edit made meanwhile (E6)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.domain.delivery_ids import RAISEDONORS
from tests.convergence.pair import PHONES, Pair
from tests.virtuous_bench import HOME, VirtuousBench, virtuous_bench

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


def outdated_row_landed(both: VirtuousBench) -> Pair:
    """A pair: Virtuous has phone B again, of a row that was held while both sides came to say C."""
    pair = Pair(both, "newest")
    pair.on_raisedonors(phone=PHONES["B"])
    pair.hand_over()
    pair.in_virtuous(phone=PHONES["C"])
    pair.look()
    pair.import_rows()
    assert pair.said("phone") == (PHONES["C"], PHONES["B"])
    return pair


def test_what_an_outdated_row_undid_is_sent_again(both: VirtuousBench) -> None:
    pair = outdated_row_landed(both)

    pair.end()

    assert pair.said("phone") == (PHONES["C"], PHONES["C"])
    assert pair.rows("phone") == [PHONES["B"], PHONES["C"]]


def test_an_edit_in_place_of_what_an_outdated_row_undid_needs_no_row(both: VirtuousBench) -> None:
    pair = outdated_row_landed(both)
    pair.in_virtuous(phone=PHONES["D"])
    pair.look()

    pair.end()

    assert pair.said("phone") == (PHONES["D"], PHONES["D"])
    assert pair.rows("phone") == [PHONES["B"]]


def test_an_edit_back_to_what_an_outdated_row_said_arrives(both: VirtuousBench) -> None:
    pair = outdated_row_landed(both)
    pair.in_virtuous(phone=PHONES["D"])
    pair.look()
    pair.in_virtuous(phone=PHONES["B"])
    pair.look()

    assert pair.said("phone") == (PHONES["B"], PHONES["B"])
    pair.end()
    assert pair.said("phone") == (PHONES["B"], PHONES["B"])


def test_no_row_goes_for_the_sake_of_an_outdated_one_alone(both: VirtuousBench) -> None:
    pair = Pair(both, "newest")
    pair.on_raisedonors(phone=PHONES["B"])
    pair.hand_over()
    pair.in_virtuous(phone=PHONES["C"])
    pair.look()
    pair.on_raisedonors(phone=PHONES["D"])
    pair.pickup()
    pair.in_virtuous(phone=PHONES["D"])
    pair.look()

    both.batch()

    assert pair.rows("phone") == [PHONES["B"]]
    pair.import_rows()
    pair.end()
    assert pair.said("phone") == (PHONES["D"], PHONES["D"])


def test_a_row_of_which_a_person_typed_one_value_too_is_still_held(both: VirtuousBench) -> None:
    pair = Pair(both, "newest")
    pair.on_raisedonors(phone=PHONES["B"], lastName="Boyd")
    pair.hand_over()
    pair.in_virtuous(lastName="Boyd")
    pair.look()
    pair.in_virtuous(phone=PHONES["C"])
    pair.look()
    assert pair.said("phone") == (PHONES["C"], PHONES["C"])

    pair.import_rows()

    assert pair.said("phone") == (PHONES["C"], PHONES["B"])
    pair.end()
    assert pair.said("phone") == (PHONES["C"], PHONES["C"])


@pytest.mark.parametrize("is_known", [True, False])
def test_a_second_row_that_repeats_the_first_has_not_landed_with_it(both: VirtuousBench, is_known: bool) -> None:
    pair = Pair(both, "newest", is_known=is_known)
    pair.on_raisedonors(primaryAddress={**HOME, "address1": "8 Hill St", "countryString": "USA"})
    pair.hand_over()
    pair.on_raisedonors(lastName="Boyd")
    pair.hand_over()
    first = min(row.number for row in both.virtuous.store.rows)
    pair.import_rows(lambda row: row.number == first)
    pair.in_virtuous(address={**HOME, "address1": "9 Lake Ave"})
    pair.look()
    assert pair.rows("address1") == ["8 Hill St", "8 Hill St"]
    assert pair.streets() == ("9 Lake Ave", "9 Lake Ave")

    pair.import_rows()

    assert pair.streets() == ("9 Lake Ave", "8 Hill St")
    pair.end()
    assert pair.streets() == ("9 Lake Ave", "9 Lake Ave")
    assert pair.said("lastName") == ("Boyd", "Boyd")


def test_an_edit_that_arrives_while_a_row_is_being_made_is_not_taken_back_by_it(both: VirtuousBench) -> None:
    pair = Pair(both, "newest")
    pair.on_raisedonors(phone=PHONES["B"])
    pair.pickup()
    reads: list[str] = []

    def around(request: requests.PreparedRequest, send: Callable[[], Any]) -> Any:
        answer = send()
        if request.method == "GET" and request.path_url.endswith(f"/{pair.donor_id}"):
            reads.append(request.path_url)
            if len(reads) == 1:
                pair.in_virtuous(phone=PHONES["C"])
                both.virtuous.sender.deliver_due(both.post)
                while both.work(RAISEDONORS) is not None:
                    pass
        return answer

    both.bench.adapters[RAISEDONORS].around = around
    both.batch()

    assert len(reads) > 1
    assert pair.said("phone") == (PHONES["C"], PHONES["C"])
    assert PHONES["B"] not in pair.rows("phone")


def test_an_edit_back_in_a_contact_that_a_row_made_and_nobody_read_arrives(both: VirtuousBench) -> None:
    pair = Pair(both, "newest", is_known=False)
    pair.on_raisedonors(phone=PHONES["B"], lastName="Boyd")
    pair.hand_over()
    both.virtuous.run_import()
    pair.in_virtuous(phone=PHONES["A"])
    pair.look()

    assert pair.said("phone") == (PHONES["A"], PHONES["A"])
    assert [(one["winner"], one["lost"]) for one in pair.conflicts()] == [("virtuous", "+12055550101")]
    pair.end()
    assert pair.said("phone") == (PHONES["A"], PHONES["A"])
    assert pair.said("lastName") == ("Boyd", "Boyd")


def test_a_contact_that_says_what_the_donor_was_like_before_was_not_made_by_the_row(both: VirtuousBench) -> None:
    pair = Pair(both, "newest", is_known=False)
    pair.on_raisedonors(phone=PHONES["B"])
    pair.hand_over()
    person = {"firstName": "Ada", "lastName": "Ames", "email": "ada@example.org", "phone": PHONES["A"]}
    both.link(pair.donor_id, contactIndividuals=[person])
    pair.look()
    assert pair.said("phone") == (PHONES["B"], PHONES["A"])

    pair.import_rows()

    assert pair.said("phone") == (PHONES["B"], PHONES["B"])
    assert pair.conflicts() == []


def test_an_outdated_row_that_landed_with_a_further_edit_is_undone_too(both: VirtuousBench) -> None:
    pair = Pair(both, "newest")
    pair.on_raisedonors(phone=PHONES["B"], lastName="Boyd")
    pair.hand_over()
    pair.in_virtuous(phone=PHONES["C"], lastName="Cole")
    pair.look()
    both.virtuous.run_import()
    pair.in_virtuous(lastName="Dorr")
    pair.look()
    assert pair.said("phone") == (PHONES["C"], PHONES["B"])
    assert pair.said("lastName") == ("Dorr", "Dorr")

    pair.end()

    assert pair.said("phone") == (PHONES["C"], PHONES["C"])
    assert pair.said("lastName") == ("Dorr", "Dorr")


def test_a_value_that_a_person_typed_before_the_row_with_it_was_sent_is_not_that_row(both: VirtuousBench) -> None:
    pair = Pair(both, "newest")
    pair.on_raisedonors(phone=PHONES["B"])
    pair.hand_over()
    first = min(row.number for row in both.virtuous.store.rows)
    pair.in_virtuous(phone=PHONES["D"])
    pair.on_raisedonors(phone=PHONES["D"])
    pair.hand_over()
    assert pair.rows("phone") == [PHONES["B"], PHONES["D"]]
    pair.look()

    pair.import_rows(lambda row: row.number == first)

    assert pair.said("phone") == (PHONES["D"], PHONES["B"])
    pair.end()
    assert pair.said("phone") == (PHONES["D"], PHONES["D"])
    assert pair.conflicts() == []
