"""Both sides of a two-way sync come to say the same, whatever happens in which order (requirements D5, E6, R1).

Short tests of single stories first; then interleavings made by chance, of which each seed replays exactly. With
INTERLEAVINGS=all in the environment 500 are run.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence

import pytest

from giftbridge.domain.agreed import Fields
from giftbridge.flows.contact_donors import LinkedDonor
from giftbridge.flows.contact_writes import ContactWrites
from tests.convergence.judging import fate_of, judged
from tests.convergence.pair import PHONES, Pair
from tests.convergence.staging import played
from tests.convergence.wiretap import ProcessDied
from tests.virtuous_bench import virtuous_bench

WINNERS = ("newest", "raisedonors", "virtuous")
SEEDS = range(500 if os.environ.get("INTERLEAVINGS") == "all" else 4)


@pytest.fixture
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """A pair under a setting for conflicts."""
    with virtuous_bench() as tested:
        yield Pair(tested, getattr(request, "param", "newest"))


raisedonors_wins = pytest.mark.parametrize("pair", ["raisedonors"], indirect=True)
virtuous_wins = pytest.mark.parametrize("pair", ["virtuous"], indirect=True)


@raisedonors_wins
def test_an_edit_back_after_a_conflict_that_raisedonors_won_travels(pair: Pair) -> None:
    pair.on_raisedonors(phone=PHONES["B"])
    pair.in_virtuous(phone=PHONES["C"])
    pair.look()
    pair.on_raisedonors(phone=PHONES["A"])
    pair.end()
    assert pair.said("phone") == (PHONES["A"], PHONES["A"])
    assert [one["winner"] for one in pair.conflicts()] == ["raisedonors"]


def test_a_name_that_a_held_row_only_carries_along_is_no_edit_when_it_lands(pair: Pair) -> None:
    pair.on_raisedonors(phone=PHONES["B"])
    pair.hand_over()
    pair.in_virtuous(lastName="Boyd")
    pair.look()
    assert pair.said("lastName") == ("Boyd", "Boyd")
    pair.import_rows()
    pair.end()
    assert pair.said("lastName") == ("Boyd", "Boyd")
    assert pair.said("phone") == (PHONES["B"], PHONES["B"])


@raisedonors_wins
def test_an_edit_on_top_of_an_outdated_row_that_landed_is_no_conflict(pair: Pair) -> None:
    pair.on_raisedonors(phone=PHONES["B"])
    pair.hand_over()
    pair.on_raisedonors(phone=PHONES["A"])
    pair.pickup()
    pair.in_virtuous(phone=PHONES["C"])
    pair.look()
    assert pair.said("phone") == (PHONES["C"], PHONES["C"])
    pair.import_rows()
    assert pair.said("phone") == (PHONES["C"], PHONES["B"])
    pair.in_virtuous(phone=PHONES["D"])
    pair.look()
    assert pair.conflicts() == []
    pair.end()
    assert pair.said("phone") == (PHONES["D"], PHONES["D"])


@virtuous_wins
def test_a_conflict_is_told_of_though_the_process_dies_after_its_first_write(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply = ContactWrites.apply

    def dies_after(writes: ContactWrites, linked: LinkedDonor, theirs: Fields, groups: Sequence[str]) -> None:
        apply(writes, linked, theirs, groups)
        raise ProcessDied

    pair.on_raisedonors(phone=PHONES["B"])
    pair.in_virtuous(phone=PHONES["C"])
    with monkeypatch.context() as patch, pytest.raises(ProcessDied):
        patch.setattr(ContactWrites, "apply", dies_after)
        pair.look()
    pair.end()
    assert pair.conflicts() == [{"field": "phone", "winner": "virtuous", "lost": "+12055550101"}]
    assert pair.said("phone") == (PHONES["C"], PHONES["C"])


@pytest.mark.timeout(7200 if len(SEEDS) > 4 else 120)
def test_both_sides_say_the_same_in_the_end_whatever_happens_in_which_order(capsys: pytest.CaptureFixture[str]) -> None:
    told: Counter[str] = Counter()
    wrong: dict[str, list[str]] = {}
    for seed in SEEDS:
        setting = WINNERS[seed % len(WINNERS)]
        with played(seed, setting) as play:
            found = judged(play)
            if found:
                wrong[f"seed {seed}, {setting} wins"] = [*found, *play.story]
            told.update(f"edit {fate_of(play, edit)}" for edit in play.oracle.edits)
            told.update({"conflicts decided": len(play.decided), "conflicts expected": len(play.oracle.conflicts)})
            told["interleavings with a field that nobody could tell"] += bool(play.oracle.untellable)
    with capsys.disabled():
        print(f"\n{len(SEEDS)} interleavings: {dict(told)}")
    assert wrong == {}
