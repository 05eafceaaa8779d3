"""Whatever breaks, at whatever call: exactly once, right cents, one partner, one pledge, keys stored, reasons told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from giftbridge.flows.aegis_delivery import AegisDelivery
from giftbridge.flows.aegis_probes import AegisProbes
from giftbridge.flows.work import Work
from tests.matrix.interception import Fault
from tests.matrix.scenarios import SCENARIOS, calls_of, run_cell


def watched_calls(name: str) -> list[str]:
    """The calls of a scenario to break: all of the first one's, and of the others what is new or writes to Aegis."""
    before = {bare(call) for earlier in SCENARIOS if earlier < name for call in calls_of(SCENARIOS[earlier])}
    return [call for call in calls_of(SCENARIOS[name]) if bare(call) not in before or call.startswith(ALWAYS)]


def bare(call: str) -> str:
    """A call's name without its ordinal."""
    return call.rsplit(" ", 1)[0]


ALWAYS = ("aegis.create", "dynamodb.TransactWriteItems(CrmKeys")


@pytest.mark.timeout(400)
@pytest.mark.parametrize("fault", list(Fault))
@pytest.mark.parametrize("name", list(SCENARIOS))
def test_every_call_and_write_survives_the_fault(
    name: str, fault: Fault, record_property: Callable[[str, object], None]
) -> None:
    calls = watched_calls(name)

    judged = {call: run_cell(SCENARIOS[name], call, fault) for call in calls}

    # The table at the end of the run is made of these.
    record_property("fault matrix", (name, fault.value, [(call, not problems) for call, problems in judged.items()]))
    assert not any(judged.values()), {call: problems for call, problems in judged.items() if problems}


def test_a_new_call_joins_the_matrix_by_itself() -> None:
    carry = AegisDelivery.carry

    def carry_with_one_more_call(self: AegisDelivery, work: Work) -> None:
        self.aegis.partner("100001")
        carry(self, work)

    with replaced(AegisDelivery, "carry", carry_with_one_more_call):
        calls = calls_of(SCENARIOS["2 later instance, two gifts"])

    assert "aegis.getPartner 1" in calls
    assert "aegis.getPartner 1" not in calls_of(SCENARIOS["2 later instance, two gifts"])


@pytest.mark.parametrize(
    ("scenario", "call"),
    [
        ("1 new donor, new schedule", "aegis.createTransaction 1"),
        ("1 new donor, new schedule", "aegis.createPledge 1"),
        ("1 new donor, new schedule", "aegis.createPartner 1"),
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
