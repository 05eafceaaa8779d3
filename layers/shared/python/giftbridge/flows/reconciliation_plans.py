"""What can be done about the differences of a report, planned before anything is (requirement H1)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal

from giftbridge.domain.reconciliation import Difference, Heal, Report, Sort

_TELLS: Mapping[Heal, str] = {
    Heal.PICK_UP: "take it up as the pickup would",
    Heal.RETRY: "retry its delivery",
    Heal.SEND_ANEW: "send it anew, if Aegis still does not show it",
    Heal.LINK: "say that this transaction is it",
    Heal.ADJUST: "record an adjustment in Aegis",
}


@dataclass(frozen=True, slots=True)
class HealItem:
    """One difference of a plan, with what is done about it; `left` says why nothing is."""

    difference: Difference
    what: str
    left: bool = False


@dataclass(frozen=True, slots=True)
class HealPlan:
    """What a heal would do."""

    report_id: str
    items: tuple[HealItem, ...]

    @property
    def to_do(self) -> tuple[HealItem, ...]:
        """Those that something is done about."""
        return tuple(item for item in self.items if not item.left)


@dataclass(frozen=True, slots=True)
class HealResult:
    """What became of one planned difference: `begun`, or `left` with the reason."""

    id: str
    outcome: str
    text: str
    delivery_id: str = ""


class Left(Exception):
    """Nothing is done about this one, and why."""


def plan_heal(report: Report, difference_ids: Collection[str] | None = None) -> HealPlan:
    """What can be done about these differences, or about all that are open. Raises KeyError for an unknown id."""
    by_id = {one.id: one for one in report.differences}
    chosen = [by_id[name] for name in difference_ids] if difference_ids is not None else list(report.open)
    items = []
    for one in chosen:
        if one.state != "open":
            items.append(HealItem(one, f"is {one.state} already", left=True))
        elif one.heal is Heal.BY_HAND:
            items.append(HealItem(one, one.remedy or "needs nothing", left=True))
        else:
            items.append(HealItem(one, _told(one)))
    return HealPlan(report.id, tuple(items))


def _told(difference: Difference) -> str:
    words = _TELLS[difference.heal]
    if difference.heal is Heal.ADJUST:
        return f"{words} of {adjusts_by(difference):.2f}"
    return f"{words} ({', '.join(difference.numbers)})" if difference.heal is Heal.LINK else words


def adjusts_by(difference: Difference) -> Decimal:
    """The amount that puts a difference right."""
    found = difference.found or Decimal(0)
    return -found if difference.sort is Sort.DOUBLED else (difference.expected or Decimal(0)) - found
