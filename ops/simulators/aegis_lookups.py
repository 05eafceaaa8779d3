"""Reference data of the simulated Aegis: each kind of code by ID and as a list, and custom data fields."""

from ops.simulators.aegis_answers import error
from ops.simulators.aegis_paging import page_answer
from ops.simulators.aegis_store import LOOKUP_KINDS, AegisStore
from ops.simulators.wire import Answer, Call, Operation

LIST_OPERATION_IDS = {
    "Fund": "listFunds", "Appeal": "listAppeals", "OriginSource": "listOriginSources", "Product": "listProducts",
    "BatchCategory": "listBatchCategories", "Warehouse": "listWarehouses", "PledgeProgram": "listPledgePrograms",
    "Channel": "listChannels",
}  # fmt: skip


class LookupOperations:
    """The look-up operations of the contract. A kind can be switched to `not offered`: 404 for everything."""

    def __init__(self, store: AegisStore) -> None:
        self._store = store

    def table(self) -> list[Operation]:
        """The operations of all kinds."""
        return [operation for kind in LOOKUP_KINDS for operation in self._of_kind(kind)]

    def custom_data_field(self, call: Call) -> Answer:
        """customdata/ID."""
        field = self._store.custom_data_fields.get(call.path["text"].casefold())
        return error(404, f"No custom data field '{call.path['text']}'.") if field is None else Answer.of_json(field)

    def _of_kind(self, kind: str) -> list[Operation]:
        def one(call: Call) -> Answer:
            entry = self._store.codes[kind].get(call.path["text"])
            if entry is None or kind in self._store.settings.lookups_not_offered:
                return error(404, f"No {kind} '{call.path['text']}'.")
            return Answer.of_json(entry)

        def every(call: Call) -> Answer:
            if kind in self._store.settings.lookups_not_offered:
                return error(404, f"No HTTP resource was found for {kind}/List.")
            return page_answer(call, "Items", list(self._store.codes[kind].values()))

        return [
            Operation(f"get{kind}", "GET", f"/api/{{context}}/{kind}/ID/{{text}}", one),
            Operation(LIST_OPERATION_IDS[kind], "GET", f"/api/{{context}}/{kind}/List", every),
        ]
