"""Gifts, refunds, donors' edits and projects on their way into Virtuous, in the matrix (requirements D1 to D5)."""

from __future__ import annotations

from dataclasses import dataclass

from giftbridge.domain.deliveries import State
from giftbridge.domain.delivery_ids import VIRTUOUS, donation_created_id, donor_updated_id, project_changed_id
from ops.simulators.population_donors import MadeDonor
from ops.simulators.virtuous_population import seed_virtuous_projects
from tests.matrix.judgement import DELIVERED
from tests.matrix.virtuous_cells import VirtuousScenario
from tests.matrix.virtuous_judgement import QUIET, VirtuousGoal
from tests.virtuous_bench import VirtuousBench


def linked_donor(there: VirtuousBench) -> MadeDonor:
    """A donor with a contact, known on both sides."""
    if not there.virtuous.store.projects:
        _with_projects(there)
    donor = there.bench.population.make_donor("new_person")
    there.link(donor.donor_id)
    there.bench.pickup()
    there.webhooks()
    there.bench.clock.advance(60)
    return donor


def _with_projects(there: VirtuousBench) -> None:
    """The projects are there, and no longer looked at."""
    seed_virtuous_projects(there.virtuous.store)
    there.bench.settings(virtuous={"sync_projects": False})


def _gifts() -> VirtuousScenario:
    """Of a donor whom the import makes: one gift, the first of a schedule; and one whose code nobody knows."""

    def prepare(there: VirtuousBench) -> VirtuousGoal:
        _with_projects(there)
        there.bench.pickup()
        return VirtuousGoal()

    def act(there: VirtuousBench, goal: VirtuousGoal) -> None:
        donor = there.bench.population.make_donor("new_person")
        goal.gifts = [there.bench.give(kind, donor=donor) for kind in ("split", "first_of_schedule")]
        goal.donors = [donor.donor_id]
        codeless = there.bench.give("unknown_fund")
        name = donation_created_id(codeless, VIRTUOUS)
        goal.ends[name] = frozenset({State.FAILED})
        goal.judges += [FailedFor(name, "unknown-project:NOFUND"), ScheduleNamedOnce()]

    return VirtuousScenario("12 gifts imported", prepare, act)


@dataclass(frozen=True)
class FailedFor:
    """Judges that a delivery waits for a person for this reason, in the dead letters too."""

    name: str
    cause: str

    def __call__(self, there: VirtuousBench) -> list[str]:
        trouble = there.delivery(self.name).trouble
        problems = [] if trouble is not None and trouble.cause == self.cause else [f"{self.name} failed for {trouble}"]
        queue = there.tools[VIRTUOUS].queue
        hidden = _hidden_in(there, queue.dead_letter_url)
        letters = [letter.delivery_id for letter in queue.dead_letters(10)]
        # One that the sweep looked at, and could not show again at once, is hidden for half a minute of real time.
        is_right = letters == [self.name] if not hidden else (hidden, letters) == (1, [])
        return problems if is_right else [*problems, f"the dead letters are {letters}, and {hidden} hidden"]


def _hidden_in(there: VirtuousBench, url: str) -> int:
    name = "ApproximateNumberOfMessagesNotVisible"
    answer = there.bench.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])
    return int(answer["Attributes"][name])


@dataclass(frozen=True)
class ScheduleNamedOnce:
    """Judges that one gift names the schedule."""

    def __call__(self, there: VirtuousBench) -> list[str]:
        named = [row.identity for row in there.virtuous.store.rows if row.row.get("recurringGiftTransactionId")]
        return [] if len(named) == 1 else [f"the schedule is named by {named}"]


def _refunds() -> VirtuousScenario:
    """One gift that has landed is given back, and one that is still held."""

    def prepare(there: VirtuousBench) -> VirtuousGoal:
        donor = linked_donor(there)
        goal = VirtuousGoal(donors=[donor.donor_id])
        goal.gifts.append(there.bench.give("split", donor=donor))
        there.bench.pickup()
        there.batch()
        there.virtuous.run_import()
        there.settle(1)
        assert there.delivery(donation_created_id(goal.gifts[0], VIRTUOUS)).state is State.DELIVERED
        goal.gifts.append(there.bench.give(donor=donor))
        there.bench.pickup()
        there.batch()
        assert there.delivery(donation_created_id(goal.gifts[1], VIRTUOUS)).state is State.SENT
        return goal

    def act(there: VirtuousBench, goal: VirtuousGoal) -> None:
        for gift in goal.gifts:
            there.bench.clock.advance(5)
            there.bench.raisedonors.store.set_gift_status(gift, "Refunded", modified=there.bench.clock())
            goal.refunded.append(gift)

    return VirtuousScenario("13 refunds, one of a held gift", prepare, act)


