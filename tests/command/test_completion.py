"""The shell completes verbs, their options and the values of these, though a verb is loaded only when it is used."""

from __future__ import annotations

import re

import pytest
from typer.testing import CliRunner

from ops.command.main import VERBS, app


@pytest.mark.parametrize(
    ("typed", "expected", "others"),
    [
        ("giftbridge fai", {"failures"}, {"find", "status"}),
        ("giftbridge ", set(VERBS), set()),
        ("giftbridge retry --cau", {"--cause"}, {"--all", "status"}),
        ("giftbridge dlq ", {"list", "show", "delete"}, {"status"}),
        ("giftbridge deliveries --state un", {"unknown"}, {"sent", "failed"}),
    ],
)
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_told_what_fits(typed: str, expected: set[str], others: set[str], shell: str) -> None:
    words = typed.split(" ")
    env = {
        "_GIFTBRIDGE_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(words) - 1),
        "_TYPER_COMPLETE_ARGS": typed,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }

    answer = CliRunner().invoke(app, [], prog_name="giftbridge", env=env)

    told = set(re.findall(r"[\w-]+", answer.stdout))
    assert expected <= told
    assert not told & others
