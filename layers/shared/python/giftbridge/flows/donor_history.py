"""A donor's giving for the donor portal (requirement C1): both sides asked at once, within a donor's patience."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal, TypeVar
from zoneinfo import ZoneInfo

from giftbridge.clients.aegis import Aegis
from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.domain.giving_history import GivingRow, Mark, as_of, mark_of, merge, within
from giftbridge.errors import GiftBridgeError, RecordMissing, RetryLater, Skipped
from giftbridge.flows.giving_sources import AegisGiving, GiftsRead, RaiseDonorsGiving, TransactionsRead
from giftbridge.flows.tools import Tools

log = logging.getLogger("giftbridge")
PAGE_SIZE = 100
# The answer is there within three seconds whatever a system does, with the function's own start: so long is waited.
PATIENCE_SECONDS = 1.9
# What the wire is told of the time left: half of it, less a second, is what one call may take. A call outlives the
# patience by little, so that no thread is left behind for long.
WIRE_SECONDS = 4.6
KEPT_FOR = timedelta(seconds=30)
_MOST_KEPT = 64
_RETRY_AFTER = timedelta(seconds=30)
R = TypeVar("R", GiftsRead, TransactionsRead)


@dataclass(frozen=True, slots=True)
class Question:
    """What the portal asks for. `mark` comes from a link to a further page; days are inclusive."""

    donor_id: int
    first: date | None = None
    last: date | None = None
    page: int = 1
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class SourceState:
    """How a side took part. `cause` is a stable word, `reason` a sentence, for all that is not simply `answered`."""

    state: Literal["answered", "incomplete", "not-asked", "unavailable"] = "answered"
    cause: str | None = None
    reason: str | None = None
    not_before: datetime | None = None

    @property
    def has_rows(self) -> bool:
        return self.state in {"answered", "incomplete"}

    @property
    def is_whole(self) -> bool:
        """Whether nothing of this side can be missing: what there was not to ask is not missing."""
        return self.state in {"answered", "not-asked"}


@dataclass(frozen=True, slots=True)
class History:
    """A donor's giving as it was at the mark, newest first."""

    rows: tuple[GivingRow, ...]
    aegis: SourceState
    raisedonors: SourceState
    mark: Mark
    read_at: datetime

    @property
    def is_complete(self) -> bool:
        return self.aegis.is_whole and self.raisedonors.is_whole


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """One page of what was asked for, and the whole it is cut from."""

    rows: tuple[GivingRow, ...]
    total: int
    pages: int
    mark: Mark
    history: History


class DonorHistory:
    """Answers the portal. Writes nothing about a system's health: a donor's look is no test of it."""

    def __init__(self, tools: Tools, raisedonors: RaiseDonors | None, aegis: Aegis | None) -> None:
        self.tools = tools
        self.gifts = RaiseDonorsGiving(tools, raisedonors)
        self.transactions = AegisGiving(tools, aegis, self.gifts)
        self._kept: OrderedDict[tuple[int, int], History] = OrderedDict()
        self._lock = threading.Lock()

    def page(self, question: Question) -> HistoryPage:
        """The page asked for. Raises RecordMissing for an unknown donor, RetryLater when no side could answer."""
        _, settings = self.tools.settings()
        history = self._history(question)
        mark = question.mark or history.mark
        rows = within(as_of(history.rows, mark), question.first, question.last, ZoneInfo(settings.time_zone))
        start = (question.page - 1) * PAGE_SIZE
        pages = max(1, -(-len(rows) // PAGE_SIZE))
        return HistoryPage(tuple(rows[start : start + PAGE_SIZE]), len(rows), pages, mark, history)

    def _history(self, question: Question) -> History:
        """A whole answer is kept for moments; one that is older than the link's mark would lack rows."""
        number, _ = self.tools.settings()
        name = (number, question.donor_id)
        with self._lock:
            kept = self._kept.get(name)
        is_fresh = kept is not None and self.tools.now() - kept.read_at <= KEPT_FOR
        if kept is not None and is_fresh and (question.mark is None or kept.mark.at >= question.mark.at):
            return kept
        history = self._read(question.donor_id)
        if history.is_complete:
            with self._lock:
                self._kept[name] = history
                self._kept.move_to_end(name)
                while len(self._kept) > _MOST_KEPT:
                    self._kept.popitem(last=False)
        return history

    def _read(self, donor_id: int) -> History:
        now = self.tools.now()
        _, settings = self.tools.settings()
        deadline = time.monotonic() + PATIENCE_SECONDS
        pool = ThreadPoolExecutor(2, thread_name_prefix="history")
        try:
            asked = pool.submit(self.gifts.read, donor_id), pool.submit(self.transactions.read, donor_id)
            gifts, raisedonors = _outcome("raisedonors", asked[0], deadline, GiftsRead((), {}))
            transactions, aegis = _outcome("aegis", asked[1], deadline, TransactionsRead(()))
        finally:
            # Whoever does not answer in time is not waited for.
            pool.shutdown(wait=False, cancel_futures=True)
        if not raisedonors.has_rows and not aegis.has_rows:
            raise _nothing_answered(now, raisedonors, aegis)
        with_tests = settings.raisedonors.test_mode_gifts == "send"
        rows = merge(gifts.gifts, gifts.recorded, transactions.rows, with_tests=with_tests)
        mark = mark_of(rows, now, aegis=aegis.has_rows, raisedonors=raisedonors.has_rows)
        return History(tuple(rows), aegis, raisedonors, mark, now)


def _outcome(system: str, asked: Future[R], deadline: float, nothing: R) -> tuple[R, SourceState]:
    """What a side answered in time, and how it took part. Raises RecordMissing for an unknown donor."""
    try:
        read = asked.result(max(0.0, deadline - time.monotonic()))
    except TimeoutError:
        return nothing, SourceState("unavailable", "no-answer-in-time", f"{system} did not answer in time")
    except Skipped as skipped:
        return nothing, SourceState("not-asked", skipped.cause, skipped.text)
    except RecordMissing as missing:
        if system == "raisedonors":
            raise
        return nothing, SourceState("unavailable", missing.cause, missing.text)
    except GiftBridgeError as error:
        log.warning("history: a side is missing", extra={"destination": system, "cause": error.cause})
        until = error.not_before if isinstance(error, RetryLater) else None
        return nothing, SourceState("unavailable", error.cause, error.text, until)
    if read.missing is not None:
        return read, SourceState("incomplete", "some-missing", read.missing)
    return read, SourceState()


def _nothing_answered(now: datetime, *states: SourceState) -> RetryLater:
    moments = [state.not_before for state in states if state.not_before is not None]
    return RetryLater(
        "; ".join(state.reason for state in states if state.reason),
        cause="no-source-answered",
        not_before=min(moments, default=now + _RETRY_AFTER),
    )
