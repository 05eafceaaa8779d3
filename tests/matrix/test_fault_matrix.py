"""Whatever breaks, at whatever call: exactly once, right cents, one partner, one pledge, keys stored, reasons told."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

import pytest

from giftbridge.flows.aegis_delivery import AegisDelivery
from giftbridge.flows.aegis_probes import AegisProbes
from giftbridge.flows.work import Work
from tests.matrix.interception import Fault
from tests.matrix.scenarios import SCENARIOS, calls_of, run_cell

Cell = tuple[str, str, str]


def judge(cell: Cell) -> tuple[Cell, list[str]]:
    """Run one cell in whatever process."""
    scenario, call, fault = cell
    return cell, run_cell(SCENARIOS[scenario], call, Fault(fault))


@pytest.mark.timeout(600)
def test_every_call_and_write_survives_every_fault(capsys: pytest.CaptureFixture[str]) -> None:
    cells = [(n, call, f.value) for n, scenario in SCENARIOS.items() for call in calls_of(scenario) for f in Fault]
    with ProcessPoolExecutor(os.cpu_count() or 2) as pool:
        judged = list(pool.map(judge, cells, chunksize=8))

    wrong = [f"{' | '.join(cell)}: {'; '.join(problems)}" for cell, problems in judged if problems]
    with capsys.disabled():
        print(table(judged))
    assert not wrong, "\n".join(wrong)


def table(judged: list[tuple[Cell, list[str]]]) -> str:
    """Calls down, faults across; a dot is exactly once, an X is not."""
    rows: dict[tuple[str, str], list[str]] = defaultdict(list)
    for (scenario, call, _), problems in judged:
        rows[scenario, call].append("X" if problems else ".")
    lines = [f"  {''.join(marks)}  {scenario}: {call}" for (scenario, call), marks in rows.items()]
    heads = ", ".join(fault.value for fault in Fault)
    return "\n".join([f"\nfault matrix: {len(rows)} calls x {len(Fault)} faults ({heads})", *lines])


def test_a_new_call_joins_the_matrix_by_itself() -> None:
    carry = AegisDelivery.carry

    def carry_with_one_more_call(self: AegisDelivery, work: Work) -> None:
        self.aegis.partner("100001")
        carry(self, work)

    with replaced(AegisDelivery, "carry", carry_with_one_more_call):
        calls = calls_of(SCENARIOS["later instance, two gifts"])

    assert "aegis.getPartner 1" in calls
    assert "aegis.getPartner 1" not in calls_of(SCENARIOS["later instance, two gifts"])


@pytest.mark.parametrize(
    ("scenario", "call"),
    [
        ("new donor, new schedule", "aegis.createTransaction 1"),
        ("new donor, new schedule", "aegis.createPledge 1"),
        ("new donor, new schedule", "aegis.createPartner 1"),
    ],
)
def test_without_its_probe_the_matrix_shows_the_doubling(scenario: str, call: str) -> None:
    def see_nothing(self: AegisProbes, work: Work) -> None:
        return None

    with replaced(AegisProbes, "look", see_nothing):
        # Without the look before the second send, a partner is still found by matching.
        problems = run_cell(SCENARIOS[scenario], call, Fault.ANSWER_LOST)

    assert bool(problems) is (call != "aegis.createPartner 1"), problems


@contextmanager
def replaced(owner: type, name: str, broken: object) -> Iterator[None]:
    """The product with one part broken on purpose."""
    whole = getattr(owner, name)
    setattr(owner, name, broken)
    try:
        yield
    finally:
        setattr(owner, name, whole)
