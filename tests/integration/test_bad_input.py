"""A bad record blocks nobody else, and says what is wrong with it and what to do."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
import simplejson

from giftbridge.domain.deliveries import Delivery, State
from giftbridge.flows.unnamed_records import LASTING_AFTER
from ops.simulators.population_donors import MadeDonor
from tests.workbench import Workbench, workbench

Members = dict[str, Any]
SURROGATE = "half \ud83d a pair"
NOWHERE = {"address1": "1 Oak Street", "city": "Austin", "postal": "78701", "countryString": "Atlantis"}
UNREACHABLE: Members = {"donorAddresses": [], "donorEmailAddresses": [], "donorPhoneNumbers": []}


@dataclass(frozen=True, slots=True)
class Bad:
    """`gift` and `donor` are members to change, `wire` changes the gift as it is read; `trouble` names `field`."""

    name: str
    field: str
    gift: Members = dataclasses.field(default_factory=dict)
    donor: Members = dataclasses.field(default_factory=dict)
    wire: Callable[[Members], None] | None = None
    kind: str = "one_time"


def _without(name: str) -> Callable[[Members], None]:
    return lambda gift: gift.pop(name, None)


def _with(**members: Any) -> Callable[[Members], None]:
    return lambda gift: gift.update(members)


def _shares(*amounts: str, project: int = 301) -> Members:
    return {"projects": [{"projectId": project, "amount": amount} for amount in amounts]}


def _premium(code: str) -> Members:
    shipping = {**NOWHERE, "countryString": "US"}
    return {"premium": {"productCode": code}, "shippingName": "Ben Carver", "shippingAddress": shipping}


BAD = [
    Bad("allocations that add up to something else", "projects", {"amount": 20, **_shares("10.00", "9.99")}),
    Bad("three decimals", "projects[0].amount", {"amount": 20, **_shares("10.005", "9.995")}),
    Bad("a negative amount", "amount", {"amount": -25, **_shares("-25.00")}),
    Bad("an amount of zero", "amount", {"amount": 0, **_shares("0")}),
    Bad("an allocation that is no number", "gift.projects[0].amount", _shares("NaN")),
    Bad("an infinite amount", "gift.amount", {"amount": "Infinity"}),
    Bad("an absurd amount", "amount", {"amount": 10**15, **_shares("1000000000000000")}),
    Bad("a fund that Aegis lacks", "project.code", {"amount": 20, **_shares("20", project=307)}),
    Bad("a project without a code", "projects[].projectId", {"amount": 20, **_shares("20", project=308)}),
    Bad("a project that does not exist", "projects[].projectId", {"amount": 20, **_shares("20", project=99999)}),
    Bad("an appeal that Aegis lacks", "motivationCode", {"motivationCode": "NOSUCHAPPEAL"}),
    Bad("an appeal that is inactive", "motivationCode", {"motivationCode": "OLD19"}),
    Bad("no appeal at all", "motivationCode", {"motivationCode": None}),
    Bad("a product that Aegis lacks", "premium.productCode", _premium("GONE-99")),
    Bad("a product code with half a character", "premium.productCode", _premium(f"BOOK{SURROGATE}")),
    Bad("a donor who cannot be reached", "donor.email", donor=UNREACHABLE),
    Bad("a donor without a name", "donor.lastName", donor={"firstName": " ", "lastName": None}),
    Bad("a schedule that is gone", "gift.recurringGiftId", {"recurringGiftId": 1}),
    Bad("a two-weekly schedule", "recurringGift.frequency", kind="biweekly_schedule"),
    Bad("a donor who is gone", "gift.donorId", {"donorId": 1}),
    Bad("an unknown status", "statusText", {"statusText": "UnderReview"}),
    Bad("no status", "statusText", wire=_without("statusText")),
    Bad("no currency", "gift.currency", wire=_without("currency")),
    Bad("no allocations", "gift.projects", wire=_without("projects")),
    Bad("an empty list of allocations", "gift.projects", {"projects": []}),
    Bad("no donor", "gift.donorId", wire=_without("donorId")),
    Bad("no id", "gift.id", wire=_without("id")),
    Bad("an id that is none", "gift.id", wire=_with(id="first")),
    Bad("a donor id that is text", "gift.donorId", {"donorId": "somebody"}),
    Bad("an amount in words", "gift.amount", {"amount": "twenty"}),
    Bad("an amount that is true", "gift.amount", {"amount": True}),
    Bad("allocations that are no list", "gift.projects", {"projects": "all of it"}),
    Bad("a test mode that is neither yes nor no", "gift.isTestMode", {"isTestMode": "perhaps"}),
    Bad("a date in words", "gift.createdDate", wire=_with(createdDate="yesterday")),
    Bad("a date that is a number", "gift.createdDate", wire=_with(createdDate=5)),
    Bad("a date before all dates", "gift.createdDate", wire=_with(createdDate="0001-01-01T00:00:00")),
    Bad("the date of no date in SQL", "gift.createdDate", wire=_with(createdDate="1900-01-01T00:00:00")),
    Bad("the beginning of Unix", "gift.createdDate", wire=_with(createdDate="1970-01-01T00:00:00Z")),
    Bad("a date after all dates", "gift.createdDate", wire=_with(createdDate="9999-12-31T23:59:59.9999999")),
    Bad("an amount that could be two", "gift.amount", {"amount": "1,250", **_shares("1250.00")}),
    Bad("an allocation that could be two", "gift.projects[0].amount", {"amount": 1250, **_shares("1,250")}),
    Bad("an amount with a unit", "gift.amount", {"amount": "$20.00", **_shares("20.00")}),
    Bad("an id that is true", "gift.donorId", wire=_with(donorId=True)),
    Bad("an empty status", "statusText", wire=_with(statusText=" \u0000")),
    Bad("a currency of one odd character", "gift.currency", {"currency": "\ud83d"}),
]  # fmt: skip
FINE = {
    "a name from right to left": {"firstName": "דוד", "lastName": "כהן"},
    "a name with direction marks": {"firstName": "\u202bمحمد\u202c", "lastName": "الحسن"},
    "a name in Chinese": {"firstName": "伟", "lastName": "王"},
}


@dataclass(slots=True)
class Day:
    """Bad gifts, each followed by a good one of somebody else and a good one of the same donor."""

    bench: Workbench
    bad: dict[str, int] = dataclasses.field(default_factory=dict)
    after: dict[str, int] = dataclasses.field(default_factory=dict)
    same_donor: dict[str, int] = dataclasses.field(default_factory=dict)
    fine: dict[str, int] = dataclasses.field(default_factory=dict)
    logged: list[str] = dataclasses.field(default_factory=list)
    mangled: dict[int, Callable[[Members], None]] = dataclasses.field(default_factory=dict)

    def gift(self, donor: MadeDonor) -> int:
        self.bench.clock.advance(1)
        return self.bench.give(donor=donor)

    def add(self, bad: Bad) -> None:
        """A bad gift and what follows it."""
        store, donor = self.bench.raisedonors.store, self.bench.population.make_donor("new_person")
        self.bench.clock.advance(1)
        gift = self.bench.give(bad.kind, donor=donor)
        if bad.gift:
            store.edit("gift", gift, bad.gift, modified=self.bench.clock())
        if bad.donor:
            store.edit("donor", donor.donor_id, bad.donor)
        if bad.wire:
            self.mangled[gift] = bad.wire
        self.bad[bad.name] = gift
        self.after[bad.name] = self.gift(self.bench.population.make_donor("new_person"))
        if not bad.donor:
            self.same_donor[bad.name] = self.gift(donor)

    def mangle(self, _: requests.PreparedRequest, send: Callable[[], requests.Response]) -> requests.Response:
        """Break the gifts on their way to the client."""
        response = send()
        body = simplejson.loads(response.content or b"null", use_decimal=True)
        found = body.get("items", [body]) if isinstance(body, dict) else []
        for record in found:
            if isinstance(record, dict) and "statusText" in record and record.get("id") in self.mangled:
                self.mangled[record["id"]](record)
        response._content = simplejson.dumps(body, use_decimal=True).encode() if found else response.content
        return response

    def delivery_of(self, name: str) -> Delivery:
        """A bad gift's delivery; one without an id has a name of its own."""
        found = self.bench.tools.deliveries.get(f"aegis/donation/{self.bad[name]}/created")
        if found is not None:
            return found
        donor = self.bench.raisedonors.store.gifts.entry(self.bad[name]).latest.members["donorId"]
        rows = [
            row["id"]
            for row in self.bench.rows("DeliveriesTable")
            if row.get("donor") == f"donor#{donor}" and "unreadable" in row["id"]
        ]
        [named] = self.bench.tools.deliveries.get_many(rows).values()
        return named


