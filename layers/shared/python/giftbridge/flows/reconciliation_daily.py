"""The daily reconciliation: begun when the batch's time has come, gone on with by every tick until it is done."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from giftbridge.domain.daily_times import last_batch_time
from giftbridge.domain.settings import Settings
from giftbridge.domain.times import format_moment, parse_moment
from giftbridge.errors import GiftBridgeError, LostRace
from giftbridge.flows.reconciliation import Reconciliation
from giftbridge.flows.reconciliation_reading import Sources
from giftbridge.flows.reconciliation_states import tell_latest_anew
from giftbridge.flows.tools import Tools
from giftbridge.store.reconciliations import DAILY

log = logging.getLogger("giftbridge")
# The next day's run begins soon: this one would only be in its way.
_GIVEN_UP_AFTER = timedelta(hours=22)
BY = "daily"


@dataclass(frozen=True, slots=True)
class DailyOutcome:
    """What a tick did: which run it worked on and how far that is, or why it did nothing."""

    why_idle: str | None = None
    run: str | None = None
    stage: str = ""
    is_done: bool = False
    open: int = 0
    open_money: str = ""
    waits: str | None = None


class DailyReconciliation:
    """One process goes on with a run; a second one finds it taken."""

    def __init__(self, tools: Tools, sources: Sources, owner: str) -> None:
        self.tools = tools
        self.reconciliation = Reconciliation(tools, sources, owner)

    def run(self) -> DailyOutcome:
        """Begin the day's run when it is due, or go on with it."""
        _, settings = self.tools.settings()
        if not settings.reconciliation.days:
            return DailyOutcome("switched off by the setting reconciliation.days")
        if not (settings.aegis.enabled or settings.virtuous.enabled):
            return DailyOutcome("no CRM is enabled")
        try:
            run_id = self._run_id(settings)
            if run_id is not None:
                return self._go_on(run_id)
            latest = self.reconciliation.kept.latest()
            if latest is not None and latest.get("healing"):
                # What is healed by now is to end the alarm.
                tell_latest_anew(self.tools, self.reconciliation.kept)
            return DailyOutcome("not due")
        except LostRace:
            return DailyOutcome("another process began it")

    def _run_id(self, settings: Settings) -> str | None:
        """The run under way; a new one when its time has come. The first one waits for its time, too."""
        now, row = self.tools.now(), self.tools.state.get(DAILY)
        if row is None:
            self.tools.state.put(DAILY, {"at": format_moment(now)}, None)
            return None
        if row.get("run") and parse_moment(row["at"]) > now - _GIVEN_UP_AFTER:
            return str(row["run"])
        if parse_moment(row["at"]) >= last_batch_time(now, settings.time_zone, settings.batch_at):
            return None
        if row.get("run"):
            log.error("a reconciliation was given up", extra={"run": row["run"]})
        return self._begin(settings, now, row)

    def _begin(self, settings: Settings, now: datetime, row: dict[str, Any]) -> str:
        today = now.astimezone(ZoneInfo(settings.time_zone)).date()
        first, last = today - timedelta(days=settings.reconciliation.days), today - timedelta(days=1)
        run_id = self.reconciliation.begin(first, last, BY)
        self.tools.state.put(DAILY, {"at": format_moment(now), "run": run_id}, row)
        return run_id

    def _go_on(self, run_id: str) -> DailyOutcome:
        try:
            progress = self.reconciliation.advance(run_id)
        except KeyError:
            self._end(run_id)
            return DailyOutcome(run=run_id, waits="the run is gone")
        except GiftBridgeError as error:
            log.warning("the reconciliation could not go on", extra={"run": run_id, "cause": error.cause})
            return DailyOutcome(run=run_id, waits=error.cause)
        if not progress.is_done:
            waits = progress.waits.cause if isinstance(progress.waits, GiftBridgeError) else progress.waits
            return DailyOutcome(run=run_id, stage=progress.stage, waits=waits)
        self._end(run_id)
        report = self.reconciliation.kept.read(run_id)
        if report is None:
            return DailyOutcome(run=run_id, is_done=True)
        money = f"{report.open_money:.2f}"
        return DailyOutcome(run=run_id, stage="done", is_done=True, open=len(report.open), open_money=money)

    def _end(self, run_id: str) -> None:
        row = self.tools.state.get(DAILY)
        if row is not None and row.get("run") == run_id:
            self.tools.state.put(DAILY, {"at": row["at"], "last": run_id}, row)
