"""Values of a donation in the form that Aegis takes."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

from giftbridge.domain.countries import country_code
from giftbridge.domain.donations import Address, Donation, Project, Schedule
from giftbridge.domain.settings import AegisSettings
from giftbridge.domain.times import day_in, day_named
from giftbridge.errors import Rejected


def cents(amount: Decimal) -> Decimal:
    """An amount with exactly two decimals; validation has refused what would lose something."""
    return amount.quantize(Decimal("0.01"))


def filled(text: str | None) -> str | None:
    """The text, or None when there is nothing in it to send."""
    return text if text is not None and text.strip() else None


def known_country(country: str | None) -> str | None:
    """The code of a country; None where there is none, or none that Aegis would take: then it is left out."""
    return country_code(country) if country is not None and country.strip() else None


def both_lines(address: Address) -> str | None:
    """Both address lines in one."""
    return ", ".join(line.strip() for line in (address.street, address.street2) if line and line.strip()) or None


def payment_type(tender: str | None, settings: AegisSettings) -> str:
    """Aegis' payment type of a tender."""
    by_tender = {name.strip().casefold(): value for name, value in settings.payment_types.items()}
    return by_tender.get((tender or "").strip().casefold(), settings.payment_type)


def segment_code(donation: Donation) -> str | None:
    """The gift's segment code, else `segment-code` or `segment` of the giving page's address, without blanks around."""
    if filled(donation.segment_code):
        return (donation.segment_code or "").strip()
    try:
        query = parse_qs(urlsplit(donation.submission_url or "").query)
    except ValueError:
        return None
    named = {name.strip().casefold(): values[0].strip() for name, values in query.items()}
    return next((named[name] for name in ("segment-code", "segment") if named.get(name)), None)


def fund_code(project_id: int, projects: Mapping[int, Project]) -> str:
    """The fund of a project. Raises Rejected when the project is unknown or has no code."""
    project = projects.get(project_id)
    code = filled(project.code) if project else None
    if code is None:
        raise Rejected(
            f"project {project_id} has no code" if project else f"project {project_id} does not exist",
            cause="project-without-code",
            field="projects[].projectId",
            remedy="give the project its Aegis fund id as code on RaiseDonors, then retry",
        )
    return code


def start_day(schedule: Schedule, zone: str) -> str:
    """The first day on which the pledge is due, in the organisation's time zone.

    Raises Rejected when the schedule says neither when it starts nor when it was made: Aegis takes no pledge without.
    """
    named = day_named(zone, schedule.start_date) if schedule.start_date else None
    if named is not None:
        return named
    if schedule.created_at is None:
        raise Rejected(
            "cannot be read, and neither can createdDate: Aegis takes no pledge without a first day",
            cause="unreadable-record",
            field="recurringGift.startDate",
            remedy="correct the schedule on RaiseDonors, then retry",
        )
    return day_in(zone, schedule.created_at)
