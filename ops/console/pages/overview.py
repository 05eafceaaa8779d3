"""The overview: is all well, and if not, what is in the way. It refreshes itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.responses import Response

from giftbridge.store.budgets import RateBudget
from ops.console import charts
from ops.console.pages.reconciliation import open_money
from ops.console.pages.review import count_waiting
from ops.console.story_lines import shaped
from ops.console.visit import Visit, looks
from ops.operating import listing, story
from ops.operating.judging import LATE, judge
from ops.operating.stack import Stack
from ops.operating.status import Status, SystemStatus, read_status
from ops.operating.throughput import Throughput, ThroughputWatch

_KEPT_SECONDS = 4.0
_RARELY_SECONDS = 12.0
_CAUSES = 5
_LINES = 8
_TONES = {"open": "good", "not connected": "bad", "paused": "warn", "stopped": "bad"}


@dataclass(frozen=True, slots=True)
class Budget:
    """Calls to a system that may be made at once, and an hour; None where nothing limits them."""

    now: int | None
    an_hour: int | None


@dataclass(frozen=True, slots=True)
class SystemCard:
    """An outside system on the overview."""

    status: SystemStatus
    tone: str
    budget: Budget
    is_paused: bool
    is_closed: bool


def overview(visit: Visit) -> Response:
    """The whole page, or the part that refreshes itself."""
    office, stack = visit.office, visit.stack
    status = office.lately("status", _KEPT_SECONDS, lambda: _status(stack))
    throughput = office.lately("throughput", _KEPT_SECONDS, lambda: _watch(visit).look(stack))
    groups = office.lately("failures", _RARELY_SECONDS, lambda: listing.failures(stack))
    oldest = _oldest(status)
    return visit.page(
        "_overview.html" if visit.asked("part") else "overview.html",
        "Overview",
        health=status,
        throughput=throughput,
        spark=charts.spark(throughput.lately, _spark_words(throughput)),
        systems=[_card(stack, system, status) for system in status.systems],
        groups=groups[:_CAUSES],
        most=max((group.count for group in groups), default=1),
        failed=sum(group.count for group in groups),
        open=sum(one.open for one in status.destinations),
        oldest=oldest,
        oldest_tone="good" if oldest is None else "bad" if status.now - oldest > 5 * LATE else _late(status, oldest),
        imports=next((one.imports for one in status.destinations if one.imports and not one.is_idle), None),
        dead=sum(one.dead_letters.waiting + one.dead_letters.in_hand for one in status.destinations),
        reviews=office.lately("reviews", _RARELY_SECONDS, lambda: count_waiting(stack)),
        difference=office.lately("difference", _RARELY_SECONDS, lambda: open_money(stack)),
        lines=office.lately("lines", _KEPT_SECONDS, lambda: [shaped(line) for line in story.recent(stack, _LINES)]),
    )


def _status(stack: Stack) -> Status:
    found = read_status(stack)
    judge(stack, found)
    return found


def _watch(visit: Visit) -> ThroughputWatch:
    return visit.office.lately("watch", float("inf"), ThroughputWatch)


def _spark_words(throughput: Throughput) -> str:
    return "Delivered in every two minutes of the last hour: " + ", ".join(map(str, throughput.lately))


def _oldest(status: Status) -> datetime | None:
    found = [one.oldest_undelivered for one in status.destinations if one.oldest_undelivered is not None]
    return min(found, default=None)


def _late(status: Status, oldest: datetime) -> str:
    return "warn" if status.now - oldest > timedelta(minutes=3) else "good"


def _card(stack: Stack, system: SystemStatus, status: Status) -> SystemCard:
    limits = status.settings.settings.limits
    per_hour: int | None = getattr(limits, f"{system.name}_per_hour")
    row = stack.tools.state.get(f"budget#{system.name}") or {}
    told = int(row["limit"]) if row.get("limit") else per_hour
    left = RateBudget(stack.tools.state, system.name, lambda: per_hour, stack.tools.now).within(0.0)
    tone = _TONES.get(system.condition, "warn") if system.is_needed else "quiet"
    is_closed = system.condition in {"stopped", "breaker open"} or system.waits_until is not None
    return SystemCard(system, tone, Budget(left, told), system.condition == "paused", is_closed)


ROUTES = (looks("/", overview),)
