"""To the cent: what the gifts net to in Aegis, against what RaiseDonors says they are worth now."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from ops.simulators.aegis_store import AegisStore
from ops.simulators.raisedonors_records import Entry
from ops.simulators.raisedonors_store import RaiseDonorsStore
from ops.simulators.tally import DONATION_ID


def cents_apart(raisedonors: RaiseDonorsStore, aegis: AegisStore, is_open: Callable[[int], bool]) -> int:
    """The sum of all differences, gift by gift; `is_open` names gifts that a person is to decide, or nobody need send.

    Gifts that were in Aegis from before are not counted: their money came another way.
    """
    net: dict[str, Decimal] = {}
    for transaction in aegis.transactions.values():
        gift_id = transaction.attribute(DONATION_ID)
        if gift_id is not None:
            net[gift_id] = net.get(gift_id, Decimal(0)) + transaction.total
    apart = Decimal(0)
    for gift in raisedonors.gifts.all_entries():
        if not gift.bad and not gift.first_members.get("crmKey") and not is_open(gift.record_id):
            apart += abs(net.get(str(gift.record_id), Decimal(0)) - _worth(gift))
    return int(apart * 100)


def _worth(gift: Entry) -> Decimal:
    members = gift.latest.members
    is_given = members.get("statusText") == "Approved" and not members.get("isTestMode")
    return Decimal(str(members.get("amount", 0))) if is_given else Decimal(0)
