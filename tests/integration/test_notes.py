"""Notes on donors travel only when that is set, and only people's (requirement B4)."""

from __future__ import annotations

from typing import Any

import pytest

from giftbridge.domain.deliveries import Delivery, State
from ops.simulators.faults import FaultKind, FaultRule
from tests.workbench import Workbench


@pytest.fixture
def donor(bench: Workbench) -> int:
    """A donor with a partner."""
    made = bench.population.make_donor("new_person")
    bench.give(donor=made)
    bench.run(ticks=2)
    return made.donor_id


def write(bench: Workbench, donor: int, **more: Any) -> int:
    bench.clock.advance(5)
    members = {
        "donorId": donor,
        "type": "Note",
        "subject": "Call",
        "body": "Asked about missions",
        "source": "Staff",
        **more,
    }
    return bench.raisedonors.store.add("activity", members, created=bench.clock())


def notes(bench: Workbench) -> list[dict[str, Any]]:
    return [dict(note) for note in bench.aegis.store.notes]


def delivery(bench: Workbench, note: int) -> Delivery | None:
    return bench.tools.deliveries.get(f"aegis/note/{note}/created")


def test_notes_are_not_even_asked_for_unless_set(bench: Workbench, donor: int) -> None:
    write(bench, donor)
    bench.run(ticks=2)
    assert notes(bench) == []
    assert "listDonorActivity" not in bench.calls("raisedonors")


def test_a_new_note_becomes_one_note_of_the_partner(bench: Workbench, donor: int) -> None:
    bench.settings(aegis={"send_notes": True})
    written = write(bench, donor)
    bench.run(ticks=3)
    [note] = notes(bench)
    row = bench.tools.keys.get(f"donor#{donor}", "aegis")
    assert row is not None
    assert (note["PartnerID"], note["Subject"], note["Note"]) == (row.key, "Call", "Asked about missions")
    found = delivery(bench, written)
    assert found is not None
    assert found.state is State.DELIVERED


def test_what_was_written_before_and_what_is_our_own_does_not_travel(bench: Workbench, donor: int) -> None:
    before = write(bench, donor)
    bench.clock.advance(1)
    bench.settings(aegis={"send_notes": True})
    ours = write(bench, donor, source="GiftBridge")
    sync = write(bench, donor, type="CrmSync")
    bench.run(ticks=3)
    assert notes(bench) == []
    assert [delivery(bench, note) for note in (before, ours, sync)] == [None, None, None]


def test_a_note_on_a_donor_without_a_partner_is_ignored_with_the_reason(bench: Workbench, donor: int) -> None:
    bench.settings(aegis={"send_notes": True})
    stranger = bench.population.make_donor("new_person", gives=False).donor_id
    written = write(bench, stranger)
    bench.run(ticks=2)
    found = delivery(bench, written)
    assert found is not None
    assert found.trouble is not None
    assert (found.state, found.trouble.cause) == (State.IGNORED, "no-partner")


def test_a_note_whose_answer_was_lost_goes_to_a_person_and_is_not_written_twice(bench: Workbench, donor: int) -> None:
    bench.settings(aegis={"send_notes": True})
    bench.fault("aegis", FaultRule(FaultKind.DROP_AFTER, "createPartnerNote", count=1))
    written = write(bench, donor)
    bench.run(ticks=5)
    assert len(notes(bench)) == 1
    found = delivery(bench, written)
    assert found is not None
    assert found.trouble is not None
    assert (found.state, found.trouble.cause) == (State.FAILED, "note-outcome-unknown")
