"""Others who work in Aegis beside us: staff who merges partners, and an integration that records gifts too."""

from __future__ import annotations

import random

from ops.simulators.aegis_store import AegisStore
from ops.simulators.aegis_transactions import seed_transaction
from ops.simulators.raisedonors_store import RaiseDonorsStore
from ops.simulators.tally import DONATION_ID, DONOR_ID
from tests.simulation.world.machine import Machine

_MERGES, _RECORDS = 3, 4


class Staff:
    """Acts as the seed has it, if the weather knows of it."""

    def __init__(self, seed: int, machine: Machine, raisedonors: RaiseDonorsStore, aegis: AegisStore) -> None:
        self.machine = machine
        self.raisedonors = raisedonors
        self.aegis = aegis
        self.moved_pledges: set[str] = set()
        """Pledges that went to another partner when two were merged."""
        self._draw = random.Random(f"staff {seed}")

    def plan(self, first: float, last: float) -> None:
        """Draw when who does what."""
        at, states = self.machine.acts.at, self.machine.weather.states
        if "staff-merges" in states:
            for _ in range(_MERGES):
                at(self._draw.uniform(first, last), self.merge)
        if "other-integration" in states:
            for _ in range(_RECORDS):
                at(self._draw.uniform(first, last), self.record_a_gift)

    def merge(self) -> None:
        """Two partners that callers made become one: the history moves, the other is switched off."""
        made = [
            name
            for name, partner in self.aegis.partners.items()
            if partner["IsActive"]
            and name not in self.aegis.seeded_partner_ids
            and self.aegis.transactions_of.get(name)
        ]
        if len(made) < 2:
            return
        gone, kept = self._draw.sample(made, 2)
        for transaction in self.aegis.transactions_of.pop(gone, []):
            transaction.partner_id = kept
            transaction.model["PartnerID"] = kept
            self.aegis.transactions_of.setdefault(kept, []).append(transaction)
        for pledge in self.aegis.pledges_of.pop(gone, []):
            self.aegis.edit_pledge(pledge.pledge_id, {"PartnerID": kept})
            self.moved_pledges.add(pledge.pledge_id)
            self.aegis.pledges_of.setdefault(kept, []).append(pledge)
        self.aegis.set_partner_active(gone, False)
        self.machine.trace.line("aegis staff", f"merges partner {gone} into {kept}")

    def _is_being_sent(self, gift_id: int) -> bool:
        """Nobody could keep two from recording a gift in the same moment."""
        key = (f"aegis/donation/{gift_id}/created",)
        row = self.machine.account.dynamodb.tables["DeliveriesTable"].rows.get(key, {})
        return row.get("state", {}).get("S") in ("sending", "unknown")

    def record_a_gift(self) -> None:
        """Another integration records a gift that waits, and notes so on RaiseDonors."""
        there = {transaction.attribute(DONATION_ID) for transaction in self.aegis.transactions.values()}
        partners = {
            transaction.attribute(DONOR_ID): transaction.partner_id
            for transaction in self.aegis.transactions.values()
            if transaction.via_api and self.aegis.partners[transaction.partner_id]["IsActive"]
        }
        fit = [
            gift
            for gift in self.raisedonors.gifts.visible()
            if gift.latest.members.get("statusText") == "Approved"
            and not gift.bad
            and not gift.latest.members.get("isTestMode")
            and not gift.latest.members.get("crmKey")
            and not gift.latest.members.get("recurringGiftId")
            and str(gift.record_id) not in there
            and not self._is_being_sent(gift.record_id)
            and str(gift.latest.members.get("donorId")) in partners
        ]
        if not fit:
            return
        gift = self._draw.choice(fit)
        members = gift.latest.members
        projects = self.raisedonors.projects
        number = seed_transaction(
            self.aegis,
            {
                "PartnerID": partners[str(members["donorId"])],
                "TransactionDate": f"{members['date']}+00:00",
                "Attributes": [
                    {"Name": DONATION_ID, "Value": str(gift.record_id)},
                    {"Name": DONOR_ID, "Value": str(members["donorId"])},
                ],
                "Gifts": [
                    {
                        "Amount": share["amount"],
                        "FundID": projects.entry(share["projectId"]).latest.members.get("code"),
                    }
                    for share in members["projects"]
                ],
            },
        )
        self.raisedonors.edit("gift", gift.record_id, {"crmKey": str(number)})
        self.machine.trace.line("other integration", f"records gift {gift.record_id} as {number}")
