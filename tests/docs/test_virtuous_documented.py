"""What the documents say of Virtuous, of the destinations and of the index is what is built."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from giftbridge.domain.agreed import EMAIL
from giftbridge.domain.contact_fields import GROUPS
from giftbridge.domain.contact_merging import Verdict
from giftbridge.domain.deliveries import Kind, State, Trouble
from giftbridge.domain.delivery_ids import VIRTUOUS
from giftbridge.domain.delivery_life import new_delivery
from giftbridge.domain.remembered import Mirror, Mirrored
from giftbridge.domain.settings import Settings
from giftbridge.flows import virtuous_landing
from giftbridge.store.delivery_rows import SHARDS, bucket_of
from ops.operating import subscribing, trying
from ops.operating.systems import DESTINATIONS, SYSTEMS
from ops.simulators.population_donors import MadeDonor
from tests.deployment.template import resources
from tests.docs.test_changes_documented import FIELD_MAPPING, ticked
from tests.docs.test_documents import ARCHITECTURE, CHECKOUT, text_of
from tests.unit.tables import tables
from tests.virtuous_bench import VirtuousBench, virtuous_bench

VIRTUOUS_PAGE = "virtuous.md"
NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
NUMBERS = {2: "two", 4: "four", 8: "eight"}

# --- architecture.md ------------------------------------------------------------------------------------------


def test_the_destinations_are_those_of_the_code_with_queue_and_worker() -> None:
    rows = tables(ARCHITECTURE)["Destinations"]
    assert {ticked(name)[0] for name, *_ in rows} == set(DESTINATIONS)
    functions, queues = resources("AWS::Serverless::Function"), resources("AWS::SQS::Queue")
    assert {queue for _, queue, *_ in rows} == {name for name in queues if "DeadLetter" not in name}
    for name, queue, _, worker, switch in rows:
        assert SYSTEMS[ticked(name)[0]].queue_output == f"{queue}Url"
        assert queue in str(functions[worker]["Properties"]["Events"]["Nudges"]["Properties"]["Queue"])
        section, _, member = ticked(switch)[0].partition(".")
        assert member in type(getattr(Settings(), section)).model_fields


def test_the_verdicts_of_a_merge_are_those_of_the_code() -> None:
    assert [verdict for verdict, *_ in tables(ARCHITECTURE)["What a merge decides"]] == list(Verdict)


def test_the_waits_before_a_look_up_are_those_of_the_code() -> None:
    section = re.sub(r"\s+", " ", text_of(f"docs/{ARCHITECTURE}").split("### Landing", 1)[1].split("###", 1)[0])
    told = re.search(r"looked up after (.+?), again and again", section)
    assert told is not None
    units = {"minute": 60, "hour": 3600, "day": 86400}
    waits = [int(number) * units[unit] for number, unit in re.findall(r"(\d+) (minute|hour|day)s?", told[1])]
    assert waits == [age.total_seconds() for age in virtuous_landing._AGES]


def test_the_partitions_of_the_index_are_those_of_the_code() -> None:
    def bucket(**members: Any) -> str:
        kind, state = members.pop("kind", Kind.DONATION_REFUNDED), members.pop("state", State.PENDING)
        new = new_delivery(id="x", kind=kind, donor_id=1, entity_id="1", now=NOW, destination=VIRTUOUS)
        found = bucket_of(replace(new, state=state, **members))
        assert found is not None
        name = re.sub(rf"#{VIRTUOUS}", "#DESTINATION", re.sub(r"#\d$", "#N", found))
        return name.replace("nothing-left", "CAUSE")

    made = {
        bucket(),
        bucket(is_backfill=True),
        bucket(state=State.DELIVERED, mirrors=(Mirror(Mirrored.DONOR, "1", "2"),)),
        bucket(kind=Kind.DONATION_CREATED),
        bucket(kind=Kind.DONATION_CREATED, state=State.SENT),
        bucket(state=State.FAILED),
        bucket(kind=Kind.IMPORT_CHUNK, state=State.IGNORED, trouble=Trouble("nothing-left", "")),
    }
    rows = tables(ARCHITECTURE)["Partitions of the index"]
    assert {ticked(name)[0] for name, _ in rows} == made
    assert f"those with a number are {NUMBERS[SHARDS]}" in text_of(f"docs/{ARCHITECTURE}").lower()


def test_one_gift_to_virtuous_writes_what_the_page_says() -> None:
    listed = [request for _, request, _ in tables(ARCHITECTURE)["What one gift to Virtuous writes"]]
    with virtuous_bench() as both:
        donor = both.bench.population.make_donor("new_person")
        both.link(donor.donor_id)
        both.settle(3)
        # The first gift ever also links the contact and sends the projects.
        _, one, two = (_written_by_gifts(both, donor, number) for number in (1, 1, 2))
    # What two gifts write beyond what one does; of the landing the facts alone, since look-ups come as they come.
    before = Counter(two[0]) - Counter(one[0])
    facts = Counter(write for write in two[1] if write[0] == "TransactWriteItems")
    facts -= Counter(write for write in one[1] if write[0] == "TransactWriteItems")
    written = [*before.elements(), *facts.elements()]
    assert sorted(name for name, _ in written) == sorted(listed)
    told = f"{len(written)} requests and {sum(rows for _, rows in written)} rows for each gift"
    assert told in text_of(f"docs/{ARCHITECTURE}")
    assert f"A chunk adds {len(one[0]) - len(before)} requests" in text_of(f"docs/{ARCHITECTURE}")


def _written_by_gifts(both: VirtuousBench, donor: MadeDonor, number: int) -> tuple[list[Any], list[Any]]:
    """Writes to the tables but the state's, up to the call to the import tool and from there to the landing."""
    written: list[tuple[str, int]] = []

    def note(model: Any, params: dict[str, Any], **_: Any) -> None:
        body = params["body"].decode() if isinstance(params["body"], bytes) else params["body"]
        is_write = model.name in {"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"}
        if is_write and "StateTable" not in body:
            written.append((model.name, body.count('"TableName"')))

    both.bench.dynamodb.meta.events.register("before-call.dynamodb.*", note)
    for _ in range(number):
        both.bench.give("one_time", donor=donor)
    both.bench.pickup()
    both.batch()
    sent = len(written)
    both.virtuous.run_import()
    both.settle(2)
    both.bench.dynamodb.meta.events.unregister("before-call.dynamodb.*", note)
    return written[:sent], written[sent:]


