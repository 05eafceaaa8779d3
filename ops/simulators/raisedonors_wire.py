"""Records of the simulated RaiseDonors on the wire: absent or null in turn, timestamps in many spellings."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from zlib import crc32

from ops.simulators.raisedonors_records import Entry, Records, Version
from ops.simulators.raisedonors_time import format_timestamp

# Members that may be absent or null, and mean the same either way.
GIFT_OPTIONAL = (
    "formattedAmount", "date", "gateway", "authorizationNumber", "transactionId", "donationId", "paymentInfo",
    "paymentType", "segment", "motivation", "campaignName", "segmentName", "notes", "comment", "billingName",
    "shippingName", "recurringGiftId", "giftAidRequested", "canRefund", "donorPaidCosts",
    "paymentProviderTransactionUrl", "submissionUrl", "billingAddress", "shippingAddress", "isAnonymous",
    "browserInfo", "googleGclid", "crmKey", "sourceCode", "motivationCode", "segmentCode", "mediaOutlet", "tribute",
    "premium", "customFields", "ipAddress", "referringUrl", "utm", "cardBrand", "billingFirstName",
    "billingLastName",
)  # fmt: skip
DONOR_OPTIONAL = (
    "name", "title", "firstName", "middleName", "lastName", "suffix", "email", "phone", "notes", "organizationName",
    "crmKey", "crmSecondKey", "crmKeyUrls", "isGDPRDeleted", "primaryAddress",
)  # fmt: skip
SCHEDULE_OPTIONAL = (
    "nextChargeDate", "startDate", "currencyCode", "crmKey", "sourceCode", "segmentCode", "motivationCodeLegacy",
    "gatewayId", "gatewayCustomerKey", "profileNumber", "paymentMethodId", "premiumId", "cardBrand", "isAnonymous",
    "notes", "billingAddress", "motivationCode", "billingFirstName", "billingLastName", "paymentType",
    "formattedFrequency",
)  # fmt: skip
PROJECT_OPTIONAL = ("code", "onlineDisplayName", "description", "isAvailableOnline")
ACTIVITY_OPTIONAL = ("body", "source")
FREQUENCY_NAMES = {
    52: "Weekly", 26: "Every two weeks", 12: "Monthly", 4: "Quarterly", 2: "Twice a year", 1: "Annually",
}  # fmt: skip


def varies(*parts: object) -> bool:
    """One way or the other, always the same for the same parts."""
    return bool(crc32(":".join(str(part) for part in parts).encode("utf-8")) & 1)


class Renderer:
    """Writes the records of one kind."""

    def __init__(
        self,
        kind: str,
        optional: Iterable[str],
        complete: Callable[[int, dict[str, Any]], dict[str, Any]] | None = None,
    ) -> None:
        self._kind = kind
        self._optional = tuple(optional)
        self._complete = complete

    def render(self, entry: Entry, version: Version | None = None) -> dict[str, Any]:
        """A record as it is read just now."""
        shown = version or entry.seen or entry.latest
        kind, record_id = self._kind, entry.record_id
        members = {**shown.members} if self._complete is None else self._complete(record_id, shown.members)
        members["id"] = record_id
        if kind != "project":
            members["createdDate"] = format_timestamp(entry.created, f"{kind}:{record_id}:created")
        members["modifiedDate"] = format_timestamp(shown.modified, f"{kind}:{record_id}:{shown.modified}")
        for name in self._optional:
            if members.get(name) is None:
                if varies(kind, record_id, name):
                    members[name] = None
                else:
                    members.pop(name, None)
        return members

    def page(self, records: Records, ids: Iterable[int], total: int) -> dict[str, Any]:
        """A page of records."""
        found = (records.get(record_id) for record_id in ids)
        return {"items": [self.render(entry) for entry in found if entry is not None], "total": total}


def complete_donor(record_id: int, members: Mapping[str, Any]) -> dict[str, Any]:
    """A donor with the members that mirror its primary entries."""
    donor = dict(members)
    donor["email"] = _primary_value(donor.get("donorEmailAddresses"))
    donor["phone"] = _primary_value(donor.get("donorPhoneNumbers"))
    donor["primaryAddress"] = primary_of(donor.get("donorAddresses"))
    donor["name"] = donor_name(donor)
    for name in ("donorAddresses", "donorEmailAddresses", "donorPhoneNumbers"):
        if not donor.get(name) and varies("donor", record_id, name):
            donor.pop(name, None)
        else:
            donor[name] = donor.get(name) or []
    return donor


def complete_schedule(record_id: int, members: Mapping[str, Any]) -> dict[str, Any]:
    """A schedule with its frequency in words."""
    schedule = dict(members)
    if varies("schedule", record_id, "formattedFrequency"):
        schedule["formattedFrequency"] = FREQUENCY_NAMES.get(schedule["frequency"])
    return schedule


def donor_name(donor: Mapping[str, Any]) -> str | None:
    """The name a donor is shown under."""
    if donor.get("isOrganization") and donor.get("organizationName"):
        return str(donor["organizationName"])
    parts = [donor.get(name) for name in ("firstName", "middleName", "lastName")]
    return " ".join(str(part) for part in parts if part) or None


def primary_of(entries: Any) -> dict[str, Any] | None:
    """The primary one of a donor's addresses, e-mail addresses or phone numbers."""
    for entry in entries or []:
        if isinstance(entry, dict) and entry.get("isPrimary"):
            return dict(entry)
    return None


def _primary_value(entries: Any) -> str | None:
    primary = primary_of(entries)
    return str(primary["value"]) if primary and primary.get("value") is not None else None
