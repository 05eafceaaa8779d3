"""What servers, gateways and secrets really send, and what must not come of it."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from giftbridge.clients.answers import retry_after
from giftbridge.clients.http import BearerToken, TimeLeft, Wire, new_session
from giftbridge.domain.deliveries import State
from giftbridge.errors import GiftBridgeError
from giftbridge.flows.daily_batch import last_batch_time
from giftbridge.flows.vitals import VitalSigns
from ops.simulators.faults import FaultKind, FaultRule
from tests.virtuous_bench import virtuous_bench
from tests.workbench import BEGIN, workbench

NO_PAGE = [
    '{"Message":"An error has occurred."}',
    "{}",
    '{"Transactions":null}',
    '{"Transactions":[],"PageCount":1,"TotalCount":1}',
]


def answer(bench, system, op, status=200, body="{}", count=1, **more):
    return bench.fault(system, FaultRule(FaultKind.STATUS_BEFORE, op, status=status, body=body, count=count, **more))


@pytest.fixture
def bench():
    with workbench() as fresh:
        yield fresh


@pytest.mark.parametrize("body", NO_PAGE)
def test_a_history_that_is_no_page_never_leads_to_a_second_transaction(bench, body):
    gift = bench.give()
    bench.fault("aegis", FaultRule(FaultKind.DROP_AFTER, "createTransaction", count=1))
    answer(bench, "aegis", "getTransactionHistory", body=body)
    bench.run(10)
    assert len(bench.transactions_of(gift)) == 1


@pytest.mark.parametrize("body", ['{"Message":"x"}', '{"Partners":null,"PageCount":0,"TotalCount":0}'])
def test_a_search_that_is_no_page_makes_no_second_partner(bench, body):
    gift = bench.give(donor=bench.population.make_donor("known_exact"))
    before = len(bench.aegis.store.partners)
    answer(bench, "aegis", "searchPartners", body=body)
    bench.run(8)
    assert len(bench.aegis.store.partners) == before and bench.delivery(gift).state is State.DELIVERED


@pytest.mark.parametrize("body", ['{"message":"x"}', "", '{"items":null}', "[]"])
def test_a_feed_that_is_no_page_is_told(bench, body):
    bench.run()
    bench.give()
    answer(bench, "raisedonors", "queryGifts", body=body, count=1000)
    for _ in range(20):
        outcome = bench.pickup()
        bench.clock.advance(60)
    silent = VitalSigns(bench.tools, ["aegis"]).take().pickup_silent_seconds
    assert "gifts" in outcome.troubles and silent > 900


@pytest.mark.parametrize("body", ["", "null", '{"message":"x"}'])
def test_one_odd_answer_to_a_read_is_tried_again(bench, body):
    gift = bench.give()
    answer(bench, "raisedonors", "getGift", body=body)
    bench.run(8)
    assert bench.delivery(gift).state is State.DELIVERED


def test_a_search_that_is_no_page_makes_no_second_donor():
    with virtuous_bench() as both:
        donor = both.bench.population.make_donor("new_person", gives=False).donor_id
        one = both.donor(donor)
        mail = next(m["value"] for m in one["donorEmailAddresses"] if m["isPrimary"])
        both.settle(2)
        before = len(list(both.bench.raisedonors.store.donors.visible()))
        person = {"firstName": one["firstName"], "lastName": one["lastName"], "email": mail}
        contact = both.virtuous.staff.add_contact(
            {"contactIndividuals": [person], "contactReferences": [{"source": "Legacy RaiseDonors", "id": "99999999"}]}
        )
        answer(both.bench, "raisedonors", "searchDonors", body='{"message":"x"}')
        both.virtuous.staff.edit_contact(
            contact.contact_id,
            {"address": {"address1": "12 Elm St", "city": "Reno", "state": "NV", "postal": "89501", "country": "US"}},
        )
        both.settle(6)
        assert len(list(both.bench.raisedonors.store.donors.visible())) == before


@pytest.mark.parametrize("number", ["0", '"0"', "-1", "false", "NaN", "[]", '" "'])
def test_an_answer_without_a_real_invoice_number_is_no_delivery(bench, number):
    gift = bench.give()
    answer(bench, "aegis", "createTransaction", body=f'{{"InvoiceNumber":{number},"Message":"Batch is closed"}}')
    bench.run(8)
    assert bench.delivery(gift).state is not State.DELIVERED or len(bench.transactions_of(gift)) == 1


@pytest.mark.parametrize("status", [403, 401, 302])
def test_one_gift_that_is_forbidden_holds_up_nobody_else(bench, status):
    bench.run()
    poison = bench.give(donor=bench.population.make_donor("known_exact"))
    bench.raisedonors.store.edit("gift", poison, {"comment": "select * from hearts"})
    answer(
        bench,
        "aegis",
        "createTransaction",
        status=status,
        body="<html>blocked</html>",
        count=1000,
        body_contains="select * from hearts",
    )
    bench.run(2)
    others = [bench.give(donor=bench.population.make_donor("known_exact")) for _ in range(3)]
    for _ in range(70):
        bench.run()
    assert all(bench.delivery(gift).state is State.DELIVERED for gift in others)


@pytest.mark.parametrize("header", ["Wed, 21 Oct 2065 07:28:00 GMT", "Fri, 31 Dec 9999 23:59:59 -1200"])
def test_a_retry_after_date_is_capped_like_seconds(header):
    assert retry_after(header, BEGIN) is None or retry_after(header, BEGIN).astimezone(UTC) <= BEGIN + timedelta(days=1)


@pytest.mark.parametrize(
    ("zone", "at", "day"),
    [
        ("America/New_York", "02:30", datetime(2026, 3, 7, 12, tzinfo=UTC)),
        ("Europe/London", "01:30", datetime(2026, 3, 28, 12, tzinfo=UTC)),
        ("America/New_York", "01:30", datetime(2026, 10, 31, 12, tzinfo=UTC)),
    ],
)
def test_the_batch_runs_once_on_the_night_of_the_clock_change(zone, at, day):
    last, runs = day, 0
    for minute in range(1, 24 * 60):
        now = day + timedelta(minutes=minute)
        if last < last_batch_time(now, zone, at):
            runs, last = runs + 1, now
    assert runs == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [(404, "<html>404 Web Site not found</html>"), (400, "<html>Bad Request</html>"), (425, ""), (423, "")],
)
def test_an_outage_that_shows_as_4xx_for_every_call_needs_no_person(bench, status, body):
    donors = [bench.population.make_donor("known_exact") for _ in range(5)]
    bench.give(donor=donors[0])
    bench.run(2)
    answer(bench, "aegis", "*", status=status, body=body, count=10_000)
    gifts = [bench.give(donor=donor) for donor in donors]
    bench.run(10)
    bench.aegis.faults.rules.clear()
    for _ in range(12):
        bench.run(seconds=300)
    assert [bench.delivery(gift).state for gift in gifts] == [State.DELIVERED] * 5


def test_a_server_that_caps_its_pages_hides_no_gift(bench):
    donor = bench.population.make_donor("known_exact")
    gifts = [
        bench.population.make_gift("one_time", BEGIN + timedelta(seconds=n / 2), donor=donor).gift_id
        for n in range(130)
    ]
    bench.clock.advance(120)

    def around(request, send):
        if "Gift/query" in request.path_url:
            request.body = json.dumps({**json.loads(request.body), "take": 50}).encode()
        return send()

    bench.adapters["raisedonors"].around = around
    for _ in range(10):
        bench.pickup()
        bench.clock.advance(60)
    known = {int(row["entity"]) for row in bench.rows("DeliveriesTable")}
    assert set(gifts) <= known


@pytest.mark.parametrize("token", ["abc\n", "abc\u200b", "\ufeffabc"])
def test_a_token_no_header_can_hold_is_an_expected_error(token):
    wire = Wire(
        "raisedonors",
        "http://127.0.0.1:9",
        new_session(),
        TimeLeft(10),
        lambda: None,
        lambda: BEGIN,
        BearerToken(token),
        pause=0,
    )
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen(5)
    with pytest.raises(GiftBridgeError):
        replace(wire, base_url=f"http://127.0.0.1:{s.getsockname()[1]}").call("op", "GET", "/", writes=False)


def test_a_call_ends_within_the_time_left():
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen(5)

    def serve():
        c, _ = s.accept()
        c.recv(65536)
        c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n")
        try:
            for _ in range(20):
                c.sendall(b" ")
                time.sleep(0.5)
        except OSError:
            pass

    threading.Thread(target=serve, daemon=True).start()
    wire = Wire(
        "aegis",
        f"http://127.0.0.1:{s.getsockname()[1]}",
        new_session(),
        TimeLeft(4),
        lambda: None,
        lambda: BEGIN,
        BearerToken("k"),
        pause=0,
    )
    began = time.monotonic()
    with suppress(GiftBridgeError):
        wire.call("op", "POST", "/", writes=True, body={})
    assert time.monotonic() - began < 4
