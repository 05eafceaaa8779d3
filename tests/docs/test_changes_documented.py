"""What the documents say of refunds, schedules, edits, notes, notices, feeds and routes is what is built."""

from __future__ import annotations

import re

import pytest

from giftbridge.domain import aegis_mapping, aegis_merging, agreed, notices
from giftbridge.domain.deliveries import Kind, Step
from giftbridge.domain.delivery_ids import (
    VIRTUOUS,
    chunk_id,
    contact_updated_id,
    donation_adjusted_id,
    donation_created_id,
    donation_refunded_id,
    donor_noted_id,
    donor_updated_id,
    project_changed_id,
    schedule_changed_id,
)
from giftbridge.flows.change_feeds import DonorFeed, NoteFeed, ScheduleFeed, VirtuousDonorFeed
from giftbridge.flows.gift_feed import GiftFeed
from giftbridge.store import mailing, pickup_hints
from ops.operating.identifiers import delivery_ids, kind_of
from ops.operating.listing import IGNORED_CAUSES
from tests.deployment.template import resources
from tests.docs.test_documents import ARCHITECTURE, CHECKOUT, text_of
from tests.unit.tables import tables

FIELD_MAPPING = "field-mapping.md"
NUMBER_WORDS = {"three": 3, "four": 4, "five": 5, "six": 6, "nine": 9, "ten": 10, "eleven": 11}


def ticked(text: str) -> list[str]:
    """What stands between backticks."""
    return re.findall(r"`([^`]+)`", text)


# --- architecture.md ------------------------------------------------------------------------------------------


def test_the_functions_are_those_of_the_template() -> None:
    functions = resources("AWS::Serverless::Function")
    assert {name for name, *_ in tables(ARCHITECTURE)["Functions"]} == set(functions)


@pytest.mark.parametrize(
    ("words", "sort"),
    [
        (r"Lambda\s+functions", "AWS::Serverless::Function"),
        ("queues", "AWS::SQS::Queue"),
        ("tables", "AWS::DynamoDB::Table"),
        ("secrets", "AWS::SecretsManager::Secret"),
    ],
)
def test_the_readme_counts_the_parts_of_the_template(words: str, sort: str) -> None:
    counted = re.search(rf"(\w+)\s+{words},", text_of("README.md"))
    assert counted is not None and NUMBER_WORDS[counted[1]] == len(resources(sort))


def test_the_routes_are_those_of_the_template_and_of_the_api_description() -> None:
    listed = {ticked(route)[0] for route, *_ in tables(ARCHITECTURE)["Routes"]}
    assert listed == {route["Properties"]["RouteKey"] for route in resources("AWS::ApiGatewayV2::Route").values()}
    described = text_of("docs/api.openapi.yaml")
    assert all(f"\n  {route.split()[1]}:\n" in described for route in listed)


def test_the_feeds_are_those_of_the_code_with_their_shares() -> None:
    listed = [(ticked(feed)[0], int(pages)) for feed, _, pages, _ in tables(ARCHITECTURE)["What is read"]]
    feeds = (GiftFeed, ScheduleFeed, DonorFeed, VirtuousDonorFeed, NoteFeed)
    assert listed == [(feed.name, feed.most_pages) for feed in feeds]
    page = tables(ARCHITECTURE)
    given = [*page["What is read"], *page["What else gives deliveries"]]
    assert {kind for *_, kinds in given for kind in ticked(kinds)} == set(Kind)


def test_the_kinds_of_changes_are_those_of_the_code_with_their_ids() -> None:
    page = tables(ARCHITECTURE)
    to_aegis, others = page["Kinds of changes"], page["Kinds of changes to Virtuous and back"]
    made = {
        Kind.DONATION_CREATED: donation_created_id(987),
        Kind.DONATION_REFUNDED: donation_refunded_id(987),
        Kind.DONATION_ADJUSTED: donation_adjusted_id(987, "500123"),
        Kind.SCHEDULE_CHANGED: schedule_changed_id(7),
        Kind.SCHEDULE_ENDED: schedule_changed_id(7),
        Kind.DONOR_UPDATED: donor_updated_id(41),
        Kind.DONOR_NOTED: donor_noted_id(5),
    }
    made_of_virtuous = {
        Kind.DONATION_CREATED: donation_created_id(987, VIRTUOUS),
        Kind.DONATION_REFUNDED: donation_refunded_id(987, VIRTUOUS),
        Kind.DONOR_UPDATED: donor_updated_id(41, VIRTUOUS),
        Kind.PROJECT_CHANGED: project_changed_id(3),
        Kind.IMPORT_CHUNK: chunk_id("20261122T220000-3f9a", 1),
        Kind.CONTACT_UPDATED: contact_updated_id(4107),
    }
    assert {ticked(kind)[0]: ticked(name)[0] for kind, name, *_ in to_aegis} == made
    assert {ticked(kind)[0]: ticked(name)[0] for kind, name, *_ in others} == made_of_virtuous
    for _, name, short, _ in (*to_aegis, *others):
        assert ticked(name)[0] in delivery_ids(ticked(short)[0])
    named = {kind_of(name) for name in (*made.values(), *made_of_virtuous.values())}
    assert named == set(Kind) - {Kind.SCHEDULE_ENDED}


