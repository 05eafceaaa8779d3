"""The documents say what is there: commands, paths, tables, states, numbers and links."""

from __future__ import annotations

import inspect
import re
import tomllib
from datetime import timedelta
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer

from giftbridge.clients.http import error_for
from giftbridge.domain import delivery_life, destinations
from giftbridge.domain.deliveries import State
from ops.command import batch, dlq, pickup, settings
from ops.command.main import VERBS
from ops.demo.__main__ import demo
from tests.deployment.template import resources
from tests.unit.tables import tables
from tests.workbench import workbench

CHECKOUT = Path(__file__).resolve().parents[2]
DOCUMENTS = ["README.md", "CHANGELOG.md", *sorted(f"docs/{page.name}" for page in (CHECKOUT / "docs").glob("*.md"))]
ARCHITECTURE = "architecture.md"
# Folders of a machine and not of the checkout; in parts, or this file would be a finding itself.
MACHINE_PATH = re.compile(
    r"(?<![\w.:/~-])/(?:" + "|".join(("work", "home", "root", "tmp", "mnt", "Users", "opt")) + ")/"
)
# A command at the beginning of a line or of a code span; some verbs, such as `settings`, have verbs of their own.
_VERB = re.compile(r"(?:^|`|bin/)giftbridge ([a-z]+)(?: ([a-z]+))?", re.MULTILINE)


@cache
def text_of(document: str) -> str:
    """A document's text."""
    return (CHECKOUT / document).read_text(encoding="utf-8")


def blocks(document: str) -> list[str]:
    """The fenced blocks of a document."""
    return re.findall(r"^```[a-z]*\n(.*?)^```$", text_of(document), re.MULTILINE | re.DOTALL)


def rows_under(heading: str, document: str = "README.md") -> list[list[str]]:
    """The rows of the first table under a heading, without its head."""
    section = text_of(document).split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def targets() -> set[str]:
    """The targets of the Makefile that people are told of."""
    return set(re.findall(r"^([a-z-]+):.*## ", text_of("Makefile"), re.MULTILINE))


# --- commands -------------------------------------------------------------------------------------------------


def test_the_first_two_commands_of_the_readme_are_the_demo_and_the_tests() -> None:
    commands = [
        line for block in blocks("README.md") for line in block.splitlines() if re.match(r"make|giftbridge", line)
    ]
    assert commands[:2] == ["make demo", "make test"]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_make_target_that_is_named_exists(document: str) -> None:
    named = re.findall(r"(?:^|`)make(?: PYTHON=\S+)? ([a-z-]+)", text_of(document), re.MULTILINE)
    assert set(named) <= targets(), document


def test_the_readme_names_every_make_target() -> None:
    named = set(re.findall(r"\bmake ([a-z-]+)", text_of("README.md")))
    assert targets() - {"help"} <= named


def test_every_verb_that_the_readme_names_exists_and_every_verb_is_named() -> None:
    assert {verb for verb, _ in _VERB.findall(text_of("README.md"))} == set(VERBS)


@pytest.mark.parametrize(
    ("verb", "app"), [("settings", settings.app), ("pickup", pickup.app), ("batch", batch.app), ("dlq", dlq.app)]
)
def test_the_readme_names_exactly_the_verbs_of_a_verb(verb: str, app: typer.Typer) -> None:
    named = {inner for outer, inner in _VERB.findall(text_of("README.md")) if outer == verb}
    assert named == {command.name for command in app.registered_commands}


def test_other_documents_name_verbs_that_exist() -> None:
    for document in DOCUMENTS:
        assert {verb for verb, _ in _VERB.findall(text_of(document))} <= set(VERBS), document


@pytest.mark.parametrize("document", ["README.md", "docs/virtuous.md"])
def test_every_option_in_a_documents_commands_is_one_of_the_command(document: str) -> None:
    sources = [*(CHECKOUT / "ops" / "command").glob("*.py"), CHECKOUT / "ops" / "local_stack" / "local_command.py"]
    source = "\n".join(file.read_text(encoding="utf-8") for file in sources)
    commands = re.findall(r"giftbridge [^`\n]*", text_of(document))
    for option in {option for command in commands for option in re.findall(r"(?<=--)[a-z][a-z-]*", command)}:
        is_named = f"--{option}" in source or re.search(rf"\b{option.replace('-', '_')}: ", source)
        assert is_named, option


def test_the_readme_says_how_many_donations_the_demo_has() -> None:
    number = inspect.signature(demo).parameters["donations"].default
    assert f"{number} donations" in text_of("README.md")


# --- links and paths ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_somewhere(document: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(document)):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        page = (CHECKOUT / document).parent / path if path else CHECKOUT / document
        assert page.is_file(), f"{document}: {target}"
        assert not anchor or anchor in anchors(page), f"{document}: {target}"


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_links_every_document() -> None:
    linked = set(re.findall(r"\]\(([^)#\s]+)\)", text_of("README.md")))
    assert set(DOCUMENTS) - {"README.md"} <= linked


def test_every_place_to_change_something_and_its_test_exist() -> None:
    rows = rows_under("Change it")
    assert len(rows) > 20
    for what, place, test in rows:
        assert (CHECKOUT / place.strip("`")).is_file(), what
        assert (CHECKOUT / test.strip("`")).is_file(), what


