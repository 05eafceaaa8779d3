"""A record that a feed shows without an id is waited for, and told of when it never gets one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import requests
import simplejson

from giftbridge.domain.deliveries import State
from giftbridge.flows.vitals import VitalSigns
from tests.workbench import Workbench, workbench


@pytest.fixture
def bench() -> Iterator[Workbench]:
    """A fresh bench."""
    with workbench() as fresh:
        yield fresh


def lose_id_of(bench: Workbench, gift: int) -> None:
    """The list of gifts shows one of them without its id."""

    def around(request: requests.PreparedRequest, send: Callable[[], requests.Response]) -> requests.Response:
        answer = send()
        if "Gift/query" in str(request.url):
            page = simplejson.loads(answer.content, use_decimal=True)
            for row in page["items"]:
                if row.get("id") == gift:
                    del row["id"]
            answer._content = simplejson.dumps(page, use_decimal=True).encode()
        return answer

    bench.adapters["raisedonors"].around = around


def test_a_gift_that_has_its_id_again_is_delivered_and_nothing_else_was_made_of_it(bench: Workbench) -> None:
    bench.run()
    gift, other = bench.give(), bench.give()
    lose_id_of(bench, gift)
    for _ in range(4):
        outcome = bench.pickup()
        bench.clock.advance(60)
    assert outcome.troubles == {"gifts": "1 records have no id"}
    assert not outcome.is_complete

    bench.adapters["raisedonors"].around = lambda _, send: send()
    bench.run(4)

    assert [bench.delivery(number).state for number in (gift, other)] == [State.DELIVERED] * 2
    assert {row["id"] for row in bench.rows("DeliveriesTable")} == {
        f"aegis/donation/{number}/created" for number in (gift, other)
    }


def test_a_feed_with_a_record_without_an_id_is_not_read_to_its_end(bench: Workbench) -> None:
    bench.run()
    lose_id_of(bench, bench.give())
    for _ in range(9):
        bench.pickup()
        bench.clock.advance(60)
    assert VitalSigns(bench.tools, ["aegis"]).take().pickup_silent_seconds > 500


def test_a_gift_that_never_has_an_id_goes_to_a_person_and_holds_up_nobody(bench: Workbench) -> None:
    bench.run()
    lose_id_of(bench, bench.give())
    for _ in range(14):
        bench.run()
    other = bench.give()
    bench.run(3)

    assert bench.delivery(other).state is State.DELIVERED
    [odd] = [row for row in bench.rows("DeliveriesTable") if "unreadable" in row["id"]]
    assert (odd["state"], odd["trouble"]["field"]) == ("failed", "gift.id")
    assert bench.pickup().is_complete
