"""Gifts that can be delivered, and gifts that are not meant to be: one builder for each kind."""

import random
from datetime import datetime
from decimal import Decimal
from typing import Any

from ops.simulators.population_codes import APPEALS, FUNDS, MEDIA_OUTLETS, PRODUCTS
from ops.simulators.population_donors import MadeDonor

GOOD_KINDS = {
    "one_time": 30,
    "split": 14,
    "first_of_schedule": 8,
    "later_of_schedule": 12,
    "imported_schedule": 4,
    "premium": 6,
    "gift_aid": 3,
    "in_honour": 3,
    "in_memory": 3,
    "media_outlet": 3,
    "custom_fields": 3,
    "tracked": 5,
    "ach": 3,
    "direct_debit": 2,
    "other_tender": 2,
    "foreign_currency": 2,
    "anonymous": 2,
    "long_text": 1,
}
"""Kinds that are to arrive in Aegis, and how often they occur."""

QUIET_KINDS = {"test_mode": 3, "pending": 3, "declined": 3, "adopted": 2, "refunded_before": 1, "voided_before": 1}
"""Kinds that are not to be sent as they stand."""

SCHEDULE_KINDS = ("first_of_schedule", "later_of_schedule", "imported_schedule")
SCHEDULE_FREQUENCIES = (52, 12, 12, 12, 12, 4, 2, 1)
CENT = Decimal("0.01")
COMMENTS = (
    "Thank you for all you do!", "Für die Kinder", "תודה רבה", "In love 💛", 'She said "give"; we did.', "شكرا",
    "Line one\nLine two", "ありがとうございます",
)  # fmt: skip


