"""Reconciliations in the state table: runs under way, the newest reports, and what was done about differences.

`reconciliation#<id>` is a run's or a report's head, `reconciliation#<id>/<what>-<n>` a part of its text (300 KB).
`reconciliation#runs` lists runs that were begun lately, `reconciliation#index` the reports that are kept,
`reconciliation#latest` tells the newest in figures, and `reconciliation#acted/<difference>` says who accepted or healed
what.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from giftbridge.domain.reconciliation import Report, ReportHead
from giftbridge.domain.reconciliation_rows import cut, head_of, head_row, read_head, read_report, report_text
from giftbridge.domain.times import format_moment
from giftbridge.errors import LostRace
from giftbridge.store.rows import commit, delete, read_many
from giftbridge.store.state import StateTable

KEPT_REPORTS = 90
LATEST = "reconciliation#latest"
DAILY = "reconciliation#daily"
_INDEX = "reconciliation#index"
_RUNS = "reconciliation#runs"
_REPORT = "report"
_TRIES = 5


class Reconciliations:
    """Rows by name; a report is written once, its parts before its head."""

    def __init__(self, state: StateTable) -> None:
        self.state = state

    # --- a run under way ----------------------------------------------------------------------------------

    def head(self, run_id: str) -> dict[str, Any] | None:
        """How far a run is; None when there is no such one."""
        return self.state.get(_name(run_id))

    def enlist(self, run_id: str, oldest: str) -> None:
        """Remember that a run was begun, and forget those begun before `oldest` that never ended; ids are moments."""
        row = self.state.get(_RUNS)
        listed = [*(row["runs"] if row is not None else []), run_id]
        for old in (name for name in listed if name < oldest):
            head = self.head(old)
            if head is not None and head["state"] != "done":
                self.drop_parts(old, {what: int(count) for what, count in head["parts"].items()})
                self._delete(_name(old))
        self._write(_RUNS, {"runs": [name for name in listed if name >= oldest]})

    def save_head(self, run_id: str, values: Mapping[str, object], seen: Mapping[str, Any] | None) -> dict[str, Any]:
        """Write how far it is, over what was read. Raises LostRace."""
        self.state.put(_name(run_id), values, seen)
        return {**values, "name": _name(run_id), "revision": (int(seen["revision"]) if seen else 0) + 1}

    def add_part(self, run_id: str, what: str, number: int, text: str) -> int:
        """Keep a text as parts that are counted from `number`; the next number."""
        for part in cut(text):
            self._write(f"{_name(run_id)}/{what}-{number}", {"text": part})
            number += 1
        return number

    def parts(self, run_id: str, what: str, count: int) -> list[str]:
        """The texts of the parts, in order. Raises KeyError when one is not there any more."""
        names = [f"{_name(run_id)}/{what}-{number}" for number in range(count)]
        rows = {row["name"]: str(row["text"]) for row in self._many(names)}
        return [rows[name] for name in names]

    def drop_parts(self, run_id: str, counts: Mapping[str, int]) -> None:
        """Delete parts that are not needed any more."""
        for what, count in counts.items():
            for number in range(count):
                self._delete(f"{_name(run_id)}/{what}-{number}")

    # --- reports ------------------------------------------------------------------------------------------

    def keep(self, report: Report, seen: Mapping[str, Any] | None) -> None:
        """Store a report in place of its run, list it, and forget the oldest. Raises LostRace."""
        count = self.add_part(report.id, _REPORT, 0, report_text(report))
        head = head_row(head_of(report))
        self.save_head(report.id, {"report": count, "state": "done", **head}, seen)
        self.tell_latest(report)
        self._list(head)

    def tell_latest(self, report: Report) -> None:
        """The newest report in figures, for alarms and the digest."""
        head = head_row(head_of(report))
        healing = sum(1 for one in report.differences if one.state == "healing")
        told = {"finished_at": format_moment(report.made_at), **head, "healing": healing, "calls": dict(report.calls)}
        self._write(LATEST, told)

    def latest(self) -> dict[str, Any] | None:
        """The newest report in figures, as they were last told."""
        return self.state.get(LATEST)

    def read(self, report_id: str) -> Report | None:
        """A report as it was made; None when it is not kept."""
        head = self.head(report_id)
        if head is None or not head.get(_REPORT):
            return None
        return read_report("".join(self.parts(report_id, _REPORT, int(head[_REPORT]))))

    def heads(self) -> list[ReportHead]:
        """The reports that are kept, newest first."""
        row = self.state.get(_INDEX)
        return [read_head(head) for head in row["heads"]] if row is not None else []

    def _list(self, head: Mapping[str, Any]) -> None:
        for _ in range(_TRIES):
            row = self.state.get(_INDEX)
            others = [one for one in (row["heads"] if row is not None else []) if one["id"] != head["id"]]
            listed = [dict(head), *others]
            try:
                self.state.put(_INDEX, {"heads": listed[:KEPT_REPORTS]}, row)
            except LostRace:
                continue
            for old in listed[KEPT_REPORTS:]:
                self._forget(str(old["id"]))
            return
        raise LostRace("the list of reconciliations kept changing", (_INDEX,))

    def _forget(self, report_id: str) -> None:
        head = self.head(report_id)
        if head is not None:
            self.drop_parts(report_id, {_REPORT: int(head.get(_REPORT, 0))})
            self._delete(_name(report_id))

    # --- what was done ------------------------------------------------------------------------------------

    def acted(self, difference_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """What was done about differences, by their ids, for those about which anything was."""
        names = {f"reconciliation#acted/{name}": name for name in difference_ids}
        return {names[row["name"]]: row for row in self._many(list(names))}

    def note_act(self, difference_id: str, values: Mapping[str, object]) -> None:
        """Say what was done about a difference; what was said before is replaced."""
        self._write(f"reconciliation#acted/{difference_id}", values)

    # --- rows ---------------------------------------------------------------------------------------------

    def _many(self, names: list[str]) -> list[dict[str, Any]]:
        return read_many(self.state.client, self.state.table, [{"name": name} for name in names])

    def _write(self, name: str, values: Mapping[str, object]) -> None:
        for _ in range(_TRIES):
            row = self.state.get(name)
            try:
                self.state.put(name, values, row)
            except LostRace:
                continue
            return
        raise LostRace(f"{name} kept changing", (name,))

    def _delete(self, name: str) -> None:
        commit(self.state.client, [delete(self.state.table, {"name": name}, name)])


def _name(run_id: str) -> str:
    return f"reconciliation#{run_id}"
