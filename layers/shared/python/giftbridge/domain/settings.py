"""The settings document (requirements F1, F2): one JSON object, checked as a whole, every field with a safe default."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from giftbridge.errors import InvalidSettings

MatchField = Literal["donor_id", "first_name", "last_name", "company", "email", "phone", "address"]
Frequency = Literal[
    "Once", "Daily", "Weekly", "Monthly", "Bimonthly", "Quarterly", "Annually", "Semiannually", "Semimonthly"
]
LookupKind = Literal[
    "fund", "appeal", "origin_source", "product", "batch_category", "warehouse", "pledge_program", "channel"
]
ConflictWinner = Literal["newest", "raisedonors", "virtuous"]


_CHARGES = (
    "52",
    "26",
    "12",
    "4",
    "2",
    "1",
    "0",
    "100",
    "weekly",
    "biweekly",
    "monthly",
    "quarterly",
    "semiannually",
    "annually",
)


def _charges_per_year(text: str) -> str:
    if text.strip().casefold() not in _CHARGES:
        raise ValueError(f"must be one of {', '.join(_CHARGES)}")
    return text


ChargesPerYear = Annotated[str, AfterValidator(_charges_per_year)]


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("must be an IANA time zone such as America/Chicago") from error
    return name


def _clock_time(text: str) -> str:
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text):
        raise ValueError("must be a time of day between 00:00 and 23:59, such as 22:00")
    return text


def _utc_when_naive(value: Any) -> Any:
    """A timestamp without a zone means UTC, as on RaiseDonors."""
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return value
        return value if moment.tzinfo else f"{moment.isoformat()}+00:00"
    return value


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class AegisSettings(_Section):
    """How gifts arrive in Aegis."""

    enabled: bool = Field(False, description="Deliver to Aegis. Switched on by `giftbridge connect aegis`.")
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = Field(
        None, description="Only gifts in this ISO 4217 currency are sent; null accepts every currency."
    )
    origin_source: str | None = Field(None, description="Origin source of a partner GiftBridge creates.")
    donor_id_field: str = Field(
        "RaiseDonors.Donor.Id", description="Custom data field of a partner that holds the donor id."
    )
    reconciliation_query_id: str | None = Field(
        None, description="Id of a query in Aegis that lists InvoiceNumber with RaiseDonors.Donation.Id."
    )
    payment_types: dict[str, str] = Field(
        default_factory=dict, description='Aegis payment type for a tender, such as {"ACH": "ElectronicFundsTransfer"}.'
    )
    frequency_substitutes: dict[ChargesPerYear, Frequency] = Field(
        default_factory=dict, description='Stand-in frequency by charges a year, such as {"26": "Semimonthly"}.'
    )
    mirror_pledge_id: bool = Field(True, description="Store the pledge id on the RaiseDonors schedule.")
    batch_category: str = Field("", description="Batch category of a transaction; empty means none.")
    batch_type: str = Field("Web", description="Batch type of a transaction.")
    channel: str = Field("Web", description="Channel of a transaction.")
    recorded_by: str = Field("RaiseDonors", description="RecordedBy of a transaction; one value for GiftBridge alone.")
    payment_status: Literal["Paid", "Received", "Approved"] = Field("Paid", description="Payment.Status.")
    payment_type: str = Field("CreditCard", description="Payment type of a tender missing in payment_types.")
    default_payment_type: str = Field("CreditCard", description="DefaultPaymentType, for the batch header.")
    media_program: str = Field("", description="MediaProgram of a transaction; empty means none.")
    update_primary_mailing_address: bool = Field(
        False, description="Let Aegis overwrite the partner's address with the billing address."
    )
    warehouse_id: str = Field("", description="Warehouse that ships premiums.")
    shipping_method: str = Field("", description="Shipping method of premiums; needed before a premium can be sent.")
    pledge_program_name: str = Field("", description="Pledge program of a pledge; empty means none.")
    pledge_batch_type: str = Field("Web", description="Batch type of a pledge.")
    default_appeal_code: str | None = Field(
        None, description="Appeal for a gift whose motivation code is missing or unknown in Aegis."
    )
    match_rules: Annotated[list[Annotated[list[MatchField], Field(min_length=1)]], Field(min_length=1)] | None = Field(
        None, description="Ordered matching rules, each a list of fields that must all agree; null means the default."
    )
    on_several_matches: Literal["oldest", "newest", "create", "create_and_notify", "review"] = Field(
        "oldest",
        description="What to do when the deciding rule finds several partners; create_and_notify mails the list.",
    )
    on_lost_pledge: Literal["recreate", "send_without_pledge", "fail"] = Field(
        "recreate", description="What to do when a schedule's pledge is missing or inactive."
    )
    on_unmappable_frequency: Literal["send_without_pledge", "fail"] = Field(
        "fail", description="What to do with a schedule whose frequency Aegis cannot express."
    )
    refund_repeats_products: bool = Field(False, description="Repeat product orders in a refund (they ship again).")
    send_notes: bool = Field(False, description="Copy new RaiseDonors notes to the partner.")
    codes: dict[LookupKind, list[str]] = Field(
        default_factory=dict, description="Known codes for look-ups that this Aegis does not offer."
    )


class ConflictSettings(_Section):
    """Who wins when a field changed on both sides."""

    name: ConflictWinner = Field("newest", description="Winner for first, last and organisation name.")
    address: ConflictWinner = Field("newest", description="Winner for the primary address.")
    phone: ConflictWinner = Field("newest", description="Winner for the primary phone.")


class VirtuousSettings(_Section):
    """How contacts and gifts are kept the same in Virtuous CRM+."""

    enabled: bool = Field(False, description="Deliver to Virtuous. Switched on by `giftbridge connect virtuous`.")
    reference_source: str = Field("Legacy RaiseDonors", description="Reference Source and transaction source.")
    sync_gifts: bool = Field(True, description="Send gifts.")
    sync_contacts: bool = Field(True, description="Keep contacts the same on both sides.")
    sync_projects: bool = Field(True, description="Create and update projects.")
    conflicts: ConflictSettings = Field(default_factory=ConflictSettings, description="Conflict winners.")
    empty_erases: bool = Field(False, description="Let an empty value erase a filled one.")
    signature_header: str = Field("X-Virtuous-Signature", description="Header that carries a webhook's signature.")
    signature_encoding: Literal["base64", "hex"] = Field("base64", description="Encoding of that signature.")


class RaiseDonorsSettings(_Section):
    """What is read from RaiseDonors."""

    test_mode_gifts: Literal["ignore", "send"] = Field("ignore", description="What to do with test-mode gifts.")
    start_from: Annotated[AwareDatetime, BeforeValidator(_utc_when_naive), Field(strict=False)] | None = Field(
        None, description="Gifts created before this are not sent; null means the moment Aegis was enabled."
    )


class NotificationSettings(_Section):
    """Who is told by e-mail."""

    sender: str | None = Field(None, description="Verified sender address in Amazon SES.")
    recipients: list[str] = Field(default_factory=list, description="Notification list; `status` warns while empty.")
    digest: bool = Field(True, description="Mail the list a digest of the day before, once a day at batch_at.")


class RetrySettings(_Section):
    """How long to wait."""

    base_seconds: Annotated[float, Field(gt=0, strict=False)] = Field(5, description="First wait after a failure.")
    max_seconds: Annotated[float, Field(gt=0, strict=False)] = Field(
        900, description="Longest wait; five minutes in the first hour of a trouble."
    )
    unknown_wait_seconds: Annotated[float, Field(ge=0, strict=False)] = Field(
        60, description="Wait after a lost answer before the probe may lead to a second send."
    )
    breaker_failures: Annotated[int, Field(ge=1)] = Field(
        5, description="Failures of different donors in a row that open the breaker."
    )
    breaker_probe_seconds: Annotated[float, Field(gt=0, strict=False)] = Field(
        60, description="Wait before an open breaker lets one delivery try."
    )


class ReconciliationSettings(_Section):
    """The daily comparison of both sides."""

    days: Annotated[int, Field(ge=0, le=31)] = Field(
        2, description="Days before today that are compared once a day, at batch_at; 0 compares none."
    )


_HourlyLimit = Annotated[int, Field(ge=1)] | None


class LimitSettings(_Section):
    """Calls an hour; null means no limit until a 429 says so."""

    aegis_per_hour: _HourlyLimit = Field(None, description="Calls an hour to Aegis.")
    virtuous_per_hour: _HourlyLimit = Field(1200, description="Calls an hour to Virtuous.")
    raisedonors_per_hour: _HourlyLimit = Field(None, description="Calls an hour to RaiseDonors.")


class Settings(_Section):
    """The whole document."""

    time_zone: Annotated[str, AfterValidator(_known_zone)] = Field(
        "UTC",
        description="Zone of the days of gifts, history and reconciliation, of times in e-mails and of batch_at.",
    )
    batch_at: Annotated[str, AfterValidator(_clock_time)] = Field("22:00", description="Time of the daily batch.")
    activity_days: Annotated[int, Field(ge=30)] = Field(730, description="Days that activity lines are kept.")
    aegis: AegisSettings = Field(default_factory=AegisSettings, description="Deliveries to Aegis.")
    virtuous: VirtuousSettings = Field(default_factory=VirtuousSettings, description="Virtuous CRM+.")
    raisedonors: RaiseDonorsSettings = Field(default_factory=RaiseDonorsSettings, description="RaiseDonors.")
    notifications: NotificationSettings = Field(default_factory=NotificationSettings, description="E-mail notices.")
    retries: RetrySettings = Field(default_factory=RetrySettings, description="Waiting and the breaker.")
    reconciliation: ReconciliationSettings = Field(
        default_factory=ReconciliationSettings, description="The daily comparison of both sides."
    )
    limits: LimitSettings = Field(default_factory=LimitSettings, description="Rate limits.")


def read_settings(document: object) -> Settings:
    """The settings in a document that may give any subset; the rest are defaults.

    Raises InvalidSettings, naming each field, its problem and the allowed values.
    """
    try:
        return Settings.model_validate(document)
    except ValidationError as refused:
        raise InvalidSettings([_problem(error) for error in refused.errors()]) from refused


def _problem(error: Any) -> str:
    field = ".".join(
        str(part) for part in error["loc"] if not str(part).startswith(("function-", "constrained-", "[key]"))
    )
    if error["type"] == "extra_forbidden":
        return f"{field}: unknown setting; `giftbridge settings show` lists all there are"
    value = error.get("input")
    shown = "" if isinstance(value, dict | list) else f" (got {value!r})"
    return f"{field or 'document'}: {error['msg']}{shown}"
