"""Gifts on their way to Virtuous' import tool: which rows they become, and which cannot be sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import simplejson
from hypothesis import given, settings
from hypothesis import strategies as st

from giftbridge.domain.donations import Address, Allocation, Donation, Donor, Premium, Project, Tribute
from giftbridge.domain.settings import read_settings
from giftbridge.domain.virtuous_mapping import gift_row, project_codes
from giftbridge.errors import Rejected
from ops.simulators.virtuous_population import seed_virtuous_projects
from tests.simulators.conftest import Clock
from tests.simulators.virtuous_world import VirtuousWorld
from tests.unit.samples import CHURCH, DONOR, HOME, PROJECTS, SCHEDULE
from tests.unit.virtuous_samples import GIFT, MONTHLY, NOTE, SETTINGS, contact, gathered, sent

# --- the gift -----------------------------------------------------------------------------------------------


def test_the_whole_gift_is_made_of_the_rows_that_have_a_value() -> None:
    row = sent()
    flat = {name: value for name, value in row.items() if name not in {"contact", "tributeDedication"}}
    contact, dedication = row["contact"], row["tributeDedication"]
    flat |= {f"contact.{name}": value for name, value in contact.items() if name != "address"}
    flat |= {f"contact.address.{name}": value for name, value in contact["address"].items()}
    flat |= {f"tributeDedication.{name}": value for name, value in dedication.items()}
    assert flat == {member: value for member, value in GIFT.items() if value is not None}


def test_a_donor_whose_contact_is_known_is_named_by_ids_and_name_alone() -> None:
    known = {"id": 4107, "referenceId": "48001", "type": "Household", "firstname": "Anna", "lastname": "Berg"}
    assert sent(contact_id=4107)["contact"] == known


def test_an_organisation_gives_under_its_own_name() -> None:
    giver = sent(donor=CHURCH)["contact"]
    assert (giver["type"], giver["name"]) == ("Organization", "Cedar & Sons, Inc.")
    assert giver.keys().isdisjoint({"firstname", "lastname", "title", "middlename", "suffix"})
    assert sent(donor=CHURCH, contact_id=7)["contact"] == {
        "id": 7,
        "referenceId": "48001",
        "type": "Organization",
        "name": "Cedar & Sons, Inc.",
    }


@pytest.mark.parametrize("first_name", [None, "", "  "])
def test_money_does_not_wait_for_a_name(first_name: str | None) -> None:
    giver = sent(donor=replace(DONOR, first_name=first_name))["contact"]
    assert "firstname" not in giver
    assert giver["lastname"] == "Berg"
    nameless = replace(CHURCH, organization_name=first_name)
    assert "name" not in sent(donor=nameless)["contact"]


def test_a_donor_without_e_mail_phone_and_address_gives_all_the_same() -> None:
    bare = replace(DONOR, emails=(), phones=(), address=Address(None, " ", "", None, None, "US"))
    giver = sent(donor=bare)["contact"]
    assert giver.keys() == {"referenceId", "type", "title", "firstname", "middlename", "lastname", "suffix"}


def test_only_the_first_payment_of_a_schedule_says_the_frequency_and_every_one_names_the_schedule() -> None:
    later = sent(first=False)
    assert "frequency" not in later
    assert later["recurringGiftTransactionId"] == "70001"
    once = sent(replace(MONTHLY, schedule_id=None))
    assert once.keys().isdisjoint({"frequency", "recurringGiftTransactionId"})


@pytest.mark.parametrize(
    ("charges", "word"),
    [(52, "Weekly"), (12, "Monthly"), (4, "Quarterly"), (2, "Semiannually"), (1, "Annually")]
    + [(charges, None) for charges in (26, 0, 100, 7)],
)
def test_a_frequency_is_said_in_virtuous_words_or_not_at_all(charges: int, word: str | None) -> None:
    gift = replace(gathered(), schedule=replace(SCHEDULE, charges_per_year=charges))
    assert gift_row(gift, SETTINGS).get("frequency") == word


@pytest.mark.parametrize(
    ("tender", "expected"),
    [("CreditCard", "Credit"), ("creditcard ", "Credit"), ("ACH", "EFT"), ("DirectDebit", "EFT")]
    + [(tender, "Other") for tender in ("Other", "PayPal", "", None)],
)
def test_a_tender_becomes_a_gift_type(tender: str | None, expected: str) -> None:
    row = sent(replace(MONTHLY, payment_type=tender))
    assert row["giftType"] == expected
    assert ("creditCardType" in row) == (expected == "Credit")


@pytest.mark.parametrize(
    ("zone", "day"), [("America/Chicago", "2026-02-28"), ("UTC", "2026-03-01"), ("Pacific/Auckland", "2026-03-01")]
)
def test_the_day_of_a_gift_is_the_day_where_the_organisation_is(zone: str, day: str) -> None:
    gift = gathered(replace(MONTHLY, created_at=datetime(2026, 3, 1, 5, 59, tzinfo=UTC)))
    assert gift_row(gift, read_settings({"time_zone": zone}))["giftDate"] == day


@pytest.mark.parametrize("moment", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
@pytest.mark.parametrize("zone", ["America/Chicago", "Pacific/Auckland"])
def test_a_gift_at_the_edge_of_time_has_a_day(moment: datetime, zone: str) -> None:
    gift = gathered(replace(MONTHLY, created_at=moment))
    assert len(str(gift_row(gift, read_settings({"time_zone": zone}))["giftDate"])) == 10


@pytest.mark.parametrize(
    ("tribute", "words", "names"),
    [
        (Tribute("InMemoryOf", "Rosa"), "In memory of Rosa", {"tributeFirstName": "Rosa"}),
        (
            Tribute("InHonorOf", " Ana  de la Cruz "),
            "In honor of Ana  de la Cruz",
            {"tributeFirstName": "Ana de la", "tributeLastName": "Cruz"},
        ),
    ],
)
def test_a_tribute_is_said_in_words_and_in_parts(tribute: Tribute, words: str, names: dict[str, str]) -> None:
    row = sent(replace(MONTHLY, tribute=tribute))
    assert row["tribute"] == words
    assert row["tributeDedication"] == {"tributeType": tribute.kind, **names}


@pytest.mark.parametrize("tribute", [None, Tribute("InHonorOf", " ")])
def test_a_gift_for_nobody_in_particular_carries_no_tribute(tribute: Tribute | None) -> None:
    assert sent(replace(MONTHLY, tribute=tribute)).keys().isdisjoint({"tribute", "tributeDedication"})


def test_what_no_text_can_hold_falls_away_where_it_stops_no_gift() -> None:
    odd = replace(
        MONTHLY,
        currency="us\ud800d",
        card_brand="Vi\x07sa",
        segment_code=None,
        submission_url="https://give.example.org/?segment=A%00%C2%851",
        utm=(("source", "news\ud800\x00letter"),),
    )
    row = sent(odd, replace(DONOR, address=replace(HOME, country="Atl\ud800antis")))
    assert (row["currencyCode"], row["creditCardType"], row["segment"]) == ("USD", "Visa", "A1")
    assert row["contact"]["address"]["country"] == "Atlantis"
    assert "UTM source: newsletter\n" in row["notes"]
    assert simplejson.dumps(row, ensure_ascii=False).encode()


def test_a_premium_without_code_or_name_is_none() -> None:
    assert "premiums" not in sent(replace(MONTHLY, premium=None))
    assert "premiums" not in sent(replace(MONTHLY, premium=Premium(" ", None, 1)))
    assert sent(replace(MONTHLY, premium=Premium("MUG", " ", 1)))["premiums"] == [{"code": "MUG", "quantity": "1"}]


def test_notes_are_cut_at_two_thousand_characters_and_keep_their_beginning() -> None:
    exact = 2000 - len(NOTE) + len("Thank you")
    assert sent(replace(MONTHLY, comment="x" * exact))["notes"].endswith("x")
    assert len(sent(replace(MONTHLY, comment="x" * exact))["notes"]) == 2000
    cut = sent(replace(MONTHLY, comment="é" * (exact + 1)))["notes"]
    assert len(cut) == 2000
    assert cut.startswith("Amount: 75.10 USD")
    assert cut.endswith("é...")
    assert sent(replace(MONTHLY, comment=" "))["notes"] == NOTE.removesuffix("\nComment: Thank you")


def test_custom_fields_travel_but_those_for_aegis_and_the_empty_ones() -> None:
    fields = (
        ("custom_aegisapi_Campus", "North"),
        ("Custom_AegisAPI_Other", "South"),
        ("size", "L"),
        ("SIZE", "M"),
        ("empty", " "),
        ("null", None),
        (" ", "nameless"),
    )
    assert sent(replace(MONTHLY, custom_fields=fields))["customFields"] == {"size": "L"}
    assert "customFields" not in sent(replace(MONTHLY, custom_fields=fields[:2]))


def test_what_a_gift_does_not_say_is_left_out() -> None:
    bare = Donation(
        id=1,
        donor_id=48001,
        status="Approved",
        currency="usd",
        amount=Decimal(5),
        created_at=MONTHLY.created_at,
        modified_at=MONTHLY.modified_at,
        allocations=(Allocation(301, Decimal(5)), Allocation(302, Decimal(0))),
        is_test_mode=False,
    )
    row = sent(bare)
    expected = {"contact", "notes", "giftDate", "giftType", "amount", "currencyCode", "designations"}
    assert row.keys() == {"transactionSource", "transactionId", *expected}
    assert (row["currencyCode"], row["amount"]) == ("USD", "5.00")
    assert row["designations"] == [{"code": "GEN", "amountDesignated": "5.00"}]


@pytest.mark.parametrize("donor", [DONOR, CHURCH])
def test_rows_keep_the_contract_and_land_as_they_were_sent(donor: Donor) -> None:
    world = VirtuousWorld(Clock())
    seed_virtuous_projects(world.store)
    source = SETTINGS.virtuous.reference_source
    assert world.send("POST", "Contact/Batch", {"referenceSource": source, "contacts": [contact(donor)]}).status == 200
    body = {"transactionSource": source, "transactions": [sent(donor=donor)]}
    assert world.send("POST", "v2/Gift/Transactions", body).status == 200
    assert world.violations() == []
    assert world.simulator.run_import().sorted_as == {"Ready": 2}
    landed = world.read("Gift/Our%20Donors/900001")
    assert (landed["amount"], landed["giftType"], landed["segmentCode"]) == (Decimal("75.10"), "Credit", "A1")
    assert [share["projectCode"] for share in landed["giftDesignations"]] == ["GEN", "BLD"]
    assert landed["contactName"] == donor.display_name


# --- gifts that cannot be sent ------------------------------------------------------------------------------


def parts(*amounts: str) -> tuple[Allocation, ...]:
    return tuple(Allocation(301, Decimal(amount)) for amount in amounts)


@pytest.mark.parametrize(
    ("changes", "cause", "field"),
    [
        ({"amount": Decimal("10.005")}, "amount-precision", "amount"),
        ({"amount": Decimal(-5)}, "amount-not-positive", "amount"),
        ({"amount": Decimal("NaN")}, "amount-precision", "amount"),
        ({"allocations": parts("75.101", "-0.001")}, "amount-precision", "projects[0].amount"),
        ({"allocations": parts("80.10", "-5")}, "negative-allocation", "projects[1].amount"),
        ({"allocations": parts("75.09")}, "allocation-sum-differs", "projects"),
        ({"allocations": (Allocation(303, Decimal("75.10")),)}, "project-without-code", "projects[].projectId"),
    ],
)
def test_a_gift_that_cannot_be_sent_names_field_and_remedy(changes: dict[str, Any], cause: str, field: str) -> None:
    with pytest.raises(Rejected) as refused:
        gift_row(gathered(replace(MONTHLY, **changes)), SETTINGS)
    assert (refused.value.cause, refused.value.field) == (cause, field)
    assert refused.value.remedy


@pytest.mark.parametrize("code", [None, "", " "])
def test_a_project_without_a_code_stops_the_gift(code: str | None) -> None:
    gift = replace(gathered(), projects={**PROJECTS, 302: Project(302, code, "Building")})
    with pytest.raises(Rejected, match="project 302 has no code"):
        gift_row(gift, SETTINGS)
    with pytest.raises(Rejected, match="project 302 has no code"):
        project_codes(gift)


def test_the_codes_of_a_gift_are_named_once_each_and_without_those_that_get_nothing() -> None:
    shares = (Allocation(302, Decimal(1)), Allocation(301, Decimal(0)), Allocation(302, Decimal(2)))
    assert project_codes(gathered(replace(MONTHLY, allocations=shares))) == ("BLD",)
    assert project_codes(gathered()) == ("GEN", "BLD")


CENTS = st.lists(st.integers(min_value=0, max_value=10**9), min_size=1, max_size=8).filter(any)


def dollars(cents: int, zeros: int = 0) -> Decimal:
    return Decimal(f"{cents // 100}.{cents % 100:02d}{'0' * zeros}")


@settings(max_examples=100, deadline=None)
@given(CENTS, st.integers(min_value=0, max_value=2))
def test_every_split_of_a_total_arrives_to_the_cent(cents: list[int], zeros: int) -> None:
    shares = tuple(Allocation(301, dollars(cent, zeros)) for cent in cents)
    row = sent(replace(MONTHLY, amount=dollars(sum(cents)), allocations=shares))
    assert row["amount"] == str(dollars(sum(cents)))
    assert [share["amountDesignated"] for share in row["designations"]] == [
        str(dollars(cent)) for cent in cents if cent
    ]


@settings(max_examples=100, deadline=None)
@given(st.integers(min_value=1, max_value=10**9), st.integers(min_value=1, max_value=9))
def test_a_part_of_a_cent_is_never_sent(cents: int, tenth: int) -> None:
    amount = dollars(cents) + Decimal(tenth) / 1000
    with pytest.raises(Rejected, match="two decimals"):
        sent(replace(MONTHLY, amount=amount, allocations=(Allocation(301, amount),)))