def test_every_folder_and_file_that_a_document_names_exists() -> None:
    tops = "contracts|docs|functions|layers|ops|tests"
    for document in DOCUMENTS:
        for path in re.findall(rf"`((?:{tops})/[\w./-]*)`", text_of(document)):
            assert (CHECKOUT / path).exists(), f"{document}: {path}"
    for path in re.findall(r"`((?:domain|flows|clients|store)/\w+\.py)`", "".join(map(text_of, DOCUMENTS))):
        assert (CHECKOUT / "layers/shared/python/giftbridge" / path).is_file(), path


# --- what architecture.md says of the code --------------------------------------------------------------------


def test_the_tables_section_names_exactly_the_tables_and_indexes_of_the_template() -> None:
    described = {}
    for table, key, indexes, _ in tables(ARCHITECTURE)["Keys and indexes"]:
        parts = [re.findall(r"`(\w[\w-]*)`", part) for part in indexes.split(";") if part.strip()]
        described[table] = (re.findall(r"`(\w+)`", key), {name: attributes for name, *attributes in parts})
    assert described == {name: _keys(table["Properties"]) for name, table in resources("AWS::DynamoDB::Table").items()}


def _keys(table: dict[str, Any]) -> tuple[list[str], dict[str, list[str]]]:
    indexes = table.get("GlobalSecondaryIndexes", [])
    return _attributes(table), {index["IndexName"]: _attributes(index) for index in indexes}


def _attributes(keyed: dict[str, Any]) -> list[str]:
    return [part["AttributeName"] for part in keyed["KeySchema"]]


def test_the_failure_table_is_that_of_the_code() -> None:
    docstring = inspect.getdoc(error_for) or ""
    lines = [line.strip() for line in docstring.splitlines() if line.strip().startswith("|")]
    rows = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines[2:]]
    assert len(rows) >= 6
    assert tables(ARCHITECTURE)["From an answer to what happens next"] == rows


def test_the_states_that_are_drawn_and_described_are_those_of_the_code() -> None:
    described = [state.strip("`") for state, *_ in tables(ARCHITECTURE)["States"]]
    assert sorted(described) == sorted(State)
    drawing = next(block for block in blocks(f"docs/{ARCHITECTURE}") if "pending ─►" in block)
    assert set(re.findall(r"\w+", drawing)) >= set(State)
    assert drawing in f"{delivery_life.__doc__}"


def test_the_breaker_is_drawn_as_in_the_code() -> None:
    drawing = next(block for block in blocks(f"docs/{ARCHITECTURE}") if block.startswith("closed"))
    assert drawing in f"{destinations.__doc__}"


def test_the_numbers_are_those_of_the_code() -> None:
    rows = tables(ARCHITECTURE)["The numbers"]
    assert len(rows) > 10
    for what, shown, place in rows:
        module, _, name = place.strip("`").partition(":")
        value = getattr(import_module(module), name)
        number, _, unit = shown.partition(" ")
        seconds = float(number) * {"s": 1, "min": 60, "h": 3600, "MiB": 1024 * 1024, "": 1}[unit]
        assert (value.total_seconds() if isinstance(value, timedelta) else float(value)) == seconds, what


def test_the_rules_of_who_may_import_whom_are_named_as_they_are_checked() -> None:
    project = tomllib.loads(text_of("pyproject.toml"))
    contracts = [contract["name"] for contract in project["tool"]["importlinter"]["contracts"]]
    section = text_of(f"docs/{ARCHITECTURE}").split("### Who may import whom", 1)[1].split("\n## ", 1)[0]
    assert re.findall(r"^- (.+)$", section, re.MULTILINE) == contracts


def test_one_donation_writes_what_the_page_says() -> None:
    requests = [request for _, request, _ in tables(ARCHITECTURE)["What one donation writes"]]
    with workbench() as bench:
        first = bench.give("one_time", donor=bench.population.make_donor("new_person"))
        bench.run(ticks=1)
        written: list[tuple[str, int]] = []

        def note(model: Any, params: dict[str, Any], **_: Any) -> None:
            body = params["body"].decode() if isinstance(params["body"], bytes) else params["body"]
            is_write = model.name in {"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"}
            if is_write and "StateTable" not in body:
                written.append((model.name, body.count('"TableName"')))

        bench.dynamodb.meta.events.register("before-call.dynamodb.*", note)
        second = bench.give("one_time", donor=bench.population.donors[0])
        bench.pickup()
        bench.drain()
        delivered = [len(bench.transactions_of(gift)) for gift in (first, second)]
    assert delivered == [1, 1]
    assert [name for name, _ in written] == requests
    assert f"{len(written)} requests and {sum(rows for _, rows in written)} rows" in text_of(f"docs/{ARCHITECTURE}")


# --- form -----------------------------------------------------------------------------------------------------


def test_every_decision_says_what_why_and_how_to_undo_it_newest_first() -> None:
    entries = re.split(r"^## ", text_of("docs/decisions.md"), flags=re.MULTILINE)[1:]
    dates = [entry[:10] for entry in entries]
    assert dates == sorted(dates, reverse=True)
    for entry in entries:
        assert re.match(r"\d{4}-\d{2}-\d{2}: \S", entry), entry
        assert re.findall(r"^- \*\*(.+?):\*\* \S", entry, re.MULTILINE) == ["What", "Why", "How to undo"], entry


def test_the_changelog_begins_with_what_is_unreleased() -> None:
    assert re.findall(r"^## (.+)$", text_of("CHANGELOG.md"), re.MULTILINE)[0] == "[Unreleased]"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_no_document_names_a_path_of_a_machine(document: str) -> None:
    assert MACHINE_PATH.findall(text_of(document)) == []
