"""Reading from the simulated RaiseDonors: queries, walks, late records, spelling."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from ops.simulators.json_text import read_json
from ops.simulators.raisedonors import RaiseDonorsSimulator
from ops.simulators.raisedonors_time import parse_timestamp
from tests.simulators.clients import RaiseDonorsClient
from tests.simulators.conftest import Clock

TIMESTAMP = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,7})?Z?")
LONG_AGO = "2020-01-01T00:00:00Z"


def _add_gift(simulator: RaiseDonorsSimulator, **members: Any) -> int:
    gift = {"amount": Decimal("75.10"), "donorId": 1, "projects": [{"projectId": 1, "amount": "75.10"}], **members}
    return simulator.store.add("gift", gift)


def _ids(page: dict[str, Any]) -> list[int]:
    return [item["id"] for item in page["items"]]


def test_a_query_finds_what_was_modified_at_or_after_an_instant_in_order(
    raisedonors: RaiseDonorsSimulator, platform: RaiseDonorsClient, clock: Clock
) -> None:
    ids = []
    for _ in range(5):
        ids.append(_add_gift(raisedonors))
        clock.move(10)
    third = platform.changed_since("Gift", LONG_AGO)["items"][2]
    page = platform.changed_since("Gift", third["modifiedDate"])
    assert _ids(page) == ids[2:]
    assert page["total"] == 3


def test_records_of_one_instant_are_ordered_by_id_and_come_back_at_its_bound(
    raisedonors: RaiseDonorsSimulator, platform: RaiseDonorsClient
) -> None:
    ids = [_add_gift(raisedonors) for _ in range(5)]
    first = platform.changed_since("Gift", LONG_AGO, take=2)
    assert _ids(first) == ids[:2]
    bound = first["items"][-1]["modifiedDate"]
    assert _ids(platform.changed_since("Gift", bound, skip=2, take=2)) == ids[2:4]


def test_an_edit_during_a_walk_by_skip_alone_steps_over_a_neighbour(
    raisedonors: RaiseDonorsSimulator, platform: RaiseDonorsClient, clock: Clock
) -> None:
    ids = []
    for _ in range(4):
        ids.append(_add_gift(raisedonors))
        clock.move(1)
    seen = _ids(platform.changed_since("Gift", LONG_AGO, take=2))
    raisedonors.store.edit("gift", ids[0], {"comment": "edited"})
    seen += _ids(platform.changed_since("Gift", LONG_AGO, skip=2, take=2))
    assert ids[2] not in seen
    assert platform.changed_since("Gift", LONG_AGO)["items"][-1]["id"] == ids[0]


def test_a_record_can_show_later_than_its_own_modification_time(
    raisedonors: RaiseDonorsSimulator, platform: RaiseDonorsClient, clock: Clock
) -> None:
    late = raisedonors.store.add(
        "gift", {"amount": 5, "donorId": 1, "projects": [{"projectId": 1, "amount": "5"}]},
        visible_after=timedelta(seconds=30),
    )  # fmt: skip
    stamped = clock.now
    clock.move(10)
    prompt = _add_gift(raisedonors)
    assert _ids(platform.changed_since("Gift", LONG_AGO)) == [prompt]
    assert platform.get(f"Gift/{late}").status == 404
    clock.move(20)
    page = platform.changed_since("Gift", LONG_AGO)
    assert _ids(page) == [late, prompt]
    assert page["items"][0]["modifiedDate"].startswith(stamped.strftime("%Y-%m-%dT%H:%M:%S"))


def test_a_late_edit_shows_the_old_state_until_then(
    raisedonors: RaiseDonorsSimulator, platform: RaiseDonorsClient, clock: Clock
) -> None:
    gift_id = _add_gift(raisedonors, statusText="Pending")
    clock.move(1)
    raisedonors.store.edit("gift", gift_id, {"statusText": "Approved"}, visible_after=timedelta(seconds=5))
    assert platform.read(f"Gift/{gift_id}")["statusText"] == "Pending"
    clock.move(5)
    assert platform.read(f"Gift/{gift_id}")["statusText"] == "Approved"


def test_every_write_moves_the_modification_time_forward_even_within_one_instant(
    raisedonors: RaiseDonorsSimulator, platform: RaiseDonorsClient
) -> None:
    gift_id = _add_gift(raisedonors)
    stamps = []
    for n in range(20):
        raisedonors.store.edit("gift", gift_id, {"comment": str(n)})
        stamps.append(parse_timestamp(platform.read(f"Gift/{gift_id}")["modifiedDate"]))
    assert stamps == sorted(set(stamps))


def test_timestamps_come_with_and_without_z_and_with_many_digits(
    raisedonors: RaiseDonorsSimulator, platform: RaiseDonorsClient, clock: Clock
) -> None:
    for _ in range(200):
        _add_gift(raisedonors)
        clock.move(0.001)
    page = platform.changed_since("Gift", LONG_AGO, take=100)
    stamps = [item[name] for item in page["items"] for name in ("createdDate", "modifiedDate")]
    assert all(TIMESTAMP.fullmatch(stamp) for stamp in stamps)
    assert {stamp.endswith("Z") for stamp in stamps} == {True, False}
    assert len({len(stamp.rstrip("Z")) for stamp in stamps}) > 1


def test_what_is_not_known_is_absent_here_and_null_there_and_always_the_same(
    raisedonors: RaiseDonorsSimulator, platform: RaiseDonorsClient
) -> None:
    for _ in range(30):
        _add_gift(raisedonors)
    gifts = platform.changed_since("Gift", LONG_AGO)["items"]
    assert {"comment" in gift for gift in gifts} == {True, False}
    again = platform.changed_since("Gift", LONG_AGO)["items"]
    assert gifts == again


def test_totals_are_numbers_and_allocations_texts_to_the_digit(
    raisedonors: RaiseDonorsSimulator, platform: RaiseDonorsClient
) -> None:
    gift_id = _add_gift(raisedonors, amount=Decimal("90071992547409.93"))
    body = platform.get(f"Gift/{gift_id}").body
    assert b'"amount":90071992547409.93' in body
    assert b'"amount":"75.10"' in body


def test_details_add_the_donor(raisedonors: RaiseDonorsSimulator, platform: RaiseDonorsClient) -> None:
    donor_id = raisedonors.store.add("donor", {"firstName": "Anna", "lastName": "Berg", "email": "a@example.org"})
    _add_gift(raisedonors, donorId=donor_id)
    assert "donor" not in platform.changed_since("Gift", LONG_AGO)["items"][0]
    (gift,) = platform.changed_since("Gift", LONG_AGO, includeDetails=True)["items"]
    assert (gift["donor"]["name"], gift["donor"]["email"]) == ("Anna Berg", "a@example.org")


@pytest.mark.parametrize(
    "body",
    [
        {"take": 101},
        {"take": 0},
        {"skip": -1},
        {"sortBy": "amount"},
        {"groups": [{"conditions": []}]},
        {"groups": [{"conditions": [{"parameter": "Modified Date", "value": LONG_AGO}]}]},
        {"groups": [{"conditions": [{"parameter": "Name", "operator": "OnOrAfter", "value": LONG_AGO}]}]},
        {"groups": [{"conditions": [{"parameter": "Modified Date", "operator": "OnOrAfter", "value": "today"}]}]},
    ],
)
def test_a_query_that_makes_no_sense_is_refused_as_a_problem(platform: RaiseDonorsClient, body: dict[str, Any]) -> None:
    answer = platform.send("POST", "Gift/query", body)
    assert (answer.status, answer.content_type) == (400, "application/problem+json")
    assert read_json(answer.body)["errors"]


def test_one_matching_group_is_enough_and_all_its_conditions_hold(
    raisedonors: RaiseDonorsSimulator, platform: RaiseDonorsClient, clock: Clock
) -> None:
    ids, stamps = [], []
    for _ in range(4):
        ids.append(_add_gift(raisedonors))
        stamps.append(clock.now.strftime("%Y-%m-%dT%H:%M:%S"))
        clock.move(60)

    def since(stamp: str) -> dict[str, Any]:
        return {"parameter": "Modified Date", "operator": "OnOrAfter", "value": stamp}

    groups = [{"conditions": [since(stamps[1]), since(stamps[2])]}, {"conditions": [since(stamps[3])]}]
    answer = read_json(platform.send("POST", "Gift/query", {"groups": groups}).body)
    assert _ids(answer) == ids[2:]


def test_query_parameters_are_known_by_their_pascal_case_names_alone(
    raisedonors: RaiseDonorsSimulator, platform: RaiseDonorsClient
) -> None:
    for _ in range(5):
        _add_gift(raisedonors)
    assert len(platform.read("Gift/list", Take=2)["items"]) == 2
    assert len(platform.read("Gift/list", take=2)["items"]) == 5
    assert platform.get("Gift/list", Take=101).status == 400
    assert platform.get("Gift/list", SortBy="shoes").status == 400
    newest_first = platform.read("Gift/list", Descending="true")
    assert _ids(newest_first) == sorted(_ids(newest_first), reverse=True)


def test_what_is_not_there_is_not_found(platform: RaiseDonorsClient) -> None:
    for path in ("Gift/1", "Donor/1", "RecurringGift/1", "Project/1", "Donor/1/gifts", "Gift/abc"):
        answer = platform.get(path)
        assert (answer.status, answer.content_type) == (404, "application/problem+json")


def test_a_token_is_required(raisedonors: RaiseDonorsSimulator) -> None:
    assert raisedonors.exchange("GET", "/api/Gift/list").status == 401
    assert raisedonors.exchange("GET", "/api/Gift/list", {"Authorization": "Bearer x"}).status == 401


def test_projects_and_own_gifts_of_a_donor_are_listed(
    raisedonors: RaiseDonorsSimulator, platform: RaiseDonorsClient
) -> None:
    donor_id = raisedonors.store.add("donor", {"firstName": "Anna", "lastName": "Berg"})
    own = _add_gift(raisedonors, donorId=donor_id)
    _add_gift(raisedonors)
    assert _ids(platform.read(f"Donor/{donor_id}/gifts")) == [own]
    project_id = raisedonors.store.add("project", {"code": "GEN", "name": "General"})
    assert _ids(platform.read("Project/list")) == [project_id]
    assert platform.read(f"Project/{project_id}")["code"] == "GEN"
