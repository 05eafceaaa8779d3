"""Queries of the simulated Virtuous: conditions joined by AND within a group, groups joined by OR."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from ops.simulators.virtuous_answers import Answers
from ops.simulators.virtuous_model import DAY, is_day
from ops.simulators.virtuous_records import Contact, Project, methods_of
from ops.simulators.virtuous_shapes import QUERY
from ops.simulators.virtuous_store import VirtuousStore
from ops.simulators.virtuous_wire import day_of
from ops.simulators.wire import Call

Record = TypeVar("Record", Contact, Project)
Values = Callable[[Record], list[Any]]
"""What a record has under a parameter: days as texts, numbers, texts, or one boolean."""

OPERATORS = {
    "Is": ("day", "number", "text", "flag"),
    "OnOrAfter": ("day",),
    "OnOrBefore": ("day",),
    "GreaterThan": ("number", "day"),
    "Contains": ("text",),
    "IsTrue": ("flag",),
}
"""Which kinds of parameters each operator suits."""


class Query:
    """The body of a query, read and checked against what can be asked."""

    def __init__(self, call: Call, answers: Answers, kinds: Mapping[str, str]) -> None:
        model = answers.read(call)
        read = model.read(QUERY, ("groups",))
        self._groups: list[dict[str, Any]] = read.get("groups") or []
        for n, group in enumerate(self._groups):
            for m, condition in enumerate(group.get("conditions") or []):
                problem = _problem(condition, kinds)
                if problem:
                    model.errors.add(f"model.groups[{n}].conditions[{m}]", problem)
        self._sort_by = str(read.get("sortBy") or "Id").casefold()
        answers.keep(model.errors)
        self.is_descending = str(read.get("descending", False)).lower() == "true"
        self.includes_archived = bool(read.get("includeArchived"))
        self._kinds = {name.casefold(): kind for name, kind in kinds.items()}

    def found(self, records: Iterable[Record], values: Mapping[str, Values[Record]]) -> list[Record]:
        """The records that fit one of the groups; without a group all do."""
        small = {name.casefold(): value for name, value in values.items()}
        return [
            record for record in records if not self._groups or any(self._fits(g, record, small) for g in self._groups)
        ]

    def sorts_by(self, name: str) -> bool:
        """Whether the result is to be sorted by this."""
        return self._sort_by == name.casefold()

    def _fits(self, group: Mapping[str, Any], record: Record, values: Mapping[str, Values[Record]]) -> bool:
        return all(self._holds(condition, record, values) for condition in group.get("conditions") or [])

    def _holds(self, condition: Mapping[str, Any], record: Record, values: Mapping[str, Values[Record]]) -> bool:
        name = condition["parameter"].casefold()
        own, wanted = values[name](record), str(condition.get("value") or "")
        kind = self._kinds[name]
        # Days are compared as days, whatever the time of day that was given.
        asked: Any = int(wanted) if kind == "number" else wanted[:10] if kind == "day" else wanted.casefold()
        match condition["operator"]:
            case "OnOrAfter":
                return any(value >= asked for value in own)
            case "OnOrBefore":
                return any(value <= asked for value in own)
            case "GreaterThan":
                return any(value > asked for value in own)
            case "Contains":
                return any(asked in str(value).casefold() for value in own)
            case "IsTrue":
                return any(own)
            case _:
                return any(str(value).casefold() == str(asked) for value in own)


def contact_values(store: VirtuousStore) -> dict[str, Values[Contact]]:
    """What can be asked of contacts."""
    zone = store.settings.query_zone_hours
    return {
        "Last Modified Date": lambda contact: [day_of(contact.modified, zone)],
        "Create Date": lambda contact: [day_of(contact.created, zone)],
        "Contact Id": lambda contact: [contact.contact_id],
        "Email Address": lambda contact: [
            method["value"] for person in contact.individuals for method in methods_of(person, "Email")
        ],
    }


CONTACT_KINDS = {"Last Modified Date": "day", "Create Date": "day", "Contact Id": "number", "Email Address": "text"}
PROJECT_KINDS = {"Project Code": "text", "Project Name": "text", "Active": "flag"}
PROJECT_VALUES: dict[str, Values[Project]] = {
    "Project Code": lambda project: [project.members["projectCode"]],
    "Project Name": lambda project: [project.members["name"]],
    "Active": lambda project: [bool(project.members["isActive"])],
}


def _problem(condition: Mapping[str, Any], kinds: Mapping[str, str]) -> str | None:
    small = {name.casefold(): kind for name, kind in kinds.items()}
    kind = small.get(str(condition.get("parameter", "")).casefold())
    suited = OPERATORS.get(str(condition.get("operator", "")))
    if kind is None:
        return f"The parameter '{condition.get('parameter')}' is not known."
    if suited is None or kind not in suited:
        return f"The operator '{condition.get('operator')}' does not suit the parameter."
    return None if condition["operator"] == "IsTrue" else _problem_of_value(condition.get("value"), kind)


def _problem_of_value(value: str | None, kind: str) -> str | None:
    if value is None:
        return "A value is needed."
    if kind == "day" and not (DAY.match(value) and is_day(value[:10])):
        return f"The value '{value}' is no date."
    if kind == "number" and not (value.isascii() and value.isdigit() and len(value) < 16):
        return f"The value '{value}' is no number."
    return None
