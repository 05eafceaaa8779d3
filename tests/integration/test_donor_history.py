"""The donor portal's history: every channel once, refunds linked, pages that stay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from urllib.parse import urlsplit

import pytest
import requests

from giftbridge.errors import RecordMissing
from ops.simulators.aegis_partners import seed_partner
from ops.simulators.aegis_store import HistoryDates
from ops.simulators.population_donors import MadeDonor
from tests.portal import (
    all_pages,
    asking,
    partner_of,
    phone_gift,
    rows_of,
)
from tests.workbench import Workbench


def test_all_giving_of_a_partner_is_listed_once_with_its_source(bench: Workbench, long_giver: MadeDonor) -> None:
    pages = all_pages(asking(bench), long_giver.donor_id)

    rows = rows_of(pages)
    assert Counter(row["source"] for row in rows) == {"aegis": 218, "both": 12, "raisedonors": 3}
    assert len({row["id"] for row in rows}) == len(rows) == 233 == pages[0]["total"]
    assert [len(page["rows"]) for page in pages] == [100, 100, 33]
    assert {(page["complete"], page["pages"]) for page in pages} == {(True, 3)}
    assert [row["date"] for row in rows] == sorted((row["date"] for row in rows), reverse=True)
    invoices = [row["invoiceNumber"] for row in rows if row["invoiceNumber"]]
    assert sorted(map(int, invoices)) == sorted(bench.aegis.store.transactions)
    total = sum(Decimal(row["amount"]) for row in rows if row["source"] != "raisedonors")
    assert total == sum(t.total for t in bench.aegis.store.transactions.values())


def test_an_unknown_donor_is_said_to_be_unknown(bench: Workbench) -> None:
    with pytest.raises(RecordMissing):
        asking(bench)(999999)


def test_a_donor_without_a_partner_sees_all_there_is(bench: Workbench) -> None:
    donor = bench.population.make_donor("new_person")
    bench.give(donor=donor)

    page = asking(bench)(donor.donor_id)

    assert (len(page["rows"]), page["complete"]) == (1, True)
    assert (page["sources"]["aegis"]["state"], page["sources"]["aegis"]["cause"]) == ("not-asked", "no-partner")
    assert bench.calls() == []


@pytest.mark.parametrize("answers", ["404", "null", "empty"])
def test_a_partner_that_is_gone_or_inactive_leaves_raisedonors_alone(
    bench: Workbench, giver: MadeDonor, answers: str
) -> None:
    partner = partner_of(bench, giver.donor_id)
    phone_gift(bench, partner)
    bench.aegis.store.set_partner_active(partner, False)
    inactive = asking(bench)(giver.donor_id)
    bench.aegis.store.settings.missing_partner = answers
    bench.aegis.store.partners.pop(partner)
    gone = asking(bench)(giver.donor_id)

    assert [(page["complete"], len(page["rows"])) for page in (inactive, gone)] == [(True, 1)] * 2
    assert [page["sources"]["aegis"]["cause"] for page in (inactive, gone)] == ["partner-inactive", "partner-missing"]


def test_a_key_on_the_donor_counts_when_the_partner_bears_the_name(bench: Workbench) -> None:
    donor = bench.population.make_donor("new_person")
    members = bench.raisedonors.store.donors.entry(donor.donor_id).latest.members
    own, other = (
        seed_partner(bench.aegis.store, {"FirstName": first, "LastName": last, "IsActive": True})
        for first, last in ((members["firstName"], members["lastName"]), ("Zebulon", "Quux"))
    )
    phone_gift(bench, own)
    phone_gift(bench, other)
    pages = []
    for key in (own, other):
        bench.raisedonors.store.edit("donor", donor.donor_id, {"crmKey": key, "crmKeys": {"Aegis": key}})
        pages.append(asking(bench)(donor.donor_id))

    assert [(len(page["rows"]), page["complete"]) for page in pages] == [(1, True), (0, True)]
    assert pages[1]["sources"]["aegis"]["cause"] == "partner-implausible"


def test_a_switched_off_aegis_is_not_asked(bench: Workbench, giver: MadeDonor) -> None:
    bench.settings(aegis={"enabled": False})
    calls = len(bench.calls())

    page = asking(bench)(giver.donor_id)

    assert (len(page["rows"]), page["complete"], len(bench.calls())) == (1, True, calls)


def test_a_refund_and_its_gift_name_each_other_before_and_after_it_is_delivered(
    bench: Workbench, giver: MadeDonor
) -> None:
    [gift] = [int(row["entity"]) for row in bench.rows("DeliveriesTable") if "/donation/" in row["id"]]
    bench.raisedonors.store.set_gift_status(gift, "Refunded")

    refund, original = asking(bench)(giver.donor_id)["rows"]

    assert (refund["kind"], refund["refundOf"]) == ("refund", original["id"])
    assert original["refundedBy"] == refund["id"]
    assert Decimal(refund["amount"]) == -Decimal(original["amount"])
    assert (original["source"], refund["source"]) == ("both", "raisedonors")
    bench.run(ticks=3)
    delivered = asking(bench)(giver.donor_id)["rows"]
    assert [row["id"] for row in delivered] == [refund["id"], original["id"]]
    assert [row["source"] for row in delivered] == ["both", "both"]


@pytest.mark.parametrize("dates", list(HistoryDates))
def test_however_aegis_writes_its_dates_rows_are_merged_and_none_moves(
    bench: Workbench, giver: MadeDonor, dates: HistoryDates
) -> None:
    phone_gift(bench, partner_of(bench, giver.donor_id), hours_ago=48)
    bench.aegis.store.settings.history_dates = dates

    rows = asking(bench)(giver.donor_id)["rows"]

    assert [row["source"] for row in rows] == ["both", "aegis"]
    assert all(row["date"].endswith("Z") for row in rows)


def test_what_is_recorded_between_two_pages_shifts_nothing(bench: Workbench, long_giver: MadeDonor) -> None:
    before = rows_of(all_pages(asking(bench), long_giver.donor_id))
    first = asking(bench)(long_giver.donor_id)

    bench.give(donor=long_giver)
    phone_gift(bench, partner_of(bench, long_giver.donor_id), hours_ago=0)
    bench.run(ticks=2)
    rows = list(first["rows"])
    link = first["next"]
    while link:
        page = asking(bench)(long_giver.donor_id, urlsplit(link).query)
        rows += page["rows"]
        link = page["next"]

    assert [row["id"] for row in rows] == [row["id"] for row in before]
    assert asking(bench)(long_giver.donor_id)["total"] == 235


def test_a_transaction_recorded_while_pages_are_read_loses_no_row(bench: Workbench, long_giver: MadeDonor) -> None:
    partner, once = partner_of(bench, long_giver.donor_id), iter([True])

    def around(request: requests.PreparedRequest, send: Callable[[], requests.Response]) -> requests.Response:
        answer = send()
        if "TransactionHistory" in str(request.url) and next(once, False):
            phone_gift(bench, partner, hours_ago=0)
        return answer

    bench.adapters["aegis"].around = around
    pages = all_pages(asking(bench), long_giver.donor_id)

    assert (len({row["id"] for row in rows_of(pages)}), pages[0]["complete"]) == (234, True)


def test_days_are_those_of_the_organisation(bench: Workbench, giver: MadeDonor) -> None:
    bench.settings(time_zone="Pacific/Kiritimati")
    # 14 hours ahead: the gift of 14:30 UTC is one of the next day there.
    ask = asking(bench)

    assert ask(giver.donor_id, "from=2026-03-02&to=2026-03-02")["total"] == 0
    assert ask(giver.donor_id, "from=2026-03-03&to=2026-03-03")["total"] == 1


def test_a_gift_that_cannot_be_read_is_said_to_be_missing(bench: Workbench, giver: MadeDonor) -> None:
    gift = bench.give(donor=giver)
    bench.raisedonors.store.edit("gift", gift, {"amount": "much"})

    page = asking(bench)(giver.donor_id)

    assert (len(page["rows"]), page["complete"]) == (1, False)
    assert page["reason"] == "1 gifts cannot be read"
