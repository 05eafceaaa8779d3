"""Refunds, schedules, edits and notes are found, explained, listed and retried like donations."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from giftbridge import errors
from giftbridge.domain.deliveries import Delivery, State
from giftbridge.domain.sightings import LEFT_BY_A_PERSON, REOPENABLE
from ops.operating.listing import IGNORED_CAUSES
from ops.simulators.faults import FaultKind, FaultRule
from tests.command.desk import Desk
from tests.workbench import Workbench


def refund(bench: Workbench, gift: int) -> None:
    bench.clock.advance(30)
    bench.raisedonors.store.set_gift_status(gift, "Refunded", modified=bench.clock())


def edit(bench: Workbench, record: str, number: int, **members: Any) -> None:
    bench.clock.advance(5)
    bench.raisedonors.store.edit(record, number, members, modified=bench.clock())


def write_note(bench: Workbench, donor: int) -> int:
    bench.clock.advance(5)
    note = {"donorId": donor, "type": "Note", "subject": "Call", "body": "Asked about missions", "source": "Staff"}
    return bench.raisedonors.store.add("activity", note, created=bench.clock())


def schedule_with_gift(bench: Workbench) -> tuple[int, int]:
    """A schedule whose pledge is made, and its donor."""
    donor = bench.population.make_donor("new_person")
    made = bench.population.make_gift("first_of_schedule", bench.clock(), donor=donor)
    assert made.schedule_id is not None
    bench.run(ticks=2)
    return made.schedule_id, donor.donor_id


def known_donor(bench: Workbench) -> int:
    """A donor with a partner."""
    donor = bench.population.make_donor("new_person")
    bench.give(donor=donor)
    bench.run(ticks=2)
    return donor.donor_id


def found(bench: Workbench, delivery_id: str) -> Delivery:
    delivery = bench.tools.deliveries.get(delivery_id)
    assert delivery is not None, delivery_id
    return delivery


def test_a_donations_id_names_its_refund_too(connected: Desk) -> None:
    bench = connected.bench
    gift = bench.give()
    bench.run()
    refund(bench, gift)
    bench.run(ticks=2)

    for form in (f"{gift}", f"donation/{gift}"):
        original, reversal = connected.json("deliveries", form)
        assert [d["id"] for d in (original, reversal)] == [
            f"aegis/donation/{gift}/{w}" for w in ("created", "refunded")
        ]
        assert reversal["original"] == {
            "id": original["id"], "state": "delivered", "invoice": original["result"]["invoice"],
        }  # fmt: skip
    shown = connected.run("deliveries", f"aegis/donation/{gift}/refunded").out
    assert f"aegis/donation/{gift}/created (delivered, invoice {original['result']['invoice']})" in shown


def test_a_refund_that_waits_says_for_whom(connected: Desk) -> None:
    bench = connected.bench
    gift = bench.give()
    bench.fault("aegis", FaultRule(FaultKind.DROP_AFTER, "createTransaction", count=1))
    bench.pickup()
    bench.drain()
    refund(bench, gift)
    bench.pickup()
    bench.drain()

    explained = connected.json("deliveries", f"aegis/donation/{gift}/refunded")

    assert explained["state"] == "waiting"
    assert f"it waits for its original aegis/donation/{gift}/created (unknown)" in explained["next"]


def test_every_kind_is_found_by_its_short_id_and_listed_by_kind(connected: Desk) -> None:
    bench = connected.bench
    schedule, donor = schedule_with_gift(bench)
    bench.settings(aegis={"send_notes": True})
    edit(bench, "schedule", schedule, amount=Decimal("61.50"))
    edit(bench, "donor", donor, lastName="Åkesson")
    note = write_note(bench, donor)
    bench.run(ticks=2)
    names = {
        f"schedule/{schedule}": ("schedule.changed", f"aegis/schedule/{schedule}/changed"),
        f"donor/{donor}": ("donor.updated", f"aegis/donor/{donor}/updated"),
        f"note/{note}": ("donor.noted", f"aegis/note/{note}/created"),
    }

    for name, (kind, delivery_id) in names.items():
        explained = connected.json("deliveries", name)
        assert (explained["id"], explained["kind"], explained["state"]) == (delivery_id, kind, "delivered")
        assert [d["id"] for d in connected.json("deliveries", "--kind", kind)["deliveries"]] == [delivery_id]
        assert [line["delivery"] for line in connected.json("activity", name)["activity"]] == [delivery_id]
    counted = connected.json("deliveries", f"schedule/{schedule}")
    assert (counted["wanted"], counted["served"]) == (1, 1)
    assert "1 seen, 1 served" in connected.run("deliveries", f"schedule/{schedule}").out
    assert "wanted" not in connected.json("deliveries", f"note/{note}")
    assert connected.run("deliveries", "--kind", "donation.eaten").code == 2


def test_a_donors_story_holds_every_kind_in_order_with_old_and_new_values(connected: Desk) -> None:
    bench = connected.bench
    bench.settings(aegis={"send_notes": True})
    schedule, donor = schedule_with_gift(bench)
    gift = int(connected.json("deliveries", "--donor", str(donor))["deliveries"][0]["entity"])
    edit(bench, "schedule", schedule, amount=Decimal("61.50"))
    bench.run(ticks=2)
    edit(bench, "donor", donor, lastName="Åkesson")
    bench.run(ticks=2)
    write_note(bench, donor)
    bench.run(ticks=2)
    refund(bench, gift)
    bench.run(ticks=2)

    lines = connected.json("activity", "--donor", str(donor))["activity"]

    kinds = [line["details"]["kind"] for line in reversed(lines) if line["what"] == "delivered"]
    assert kinds == ["donation.created", "schedule.changed", "donor.updated", "donor.noted", "donation.refunded"]
    assert [line["at"] for line in lines] == sorted((line["at"] for line in lines), reverse=True)
    shown = "".join(connected.run("activity", "--donor", str(donor)).out.split())
    assert "→Åkesson" in shown and "PledgeAmount:" in shown and "→61.5" in shown


def test_a_notice_that_waits_for_the_e_mail_is_part_of_the_donors_story(connected: Desk) -> None:
    bench = connected.bench
    donor = bench.population.make_donor("new_person", gives=False).donor_id
    bench.run()
    edit(bench, "donor", donor, lastName="Åkesson")
    bench.run()

    lines = connected.json("activity", "--donor", str(donor))["activity"]

    assert {line["what"] for line in lines} == {"ignored", "notice waits"}
    [notice] = [line for line in lines if line["what"] == "notice waits"]
    assert notice["details"]["notice"] == "donor-edit-without-partner"
    assert [change["field"] for change in notice["details"]["changes"]] == ["last name"]
    listed = connected.json("deliveries", "--state", "ignored", "--cause", "no-partner")["deliveries"]
    assert [d["id"] for d in listed] == [f"aegis/donor/{donor}/updated"]


def test_a_refund_that_may_be_there_is_sent_on_a_persons_word(connected: Desk) -> None:
    bench = connected.bench
    known = bench.population.make_donor("new_person")
    bench.give(donor=known)
    bench.run()
    gift = bench.give("adopted", donor=known)
    refund(bench, gift)
    _record_by_hand(bench, gift)
    bench.run(ticks=2)
    reversal = f"aegis/donation/{gift}/refunded"
    assert found(bench, reversal).state is State.FAILED
    listed = connected.json("deliveries", "--state", "failed", "--kind", "donation.refunded")["deliveries"]
    assert [d["id"] for d in listed] == [reversal]

    plan = connected.json("retry", reversal, "--yes")["plan"]
    bench.run(ticks=2)

    assert "on your word that none of the candidates is this refund" in plan["items"][0]["why"]
    assert found(bench, reversal).state is State.DELIVERED
    assert [t.total < 0 for t in bench.transactions_of(gift)] == [True]


def test_a_note_whose_answer_was_lost_is_sent_once_more_on_a_persons_word(connected: Desk) -> None:
    bench = connected.bench
    donor = known_donor(bench)
    bench.settings(aegis={"send_notes": True})
    note = write_note(bench, donor)
    bench.fault("aegis", FaultRule(FaultKind.DROP_BEFORE, "createPartnerNote", count=1))
    bench.run(ticks=4)
    failed = found(bench, f"aegis/note/{note}/created")
    assert failed.state is State.FAILED and failed.trouble is not None
    assert failed.trouble.cause == "note-outcome-unknown"

    plan = connected.json("retry", f"note/{note}", "--yes")["plan"]
    bench.run(ticks=2)

    assert "on your word that the note is not in Aegis" in plan["items"][0]["why"]
    assert found(bench, failed.id).state is State.DELIVERED
    assert len(bench.aegis.store.notes) == 1


def test_a_schedule_of_an_unknown_status_is_retried_once_that_is_put_right(connected: Desk) -> None:
    bench = connected.bench
    schedule, _ = schedule_with_gift(bench)
    edit(bench, "schedule", schedule, amount=Decimal("61.50"), statusText="Dormant")
    bench.run(ticks=2)
    changed = f"aegis/schedule/{schedule}/changed"
    assert connected.run("deliveries", changed).code == 1
    bench.raisedonors.store.schedules.entry(schedule).latest.members["statusText"] = "Active"

    connected.run("retry", f"schedule/{schedule}", "--yes")
    bench.run(ticks=2)

    assert found(bench, changed).state is State.DELIVERED
    [pledge] = bench.aegis.store.pledges.values()
    assert pledge.model["PledgeAmount"] == Decimal("61.50")


def test_an_edit_with_a_country_that_is_none_is_retried_once_that_is_put_right(connected: Desk) -> None:
    bench = connected.bench
    donor = known_donor(bench)
    address = {
        "address1": "9 Elm Road",
        "city": "Boulder",
        "state": "CO",
        "postal": "80302",
        "isPrimary": True,
        "id": 1,
    }
    edit(bench, "donor", donor, donorAddresses=[{**address, "countryString": "Atlantis"}])
    bench.run(ticks=2)
    assert found(bench, f"aegis/donor/{donor}/updated").state is State.FAILED
    members = bench.raisedonors.store.donors.entry(donor).latest.members
    members["donorAddresses"][0]["countryString"] = "USA"

    connected.run("retry", f"donor/{donor}", "--yes")
    bench.run(ticks=2)

    assert found(bench, f"aegis/donor/{donor}/updated").state is State.DELIVERED


def test_every_cause_to_ignore_a_delivery_is_looked_for_in_the_index() -> None:
    assert set(IGNORED_CAUSES) == _causes_to_skip() | REOPENABLE | {LEFT_BY_A_PERSON}


def _record_by_hand(bench: Workbench, gift: int) -> None:
    """A transaction that staff entered, which may be the gift's refund."""
    recorded = next(iter(bench.aegis.store.transactions.values()))
    amount = bench.raisedonors.store.gifts.entry(gift).latest.members["amount"]
    by_hand = bench.aegis.store.new_invoice_number()
    bench.aegis.store.add_transaction(
        replace(recorded, invoice_number=by_hand, total=-amount, happened=bench.clock(), via_api=False)
    )


def _causes_to_skip() -> set[str]:
    """The causes that flows of deliveries give when they ignore one, as their source says."""
    package = Path(str(errors.__file__)).parent
    flows = [file for system in ("aegis", "virtuous", "contact") for file in package.glob(f"flows/{system}_*.py")]
    files = [*flows, package / "domain" / "validation.py"]
    return {cause for file in files for cause in _causes_in(ast.parse(file.read_text(encoding="utf-8")))}


def _causes_in(tree: ast.Module) -> Iterator[str]:
    constants = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        given: list[ast.expr] = []
        if name == "Skipped":
            given = [keyword.value for keyword in node.keywords if keyword.arg == "cause"]
        if name == "_skip":
            given = node.args[-1:]
        for value in given:
            if isinstance(value, ast.Constant):
                yield str(value.value)
            elif isinstance(value, ast.Name) and value.id in constants:
                yield str(constants[value.id])
