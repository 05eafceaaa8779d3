"""A contact as it is now, on its way to its donors on RaiseDonors (requirements E2 to E7)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.clients.virtuous import Virtuous
from giftbridge.domain.contact_fields import fields_of_contact, fields_of_donor
from giftbridge.domain.contact_merging import (
    OURS,
    THEIRS,
    ContactMerge,
    Policy,
    Verdict,
    merge,
    with_written,
)
from giftbridge.domain.contact_rows import Base
from giftbridge.domain.contacts import Contact
from giftbridge.domain.deliveries import OPEN_STATES, Step
from giftbridge.domain.delivery_ids import RAISEDONORS, VIRTUOUS, contact_updated_id, donor_updated_id
from giftbridge.domain.household import link_of
from giftbridge.domain.notices import FieldChange
from giftbridge.domain.remembered import Mirror, Mirrored, for_later
from giftbridge.domain.settings import VirtuousSettings
from giftbridge.errors import Held, RecordMissing, Rejected, Skipped
from giftbridge.flows.contact_donors import ContactDonors, LinkedDonor
from giftbridge.flows.contact_sightings import read_now
from giftbridge.flows.contact_telling import (
    as_fact,
    changes_of,
    conflicts_as_fact,
    conflicts_from_fact,
    from_fact,
    told,
)
from giftbridge.flows.contact_writes import ContactWrites
from giftbridge.flows.donor_outbox import DonorOutbox
from giftbridge.flows.health import Health
from giftbridge.flows.key_mirror import KeyMirror
from giftbridge.flows.tools import Tools
from giftbridge.flows.work import Work, not_for
from giftbridge.store.contact_snapshots import ContactSnapshot
from giftbridge.store.rows import Write

_MOST_MERGES = 10
_WAIT = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class DonorMerge:
    """What becomes of one donor of the contact.

    `begun` is what an attempt that did not end had begun to write, `begun_conflicts` what it had decided.
    """

    linked: LinkedDonor
    seen: ContactSnapshot | None
    ours: dict[str, str]
    theirs: dict[str, str]
    merged: ContactMerge
    begun: tuple[FieldChange, ...] = ()
    begun_conflicts: tuple[dict[str, str], ...] = ()

    @property
    def brought(self) -> list[FieldChange]:
        """What the donor got from the contact, by this attempt or one before it."""
        return [change for change in changes_of(self) if change.old != change.new]


class ContactUpdates:
    """Brings edits of contacts to their donors, and notes which rows of ours landed."""

    destination = RAISEDONORS
    systems: tuple[str, ...] = (RAISEDONORS, VIRTUOUS)

    def __init__(self, tools: Tools, raisedonors: RaiseDonors, virtuous: Virtuous) -> None:
        self.tools = tools
        self.raisedonors = raisedonors
        self.virtuous = virtuous
        self.donors = ContactDonors(tools, raisedonors, virtuous)
        self.writes = ContactWrites(raisedonors)
        self.outbox = DonorOutbox(tools)
        self.health = Health(tools)
        self.keys_on_raisedonors = KeyMirror(tools, raisedonors)

    def carry(self, work: Work) -> None:
        """Read the contact once, merge it with each of its donors, write what changed."""
        _, settings = self.tools.settings()
        if not settings.virtuous.sync_contacts:
            raise Skipped("the setting virtuous.sync_contacts is off", cause="switched-off")
        work.facts |= read_now(work.now)
        contact, merged_ids = self._present(work)
        work.delivery = replace(work.delivery, seen=contact.stamp)
        source = settings.virtuous.reference_source
        if not contact.donor_references(source) and not merged_ids:
            raise Skipped(f"carries no reference of {source}", cause="not-eligible")
        is_first_try = work.delivery.attempt is None
        linked = self.donors.of(work, contact, source, merged_ids)
        if is_first_try:
            self._require_no_other(work, linked)
        if not linked:
            raise Skipped("no donor on RaiseDonors belongs to it", cause="no-donor")
        work.delivery = replace(work.delivery, donor_id=linked[0].record.donor.id)
        merges = [self._merged(work, contact, one, settings.virtuous) for one in linked]
        self._write(work, contact, merges)
        self._record(work, contact, merges)

    def probe(self, work: Work) -> None:
        """A write that may have landed shows in what both sides say: they are merged anew. A creation is looked for."""
        attempt = work.delivery.attempt
        if attempt is not None and attempt.step is Step.DONOR and "individual" in attempt.values:
            self.donors.probe_creation(work)
            return
        work.surely_not_sent()

    def follow(self, work: Work) -> None:
        """Nothing is held on the way to RaiseDonors."""
        raise not_for(self.destination, work.delivery.kind)

    def mirror(self, work: Work) -> None:
        """Store the contact's key and the entry of the donor's activity on RaiseDonors."""
        self.keys_on_raisedonors.store(work)

    def ping(self, system: str) -> None:
        """A harmless read."""
        if system == self.destination:
            self.raisedonors.ping()
        else:
            self.virtuous.ping()

    # --- reading --------------------------------------------------------------------------------------------

    def _present(self, work: Work) -> tuple[Contact, list[int]]:
        """The contact, or the one it was merged into, with the ids of those that were merged away."""
        contact_id = int(work.delivery.entity_id)
        gone: list[int] = []
        for _ in range(_MOST_MERGES):
            try:
                contact = self.virtuous.contact(contact_id)
                self.health.note_success(VIRTUOUS)
            except RecordMissing:
                self._forget(work, contact_id)
                raise Skipped("the contact is gone in Virtuous", cause="contact-gone") from None
            if contact.merged_into is None or contact.merged_into in {*gone, contact_id}:
                return contact, gone
            gone.append(contact_id)
            contact_id = contact.merged_into
        raise Rejected(
            f"was merged more than {_MOST_MERGES} times", cause="merged-in-circles", field="mergedIntoContactId"
        )

    def _require_no_other(self, work: Work, linked: list[LinkedDonor]) -> None:
        """Raises Held while the delivery of another contact is writing to a donor: after a merge two speak for them.

        Otherwise one would take what the other has half written for what was there before, and tell it wrongly.
        """
        for one in linked:
            link = self.tools.keys.contact_link(one.entity)
            if link is None or contact_updated_id(link.contact_id) == work.delivery.id:
                continue
            other = self.tools.deliveries.get(contact_updated_id(link.contact_id))
            if other is not None and other.state in OPEN_STATES and other.attempt is not None:
                text = f"waits for {other.id} ({other.state})"
                raise Held(text, waits_for=other.id, not_before=work.now + _WAIT)

    def _forget(self, work: Work, contact_id: int) -> None:
        """Rows must not name a contact that is gone: the reference finds the right one, or makes it."""
        for number in self.tools.keys.donors_with(VIRTUOUS, str(contact_id)):
            entity = f"donor#{number}"
            link = self.tools.keys.contact_link(entity)
            if link is not None and link.contact_id == contact_id:
                work.also.append(self.tools.keys.unlink(entity, VIRTUOUS, str(link)))

    def _merged(self, work: Work, contact: Contact, linked: LinkedDonor, settings: VirtuousSettings) -> DonorMerge:
        seen = self.tools.snapshots.get(linked.entity)
        ours = fields_of_donor(linked.record.donor)
        theirs = fields_of_contact(contact, linked.individual, ours)
        known = seen.base if seen is not None else Base(ours)
        noted = from_fact(work.facts.get(_begun_fact(linked)))
        # What is agreed on by now was told with that.
        begun = tuple(change for change in noted if known.ours.get(change.field) != change.new)
        if known.theirs is None and self.outbox.sends_whole(linked.record.donor.id):
            # Edited on RaiseDonors before it was recorded how the donor looked: who changed what cannot be told.
            known = Base({}, {}, known.rows)
        base = with_written(known, ours, begun)
        modified = linked.record.modified_at
        is_theirs_newer = contact.modified_at is not None and (modified is None or contact.modified_at > modified)
        policy = Policy(settings.conflicts, settings.empty_erases, THEIRS if is_theirs_newer else OURS)
        merged = merge(base, ours, theirs, policy, contact.modified_at, contact.created_at)
        conflicts = conflicts_from_fact(work.facts.get(_decided_fact(linked)))
        return DonorMerge(linked, seen, ours, theirs, merged, begun, conflicts)

    # --- writing --------------------------------------------------------------------------------------------

    def _write(self, work: Work, contact: Contact, merges: list[DonorMerge]) -> None:
        """To RaiseDonors what changed in Virtuous, and a row for Virtuous where RaiseDonors' value is to stay."""
        inward = [one for one in merges if one.merged.inward]
        if inward:
            # Noted with the intent: half of it written, the other half no longer shows what there was to tell.
            work.facts |= {_begun_fact(one.linked): as_fact(changes_of(one)) for one in inward}
            work.facts |= {_decided_fact(one.linked): conflicts_as_fact(one) for one in inward}
            work.begin(Step.DONOR, {"donors": ", ".join(str(one.linked.record.donor.id) for one in inward)})
        for one in inward:
            self.writes.apply(one.linked, one.theirs, one.merged.inward)
        for one in merges:
            if one.merged.needs_row:
                self.outbox.count(one.linked.record.donor.id, work.now)

    def _record(self, work: Work, contact: Contact, merges: list[DonorMerge]) -> None:
        """The fact: what is agreed on now, whose contact this is, and a line for each donor."""
        for one in merges:
            self._agree(work, contact, one)
            work.facts.pop(_begun_fact(one.linked), None)
            work.facts.pop(_decided_fact(one.linked), None)
        lines = [told(contact, one) for one in merges]
        for one, line in list(zip(merges, lines, strict=True))[1:]:
            work.also.append(self._line_of(work, one, line))
        work.make_room()
        changed = [one for one in merges if one.brought or one.merged.conflicts]
        if changed:
            work.delivered({"contact": str(contact.id)}, "brought to RaiseDonors", proven=True, details=lines[0])
        landed = [one for one in merges if self._has_landed(one)]
        for one in landed:
            if not one.merged.base.rows:
                self.outbox.note_landed(one.linked.record.donor.id)
        if changed:
            return
        if landed:
            echo = donor_updated_id(landed[0].linked.record.donor.id, VIRTUOUS)
            raise Skipped(f"echo of {echo}", cause="echo")
        raise Skipped("nothing that travels changed", cause="nothing-changed")

    def _agree(self, work: Work, contact: Contact, one: DonorMerge) -> None:
        entity, number = one.linked.entity, one.linked.record.donor.id
        echo = work.delivery.id if one.brought else (one.seen.echo_of if one.seen is not None else None)
        after = ContactSnapshot(entity, one.merged.base, contact.type, echo)
        if one.seen is None or replace(one.seen, revision=None) != after:
            work.also.append(self.tools.snapshots.write(one.seen, after, work.now))
        key = str(link_of(contact, one.linked.individual))
        row = self.tools.keys.get(entity, VIRTUOUS)
        if row is None or row.key != key:
            work.also.append(self.tools.keys.link(entity, VIRTUOUS, key, "reference", row, work.now))
            self.outbox.bring_gifts_forward(number)
        if one.linked.record.virtuous_key != key:
            work.mirrors.append(Mirror(Mirrored.VIRTUOUS, str(number), key))
        if one.brought:
            text = "\n".join(f"{c.field}: {c.old or '-'} -> {c.new or '-'}" for c in one.brought)
            token = f"{work.delivery.entity_id} {work.now:%Y-%m-%d %H:%M:%S.%f}"
            activity = Mirror(Mirrored.ACTIVITY, str(number), token)
            work.facts[str(activity)] = text
            work.mirrors.append(activity)

    def _line_of(self, work: Work, one: DonorMerge, details: dict[str, object]) -> Write:
        return self.tools.activity.line(
            one.linked.entity,
            now=work.now,
            what="delivered" if one.brought or one.merged.conflicts else "ignored",
            why="brought to RaiseDonors" if one.brought else "nothing that travels changed",
            delivery_id=work.delivery.id,
            details={"kind": work.delivery.kind.value, **details},
        )

    def _has_landed(self, one: DonorMerge) -> bool:
        """Whether this look showed a row of ours."""
        before = one.seen.base.rows if one.seen is not None else ()
        return len(one.merged.base.rows) < len(before) or Verdict.LANDED in one.merged.verdicts.values()


def _begun_fact(linked: LinkedDonor) -> str:
    """What a delivery calls the changes that it is about to write to a donor."""
    return for_later("begun", linked.record.donor.id)


def _decided_fact(linked: LinkedDonor) -> str:
    """Under which name a delivery remembers the conflicts it decided while it writes them."""
    return for_later("decided", linked.record.donor.id)
