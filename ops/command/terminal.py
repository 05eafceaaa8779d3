"""What every verb has: the stack it works on, a place to say things, and the options --stack-name, --local, --json."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Annotated, Any, Concatenate, ParamSpec

import typer
from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ops.command.failing import AS_JSON
from ops.operating.problems import WrongUsage
from ops.operating.stack import OpenStack, Stack, open_stack

_WIDTH_OF_A_PIPE = 200
_Own = ParamSpec("_Own")

_StackName = Annotated[
    str | None,
    typer.Option("--stack-name", metavar="NAME", help="Stack in AWS, or GIFTBRIDGE_STACK_NAME.", show_default=False),
]
_Local = Annotated[
    str | None,
    typer.Option("--local", metavar="URL", help="Address of a local stack, or GIFTBRIDGE_LOCAL.", show_default=False),
]
_AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON, on stdout alone.")]


class Terminal:
    """One verb at work. Answers go to stdout, everything else to stderr."""

    def __init__(self, opener: OpenStack, stack_name: str | None, local: str | None, *, as_json: bool) -> None:
        self.as_json = as_json
        self.out = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH_OF_A_PIPE)
        self.err = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else _WIDTH_OF_A_PIPE)
        self._opener = opener
        self._names = (stack_name, local)

    @cached_property
    def stack(self) -> Stack:
        """The stack, opened when first needed."""
        with self.busy("reaching the stack"):
            return self._opener(*self._names)

    def answer(self, data: Any, *human: RenderableType) -> None:
        """The verb's answer: data for machines, or what people read."""
        if self.as_json:
            sys.stdout.write(json.dumps(data, ensure_ascii=False, indent=2) + "\n")
            return
        for part in human:
            self.out.print(part, markup=False, soft_wrap=isinstance(part, str))

    def say(self, text: str) -> None:
        """Something beside the answer."""
        self.err.print(text, markup=False, soft_wrap=True)

    def agree(self, question: str, *, yes: bool) -> bool:
        """Whether the person agrees; `--yes` agrees beforehand. Raises WrongUsage when nobody can be asked."""
        if yes:
            return True
        if self.as_json:
            raise WrongUsage("With --json nobody is asked: add --yes, or --plan to see the plan alone.")
        try:
            return typer.confirm(question, err=True)
        except typer.Abort:
            raise WrongUsage(
                "Nobody answered; nothing was changed.", ["Add --yes to go on without a question."]
            ) from None

    @contextmanager
    def busy(self, text: str) -> Iterator[None]:
        """Show that something takes its time, on a terminal only."""
        if not self.err.is_terminal:
            yield
            return
        with self.err.status(text):
            yield

    @contextmanager
    def counting(self, text: str, total: int | None) -> Iterator[Callable[[int], None]]:
        """Show how far work has come, on a terminal only. What it gives is told the count so far."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self.err, transient=True, disable=not self.err.is_terminal) as progress:
            task = progress.add_task(text, total=total)
            yield lambda done: progress.update(task, completed=done)


def verb(function: Callable[Concatenate[Terminal, _Own], int]) -> Callable[..., None]:
    """Makes a command of a function that takes a Terminal and gives an exit code: adds the options of every verb."""
    own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
    common = {"ctx": typer.Context, "stack_name": _StackName, "local": _Local, "as_json": _AsJson}
    keyword = inspect.Parameter.KEYWORD_ONLY
    added = [
        inspect.Parameter("stack_name", keyword, default=None, annotation=_StackName),
        inspect.Parameter("local", keyword, default=None, annotation=_Local),
        inspect.Parameter("as_json", keyword, default=False, annotation=_AsJson),
        inspect.Parameter("ctx", keyword, annotation=typer.Context),
    ]

    def run(*, ctx: typer.Context, stack_name: str | None, local: str | None, as_json: bool, **values: Any) -> None:
        ctx.meta[AS_JSON] = as_json
        opener: OpenStack = ctx.obj if callable(ctx.obj) else open_stack
        terminal = Terminal(opener, stack_name, local, as_json=as_json)
        code = function(terminal, **values)  # type: ignore[call-arg]
        if code:
            raise typer.Exit(code)

    run.__name__, run.__doc__ = function.__name__, function.__doc__
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in own} | common
    taken = [parameter.replace(kind=keyword) for parameter in own]
    run.__signature__ = inspect.Signature([*taken, *added])  # type: ignore[attr-defined]
    return run