class Listener(logging.Handler):
    """Keeps all that a log record holds, its traceback too."""

    def __init__(self, kept: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self.kept = kept

    def emit(self, record: logging.LogRecord) -> None:
        traceback = logging.Formatter().formatException(record.exc_info) if record.exc_info else ""
        members = {name: value for name, value in record.__dict__.items() if name != "exc_info"}
        self.kept.append(f"{record.getMessage()} {members} {traceback}")


# One day for all of its tests: in one process.
pytestmark = pytest.mark.xdist_group("bad day")


@pytest.fixture(scope="module")
def day() -> Iterator[Day]:
    """One day of nothing but trouble, played once."""
    with workbench() as bench:
        today = Day(bench)
        listener = Listener(today.logged)
        logger = logging.getLogger("giftbridge")
        logger.addHandler(listener)
        bench.adapters["raisedonors"].around = today.mangle
        for bad in BAD:
            today.add(bad)
        for name, members in FINE.items():
            donor = bench.population.make_donor("new_person")
            bench.raisedonors.store.edit("donor", donor.donor_id, members)
            today.fine[name] = today.gift(donor)
        bench.run(ticks=2)
        # A record without an id is told of when it has none for long.
        bench.clock.advance(LASTING_AFTER.total_seconds())
        bench.run(ticks=2)
        yield today
        logger.removeHandler(listener)


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_a_bad_gift_fails_and_names_the_field_and_a_remedy(day: Day, bad: Bad) -> None:
    delivery = day.delivery_of(bad.name)
    assert delivery.state is State.FAILED, delivery
    assert delivery.trouble is not None
    assert delivery.trouble.field == bad.field, delivery.trouble
    assert delivery.trouble.remedy
    assert not day.bench.transactions_of(day.bad[bad.name])


@pytest.mark.parametrize("name", [bad.name for bad in BAD])
def test_the_next_gift_of_somebody_else_is_delivered(day: Day, name: str) -> None:
    assert day.bench.delivery(day.after[name]).state is State.DELIVERED
    assert len(day.bench.transactions_of(day.after[name])) == 1


@pytest.mark.parametrize("name", [bad.name for bad in BAD if not bad.donor])
def test_the_next_gift_of_the_same_donor_is_delivered(day: Day, name: str) -> None:
    assert day.bench.delivery(day.same_donor[name]).state is State.DELIVERED
    assert len(day.bench.transactions_of(day.same_donor[name])) == 1


@pytest.mark.parametrize("name", FINE)
def test_an_unusual_name_arrives_as_it_was_written(day: Day, name: str) -> None:
    [transaction] = day.bench.transactions_of(day.fine[name])
    payment, partner = transaction.model["Payment"], day.bench.aegis.store.partners[transaction.partner_id]
    for member, source in (("FirstName", "firstName"), ("LastName", "lastName")):
        assert payment[member] == partner[member] == FINE[name][source]


def test_a_failed_gift_costs_one_delivery_however_often_it_is_seen(day: Day) -> None:
    ids = [row["id"] for row in day.bench.rows("DeliveriesTable")]
    gifts = len(day.bad) + len(day.after) + len(day.same_donor) + len(day.fine)
    assert len(ids) == len(set(ids)) == gifts


def test_the_pickup_got_past_all_of_it(day: Day) -> None:
    outcome = day.bench.pickup()
    assert (outcome.why_idle, outcome.is_complete, outcome.counts) == (None, True, {})
    later = day.gift(day.bench.population.make_donor("new_person"))
    day.bench.run()
    assert day.bench.delivery(later).state is State.DELIVERED


def test_nothing_personal_is_in_a_log_record(day: Day) -> None:
    personal = {"@", "a pair", "Atlantis", "Oak Street"}
    for donor in day.bench.population.donors:
        person = donor.person
        personal |= {
            f"{person.first_name} {person.last_name}",
            str(person.address1),
            str(person.phone),
            str(person.email),
        }
    found = {word for text in day.logged for word in personal if word in text}
    assert not found
