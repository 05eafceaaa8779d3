"""What is played while answers are odd: the stories of the fault matrix, and some that call what those do not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from giftbridge.domain.backfills import GIFTS, Backfill
from giftbridge.domain.delivery_ids import AEGIS, contact_updated_id
from giftbridge.errors import GiftBridgeError
from giftbridge.flows import backfill
from tests.matrix.cells import Scenario
from tests.matrix.contact_scenarios import INWARD
from tests.matrix.interception import Interceptor
from tests.matrix.judgement import Goal
from tests.matrix.scenarios import SCENARIOS
from tests.matrix.virtuous_cells import VirtuousScenario
from tests.matrix.virtuous_judgement import QUIET, VirtuousGoal
from tests.matrix.virtuous_scenarios import OUTWARD, PROJECTS
from tests.portal import asking, make_giver, partner_of, phone_gift
from tests.reconciliation.runs import reconciled
from tests.virtuous_bench import VirtuousBench
from tests.workbench import BEGIN, Workbench

QUERY = "GIFTS"
NOT_OFFERED = {"status": 501, "body": '{"Message":"Not implemented."}', "count": 10_000}
LISTS = ("Appeals", "Funds", "Channels", "BatchCategories", "PledgePrograms", "OriginSources", "Products", "Warehouses")


@dataclass(frozen=True)
class Story:
    """A scenario, and what is asked beside it in each minute: what is wrong with the answer."""

    name: str
    scenario: Scenario | VirtuousScenario
    each_minute: Callable[[Workbench, Goal], list[str]] | None = None


@dataclass(frozen=True)
class PartnersAre:
    """Judges that no partner was made beside those that were there; a bystander does not count."""

    count: int

    def __call__(self, bench: Workbench, _: Interceptor) -> list[str]:
        found = sum(one["LastName"] != "Bystander" for one in bench.aegis.store.partners.values())
        return [] if found == self.count else [f"{found} partners instead of {self.count}"]


def _gift_of(kind: str, name: str) -> Story:
    """A gift of a donor whom Aegis knows: by the values that agree, or by a key that was imported."""

    def prepare(bench: Workbench) -> Goal:
        bench.population.make_donor(kind)
        return Goal(judges=[PartnersAre(len(bench.aegis.store.partners))])

    def act(bench: Workbench, goal: Goal) -> None:
        goal.gifts.append(bench.give(donor=bench.population.donors[0]))

    return Story(name, Scenario(name, prepare, act))


def _codes_one_by_one(gift: str, name: str) -> Story:
    """An Aegis that has no lists of its codes is asked for each."""

    def prepare(bench: Workbench) -> Goal:
        for one in LISTS:
            bench.aegis.faults.status(f"list{one}", **NOT_OFFERED)
        return Goal()

    def act(bench: Workbench, goal: Goal) -> None:
        goal.gifts.append(bench.give(gift, donor=bench.population.make_donor("new_person")))

    return Story(name, Scenario(name, prepare, act))


def _own_query() -> Story:
    """The customer's query is asked for a gift whose answer was lost; in the end the history decides."""

    def prepare(bench: Workbench) -> Goal:
        bench.aegis.store.queries.add(QUERY)
        bench.settings(aegis={"reconciliation_query_id": QUERY})
        bench.give(donor=bench.population.make_donor("new_person"))
        bench.run()
        gift = bench.give(donor=bench.population.donors[0])
        bench.aegis.faults.drop("createTransaction", after_commit=True, count=1)
        bench.pickup()
        bench.drain()
        return Goal([gift])

    return Story("own query", Scenario("own query", prepare, lambda *_: None))


def _history() -> Story:
    """A donor's giving is shown in the portal: never called complete when rows are missing."""

    def prepare(bench: Workbench) -> Goal:
        donor = make_giver(bench)
        for hours in range(2):
            phone_gift(bench, partner_of(bench, donor.donor_id), hours + 1.0)
        return Goal([bench.population.gifts[0].gift_id], judges=[lambda there, _: ask(there, whole=True)])

    def ask(bench: Workbench, *, whole: bool) -> list[str]:
        try:
            page = asking(bench)(bench.population.donors[0].donor_id)
        except GiftBridgeError as error:
            return [f"no history: {error.cause}"] if whole else []
        is_right = len(page["rows"]) == 3 and page["complete"]
        if is_right or not (whole or page["complete"]):
            return []
        return [f"the history shows {len(page['rows'])} rows of 3, complete {page['complete']}"]

    return Story("history", Scenario("history", prepare, lambda *_: None), lambda bench, _: ask(bench, whole=False))


