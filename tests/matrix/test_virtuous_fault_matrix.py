"""Whatever breaks, at whatever call: each gift lands once and is reversed once, each edit arrives and is told once.

The answer to a write that Virtuous or RaiseDonors cannot tell from its repeat is always lost; of all other cells some
are run. With MATRIX=all in the environment every call meets every fault.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from giftbridge.flows.contact_donors import ContactDonors
from giftbridge.flows.virtuous_refunds import VirtuousRefunds
from tests.matrix.contact_scenarios import INWARD
from tests.matrix.interception import Fault
from tests.matrix.test_fault_matrix import not_landed, replaced
from tests.matrix.virtuous_cells import calls_of, run_cell
from tests.matrix.virtuous_scenarios import OUTWARD, PROJECTS

SCENARIOS = {scenario.name: scenario for scenario in (*OUTWARD, *INWARD, *PROJECTS)}
# What every scenario repeats: the first one breaks each of these calls, the others none.
REPEATED = (
    "dynamodb.PutItem(State",
    "dynamodb.DeleteItem(State",
    "dynamodb.UpdateItem(Deliveries",
    "sqs.",
    "raisedonors.queryGifts",
    "raisedonors.queryDonors",
    "virtuous.queryFullContacts",
)
# Writes that are made twice where nobody looks before the second one: each meets a lost answer.
NOT_REPEATABLE = ("virtuous.reverseGift 1", "raisedonors.createDonor 1", "virtuous.createProject 1")
IS_WHOLE = os.environ.get("MATRIX") == "all"
# Each scenario's sample begins at another fault.
STRIDE, BEGIN = 331, 13


def watched_calls(name: str) -> list[str]:
    """The calls of a scenario to break: all of the first one's, and of the others all that are its own."""
    calls, is_first = calls_of(SCENARIOS[name]), name == next(iter(SCENARIOS))
    return [call for call in calls if is_first or not call.startswith(REPEATED)]


def cells_of(name: str) -> list[tuple[str, Fault]]:
    """The cells of a scenario to run, call by call."""
    every = [(call, fault) for call in watched_calls(name) for fault in Fault]
    begin, stride = (0, 1) if IS_WHOLE else (BEGIN * (1 + list(SCENARIOS).index(name)), STRIDE)
    sample = every[begin::stride]
    hidden = [cell for cell in every if cell[0] in NOT_REPEATABLE and cell[1] is Fault.ANSWER_LOST]
    return list(dict.fromkeys([*sample, *hidden]))


@pytest.mark.timeout(7200 if IS_WHOLE else 400)
@pytest.mark.parametrize("name", list(SCENARIOS))
def test_every_call_and_write_survives_the_fault(name: str, record_property: Callable[[str, object], None]) -> None:
    judged = {(call, fault): run_cell(SCENARIOS[name], call, fault) for call, fault in cells_of(name)}

    # The table at the end of the run is made of these.
    for fault in Fault:
        rows = [(call, not problems) for (call, met), problems in judged.items() if met is fault]
        record_property("fault matrix", (name, fault.value, rows))
    assert judged
    assert not any(judged.values()), {cell: problems for cell, problems in judged.items() if problems}


@pytest.mark.parametrize(
    ("flow", "part", "scenario", "call", "sign"),
    [
        (VirtuousRefunds, "probe", "13 refunds, one of a held gift", "virtuous.reverseGift 1", "is reversed by"),
        (ContactDonors, "probe_creation", "16 second person of a contact", "raisedonors.createDonor 1", "2 donors"),
    ],
)
def test_without_its_probe_the_matrix_shows_the_doubling(
    flow: type, part: str, scenario: str, call: str, sign: str
) -> None:
    with replaced(flow, part, not_landed):
        problems = run_cell(SCENARIOS[scenario], call, Fault.ANSWER_LOST)

    assert any(sign in problem for problem in problems), problems
