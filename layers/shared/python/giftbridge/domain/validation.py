"""Is this donation fit to be sent at all? Checked before any call that changes something (requirements A1, A5, A6)."""

from __future__ import annotations

from decimal import Decimal

from giftbridge.domain.donations import Donation, Note, Schedule
from giftbridge.domain.settings import Settings
from giftbridge.errors import Rejected, Skipped

APPROVED = "approved"
REVERSED_STATUSES = frozenset({"refunded", "voided"})
UNSENT_STATUSES = frozenset({"pending", "declined", "failed"})
LONGEST_TEXT = 32_000
_LARGEST = Decimal("1e12")


def is_reversed(donation: Donation) -> bool:
    """Whether it was refunded or voided."""
    return donation.status.strip().casefold() in REVERSED_STATUSES


def require_eligible(donation: Donation, settings: Settings) -> None:
    """Raises Skipped for a donation that is not to be sent, Rejected for a status nobody knows."""
    status = donation.status.strip().casefold()
    if status in REVERSED_STATUSES:
        raise Skipped(f"the donation is {status}, and the original was never sent", cause="reversed-before-sent")
    if status in UNSENT_STATUSES:
        raise Skipped(f"the payment is {status}", cause="not-approved")
    if status != APPROVED:
        raise Rejected(
            f"status {donation.status[:40]!r} is unknown",
            cause="unknown-status",
            field="statusText",
            remedy="see the donation on RaiseDonors; it is sent as soon as it is Approved",
        )
    if donation.is_test_mode and settings.raisedonors.test_mode_gifts == "ignore":
        raise Skipped("a test-mode gift (setting raisedonors.test_mode_gifts)", cause="test-mode")


def require_sound(donation: Donation, currency: str | None) -> None:
    """Raises Rejected, naming the field, when the amounts or the currency cannot be sent as they are."""
    require_amount(donation.amount, "amount")
    if donation.amount <= 0:
        raise Rejected(
            "is not above zero", cause="amount-not-positive", field="amount", remedy="correct the gift on RaiseDonors"
        )
    for position, allocation in enumerate(donation.allocations):
        require_amount(allocation.amount, f"projects[{position}].amount")
        if allocation.amount < 0:
            raise Rejected(
                "is negative",
                cause="negative-allocation",
                field=f"projects[{position}].amount",
                remedy="correct the allocations on RaiseDonors",
            )
    total = sum((allocation.amount for allocation in donation.allocations), Decimal(0))
    if total != donation.amount:
        raise Rejected(
            f"the allocations add up to {total}, the gift is {donation.amount}",
            cause="allocation-sum-differs",
            field="projects",
            remedy="correct the allocations on RaiseDonors, then retry",
        )
    if currency is not None and donation.currency.upper() != currency:
        raise Rejected(
            f"is {donation.currency[:8]!r}, Aegis takes {currency}",
            cause="other-currency",
            field="currency",
            remedy="record it in Aegis by hand, or change the setting aegis.currency",
        )


def require_amount(amount: Decimal, field: str) -> None:
    """Raises Rejected when an amount is no number or has parts of a cent."""
    _, digits, exponent = amount.as_tuple()
    # Looked at digit by digit: arithmetic would round what lies beyond its precision.
    if not isinstance(exponent, int) or (exponent < -2 and any(digits[exponent + 2 :])) or abs(amount) > _LARGEST:
        raise Rejected(
            "is not an amount with at most two decimals",
            cause="amount-precision",
            field=field,
            remedy="correct the amount on RaiseDonors, then retry",
        )


def require_short_note(note: Note) -> None:
    """Raises Rejected when a note is too long for Aegis."""
    _require_text("donorActivity.subject", note.subject, longest=500)
    _require_text("donorActivity.body", note.body, longest=LONGEST_TEXT)


def _require_text(field: str, text: str | None, longest: int) -> None:
    if text is None:
        return
    if len(text) > longest:
        raise Rejected(
            f"has {len(text):,} characters, more than {longest:,}",
            cause="text-too-long",
            field=field,
            remedy="shorten it on RaiseDonors, then retry",
        )


def require_sound_schedule(schedule: Schedule) -> None:
    """Raises Rejected when the schedule's amount cannot become a pledge."""
    require_amount(schedule.amount, "recurringGift.amount")
    if schedule.amount <= 0:
        raise Rejected(
            "is not above zero",
            cause="amount-not-positive",
            field="recurringGift.amount",
            remedy="correct the schedule on RaiseDonors, then retry",
        )
