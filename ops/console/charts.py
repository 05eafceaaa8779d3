"""Charts drawn here, as SVG without a style of its own: colours and sizes are the style sheet's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from markupsafe import Markup, escape

from ops.console.rendering import svg

_WIDTH, _HEIGHT = 860, 200
_LEFT, _BOTTOM, _TOP = 8, 28, 12


def spark(values: Sequence[int], words: str) -> Markup:
    """A line of bars; `words` say what it shows to who does not see it."""
    most = max(values, default=0) or 1
    step = 100 / max(1, len(values))
    bars = [
        f'<rect class="bar{"" if value else " none"}" x="{n * step:.2f}" y="{28 - max(1, 26 * value / most):.1f}" '
        f'width="{step * 0.72:.2f}" height="{max(1, 26 * value / most):.1f}" rx="0.6"/>'
        for n, value in enumerate(values)
    ]
    head = (
        f'<svg class="spark" viewBox="0 0 100 28" preserveAspectRatio="none" role="img" aria-label="{escape(words)}">'
    )
    return svg([head, *bars, "</svg>"])


@dataclass(frozen=True, slots=True)
class DayBars:
    """A day with the money on both sides, and the difference that is open."""

    day: str
    ours: Decimal
    theirs: Decimal
    open_difference: Decimal


def days_chart(days: Sequence[DayBars], ours: str, theirs: str) -> Markup:
    """Two bars a day; a mark under a day whose sides differ. The table beside it has the numbers."""
    most = max((max(day.ours, day.theirs) for day in days), default=Decimal(0)) or Decimal(1)
    room = (_WIDTH - 2 * _LEFT) / max(1, len(days))
    width = min(22.0, room * 0.38)
    parts = [
        f'<svg class="days" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="Money per day on {escape(ours)} and {escape(theirs)}">'
    ]
    parts += [
        f'<line class="grid" x1="0" x2="{_WIDTH}" y1="{_y(part)}" y2="{_y(part)}"/>'
        for part in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    every = max(1, -(-len(days) // 12))
    for number, day in enumerate(days):
        middle = _LEFT + room * (number + 0.5)
        parts += [
            _bar("ours", middle - width - 1, width, float(day.ours / most), f"{day.day}: {day.ours:,.2f} on {ours}"),
            _bar("theirs", middle + 1, width, float(day.theirs / most), f"{day.day}: {day.theirs:,.2f} on {theirs}"),
        ]
        if day.open_difference:
            y = _HEIGHT - _BOTTOM + 5
            parts.append(
                f'<path class="differs" d="M{middle:.1f} {y}l4 6h-8z"><title>{escape(day.day)}: '
                f"{day.open_difference:,.2f} open</title></path>"
            )
        if number % every == 0:
            parts.append(f'<text x="{middle:.1f}" y="{_HEIGHT - 4}" text-anchor="middle">{escape(day.day[5:])}</text>')
    return svg([*parts, "</svg>"])


def _y(part: float) -> float:
    return round(_HEIGHT - _BOTTOM - part * (_HEIGHT - _BOTTOM - _TOP), 1)


def _bar(name: str, x: float, width: float, part: float, words: str) -> str:
    part = max(0.0, part)
    height = _HEIGHT - _BOTTOM - _y(part)
    return (
        f'<rect class="{name}" x="{x:.1f}" y="{_y(part)}" width="{width:.1f}" height="{height:.1f}" rx="2">'
        f"<title>{escape(words)}</title></rect>"
    )
