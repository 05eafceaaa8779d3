"""Whatever one of the three systems answers in place of what its contract requires: nothing is lost, nothing doubled.

The answers are made from the contracts: every required member missing, null and of another type, counts that contradict
the rows, ids that are none, error objects, pages for people's eyes, halves of an answer. They are given at the first
call of an operation and when a lost write is looked for, once and three times in a row. Some are drawn by a fixed seed;
with MATRIX=all in the environment all are played.
"""

from __future__ import annotations

import os
import random
import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.boundary.answer_shapes import SYSTEMS, shapes
from tests.boundary.cells import Cell, all_cells, run

IS_WHOLE = os.environ.get("MATRIX") == "all"
SEED = 10
GROUPS = 3
# In a normal run, of every so many operations one is played; the seed may be moved to draw others.
STRIDE = 1
# These are called where people work, not in the flows that are played here: `connect` and the search of the console.
CALLED_ELSEWHERE = {"issueToken", "createWebhook", "getWebhook", "replaceWebhook", "getOrganization", "listGifts"}
CLIENTS = Path(__file__).resolve().parents[2] / "layers" / "shared" / "python" / "giftbridge" / "clients"


# What once ended wrong is played each time.
ONCE_RED = (
    "raisedonors.getProject at the first call, 18 projects: name of another type in the record, 3 in a row",
    "raisedonors.getRecurringGift at the first call, 8 schedule changed, no pledge: projects missing in the record, "
    "3 in a row",
    "raisedonors.listDonorActivity at the first call, 11 note: createdDate null in a row, 3 in a row",
    "raisedonors.listDonorActivity at the first call, 11 note: subject null in a row, 3 in a row",
    "raisedonors.listDonorActivity when a landed write is looked for (raisedonors.addDonorActivity), 15 contact "
    "edited: subject null in a row, 3 in a row",
    "raisedonors.listDonorActivity when a landed write is looked for (raisedonors.addDonorActivity), 15 contact "
    "edited: type missing in a row, 3 in a row",
    "raisedonors.queryGifts at the first call, backfill: createdDate null in a row, 3 in a row",
    "raisedonors.queryGifts at the first call, backfill: donorId of another type in a row, 3 in a row",
    "raisedonors.queryRecurringGifts at the first call, 8 schedule changed, no pledge: frequency null in a row, "
    "3 in a row",
    "virtuous.queryProjects when a landed write is looked for (virtuous.createProject), 18 projects: name null in a "
    "row, 3 in a row",
)


def drawn(system: str) -> dict[str, list[Cell]]:
    """The cells to play, by operation: one of some, or all of all."""
    found: dict[str, list[Cell]] = defaultdict(list)
    for cell in all_cells():
        if cell.play.system == system:
            found[cell.play.operation].append(cell)
    chance = random.Random(SEED)
    if IS_WHOLE:
        return found
    return {name: [chance.choice(cells)] for n, (name, cells) in enumerate(found.items()) if (n + SEED) % STRIDE == 0}


@pytest.mark.timeout(7200 if IS_WHOLE else 120)
@pytest.mark.parametrize("group", range(GROUPS))
@pytest.mark.parametrize("system", SYSTEMS)
def test_no_odd_answer_loses_doubles_or_fails_anything(
    system: str, group: int, record_property: Callable[[str, object], None]
) -> None:
    chosen = list(drawn(system).items())[group::GROUPS]

    wrong: dict[str, list[str]] = {}
    for operation, cells in chosen:
        judged = {cell.name: run(cell) for cell in cells}
        red = {name: problems for name, problems in judged.items() if problems}
        record_property("odd answers", (f"{system}.{operation}", len(judged), len(red)))
        wrong |= red

    assert chosen
    assert wrong == {}


@pytest.mark.parametrize("name", ONCE_RED)
def test_an_odd_answer_that_once_did_harm_does_none_now(name: str) -> None:
    [cell] = [cell for cell in all_cells() if cell.name == name]

    assert run(cell) == []


def test_every_operation_that_a_client_calls_is_played() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in CLIENTS.glob("*.py"))
    named = set(re.findall(r'"([a-z][A-Za-z]+)"', text))
    called = {operation for _, operation in shapes() if operation in named}

    played = {cell.play.operation for cell in all_cells()}

    assert called - played == CALLED_ELSEWHERE
