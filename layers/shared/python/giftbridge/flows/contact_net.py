"""The safety net below the webhooks: contacts modified since the last look are queried every hour (requirement E9)."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from giftbridge.clients.virtuous import Virtuous
from giftbridge.domain.contacts import Contact
from giftbridge.domain.deliveries import State
from giftbridge.domain.delivery_ids import VIRTUOUS, contact_updated_id
from giftbridge.domain.feed_steps import Steps, read_steps
from giftbridge.domain.on_periods import OnPeriods
from giftbridge.domain.settings import VirtuousSettings
from giftbridge.domain.times import format_moment, parse_moment
from giftbridge.errors import Forbidden, GiftBridgeError, LostRace, Rejected
from giftbridge.flows.contact_first_looks import FirstLooks
from giftbridge.flows.contact_sightings import ContactSightings
from giftbridge.flows.health import Health
from giftbridge.flows.tools import Tools
from giftbridge.flows.whose_trouble import whose
from giftbridge.store.switches import enabled_periods, switch_periods

log = logging.getLogger("giftbridge")
EVERY = timedelta(hours=1)
EVER = datetime(2000, 1, 2, tzinfo=UTC)
PAGE = 250
_ROW = "cursor#contacts"
# The query's days are coarse, and whose days they are is not said.
_OVERLAP = timedelta(days=1)
_TRY_AGAIN = timedelta(minutes=5)
_STOP_BEFORE_SECONDS = 15.0
_MOST_PAGES = 40


@dataclass(frozen=True, slots=True)
class NetOutcome:
    """How many contacts were seen, and what became of them; `found` counts what no webhook had told of."""

    why_idle: str | None = None
    seen: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def found(self) -> int:
        """Contacts that only the net found."""
        return int(self.counts.get("found", 0))


class ContactNet:
    """Queries by day with an overlap; what is known by its modification time is dropped."""

    def __init__(self, tools: Tools, virtuous: Virtuous) -> None:
        self.tools = tools
        self.virtuous = virtuous
        self.health = Health(tools)
        self.sightings = ContactSightings(tools)
        self.first_looks = FirstLooks(tools)

    def run(self, *, is_requested: bool = False) -> NetOutcome:
        """Look, when the hour has come. Trouble with Virtuous puts it off for minutes."""
        _, settings = self.tools.settings()
        row, now = self.tools.state.get(_ROW), self.tools.now()
        contacts = settings.virtuous.sync_contacts
        contacts_on = switch_periods(self.tools.state, "virtuous-contacts", now, is_on=contacts)
        why_not = self._why_not(settings.virtuous, row, is_requested=is_requested)
        if why_not is not None:
            return NetOutcome(why_not)
        on = enabled_periods(self.tools.state, "virtuous", now).both(contacts_on)
        # The first walk sees every contact: how it looks is what later edits are told from.
        place = row if row is not None else {"at": format_moment(EVER)}
        # Taken for this process before the first call: another sweep finds it not due.
        if not self._put(row, {**_plain(place), "next": format_moment(now + _TRY_AGAIN)}):
            return NetOutcome("another sweep looks")
        try:
            return self._walk(place, settings.virtuous.reference_source, on, now)
        except GiftBridgeError as raised:
            error = whose(raised, self.virtuous.ping, VIRTUOUS) if isinstance(raised, Forbidden) else raised
            log.warning("modified contacts could not be queried", extra={"cause": error.cause})
            self.health.note_trouble(error, VIRTUOUS, "contacts")
            return NetOutcome(f"Virtuous: {error.cause}")

    def _why_not(self, settings: VirtuousSettings, row: Mapping[str, Any] | None, *, is_requested: bool) -> str | None:
        """Why it does not look now."""
        if not settings.enabled or not settings.sync_contacts:
            return "contacts are not kept the same; see the setting virtuous.sync_contacts"
        if row is not None and not is_requested and parse_moment(row["next"]) > self.tools.now():
            return "not due"
        if self.health.blocks(("virtuous",), "") is not None:
            return "Virtuous is not to be called now"
        if row is None and not self._donors_are_recorded():
            return "the donors are not all recorded yet"
        return None

    def _donors_are_recorded(self) -> bool:
        row = self.tools.state.get("cursor#donors-virtuous")
        return row is not None and "bound" not in row

    def _walk(self, place: Mapping[str, Any], source: str, on: OnPeriods, now: datetime) -> NetOutcome:
        """Page by page from the day before the last look, or on from where the time ran out."""
        began = parse_moment(place["began"]) if "began" in place else now
        steps = _steps(place)
        seen = 0
        counts: Counter[str] = Counter()
        for _ in range(_MOST_PAGES):
            if self.tools.time_left.seconds() < _STOP_BEFORE_SECONDS:
                break
            try:
                page, total = self.virtuous.contacts_modified_since(steps.bound.date(), steps.skip, PAGE)
            except GiftBridgeError as error:
                if isinstance(error, Rejected) and steps.skip > 0:
                    # So many contacts of one day are not listed: what comes after that day must not wait for them.
                    log.warning("contacts beyond an offset are not listed", extra={"offset": steps.skip})
                    counts["not listed"] += 1
                    steps = Steps(steps.bound + timedelta(days=1))
                    continue
                self._finish({**self._at(place, began, steps), "next": format_moment(now + _TRY_AGAIN)})
                raise
            contacts = [contact for contact in page if isinstance(contact, Contact)]
            counts.update(self._count(contacts, source, on))
            # Read by itself it can be read, or its delivery says why not.
            counts["unreadable"] += self._read_alone([one for one in page if not isinstance(one, Contact)])
            seen += len(page)
            steps = steps.after([_day_before(contact, steps.bound) for contact in page], total)
            if steps.is_done:
                self._finish({"at": format_moment(began), "next": format_moment(now + EVERY)})
                return NetOutcome(None, seen, dict(counts))
        self._finish({**self._at(place, began, steps), "next": format_moment(now)})
        return NetOutcome(None, seen, dict(counts))

    def _at(self, place: Mapping[str, Any], began: datetime, steps: Steps) -> dict[str, object]:
        return {
            "at": place["at"],
            "began": format_moment(began),
            **steps.as_row(),
        }

    def _read_alone(self, ids: Sequence[int]) -> int:
        """Have contacts read by themselves, but for those that are known to be unreadable; how many."""
        known = self.tools.deliveries.get_many(map(contact_updated_id, ids))
        failed = {name for name, delivery in known.items() if delivery.state is State.FAILED}
        new = [number for number in ids if contact_updated_id(number) not in failed]
        return len(self.sightings.count(new, "query of modified contacts"))

    def _count(self, contacts: Sequence[Contact], source: str, on: OnPeriods) -> Counter[str]:
        """Worked like a webhook is what nobody told of; what others than ours are is dropped without a call."""
        ours = [contact for contact in contacts if contact.donor_references(source)]
        newer = [one for one in ours if one.modified_at is None or on.holds(one.modified_at)]
        differing = self.first_looks.record([one for one in ours if one not in newer], source)
        known = self.tools.deliveries.get_many(contact_updated_id(contact.id) for contact in newer)
        unknown = []
        for contact in newer:
            delivery = known.get(contact_updated_id(contact.id))
            if delivery is None or delivery.seen != contact.stamp:
                unknown.append(contact.id)
        counted = self.sightings.count(unknown, "query of modified contacts")
        return Counter(
            {
                "not ours": len(contacts) - len(ours),
                "before the start": len(ours) - len(newer),
                "differing from before": differing,
                "known": len(newer) - len(unknown),
                "found": len(counted),
            }
        )

    def _put(self, seen: dict[str, Any] | None, values: dict[str, object]) -> bool:
        try:
            self.tools.state.put(_ROW, values, seen)
        except LostRace:
            return False
        return True

    def _finish(self, values: dict[str, object]) -> None:
        if not self._put(self.tools.state.get(_ROW), values):
            log.info("another sweep moved the cursor of contacts")


def _steps(place: Mapping[str, Any]) -> Steps:
    """From the day before the last look, or on from where the time ran out."""
    if "bound" in place:
        return read_steps(place)
    return Steps(_midnight(parse_moment(place["at"]) - _OVERLAP), int(place.get("skip", 0)))


def _day_before(contact: Contact | int, bound: datetime) -> datetime | None:
    """The day from which the next contacts are asked for, one early: the query's days are the organisation's own."""
    if not isinstance(contact, Contact) or contact.modified_at is None:
        return None
    return max(bound, _midnight(contact.modified_at) - timedelta(days=1))


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _plain(row: Mapping[str, Any]) -> dict[str, object]:
    return {name: value for name, value in row.items() if name not in {"name", "revision"}}
