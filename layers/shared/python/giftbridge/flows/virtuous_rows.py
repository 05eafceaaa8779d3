"""From a delivery in the outbox to the row that the import tool is to hold, made of what RaiseDonors says now."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.clients.virtuous import Virtuous
from giftbridge.domain.agreed import digest_of
from giftbridge.domain.contact_fields import ALL_GROUPS, fields_of_donor
from giftbridge.domain.contact_merging import emptied_agreed, groups_to_send
from giftbridge.domain.contact_rows import Base, row_fields
from giftbridge.domain.corrections import corrected, corrected_projects, in_force, values_of
from giftbridge.domain.deliveries import OPEN_STATES, PROJECT_COMES, Delivery, Kind
from giftbridge.domain.delivery_ids import VIRTUOUS, contact_updated_id, project_changed_id
from giftbridge.domain.donations import Donation, Donor, Schedule
from giftbridge.domain.left_out import left_out_of_virtuous
from giftbridge.domain.restores import may_have_been_sent
from giftbridge.domain.settings import Settings
from giftbridge.domain.validation import is_reversed, require_eligible
from giftbridge.domain.virtuous_mapping import GatheredGift, contact_row, gift_row, project_codes
from giftbridge.errors import BudgetSpent, Held, Rejected, Skipped
from giftbridge.flows.left_out import TOLD, WHAT, telling, untold
from giftbridge.flows.projects import Projects
from giftbridge.flows.tools import Tools
from giftbridge.store.contact_snapshots import ContactSnapshot
from giftbridge.store.rows import Write

TURN, DIGEST = "turn", "sent"
_KNOWN_FOR = timedelta(hours=1)
_WAIT = timedelta(seconds=10)


class PreparationEnds(Exception):
    """Nothing is to be sent; `writes` belong to that fact."""

    def __init__(self, reason: Skipped, writes: tuple[Write, ...]) -> None:
        super().__init__(reason.text)
        self.reason = reason
        self.writes = writes


@dataclass(frozen=True, slots=True)
class PreparedRow:
    """A row as it is to be sent, as text that is repeated byte for byte, with the writes that belong to the intent."""

    text: str
    writes: tuple[Write, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """The Reference Source its call is to name."""
        return str(json.loads(self.text)["source"])

    @property
    def row(self) -> dict[str, object]:
        """The row as the client takes it."""
        return dict(json.loads(self.text)["row"])


@dataclass(slots=True)
class Preparation:
    """What the rows of one chunk share: each donor is read once, and one gift is the first of its schedule."""

    settings: Settings
    donors: dict[int, Donor] = field(default_factory=dict)
    first_of: dict[int, str] = field(default_factory=dict)
    unknown_codes: set[str] = field(default_factory=set)
    contact_ids: dict[int, int | None] = field(default_factory=dict)
    spent: BudgetSpent | None = None


class ProjectCodes:
    """Which codes Virtuous knows. A code it does not know is asked for again: somebody may be adding it."""

    def __init__(
        self,
        virtuous: Virtuous,
        now: Callable[[], datetime],
        lock: Callable[[], AbstractContextManager[Any]] = threading.Lock,
    ) -> None:
        self.virtuous = virtuous
        self.now = now
        self._known_until: dict[str, datetime] = {}
        self._lock = lock()

    def knows(self, code: str) -> bool:
        """Whether a project has this code (getProjectByCode)."""
        with self._lock:
            if self._known_until.get(code, self.now()) > self.now():
                return True
            found = self.virtuous.project_by_code(code) is not None
            if found:
                self._known_until[code] = self.now() + _KNOWN_FOR
            return found


class VirtuousRows:
    """Makes rows of donations and of donors' edits."""

    def __init__(self, tools: Tools, raisedonors: RaiseDonors, virtuous: Virtuous) -> None:
        self.tools = tools
        self.raisedonors = raisedonors
        self.virtuous = virtuous
        self.projects = Projects(raisedonors, tools.budgets.of("raisedonors"), tools.now, tools.lock)
        self.codes = ProjectCodes(virtuous, tools.now, tools.lock)

    def begin(self) -> Preparation:
        """For the rows of one chunk."""
        return Preparation(self.tools.settings()[1])

    def prepare(self, member: Delivery, shared: Preparation) -> PreparedRow:
        """The row for a delivery. Raises PreparationEnds, Rejected naming what is wrong, and what the calls raise."""
        if member.row:
            return PreparedRow(member.row)
        if member.kind is not Kind.DONATION_CREATED:
            return self._contact(member, shared)
        return self.projects.tried(lambda: self._gift(member, shared))

    # --- gifts ----------------------------------------------------------------------------------------------

    def _gift(self, member: Delivery, shared: Preparation) -> PreparedRow:
        settings = shared.settings
        source = self.raisedonors.donation(member.entity_id)
        projects = self.projects.named([allocation.project_id for allocation in source.allocations])
        corrections = in_force(member, values_of(source, projects)) if member.corrections else {}
        donation = corrected(source, corrections)
        try:
            require_eligible(donation, settings)
        except Skipped as skipped:
            # What the life before a restore may have handed in cannot be looked up while it is held: it goes once more,
            # which changes nothing if it is there, and is reversed once it has landed.
            if not (is_reversed(donation) and may_have_been_sent(member.result)):
                raise PreparationEnds(skipped, ()) from skipped
        donor = self._donor(donation.donor_id, shared)
        schedule, writes = self._schedule_to_name(member, donation, shared)
        gathered = GatheredGift(
            donation=donation,
            donor=donor,
            projects=corrected_projects(projects, corrections),
            schedule=schedule,
            is_first_of_schedule=schedule is not None,
            contact_id=self._contact_id(donor.id, shared),
        )
        row = gift_row(gathered, settings)
        self._require_known_codes(gathered, shared)
        names = untold(member.result, left_out_of_virtuous(donation, donor))
        if not names:
            return PreparedRow(_text(settings.virtuous.reference_source, row), writes)
        line = self.tools.activity.line(
            member.donor_entity,
            now=self.tools.now(),
            what=WHAT,
            why=telling(names),
            delivery_id=member.id,
            details={"kind": member.kind.value, "fields": names},
        )
        return PreparedRow(_text(settings.virtuous.reference_source, row), (*writes, line), {TOLD: names})

    def _donor(self, donor_id: int, shared: Preparation) -> Donor:
        if donor_id not in shared.donors:
            shared.donors[donor_id] = self.raisedonors.donor(donor_id)
        return shared.donors[donor_id]

    def _schedule_to_name(
        self, member: Delivery, donation: Donation, shared: Preparation
    ) -> tuple[Schedule | None, tuple[Write, ...]]:
        """The schedule, of its first payment that is sent: a claim says which that is."""
        if donation.schedule_id is None:
            return None, ()
        entity = f"schedule#{donation.schedule_id}"
        first = self.tools.keys.claimed_by([entity], VIRTUOUS).get(entity)
        first = first or shared.first_of.setdefault(donation.schedule_id, member.id)
        if first != member.id:
            return None, ()
        claim = self.tools.keys.claim(entity, VIRTUOUS, member.id, self.tools.now())
        return self.raisedonors.schedule(donation.schedule_id), (claim,)

    def _require_known_codes(self, gathered: GatheredGift, shared: Preparation) -> None:
        for code in project_codes(gathered):
            if code in shared.unknown_codes or not self.codes.knows(code):
                shared.unknown_codes.add(code)
                self._require_no_project_on_its_way(gathered, code)
                raise Rejected(
                    f"Virtuous has no project with the code {code!r}",
                    cause=f"unknown-project:{code}",
                    field="designations.code",
                    remedy="give a project in Virtuous this code, or let a batch with virtuous.sync_projects make it",
                )

    def _require_no_project_on_its_way(self, gathered: GatheredGift, code: str) -> None:
        """Raises Held while the project that the gift names is being brought to Virtuous."""
        named = [number for number, project in gathered.projects.items() if (project.code or "").strip() == code]
        for number in named:
            delivery = self.tools.deliveries.get(project_changed_id(number))
            if delivery is not None and delivery.state in OPEN_STATES:
                raise Held(
                    f"waits for {delivery.id} ({delivery.state})",
                    waits_for=delivery.id,
                    cause=PROJECT_COMES,
                    not_before=self.tools.now() + _WAIT,
                )

    def _contact_id(self, donor_id: int, shared: Preparation) -> int | None:
        """The donor's contact: by our key, else by the reference it carries. A stranger's row says all there is."""
        link = self.tools.keys.contact_link(f"donor#{donor_id}")
        if link is not None:
            return link.contact_id
        if donor_id not in shared.contact_ids:
            source = shared.settings.virtuous.reference_source
            contact = self.virtuous.contact_by_reference(source, str(donor_id))
            shared.contact_ids[donor_id] = None if contact is None else contact.merged_into or contact.id
        return shared.contact_ids[donor_id]

    # --- contacts -------------------------------------------------------------------------------------------

    def _contact(self, member: Delivery, shared: Preparation) -> PreparedRow:
        """All that is filled for a contact that is not known, else the names and what changed.

        A held row may be imported long after somebody corrected the contact: it must not carry what did not change.
        """
        entity = f"donor#{member.entity_id}"
        # Before the donor, who is read each time anew: what a look writes meanwhile is no edit to take back.
        snapshot = self.tools.snapshots.get(entity)
        donor = self.raisedonors.donor(int(member.entity_id))
        contact_id = self._contact_id(donor.id, shared)
        self._require_no_half_written(contact_id)
        ours = fields_of_donor(donor)
        base = snapshot.base if snapshot is not None else Base({})
        # A link of old times proves that the contact exists; a backfill sends all there is.
        is_known = contact_id is not None and not member.is_backfill
        groups = groups_to_send(base, ours) if is_known else None
        if groups is not None and not groups:
            self._end_without_row(snapshot, entity, base, ours)
        row = contact_row(donor, groups, snapshot.contact_type if snapshot is not None else None)
        carried = row_fields(ours, groups if groups is not None else ALL_GROUPS, self.tools.now())
        after = ContactSnapshot(
            entity,
            replace(base, rows=(*base.rows, carried)),
            snapshot.contact_type if snapshot is not None else None,
            snapshot.echo_of if snapshot is not None else None,
        )
        write = self.tools.snapshots.write(snapshot, after, self.tools.now())
        return PreparedRow(_text(shared.settings.virtuous.reference_source, row), (write,), {DIGEST: digest_of(ours)})

    def _require_no_half_written(self, contact_id: int | None) -> None:
        """Raises Held while the contact is being written to the donor: what it wrote so far is no edit to send back."""
        if contact_id is None:
            return
        inward = self.tools.deliveries.get(contact_updated_id(contact_id))
        if inward is not None and inward.state in OPEN_STATES and inward.attempt is not None:
            text = f"waits for {inward.id} ({inward.state})"
            raise Held(text, waits_for=inward.id, not_before=self.tools.now() + _WAIT)

    def _end_without_row(self, snapshot: ContactSnapshot | None, entity: str, base: Base, ours: dict[str, str]) -> None:
        writes: tuple[Write, ...] = ()
        reason = Skipped("nothing that Virtuous knows changed", cause="nothing-changed")
        if snapshot is not None and (agreed := emptied_agreed(base, ours)) != base.ours:
            after = replace(snapshot, base=replace(base, ours=agreed))
            writes = (self.tools.snapshots.write(snapshot, after, self.tools.now()),)
            reason = Skipped("became empty, and the import tool erases nothing", cause="cannot-erase")
        raise PreparationEnds(reason, writes)


def _text(source: str, row: dict[str, object]) -> str:
    """The row as text, with the source that its call is to name."""
    return json.dumps({"source": source, "row": row}, ensure_ascii=False, sort_keys=True)
