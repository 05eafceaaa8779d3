"""Transactions: all writes or none, once for each token."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.simulation.aws.errors import invalid, not_sent, refused
from tests.simulation.aws.values import item_bytes
from tests.simulation.aws.writing import Tables, planned

MOST_ITEMS = 100
MOST_BYTES = 4 * 1024 * 1024
REMEMBERED_SECONDS = 600.0
OPERATIONS = frozenset({"Put", "Update", "Delete", "ConditionCheck"})


def cancelled(reasons: Sequence[Mapping[str, Any]]) -> Exception:
    """The error of a transaction that was not made, with a reason for each write."""
    codes = ", ".join(str(reason["Code"]) for reason in reasons)
    return refused(
        "TransactionCanceledException",
        f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]",
        CancellationReasons=[dict(reason) for reason in reasons],
    )


class Transactions:
    """Makes transactions, and remembers for ten minutes which tokens were made."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._made: dict[str, tuple[float, Sequence[Mapping[str, Any]]]] = {}

    def write(self, tables: Tables, items: Sequence[Mapping[str, Any]], token: str | None) -> None:
        """Make all writes or none. Raises TransactionCanceledException."""
        if not isinstance(items, list | tuple):
            raise not_sent("Invalid type for parameter TransactItems")
        if not 0 < len(items) <= MOST_ITEMS:
            raise invalid(
                "1 validation error detected: Value at 'transactItems' failed to satisfy constraint: Member must have "
                f"length less than or equal to {MOST_ITEMS}"
            )
        if token is not None and self._was_made(token, items):
            return
        changes = []
        for item in items:
            if len(item) != 1 or not item.keys() <= OPERATIONS:
                raise invalid(
                    "TransactItems can only contain one of Check, Put, Update or Delete"
                    if item.keys() <= OPERATIONS
                    else f"Unknown parameter in TransactItems: {sorted(item.keys() - OPERATIONS)}"
                )
            ((operation, arguments),) = item.items()
            changes.append(planned(tables, operation, arguments))
        if len({(change.table.name, change.key) for change in changes}) < len(changes):
            raise invalid("Transaction request cannot include multiple operations on one item")
        reasons = [change.reason() for change in changes]
        if any(reason["Code"] != "None" for reason in reasons):
            raise cancelled(reasons)
        if len(items) > 10 and sum(item_bytes(change.after or {}) for change in changes) > MOST_BYTES:
            raise invalid("Collection size of the transaction has exceeded the maximum allowed size")
        for change in changes:
            change.make()
        if token is not None:
            self._made[token] = (self._now() + REMEMBERED_SECONDS, items)

    def _was_made(self, token: str, items: Sequence[Mapping[str, Any]]) -> bool:
        if len(self._made) > 2000:
            now = self._now()
            self._made = {name: made for name, made in self._made.items() if made[0] > now}
        made = self._made.get(token)
        if made is None or made[0] <= self._now():
            return False
        if made[1] is not items and made[1] != items:
            raise refused(
                "IdempotentParameterMismatchException",
                "Request parameters do not match the parameters of an earlier request with the same token",
            )
        return True
