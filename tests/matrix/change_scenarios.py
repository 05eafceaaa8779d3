"""Edits of schedules and donors, and notes, in the matrix (requirements B2, B3, B4)."""

from __future__ import annotations

import copy
from decimal import Decimal

from giftbridge.domain.deliveries import State
from giftbridge.domain.delivery_ids import donor_noted_id, donor_updated_id, schedule_changed_id
from tests.matrix.cells import Scenario
from tests.matrix.change_judges import (
    Agreed,
    Changed,
    Landed,
    NoteSent,
    PledgeMade,
    no_write_landed,
    told_of_the_name,
)
from tests.matrix.judgement import DELIVERED, Goal
from tests.workbench import Workbench

AMOUNT = Decimal("61.50")
PHONE = "989-555-0133"
BY_STAFF = {"StaffRemark": "kind", "Nested": {"deep": [None, 1]}}


def _donor_with_partner(bench: Workbench, kind: str = "one_time") -> Goal:
    goal = Goal([bench.give(kind, donor=bench.population.make_donor("new_person"))])
    bench.run(ticks=2)
    return goal


def _schedule_suspended() -> Scenario:
    """Another amount and a suspension in one go: one save."""

    def prepare(bench: Workbench) -> Goal:
        goal = _donor_with_partner(bench, "first_of_schedule")
        [pledge] = bench.aegis.store.pledges
        bench.aegis.store.edit_pledge(pledge, BY_STAFF)
        return goal

    def act(bench: Workbench, goal: Goal) -> None:
        [pledge] = bench.aegis.store.pledges.values()
        [schedule] = [made.schedule_id for made in bench.population.gifts if made.schedule_id is not None]
        before = copy.deepcopy(pledge.model)
        bench.clock.advance(5)
        bench.raisedonors.store.edit("schedule", schedule, {"amount": AMOUNT}, modified=bench.clock())
        bench.clock.advance(5)
        bench.raisedonors.store.set_schedule_status(schedule, "Suspended", modified=bench.clock())
        goal.ends[schedule_changed_id(schedule)] = DELIVERED
        expected = {"PledgeAmount": AMOUNT, "Active": False}
        goal.judges += [Landed("savePledge"), Changed("pledge", pledge.pledge_id, before, expected)]
        goal.judges.append(Agreed(f"schedule#{schedule}"))

    return Scenario("7 schedule changed and suspended", prepare, act)


def _schedule_without_pledge() -> Scenario:
    """A schedule of a donor with a partner, charged for the first time some day, is changed before that."""

    def prepare(bench: Workbench) -> Goal:
        goal = _donor_with_partner(bench)
        made = bench.population.make_gift("first_of_schedule", bench.clock(), donor=bench.population.donors[0])
        bench.raisedonors.store.set_gift_status(made.gift_id, "Pending", modified=bench.clock())
        bench.run(ticks=2)
        assert not bench.aegis.store.pledges
        return goal

    def act(bench: Workbench, goal: Goal) -> None:
        [schedule] = [made.schedule_id for made in bench.population.gifts if made.schedule_id is not None]
        bench.clock.advance(5)
        bench.raisedonors.store.edit("schedule", schedule, {"amount": AMOUNT}, modified=bench.clock())
        goal.ends[schedule_changed_id(schedule)] = DELIVERED
        goal.judges += [Landed("createPledge"), Agreed(f"schedule#{schedule}"), PledgeMade(schedule, AMOUNT)]

    return Scenario("8 schedule changed, no pledge", prepare, act)


def _donor_edited() -> Scenario:
    """Another name, street and phone in one go: one save."""

    def prepare(bench: Workbench) -> Goal:
        goal = _donor_with_partner(bench)
        partner = bench.transactions_of(goal.gifts[0])[0].partner_id
        added = {"Type": "Work", "Priority": 9, "Number": "303-555-0199", "Status": "", "Extension": "7"}
        phones = [*bench.aegis.store.partners[partner]["PartnerPhones"], added]
        bench.aegis.store.edit_partner(partner, {**BY_STAFF, "Salutation": "Dear Kim", "PartnerPhones": phones})
        return goal

    def act(bench: Workbench, goal: Goal) -> None:
        donor = bench.population.donors[0].donor_id
        partner = bench.transactions_of(goal.gifts[0])[0].partner_id
        before = copy.deepcopy(bench.aegis.store.partners[partner])
        members = bench.raisedonors.store.donors.entry(donor).latest.members
        [home], [phone] = members["donorAddresses"], members["donorPhoneNumbers"]
        edits = {
            "lastName": "Åkesson-Ωμέγα",
            "donorAddresses": [{**home, "address1": "9 Elm Road"}],
            "donorPhoneNumbers": [{**phone, "value": PHONE}],
        }
        bench.clock.advance(5)
        bench.raisedonors.store.edit("donor", donor, edits, modified=bench.clock())
        goal.ends[donor_updated_id(donor)] = DELIVERED
        first, *others = before["PartnerPhones"]
        phones = [{**first, "Number": PHONE}, *others]
        expected = {"LastName": "Åkesson-Ωμέγα", "Address1": "9 Elm Road", "PartnerPhones": phones}
        goal.judges += [Landed("savePartner"), Changed("partner", partner, before, expected), Agreed(f"donor#{donor}")]

    return Scenario("9 donor edited", prepare, act)


def _donor_without_partner() -> Scenario:
    """Nobody makes a partner for an edit: the notification list is told, once."""

    def prepare(bench: Workbench) -> Goal:
        bench.population.make_donor("new_person")
        bench.run(ticks=2)
        return Goal(notices=1)

    def act(bench: Workbench, goal: Goal) -> None:
        donor = bench.population.donors[0].donor_id
        bench.clock.advance(5)
        bench.raisedonors.store.edit("donor", donor, {"lastName": "Neu"}, modified=bench.clock())
        goal.ends[donor_updated_id(donor)] = frozenset({State.IGNORED})
        goal.judges += [no_write_landed, Agreed(f"donor#{donor}"), told_of_the_name]

    return Scenario("10 donor edited, no partner", prepare, act)


def _noted() -> Scenario:
    """Aegis shows no notes: one whose answer was lost goes to a person, any other is there once."""

    def prepare(bench: Workbench) -> Goal:
        bench.settings(aegis={"send_notes": True})
        return _donor_with_partner(bench)

    def act(bench: Workbench, goal: Goal) -> None:
        bench.clock.advance(5)
        note = {"donorId": bench.population.donors[0].donor_id, "type": "Note", "subject": "Call", "source": "Staff"}
        written = bench.raisedonors.store.add(
            "activity", {**note, "body": "Asked about missions"}, created=bench.clock()
        )
        goal.ends[donor_noted_id(str(written))] = frozenset({State.DELIVERED, State.FAILED})
        goal.judges.append(NoteSent(donor_noted_id(str(written))))

    return Scenario("11 note", prepare, act)


CHANGES = (_schedule_suspended(), _schedule_without_pledge(), _donor_edited(), _donor_without_partner(), _noted())
