"""Money waits for no decoration: however odd the rest of a record is, the gift arrives, once, and nothing is hidden."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from giftbridge.domain.deliveries import State
from tests.workbench import Workbench, workbench

Members = dict[str, Any]
STREET: Members = {"address1": "9 Hill Road", "city": "Prizren", "postal": "20000", "state": ""}
EVERYWHERE = "a\x00b\x0bc\x0cd\x1be\x7ff\x85g\ud83dh"
CLEAN = "a b c d e f g h"


@dataclass(frozen=True, slots=True)
class Odd:
    """Members of a gift or its donor, and what of them cannot be carried: the fields and the words in the note."""

    name: str
    gift: Members = field(default_factory=dict)
    donor: Members = field(default_factory=dict)
    fields: tuple[str, ...] = ()
    words: str = ""


def _country(country: object) -> Members:
    return {"billingAddress": {**STREET, "countryString": country}}


def _fields(*pairs: tuple[str, object]) -> Members:
    return {"customFields": [{"name": name, "value": value} for name, value in pairs]}


BILLING = ("billingAddress.countryString",)
ODD = [
    Odd("control characters in a comment", {"comment": f"Thanks{EVERYWHERE}"}),
    Odd("a comment of 200 KB", {"comment": "All of it is meant kindly. " * 7600}, fields=("comment",), words="32,000"),
    Odd("a comment that is a list", {"comment": [7]}, fields=("comment",), words="comment: 7"),
    Odd("a comment that is false", {"comment": False}),
    Odd("control characters in a name", donor={"firstName": EVERYWHERE, "lastName": f"Berg{EVERYWHERE}"}),
    Odd("control characters in a street", {"billingAddress": {**STREET, "address1": EVERYWHERE}}),
    Odd(
        "lines in a street", {"billingAddress": {**STREET, "address1": "9 Hill Road\r\nFlat 2", "countryString": "GB"}}
    ),
    Odd("a name of 600 letters", donor={"lastName": "x" * 600}, fields=("donor.lastName",), words="first"),
    Odd("control characters in a referrer", {"referringUrl": f"https://example.org/{EVERYWHERE}"}),
    Odd("control characters in a custom field", _fields(("custom_aegisapi_Campus", EVERYWHERE))),
    Odd("Kosovo", _country("Kosovo"), fields=BILLING, words="Kosovo"),
    Odd("the other country", _country("Other"), fields=BILLING, words="Other"),
    Odd("a country that is a number", _country(7), fields=BILLING, words="7"),
    Odd("a country in an object", _country({"code": "US"}), fields=BILLING, words="US"),
    Odd("the US Virgin Islands", _country("U.S. Virgin Islands")),
    Odd("the United Kingdom twice", _country("United Kingdom (UK)")),
    Odd(
        "a donor from no country",
        donor={"donorAddresses": [{**STREET, "countryString": "Other", "isPrimary": True}]},
        fields=("donor.primaryAddress.countryString",),
        words="Other",
    ),
    Odd("an address that is empty text", {"billingAddress": "", "shippingAddress": []}),
    Odd("an address in one text", {"billingAddress": "1 A St"}, fields=("billingAddress",), words="1 A St"),
    Odd(
        "a tribute of another type",
        {"tribute": {"type": "Celebration", "name": "Rosa"}},
        fields=("tribute",),
        words="Celebration Rosa",
    ),
    Odd("a tribute in words", {"tribute": {"type": "In Memory Of", "name": "Rosa"}}),
    Odd("a tribute in small letters", {"tribute": {"type": "inhonourof", "name": "Rosa"}}),
    Odd("an empty tribute", {"tribute": {}}),
    Odd(
        "a tribute of nobody",
        {"tribute": {"type": "InMemoryOf", "name": None}},
        fields=("tribute",),
        words="InMemoryOf",
    ),
    Odd("a tribute in one text", {"tribute": "for Rosa"}, fields=("tribute",), words="for Rosa"),
    Odd("an empty premium", {"premium": {}}),
    Odd(
        "a premium without a code",
        {"premium": {"name": "Mug", "productCode": None}},
        fields=("premium.name",),
        words="Mug",
    ),
    Odd(
        "a premium to nowhere",
        {"premium": {"productCode": "BOOK-01"}, "shippingAddress": None, "shippingName": None},
        fields=("premium",),
        words="BOOK-01 is not ordered",
    ),
    Odd(
        "a premium to Kosovo",
        {"premium": {"productCode": "BOOK-01"}, "shippingAddress": {**STREET, "countryString": "Kosovo"}},
        fields=("shippingAddress.countryString", "premium"),
        words="Kosovo",
    ),
    Odd(
        "a premium of none",
        {"premium": {"productCode": "book-01 ", "quantity": 0}, "shippingAddress": {**STREET, "countryString": "US"}},
    ),
    Odd("an empty outlet", {"mediaOutlet": {}}),
    Odd("an outlet without a code", {"mediaOutlet": {"name": "Radio"}}, fields=("mediaOutlet.name",), words="Radio"),
    Odd("an outlet as text", {"mediaOutlet": "KXYZ"}),
    Odd("a ticked custom field", _fields(("Custom_AegisAPI_Mail", True))),
    Odd("several choices", _fields(("CUSTOM_AEGISAPI_Likes", ["tea", "cake"]), ("custom_aegisapi_Age", 41))),
    Odd(
        "a custom field that is an object",
        _fields(("custom_aegisapi_x", {"a": "b"})),
        fields=("customFields[0].value",),
        words="b",
    ),
    Odd("custom fields as one object", {"customFields": {"custom_aegisapi_Campus": "North"}}),
    Odd("custom fields that are text", {"customFields": "North"}, fields=("customFields",), words="North"),
    Odd(
        "flags as text",
        {
            "giftAidRequested": "true",
            "isTestMode": "false",
            "billingAddress": {**STREET, "isPrimary": "", "countryString": "US"},
        },
    ),
    Odd("flags that are empty", {"giftAidRequested": "", "isTestMode": None}),
    Odd("a flag that is no flag", {"giftAidRequested": "perhaps"}, fields=("giftAidRequested",), words="perhaps"),
    Odd("schedule number zero", {"recurringGiftId": 0}),
    Odd("schedule number zero as text", {"recurringGiftId": "0"}),
    Odd("a schedule that is text", {"recurringGiftId": "monthly"}, fields=("recurringGiftId",), words="monthly"),
    Odd("a motivation code with blanks", {"motivationCode": "WEB "}),
    Odd("a motivation code in small letters", {"motivationCode": "web"}),
    Odd("a motivation code with an invisible letter", {"motivationCode": "\ufeffWEB\u200b"}),
    Odd("a currency in small letters with blanks", {"currency": " usd "}),
    Odd("a status with blanks", {"statusText": "approved "}),
    Odd("an amount with thousands", {"amount": "1,250.00", "projects": [{"projectId": 301, "amount": "1.250,00"}]}),
    Odd("an amount with a gap", {"amount": "1\u202f250,00", "projects": [{"projectId": "301", "amount": 1250}]}),
    Odd(
        "a phone that is a list",
        donor={"donorPhoneNumbers": "512-555-0101"},
        fields=("donor.donorPhoneNumbers",),
        words="512",
    ),
    Odd(
        "an organisation with a person's name",
        donor={"isOrganization": True, "organizationName": None, "firstName": "Ida", "lastName": "Kern"},
    ),
    Odd(
        "a person with an organisation's name",
        donor={"isOrganization": False, "organizationName": "Kern & Sons", "firstName": None, "lastName": ""},
    ),
    Odd(
        "neither said",
        donor={"isOrganization": None, "organizationName": "Hill Chapel", "firstName": None, "lastName": None},
    ),
]

pytestmark = pytest.mark.xdist_group("decorations")


@dataclass(slots=True)
class Played:
    """All odd gifts of one day."""

    bench: Workbench
    gifts: dict[str, int]

    def note_of(self, name: str) -> str:
        """The verbose note of the one transaction."""
        [transaction] = self.bench.transactions_of(self.gifts[name])
        return str(transaction.attribute("RaiseDonors.Donation.MetaInfo"))

    def transaction(self, name: str) -> Any:
        """The one transaction, as Aegis holds it."""
        [transaction] = self.bench.transactions_of(self.gifts[name])
        return transaction.model

    def partner(self, name: str) -> Any:
        """The partner that took the gift."""
        [transaction] = self.bench.transactions_of(self.gifts[name])
        return self.bench.aegis.store.partners[transaction.partner_id]


@pytest.fixture(scope="module")
def played() -> Iterator[Played]:
    """Every odd gift, of a donor of its own, played once."""
    with workbench() as bench:
        gifts = {}
        for odd in ODD:
            donor = bench.population.make_donor("new_person")
            gifts[odd.name] = bench.give(donor=donor)
            store = bench.raisedonors.store
            store.edit("gift", gifts[odd.name], odd.gift, modified=bench.clock())
            if odd.donor:
                store.edit("donor", donor.donor_id, odd.donor)
            bench.clock.advance(1)
        bench.run(2)
        yield Played(bench, gifts)


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd.name)
def test_the_gift_arrives_once_with_its_whole_amount(played: Played, odd: Odd) -> None:
    delivery = played.bench.delivery(played.gifts[odd.name])
    assert delivery.state is State.DELIVERED, delivery.trouble
    [transaction] = played.bench.transactions_of(played.gifts[odd.name])
    amount = played.bench.raisedonors.store.gifts.entry(played.gifts[odd.name]).latest.members["amount"]
    assert transaction.total == (amount if isinstance(amount, Decimal) else Decimal(1250))


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd.name)
def test_what_could_not_be_carried_stands_in_the_note_and_in_one_line_of_activity(played: Played, odd: Odd) -> None:
    gift = played.gifts[odd.name]
    named = [line for line in played.note_of(odd.name).splitlines() if line.startswith("Could not be carried: ")]
    lines = [
        line
        for line in played.bench.tools.activity.of_entity(played.bench.delivery(gift).donor_entity)
        if line["what"] == "left out" and line["delivery"] == played.bench.delivery(gift).id
    ]
    assert [line["details"]["fields"] for line in lines] == ([", ".join(odd.fields)] if odd.fields else [])
    assert len(named) == bool(odd.fields), named
    assert all(f"{name}: " in named[0] for name in odd.fields)
    assert not odd.words or odd.words in named[0]


def test_an_activity_line_tells_fields_and_never_what_they_say(played: Played) -> None:
    told = [str(row["why"]) + str(row.get("details")) for row in played.bench.rows("ActivityTable")]
    assert not [text for text in told if any(word in text for word in ("Kosovo", "Rosa", "9 Hill Road", "Celebration"))]


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("control characters in a comment", "TransactionNote", f"Thanks{CLEAN}"),
        ("control characters in a street", "Payment.Address", CLEAN),
        ("lines in a street", "Payment.Address", "9 Hill Road Flat 2"),
        ("control characters in a name", "Payment.FirstName", CLEAN),
        ("Kosovo", "Payment.Country", ""),
        ("the US Virgin Islands", "Payment.Country", "VI"),
        ("the United Kingdom twice", "Payment.Country", "GB"),
        ("an outlet as text", "MediaOutlet", "KXYZ"),
        ("a motivation code in small letters", "AppealCode", "WEB"),
        ("a motivation code with an invisible letter", "AppealCode", "WEB"),
    ],
)
def test_what_can_be_carried_is(played: Played, name: str, path: str, value: str) -> None:
    found = played.transaction(name)
    for member in path.split("."):
        found = found[member]
    assert found == value


@pytest.mark.parametrize(
    ("name", "attribute", "value"),
    [
        ("a tribute in words", "In_Memory_of", "Rosa"),
        ("a tribute in small letters", "In_Honor_of", "Rosa"),
        ("a ticked custom field", "Mail", "true"),
        ("several choices", "Likes", "tea, cake"),
        ("custom fields as one object", "Campus", "North"),
        ("control characters in a custom field", "Campus", CLEAN),
        ("flags as text", "Gift Aid Requested", "true"),
    ],
)
def test_attributes_are_read_from_any_spelling(played: Played, name: str, attribute: str, value: str) -> None:
    [transaction] = played.bench.transactions_of(played.gifts[name])
    assert transaction.attribute(attribute) == value


def test_a_product_is_ordered_under_the_code_that_aegis_has(played: Played) -> None:
    [order] = played.transaction("a premium of none")["ProductOrders"]
    assert (order["ProductSku"], order["Quantity"]) == ("BOOK-01", 1)


@pytest.mark.parametrize(
    ("name", "person", "company"),
    [
        ("an organisation with a person's name", "Ida Kern", ""),
        ("a person with an organisation's name", "", "Kern & Sons"),
        ("neither said", "", "Hill Chapel"),
    ],
)
def test_a_donor_becomes_what_its_names_say(played: Played, name: str, person: str, company: str) -> None:
    partner = played.partner(name)
    assert (f"{partner['FirstName']} {partner['LastName']}".strip(), partner["Company"]) == (person, company)
