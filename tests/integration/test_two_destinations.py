"""Work for one CRM never waits for the other's: an outbox, an outage or a person there holds nothing up here."""

from __future__ import annotations

from giftbridge.domain.deliveries import State
from giftbridge.domain.delivery_ids import VIRTUOUS, donation_created_id, donor_updated_id
from tests.virtuous_bench import virtuous_bench


def test_an_edit_for_aegis_does_not_wait_for_a_gift_in_virtuous_outbox() -> None:
    with virtuous_bench(with_aegis=True) as both:
        bench = both.bench
        bench.run(ticks=3)
        gift = bench.give("unknown_fund")
        donor = int(bench.raisedonors.store.gifts.entry(gift).latest.members["donorId"])
        bench.run(ticks=3)
        assert bench.delivery(gift).state is State.FAILED
        bench.raisedonors.store.edit("donor", donor, {"phone": "989-555-0101"})

        bench.run(ticks=3)

        assert both.delivery(donation_created_id(gift, VIRTUOUS)).is_in_outbox
        edit = both.delivery(donor_updated_id(donor))
        assert edit.state is State.IGNORED and edit.trouble is not None
        assert edit.trouble.cause == "no-partner"


def test_an_edit_for_aegis_waits_for_a_gift_that_may_make_its_partner_there() -> None:
    with virtuous_bench(with_aegis=True) as both:
        bench = both.bench
        bench.run(ticks=3)
        donor = bench.population.make_donor("new_person")
        bench.run(ticks=3)
        bench.aegis.faults.begin_outage("status")
        bench.give(donor=donor)
        bench.pickup()
        bench.drain()
        bench.clock.advance(5)
        bench.raisedonors.store.edit("donor", donor.donor_id, {"phone": "989-555-0101"})
        bench.pickup()
        bench.aegis.faults.end_outage()
        bench.run(ticks=20)

        edit = both.delivery(donor_updated_id(donor.donor_id))
        assert edit.state is not State.WAITING
        assert edit.trouble is None or edit.trouble.cause != "no-partner"
