"""Projects arrive in Virtuous by their codes, and stay there as they are on RaiseDonors (requirement D4)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from giftbridge.clients.raisedonors_wire import read_project
from giftbridge.domain.deliveries import State
from giftbridge.domain.delivery_ids import project_changed_id
from giftbridge.domain.donations import Project as DonorProject
from giftbridge.flows.virtuous_project_scan import ProjectScan
from ops.simulators.faults import FaultKind, FaultRule
from ops.simulators.virtuous_wire import project_as_read
from tests.integration.project_bench import Given, given_project
from tests.workbench import Workbench


@pytest.fixture
def given(bench: Workbench) -> Iterator[Given]:
    """What each test begins with."""
    yield from given_project(bench)


# --- finding, creating, changing ------------------------------------------------------------------------------


def test_a_new_project_is_created_and_gets_our_code(given: Given) -> None:
    given.edit(description="Deep ones", onlineDisplayName="Wells for all")
    delivery = given.bring()
    (project,) = given.there()
    assert delivery.state is State.DELIVERED
    assert (project["projectCode"], project["name"]) == ("WELLS", "Wells")
    assert (project["description"], project["onlineDisplayName"]) == ("Deep ones", "Wells for all")
    assert (project["isActive"], project["isAvailableOnline"]) == (True, True)
    assert given.key() == delivery.result["project"] == str(project["id"])
    assert given.writes() == ["createProject", "patchProjects"]


def test_a_project_that_is_closed_on_raisedonors_is_created_closed(given: Given) -> None:
    given.edit(isActive=False, isAvailableOnline=False)
    given.bring()
    (project,) = given.there()
    assert (project["isActive"], project["isAvailableOnline"]) == (False, False)
    assert given.writes() == ["createProject", "patchProjects"]


def test_a_project_of_the_same_code_is_ours_and_what_is_equal_is_not_written(given: Given) -> None:
    known = given.known_in_virtuous()
    delivery = given.bring()
    assert delivery.state is State.DELIVERED
    assert given.key() == str(known.project_id)
    assert given.writes() == []


def test_only_what_differs_is_patched_and_what_staff_entered_stays(given: Given) -> None:
    known = given.known_in_virtuous(name="Wells (old)", description="Theirs")
    before = project_as_read(known)
    assert given.bring().state is State.DELIVERED
    after = project_as_read(known)
    assert {name for name in after if after[name] != before[name]} == {"name", "modifiedDateTimeUtc"}
    assert known.write_only == {"revenueAccountingCode": "R1", "enableSync": True}
    assert given.writes() == ["patchProjects"]
    assert given.changes() == {"name": ("Wells (old)", "Wells")}


def test_a_flag_takes_a_replace_that_keeps_all_that_can_be_read(given: Given) -> None:
    known = given.known_in_virtuous(description="Theirs")
    before = project_as_read(known)
    given.edit(isAvailableOnline=False, name="Deep wells")
    assert given.bring().state is State.DELIVERED
    after = project_as_read(known)
    assert {name: after[name] for name in after if after[name] != before[name]} == {
        "isAvailableOnline": False,
        "name": "Deep wells",
        "modifiedDateTimeUtc": after["modifiedDateTimeUtc"],
    }
    assert known.write_only == {}
    assert given.writes() == ["replaceProject"]
    assert given.changes() == {"name": ("Wells", "Deep wells"), "isAvailableOnline": ("true", "false")}


def test_a_flag_that_raisedonors_does_not_say_is_left_alone(given: Given) -> None:
    known = given.known_in_virtuous(isAvailableOnline=False)
    given.edit(isAvailableOnline=None, description="New")
    assert given.bring().state is State.DELIVERED
    assert project_as_read(known)["isAvailableOnline"] is False
    assert given.writes() == ["patchProjects"]


def test_a_code_and_a_flag_that_changed_together_both_arrive(given: Given) -> None:
    given.bring()
    given.writes()
    given.edit(code="WELLS-2", isActive=False)
    assert given.bring().state is State.DELIVERED
    (project,) = given.there()
    assert (project["projectCode"], project["isActive"]) == ("WELLS-2", False)
    assert given.writes() == ["patchProjects", "replaceProject"]


def test_what_became_blank_on_raisedonors_stays_in_virtuous(given: Given) -> None:
    known = given.known_in_virtuous(description="Theirs")
    given.edit(description=" ", onlineDisplayName="")
    given.bring()
    assert project_as_read(known)["description"] == "Theirs"
    assert given.writes() == []


def test_a_project_whose_key_virtuous_does_not_know_any_more_is_made_anew(given: Given) -> None:
    lost = given.bring().result["project"]
    given.crm.store.projects.clear()
    given.known_in_virtuous(name="Another", projectCode="OTHER")
    given.edit(name="Wells II")
    assert given.bring().state is State.DELIVERED
    made = [project for project in given.there() if project["projectCode"] == "WELLS"]
    assert [project["name"] for project in made] == ["Wells II"]
    assert given.key() == str(made[0]["id"]) != lost


def test_a_project_whose_key_is_lost_is_found_by_its_code(given: Given) -> None:
    given.bring()
    given.crm.store.projects.clear()
    known = given.known_in_virtuous()
    given.edit(name="Wells II")
    assert given.bring().state is State.DELIVERED
    assert given.key() == str(known.project_id)
    assert project_as_read(known)["name"] == "Wells II"


# --- what cannot be sent --------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [None, "", "  "])
def test_a_project_without_a_code_is_not_sent_until_it_has_one(given: Given, code: str | None) -> None:
    given.edit(code=code)
    delivery = given.bring()
    assert delivery.state is State.IGNORED
    assert delivery.trouble is not None
    assert delivery.trouble.cause == "no-code"
    assert given.there() == []
    assert ProjectScan(given.tools).run([given.raisedonors.project(given.project)], given.bench.clock()) == []
    given.edit(code="W2")
    assert given.bring().state is State.DELIVERED
    assert [project["projectCode"] for project in given.there()] == ["W2"]


def test_a_project_without_a_name_fails_with_a_remedy(given: Given) -> None:
    given.edit(name=" ")
    delivery = given.bring()
    assert delivery.state is State.FAILED
    assert delivery.trouble is not None
    assert (delivery.trouble.cause, delivery.trouble.field) == ("no-name", "project.name")
    given.edit(name="Wells")
    assert given.bring().state is State.DELIVERED


def test_a_code_of_another_project_in_virtuous_fails_with_a_remedy_until_staff_gave_that_one_another(
    given: Given,
) -> None:
    given.bring()
    other = given.known_in_virtuous(name="Other", projectCode="TAKEN")
    given.edit(code="TAKEN")
    delivery = given.bring()
    assert delivery.state is State.FAILED
    assert delivery.trouble is not None
    assert (delivery.trouble.cause, delivery.trouble.field) == ("code-taken", "project.code")
    assert "another code" in str(delivery.trouble.remedy)
    other.members["projectCode"] = "FREE"
    assert given.retry().state is State.DELIVERED
    assert sorted(project["projectCode"] for project in given.there()) == ["FREE", "TAKEN"]


def test_two_projects_of_raisedonors_never_share_one_in_virtuous(given: Given) -> None:
    given.bring()
    given.edit(code="WELLS-2")
    twin = given.new_project(code="WELLS", name="Twin")
    delivery = given.bring(twin)
    assert delivery.state is State.FAILED
    assert delivery.trouble is not None
    assert delivery.trouble.cause == "code-taken"
    assert given.key(twin) is None
    assert given.bring().state is State.DELIVERED
    assert given.retry(twin).state is State.DELIVERED
    assert {project["projectCode"]: project["name"] for project in given.there()} == {
        "WELLS": "Twin",
        "WELLS-2": "Wells",
    }


def test_nothing_is_sent_while_projects_are_switched_off(given: Given) -> None:
    project = given.raisedonors.project(given.project)
    assert ProjectScan(given.tools).run([project], given.bench.clock()) != []
    given.bench.settings(virtuous={"sync_projects": False})
    delivery = given.go_on()
    assert delivery.trouble is not None
    assert (delivery.state, delivery.trouble.cause) == (State.IGNORED, "switched-off")
    assert ProjectScan(given.tools).run([project], given.bench.clock()) == []
    given.bench.settings(virtuous={"sync_projects": True})
    assert given.bring().state is State.DELIVERED
    assert len(given.there()) == 1


def test_a_project_that_is_gone_from_raisedonors_is_let_be(given: Given) -> None:
    ProjectScan(given.tools).run([given.raisedonors.project(given.project)], given.bench.clock())
    given.bench.fault("raisedonors", FaultRule(FaultKind.STATUS_BEFORE, "getProject", status=404, count=1))
    delivery = given.go_on()
    assert delivery.trouble is not None
    assert (delivery.state, delivery.trouble.cause) == (State.IGNORED, "source-record-missing")


# --- the scan -------------------------------------------------------------------------------------------------


def test_the_scan_names_all_projects_once_and_then_only_what_changed(given: Given) -> None:
    projects = given.raisedonors.projects()
    scan, clock = ProjectScan(given.tools), given.bench.clock
    new = scan.run(projects.values(), clock())
    assert {delivery.id for delivery in new} == {project_changed_id(project_id) for project_id in projects}
    assert {delivery.destination for delivery in new} == {"virtuous"}
    assert scan.run(projects.values(), clock()) == []
    for project_id in projects:
        given.go_on(project_id)
    assert scan.run(projects.values(), clock()) == []
    given.edit(description="New")
    changed = scan.run(given.raisedonors.projects().values(), clock())
    assert [delivery.id for delivery in changed] == [project_changed_id(given.project)]


def test_a_touch_that_changes_nothing_is_not_sent(given: Given) -> None:
    given.bring()
    given.edit(name="Wells")
    given.bring(wanted=0)
    assert given.delivery().state is State.DELIVERED


def test_a_change_during_the_work_is_counted_and_served(given: Given) -> None:
    given.fault(FaultKind.DROP_BEFORE, "createProject")
    given.bring()
    given.edit(name="Deep wells")
    given.bring(wanted=0)
    assert given.delivery().wanted == 2
    given.wait()
    assert given.go_on().state is State.DELIVERED
    assert [project["name"] for project in given.there()] == ["Deep wells"]
    assert given.delivery().served == 2


def test_a_long_description_is_told_apart_by_its_end(given: Given) -> None:
    given.edit(description="x" * 600_000)
    given.bring()
    given.edit(description="x" * 599_999 + "y")
    assert given.bring().state is State.DELIVERED
    assert given.there()[0]["description"].endswith("xy")


def test_what_is_odd_in_a_project_besides_its_code_and_name_stops_no_gift() -> None:
    odd = {"isActive": "yes", "isAvailableOnline": 1, "modifiedDate": "soon", "description": 7, "onlineDisplayName": []}
    assert read_project({"id": 7, "code": "GEN", "name": "General", **odd}) == DonorProject(
        7, "GEN", "General", description="7", is_active=True, is_available_online=True
    )
