"""Contacts on their way to their donors, in the matrix (requirements E2 to E7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from giftbridge.domain.agreed import ADDRESS_FIELDS
from giftbridge.domain.delivery_ids import contact_updated_id
from ops.simulators.raisedonors_records import Entry
from tests.matrix.virtuous_cells import VirtuousScenario
from tests.matrix.virtuous_judgement import QUIET, VirtuousGoal
from tests.matrix.virtuous_scenarios import linked_donor
from tests.virtuous_bench import VirtuousBench

STREET, PHONE = "9 Elm Road", "+19895550133"


@dataclass(frozen=True)
class Told:
    """Judges that each change of a donor is told once, in the activity on RaiseDonors and in ours."""

    donor: int
    changes: Mapping[str, tuple[str, str]]

    def __call__(self, there: VirtuousBench) -> list[str]:
        entries = [entry.latest.members for entry in there.bench.raisedonors.store.activities.all_entries()]
        bodies = [str(one["body"]) for one in entries if one["donorId"] == self.donor and one["type"] == "CrmSync"]
        told = sorted(line for body in bodies for line in body.splitlines())
        wanted = sorted(f"{name}: {old} -> {new}" for name, (old, new) in self.changes.items())
        problems = [] if told == wanted else [f"RaiseDonors is told {told} instead of {wanted}"]
        lines = there.bench.tools.activity.of_entity(f"donor#{self.donor}")
        shown = [change for line in lines for change in (line.get("details") or {}).get("changes", ())]
        ours = sorted(f"{one['field']}: {one['old']} -> {one['new']}" for one in shown)
        return problems if ours == wanted else [*problems, f"our activity says {ours} instead of {wanted}"]


def nothing_went_back(there: VirtuousBench) -> list[str]:
    """Judges that no row for Virtuous was made of what came from there."""
    rows = [row.row for row in there.virtuous.store.rows if row.kind == "contact"]
    return [f"{len(rows)} rows went back"] if rows else []


def _contact_edited() -> VirtuousScenario:
    """Staff changes name, street and phone in one go."""

    def prepare(there: VirtuousBench) -> VirtuousGoal:
        return VirtuousGoal(donors=[linked_donor(there).donor_id])

    def act(there: VirtuousBench, goal: VirtuousGoal) -> None:
        [donor] = goal.donors
        contact = there.contact_of(donor)
        before = there.bench.tools.snapshots.get(f"donor#{donor}")
        assert before is not None
        there.bench.clock.advance(5)
        edits = {"address": {"address1": STREET}, "individual": {"lastName": "Neu", "phone": PHONE}}
        there.virtuous.staff.edit_contact(contact.contact_id, edits)
        goal.ends[contact_updated_id(contact.contact_id)] = QUIET
        new = {"last name": "Neu", "street": STREET, "phone": PHONE}
        changes = {name: (before.base.ours[name], value) for name, value in new.items()}
        goal.judges += [Told(donor, changes), nothing_went_back]

    return VirtuousScenario("15 contact edited", prepare, act)


def _household() -> VirtuousScenario:
    """Staff adds a second person to a contact: a donor is made for her, and the contact refers to both."""

    def prepare(there: VirtuousBench) -> VirtuousGoal:
        return VirtuousGoal(donors=[linked_donor(there).donor_id])

    def act(there: VirtuousBench, goal: VirtuousGoal) -> None:
        contact = there.contact_of(goal.donors[0])
        there.bench.clock.advance(5)
        person = {"firstName": "Zoë", "lastName": "Quist", "phone": PHONE, "email": "zoe@example.org"}
        there.virtuous.staff.add_individual(contact.contact_id, person)
        goal.judges += [MadeOnce("Quist"), nothing_went_back]

    return VirtuousScenario("16 second person of a contact", prepare, act)


@dataclass(frozen=True)
class MadeOnce:
    """Judges that one donor was made, without an e-mail, and looks at their link as at the others'."""

    last_name: str

    def __call__(self, there: VirtuousBench) -> list[str]:
        made = [one for one in there.bench.raisedonors.store.donors.all_entries() if _is_called(one, self.last_name)]
        if len(made) != 1:
            return [f"{len(made)} donors were made"]
        problems = ["an e-mail crossed"] if made[0].latest.members["donorEmailAddresses"] else []
        lines = [line["what"] for line in _lines_of(there, made[0].record_id)]
        told = lines.count("donor created")
        problems += [] if told == 1 else [f"the creation is told {told} times"]
        return problems + VirtuousGoal(donors=[made[0].record_id]).wrong(there)


def _lines_of(there: VirtuousBench, donor: int) -> list[dict[str, object]]:
    rows = there.bench.rows("ActivityTable")
    return [row for row in rows if (row.get("details") or {}).get("donor") == str(donor)]


def _is_called(entry: Entry, last_name: str) -> bool:
    return bool(entry.latest.members["lastName"] == last_name)


def _merged() -> VirtuousScenario:
    """A contact is edited and, before that is read, merged into another: both donors belong to the survivor."""

    def prepare(there: VirtuousBench) -> VirtuousGoal:
        return VirtuousGoal(donors=[linked_donor(there).donor_id, linked_donor(there).donor_id])

    def act(there: VirtuousBench, goal: VirtuousGoal) -> None:
        survivor, loser = (there.contact_of(donor) for donor in goal.donors)
        agreed = [there.bench.tools.snapshots.get(f"donor#{donor}") for donor in goal.donors]
        assert agreed[0] is not None
        assert agreed[1] is not None
        kept, lost = agreed[0].base.ours, agreed[1].base.ours
        there.bench.clock.advance(5)
        there.virtuous.staff.edit_contact(loser.contact_id, {"individual": {"phone": PHONE}})
        there.virtuous.staff.merge(loser.contact_id, survivor.contact_id)
        goal.ends[contact_updated_id(loser.contact_id)] = QUIET
        moved = {name: value for name, value in kept.items() if name in ADDRESS_FIELDS and lost.get(name) != value}
        changes = {name: (lost.get(name, "-"), value) for name, value in {**moved, "phone": PHONE}.items()}
        goal.judges += [Told(goal.donors[0], {}), Told(goal.donors[1], changes), nothing_went_back]

    return VirtuousScenario("17 contact merged", prepare, act)


INWARD = (_contact_edited(), _household(), _merged())
