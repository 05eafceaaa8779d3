"""Saying what went wrong, for people on stderr and for machines on stdout."""

from __future__ import annotations

import json
import sys

from rich.console import Console

from ops.operating.problems import problem_of

AS_JSON = "giftbridge.as_json"


def report(error: Exception, *, as_json: bool) -> int | None:
    """Say it and give the exit code; None for an error that nobody expected."""
    problem = problem_of(error)
    if problem is None:
        return None
    if as_json:
        told = {"error": problem.text, "details": list(problem.details), "exit_code": problem.exit_code}
        sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
        return problem.exit_code
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(problem.text, style="bold red", markup=False)
    for detail in problem.details:
        console.print(f"  {detail}", markup=False)
    return problem.exit_code
