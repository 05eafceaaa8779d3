"""Reports and what is kept of a run under way, as text: rows of the state table hold no more than 300 KB each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from giftbridge.domain.partners import HistoryRow
from giftbridge.domain.reconciliation import (
    DayLine,
    Difference,
    FundLine,
    GiftFact,
    Heal,
    Report,
    ReportHead,
    Side,
    Sort,
    Sum,
)
from giftbridge.domain.times import format_moment, parse_moment

MOST_BYTES = 300_000
JsonObject = dict[str, Any]


def cut(text: str) -> list[str]:
    """A text in parts that fit into rows; whole letters, whatever their width."""
    size = MOST_BYTES // 4
    return [text[start : start + size] for start in range(0, max(1, len(text)), size)]


def report_text(report: Report) -> str:
    """A whole report as JSON."""
    return json.dumps(asdict(report), default=_plain, ensure_ascii=False, separators=(",", ":"))


def read_report(text: str) -> Report:
    """The report of a JSON text."""
    raw = json.loads(text)
    return Report(
        **{
            **raw,
            "first": date.fromisoformat(raw["first"]),
            "last": date.fromisoformat(raw["last"]),
            "made_at": parse_moment(raw["made_at"]),
            "coverage": tuple(raw["coverage"]),
            "gaps": tuple(raw["gaps"]),
            "sides": tuple(map(_side, raw["sides"])),
        }
    )


def head_of(report: Report) -> ReportHead:
    """A report in one line."""
    held = sum(1 for one in report.differences if one.sort is Sort.HELD)
    return ReportHead(
        report.id,
        report.first,
        report.last,
        report.made_at,
        report.by,
        len(report.open),
        held,
        report.open_money,
        report.currency,
        len(report.gaps),
    )


def head_row(head: ReportHead) -> JsonObject:
    """A head as values of a row."""
    row: JsonObject = json.loads(json.dumps(asdict(head), default=_plain))
    return row


def read_head(row: Mapping[str, Any]) -> ReportHead:
    """The head in a row."""
    values = {f.name: row[f.name] for f in fields(ReportHead)}
    dates = {name: date.fromisoformat(str(row[name])) for name in ("first", "last")}
    numbers = {name: int(row[name]) for name in ("open", "held", "gaps")}
    made_at, money = parse_moment(str(row["made_at"])), Decimal(str(row["open_money"]))
    return ReportHead(**{**values, **dates, **numbers, "made_at": made_at, "open_money": money})


def facts_text(facts: Iterable[GiftFact]) -> str:
    """Gifts as JSON."""
    return json.dumps([asdict(fact) for fact in facts], default=_plain, separators=(",", ":"))


def read_facts(text: str) -> list[GiftFact]:
    """The gifts of a JSON text."""
    return [
        GiftFact(
            **{
                **raw,
                "amount": _money(raw["amount"]),
                "created_at": _moment(raw["created_at"]),
                "modified_at": _moment(raw["modified_at"]),
                "shares": tuple((project, Decimal(amount)) for project, amount in raw["shares"]),
            }
        )
        for raw in json.loads(text)
    ]


def history_text(looks: Mapping[str, list[HistoryRow] | None]) -> str:
    """Histories by partner as JSON; None where there is no such partner."""
    rows = {place: None if found is None else [asdict(row) for row in found] for place, found in looks.items()}
    return json.dumps(rows, default=_plain, ensure_ascii=False, separators=(",", ":"))


def read_history(text: str) -> dict[str, list[HistoryRow] | None]:
    """The histories of a JSON text."""
    return {
        place: None if rows is None else [HistoryRow(**{**row, "amount": Decimal(row["amount"])}) for row in rows]
        for place, rows in json.loads(text).items()
    }


def _side(raw: JsonObject) -> Side:
    return Side(
        raw["crm"],
        tuple(
            DayLine(date.fromisoformat(d["day"]), *(_sum(d[name]) for name in ("expected", "found", "held", "other")))
            for d in raw["days"]
        ),
        tuple(
            FundLine(date.fromisoformat(f["day"]), f["fund"], Decimal(f["expected"]), Decimal(f["found"]))
            for f in raw["funds"]
        ),
        raw["funds_are"],
        tuple(map(_difference, raw["differences"])),
    )


def _difference(raw: JsonObject) -> Difference:
    return Difference(
        **{
            **raw,
            "sort": Sort(raw["sort"]),
            "heal": Heal(raw["heal"]),
            "day": date.fromisoformat(raw["day"]) if raw["day"] else None,
            "numbers": tuple(raw["numbers"]),
            "expected": _money(raw["expected"]),
            "found": _money(raw["found"]),
            "money": Decimal(raw["money"]),
        }
    )


def _sum(raw: JsonObject) -> Sum:
    return Sum(raw["count"], Decimal(raw["money"]))


def _money(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else parse_moment(text)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return format_moment(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not kept")
