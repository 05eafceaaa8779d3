"""Faults on demand: wrong answers, hang-ups, delays and requests that land late, by rule; and whole outages."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from ops.simulators.spoiling import Spoiling
from ops.simulators.wire import Answer, Request


class FaultKind(StrEnum):
    """What goes wrong, and whether the request is carried out all the same."""

    STATUS_BEFORE = "status_before"
    """Answer with a status; the request is not carried out."""
    STATUS_AFTER = "status_after"
    """Carry the request out, then answer with a status."""
    DROP_BEFORE = "drop_before"
    """Hang up; the request is not carried out."""
    DROP_AFTER = "drop_after"
    """Carry the request out, then hang up."""
    DELAY_BEFORE = "delay_before"
    """Wait, then carry the request out and answer."""
    DELAY_AFTER = "delay_after"
    """Carry the request out, wait, then answer."""
    LATE_LANDING = "late_landing"
    """Hang up at once; the request is carried out some seconds later."""
    SPOIL = "spoil"
    """Carry the request out, then spoil its true answer (see spoiling)."""


class OutageMode(StrEnum):
    """How the whole system is away."""

    STATUS = "status"
    """Every call is answered 503."""
    DROP = "drop"
    """Every connection is accepted and closed without an answer."""
    REFUSE = "refuse"
    """No connection is accepted (a served simulator closes its listening socket)."""


DELAYS = (FaultKind.DELAY_BEFORE, FaultKind.DELAY_AFTER)


@dataclass
class FaultRule:
    """One rule. It concerns the calls of an operation (`*`: all) whose body and path contain the given texts."""

    kind: FaultKind
    operation: str = "*"
    nth: int | None = None
    """Start with the n-th call that the rule concerns; without a count, this one call only."""
    count: int | None = None
    """Fire at most so many times."""
    probability: float = 1.0
    body_contains: str | None = None
    path_contains: str | None = None
    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)
    body: str | None = None
    content_type: str | None = None
    seconds: float = 0.0
    spoiling: Spoiling | None = None
    after: str | None = None
    """The name of another rule that must have fired before."""
    name: str = ""
    seen: int = 0
    fired: int = 0

    def concerns(self, operation_id: str | None, request: Request) -> bool:
        """Whether the rule looks at this call at all."""
        if self.operation not in ("*", operation_id):
            return False
        if self.path_contains is not None and self.path_contains not in request.target:
            return False
        return self.body_contains is None or self.body_contains.encode("utf-8") in request.body

    def strikes(self, chance: random.Random) -> bool:
        """Count the call and decide whether the fault happens now."""
        self.seen += 1
        limit = self.count if self.count is not None else (1 if self.nth is not None else None)
        if self.seen < (self.nth or 1) or (limit is not None and self.fired >= limit):
            return False
        if self.probability < 1.0 and chance.random() >= self.probability:
            return False
        self.fired += 1
        return True

    def spoiled(self, answer: Answer) -> Answer:
        """What becomes of a true answer. One with nothing to spoil in it was not met: it does not count."""
        spoiled = self.spoiling(answer) if self.spoiling is not None else None
        if spoiled is None:
            self.fired -= 1
            return answer
        return spoiled

    def answer(self) -> Answer:
        """The answer that the fault puts in place of the true one."""
        text = self.body if self.body is not None else f'{{"Message":"Injected fault {self.name}."}}'
        looks_like_html = text.lstrip().startswith("<")
        content_type = self.content_type or ("text/html; charset=utf-8" if looks_like_html else "application/json")
        return Answer(self.status, text.encode("utf-8"), content_type if text else None, dict(self.headers))

    def as_json(self) -> dict[str, Any]:
        """The rule with its counts, as the control side shows it."""
        return {**self.__dict__, "kind": self.kind.value, "spoiling": self.spoiling and self.spoiling.name}


@dataclass(slots=True)
class FaultPlan:
    """What the rules decided for one call: any delays, and at most one fault that decides the outcome."""

    delay_before: float = 0.0
    delay_after: float = 0.0
    decisive: FaultRule | None = None
    fired: list[FaultRule] = field(default_factory=list)

    @property
    def label(self) -> str | None:
        """The kinds that fired, for the access log."""
        return "+".join(rule.kind.value for rule in self.fired) or None


class Faults:
    """The rules in force at one service. Probabilities are drawn from a seeded source."""

    def __init__(self, clock: Callable[[], datetime], seed: int = 0) -> None:
        self._clock = clock
        self._chance = random.Random(seed)
        self._names = 0
        self.rules: list[FaultRule] = []
        self.outage_hits = 0
        self._outage: OutageMode | None = None
        self._outage_ends: datetime | None = None
        self.on_outage: list[Callable[[OutageMode | None, float | None], None]] = []

    def add(self, rule: FaultRule) -> FaultRule:
        """Put a rule into force; look at its `fired` afterwards."""
        self._names += 1
        rule.name = rule.name or f"{rule.kind.value}-{self._names}"
        self.rules.append(rule)
        return rule

    def add_from_json(self, members: Mapping[str, Any]) -> FaultRule:
        """Put a rule into force that was given as JSON members named like the rule's own."""
        allowed = set(FaultRule.__dataclass_fields__) - {"seen", "fired", "spoiling"}
        if unknown := set(members) - allowed:
            raise ValueError(f"unknown members of a fault rule: {', '.join(sorted(unknown))}")
        numbers = {name: float(members[name]) for name in ("probability", "seconds") if name in members}
        return self.add(FaultRule(**{**members, **numbers, "kind": FaultKind(members["kind"])}))

    def status(self, operation: str, status: int, *, after_commit: bool = False, **more: Any) -> FaultRule:
        """Answer an operation with a status, before or after it was carried out."""
        kind = FaultKind.STATUS_AFTER if after_commit else FaultKind.STATUS_BEFORE
        return self.add(FaultRule(kind, operation, status=status, **more))

    def drop(self, operation: str, *, after_commit: bool, **more: Any) -> FaultRule:
        """Hang up on an operation, before or after it was carried out."""
        return self.add(FaultRule(FaultKind.DROP_AFTER if after_commit else FaultKind.DROP_BEFORE, operation, **more))

    def delay(self, operation: str, seconds: float, *, after_commit: bool = False, **more: Any) -> FaultRule:
        """Make an operation wait, before or after it is carried out."""
        kind = FaultKind.DELAY_AFTER if after_commit else FaultKind.DELAY_BEFORE
        return self.add(FaultRule(kind, operation, seconds=seconds, **more))

    def late_landing(self, operation: str, seconds: float, **more: Any) -> FaultRule:
        """Hang up on an operation at once and carry it out some seconds later."""
        return self.add(FaultRule(FaultKind.LATE_LANDING, operation, seconds=seconds, **more))

    def remove(self, name: str) -> bool:
        """Take a rule out of force by its name."""
        kept = [rule for rule in self.rules if rule.name != name]
        removed = len(kept) < len(self.rules)
        self.rules[:] = kept
        return removed

    def clear(self) -> None:
        """Take all rules out of force and end any outage."""
        self.rules.clear()
        self.end_outage()

    @property
    def outage(self) -> OutageMode | None:
        """How the whole system is away just now, if it is."""
        if self._outage_ends is not None and self._clock() >= self._outage_ends:
            self._outage, self._outage_ends = None, None
        return self._outage

    def begin_outage(self, mode: OutageMode | str = OutageMode.STATUS, seconds: float | None = None) -> None:
        """Take the whole system away, for some seconds or until `end_outage`."""
        self._outage = OutageMode(mode)
        self._outage_ends = None if seconds is None else self._clock() + timedelta(seconds=seconds)
        for listener in self.on_outage:
            listener(self._outage, seconds)

    def end_outage(self) -> None:
        """Bring the whole system back."""
        self._outage, self._outage_ends = None, None
        for listener in self.on_outage:
            listener(None, None)

    def plan(self, operation_id: str | None, request: Request) -> FaultPlan:
        """Decide what happens to a call. Delays add up; of the others the first that fires counts."""
        plan = FaultPlan()
        outage = self.outage
        if outage is not None:
            self.outage_hits += 1
            kind = FaultKind.STATUS_BEFORE if outage is OutageMode.STATUS else FaultKind.DROP_BEFORE
            plan.decisive = FaultRule(kind, name="outage", body='{"Message":"Service unavailable."}')
            plan.fired.append(plan.decisive)
            return plan
        for rule in self.rules:
            if plan.decisive is not None and rule.kind not in DELAYS:
                continue
            if not rule.concerns(operation_id, request) or not self._has_fired(rule.after):
                continue
            if not rule.strikes(self._chance):
                continue
            plan.fired.append(rule)
            if rule.kind is FaultKind.DELAY_BEFORE:
                plan.delay_before += rule.seconds
            elif rule.kind is FaultKind.DELAY_AFTER:
                plan.delay_after += rule.seconds
            else:
                plan.decisive = rule
        return plan

    def _has_fired(self, name: str | None) -> bool:
        return name is None or any(rule.fired for rule in self.rules if rule.name == name)