def test_each_step_has_its_probe_described() -> None:
    assert {step for step, *_ in tables(ARCHITECTURE)["Unknown outcomes"]} == set(Step)


def test_the_causes_to_ignore_a_delivery_are_listed() -> None:
    assert {ticked(cause)[0] for cause, _ in tables(ARCHITECTURE)["Why a delivery is ignored"]} == set(IGNORED_CAUSES)


def test_the_kinds_of_notices_are_those_of_the_code() -> None:
    kinds = {value for name, value in vars(notices).items() if name.isupper() and isinstance(value, str)}
    assert {ticked(kind)[0] for kind, _ in tables(ARCHITECTURE)["Kinds of notices"]} == kinds


def test_the_mailing_is_drawn_as_in_the_code() -> None:
    drawing = "idle ──► asking (the batch and the addresses, written before Amazon SES is called) ──► sent"
    assert drawing in text_of(f"docs/{ARCHITECTURE}")
    source = CHECKOUT / "layers/shared/python/giftbridge/domain/mailing.py"
    assert drawing in source.read_text(encoding="utf-8")


def test_the_rows_of_the_state_table_are_named() -> None:
    section = text_of(f"docs/{ARCHITECTURE}").split("Rows of the state table:", 1)[1].split("###", 1)[0]
    named = {name.partition("#")[0] for name in ticked(section)}
    package = CHECKOUT / "layers/shared/python/giftbridge"
    sources = [
        file.read_text(encoding="utf-8") for folder in ("flows", "store") for file in (package / folder).glob("*.py")
    ]
    written = {name for source in sources for name in re.findall(r'state\.(?:get|put)\(\s*f"([a-z]+)#', source)}
    assert written | {"lease", "settings", "donation-keys-not-offered", "sweep"} <= named
    assert {mailing.MAILING, mailing.TROUBLE, mailing.RECIPIENTS, pickup_hints.FLAG} <= set(ticked(section))


# --- field-mapping.md -----------------------------------------------------------------------------------------


def test_the_note_is_mapped_as_in_the_code() -> None:
    assert tables(FIELD_MAPPING)["Note"] == [(f"`{row.member}`", row.source) for row in aegis_mapping.NOTE]


def test_the_members_that_follow_a_field_are_those_of_the_code() -> None:
    page = tables(FIELD_MAPPING)
    of_schedule = {field: tuple(ticked(members)) for field, members in page["Members that follow a schedule's field"]}
    of_donor = {field: tuple(ticked(members)) for field, members in page["Members that follow a donor's field"]}
    assert of_schedule == aegis_merging.PLEDGE_FOLLOWS
    points = {agreed.PHONES: ("PartnerPhones",), agreed.EMAIL: ("PartnerEmails",)}
    assert of_donor == {**aegis_merging.PARTNER_FOLLOWS, **points}


def test_the_members_that_an_edit_may_empty_are_those_of_the_code() -> None:
    rows = tables(FIELD_MAPPING)["Members that an edit may empty"]
    assert {member for row in rows for cell in row for member in ticked(cell)} == aegis_merging.EMPTIED


def test_the_statuses_of_a_schedule_are_those_of_the_code() -> None:
    rows = dict(tables(FIELD_MAPPING)["What a schedule's status makes of its pledge"])
    assert rows == {agreed.ACTIVE_STATUS: "true", **dict.fromkeys(agreed.INACTIVE_STATUSES, "false")}


# --- limits.md ------------------------------------------------------------------------------------------------


def test_every_setting_is_read_by_the_code_unless_limits_says_that_it_has_no_effect() -> None:
    _, _, section = text_of("docs/limits.md").partition("## Settings without effect today")
    told = {name for name in ticked(section.split("\n## ", 1)[0]) if not name.startswith(("--", "giftbridge"))}
    package = CHECKOUT / "layers/shared/python/giftbridge"
    files = [file for file in package.rglob("*.py") if file != package / "domain" / "settings.py"]
    sources = "\n".join(file.read_text(encoding="utf-8") for file in files)
    read = {name for name in _setting_names() if re.search(rf"[.\"]{name.rpartition('.')[2]}\b", sources)}
    assert told <= _setting_names()
    assert read == _setting_names() - told


def _setting_names() -> set[str]:
    """Every setting as a person writes it: `virtuous.conflicts.name`."""
    return {setting.strip("`") for rows in tables("settings.md").values() for setting, *_ in rows}
