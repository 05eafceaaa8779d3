"""An edit comes back to its former value while the first one is on its way: at any call of the worker, seen or unseen.

Each scenario runs the worker once to count its calls, then once for some of them: right before that call the record is
edited again, and another pickup does or does not see it at that very moment. With INTERLEAVINGS=all in the environment
every call has its turn.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from giftbridge.domain.deliveries import OPEN_STATES, State
from tests.workbench import Workbench, workbench

# The calls of neighbouring scenarios differ by few: their strides begin apart, so that together they meet each sort.
STRIDE = 1 if os.environ.get("INTERLEAVINGS") == "all" else 12


@dataclass(frozen=True)
class Scenario:
    """`first` is on its way when `again` happens; `agrees` says whether Aegis has in the end what RaiseDonors has."""

    name: str
    delivery: str
    prepare: Callable[[Workbench, int], None]
    first: Callable[[Workbench, int], None]
    again: Callable[[Workbench, int], None]
    agrees: Callable[[Workbench, int], bool]


class Moments:
    """Counts every call that leaves the worker; does something right before one of them, once."""

    def __init__(self, bench: Workbench, at: int | None, then: Callable[[], None]) -> None:
        self.counted = 0
        self.at = at
        self.then = then
        self.fired = False
        self.is_inside = False
        for adapter in bench.adapters.values():
            adapter.around = self._around
        for client in (bench.dynamodb, bench.sqs):
            client.meta.events.register("before-call.*.*", lambda **_: self._pass())

    def _around(self, _: Any, send: Callable[[], Any]) -> Any:
        self._pass()
        return send()

    def _pass(self) -> None:
        if self.is_inside:
            return
        if self.counted == self.at and not self.fired:
            self.fired = self.is_inside = True
            self.then()
            self.is_inside = False
        self.counted += 1


def phone(number: str) -> Callable[[Workbench, int], None]:
    def edit(bench: Workbench, donor: int) -> None:
        bench.clock.advance(0.3)
        phones = [{"id": 5, "isPrimary": True, "value": number}]
        bench.raisedonors.store.edit("donor", donor, {"donorPhoneNumbers": phones}, modified=bench.clock())

    return edit


def status(text: str) -> Callable[[Workbench, int], None]:
    def edit(bench: Workbench, donor: int) -> None:
        bench.clock.advance(0.3)
        bench.raisedonors.store.set_schedule_status(schedule_of(bench, donor), text, modified=bench.clock())

    return edit


def schedule_of(bench: Workbench, donor: int) -> int:
    entries = bench.raisedonors.store.schedules.all_entries()
    return next(e.record_id for e in entries if e.latest.members["donorId"] == donor)


def phone_agrees(bench: Workbench, donor: int) -> bool:
    row = bench.tools.keys.get(f"donor#{donor}", "aegis")
    partner = bench.aegis.store.partners[str(row.key if row else "")]
    here = bench.raisedonors.store.donors.entry(donor).latest.members["donorPhoneNumbers"]
    return [p["Number"] for p in partner["PartnerPhones"]] == [p["value"] for p in here]


def pledge_agrees(bench: Workbench, donor: int) -> bool:
    [pledge] = bench.aegis.store.pledges.values()
    here = bench.raisedonors.store.schedules.entry(schedule_of(bench, donor)).latest.members["statusText"]
    return bool(pledge.model["Active"]) is (here == "Active")


A, B, C = phone("989-555-0101"), phone("989-555-0102"), phone("989-555-0103")
UPDATED, CHANGED = "aegis/donor/{donor}/updated", "aegis/schedule/{schedule}/changed"
SUSPENDED, RESUMED = status("Suspended"), status("Active")
SCENARIOS = (
    Scenario("phone A, B, A", UPDATED, A, B, A, phone_agrees),
    Scenario("phone A, B, C", UPDATED, A, B, C, phone_agrees),
    Scenario("resumed, suspended, resumed", CHANGED, RESUMED, SUSPENDED, RESUMED, pledge_agrees),
    Scenario("suspended, resumed, suspended", CHANGED, SUSPENDED, RESUMED, SUSPENDED, pledge_agrees),
)


def run(scenario: Scenario, at: int | None, *, seen_at_once: bool) -> tuple[int, str | None]:
    """One interleaving: how many calls the worker made while watched, and what is wrong in the end."""
    with workbench() as bench:
        made = bench.population.make_donor("new_person")
        bench.give("first_of_schedule", donor=made)
        bench.run(ticks=1)
        scenario.prepare(bench, made.donor_id)
        bench.run(ticks=1)

        def again() -> None:
            scenario.again(bench, made.donor_id)
            if seen_at_once:
                bench.pickup(owner="another")

        scenario.first(bench, made.donor_id)
        bench.pickup()
        moments = Moments(bench, at, again)
        bench.work()
        moments.is_inside = True
        if at is not None and not moments.fired:
            again()
        bench.run(ticks=3)
        return moments.counted, _wrong(bench, scenario, made.donor_id)


def _wrong(bench: Workbench, scenario: Scenario, donor: int) -> str | None:
    name = scenario.delivery.format(donor=donor, schedule=schedule_of(bench, donor))
    delivery = bench.tools.deliveries.get(name)
    if delivery is None or delivery.state in OPEN_STATES or delivery.state is State.FAILED:
        return f"ended as {delivery}"
    if delivery.served != delivery.wanted:
        return f"served {delivery.served} of {delivery.wanted}"
    held = [row for row in bench.rows("CrmKeysTable") if str(row["entity"]).startswith("saving:")]
    if held:
        return f"still held: {held}"
    return None if scenario.agrees(bench, donor) else "Aegis has not what RaiseDonors has"


@pytest.mark.parametrize("seen_at_once", [True, False], ids=["seen at once", "seen later"])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_whenever_an_edit_comes_back_both_sides_agree_in_the_end(
    scenario: Scenario, seen_at_once: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    calls, wrong = run(scenario, None, seen_at_once=seen_at_once)
    assert wrong is None
    assert calls > 10
    begin = (SCENARIOS.index(scenario) + 2 * seen_at_once) % STRIDE
    moments = range(begin, calls + 1, STRIDE)
    with capsys.disabled():
        print(f"\n{scenario.name}: {len(moments)} of {calls + 1} interleavings run")
    failures = {at: wrong for at in moments if (wrong := run(scenario, at, seen_at_once=seen_at_once)[1])}
    assert failures == {}
