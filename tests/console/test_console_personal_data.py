"""What tells of a person is hidden until somebody looks, who is then written down."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from ops.console.story_lines import shaped
from tests.command.desk import Desk, desk
from tests.console.browsing import browser
from tests.console.filled import NEW_NAME, edit


@dataclass
class Edited:
    """A desk with a donor whose first name was edited after a first gift, and another donor."""

    at: Desk
    donor: int
    other: int


@pytest.fixture(scope="module")
def edited() -> Iterator[Edited]:
    """One desk for all tests that only look."""
    with desk() as at:
        at.connect_both()
        donors = [at.bench.population.make_donor("new_person") for _ in range(2)]
        for donor in donors:
            at.bench.give(donor=donor)
        at.bench.run(2)
        edit(at, donors[0].donor_id, firstName=NEW_NAME)
        at.bench.run(2)
        yield Edited(at, donors[0].donor_id, donors[1].donor_id)


def revealed(at: Desk, donor: int) -> list[str]:
    """Who looked at a donor's data, as the activity tells it."""
    lines = at.json("activity", "--donor", str(donor))["activity"]
    return [line["who"] for line in lines if line["what"] == "revealed"]


def test_a_donors_details_show_after_a_reveal_that_the_activity_tells_of(edited: Edited) -> None:
    path, count = f"/donor/{edited.donor}", len(revealed(edited.at, edited.donor))
    with browser(edited.at) as page, browser(edited.at) as other:
        before = page.get(path)
        after = page.press(before, "/reveal")

        assert NEW_NAME not in before.text
        assert "hidden" in before.words
        assert NEW_NAME in after.words
        assert "shown until" in after.words
        assert NEW_NAME not in other.get(path).text
    assert revealed(edited.at, edited.donor)[count:] == ["user/moto"]
    # The field that changed is told either way, its values once revealed.
    assert "FirstName •••••• hidden → •••••• hidden" in before.words
    assert re.search(rf"FirstName (?!{NEW_NAME})\w+ → {NEW_NAME} ", after.words)


def test_of_a_conflict_the_winner_shows_and_what_the_loser_said_is_hidden() -> None:
    line = shaped(
        {
            "entity": "donor#41",
            "at": "2026-03-02T14:31:00.000000Z",
            "what": "delivered",
            "why": "brought to RaiseDonors",
            "who": "giftbridge",
            "delivery": "raisedonors/contact/7/updated",
            "details": {
                "contact": "7",
                "individual": "Wilhelmina",
                "changes": [{"field": "city", "old": None, "new": "Boulder"}],
                "conflicts": [{"field": "name", "winner": "virtuous", "lost": "Will"}],
            },
        }
    )

    assert [(fact.name, fact.is_personal) for fact in line.facts] == [("contact", False), ("individual", True)]
    assert [(diff.field, diff.old, diff.new, diff.winner, diff.lost) for diff in line.diffs] == [
        ("city", "(empty)", "Boulder", "", ""),
        ("name", "", "", "virtuous", "Will"),
    ]
    assert (line.donor, line.system, line.is_by_person, line.has_personal) == (41, "raisedonors", False, True)


def test_what_was_revealed_is_hidden_again_after_ten_minutes(edited: Edited) -> None:
    with browser(edited.at) as page:
        page.press(f"/donor/{edited.donor}", "/reveal")
        edited.at.bench.clock.advance(599)
        shown = page.get("/activity")
        edited.at.bench.clock.advance(2)
        hidden = page.get("/activity")

    assert NEW_NAME in shown.text
    assert NEW_NAME not in hidden.text


def test_one_donors_reveal_shows_nothing_of_another_and_no_list_shows_a_name(edited: Edited) -> None:
    with browser(edited.at) as page:
        page.press(f"/donor/{edited.other}", "/reveal")
        for path in (f"/donor/{edited.donor}", "/", "/deliveries", "/activity", "/failures"):
            assert NEW_NAME not in page.get(path).text, path


def test_what_a_search_finds_has_initials_until_it_is_revealed(edited: Edited) -> None:
    with browser(edited.at) as page:
        before = page.get(f"/find?q={NEW_NAME}")
        after = page.press(before, "/reveal")

    assert f"donor {edited.donor}" in before.words
    assert NEW_NAME not in before.words
    assert "W••• " in before.words
    assert f'<span class="private">{NEW_NAME} ' in after.text


def test_only_a_donor_or_a_delivery_can_be_revealed(edited: Edited) -> None:
    count = [len(revealed(edited.at, donor)) for donor in (edited.donor, edited.other)]
    with browser(edited.at) as page:
        token = page.get("/").form("/pickup").fields[0][1]
        for entity in ("", "settings", "donor#x", "donor#1\n", "delivery#../x", "notices#waiting", "donor#" + "9" * 40):
            assert page.post("/reveal", {"csrf": token, "entity": entity}).status == 400
        assert page.post("/reveal", [("csrf", token)] + [("entity", f"donor#{n}") for n in range(51)]).status == 400
    assert [len(revealed(edited.at, donor)) for donor in (edited.donor, edited.other)] == count
