"""The tables are restored to an earlier moment: nothing is sent twice, nothing is lost (`giftbridge restored`)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from giftbridge.domain.deliveries import State
from giftbridge.domain.delivery_ids import donation_refunded_id, donor_updated_id
from giftbridge.domain.notices import EDIT_FORGOTTEN, EDIT_WITHOUT_PARTNER
from ops.simulators.faults import FaultKind, FaultRule
from tests.command.desk import Desk
from tests.workbench import BEGIN, Workbench

TABLES = ("CrmKeysTable", "DeliveriesTable", "ActivityTable", "StateTable")


def snapshot(bench: Workbench) -> dict[str, list[Any]]:
    """All rows of the tables, as a point-in-time recovery keeps them."""
    pages = {name: bench.dynamodb.get_paginator("scan").paginate(TableName=name) for name in TABLES}
    return {name: [item for page in found for item in page["Items"]] for name, found in pages.items()}


def restore(bench: Workbench, kept: dict[str, list[Any]]) -> None:
    """The tables hold what was kept, and nothing else."""
    for name, items in kept.items():
        keys = [one["AttributeName"] for one in bench.dynamodb.describe_table(TableName=name)["Table"]["KeySchema"]]
        for page in bench.dynamodb.get_paginator("scan").paginate(TableName=name):
            for item in page["Items"]:
                bench.dynamodb.delete_item(TableName=name, Key={key: item[key] for key in keys})
        for item in items:
            bench.dynamodb.put_item(TableName=name, Item=item)


def forget_key(bench: Workbench, gift: int) -> None:
    """RaiseDonors did not take the invoice number of this gift."""
    bench.raisedonors.store.edit("gift", gift, {"crmKey": None})


def test_what_was_done_since_the_restore_point_is_found_and_done_no_second_time(connected: Desk) -> None:
    bench = connected.bench
    known = bench.population.make_donor("new_person")
    before = bench.give(donor=known)
    bench.run(ticks=3)
    bench.aegis.faults.begin_outage("status")
    was_open = bench.give(donor=known)
    bench.pickup()
    bench.drain()
    kept, to = snapshot(bench), bench.clock()
    bench.clock.advance(300)
    bench.aegis.faults.end_outage()
    sent, keyed = bench.give(), bench.give()
    scheduled = bench.population.make_gift("first_of_schedule", bench.clock()).gift_id
    bench.run(ticks=30)
    bench.raisedonors.store.set_gift_status(before, "Refunded")
    bench.run(ticks=3)
    gifts = (before, was_open, sent, keyed, scheduled)
    were = {gift: len(bench.transactions_of(gift)) for gift in gifts}
    assert were == {before: 2, was_open: 1, sent: 1, keyed: 1, scheduled: 1}
    for gift in (was_open, sent, scheduled):
        forget_key(bench, gift)
    unsent = bench.give()

    restore(bench, kept)
    answer = connected.run("restored", "--to", to.strftime("%Y-%m-%dT%H:%M:%S"), "--yes")
    assert answer.code == 0, answer.err
    bench.clock.advance(600)
    bench.run(ticks=40)

    assert {gift: len(bench.transactions_of(gift)) for gift in gifts} == were
    assert len(bench.transactions_of(unsent)) == 1
    assert {bench.delivery(gift).state for gift in (*gifts, unsent)} == {State.DELIVERED}
    refund = bench.tools.deliveries.get(donation_refunded_id(before))
    assert refund is not None and refund.state is State.DELIVERED
    assert sum(pledge.via_api for pledge in bench.aegis.store.pledges.values()) == 1


def test_without_it_a_restore_sends_again_what_carries_no_key(connected: Desk) -> None:
    bench = connected.bench
    bench.run(ticks=2)
    kept = snapshot(bench)
    bench.clock.advance(60)
    gift = bench.give()
    bench.run(ticks=3)
    forget_key(bench, gift)

    restore(bench, kept)
    bench.run(ticks=10)

    assert len(bench.transactions_of(gift)) == 2


def test_the_plan_names_what_is_looked_for_and_changes_nothing(connected: Desk) -> None:
    bench = connected.bench
    bench.run(ticks=2)
    bench.aegis.faults.begin_outage("status")
    gift = bench.give()
    bench.pickup()
    bench.drain()
    to = bench.clock().strftime("%Y-%m-%dT%H:%M:%S")
    bench.clock.advance(300)
    bench.pickup()

    plan = connected.json("restored", "--to", to, "--plan")

    assert plan["deliveries"] == [f"aegis/donation/{gift}/created"]
    assert bench.tools.state.get("restored") is None


def test_a_moment_to_come_is_refused(connected: Desk) -> None:
    refused = connected.run("restored", "--to", "2099-01-01T00:00:00", "--yes")

    assert refused.code != 0
    assert "--to lies in the future" in refused.err


def test_a_gift_given_back_since_is_found_with_its_refund_though_its_record_was_touched_again(connected: Desk) -> None:
    bench = connected.bench
    bench.run(ticks=2)
    kept, to = snapshot(bench), bench.clock()
    bench.clock.advance(60)
    gift = bench.give()
    bench.run(ticks=3)
    bench.raisedonors.store.set_gift_status(gift, "Refunded")
    bench.run(ticks=3)
    assert len(bench.transactions_of(gift)) == 2
    bench.clock.advance(600)
    forget_key(bench, gift)

    restore(bench, kept)
    answer = connected.run("restored", "--to", to.strftime("%Y-%m-%dT%H:%M:%S"), "--yes")
    assert answer.code == 0, answer.err
    bench.raisedonors.store.edit("gift", gift, {"comment": "thank you"})
    bench.run(ticks=40)

    assert len(bench.transactions_of(gift)) == 2
    refund = bench.tools.deliveries.get(donation_refunded_id(gift))
    assert bench.delivery(gift).state is State.DELIVERED
    # Refunded when this life first saw it: a person says whether the one that was found is its refund.
    assert refund is not None and refund.trouble is not None and refund.trouble.cause == "refund-may-be-there"


def test_a_gift_given_back_since_that_was_never_sent_is_left(connected: Desk) -> None:
    bench = connected.bench
    bench.run(ticks=2)
    kept, to = snapshot(bench), bench.clock()
    bench.clock.advance(60)
    gift = bench.give("refunded_before")

    restore(bench, kept)
    connected.run("restored", "--to", to.strftime("%Y-%m-%dT%H:%M:%S"), "--yes")
    bench.run(ticks=40)

    trouble = bench.delivery(gift).trouble
    assert bench.transactions_of(gift) == []
    assert trouble is not None and trouble.cause == "reversed-before-sent"


def test_a_donor_edited_since_whose_first_sight_is_forgotten_goes_to_the_notification_list(connected: Desk) -> None:
    bench = connected.bench
    bench.run(ticks=2)
    kept, to = snapshot(bench), bench.clock()
    bench.clock.advance(60)
    made = bench.population.make_donor("new_person")
    donor = made.donor_id
    bench.give(donor=made)
    bench.run(ticks=4)
    bench.raisedonors.store.edit("donor", donor, {"lastName": "Renamed"})

    restore(bench, kept)
    connected.run("restored", "--to", to.strftime("%Y-%m-%dT%H:%M:%S"), "--yes")
    bench.run(ticks=40)

    edit = bench.tools.deliveries.get(donor_updated_id(donor))
    assert edit is not None and edit.trouble is not None and edit.trouble.cause == "forgotten"
    told = [one.notice for one in bench.tools.notices.oldest(10) if one.notice.kind == EDIT_FORGOTTEN]
    assert [one.about for one in told] == [f"donor#{donor}"]
    assert ("LastName", "Renamed") in {(change.field, change.new) for change in told[0].changes}


def test_an_edit_of_a_donor_whose_partner_is_inactive_is_told_after_a_restore_like_before(connected: Desk) -> None:
    bench = connected.bench
    made = bench.population.make_donor("new_person")
    bench.give(donor=made)
    bench.run(ticks=4)
    kept, to = snapshot(bench), bench.clock()
    bench.clock.advance(60)
    (sent,) = [one for one in bench.aegis.store.transactions.values() if one.via_api]
    bench.aegis.store.partners[sent.partner_id]["IsActive"] = False
    bench.raisedonors.store.edit("donor", made.donor_id, {"lastName": "Renamed"})

    restore(bench, kept)
    connected.run("restored", "--to", to.strftime("%Y-%m-%dT%H:%M:%S"), "--yes")
    bench.run(ticks=40)

    told = [one.notice for one in bench.tools.notices.oldest(10) if one.notice.kind == EDIT_WITHOUT_PARTNER]
    assert [one.about for one in told] == [f"donor#{made.donor_id}"]
    assert ("last name", "Renamed") in {(change.field, change.new) for change in told[0].changes}


def backfilled(desk: Desk) -> int:
    """A gift of the past that a backfill brought to the deliveries, before Aegis went away."""
    bench = desk.bench
    gift = bench.population.make_gift("one_time", BEGIN - timedelta(days=30)).gift_id
    desk.run("backfill", "--from", "2026-01-25", "--to", "2026-02-10", "--yes")
    bench.aegis.faults.begin_outage("status")
    bench.pickup()
    bench.drain()
    return gift


def test_a_backfill_of_which_a_restore_took_deliveries_reads_its_period_again(connected: Desk) -> None:
    bench = connected.bench
    bench.run(ticks=2)
    kept, to = snapshot(bench), bench.clock()
    bench.clock.advance(60)
    gift = backfilled(connected)
    assert connected.json("backfill", "--status")["state"] == "done"
    bench.clock.advance(600)

    restore(bench, {"DeliveriesTable": kept["DeliveriesTable"]})
    bench.aegis.faults.end_outage()
    connected.run("restored", "--to", to.strftime("%Y-%m-%dT%H:%M:%S"), "--yes")
    # Until Aegis is asked again after its outage.
    bench.clock.advance(3600)
    bench.run(ticks=40)

    assert len(bench.transactions_of(gift)) == 1


def test_a_backfill_that_was_taken_back_stays_so_after_a_restore(connected: Desk) -> None:
    bench = connected.bench
    bench.run(ticks=2)
    to = bench.clock()
    bench.clock.advance(60)
    gift = bench.population.make_gift("one_time", BEGIN - timedelta(days=30)).gift_id
    connected.run("backfill", "--from", "2026-01-25", "--to", "2026-02-10", "--yes")
    connected.run("backfill", "--cancel")
    bench.clock.advance(60)

    connected.run("restored", "--to", to.strftime("%Y-%m-%dT%H:%M:%S"), "--yes")
    bench.run(ticks=10)

    assert bench.transactions_of(gift) == []


def test_a_destination_whose_switching_on_was_lost_counts_as_on_from_the_restore_point(connected: Desk) -> None:
    bench = connected.bench
    bench.run(ticks=2)
    bench.settings(aegis={"enabled": False})
    bench.clock.advance(60)
    while_off = bench.give()
    bench.clock.advance(60)
    kept, to = snapshot(bench), bench.clock()
    bench.clock.advance(60)
    bench.settings(aegis={"enabled": True})
    bench.clock.advance(60)
    while_on = bench.give()
    bench.clock.advance(600)

    restore(bench, kept)
    connected.run("restored", "--to", to.strftime("%Y-%m-%dT%H:%M:%S"), "--yes")
    bench.clock.advance(60)
    bench.settings(aegis={"enabled": True})
    bench.run(ticks=40)

    assert len(bench.transactions_of(while_on)) == 1
    assert bench.transactions_of(while_off) == []


def test_a_destination_that_is_switched_off_and_on_after_a_restore_counts_as_off_between(connected: Desk) -> None:
    bench = connected.bench
    bench.run(ticks=2)
    kept, to = snapshot(bench), bench.clock()
    bench.clock.advance(60)
    restore(bench, kept)
    connected.run("restored", "--to", to.strftime("%Y-%m-%dT%H:%M:%S"), "--yes")
    bench.run(ticks=2)
    bench.settings(aegis={"enabled": False})
    bench.clock.advance(60)
    while_off = bench.give()
    bench.clock.advance(600)

    bench.settings(aegis={"enabled": True})
    bench.run(ticks=40)

    assert bench.transactions_of(while_off) == []


def test_where_the_deliveries_alone_went_back_no_gift_keeps_the_hold_of_its_life_before(connected: Desk) -> None:
    bench = connected.bench
    bench.run(ticks=2)
    kept, to = snapshot(bench), bench.clock()
    bench.clock.advance(60)
    bench.fault("aegis", FaultRule(FaultKind.DROP_BEFORE, "createPledge", count=1))
    made = bench.population.make_gift("first_of_schedule", bench.clock())
    bench.pickup()
    bench.drain()
    assert made.schedule_id is not None
    held = bench.tools.keys.get(f"schedule#{made.schedule_id}", "aegis")
    assert held is not None and held.hold == bench.delivery(made.gift_id).id
    bench.raisedonors.store.set_gift_status(made.gift_id, "Refunded")
    bench.raisedonors.store.set_schedule_status(made.schedule_id, "Cancelled")

    bench.clock.advance(60)
    restore(bench, {"DeliveriesTable": kept["DeliveriesTable"]})
    connected.run("restored", "--to", to.strftime("%Y-%m-%dT%H:%M:%S"), "--yes")
    bench.run(ticks=40)

    trouble = bench.delivery(made.gift_id).trouble
    assert trouble is not None and trouble.cause == "reversed-before-sent"
    assert bench.tools.keys.get(f"schedule#{made.schedule_id}", "aegis") is None


def test_a_backfill_whose_deliveries_were_lost_is_walked_once_more(connected: Desk) -> None:
    bench = connected.bench
    past = [bench.population.make_gift("one_time", bench.clock() - timedelta(days=30)).gift_id for _ in range(2)]
    bench.run(ticks=2)
    kept, to = snapshot(bench), bench.clock()
    bench.clock.advance(60)
    connected.run("backfill", "--from", "2026-01-25", "--to", "2026-02-10", "--yes")
    bench.run(ticks=4)
    assert [len(bench.transactions_of(gift)) for gift in past] == [1, 1]
    forget_key(bench, past[0])

    bench.clock.advance(60)
    restore(bench, {"DeliveriesTable": kept["DeliveriesTable"]})
    connected.run("restored", "--to", to.strftime("%Y-%m-%dT%H:%M:%S"), "--yes")
    bench.run(ticks=40)

    assert [len(bench.transactions_of(gift)) for gift in past] == [1, 1]
    assert all(bench.delivery(gift).state is State.DELIVERED for gift in past)


def test_a_partner_whose_key_is_forgotten_is_found_though_the_donor_has_another_name_by_now(connected: Desk) -> None:
    bench = connected.bench
    bench.run(ticks=2)
    kept, to = snapshot(bench), bench.clock()
    bench.clock.advance(60)
    person = bench.population.make_donor("new_person")
    donor, gift = person.donor_id, bench.give(donor=person)
    bench.run(ticks=4)
    forget_key(bench, gift)
    bench.raisedonors.store.edit("donor", donor, {"lastName": "Renamed", "crmKey": None, "crmKeyUrls": {}})

    restore(bench, kept)
    connected.run("restored", "--to", to.strftime("%Y-%m-%dT%H:%M:%S"), "--yes")
    bench.run(ticks=40)

    made = [one for one in bench.aegis.store.partners.values() if str(donor) in str(one["CustomData"])]
    assert len(made) == 1
    assert len(bench.transactions_of(gift)) == 1


def test_the_pledge_of_an_older_schedule_is_found_by_a_gift_given_after_the_restore(connected: Desk) -> None:
    bench = connected.bench
    bench.settings(aegis={"mirror_pledge_id": False})
    bench.run(ticks=2)
    kept, to = snapshot(bench), bench.clock()
    bench.clock.advance(60)
    first = bench.population.make_gift("first_of_schedule", bench.clock()).gift_id
    bench.run(ticks=4)
    assert sum(pledge.via_api for pledge in bench.aegis.store.pledges.values()) == 1

    restore(bench, kept)
    connected.run("restored", "--to", to.strftime("%Y-%m-%dT%H:%M:%S"), "--yes")
    bench.clock.advance(600)
    schedule = bench.raisedonors.store.gifts.entry(first).latest.members["recurringGiftId"]
    members = {**bench.raisedonors.store.gifts.entry(first).latest.members, "crmKey": None}
    later = bench.raisedonors.store.add("gift", {**members, "recurringGiftId": schedule, "date": _wire(bench)})
    bench.run(ticks=40)

    assert len(bench.transactions_of(later)) == 1
    assert sum(pledge.via_api for pledge in bench.aegis.store.pledges.values()) == 1


def _wire(bench: Workbench) -> str:
    return bench.clock().strftime("%Y-%m-%dT%H:%M:%S")
