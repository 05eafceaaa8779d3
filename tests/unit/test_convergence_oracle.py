"""What the oracle of the interleavings takes for a thing that nobody outside can tell (requirements D3, E6)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

from ops.simulators.raisedonors_time import TICKS_PER_SECOND
from tests.convergence.judging import is_kept_empty
from tests.convergence.looking import ADDRESS, PHONE, Subject
from tests.convergence.oracle import RAISEDONORS, VIRTUOUS, HandedRow, Oracle
from tests.convergence.play import Play

ADA, BO = Subject(1), Subject(2)
SAID = {"first name": "Ada", "last name": "Ames", ADDRESS: "7 Quay Rd", PHONE: "2055550100"}
NOTHING = dict.fromkeys(SAID, "")
SENT_AT = 100 * TICKS_PER_SECOND


def oracle_with(*rows: HandedRow) -> Oracle:
    """Two donors of one contact, and rows that the import tool holds."""
    oracle = Oracle(rows=list(rows), step=1)
    for subject in (ADA, BO):
        oracle.begins(subject, SAID, SAID)
    return oracle


def test_a_row_whose_address_the_row_of_another_of_the_household_replaced_shows_no_more() -> None:
    first, second = (
        HandedRow(1, 0, {**NOTHING, ADDRESS: "8 Hill St"}),
        HandedRow(2, 0, {**NOTHING, ADDRESS: "9 Lake Ave"}),
    )
    oracle = oracle_with(first, second)

    oracle.landed(first, [BO])
    oracle.landed(second, [ADA])

    assert (first.is_hidden, second.is_hidden) == (True, False)


def looked_at(modified: int) -> tuple[Oracle, HandedRow]:
    """A held row with a phone that a person typed too, seen in a contact of this time; then an edit, and the import."""
    row = HandedRow(1, 0, {**NOTHING, PHONE: "2055550101"}, handed_at=SENT_AT)
    oracle = oracle_with(row)
    there = {**SAID, PHONE: "2055550101"}
    oracle.edited(VIRTUOUS, ADA, PHONE, "2055550101")
    oracle.looks(7, {1: (there, there)}, {1: RAISEDONORS}, RAISEDONORS)
    oracle.sees_rows(7, 1, there, modified)
    oracle.recorded(7)
    oracle.step += 1
    oracle.edited(VIRTUOUS, ADA, PHONE, "2055550102")
    oracle.landed(row, [])
    return oracle, row


def test_a_held_row_of_which_a_person_typed_all_cannot_be_told_when_it_lands() -> None:
    oracle, row = looked_at(SENT_AT + TICKS_PER_SECOND)

    assert row.looked_landed
    assert list(oracle.untellable) == [(1, PHONE)]


def test_what_a_person_typed_before_the_row_with_it_was_sent_can_be_told() -> None:
    oracle, row = looked_at(SENT_AT - 2 * TICKS_PER_SECOND)

    assert not row.looked_landed
    assert oracle.untellable == {}


def emptied_and_then(*values: str) -> bool:
    """Whether the other side may keep its phone after RaiseDonors' was taken away and these were typed in Virtuous."""
    oracle = oracle_with()
    oracle.edited(RAISEDONORS, ADA, PHONE, "")
    for value in values:
        oracle.step += 1
        oracle.edited(VIRTUOUS, ADA, PHONE, value)
    return is_kept_empty(cast(Play, SimpleNamespace(oracle=oracle)), (1, PHONE), "", values[-1])


def test_a_phone_that_was_edited_and_edited_back_unread_is_as_it_was_when_the_other_was_taken_away() -> None:
    assert emptied_and_then("2055550103", SAID[PHONE])
    assert not emptied_and_then("2055550103")


def test_a_conflict_cannot_be_told_if_what_was_written_for_it_is_replaced_before_the_next_look() -> None:
    oracle = oracle_with()
    theirs = {**SAID, PHONE: "2055550102"}
    oracle.edited(RAISEDONORS, ADA, PHONE, "2055550101")
    oracle.edited(VIRTUOUS, ADA, PHONE, "2055550102")
    oracle.looks(7, {1: ({**SAID, PHONE: "2055550101"}, theirs)}, {1: VIRTUOUS}, VIRTUOUS)
    oracle.died({1: theirs})
    assert oracle.untellable == {}

    oracle.edited(RAISEDONORS, ADA, PHONE, "2055550103")

    assert list(oracle.untellable) == [(1, PHONE)]
