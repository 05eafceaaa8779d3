"""What happens at the source in one cell of the matrix, and what must be true in the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from giftbridge.domain.deliveries import State
from tests.matrix.interception import Fault, Interceptor, ProcessDied
from tests.workbench import Workbench, workbench

MOST_TICKS = 40


@dataclass(frozen=True)
class Scenario:
    """`prepare` runs before anything is watched and `act` after; both return the gifts that must arrive."""

    name: str
    prepare: Callable[[Workbench], list[int]]
    act: Callable[[Workbench], list[int]]


def _new_donor_new_schedule() -> Scenario:
    def act(bench: Workbench) -> list[int]:
        return [bench.give("first_of_schedule", donor=bench.population.make_donor("new_person"))]

    return Scenario("1 new donor, new schedule", lambda _: [], act)


def _later_instance() -> Scenario:
    def prepare(bench: Workbench) -> list[int]:
        gift = bench.give("first_of_schedule", donor=bench.population.make_donor("new_person"))
        bench.run(ticks=1)
        return [gift]

    return Scenario("2 later instance, two gifts", prepare, lambda b: [b.give("later_of_schedule"), b.give("split")])


def _pledge_ended_in_aegis() -> Scenario:
    def prepare(bench: Workbench) -> list[int]:
        gift = bench.give("first_of_schedule", donor=bench.population.make_donor("new_person"))
        bench.run(ticks=1)
        for pledge in bench.aegis.store.pledges.values():
            bench.aegis.store.set_pledge_active(pledge.pledge_id, False)
        return [gift]

    return Scenario("3 pledge ended in Aegis", prepare, lambda b: [b.give("later_of_schedule")])


def _partner_gone() -> Scenario:
    def prepare(bench: Workbench) -> list[int]:
        donor = bench.population.make_donor("new_person")
        gift = bench.give(donor=donor)
        bench.run(ticks=1)
        bench.aegis.store.set_partner_active(bench.transactions_of(gift)[0].partner_id, False)
        return [gift]

    def act(bench: Workbench) -> list[int]:
        return [bench.give("premium", donor=bench.population.donors[0])]

    return Scenario("4 partner no longer active", prepare, act)


SCENARIOS = {
    s.name: s for s in (_new_donor_new_schedule(), _later_instance(), _pledge_ended_in_aegis(), _partner_gone())
}


def calls_of(scenario: Scenario) -> list[str]:
    """Every call and write of a run without faults, named with its ordinal."""
    with workbench() as bench:
        scenario.prepare(bench)
        interceptor = Interceptor(bench)
        gifts = scenario.act(bench)
        _until_settled(bench, interceptor, gifts)
        return interceptor.seen


def run_cell(scenario: Scenario, call: str, fault: Fault) -> list[str]:
    """One cell: what is wrong in the end; nothing is right."""
    with workbench() as bench:
        gifts = scenario.prepare(bench)
        interceptor = Interceptor(bench, call, fault)
        gifts = gifts + scenario.act(bench)
        _until_settled(bench, interceptor, gifts)
        interceptor.restart()
        problems = [] if interceptor.fired == 1 else [f"the fault fired {interceptor.fired} times"]
        return problems + wrong_in_the_end(bench, gifts)


def _until_settled(bench: Workbench, interceptor: Interceptor, gifts: list[int]) -> None:
    """Ticks of a minute until every gift is delivered with its keys mirrored, and the queue is empty."""
    for _ in range(MOST_TICKS):
        for part in (bench.pickup, bench.drain, bench.sweep, bench.drain):
            interceptor.restart()
            try:
                part()
            except ProcessDied:
                continue
            except Exception as error:
                assert interceptor.fired, error
        interceptor.restart()
        bench.clock.advance(60)
        deliveries = [bench.tools.deliveries.get(f"aegis/donation/{gift}/created") for gift in gifts]
        if all(d is not None and d.state is State.DELIVERED and not d.mirrors for d in deliveries):
            return


def wrong_in_the_end(bench: Workbench, gifts: list[int]) -> list[str]:
    """Everything that must hold, whatever broke on the way: exactly once, right cents, keys, reasons."""
    problems: list[str] = []
    for gift in gifts:
        problems += _wrong_with_gift(bench, gift)
    problems += _wrong_with_keys(bench, gifts)
    donor_ids = Counter(
        str(field["Value"])
        for partner in bench.aegis.store.partners.values()
        for field in partner.get("CustomData") or ()
        if field["Name"] == "RaiseDonors.Donor.Id" and partner.get("IsActive")
    )
    problems += [f"donor {donor} has {n} active partners" for donor, n in donor_ids.items() if n > 1]
    pledges = Counter(
        (p.model["PartnerID"], p.model["PledgeAmount"]) for p in bench.aegis.store.pledges.values() if p.model["Active"]
    )
    problems += [f"{n} active pledges of {key}" for key, n in pledges.items() if n > 1]
    hazards = [t.invoice_number for t in bench.aegis.store.transactions.values() if any(x.by_hazard for x in t.lines)]
    problems += [f"transaction {invoice} went to another pledge" for invoice in hazards]
    return problems


def _wrong_with_gift(bench: Workbench, gift: int) -> list[str]:
    delivery = bench.tools.deliveries.get(f"aegis/donation/{gift}/created")
    if delivery is None or delivery.state is not State.DELIVERED:
        return [f"gift {gift} is {delivery.state if delivery else 'nowhere'}: {delivery.trouble if delivery else ''}"]
    found = bench.transactions_of(gift)
    if len(found) != 1:
        return [f"gift {gift} is in Aegis {len(found)} times"]
    problems = []
    source = bench.raisedonors.store.gifts.entry(gift).latest.members
    if found[0].total != source["amount"]:
        problems.append(f"gift {gift}: {found[0].total} instead of {source['amount']}")
    if delivery.result["invoice"] != str(found[0].invoice_number):
        problems.append(f"gift {gift}: wrong invoice number in the delivery")
    if source.get("crmKey") != str(found[0].invoice_number):
        problems.append(f"gift {gift}: no key on RaiseDonors")
    lines = bench.tools.activity.of_entity(f"donor#{source['donorId']}")
    if not any(line["what"] == "delivered" and line["delivery"] == delivery.id for line in lines):
        problems.append(f"gift {gift}: no activity line says it was delivered")
    return problems


def _wrong_with_keys(bench: Workbench, gifts: list[int]) -> list[str]:
    """A donor's key is the partner of the donor's newest gift, and says how it was found."""
    newest = {bench.raisedonors.store.gifts.entry(gift).latest.members["donorId"]: gift for gift in gifts}
    problems = []
    for donor_id, gift in newest.items():
        key = bench.tools.keys.get(f"donor#{donor_id}", "aegis")
        partners = {transaction.partner_id for transaction in bench.transactions_of(gift)}
        if key is None or key.key not in partners or not key.rule:
            problems.append(f"donor {donor_id}: the key is {key}, the gift's partner {partners}")
    return problems
