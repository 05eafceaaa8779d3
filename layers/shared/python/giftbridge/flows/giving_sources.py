"""Where a donor's giving is read: his gifts on RaiseDonors with our deliveries of them, his partner's transactions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from giftbridge.clients.aegis import MOST_PAGES, Aegis
from giftbridge.clients.raisedonors import PAGE_SIZE, RaiseDonors
from giftbridge.clients.raisedonors_giving import read_donor_gift
from giftbridge.domain.deliveries import Delivery
from giftbridge.domain.delivery_ids import donation_created_id, donation_refunded_id
from giftbridge.domain.destinations import Destination
from giftbridge.domain.donations import Donor
from giftbridge.domain.giving_history import DonorGift, Recorded, TransactionPage
from giftbridge.domain.matching import is_plausible
from giftbridge.domain.partners import HistoryRow, Partner
from giftbridge.domain.times import parse_moment
from giftbridge.domain.validation import REVERSED_STATUSES
from giftbridge.errors import RecordMissing, RetryLater, Skipped
from giftbridge.flows.tools import Tools
from giftbridge.store.rows import side_by_side

_MOST_GIFTS = 50 * PAGE_SIZE


@dataclass(frozen=True, slots=True)
class GiftsRead:
    """A donor's gifts, what our deliveries say of them, and why some may be missing."""

    gifts: tuple[DonorGift, ...]
    recorded: dict[int, Recorded]
    missing: str | None = None


@dataclass(frozen=True, slots=True)
class TransactionsRead:
    """A partner's transactions of every channel, and why some may be missing."""

    rows: tuple[HistoryRow, ...]
    missing: str | None = None


def require_open(system: Destination, now: datetime) -> None:
    """Raises RetryLater while the system is not to be called: nobody tries it out on a donor's time."""
    waits_until = system.waits_until(now)
    closed = [
        ("paused", "is paused by an operator", system.paused_by is not None, None),
        ("asked-for-a-pause", "asked for a pause", waits_until is not None, waits_until),
        ("credentials-refused", "refused the credentials", system.stopped_at is not None, system.probe_at),
        ("breaker-open", "has been failing; the breaker is open", system.opened_at is not None, system.probe_at),
    ]
    for cause, text, is_so, until in closed:
        if is_so:
            raise RetryLater(f"{system.name} {text}", cause=cause, not_before=until, system=system.name)


class RaiseDonorsGiving:
    """The donor's own gifts."""

    def __init__(self, tools: Tools, raisedonors: RaiseDonors | None) -> None:
        self.tools = tools
        self.raisedonors = raisedonors

    def read(self, donor_id: int) -> GiftsRead:
        """All gifts of a donor. Raises RecordMissing for an unknown donor, RetryLater, Misconfigured."""
        client = self.client()
        first = client.donor_gifts(donor_id, 0)
        items, size = list(first.rows), max(1, len(first.rows))
        more = range(size, min(first.total, _MOST_GIFTS), size)
        for page in side_by_side(lambda skip: client.donor_gifts(donor_id, skip), more):
            items += page.rows
        read = [read_donor_gift(raw) for raw in items]
        gifts = {gift.id: gift for gift in read if gift is not None}
        missing = None
        if None in read:
            missing = f"{read.count(None)} gifts cannot be read"
        elif len(items) < min(first.total, _MOST_GIFTS):
            missing = f"{len(items)} of {first.total} gifts were read"
        elif len(items) >= _MOST_GIFTS:
            missing = f"only {_MOST_GIFTS} gifts were read"
        return GiftsRead(tuple(gifts.values()), self._recorded(gifts.values()), missing)

    def client(self) -> RaiseDonors:
        """The client. Raises RetryLater while RaiseDonors is not connected, or not to be called."""
        if self.raisedonors is None:
            raise RetryLater("raisedonors is not connected", cause="not-connected", system="raisedonors")
        require_open(self.tools.state.destination("raisedonors"), self.tools.now())
        return self.raisedonors

    def _recorded(self, gifts: Iterable[DonorGift]) -> dict[int, Recorded]:
        """What our deliveries say of these gifts."""
        ids = {gift.id: donation_created_id(gift.id) for gift in gifts}
        refunds = {
            gift.id: donation_refunded_id(gift.id)
            for gift in gifts
            if gift.status.strip().casefold() in REVERSED_STATUSES
        }
        known = self.tools.deliveries.get_many([*ids.values(), *refunds.values()])
        return {
            gift_id: _recorded_in(known.get(name), known.get(refunds.get(gift_id, ""))) for gift_id, name in ids.items()
        }


