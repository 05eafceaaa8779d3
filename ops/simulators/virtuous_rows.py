"""The operations that hand rows to the import tool of the simulated Virtuous."""

from collections.abc import Mapping
from typing import Any

from ops.simulators.virtuous_answers import Answers
from ops.simulators.virtuous_import import hold
from ops.simulators.virtuous_model import Model, models_in, says_something, text
from ops.simulators.virtuous_shapes import (
    CONTACT_ROW,
    CONTACT_TRANSACTION,
    GIFT_BUNDLE,
    GIFT_REQUIRED,
    GIFT_TRANSACTION,
)
from ops.simulators.virtuous_store import VirtuousStore
from ops.simulators.wire import Answer, Call

MOST_ROWS = 100


class RowOperations:
    """Contact and gift rows, one by one and in bulk. A call that is refused holds nothing."""

    def __init__(self, store: VirtuousStore, answers: Answers) -> None:
        self._store = store
        self._answers = answers

    def contact(self, call: Call) -> Answer:
        """Hold one contact row."""
        model = self._answers.read(call)
        row = model.read(CONTACT_TRANSACTION, ("referenceSource", "referenceId", "contactType"))
        self._check_contact(model, row)
        self._answers.keep(model.errors)
        hold(self._store, "contact", row.pop("referenceSource"), row)
        return self._answers.held()

    def contacts(self, call: Call) -> Answer:
        """Hold up to a hundred contact rows of one source."""
        model = self._answers.read(call)
        source = model.read({"referenceSource": text, "contacts": lambda _, __: None}, ("referenceSource",))
        rows = []
        for one in self._rows_of(model, "contacts"):
            row = one.read(CONTACT_ROW, ("contactType",))
            self._check_contact(one, row)
            rows.append(row)
        self._answers.keep(model.errors)
        for row in rows:
            hold(self._store, "contact", source["referenceSource"], row)
        return self._answers.held()

    def gift(self, call: Call) -> Answer:
        """Hold one gift."""
        model = self._answers.read(call)
        row = self._gift_row(model)
        self._answers.keep(model.errors)
        hold(self._store, "gift", row["transactionSource"], row)
        return self._answers.held()

    def gifts(self, call: Call) -> Answer:
        """Hold up to a hundred gifts of one source."""
        model = self._answers.read(call)
        bundle = model.read({**GIFT_BUNDLE, "transactions": lambda _, __: None}, ("transactionSource",))
        rows = []
        for one in self._rows_of(model, "transactions"):
            row = self._gift_row(one)
            if row.get("transactionSource", bundle.get("transactionSource")) != bundle.get("transactionSource"):
                one.refuse("transactionSource", "The source is not that of the call.")
            rows.append(row)
        self._answers.keep(model.errors)
        for row in rows:
            hold(self._store, "gift", row["transactionSource"], row)
        return self._answers.held()

    def _rows_of(self, model: Model, name: str) -> list[Model]:
        if model.raw(name) is None:
            model.refuse(name, f"The {name} field is required.")
        rows = models_in(model, name) or []
        if len(rows) > MOST_ROWS:
            model.refuse(name, f"At most {MOST_ROWS} rows are taken at once.")
        return rows

    def _gift_row(self, model: Model) -> dict[str, Any]:
        row = model.read(GIFT_TRANSACTION, GIFT_REQUIRED)
        self._check_welcome(model, row)
        return row

    def _check_contact(self, model: Model, row: Mapping[str, Any]) -> None:
        kind = row.get("contactType")
        if kind in ("Organization", "Foundation"):
            needed: tuple[str, ...] = ("name",)
        elif kind == "Household":
            needed = ("firstName",) if says_something(row.get("name")) else ("firstName", "lastName")
        else:
            needed = () if says_something(row.get("name")) else ("firstName", "lastName")
        for name in needed:
            if not says_something(row.get(name)):
                model.refuse(name, f"The {name} field is required for {kind or 'a contact'}.")
        self._check_welcome(model, row)

    def _check_welcome(self, model: Model, row: Mapping[str, Any]) -> None:
        for name, value in row.items():
            if any(unwelcome in str(value) for unwelcome in self._store.settings.unwelcome_texts):
                model.refuse(name, "The value is not allowed.")