def _donor_edited() -> VirtuousScenario:
    """Another name, address, phone and e-mail: one row."""

    def prepare(there: VirtuousBench) -> VirtuousGoal:
        return VirtuousGoal(donors=[linked_donor(there).donor_id])

    def act(there: VirtuousBench, goal: VirtuousGoal) -> None:
        [donor] = goal.donors
        members = there.donor(donor)
        [home], [phone] = members["donorAddresses"], members["donorPhoneNumbers"]
        [email] = members["donorEmailAddresses"]
        edits = {
            "lastName": "Åkesson-Ωμέγα",
            "donorAddresses": [{**home, "address1": "9 Elm Road"}],
            "donorPhoneNumbers": [{**phone, "value": "989-555-0133"}],
            "donorEmailAddresses": [{**email, "value": "changed@example.org"}],
        }
        there.bench.clock.advance(5)
        there.bench.raisedonors.store.edit("donor", donor, edits, modified=there.bench.clock())
        goal.ends[donor_updated_id(donor, VIRTUOUS)] = QUIET
        goal.judges.append(EditArrived(donor))

    return VirtuousScenario("14 donor edited, imported", prepare, act)


@dataclass(frozen=True)
class EditArrived:
    """Judges that the contact says what the donor says, by rows of one content, and that nothing came back."""

    donor: int

    def __call__(self, there: VirtuousBench) -> list[str]:
        contact = there.contact_of(self.donor)
        [person] = contact.individuals
        shown = {method["value"] for method in person["contactMethods"] if method["isPrimary"]}
        address = contact.primary_address or {}
        is_there = (person["lastName"], address.get("address1")) == ("Åkesson-Ωμέγα", "9 Elm Road")
        problems = [] if is_there and "changed@example.org" in shown else ["the edit is not in Virtuous"]
        rows = [row.row for row in there.virtuous.store.rows if row.kind == "contact"]
        if not rows or any(row != rows[0] for row in rows):
            problems.append(f"{len(rows)} rows, not all of one content")
        back = [one for one in there.bench.raisedonors.store.activities.all_entries() if one.kind is None]
        return [*problems, "it came back"] if back else problems


def _projects() -> VirtuousScenario:
    """A new project; another one is renamed and closed to donors online."""

    def prepare(there: VirtuousBench) -> VirtuousGoal:
        seed_virtuous_projects(there.virtuous.store)
        there.batch()
        there.bench.clock.advance(60)
        return VirtuousGoal()

    def act(there: VirtuousBench, goal: VirtuousGoal) -> None:
        there.bench.clock.advance(5)
        store = there.bench.raisedonors.store
        added = store.add("project", {"code": "WELLS", "name": "Wells", "isAvailableOnline": True})
        renamed = there.bench.population.project_ids["BLD"]
        edits = {"name": "Roof", "isAvailableOnline": False}
        store.edit("project", renamed, edits, modified=there.bench.clock())
        goal.ends |= {project_changed_id(project): DELIVERED for project in (added, renamed)}
        goal.judges += [ProjectIs(added, "WELLS", "Wells", True), ProjectIs(renamed, "BLD", "Roof", False)]

    return VirtuousScenario("18 projects", prepare, act)


@dataclass(frozen=True)
class ProjectIs:
    """Judges that a project is in Virtuous once, as it is on RaiseDonors, with its key and what was agreed on."""

    project: int
    code: str
    name: str
    is_online: bool

    def __call__(self, there: VirtuousBench) -> list[str]:
        projects = there.virtuous.store.projects.values()
        found = [one for one in projects if self.code == one.members["projectCode"] or one.members["name"] == self.name]
        if len(found) != 1:
            return [f"project {self.code} is there {len(found)} times"]
        members, key = found[0].members, there.bench.tools.keys.get(f"project#{self.project}", VIRTUOUS)
        shown = (members["projectCode"], members["name"], members["isAvailableOnline"], key and key.key)
        wanted = (self.code, self.name, self.is_online, str(found[0].project_id))
        problems = [] if shown == wanted else [f"project {self.code}: {shown} instead of {wanted}"]
        agreed = there.bench.tools.agreed.get(f"project#{self.project}", VIRTUOUS) or {}
        is_agreed = (agreed.get("code"), agreed.get("name")) == wanted[:2]
        return problems if is_agreed else [*problems, f"project {self.code}: agreed on {agreed}"]


OUTWARD = (_gifts(), _refunds(), _donor_edited())
PROJECTS = (_projects(),)
