"""`giftbridge dlq` looks into the dead-letter queues; `redrive` moves all of them back."""

from __future__ import annotations

import json

from giftbridge import contact_hints
from giftbridge.contact_hints import ContactHint
from giftbridge.domain.deliveries import State
from tests.command.desk import Desk
from tests.command.test_three_destinations import give


def failed_everywhere(at: Desk) -> int:
    """A gift that failed on its way to both CRMs."""
    gift = give(at, "allocation_mismatch")
    at.both.batch()
    at.both.drain()
    assert at.both.delivery(f"virtuous/donation/{gift}/created").state is State.FAILED
    at.bench.clock.advance(31)
    return gift


def hint(at: Desk) -> None:
    """A webhook's hint that died."""
    url = at.both.queues["raisedonors"][1]
    contact_hints.send(at.bench.sqs, url, ContactHint((4107, 4108), (), at.bench.clock()))


def test_dead_letters_of_every_queue_are_listed_with_the_reason_and_stay(trio: Desk) -> None:
    gift = failed_everywhere(trio)
    hint(trio)

    answer = trio.run("dlq", "list", "--json")
    again = trio.run("dlq", "list", "--json")

    letters = {letter["delivery"]: letter for letter in answer.data["dead_letters"]}
    assert answer.code == 1 and answer.data["out_of_sight"] == 0
    assert set(letters) == {f"aegis/donation/{gift}/created", f"virtuous/donation/{gift}/created", None}
    assert letters[None]["contacts"] == 2 and "2 contacts" in letters[None]["why"]
    failed = letters[f"virtuous/donation/{gift}/created"]
    assert (failed["state"], failed["settled"]) == ("failed", False) and "allocations add up to" in failed["why"]
    assert len(again.data["dead_letters"]) == 3
    one = trio.run("dlq", "list", "--destination", "virtuous", "--json").data["dead_letters"]
    assert [letter["destination"] for letter in one] == ["virtuous"]


def test_one_dead_letter_is_shown_by_its_deliverys_id_or_its_own(trio: Desk) -> None:
    gift = failed_everywhere(trio)

    found = trio.run("dlq", "show", str(gift), "--json")
    by_own = trio.run("dlq", "show", found.data[0]["message"], "--json")

    assert found.code == 1 and [one["destination"] for one in found.data] == ["aegis", "virtuous"]
    assert json.loads(by_own.data["body"])["delivery"] == by_own.data["delivery"] == f"aegis/donation/{gift}/created"
    assert "giftbridge retry" in by_own.data["next"]
    assert "allocations add up to" in trio.run("dlq", "show", str(gift)).out
    assert trio.run("dlq", "show", "424242").code == 2
    assert trio.run("dlq", "show", "nonsense").code == 2


def test_a_dead_letter_is_deleted_with_a_reason_and_its_delivery_stays_failed(trio: Desk) -> None:
    gift = failed_everywhere(trio)
    name = f"virtuous/donation/{gift}/created"

    assert trio.run("dlq", "delete", name, "--yes").code == 2, "without a reason"
    assert trio.run("dlq", "delete", str(gift), "--reason", "x", "--yes").code == 2, "two have this name"
    assert trio.run("dlq", "delete", name, "--reason", "x", input="n\n").code == 0
    assert len(trio.run("dlq", "list", "--json").data["dead_letters"]) == 2
    answer = trio.run("dlq", "delete", name, "--reason", "entered by hand", "--yes")

    assert answer.code == 0 and f"{name} stays failed" in answer.out
    left = trio.run("dlq", "list", "--json").data["dead_letters"]
    assert [letter["destination"] for letter in left] == ["aegis"]
    line = trio.json("activity", name)["activity"][0]
    assert (line["what"], line["why"], line["who"]) == ("dead letter deleted", "entered by hand", "user/moto")
    assert trio.both.delivery(name).state is State.FAILED


def test_a_settled_dead_letter_needs_nobody(trio: Desk) -> None:
    gift = failed_everywhere(trio)
    for name in (f"aegis/donation/{gift}/created", f"virtuous/donation/{gift}/created"):
        trio.run("retry", name, "--yes")

    answer = trio.run("dlq", "list", "--json")

    assert answer.code == 0 and all(letter["settled"] for letter in answer.data["dead_letters"])


def test_no_dead_letters_are_a_clean_end(trio: Desk) -> None:
    answer = trio.run("dlq", "list")

    assert (answer.code, answer.out) == (0, "There are no dead letters.\n")


def test_a_redrive_moves_every_queue_unless_one_is_named(trio: Desk) -> None:
    failed_everywhere(trio)
    hint(trio)

    one = trio.json("redrive", "--destination", "raisedonors")
    rest = trio.json("redrive")

    assert (one["status"], one["moved"]) == ("COMPLETED", 1) and list(one["queues"]) == ["raisedonors"]
    assert (rest["status"], rest["moved"]) == ("COMPLETED", 2)
    assert {name: queue["status"] for name, queue in rest["queues"].items()} == {
        "aegis": "COMPLETED", "virtuous": "COMPLETED", "raisedonors": "EMPTY",
    }  # fmt: skip
    assert trio.run("redrive").out == "There are no dead letters.\n"
