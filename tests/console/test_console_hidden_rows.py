"""Rows for the import tool and both sides of a case hide whom they are about until it is revealed."""

from __future__ import annotations

from giftbridge.domain.deliveries import State
from giftbridge.domain.delivery_ids import donation_created_id
from tests.command.desk import Desk
from tests.console.browsing import browser


def test_a_row_for_the_import_tool_shows_once_revealed(trio: Desk) -> None:
    donor = trio.bench.population.make_donor("new_person")
    gift = trio.bench.give(donor=donor)
    trio.bench.run()
    trio.both.batch()
    name = donation_created_id(gift, "virtuous")
    assert donor.person.last_name in trio.both.delivery(name).row
    with browser(trio) as page:
        before = page.get(f"/delivery/{name}")
        after = page.press(before, "/reveal")

    assert donor.person.last_name not in before.text
    assert donor.person.last_name in after.text


def test_both_sides_of_a_case_hide_names_but_say_what_agrees(connected: Desk) -> None:
    connected.bench.settings(aegis={"on_several_matches": "review"})
    donor = connected.bench.population.make_donor("several_matches")
    gift = connected.bench.give(donor=donor)
    connected.bench.run()
    assert connected.bench.delivery(gift).state is State.FAILED
    with browser(connected) as page:
        before = page.get(f"/case/{donation_created_id(gift)}")
        after = page.press(before, "/reveal")

    assert donor.person.last_name not in before.text
    assert "agrees" in before.words
    assert donor.person.last_name in after.text
