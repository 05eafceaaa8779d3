"""One gift that a server, a gateway or a firewall dislikes holds up nobody else's, and ends with its own reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from giftbridge.domain.deliveries import State
from giftbridge.domain.delivery_ids import donation_created_id
from ops.simulators.faults import FaultKind, FaultRule
from tests.boundary.odd_answers import HTML
from tests.workbench import Workbench, workbench

OTHERS = 39
DONORS = 13
WORDS = "select * from hearts"
TWO_MINUTES = 2
# A record that fails again and again is given up after some hours, while others' gifts go through.
MOST_HOURS = 24


@dataclass(frozen=True)
class Poison:
    """What is odd about one gift, and what it meets. `ends` is how its delivery must end."""

    members: Mapping[str, Any] = field(default_factory=lambda: {"comment": WORDS})
    rule: Mapping[str, Any] | None = None
    operation: str = "createTransaction"
    ends: State = State.FAILED


def answered(status: int, body: str = HTML, **more: Any) -> Poison:
    """Its transaction is answered so, each time."""
    return Poison(rule={"status": status, "body": body, **more})


def unread(status: int, body: str = HTML) -> Poison:
    """RaiseDonors does not show this one gift."""
    return Poison(members={}, rule={"status": status, "body": body}, operation="getGift")


ODD_DECORATIONS: Mapping[str, Any] = {
    "comment": "Vertical\x0btab, form\x0cfeed, next\x85line",
    "premium": {},
    "mediaOutlet": {},
    "tribute": {"type": "Celebration", "name": "Kim"},
    "customFields": [{"name": "custom_aegisapi_Flag", "value": True}],
    "referringUrl": "https://example.org/\x00",
}
POISONS = {
    "403 of a firewall": answered(403),
    "401": answered(401, ""),
    "a redirect": answered(302, "", headers={"Location": "https://login.example.org/"}),
    "404 in HTML": answered(404),
    "400 in HTML": answered(400),
    "500": answered(500, '{"Message":"An error has occurred."}'),
    "200 in HTML": answered(200),
    "an empty 200": answered(200, ""),
    "an unreadable gift": unread(200, '{"id":'),
    "a gift that is forbidden": unread(403),
    "a gift that makes its server fail": unread(500),
    "a gift without a donor or a day that makes its server fail": Poison(
        members={"donorId": None, "createdDate": None},
        rule={"status": 500, "body": '{"Message":"An error has occurred."}'},
        operation="getGift",
    ),
    "odd decorations": Poison(members=ODD_DECORATIONS, ends=State.DELIVERED),
    "a country nobody knows": Poison(members={"billingAddress": {"countryString": "Atlantis"}}, ends=State.DELIVERED),
}


def forty_gifts(bench: Workbench, poison: Poison) -> tuple[int, list[int]]:
    """The poisonous gift, in the middle of all others; each of its donor's only one."""
    donors = [bench.population.make_donor("new_person") for _ in range(DONORS)]
    others = [bench.give(donor=donors[n % DONORS]) for n in range(OTHERS // 2)]
    poisonous = bench.give(donor=bench.population.make_donor("new_person"))
    if poison.members:
        bench.raisedonors.store.edit("gift", poisonous, dict(poison.members), modified=bench.clock())
    others += [bench.give(donor=donors[n % DONORS]) for n in range(OTHERS - len(others))]
    return poisonous, others


def put_into_force(bench: Workbench, poison: Poison, gift: int) -> FaultRule | None:
    """The rule that the poisonous gift meets, for as long as it lasts."""
    if poison.rule is None:
        return None
    is_read = poison.operation == "getGift"
    found = {"path_contains": f"/Gift/{gift}"} if is_read else {"body_contains": WORDS}
    rule = FaultRule(FaultKind.STATUS_BEFORE, poison.operation, count=100_000, **found, **poison.rule)
    return bench.fault("raisedonors" if is_read else "aegis", rule)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", POISONS)
def test_the_others_are_delivered_within_two_minutes_and_it_ends_with_its_reason(name: str) -> None:
    poison = POISONS[name]
    with workbench() as bench:
        bench.run()
        poisonous, others = forty_gifts(bench, poison)
        rule = put_into_force(bench, poison, poisonous)

        bench.run(TWO_MINUTES)

        late = [gift for gift in others if bench.delivery(gift).state is not State.DELIVERED]
        assert late == [], f"{len(late)} of {OTHERS} wait with {bench.delivery(late[0]).trouble}"
        until_ended(bench, poisonous)
        assert rule is None or rule.fired, "the poison was never met"
        judge(bench, poisonous, others, poison.ends)


def until_ended(bench: Workbench, poisonous: int) -> None:
    """Let hours pass, with a gift of somebody else in each, until the poisonous one has ended."""
    giver = bench.population.donors[0]
    for _ in range(MOST_HOURS):
        if bench.delivery(poisonous).state in {State.DELIVERED, State.FAILED}:
            return
        bench.give(donor=giver)
        for _ in range(3):
            bench.run(seconds=1200)


def judge(bench: Workbench, poisonous: int, others: list[int], ends: State) -> None:
    """All once, the poisonous one as it must end, and nothing closed to anybody."""
    assert [len(bench.transactions_of(gift)) for gift in others] == [1] * len(others)
    delivery = bench.tools.deliveries.get(donation_created_id(poisonous))
    assert delivery is not None
    assert (delivery.state, len(bench.transactions_of(poisonous))) == (ends, int(ends is State.DELIVERED)), delivery
    if ends is State.FAILED:
        assert delivery.trouble is not None
        assert delivery.trouble.remedy
        assert WORDS not in delivery.trouble.explain()
    for system in ("aegis", "raisedonors"):
        health: Callable[..., Any] = bench.tools.state.destination
        assert health(system).stopped_at is None
        assert health(system).opened_at is None
