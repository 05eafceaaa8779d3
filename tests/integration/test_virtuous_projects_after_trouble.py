"""Projects are in Virtuous once, whatever becomes of the answers (requirements A15, D4)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from giftbridge.domain.deliveries import State
from giftbridge.flows.virtuous_project_scan import ProjectScan
from ops.simulators.faults import FaultKind
from ops.simulators.virtuous_wire import project_as_read
from tests.integration.project_bench import Given, given_project
from tests.workbench import Workbench


@pytest.fixture
def given(bench: Workbench) -> Iterator[Given]:
    """What each test begins with."""
    yield from given_project(bench)


@pytest.mark.parametrize("kind", [FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER, FaultKind.STATUS_AFTER])
@pytest.mark.parametrize("operation", ["createProject", "patchProjects"])
def test_a_new_project_is_there_once_whatever_answer_is_lost(given: Given, kind: FaultKind, operation: str) -> None:
    namesake = given.known_in_virtuous(projectCode="OTHER")
    before = project_as_read(namesake)
    given.fault(kind, operation, status=502)
    assert given.bring().state is State.UNKNOWN
    assert given.go_on().state is State.UNKNOWN
    given.wait()
    assert given.go_on().state is State.DELIVERED
    assert project_as_read(namesake) == before
    assert [project["name"] for project in given.there() if project["projectCode"] == "WELLS"] == ["Wells"]
    assert len(given.there()) == 2


@pytest.mark.parametrize("kind", [FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER])
@pytest.mark.parametrize("operation", ["patchProjects", "replaceProject"])
def test_a_change_arrives_whatever_answer_is_lost(given: Given, kind: FaultKind, operation: str) -> None:
    given.bring()
    given.edit(code="WELLS-2", name="Deep wells", isActive=False)
    given.fault(kind, operation)
    assert given.bring().state is State.UNKNOWN
    given.wait()
    assert given.go_on().state is State.DELIVERED
    (project,) = given.there()
    assert (project["projectCode"], project["name"], project["isActive"]) == ("WELLS-2", "Deep wells", False)
    assert ProjectScan(given.tools).run([given.raisedonors.project(given.project)], given.bench.clock()) == []


def test_a_creation_that_lands_late_is_found(given: Given) -> None:
    given.fault(FaultKind.LATE_LANDING, "createProject", seconds=40)
    assert given.bring().state is State.UNKNOWN
    given.wait()
    assert given.go_on().state is State.DELIVERED
    assert [project["projectCode"] for project in given.there()] == ["WELLS"]


def test_while_the_probe_cannot_be_made_nothing_is_created_again(given: Given) -> None:
    given.fault(FaultKind.DROP_BEFORE, "createProject")
    given.fault(FaultKind.STATUS_BEFORE, "queryProjects", nth=2, status=503, count=2)
    assert given.bring().state is State.UNKNOWN
    given.wait()
    assert given.go_on().state is State.UNKNOWN
    given.virtuous.create_project({"name": "Wells"})
    given.wait()
    assert given.go_on().state is State.DELIVERED
    assert [project["projectCode"] for project in given.there()] == ["WELLS"]


def test_of_several_new_namesakes_a_person_chooses(given: Given) -> None:
    given.fault(FaultKind.DROP_AFTER, "createProject")
    given.bring()
    given.virtuous.create_project({"name": "Wells"})
    given.wait()
    delivery = given.go_on()
    assert delivery.state is State.FAILED
    assert delivery.trouble is not None
    assert delivery.trouble.cause == "several-projects"
    assert delivery.trouble.candidates == tuple(str(project["id"]) for project in given.there())
    second = given.there()[1]["id"]
    given.virtuous.patch_project(second, {"projectCode": "WELLS"})
    assert given.retry().state is State.DELIVERED
    assert given.key() == str(second)


def test_a_namesake_that_another_project_made_meanwhile_is_not_taken_from_it(given: Given) -> None:
    given.fault(FaultKind.DROP_BEFORE, "createProject")
    given.bring()
    namesake = given.new_project(code="OTHER-WELLS", name="Wells")
    assert given.bring(namesake).state is State.DELIVERED
    given.wait()
    assert given.go_on().state is State.DELIVERED
    assert sorted(project["projectCode"] for project in given.there()) == ["OTHER-WELLS", "WELLS"]
    assert given.key() != given.key(namesake)


def test_a_change_that_was_answered_but_not_made_is_made_again(given: Given) -> None:
    given.fault(FaultKind.STATUS_BEFORE, "patchProjects", status=200, body="[]")
    assert given.bring().state is State.UNKNOWN
    given.wait()
    assert given.go_on().state is State.DELIVERED
    assert [project["projectCode"] for project in given.there()] == ["WELLS"]


def test_a_code_that_could_not_be_set_at_once_is_set_later_on_the_same_project(given: Given) -> None:
    given.fault(FaultKind.STATUS_BEFORE, "patchProjects", status=429)
    assert given.bring().state is State.WAITING
    assert given.key() is not None
    given.bench.clock.advance(1000)
    assert given.go_on().state is State.DELIVERED
    assert [project["projectCode"] for project in given.there()] == ["WELLS"]


def test_a_project_that_was_switched_off_after_a_lost_answer_keeps_its_key(given: Given) -> None:
    given.fault(FaultKind.DROP_AFTER, "createProject")
    given.bring()
    given.bench.settings(virtuous={"sync_projects": False})
    assert given.go_on().state is State.IGNORED
    assert given.key() == str(given.there()[0]["id"])
    given.bench.settings(virtuous={"sync_projects": True})
    assert given.bring().state is State.DELIVERED
    assert [project["projectCode"] for project in given.there()] == ["WELLS"]
