"""Numbers beyond counting, days that stand for none and keys that name nothing, in answers that are otherwise whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from giftbridge.domain.deliveries import State
from ops.simulators.faults import FaultKind, FaultRule
from ops.simulators.json_text import read_json, write_json
from ops.simulators.spoiling import Spoiling, with_members
from ops.simulators.wire import Answer
from tests.virtuous_bench import virtuous_bench
from tests.workbench import Workbench, workbench

ALWAYS = 100_000
BEYOND_COUNTING = {
    "large exponent": "1e9999999999999999999",
    "small exponent": "1e-9999999999999999999",
    "exponent that overflows": "1e1000000",
    "5,000 digits": "1" * 5000,
    "text of 5,000 digits": f'"{"1" * 5000}"',
}


@pytest.fixture
def bench() -> Iterator[Workbench]:
    with workbench() as fresh:
        fresh.pickup()
        yield fresh


def one_gift_says(bench: Workbench, gift: int, member: str, text: str) -> None:
    """Let one gift's member be a JSON text, wherever the gift is read."""

    def spoil(answer: Answer) -> Answer | None:
        body = read_json(answer.body) if answer.status < 400 else {}
        rows = [row for row in body.get("items", [body]) if row.get("id") == gift]
        for row in rows:
            row[member] = "@@odd@@"
        return replace(answer, body=write_json(body).replace(b'"@@odd@@"', text.encode())) if rows else None

    for operation in ("queryGifts", "getGift"):
        rule = FaultRule(FaultKind.SPOIL, operation, spoiling=Spoiling("odd", spoil), count=ALWAYS)
        bench.fault("raisedonors", rule)


@pytest.mark.parametrize("text", BEYOND_COUNTING.values(), ids=BEYOND_COUNTING)
@pytest.mark.parametrize("member", ["id", "donorId", "amount", "recurringGiftId", "crmKey"])
def test_a_number_beyond_counting_in_one_gift_holds_up_no_other(bench: Workbench, member: str, text: str) -> None:
    odd, other = (bench.give(donor=bench.population.make_donor("new_person")) for _ in range(2))
    one_gift_says(bench, odd, member, text)
    bench.run(2)
    assert bench.delivery(other).state is State.DELIVERED
    told = bench.pickup().troubles.get("gifts", "")
    assert "unexpected" not in told and "JSON" not in told
    causes = {row["trouble"]["cause"] for row in bench.rows("DeliveriesTable") if row.get("trouble")}
    assert "worker-died" not in causes and "process-died" not in causes


@pytest.mark.parametrize("text", ["1e9999999999999999999", "1e5000", "1e1000000"])
def test_an_invoice_number_beyond_counting_is_an_unknown_outcome(bench: Workbench, text: str) -> None:
    gift = bench.give()
    spoiling = with_members("odd", [(("InvoiceNumber",), text)])
    bench.fault("aegis", FaultRule(FaultKind.SPOIL, "createTransaction", spoiling=spoiling, count=1))
    bench.run(10)
    assert bench.delivery(gift).state is State.DELIVERED
    assert len(bench.transactions_of(gift)) == 1


@pytest.mark.parametrize(
    ("member", "text"),
    [
        ("DateRecorded", "0001-01-01T00:00:00"),
        ("DateRecorded", "1900-01-01T00:00:00"),
        ("DateRecorded", "0001-01-01T00:00:00+05:00"),
        ("DateRecorded", "9999-12-31T23:59:59.9999999-05:00"),
        ("TransactionDate", "0001-01-01T00:00:00"),
        ("TransactionDate", "9999-12-31T23:59:59-05:00"),
        ("RecordedBy", " raisedonors   "),
        ("AppealCode", "   "),
    ],
)
def test_a_history_row_with_a_day_that_is_none_or_blanks_leads_to_no_second_transaction(
    bench: Workbench, member: str, text: str
) -> None:
    gift = bench.give()
    bench.fault("aegis", FaultRule(FaultKind.DROP_AFTER, "createTransaction", count=1))
    spoiling = with_members("odd", [(("Transactions", 0, member), f'"{text}"')])
    bench.fault("aegis", FaultRule(FaultKind.SPOIL, "getTransactionHistory", spoiling=spoiling, count=ALWAYS))
    bench.run(10)
    assert bench.delivery(gift).state is State.DELIVERED
    assert len(bench.transactions_of(gift)) == 1


