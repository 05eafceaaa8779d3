"""What would go to Virtuous: gifts as import rows, donors' edits by the groups of fields that would travel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.clients.raisedonors_sightings import read_contact_sighting
from giftbridge.domain.agreed import Fields, digest_of
from giftbridge.domain.change_sightings import ChangeSighting, FirstSight, change_for
from giftbridge.domain.contact_fields import ALL_GROUPS
from giftbridge.domain.contact_merging import groups_to_send
from giftbridge.domain.contact_rows import Base
from giftbridge.domain.deliveries import Delivery, State
from giftbridge.domain.delivery_ids import VIRTUOUS, donation_created_id, donation_refunded_id
from giftbridge.domain.sightings import Sighting, delivery_for, refund_for
from giftbridge.errors import Rejected
from giftbridge.flows.feed_walk import Turn
from giftbridge.flows.virtuous_rows import DIGEST, PreparationEnds, VirtuousRows
from giftbridge.store.contact_snapshots import ContactSnapshot
from ops.operating import fates
from ops.operating.fates import Preview
from ops.operating.reaching import virtuous
from ops.operating.stack import Stack

GIFTS, REFUNDS, CONTACTS = "virtuous_gifts", "virtuous_refunds", "virtuous_contacts"
# The members of a gift row that tell of no person.
_IMPERSONAL = (
    "transactionId",
    "giftDate",
    "giftType",
    "amount",
    "currencyCode",
    "frequency",
    "recurringGiftTransactionId",
    "segment",
    "mediaOutlet",
    "designations",
)


class VirtuousLook:
    """Rows are made as the batch makes them, out of what RaiseDonors says now; nothing is written or sent.

    `with_rows` shows whole rows, names and all.
    """

    def __init__(self, stack: Stack, source: RaiseDonors, turn: Turn, *, with_rows: bool) -> None:
        self.tools = stack.tools
        self.turn = turn
        self.with_rows = with_rows
        self.rows = VirtuousRows(stack.tools, source, virtuous(stack))
        self.shared = self.rows.begin()

    def gifts(self, sightings: Iterable[Sighting]) -> Iterator[Preview]:
        """Donations, each with its refund where there is one."""
        fresh = list(sightings) if self.turn.settings.virtuous.sync_gifts else []
        makes = (donation_created_id, donation_refunded_id)
        known = self.tools.deliveries.get_many(make(s.donation_id, VIRTUOUS) for s in fresh for make in makes)
        for sighting in fresh:
            before = known.get(donation_created_id(sighting.donation_id, VIRTUOUS))
            on = self.turn.on[VIRTUOUS]
            after = delivery_for(sighting, before, self.turn.settings, on, self.turn.now, VIRTUOUS)
            yield self._gift(sighting, before, after)
            if sighting.is_reversed:
                refunded = known.get(donation_refunded_id(sighting.donation_id, VIRTUOUS))
                yield self._refund(sighting, after or before, refunded, is_first_sight=before is None)

    def _gift(self, sighting: Sighting, before: Delivery | None, after: Delivery | None) -> Preview:
        gift = Preview(GIFTS, sighting.donation_id, sighting.donor_id, sighting.status, "", "")
        fate, why = fates.of_gift(sighting, before, after)
        if fate != "new" or after is None:
            return replace(gift, fate=fate, why=why)
        try:
            row = self.rows.prepare(after, self.shared).row
        except PreparationEnds as ends:
            return replace(gift, fate="ignored", why=ends.reason.explain())
        except Rejected as refused:
            return replace(gift, fate="failed", why=refused.explain())
        shown = row if self.with_rows else {name: row[name] for name in _IMPERSONAL if name in row}
        return replace(gift, fate="new", why=f"with the next batch: {_in_words(row)}", row=shown)

    def _refund(
        self, sighting: Sighting, original: Delivery | None, before: Delivery | None, *, is_first_sight: bool
    ) -> Preview:
        refund = Preview(REFUNDS, sighting.donation_id, sighting.donor_id, sighting.status, "", "")
        after = refund_for(sighting, original, before, self.turn.now, is_first_sight=is_first_sight)
        fate, why = fates.of_reversal(original, before, after)
        return replace(refund, fate=fate, why=why)

    def contacts(self, raws: Iterable[Any]) -> Iterator[Preview]:
        """Donors' edits, by the groups of fields that would travel."""
        if not self.turn.settings.virtuous.sync_contacts:
            return
        with_tests = self.turn.settings.raisedonors.test_mode_gifts == "send"
        seen = [s for raw in raws if (s := read_contact_sighting(raw, with_tests=with_tests)) and s.fields is not None]
        newest = {sighting.entity: sighting for sighting in seen}
        known = self.tools.deliveries.get_many(sighting.delivery_id for sighting in newest.values())
        snapshots = self.tools.snapshots.get_many(newest)
        for sighting in newest.values():
            fields, before = sighting.fields or {}, known.get(sighting.delivery_id)
            fate, why, groups = self._edit(sighting, fields, before, snapshots.get(sighting.entity))
            yield Preview(CONTACTS, sighting.entity_id, sighting.donor_id, "", fate, why, groups=groups)

    def _edit(
        self, sighting: ChangeSighting, fields: Fields, before: Delivery | None, snapshot: ContactSnapshot | None
    ) -> tuple[str, str, tuple[str, ...] | None]:
        """As VirtuousEdits counts an edit, and VirtuousRows chooses what its row carries."""
        if snapshot is None:
            return "first sight", "only recorded, so that later edits can be told", None
        if snapshot.base.ours == fields:
            return "unchanged", "nothing that Virtuous knows changed", None
        if before is not None and before.state is State.SENT and before.result.get(DIGEST) == digest_of(fields):
            return "known", "its row is held by the import tool", None
        after = change_for(sighting, before, snapshot.base.ours, self.turn.now)
        if after is None or isinstance(after, FirstSight):
            return "known", f"is {before.state.value}" if before is not None else "was seen before", None
        link = self.tools.keys.contact_link(sighting.entity)
        # A contact that is not known is sent whole.
        groups = groups_to_send(snapshot.base if link is not None else Base({}), fields)
        if not groups:
            return "ignored", "became empty, and the import tool erases nothing", None
        named = tuple(sorted(groups & ALL_GROUPS))
        whom = f"contact {link.contact_id}" if link is not None else "the contact that the import finds or makes"
        return "sent", f"{', '.join(named)}; with the next batch, into {whom}", named


def _in_words(row: Mapping[str, Any]) -> str:
    parts = [f"{share.get('code', '?')} {share.get('amountDesignated', '?')}" for share in row.get("designations", ())]
    known = "known contact" if "id" in row.get("contact", {}) else "contact found or made by the import"
    total = f"{row.get('amount', '?')} {row.get('currencyCode', '')}".strip()
    return f"{row.get('giftDate', '?')}, {row.get('giftType', '?')}, {total} ({', '.join(parts)}), {known}"
