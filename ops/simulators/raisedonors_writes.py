"""What the simulated RaiseDonors answers to a write."""

from collections.abc import Callable
from typing import Any

from ops.simulators.raisedonors_store import RaiseDonorsStore
from ops.simulators.wire import Answer


def stored(store: RaiseDonorsStore, resource: Callable[[], dict[str, Any]]) -> Answer:
    """The resource as stored, or nothing: the contract allows both."""
    choice = store.settings.write_answers
    if choice == "204" or (choice == "vary" and store.writes % 2):
        return Answer(204)
    return Answer.of_json(resource())
