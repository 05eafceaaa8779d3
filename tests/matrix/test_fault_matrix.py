"""Whatever breaks, at whatever call: exactly once, right cents, one partner, one pledge, keys stored, reasons told.

Each sort of write to Aegis meets every fault; every other call meets some of them, its neighbours the others. With
MATRIX=all in the environment every call meets every fault.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import pytest

from giftbridge.flows.aegis_delivery import AegisDelivery
from giftbridge.flows.aegis_donors import AegisDonors
from giftbridge.flows.aegis_notes import AegisNotes
from giftbridge.flows.aegis_probes import AegisProbes
from giftbridge.flows.aegis_schedules import AegisSchedules
from giftbridge.flows.work import Work
from tests.matrix.interception import Fault
from tests.matrix.scenarios import SCENARIOS, calls_of, run_cell


def watched_calls(name: str) -> list[str]:
    """The calls of a scenario to break: all of the first one's, and of the others what is new or writes to Aegis."""
    names = list(SCENARIOS)
    before = {bare(call) for earlier in names[: names.index(name)] for call in unbroken_calls(earlier)}
    return [call for call in unbroken_calls(name) if bare(call) not in before or call.startswith(ALWAYS)]


@cache
def unbroken_calls(name: str) -> list[str]:
    """The calls of a scenario; asked for again and again, and always the same."""
    return calls_of(SCENARIOS[name])


def is_first_of_its_sort(name: str) -> bool:
    """Whether a scenario is the first that makes its sort of write: the others repeat it under other circumstances."""
    return name.split(maxsplit=1)[0] in {"1", "5", "7", "8", "9", "11"}


def is_write(call: str) -> bool:
    """Whether a call can change something in Aegis."""
    return call.startswith(WRITES)


def bare(call: str) -> str:
    """A call's name without its ordinal."""
    return call.rsplit(" ", 1)[0]


WRITES = ("aegis.create", "aegis.save")
ALWAYS = (*WRITES, "dynamodb.TransactWriteItems(CrmKeys")
STRIDE = 1 if os.environ.get("MATRIX") == "all" else 8


@pytest.mark.timeout(400)
@pytest.mark.parametrize("fault", list(Fault))
@pytest.mark.parametrize("name", list(SCENARIOS))
def test_every_call_and_write_survives_the_fault(
    name: str, fault: Fault, record_property: Callable[[str, object], None]
) -> None:
    turn = list(Fault).index(fault)
    watched = enumerate(watched_calls(name))
    calls = [call for n, call in watched if (n + turn) % STRIDE == 0 or (is_first_of_its_sort(name) and is_write(call))]

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
        ("5 refund, one of a schedule too", "aegis.createTransaction 1"),
        ("5 refund, one of a schedule too", "aegis.createTransaction 2"),
        ("8 schedule changed, no pledge", "aegis.createPledge 1"),
        ("19 adjustment of a doubled gift", "aegis.createTransaction 1"),
    ],
)
def test_without_its_probe_the_matrix_shows_the_doubling(scenario: str, call: str) -> None:
    def see_nothing(self: AegisProbes, work: Work) -> None:
        return None

    with replaced(AegisProbes, "look", see_nothing):
        # Without the look before the second send, a partner is still found by matching.
        problems = run_cell(SCENARIOS[scenario], call, Fault.ANSWER_LOST)

    assert bool(problems) is (call != "aegis.createPartner 1"), problems


def test_without_its_probe_the_matrix_shows_an_original_taken_for_never_sent() -> None:
    with replaced(AegisProbes, "look", lambda self, work: None):
        problems = run_cell(SCENARIOS["6 refund, original open"], "aegis.createTransaction 1", Fault.STATUS_429)

    assert any("reversed-before-sent" in problem for problem in problems), problems


def test_without_its_probe_the_matrix_shows_a_second_note() -> None:
    with replaced(AegisNotes, "probe", not_landed):
        problems = run_cell(SCENARIOS["11 note"], "aegis.createPartnerNote 1", Fault.ANSWER_LOST)

    assert problems


@pytest.mark.parametrize(
    ("flow", "scenario", "call"),
    [
        (AegisSchedules, "7 schedule changed and suspended", "aegis.savePledge 1"),
        (AegisDonors, "9 donor edited", "aegis.savePartner 1"),
    ],
)
def test_without_its_probe_a_save_ends_right_too(flow: type, scenario: str, call: str) -> None:
    with replaced(flow, "probe", not_landed):
        problems = run_cell(SCENARIOS[scenario], call, Fault.ANSWER_LOST)

    # The second try finds nothing left to save and says so; record, hold and what is agreed on are as they must be.
    assert len(problems) == 1, problems
    assert "nothing-changed" in problems[0]


def test_the_matrix_shows_a_hold_that_was_not_given_back() -> None:
    with replaced(Work, "_released", lambda self, after: []):
        problems = run_cell(SCENARIOS["9 donor edited"], "aegis.savePartner 1", Fault.STATUS_429)

    assert any("is still held" in problem for problem in problems), problems


def not_landed(_: object, work: Work) -> None:
    """A probe that sees nothing."""
    work.surely_not_sent()


@contextmanager
def replaced(owner: type, name: str, broken: object) -> Iterator[None]:
    """The product with one part broken on purpose."""
    whole = getattr(owner, name)
    setattr(owner, name, broken)
    try:
        yield
    finally:
        setattr(owner, name, whole)
