"""Values of a donation in the form that Aegis takes."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

from giftbridge.domain.donations import Address, Donation, Project, Schedule
from giftbridge.domain.settings import AegisSettings
from giftbridge.errors import Rejected


def cents(amount: Decimal) -> Decimal:
    """An amount with exactly two decimals; validation has refused what would lose something."""
    return amount.quantize(Decimal("0.01"))


def filled(text: str | None) -> str | None:
    """The text, or None when there is nothing in it to send."""
    return text if text is not None and text.strip() else None


def both_lines(address: Address) -> str | None:
    """Both address lines in one."""
    return ", ".join(line.strip() for line in (address.street, address.street2) if line and line.strip()) or None


def payment_type(tender: str | None, settings: AegisSettings) -> str:
    """Aegis' payment type of a tender."""
    by_tender = {name.casefold(): value for name, value in settings.payment_types.items()}
    return by_tender.get((tender or "").casefold(), settings.payment_type)


def segment_code(donation: Donation) -> str | None:
    """The gift's segment code, else `segment-code` or `segment` of the giving page's address."""
    if filled(donation.segment_code):
        return donation.segment_code
    try:
        query = parse_qs(urlsplit(donation.submission_url or "").query)
    except ValueError:
        return None
    return next((filled(query[name][0]) for name in ("segment-code", "segment") if query.get(name)), None)


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


def start_day(schedule: Schedule) -> str:
    """The first day on which the pledge is due."""
    return (filled(schedule.start_date) or schedule.created_at.isoformat())[:10]
