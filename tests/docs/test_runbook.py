"""The runbook has a page for each alarm and each cause of a failure, and none for anything else (requirement G8)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

from giftbridge.domain.settings import LookupKind, Settings
from ops.command.main import VERBS
from ops.operating.runbook import FOLDER, page_of
from tests.deployment.template import own_template, resources
from tests.docs.test_documents import CHECKOUT, MACHINE_PATH, anchors

PACKAGE = CHECKOUT / "layers/shared/python/giftbridge"
PAGES = sorted(path.stem for path in (CHECKOUT / FOLDER).glob("*.md"))
OTHER_PAGES = {"README", "go-live", "virtuous-failures-tab"}
# What says that a person must look, or that a system must be connected anew.
_RAISED = {
    "Rejected",
    "Ambiguous",
    "RecordMissing",
    "Misconfigured",
    "UnknownOutcome",
    "Trouble",
    "RefusedHere",
    "replace",
}
# A cause that stands in a variable, by file and variable: what it can be.
_IN_VARIABLES = {
    ("domain/virtuous_mapping.py", "cause"): {"no-first-name", "no-last-name", "no-organization-name"},
    ("flows/whose_trouble.py", "REFUSED_HERE"): {"refused-here"},
    ("flows/aegis_probes.py", "PARTNER_MERGED"): {"partner-merged"},
    ("clients/mail.py", "cause"): set(),
    ("clients/mail.py", "BAD_REQUEST"): set(),
    ("clients/mail.py", "NOT_AN_ADDRESS"): set(),
    ("store/delivery_rows.py", "row['cause']"): set(),
}
# No delivery fails with these: they wait, are ignored, or are answered to somebody else.
_NO_FAILURES = {
    "before-start",
    "not-approved",
    "reversed-before-sent",
    "test-mode",
    "echo",
    "behind-another",
    "destination-blocked",
    "no-time",
    "process-died",
    "bad-request",
    "bad-webhook",
    "mail-all-suppressed",
    "mail-answer-lost",
    "mail-sender-not-verified",
}
# Given by the errors themselves.
_OF_CLASSES = {"Misconfigured": "credentials-refused", "UnknownOutcome": "answer-lost"}


@cache
def causes() -> frozenset[str]:
    """Every cause in the code with which a delivery can end failed, or a system stopped."""
    found = {cause for path in sorted(PACKAGE.rglob("*.py")) for cause in _causes_in(path)}
    return frozenset(found)


def _causes_in(path: Path) -> Iterator[str]:
    file = path.relative_to(PACKAGE).as_posix()
    if file == "errors.py":
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        name = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
        if not isinstance(node, ast.Call) or name not in _RAISED:
            continue
        said = [word.value for word in node.keywords if word.arg == "cause"]
        said += node.args[:1] if name == "Trouble" else []
        if said:
            yield from _spelled(file, said[0])
        elif name in _OF_CLASSES:
            yield _OF_CLASSES[name]
        else:
            assert name in {"replace", "Trouble"}, f"{file}:{node.lineno} has no cause"


def _spelled(file: str, said: ast.expr) -> set[str]:
    """The names of causes that an expression stands for, without what is behind their colon."""
    if isinstance(said, ast.Constant):
        return {str(said.value)}
    if isinstance(said, ast.JoinedStr):
        text = ast.unparse(said)
        if "kind.replace" in text:
            return {f"unknown-{kind.replace('_', '-')}" for kind in get_args(LookupKind)}
        first = said.values[0]
        assert isinstance(first, ast.Constant) and str(first.value).endswith(":"), f"{file}: {text}"
        return {str(first.value).rstrip(":")}
    return _IN_VARIABLES[file, ast.unparse(said)]


def test_what_is_left_out_is_in_the_code() -> None:
    assert causes() >= _NO_FAILURES
    for file, variable in _IN_VARIABLES:
        assert variable in (PACKAGE / file).read_text(encoding="utf-8").replace('"', "'")


def test_every_cause_of_a_failure_has_a_page() -> None:
    assert {cause for cause in causes() - _NO_FAILURES if page_of(cause) is None} == set()
    assert len(causes()) > 55


def test_the_page_of_a_cause_is_found_whatever_stands_behind_its_colon() -> None:
    assert page_of("unknown-fund:A/../B") == f"{FOLDER}/unknown-fund.md"
    assert page_of("keeps-failing:status-500") == f"{FOLDER}/keeps-failing.md"
    assert page_of("../../README") is None
    assert page_of("go-far") is None


def test_every_page_is_of_a_cause_or_of_an_alarm() -> None:
    of_causes = {Path(page).stem for cause in causes() if (page := page_of(cause)) is not None}
    of_alarms = {_page_named_by(alarm) for alarm in resources("AWS::CloudWatch::Alarm")}
    assert set(PAGES) == of_causes | of_alarms | OTHER_PAGES


def _page_named_by(alarm: str) -> str:
    described = resources("AWS::CloudWatch::Alarm")[alarm]["Properties"]["AlarmDescription"]
    found = re.search(rf"{FOLDER}/([a-z-]+)\.md", described)
    assert found is not None, alarm
    return found[1]


def test_the_index_lists_every_page_once() -> None:
    linked = re.findall(r"\]\(([a-z-]+)\.md\)", _text("README"))
    assert sorted(linked) == sorted(set(PAGES) - {"README"})


@pytest.mark.parametrize("page", [page for page in PAGES if page not in {"README", "go-live"}])
def test_a_page_says_what_it_means_what_to_look_at_what_to_do_and_what_happens_by_itself(page: str) -> None:
    head, *sections = re.split(r"^## (.+)$", _text(page), flags=re.MULTILINE)
    assert sections[::2] == ["Look at", "Do", "By itself"]
    assert all(len(text.strip()) > 20 for text in [head.partition("\n")[2], *sections[3::2]])
    if page not in OTHER_PAGES and not page.endswith("-alarm"):
        assert head.startswith(f"# Cause: `{page}`\n")


def test_pages_name_verbs_options_settings_parameters_and_links_that_exist() -> None:
    parameters = set(own_template()["Parameters"])
    for page in PAGES:
        text = _text(page)
        assert MACHINE_PATH.findall(text) == [], page
        verbs = set(re.findall(r"(?:^|`)giftbridge ([a-z]+)", text, re.MULTILINE))
        assert verbs <= set(VERBS), (page, verbs - set(VERBS))
        for setting in re.findall(r"\b((?:aegis|virtuous|raisedonors|retries|notifications|limits)\.[a-z_]+)\b", text):
            section, _, name = setting.partition(".")
            known = type(getattr(Settings(), section)).model_fields
            assert name in known or name == "md", f"{page}: {setting}"
        assert set(re.findall(r"`([A-Z][A-Za-z]+(?:Seconds|Limit|Email))`", text)) <= parameters, page
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            path, _, anchor = target.partition("#")
            linked = CHECKOUT / FOLDER / path if path else CHECKOUT / FOLDER / f"{page}.md"
            assert linked.is_file() and (not anchor or anchor in anchors(linked)), f"{page}: {target}"


@cache
def _text(page: str) -> str:
    return (CHECKOUT / FOLDER / f"{page}.md").read_text(encoding="utf-8")
