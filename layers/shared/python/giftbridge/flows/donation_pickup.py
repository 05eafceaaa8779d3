"""Every minute: what changed on RaiseDonors becomes deliveries, and each gets a nudge.

Four feeds, each with its own cursor. Gifts come first and are never held back; a flood of edits takes its turns.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.delivery_queue import new_nudge_name
from giftbridge.domain.delivery_ids import AEGIS, VIRTUOUS
from giftbridge.domain.destinations import Destination
from giftbridge.domain.on_periods import EVER, OnPeriods
from giftbridge.domain.settings import Settings
from giftbridge.domain.times import format_moment, parse_moment
from giftbridge.errors import BudgetSpent, Forbidden, GiftBridgeError, LostRace, Misconfigured, Rejected
from giftbridge.flows.backfill import walk_backfill
from giftbridge.flows.change_feeds import DonorFeed, NoteFeed, ScheduleFeed, VirtuousDonorFeed
from giftbridge.flows.feed_walk import Feed, FeedOutcome, FeedWalk, Line, Turn
from giftbridge.flows.gift_feed import GiftFeed
from giftbridge.flows.gift_returns import begin_where_it_was_left
from giftbridge.flows.health import Health
from giftbridge.flows.pickup_hint import PickupHint
from giftbridge.flows.tools import Tools
from giftbridge.flows.whose_trouble import whose
from giftbridge.store.pickup_hints import PickupHints
from giftbridge.store.switches import enabled_periods, gift_periods, switch_periods

log = logging.getLogger("giftbridge")
LEASE_SECONDS = 20.0
SOURCE = "raisedonors"
_ENOUGH_FOR_ANOTHER_ROUND = 15.0
_MOST_ROUNDS = 20
_LOOKED = "looked#raisedonors"


@dataclass(frozen=True, slots=True)
class PickupOutcome:
    """`why_idle` says why nothing was read; else how many records were seen, by feed, and what became of the new ones.

    `troubles` names the feeds that could not be read to the end, each with the reason.
    """

    why_idle: str | None = None
    seen: int = 0
    counts: Mapping[str, int] | None = None
    nudged: int = 0
    is_complete: bool = True
    feeds: Mapping[str, int] = field(default_factory=dict)
    troubles: Mapping[str, str] = field(default_factory=dict)


class DonationPickup:
    """Reads the feeds. One process at a time; each cursor moves after its rows are written."""

    def __init__(self, tools: Tools, raisedonors: RaiseDonors, owner: str, threads: int = 8) -> None:
        self.tools = tools
        self.owner = owner
        self.raisedonors = raisedonors
        self.threads = threads
        self.health = Health(tools)
        self.hint = PickupHint(PickupHints(tools.state.client, tools.state.table), tools.now)
        self.gifts = GiftFeed(tools, raisedonors, threads)
        self.notes = NoteFeed(tools, raisedonors, threads)
        self.to_virtuous = VirtuousDonorFeed(tools, raisedonors, threads)
        self.changes = (ScheduleFeed(tools, raisedonors, threads), DonorFeed(tools, raisedonors, threads))

    def run(self) -> PickupOutcome:
        """Pick up what is new or changed; again at once where RaiseDonors hinted at more meanwhile."""
        outcome = self._round()
        for _ in range(_MOST_ROUNDS):
            # Looked at after the lease is back: a hint that came before found it taken, one that comes later does not.
            has_time = self.tools.time_left.seconds() >= _ENOUGH_FOR_ANOTHER_ROUND
            if outcome.why_idle is not None or not has_time or not self.hint.is_left():
                break
            outcome = _both(outcome, self._round())
        return outcome

    def _round(self) -> PickupOutcome:
        _, settings = self.tools.settings()
        if not settings.aegis.enabled and not settings.virtuous.enabled:
            return PickupOutcome("no destination is enabled; `giftbridge connect aegis` enables one")
        self.health.forget()
        why_not = self._why_not(self.health.of(SOURCE))
        if why_not is not None:
            return PickupOutcome(why_not)
        if not self._take_lease():
            return PickupOutcome("another pickup is running")
        try:
            if not self._may_look(settings):
                return PickupOutcome("the calls that RaiseDonors allows are left to what waits for them")
            # Only who holds the lease takes the hint, and before the first read: what is hinted at later stays hinted.
            self.hint.take()
            return self._walk(settings)
        except LostRace:
            return PickupOutcome("another pickup moved the cursor", is_complete=False)
        finally:
            self.tools.state.end_lease("donation_pickup", self.owner)

    def _may_look(self, settings: Settings) -> bool:
        """Where RaiseDonors allows few calls, the feeds are not to take those that the deliveries need."""
        if settings.limits.raisedonors_per_hour is None:
            return True
        to_aegis, now = settings.aegis, self.tools.now()
        calls = 1 + 2 * to_aegis.enabled + settings.virtuous.enabled + (to_aegis.enabled and to_aegis.send_notes)
        row = self.tools.state.get(_LOOKED)
        if row is not None and self.tools.budgets.of(SOURCE).next_look(calls, parse_moment(row["at"])) > now:
            return False
        self.tools.state.put(_LOOKED, {"at": format_moment(now)}, row)
        return True

    def _take_lease(self) -> bool:
        """Short, and taken anew for each page: a pickup that died holds up the next one for seconds only.

        A page that takes longer than the lease does no harm: rows are put if absent, the cursor is compared and set.
        """
        return self.tools.state.take_lease("donation_pickup", self.owner, self.tools.now(), LEASE_SECONDS)

    def _why_not(self, source: Destination) -> str | None:
        """The pickup itself probes RaiseDonors' breaker: only a pause, a 429 or refused credentials stop it."""
        now = self.tools.now()
        if source.paused_by is not None:
            return f"paused by {source.paused_by}"
        if source.not_before is not None and source.not_before > now:
            return "RaiseDonors asked for a pause (429)"
        is_old_news = source.stopped_versions == self.health.versions(SOURCE) and (source.probe_at or now) > now
        if source.stopped_at is not None and is_old_news:
            return "RaiseDonors refused the credentials; `giftbridge connect raisedonors` stores new ones"
        return None

    def _walk(self, settings: Settings) -> PickupOutcome:
        """All feeds, one after the other; one feed's trouble does not stop the next."""
        now = self.tools.now()
        on = self._on(settings, now)
        starts = {name: periods.first or now for name, periods in on.items()}
        start = starts.get(AEGIS, min(starts.values(), default=now))
        nudge = new_nudge_name(self.tools.token) if self._can_nudge() else None
        turn = Turn(settings, start, now, Line(self.tools.queue, self.tools.lock), on, nudge, Counter())
        walked: dict[str, FeedOutcome] = {}
        troubles: dict[str, str] = {}
        failures: list[GiftBridgeError] = []
        begin_where_it_was_left(self.tools.state, on)
        for feed, feed_turn in self._feeds(turn):
            try:
                walked[feed.name] = FeedWalk(self.tools, feed, feed_turn, self._take_lease).run()
            except LostRace:
                raise
            except GiftBridgeError as raised:
                error = whose(raised, self.raisedonors.ping, SOURCE) if isinstance(raised, Forbidden) else raised
                log.warning("a feed could not be read", extra={"feed": feed.name, "cause": error.cause})
                # What RaiseDonors itself says in a refusal may quote a person's data: this goes into the log.
                troubles[feed.name] = error.cause if isinstance(error, Rejected) else error.text
                failures.append(error)
                if isinstance(error, Misconfigured | BudgetSpent):
                    break
            except Exception as error:
                log.exception("a feed could not be read", extra={"feed": feed.name, "error": type(error).__name__})
                troubles[feed.name] = f"unexpected: {type(error).__name__}"
        if not troubles:
            self._walk_backfill(turn, walked, troubles)
        self._note_health(walked, failures)
        odd = {name: outcome.trouble for name, outcome in walked.items() if outcome.trouble is not None}
        return self._told(walked, {**odd, **troubles}, turn.counts)

    def _walk_backfill(self, turn: Turn, walked: dict[str, FeedOutcome], troubles: dict[str, str]) -> None:
        """Behind all live work. Its trouble is told, and it goes on with the next run."""
        try:
            walked.update(walk_backfill(self.tools, self.raisedonors, turn, self._take_lease, self.threads))
        except LostRace:
            raise
        except GiftBridgeError as error:
            log.warning("the backfill could not go on", extra={"cause": error.cause})
            troubles["backfill"] = error.cause
        except Exception as error:
            log.exception("the backfill could not go on", extra={"error": type(error).__name__})
            troubles["backfill"] = f"unexpected: {type(error).__name__}"

    def _on(self, settings: Settings, now: datetime) -> dict[str, OnPeriods]:
        """When each destination that takes gifts now was on; what is older moves only by backfill (requirement E8)."""
        on: dict[str, OnPeriods] = {}
        if settings.aegis.enabled:
            on[AEGIS] = self._since_start(AEGIS, settings, now)
        if settings.virtuous.enabled:
            # A turn that nobody recorded is noted as soon as it is seen: the query of modified contacts goes by it.
            switch_periods(self.tools.state, "virtuous-contacts", now, is_on=settings.virtuous.sync_contacts)
            is_on = settings.virtuous.sync_gifts
            gifts_on = switch_periods(self.tools.state, "virtuous-gifts", now, is_on=is_on)
            virtuous_on = self._since_start(VIRTUOUS, settings, now)
            if is_on:
                on[VIRTUOUS] = virtuous_on.both(gifts_on)
        return on

    def _since_start(self, destination: str, settings: Settings, now: datetime) -> OnPeriods:
        if settings.raisedonors.start_from is not None:
            return OnPeriods.since(settings.raisedonors.start_from)
        return enabled_periods(self.tools.state, destination, now)

    def _first_of_all(self, turn: Turn) -> datetime:
        """Since when gifts went to any destination, also to one that is off now: the cursor is for all of them."""
        start_from, state = turn.settings.raisedonors.start_from, self.tools.state
        known = [turn.on.get(name) or gift_periods(state, name, start_from) for name in (AEGIS, VIRTUOUS)]
        firsts = [periods.first for periods in known if periods.first is not None]
        return min(firsts, default=turn.start)

    def _note_health(self, walked: Mapping[str, FeedOutcome], failures: list[GiftBridgeError]) -> None:
        """One feed that fails while another can be read says nothing about RaiseDonors as a whole."""
        stopping = [error for error in failures if isinstance(error, Misconfigured | BudgetSpent)]
        for error in stopping or ([] if walked else failures[:1]):
            self.health.note_trouble(error, SOURCE, "pickup")
        if walked and not stopping:
            self.health.note_success(SOURCE)

    def _feeds(self, turn: Turn) -> list[tuple[Feed, Turn]]:
        schedules, donors = self.changes
        # Donors from the beginning of all records: the first edit of one who was recorded can be told from that.
        everyone = replace(turn, start=min(turn.start, EVER))
        gifts = replace(turn, start=self._first_of_all(turn))
        feeds: list[tuple[Feed, Turn]] = [(self.gifts, gifts)]
        if turn.settings.aegis.enabled:
            feeds += [(schedules, turn), (donors, everyone)]
        if turn.settings.virtuous.enabled:
            feeds.append((self.to_virtuous, everyone))
        if turn.settings.aegis.enabled and turn.settings.aegis.send_notes:
            notes_on = turn.on[AEGIS].both(enabled_periods(self.tools.state, "aegis-notes", turn.now))
            feeds.append((self.notes, replace(turn, start=notes_on.first or turn.now, on={AEGIS: notes_on})))
        return feeds

    def _told(
        self, walked: Mapping[str, FeedOutcome], troubles: Mapping[str, str], counts: Mapping[str, int]
    ) -> PickupOutcome:
        if troubles and not walked:
            return PickupOutcome(f"RaiseDonors: {next(iter(troubles.values()))}", is_complete=False, troubles=troubles)
        return PickupOutcome(
            None,
            sum(outcome.seen for outcome in walked.values()),
            dict(counts),
            sum(outcome.nudged for outcome in walked.values()),
            is_complete=not troubles and all(outcome.is_complete for outcome in walked.values()),
            feeds={name: outcome.seen for name, outcome in walked.items()},
            troubles=dict(troubles),
        )

    def _can_nudge(self) -> bool:
        """While the destination is closed, the rows wait for the sweep."""
        destination = self.tools.state.destination("aegis")
        now = self.tools.now()
        return destination.is_healthy and (destination.not_before is None or destination.not_before <= now)


def _both(first: PickupOutcome, second: PickupOutcome) -> PickupOutcome:
    """Two rounds of one run, told as one."""
    if second.why_idle is not None:
        return first
    feeds = Counter(first.feeds)
    feeds.update(second.feeds)
    counts = Counter(first.counts or {})
    counts.update(second.counts or {})
    return replace(
        second,
        seen=first.seen + second.seen,
        nudged=first.nudged + second.nudged,
        counts=dict(counts),
        feeds=dict(feeds),
    )