class GiftBuilder:
    """Makes the members of gifts."""

    def __init__(self, chance: random.Random, project_ids: dict[str | None, int]) -> None:
        self.chance = chance
        self.project_ids = project_ids

    def plain(self, donor: MadeDonor, when: datetime, amount: Decimal | None = None) -> dict[str, Any]:
        """An approved one-time gift to one project."""
        chance, person = self.chance, donor.person
        total = amount if amount is not None else self.amount()
        name = person.company or f"{person.first_name} {person.last_name}"
        return {
            "currency": "USD",
            "amount": total,
            "formattedAmount": f"${total:,.2f}",
            "date": when.strftime("%Y-%m-%dT%H:%M:%S"),
            "statusText": "Approved",
            "paymentType": "CreditCard",
            "cardBrand": chance.choice(("Visa", "MasterCard", "Discover", "American Express")),
            "gateway": "Simulated gateway",
            "transactionId": f"ch_{chance.getrandbits(40):010x}",
            "donorId": donor.donor_id,
            "motivationCode": chance.choice(APPEALS),
            "sourceCode": chance.choice(("WEB", "EMAIL", None)),
            "comment": chance.choice(COMMENTS) if chance.random() < 0.3 else None,
            "billingName": name,
            "billingFirstName": person.first_name or None,
            "billingLastName": person.last_name or None,
            "billingAddress": person.address(),
            "projects": self.allocations(total, 1),
            "submissionUrl": "https://give.example.org/main",
            "ipAddress": f"203.0.113.{chance.randint(1, 254)}",
            "isTestMode": False,
        }

    def build(self, kind: str, donor: MadeDonor, when: datetime) -> dict[str, Any]:
        """A gift of a kind of this module; those of schedules are given their schedule afterwards."""
        gift = self.plain(donor, when)
        if kind in ("one_time", *SCHEDULE_KINDS):
            return gift
        change = getattr(self, f"_{kind}", None)
        if change is None:
            raise ValueError(f"{kind!r} is no kind of gift")
        gift.update(change(gift, donor))
        return gift

    def amount(self) -> Decimal:
        """An amount to the cent, often a round one."""
        if self.chance.random() < 0.6:
            return Decimal(self.chance.choice((10, 25, 30, 50, 75, 100, 250))).quantize(CENT)
        return (Decimal(self.chance.randint(100, 99999)) / 100).quantize(CENT)

    def allocations(self, total: Decimal, parts: int) -> list[dict[str, Any]]:
        """The total, spread over some projects to the cent."""
        codes = self.chance.sample(sorted(FUNDS), parts)
        cents = int(total * 100)
        cuts = sorted(self.chance.sample(range(1, cents), parts - 1)) if parts > 1 else []
        shares = [Decimal(end - start) / 100 for start, end in zip([0, *cuts], [*cuts, cents], strict=True)]
        return [self.allocation(code, share) for code, share in zip(codes, shares, strict=True)]

    def allocation(self, code: str | None, share: Decimal) -> dict[str, Any]:
        """One allocation; its amount is a text with no, two or four decimals."""
        name = FUNDS.get(code) if code is not None else None
        spellings = [f"{share:.2f}", f"{share:.4f}", f"{share:.2f}"]
        if share == share.to_integral_value():
            spellings.append(f"{share:.0f}")
        return {"projectId": self.project_ids[code], "name": name, "amount": self.chance.choice(spellings)}

    def _split(self, gift: dict[str, Any], _: MadeDonor) -> dict[str, Any]:
        return {"projects": self.allocations(gift["amount"], self.chance.randint(2, 5))}

    def _premium(self, _: dict[str, Any], donor: MadeDonor) -> dict[str, Any]:
        code = self.chance.choice(sorted(PRODUCTS))
        name = donor.person.company or f"{donor.person.first_name} {donor.person.last_name}"
        return {
            "premium": {"productCode": code, "name": PRODUCTS[code], "quantity": self.chance.choice((1, 1, 1, 2))},
            "shippingName": name,
            "shippingAddress": donor.person.address(),
        }

    def _gift_aid(self, _: dict[str, Any], __: MadeDonor) -> dict[str, Any]:
        return {"giftAidRequested": True, "currency": "GBP"}

    def _in_honour(self, _: dict[str, Any], __: MadeDonor) -> dict[str, Any]:
        return {"tribute": {"type": "InHonorOf", "name": "Grandmother Rosa"}}

    def _in_memory(self, _: dict[str, Any], __: MadeDonor) -> dict[str, Any]:
        return {"tribute": {"type": "InMemoryOf", "name": "Zoltán Kovács"}}

    def _media_outlet(self, _: dict[str, Any], __: MadeDonor) -> dict[str, Any]:
        code = self.chance.choice(sorted(MEDIA_OUTLETS))
        return {"mediaOutlet": {"code": code, "name": MEDIA_OUTLETS[code]}}

    def _custom_fields(self, _: dict[str, Any], __: MadeDonor) -> dict[str, Any]:
        return {
            "customFields": [
                {"name": "custom_aegisapi_Campus", "value": "North"},
                {"name": "custom_aegisapi_Heard From", "value": "A friend"},
                {"name": "custom_shirt_size", "value": "L"},
                {"name": "custom_aegisapi_Empty", "value": None},
            ]
        }

    def _tracked(self, _: dict[str, Any], __: MadeDonor) -> dict[str, Any]:
        name = self.chance.choice(("segment-code", "segment"))
        utm = {"source": "newsletter", "medium": "email", "campaign": "spring", "term": None, "content": "top"}
        return {
            "submissionUrl": f"https://give.example.org/main?utm_source=newsletter&{name}=A{self.chance.randint(1, 9)}",
            "referringUrl": "https://www.example.org/news?id=7",
            "utm": utm,
        }

    def _ach(self, _: dict[str, Any], __: MadeDonor) -> dict[str, Any]:
        return {"paymentType": "ACH", "cardBrand": None}

    def _direct_debit(self, _: dict[str, Any], __: MadeDonor) -> dict[str, Any]:
        return {"paymentType": "DirectDebit", "cardBrand": None, "currency": "EUR"}

    def _other_tender(self, _: dict[str, Any], __: MadeDonor) -> dict[str, Any]:
        return {"paymentType": "Other", "cardBrand": None}

    def _foreign_currency(self, _: dict[str, Any], __: MadeDonor) -> dict[str, Any]:
        return {"currency": self.chance.choice(("CAD", "EUR", "GBP", "AUD"))}

    def _anonymous(self, _: dict[str, Any], __: MadeDonor) -> dict[str, Any]:
        return {"isAnonymous": True, "donorPaidCosts": True}

    def _long_text(self, _: dict[str, Any], __: MadeDonor) -> dict[str, Any]:
        return {"comment": "Grateful. " * 200}

    def _test_mode(self, _: dict[str, Any], __: MadeDonor) -> dict[str, Any]:
        return {"isTestMode": True}

    def _pending(self, _: dict[str, Any], __: MadeDonor) -> dict[str, Any]:
        return {"statusText": "Pending"}

    def _declined(self, _: dict[str, Any], __: MadeDonor) -> dict[str, Any]:
        return {"statusText": "Declined"}

    def _adopted(self, _: dict[str, Any], __: MadeDonor) -> dict[str, Any]:
        return {"crmKey": str(self.chance.randint(300000, 399999))}

    def _refunded_before(self, _: dict[str, Any], __: MadeDonor) -> dict[str, Any]:
        return {"statusText": "Refunded"}

    def _voided_before(self, _: dict[str, Any], __: MadeDonor) -> dict[str, Any]:
        return {"statusText": "Voided"}
