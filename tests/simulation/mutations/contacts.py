"""Guards of the way back and of the import tool: chunks, rows, echoes, e-mail addresses, saves of whole records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.simulation.mutations.mutation import Mutation


def _in_no_chunk(original: property) -> property:
    assert original.fget is not None
    waits = original.fget
    return property(lambda delivery: waits(delivery) and not delivery.chunk)


def _made_anew(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda rows, member, shared: original(rows, replace(member, row=""), shared)


def _not_there(_: Any) -> Callable[..., bool]:
    return lambda _landing, _work: False


def _none_landed(_: Any) -> Callable[..., int]:
    return lambda _base, _theirs, _modified_at, _created_at: 0


def _not_counted(_: Any) -> Callable[..., None]:
    return lambda _outbox, _donor_id, _now: None


def _does_not_look(_: Any) -> Callable[..., None]:
    return lambda _net, *, is_requested=False: None


def _as_never_made(_: Any) -> Callable[..., None]:
    return lambda _donors, work: work.surely_not_sent()


def _with_email(original: Callable[..., None]) -> Callable[..., None]:
    def apply(writes: Any, linked: Any, theirs: Any, groups: Any) -> None:
        original(writes, linked, theirs, groups)
        emails = linked.individual.emails if linked.individual is not None else ()
        if emails:
            number = linked.record.donor.id
            body = {"donorEmailAddresses": [{"value": emails[0]}]}
            writes.raisedonors._write("patchDonor", "PATCH", f"/api/Donor/{number}", body, number)

    return apply


def _without_lists(original: Callable[..., Any]) -> Callable[..., Any]:
    def merged(record: Any, gathered: Any, bases: Any, fields: Any) -> Any:
        whole = original(record, gathered, bases, fields)
        left_out = {"PartnerPhones", "PartnerEmails"}
        return replace(whole, record={name: value for name, value in whole.record.items() if name not in left_out})

    return merged


def _the_key_alone(_: Any) -> Callable[..., dict[str, Any]]:
    return lambda before, key: {"id": before["id"], "donorId": before.get("donorId"), "crmKey": key}


MUTATIONS = (
    Mutation(
        "row-of-an-ended-chunk-forgotten",
        "a row that is in a chunk is not found any more when that ends without having sent it",
        "giftbridge.domain.deliveries:Delivery.waits_for_a_batch",
        _in_no_chunk,
        ("doubled-receive", "http-5xx-before", "aws-conflict", "death"),
        donations=40,
    ),
    Mutation(
        "row-made-anew",
        "a row whose answer was lost is made anew, not repeated byte for byte",
        "giftbridge.flows.virtuous_rows:VirtuousRows.prepare",
        _made_anew,
        ("http-lost-after", "http-5xx-after"),
        donations=40,
    ),
    Mutation(
        "landing-not-looked-up",
        "nobody sees that a held gift has landed in Virtuous",
        "giftbridge.flows.virtuous_landing:VirtuousLanding.gift_landed",
        _not_there,
        donations=40,
    ),
    Mutation(
        "own-rows-not-recognised",
        "what a row of ours changed in Virtuous is taken for an edit there",
        "giftbridge.domain.contact_merging:landed",
        _none_landed,
        donations=40,
    ),
    Mutation(
        "conflict-not-sent-back",
        "where both sides changed and RaiseDonors wins, Virtuous is not told",
        "giftbridge.flows.donor_outbox:DonorOutbox.count",
        _not_counted,
        donations=60,
    ),
    Mutation(
        "webhooks-alone",
        "nobody looks for edits in Virtuous that no webhook told of",
        "giftbridge.flows.contact_net:ContactNet.run",
        _does_not_look,
        ("webhook-lost",),
        donations=40,
    ),
    Mutation(
        "lost-creation-not-looked-for",
        "a donor whose creation was not answered is made again without looking for them",
        "giftbridge.flows.contact_donors:ContactDonors.probe_creation",
        _as_never_made,
        ("http-lost-after", "http-5xx-after"),
        donations=60,
    ),
    Mutation(
        "e-mail-address-carried-back",
        "an e-mail address goes from Virtuous to RaiseDonors with the fields that changed",
        "giftbridge.flows.contact_writes:ContactWrites.apply",
        _with_email,
        donations=40,
    ),
    Mutation(
        "partner-not-saved-whole",
        "a save of a partner leaves phones and e-mail addresses out, which Aegis then blanks",
        "giftbridge.flows.aegis_donors:merged_partner",
        _without_lists,
        donations=40,
    ),
    Mutation(
        "schedule-not-written-whole",
        "a pledge's key is stored on a schedule without the rest of the schedule",
        "giftbridge.clients.raisedonors:schedule_with_key",
        _the_key_alone,
    ),
)
