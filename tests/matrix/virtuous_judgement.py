"""What must be true of Virtuous in the end: each gift once, one reversal, keys everywhere, both sides agreed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.domain.contact_fields import fields_of_donor
from giftbridge.domain.deliveries import Delivery, State
from giftbridge.domain.delivery_ids import VIRTUOUS, donation_created_id, donation_refunded_id
from ops.simulators.virtuous_population import OUR_SOURCE
from ops.simulators.virtuous_records import Contact, RowState
from ops.simulators.virtuous_tally import virtuous_tally
from ops.simulators.virtuous_tally_result import VIRTUOUS_DIFFERENCES
from tests.matrix.judgement import DELIVERED
from tests.virtuous_bench import VirtuousBench

Judge = Callable[[VirtuousBench], list[str]]
# A change of a contact that was merged already, or an edit that came back, is ignored with the reason.
QUIET = frozenset({State.DELIVERED, State.IGNORED})


@dataclass
class VirtuousGoal:
    """What a scenario must end in.

    `gifts` must have landed once, `refunded` among them be reversed once, and `donors` be linked with their contacts.
    `ends` says how each delivery that is named may end; any other ends delivered or ignored.
    """

    gifts: list[int] = field(default_factory=list)
    refunded: list[int] = field(default_factory=list)
    donors: list[int] = field(default_factory=list)
    ends: dict[str, frozenset[State]] = field(default_factory=dict)
    judges: list[Judge] = field(default_factory=list)

    @property
    def deliveries(self) -> dict[str, frozenset[State]]:
        """How each delivery that must be there may end."""
        ids = [donation_created_id(gift, VIRTUOUS) for gift in self.gifts]
        ids += [donation_refunded_id(gift, VIRTUOUS) for gift in self.refunded]
        return dict.fromkeys(ids, DELIVERED) | self.ends

    def is_reached(self, there: VirtuousBench) -> bool:
        """Whether every delivery has ended so, no row is held, and no webhook is on its way."""
        known = _deliveries(there)
        if there.virtuous.store.outbox.open_count or not self.deliveries.keys() <= known.keys():
            return False
        is_held = any(row.state is RowState.HELD for row in there.virtuous.store.rows)
        return not is_held and all(_has_ended(one, self._may_end(name)) for name, one in known.items())

    def wrong(self, there: VirtuousBench) -> list[str]:
        """Everything that is not as it must be."""
        known = _deliveries(there)
        problems = [f"{name} is nowhere" for name in self.deliveries.keys() - known.keys()]
        problems += [why for name, one in known.items() for why in _wrong_end(there, one, self._may_end(name))]
        problems += [why for gift in self.gifts for why in _wrong_gift(there, gift, is_back=gift in self.refunded)]
        problems += [why for donor in self.donors for why in _wrong_link(there, donor)]
        problems += [why for judge in self.judges for why in judge(there)]
        problems += _wrong_in_the_stores(there, self.gifts)
        held = [row for row in there.bench.rows("CrmKeysTable") if row.get("held_by")]
        problems += [f"{row['entity']} is still held by {row['held_by']}" for row in held]
        waiting = there.bench.tools.notices.count(10)
        return [*problems, f"{waiting} notices wait"] if waiting else problems

    def _may_end(self, name: str) -> frozenset[State]:
        return self.deliveries.get(name, QUIET)


def _deliveries(there: VirtuousBench) -> dict[str, Delivery]:
    names = [row["id"] for row in there.bench.rows("DeliveriesTable")]
    return there.bench.tools.deliveries.get_many(names)


def _has_ended(delivery: Delivery, ends: frozenset[State]) -> bool:
    return delivery.state in ends and not delivery.mirrors and delivery.wanted == delivery.served


def _wrong_end(there: VirtuousBench, delivery: Delivery, ends: frozenset[State]) -> list[str]:
    """A delivery that did not end as it must, or of whose end no activity line tells."""
    if not _has_ended(delivery, ends):
        counts = (delivery.wanted, delivery.served)
        return [f"{delivery.id} ended as {(delivery.state.value, delivery.trouble, delivery.mirrors, counts)}"]
    if delivery.state is not State.DELIVERED and delivery.trouble is None:
        return [f"{delivery.id} is {delivery.state} without a reason"]
    entities = {delivery.donor_entity, f"delivery#{delivery.id}"}
    lines = [line for entity in entities for line in there.bench.tools.activity.of_entity(entity)]
    told = [line for line in lines if line.get("delivery") == delivery.id and line["what"] == delivery.state.value]
    return [] if told else [f"{delivery.id}: no activity line says it was {delivery.state}"]


def _wrong_gift(there: VirtuousBench, gift: int, *, is_back: bool) -> list[str]:
    """A gift that has not landed once, to the cent, with its key; or is not reversed as often as it must be."""
    store, name = there.virtuous.store, str(gift)
    rows = [row for row in store.rows if row.kind == "gift" and (row.source, row.identity) == (OUR_SOURCE, name)]
    landed = [one for one in store.gifts.values() if one.members.get("transactionId") == name]
    if (len(rows), len(landed)) != (1, 1):
        return [f"gift {gift} was held as {len(rows)} rows and landed {len(landed)} times"]
    given, problems = there.bench.raisedonors.store.gifts.entry(gift).latest.members["amount"], []
    shares = sum(share["amountDesignated"] for share in landed[0].members["giftDesignations"])
    if not landed[0].amount == shares == given:
        problems.append(f"gift {gift}: {landed[0].amount} and {shares} instead of {given}")
    reversals = [one.amount for one in store.gifts.values() if one.reversed_gift_id == landed[0].gift_id]
    if reversals != ([-given] if is_back else []):
        problems.append(f"gift {gift} of {given} is reversed by {reversals}")
    key = there.bench.tools.keys.get(f"donation#{gift}", VIRTUOUS)
    delivery = there.delivery(donation_created_id(gift, VIRTUOUS))
    ids = {key and key.key, delivery.result.get("gift"), str(landed[0].gift_id)}
    return problems if len(ids) == 1 else [*problems, f"gift {gift}: its ids are {ids}"]


def _wrong_link(there: VirtuousBench, donor: int) -> list[str]:
    """A donor whose contact, key, mirrored key or agreed fields are not right."""
    found = [
        (contact, reference)
        for contact in there.virtuous.store.contacts.values()
        for reference in contact.references
        if (reference.source, reference.id) == (OUR_SOURCE, str(donor)) and contact.merged_into is None
    ]
    if len(found) != 1:
        return [f"donor {donor} is referred to {len(found)} times"]
    [(contact, reference)] = found
    key = there.bench.tools.keys.get(f"donor#{donor}", VIRTUOUS)
    mirrored = RaiseDonors(there.bench.wire("raisedonors")).donor_record(donor).virtuous_key
    expected = f"{contact.contact_id}/{reference.individual_id or _namesake(there, contact, donor)}"
    problems = []
    if (key and key.key) != expected or mirrored != expected:
        problems.append(f"donor {donor}: the key is {key and key.key}, on RaiseDonors {mirrored}, must be {expected}")
    snapshot = there.bench.tools.snapshots.get(f"donor#{donor}")
    fields = fields_of_donor(RaiseDonors(there.bench.wire("raisedonors")).donor(donor))
    if snapshot is None or snapshot.base.ours != fields or snapshot.base.rows:
        problems.append(f"donor {donor}: agreed on {snapshot and snapshot.base}, it is {fields}")
    return problems


def _namesake(there: VirtuousBench, contact: Contact, donor: int) -> int | None:
    """The person of a contact who has a donor's name: a reference that we hung on it stands for nobody."""
    names = [there.donor(donor)[name] for name in ("firstName", "lastName")]
    return next((one["id"] for one in contact.individuals if [one["firstName"], one["lastName"]] == names), None)


def _wrong_in_the_stores(there: VirtuousBench, gifts: list[int]) -> list[str]:
    """What the tally of both sides finds, and whatever is there twice."""
    store = there.virtuous.store
    tally = virtuous_tally(there.bench.raisedonors.store, store, expected_gifts=gifts)
    problems = [
        f"{meaning}: {one.describe()}" for name, meaning in VIRTUOUS_DIFFERENCES.items() for one in getattr(tally, name)
    ]
    problems += [f"sent with another content: {repeat}" for repeat in store.changed_repeats]
    return problems + [f"misspelled: {name}" for name in (*store.misspelled_members, *store.dropped_members)]