def _reconciliation() -> Story:
    """A day is compared: what cannot be read is never taken for a difference."""

    def prepare(bench: Workbench) -> Goal:
        donor = bench.population.make_donor("new_person")
        gifts = [bench.give("split", donor=donor), bench.give(donor=bench.population.make_donor("known_exact"))]
        bench.run(2)
        return Goal(gifts, judges=[lambda there, _: compare(there, whole=True)])

    def compare(bench: Workbench, *, whole: bool) -> list[str]:
        try:
            report = reconciled(bench, BEGIN.date())
        except GiftBridgeError as error:
            return [f"no report: {error.cause}"] if whole else []
        if report is None:
            return ["no report"] if whole else []
        return [f"{one.sort.value} {one.id}" for one in report.differences]

    story = Scenario("reconciliation", prepare, lambda *_: None)
    return Story("reconciliation", story, lambda bench, _: compare(bench, whole=False))


def _backfill() -> Story:
    """The gifts of a day a month ago are taken up."""
    month_ago = BEGIN - timedelta(days=30)

    def act(bench: Workbench, goal: Goal) -> None:
        donor = bench.population.make_donor("new_person")
        goal.gifts += [
            bench.population.make_gift("one_time", month_ago + timedelta(minutes=n), donor=donor).gift_id
            for n in range(3)
        ]
        since = month_ago - timedelta(days=1)
        asked = Backfill("b1", AEGIS, since, since + timedelta(days=2), (GIFTS,), "an operator", bench.clock())
        bench.tools.state.put(backfill.ROW, asked.as_row(), bench.tools.state.get(backfill.ROW))

    def prepare(bench: Workbench) -> Goal:
        bench.run()
        return Goal()

    return Story("backfill", Scenario("backfill", prepare, act))


def _bare_donor() -> Story:
    """A donor who has neither address nor phone gets both from the contact."""
    edits: Mapping[str, Any] = {
        "address": {"address1": "9 Elm Road", "city": "Reno", "state": "NV", "postal": "89501", "country": "US"},
        "individual": {"phone": "+19895550133"},
    }

    def prepare(there: VirtuousBench) -> VirtuousGoal:
        donor = there.bench.population.make_donor("new_person").donor_id
        nothing: dict[str, Any] = {"donorAddresses": [], "donorPhoneNumbers": [], "primaryAddress": None, "phone": None}
        there.bench.raisedonors.store.edit("donor", donor, nothing, modified=there.bench.clock())
        there.link(donor)
        there.settle(2)
        return VirtuousGoal(donors=[donor])

    def act(there: VirtuousBench, goal: VirtuousGoal) -> None:
        contact = there.contact_of(goal.donors[0]).contact_id
        there.bench.clock.advance(5)
        there.virtuous.staff.edit_contact(contact, edits)
        goal.ends[contact_updated_id(contact)] = QUIET
        goal.judges.append(HasOneOfEach(goal.donors[0]))

    return Story("bare donor", VirtuousScenario("bare donor", prepare, act))


@dataclass(frozen=True)
class HasOneOfEach:
    """Judges that a donor has one address and one phone number."""

    donor: int

    def __call__(self, there: VirtuousBench) -> list[str]:
        members = there.donor(self.donor)
        found = [len(members["donorAddresses"]), len(members["donorPhoneNumbers"])]
        return [] if found == [1, 1] else [f"{found[0]} addresses and {found[1]} phone numbers"]


_MATRIX = (*SCENARIOS.values(), *OUTWARD, *INWARD, *PROJECTS)
STORIES = {
    **{scenario.name.split()[0]: Story(scenario.name, scenario) for scenario in _MATRIX},
    "known": _gift_of("known_exact", "known"),
    "imported key": _gift_of("keyed", "imported key"),
    "codes one by one": _codes_one_by_one("first_of_schedule", "codes one by one"),
    "premium one by one": _codes_one_by_one("premium", "premium one by one"),
    "bare donor": _bare_donor(),
    "own query": _own_query(),
    "history": _history(),
    "reconciliation": _reconciliation(),
    "backfill": _backfill(),
}
