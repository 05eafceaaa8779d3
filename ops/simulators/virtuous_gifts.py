"""Gifts of the simulated Virtuous: has it landed, what does a contact have, and taking one back."""

from ops.simulators.virtuous_answers import Answers, path_id
from ops.simulators.virtuous_records import RowState
from ops.simulators.virtuous_shapes import REVERSAL
from ops.simulators.virtuous_store import VirtuousStore
from ops.simulators.wire import Answer, Call


class GiftOperations:
    """The gift operations of the contract."""

    def __init__(self, store: VirtuousStore, answers: Answers) -> None:
        self._store = store
        self._answers = answers

    def by_transaction(self, call: Call) -> Answer:
        """The gift of a source and id; 404 while its row is held."""
        source, transaction_id = call.path["transactionSource"], call.path["transactionId"]
        row = self._store.gift_rows.get((source, transaction_id))
        gift = None if row is None else self._store.gifts.get(row.gift_id or 0)
        if gift is not None:
            return self._answers.of(self._store.gift_json(gift))
        if row is not None and row.state is RowState.HELD and self._store.settings.held_gift_answers == "pending":
            pending = self._answers.of({"transactionSource": source, "transactionId": transaction_id, "id": None})
            pending.off_schema = True
            return pending
        return self._answers.missing()

    def of_contact(self, call: Call) -> Answer:
        """One page of a contact's gifts, the oldest first."""
        contact = self._store.contacts.get(path_id(call, "contactId") or 0)
        if contact is None:
            return self._answers.missing()
        skip, take = self._answers.page_bounds(call)
        gifts = self._store.gifts_of.get(contact.contact_id, [])
        shown = [self._store.gift_json(gift) for gift in gifts[skip : skip + take]]
        return self._answers.page(shown, len(gifts))

    def reverse(self, call: Call) -> Answer:
        """Take a gift back by a negative line; a repeat posts a second one."""
        model = self._answers.read(call)
        body = model.read(REVERSAL, ("reversedGiftId", "giftDate"))
        self._answers.keep(model.errors)
        gift = self._store.gifts.get(body["reversedGiftId"])
        if gift is None:
            return self._answers.missing()
        if gift.reversed_gift_id is not None:
            raise self._answers.refuse("model.reversedGiftId", "A reversal cannot be reversed.")
        shares = [
            {**share, "id": self._store.new_id("detail"), "amountDesignated": -share["amountDesignated"]}
            for share in gift.members["giftDesignations"]
        ]
        members = {
            **gift.members, "transactionSource": None, "transactionId": None, "giftDate": body["giftDate"],
            "notes": body.get("notes"), "giftDesignations": shares,
        }  # fmt: skip
        reversal = self._store.add_gift(gift.contact_id, -gift.amount, members, reversed_gift_id=gift.gift_id)
        return self._answers.of(self._store.gift_json(reversal) if self._store.writes % 2 else True)