@pytest.mark.parametrize("text", ['"0"', '" 0 "', '"null"', "NaN", '"00000000-0000-0000-0000-000000000000"'])
def test_a_key_that_names_nothing_is_not_taken_for_a_transaction(bench: Workbench, text: str) -> None:
    gift = bench.give()
    one_gift_says(bench, gift, "crmKey", text)
    bench.run(3)
    assert bench.delivery(gift).state is State.DELIVERED
    assert len(bench.transactions_of(gift)) == 1


@pytest.mark.parametrize("where", ["/caf\xe9", "\xff\xfe", "http://[bad", "http://x:99999/"])
def test_one_gifts_redirect_stops_nobody_wherever_it_points(bench: Workbench, where: str) -> None:
    odd = bench.give(donor=bench.population.make_donor("new_person"))
    other = bench.give(donor=bench.population.make_donor("new_person"))
    rule = FaultRule(
        FaultKind.STATUS_BEFORE,
        "createTransaction",
        status=302,
        headers={"Location": where},
        body="",
        count=ALWAYS,
        body_contains=f'"{odd}"',
    )
    bench.fault("aegis", rule)
    bench.run(6)
    assert bench.delivery(other).state is State.DELIVERED
    assert bench.delivery(odd).state is State.FAILED
    assert bench.tools.state.destination("aegis").stopped_at is None


def test_a_moment_with_a_small_z_is_read(bench: Workbench) -> None:
    gift = bench.give()
    one_gift_says(bench, gift, "createdDate", '"2026-03-02t14:30:00z"')
    bench.run(2)
    assert bench.delivery(gift).state is State.DELIVERED


def test_a_gift_whose_id_has_a_point_is_that_gift(bench: Workbench) -> None:
    gift = bench.give()
    one_gift_says(bench, gift, "id", f"{gift}.0")
    bench.run(2)
    assert bench.delivery(gift).state is State.DELIVERED
    assert len(bench.rows("DeliveriesTable")) == 1


@pytest.mark.parametrize("number", ["0", "-7", "Infinity", "NaN", "1e9999999999", "12.5"])
def test_a_querys_row_without_an_invoice_number_is_no_transaction(bench: Workbench, number: str) -> None:
    bench.aegis.store.queries.add("GIFTS")
    bench.settings(aegis={"reconciliation_query_id": "GIFTS"})
    gift = bench.give()
    bench.fault("aegis", FaultRule(FaultKind.DROP_AFTER, "createTransaction", count=1))
    spoiling = with_members("odd", [(("DataTable", 0, "InvoiceNumber"), f'"{number}"')])
    bench.fault("aegis", FaultRule(FaultKind.SPOIL, "fetchQueryResults", spoiling=spoiling, count=ALWAYS))
    bench.run(10)
    assert bench.delivery(gift).state is State.DELIVERED
    assert bench.delivery(gift).result["invoice"] == str(bench.transactions_of(gift)[0].invoice_number)


@pytest.mark.parametrize(
    ("member", "text"),
    [
        (("contactIndividuals", 0, "isPrimary"), '""'),
        (("contactIndividuals",), "null"),
        (("address",), '""'),
        (("contactType",), "null"),
        (("modifiedDateTimeUtc",), "null"),
        (("mergedIntoContactId",), '""'),
    ],
)
def test_a_gift_does_not_wait_for_what_is_odd_in_its_contact(member: tuple[str | int, ...], text: str) -> None:
    with virtuous_bench() as there:
        donor = there.bench.population.make_donor("new_person")
        there.link(donor.donor_id)
        spoiling = with_members("odd", [(member, text)])
        for operation in ("getContact", "getContactByReference"):
            rule = FaultRule(FaultKind.SPOIL, operation, spoiling=spoiling, count=ALWAYS)
            there.virtuous.faults.add(rule)
        gift = there.bench.give(donor=donor)
        there.bench.pickup()
        there.plan()
        there.work("virtuous")
        assert there.delivery(f"virtuous/donation/{gift}/created").state is State.SENT
