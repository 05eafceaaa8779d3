"""One interleaving: persons edit, parts of the product run, die and run twice, staff imports, webhooks go astray."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from ops.simulators.virtuous_import import ImportChoices
from ops.simulators.virtuous_outbox import Mishap
from ops.simulators.virtuous_records import HeldRow, RowState
from tests.convergence.looking import (
    Said,
    Subject,
    contact_of,
    said_by_raisedonors,
    said_by_row,
    said_by_virtuous,
)
from tests.convergence.oracle import RAISEDONORS, VIRTUOUS, Conflict, HandedRow, Oracle
from tests.convergence.people import People
from tests.convergence.wiretap import Wiretap
from tests.virtuous_bench import VirtuousBench

ACTS = {
    "edit": 30, "edit_back": 8, "edit_both": 4, "conflict": 6, "empty": 2, "email": 4, "tag": 2, "add_person": 1,
    "pickup": 14, "batch": 10, "batches": 3, "batch_dies": 4, "import_all": 6, "import_some": 5, "webhooks": 12,
    "contacts": 8, "contacts_die": 6, "sweep": 8, "net": 3, "wait": 12,
}  # fmt: skip
HOUR = 3600


class Play:
    """A world with its oracle. `story` tells what happened, in order."""

    def __init__(self, seed: int, tested: VirtuousBench, winner: str) -> None:
        self.chance = random.Random(seed)
        self.tested, self.setting = tested, winner
        self.oracle = Oracle()
        self.people = People(self.chance, tested, self.oracle)
        self.decided: list[Conflict] = []
        self.lines: list[dict[str, Any]] = []
        self.story: list[str] = []
        hot = self.chance.sample(self.people.subjects, 2)
        self._hot = [(subject, self.chance.choice(subject.groups)) for subject in hot for _ in range(2)]
        self._read_at: dict[int, int] = {}
        self._known_rows: dict[int, HandedRow] = {}
        self.tap = Wiretap(tested, self._on_look, self._on_lines, self._on_donor)

    # --- the whole ------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Everybody was seen on both sides before anybody is edited."""
        self.tested.bench.pickup()
        self.tested.settle(2)
        self.people.begin()
        chances = {Mishap.LOST: 0.12, Mishap.DOUBLED: 0.1, Mishap.DELAYED: 0.12, Mishap.OVERTAKEN: 0.1}
        for mishap, probability in chances.items():
            seconds = self.chance.choice((30.0, 600.0, 3.0 * HOUR))
            self.tested.virtuous.store.outbox.mishap(mishap, probability=probability, seconds=seconds)

    def act(self) -> None:
        """One thing happens."""
        name = self.chance.choices(list(ACTS), list(ACTS.values()))[0]
        self.do(name)
        self.tested.bench.clock.advance(self.chance.choice((0.5, 2, 20)))

    def do(self, name: str) -> None:
        """One thing by its name."""
        self.oracle.step += 1
        told = getattr(self, f"_{name}")()
        self.story.append(f"{self.oracle.step} {name} {'' if told is None else told}".strip())
        self.watch()

    def watch(self) -> None:
        """The oracle sees what stands on both sides."""
        for subject in self.people.subjects:
            ours = said_by_raisedonors(self.tested, subject)
            self.oracle.observed(subject, ours, said_by_virtuous(self.tested, subject))

    def round(self) -> int:
        """A quiet day: all that runs by itself, and an import of all. How many calls could write, and rows landed."""
        before = len(self.tap.writes) + self._landed_rows()
        self.oracle.step += 1
        self.tested.bench.pickup()
        self.tested.net()
        self.tested.webhooks()
        self.watch()
        self._batch()
        self._import_all()
        self._settle(600, HOUR)
        self.tested.bench.clock.advance(20 * HOUR)
        return len(self.tap.writes) + self._landed_rows() - before

    def _landed_rows(self) -> int:
        return sum(row.state is RowState.LANDED for row in self.tested.virtuous.store.rows)

    def _settle(self, *pauses: float) -> None:
        for seconds in pauses:
            self.watch()
            self.tested.webhooks()
            self.tested.sweep()
            self.tested.drain()
            self._note_rows()
            self.watch()
            self.tested.bench.clock.advance(seconds)

    # --- persons --------------------------------------------------------------------------------------------

    def _side(self) -> str:
        return self.chance.choice((RAISEDONORS, VIRTUOUS))

    def _field(self) -> tuple[Subject, str]:
        """A field, more often than not one of the few on which this interleaving dwells."""
        if self.chance.random() < 0.7:
            return self.chance.choice(self._hot)
        subject = self.chance.choice(self.people.subjects)
        return subject, self.chance.choice(subject.groups)

    def _edit(self) -> str:
        side, (subject, group) = self._side(), self._field()
        done = self.people.edit(side, subject, group)
        return f"{side} {subject.donor_id} {group} {done and self._now(side, subject, group)}"

    def _edit_back(self) -> str:
        side, (subject, group) = self._side(), self._field()
        done = self.people.edit_back(side, subject, group)
        return f"{side} {subject.donor_id} {group} {done and self._now(side, subject, group)}"

    def _edit_both(self) -> str:
        subject, group = self._field()
        done = self.people.edit_both(subject, group)
        return f"{subject.donor_id} {group} {done and self._now(RAISEDONORS, subject, group)}"

    def _conflict(self) -> str:
        """Both sides change one field before anything runs."""
        subject, group = self._field()
        sides = [RAISEDONORS, VIRTUOUS]
        self.chance.shuffle(sides)
        told = []
        for side in sides:
            self.people.edit(side, subject, group)
            self.tested.bench.clock.advance(30)
            told.append(f"{side} {self._now(side, subject, group)}")
        return f"{subject.donor_id} {group} {told}"

    def _empty(self) -> str:
        side, (subject, _) = self._side(), self._field()
        return f"{side} {subject.donor_id} {self.people.empty(side, subject)}"

    def _email(self) -> str:
        side, (subject, _) = self._side(), self._field()
        return f"{side} {subject.donor_id} {self.people.email(side, subject)}"

    def _tag(self) -> None:
        self.people.tag(self.chance.choice(self.people.subjects))

    def _add_person(self) -> None:
        self.people.add_person()

    def _now(self, side: str, subject: Subject, group: str) -> str:
        said = (said_by_raisedonors if side == RAISEDONORS else said_by_virtuous)(self.tested, subject)
        return (said or {}).get(group, "")

    # --- the product ----------------------------------------------------------------------------------------

    def _pickup(self) -> None:
        self.tested.bench.pickup()

    def _batch(self) -> None:
        self.tested.plan()
        self._drain(VIRTUOUS)

    def _batches(self) -> None:
        """A second batch begins while the first one is at work."""
        at, other = self.chance.randint(1, 30), self.chance.choice((self._other_plan, self._other_batch))
        with self.tap.meanwhile(at, other):
            self._batch()

    def _batch_dies(self) -> str:
        at, after = self.chance.randint(1, 60), self.chance.random() < 0.5
        with self.tap.dying(at, after=after):
            self._batch()
        self._note_rows()
        return f"at {at} after={after}, made {self.tap.counted}"

    def _webhooks(self) -> None:
        """What is due arrives, and may wait in the queue."""
        self.tested.virtuous.sender.deliver_due(self.tested.post)
        if self.chance.random() < 0.6:
            self._drain(RAISEDONORS)

    def _contacts(self) -> None:
        self._drain(RAISEDONORS)

    def _contacts_die(self) -> str:
        self.tested.virtuous.sender.deliver_due(self.tested.post)
        at, after = self.chance.randint(1, 45), self.chance.random() < 0.5
        with self.tap.dying(at, after=after):
            self._drain(RAISEDONORS)
        self.oracle.died({one.donor_id: said_by_raisedonors(self.tested, one) for one in self.people.subjects})
        return f"at {at} after={after}, made {self.tap.counted}"

    def _sweep(self) -> None:
        self.tested.sweep()
        self._drain(self.chance.choice((RAISEDONORS, VIRTUOUS)))

    def _net(self) -> None:
        self.tested.net()

    def _wait(self) -> None:
        self.tested.bench.clock.advance(self.chance.choice((60, 300, HOUR, 5 * HOUR)))

    def _other_plan(self) -> None:
        self.tested.plan("another")

    def _other_batch(self) -> None:
        self.tested.plan("another")
        self._drain(VIRTUOUS)

    def _drain(self, destination: str) -> None:
        worker = self.tested.worker(destination)
        for _ in range(40):
            if self.tested.work(destination, worker) is None:
                break
        self._note_rows()

    # --- staff at the import tool ---------------------------------------------------------------------------

    def _import_all(self) -> str:
        return self._run_import(None)

    def _import_some(self) -> str:
        """Some donors' rows, or all rows of before some moment: never a later row of a donor before an earlier one."""
        held = [row for row in self.tested.virtuous.store.rows if row.state is RowState.HELD]
        chosen = {row.identity for row in held if self.chance.random() < 0.5}
        until = self.chance.choice([row.number for row in held]) if held else 0
        if self.chance.random() < 0.5:
            return self._run_import(lambda row: row.identity in chosen)
        return self._run_import(lambda row: row.number <= until)

    def _run_import(self, take: Callable[[HeldRow], bool] | None) -> str:
        self._note_rows()
        mates = {one.donor_id: self.people.mates_of(one.donor_id) for one in self.people.subjects}
        result = self.tested.virtuous.run_import(ImportChoices(take=take, on_match="create"))
        for landed in result.landed:
            row = self._known_rows[landed]
            self.oracle.landed(row, mates.get(row.donor_id, []))
        return f"landed {[(self._known_rows[n].donor_id, self._known_rows[n].said) for n in result.landed]}"

    def _note_rows(self) -> None:
        for held in self.tested.virtuous.store.rows:
            donor_id = int(held.identity)
            if held.number in self._known_rows or donor_id not in self.oracle.subjects:
                continue
            made = self._read_at.get(donor_id, self.oracle.step)
            is_organization = self.oracle.subjects[donor_id].is_organization
            said = said_by_row(held.row, is_organization=is_organization)
            row = HandedRow(donor_id, made, said, handed_at=held.received)
            self._known_rows[held.number] = row
            self.oracle.rows.append(row)
            self.story.append(f"    row {held.number} of {donor_id}: {row.said}")

    # --- what is heard --------------------------------------------------------------------------------------

    def _on_look(self, contact_id: int) -> None:
        said: dict[int, tuple[Said, Said]] = {}
        newest: dict[int, str] = {}
        modified = 0
        for subject in self.people.subjects:
            contact = contact_of(self.tested, subject)
            if contact is None or contact.contact_id != contact_id or subject.donor_id not in self.oracle.subjects:
                continue
            theirs = said_by_virtuous(self.tested, subject)
            if theirs is not None:
                said[subject.donor_id] = said_by_raisedonors(self.tested, subject), theirs
            modified = contact.modified
            entry = self.tested.bench.raisedonors.store.donors.entry(subject.donor_id)
            newest[subject.donor_id] = VIRTUOUS if contact.modified > entry.latest.modified else RAISEDONORS
        self.oracle.looks(contact_id, said, newest, self.setting)
        for donor_id, (_, theirs) in said.items():
            self.oracle.sees_rows(contact_id, donor_id, theirs, modified)

    def _on_donor(self, donor_id: int) -> None:
        self._read_at[donor_id] = self.oracle.step

    def _on_lines(self, lines: list[dict[str, Any]]) -> None:
        self.lines += lines
        for line in lines:
            details = line.get("details") or {}
            for one in details.get("conflicts", []):
                self.decided.append(Conflict(int(details["donor"]), one["field"], one["winner"]))
                self.story.append(f"    decided {details['donor']} {one}")
        ended = {str(line.get("delivery")) for line in lines if line["what"] in {"delivered", "ignored"}}
        for name in ended:
            system, kind, number_, *_ = [*name.split("/"), "", ""]
            if (system, kind) == (RAISEDONORS, "contact"):
                self.oracle.recorded(int(number_))