def _recorded_in(created: Delivery | None, refunded: Delivery | None) -> Recorded:
    refund = refunded.result if refunded is not None else {}
    moment = refund.get("refunded_at")
    return Recorded(
        created.result.get("invoice") if created is not None else None,
        refund.get("invoice"),
        parse_moment(moment) if moment else None,
    )


class AegisGiving:
    """The transactions of the donor's partner, whatever channel they came by."""

    def __init__(self, tools: Tools, aegis: Aegis | None, raisedonors: RaiseDonorsGiving) -> None:
        self.tools = tools
        self.aegis = aegis
        self.raisedonors = raisedonors

    def read(self, donor_id: int) -> TransactionsRead:
        """All transactions. Raises Skipped where there is no partner to ask for, and what the calls raise."""
        _, settings = self.tools.settings()
        if self.aegis is None or not settings.aegis.enabled:
            raise Skipped("Aegis is not connected, or switched off", cause="not-enabled")
        key = self.tools.keys.get(f"donor#{donor_id}", "aegis")
        donor = None
        partner_id = key.key if key is not None else None
        if partner_id is None:
            donor = self.raisedonors.client().donor(donor_id)
            is_refused = donor.crm_key in self.tools.keys.refused(f"donor#{donor_id}", "aegis")
            partner_id = None if is_refused else donor.crm_key
        if partner_id is None:
            raise Skipped("the donor has no partner in Aegis", cause="no-partner")
        require_open(self.tools.state.destination("aegis"), self.tools.now())
        partner, first = side_by_side(
            lambda read: read(), [lambda: self._partner(partner_id), lambda: self._page(partner_id, 1)]
        )
        _require_usable(partner, donor, settings.aegis.donor_id_field)
        return self._all_pages(partner_id, first)

    def _partner(self, partner_id: str) -> Partner | None:
        return self.aegis.partner(partner_id) if self.aegis is not None else None

    def _page(self, partner_id: str, page: int) -> TransactionPage:
        """One page; an empty one where Aegis knows no such partner."""
        try:
            found = self.aegis.history_page(partner_id, page) if self.aegis is not None else None
        except RecordMissing:
            found = None
        return found or TransactionPage((), 1, 0)

    def _all_pages(self, partner_id: str, first: TransactionPage) -> TransactionsRead:
        """The other pages too, side by side. A row recorded meanwhile shifts them: then all are read once more."""
        pages = self._with_others(partner_id, first)
        if not _agree(pages):
            pages = self._with_others(partner_id, self._page(partner_id, 1))
        rows = tuple(row for page in pages for row in page.rows)
        if pages[0].pages > MOST_PAGES:
            return TransactionsRead(rows, f"only the newest {len(rows)} transactions were read")
        return TransactionsRead(rows, None if _agree(pages) else "transactions were recorded while they were read")

    def _with_others(self, partner_id: str, first: TransactionPage) -> list[TransactionPage]:
        numbers = range(2, min(first.pages, MOST_PAGES) + 1)
        return [first, *side_by_side(lambda number: self._page(partner_id, number), numbers)]


def _agree(pages: list[TransactionPage]) -> bool:
    rows = sum(len(page.rows) for page in pages)
    is_whole = rows == pages[0].total or pages[0].pages > MOST_PAGES
    return is_whole and len({page.total for page in pages}) == 1


def _require_usable(partner: Partner | None, donor: Donor | None, donor_id_field: str) -> None:
    """Raises Skipped. `donor` is given for a key that was imported: our own is trusted to be his (requirement A2)."""
    if partner is None:
        raise Skipped("the donor's partner does not exist in Aegis", cause="partner-missing")
    if not partner.is_active:
        raise Skipped("the donor's partner is inactive in Aegis", cause="partner-inactive")
    if donor is not None and not is_plausible(donor, partner, donor_id_field):
        raise Skipped("the partner named by the donor's key bears another name", cause="partner-implausible")
