"""Did the lost request land after all? (design of the `unknown` state, requirement A15)"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from giftbridge.domain.amounts import counted
from giftbridge.domain.deliveries import Attempt, Delivery, State, Step
from giftbridge.domain.partners import HistoryRow, Pledge
from giftbridge.domain.times import could_be_recorded_since, could_be_same_moment, parse_moment

# The name of a transaction whose invoice number cannot be read.
UNREADABLE = "?"
# Among an attempt's values: the records of which a person said that none is what the lost request made.
NOT_IT = "not_it"
# Among an attempt's values: the life before a restore made it, if anybody did, from what the record said then.
FORGOTTEN = "forgotten"
# A refund is dated when it was first seen, which may be long before its record was changed again.
_ONE = timedelta(days=1)
_LONGEST_UNSEEN = timedelta(days=31)


def partner_name(partner_id: str) -> str:
    """What an inactive partner is called among candidates: to rule it out says that nothing was recorded there."""
    return f"partner/{partner_id}"


def invoice_name(row: HistoryRow) -> str:
    """What a transaction is called among candidates."""
    return str(row.invoice_number or UNREADABLE)


def without(attempt: Attempt, candidates: Iterable[str], known: str = NOT_IT) -> Attempt:
    """The attempt to look for once more, with candidates that are surely not what it made."""
    names = dict.fromkeys([*attempt.values.get(known, "").split(), *candidates])
    return replace(attempt, values={**attempt.values, known: " ".join(names)})


def is_ruled_out(attempt: Attempt, name: str) -> bool:
    """Whether a person said of this record that the attempt did not make it."""
    return name in attempt.values.get(NOT_IT, "").split()


def fitting_rows(attempt: Attempt, rows: Iterable[HistoryRow]) -> list[HistoryRow]:
    """The rows of a partner's history that can be this attempt's transaction, before claims are looked at."""
    return [row for row in rows if _row_fits(attempt, row)]


def days_around(attempt: Attempt) -> tuple[date, date]:
    """The days between which the attempt's transaction can be dated."""
    if _is_undated(attempt):
        return (attempt.first_started_at - _LONGEST_UNSEEN).date(), attempt.started_at.date() + _ONE
    day = parse_moment(attempt.values["date"]).date()
    return day - _ONE, day + _ONE


def _is_undated(attempt: Attempt) -> bool:
    """A reversal of the life before a restore bears the day on which that life first saw it, which is forgotten."""
    return FORGOTTEN in attempt.values and Decimal(attempt.values["amount"]) < 0


def _row_fits(attempt: Attempt, row: HistoryRow) -> bool:
    sent = attempt.values
    return (
        not is_ruled_out(attempt, invoice_name(row))
        and row.amount == Decimal(sent["amount"])
        and _agrees_or_unsaid(sent["appeal"], row.appeal_code)
        and _agrees_or_unsaid(sent["recorded_by"], row.recorded_by)
        and (_is_undated(attempt) or could_be_same_moment(parse_moment(sent["date"]), row.transaction_date))
        and could_be_recorded_since(attempt.first_started_at, row.date_recorded)
    )


def fitting_pledges(attempt: Attempt, pledges: Iterable[Pledge]) -> list[Pledge]:
    """The partner's pledges that can be this attempt's pledge, before claims are looked at."""
    return [
        pledge
        for pledge in pledges
        if pledge.is_active
        and not is_ruled_out(attempt, pledge.id)
        and (_is_of_that_schedule(attempt, pledge) or _is_as_sent(attempt, pledge))
    ]


def _is_of_that_schedule(attempt: Attempt, pledge: Pledge) -> bool:
    """Pledged when the schedule was made: what else the schedule said then is forgotten."""
    sent = attempt.values
    is_dated = bool(sent["pledged"] and pledge.date_pledged)
    return FORGOTTEN in sent and is_dated and _same_or_unsaid(sent["pledged"], pledge.date_pledged)


def _is_as_sent(attempt: Attempt, pledge: Pledge) -> bool:
    sent = attempt.values
    return (
        pledge.amount == Decimal(sent["amount"])
        and _agrees_or_unsaid(sent["frequency"], pledge.frequency)
        and (
            _same_or_unsaid(sent["pledged"], pledge.date_pledged)
            # Aegis may stamp its own time.
            or could_be_recorded_since(attempt.first_started_at, pledge.date_pledged)
        )
        and _same_or_unsaid(sent["start"], pledge.start_date)
    )


def unsettled_twins(delivery: Delivery, row: HistoryRow, others: Iterable[Delivery]) -> list[Delivery]:
    """Other deliveries whose lost or running request could just as well have made this row."""
    twins = []
    for other in others:
        attempt = other.attempt
        if (
            other.id == delivery.id
            or attempt is None
            or other.state not in {State.UNKNOWN, State.SENDING, State.FAILED}
        ):
            continue
        if attempt.step is Step.TRANSACTION and _row_fits(attempt, row):
            twins.append(other)
    return twins


def query_hits(rows: Iterable[Mapping[str, object]], donation_id: str, amount: str) -> list[int]:
    """Invoice numbers that the customer's own query lists for a donation; a row of another sign is another record."""
    hits: list[int] = []
    for row in rows:
        named = {key.casefold(): value for key, value in row.items()}
        if str(named.get("raisedonors.donation.id", "")).strip() != donation_id:
            continue
        listed = counted(str(named.get("totaltransactionamount", named.get("transactionamount", amount))))
        invoice = counted(str(named.get("invoicenumber")))
        if listed is None or invoice is None or invoice <= 0 or invoice != invoice.to_integral_value():
            continue
        if (listed < 0) == (Decimal(amount) < 0) and int(invoice) not in hits:
            hits.append(int(invoice))
    return hits


def _agrees_or_unsaid(sent: str, returned: str | None) -> bool:
    """Equal without regard to case and blanks around (a column of fixed width has some); what is left open fits."""
    one, other = sent.strip().casefold(), (returned or "").strip().casefold()
    return not one or not other or one == other


def _same_or_unsaid(sent: str, returned: str | None) -> bool:
    if not sent or not returned:
        return True
    try:
        return could_be_same_moment(parse_moment(sent), returned)
    except ValueError:
        return sent[:10] == returned[:10]