# --- field-mapping.md -----------------------------------------------------------------------------------------


def test_the_groups_that_travel_back_are_those_of_the_code() -> None:
    assert [group for group, *_ in tables(FIELD_MAPPING)["Contact to RaiseDonors"]] == list(GROUPS)
    assert EMAIL not in GROUPS


# --- virtuous.md ----------------------------------------------------------------------------------------------


def test_the_permissions_are_those_that_connecting_tries() -> None:
    rows = tables(VIRTUOUS_PAGE)["What the credentials must be allowed"]
    assert {ticked(operation)[0]: words for operation, words in rows} == trying.PERMISSIONS


def test_the_webhook_is_registered_for_the_events_that_are_named() -> None:
    section = text_of(f"docs/{VIRTUOUS_PAGE}").split("registers the webhook:", 1)[1].split("signed", 1)[0]
    assert tuple(ticked(section)) == subscribing.EVENTS


def test_the_answers_to_a_webhook_are_those_that_are_described_and_given() -> None:
    told = {int(answer) for answer, *_ in tables(VIRTUOUS_PAGE)["Webhooks"]}
    source = (CHECKOUT / "functions/contact_webhook/handler.py").read_text(encoding="utf-8")
    given = {int(status) for status in re.findall(r"(?:problem|_log_refusal)\(\s*(?:assembly, )?(\d{3})", source)}
    assert told == {200, *given}
    described = text_of("docs/api.openapi.yaml").split("\n  /webhooks/virtuous:\n", 1)[1].split("\n  /", 1)[0]
    assert all(f"'{answer}':" in described or f'"{answer}":' in described for answer in told)
