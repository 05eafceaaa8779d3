"""What must be true of an edit or a note in the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.domain.agreed import donor_fields, schedule_fields
from giftbridge.domain.deliveries import State
from giftbridge.domain.delivery_ids import donor_updated_id, schedule_changed_id
from giftbridge.domain.notices import EDIT_WITHOUT_PARTNER
from tests.matrix.interception import Fault, Interceptor
from tests.matrix.judgement import differing
from tests.workbench import Workbench


@dataclass(frozen=True)
class Landed:
    """Judges that Aegis carried out one write of a sort, and no other write at all."""

    operation: str

    def __call__(self, _: Workbench, interceptor: Interceptor) -> list[str]:
        is_right = interceptor.landed == [self.operation]
        return [] if is_right else [f"carried out: {interceptor.landed} instead of one {self.operation}"]


@dataclass(frozen=True)
class Agreed:
    """Judges that what was last agreed on is what RaiseDonors says now."""

    entity: str

    def __call__(self, bench: Workbench, _: Interceptor) -> list[str]:
        kind, _, number = self.entity.partition("#")
        source = RaiseDonors(bench.wire("raisedonors"))
        is_donor = kind == "donor"
        fields = donor_fields(source.donor(int(number))) if is_donor else schedule_fields(source.schedule(int(number)))
        agreed = bench.tools.agreed.get(self.entity, "aegis")
        return [] if agreed == fields else [f"{self.entity}: agreed on {agreed}, it is {fields}"]


@dataclass(frozen=True)
class Changed:
    """Judges that these members of a record in Aegis changed, and nothing else in it."""

    kind: str
    record_id: str
    before: Mapping[str, Any]
    expected: Mapping[str, Any]

    def __call__(self, bench: Workbench, _: Interceptor) -> list[str]:
        store = bench.aegis.store
        after = store.partners[self.record_id] if self.kind == "partner" else store.pledges[self.record_id].model
        changed = differing(self.before, after)
        return [] if changed == self.expected else [f"{self.kind}: {changed} changed instead of {self.expected}"]


@dataclass(frozen=True)
class PledgeMade:
    """Judges that a schedule has its one pledge, as it is now, and that its key is stored everywhere."""

    schedule: int
    amount: Decimal

    def __call__(self, bench: Workbench, _: Interceptor) -> list[str]:
        made = list(bench.aegis.store.pledges.values())
        if len(made) != 1:
            return [f"{len(made)} pledges instead of 1"]
        [pledge], name = made, schedule_changed_id(self.schedule)
        key, claim = bench.tools.keys.get(f"schedule#{self.schedule}", "aegis"), f"aegis-pledge#{pledge.pledge_id}"
        delivery = bench.tools.deliveries.get(name)
        source = bench.raisedonors.store.schedules.entry(self.schedule).latest.members
        [transaction] = bench.aegis.store.transactions.values()
        facts = {
            "key": (key and key.key, pledge.pledge_id),
            "key on RaiseDonors": (source.get("crmKey"), pledge.pledge_id),
            "result": (delivery and delivery.result.get("pledge"), pledge.pledge_id),
            "claim": (bench.tools.keys.claimed_by([claim], "aegis").get(claim), name),
            "amount": (pledge.model["PledgeAmount"], self.amount),
            "active": (pledge.model["Active"], True),
            "automatic": (pledge.model["AutoPayment"], False),
            "start": (pledge.model["StartDate"], source["startDate"]),
            "partner": (pledge.model["PartnerID"], transaction.partner_id),
        }
        wrong = [f"{what}: {is_} instead of {must_be}" for what, (is_, must_be) in facts.items() if is_ != must_be]
        overwritten = bench.raisedonors.store.overwritten_schedules
        return [*wrong, *(f"schedule {number} overwritten: {members}" for number, members in overwritten)]


@dataclass(frozen=True)
class NoteSent:
    """Judges that a note is in Aegis once; at most once, and said so, where what broke hid whether it landed."""

    name: str

    def __call__(self, bench: Workbench, interceptor: Interceptor) -> list[str]:
        delivery, notes = bench.tools.deliveries.get(self.name), bench.aegis.store.notes
        if delivery is not None and delivery.state is State.DELIVERED:
            said = [(note["PartnerID"], note["Subject"], note["Note"]) for note in notes]
            must_be = [(delivery.result.get("partner"), "Call", "Asked about missions")]
            return [] if said == must_be else [f"the notes are {said}"]
        cause = delivery and delivery.trouble and delivery.trouble.cause
        problems = [] if cause == "note-outcome-unknown" else [f"the note failed for {cause}"]
        if len(notes) > 1:
            problems.append(f"{len(notes)} notes")
        call = str(interceptor.break_call)
        is_sent = call.startswith("aegis.createPartnerNote")
        hides = "Deliveries" in call or (is_sent and interceptor.fault not in {Fault.STATUS_429, Fault.NO_CONNECTION})
        return problems if hides else [*problems, "nothing hid whether the note landed, and yet it failed"]


def no_write_landed(bench: Workbench, interceptor: Interceptor) -> list[str]:
    """Judges that nothing at all was written to Aegis."""
    return [] if not interceptor.landed and not bench.aegis.store.partners else ["something was written to Aegis"]


def told_of_the_name(bench: Workbench, _: Interceptor) -> list[str]:
    """Judges that the notification list is told of the new last name, and the edit is ignored for that reason."""
    donor = bench.population.donors[0].donor_id
    told = [(w.notice.kind, w.notice.about, w.notice.delivery_id) for w in bench.tools.notices.oldest(10)]
    changes = [(c.field, c.new) for w in bench.tools.notices.oldest(10) for c in w.notice.changes]
    expected = (EDIT_WITHOUT_PARTNER, f"donor#{donor}", donor_updated_id(donor))
    is_right = set(told) == {expected} and set(changes) == {("last name", "Neu")}
    delivery = bench.tools.deliveries.get(donor_updated_id(donor))
    cause = delivery and delivery.trouble and delivery.trouble.cause
    problems = [] if is_right else [f"the notice says {told}, {changes}"]
    return problems if cause == "no-partner" else [*problems, f"ignored for {cause}"]
