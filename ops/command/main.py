"""The `giftbridge` command. A verb is a module and a row in VERBS; its module is loaded only when it is used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

import typer
from typer.core import TyperCommand, TyperGroup

HELP = """Carries gifts and their changes from RaiseDonors to Aegis and Virtuous, and edits of contacts back.

Each verb looks at one stack or works on it.

Every verb takes --stack-name NAME for a stack in AWS (region and profile as the AWS command line has them), or
--local URL for one that `giftbridge local` serves; GIFTBRIDGE_STACK_NAME and GIFTBRIDGE_LOCAL stand in for them.
Every verb but `local` takes --json.

Exit codes: 0 all is well, 1 a person is needed, 2 wrong usage, 3 the stack or a system cannot be reached.
"""
# Paragraphs are wrapped anew, however long their lines are here.
MARKUP: Literal["markdown"] = "markdown"
_LOOK, _WORK, _SET_UP = "Look", "Work", "Set up"


@dataclass(frozen=True, slots=True)
class Verb:
    """Where a verb is (module:attribute), the first sentence of its help, and the help panel it is listed in."""

    place: str
    words: str
    panel: str


VERBS = {
    "status": Verb("ops.command.status:status", "Show on one screen how a stack is doing.", _LOOK),
    "deliveries": Verb("ops.command.deliveries:deliveries", "List deliveries, or explain one.", _LOOK),
    "find": Verb("ops.command.find:find", "Find donors and deliveries by what you have in hand.", _LOOK),
    "failures": Verb("ops.command.failures:failures", "Show failed deliveries, grouped by cause.", _LOOK),
    "activity": Verb("ops.command.activity:activity", "Show what was done to whom, why and with what result.", _LOOK),
    "reconcile": Verb(
        "ops.command.reconcile:reconcile", "Compare both sides, by record and to the cent, day by day.", _LOOK
    ),
    "console": Verb("ops.command.console:console", "Open the web console, on this machine alone.", _LOOK),
    "retry": Verb("ops.command.retry:retry", "Retry deliveries: one, several, all that match, or all failed.", _WORK),
    "replay": Verb(
        "ops.command.replay:replay",
        "Correct a failed gift and send it so: codes, addresses and texts, not the money.",
        _WORK,
    ),
    "review": Verb(
        "ops.command.review:review",
        "Decide what only a person can: which partner a donor is, whether a gift is there.",
        _WORK,
    ),
    "undo": Verb("ops.command.undo:undo", "Undo the match of a donor with a partner in Aegis.", _WORK),
    "redrive": Verb(
        "ops.command.redrive:redrive", "Move all dead letters back into their queue, as AWS does it.", _WORK
    ),
    "dlq": Verb("ops.command.dlq:app", "Look into the dead-letter queues, or delete a message.", _WORK),
    "erase": Verb(
        "ops.command.erase:erase",
        "Erase what is stored of a donor's person; ids, amounts, states and moments stay.",
        _WORK,
    ),
    "pause": Verb("ops.command.pausing:pause", "Make no more calls to a system; deliveries wait.", _WORK),
    "resume": Verb("ops.command.pausing:resume", "Call a system again, at once.", _WORK),
    "pickup": Verb("ops.command.pickup:app", "Read what changed on RaiseDonors, now.", _WORK),
    "backfill": Verb(
        "ops.command.backfill:backfill", "Send gifts and contacts of a past period, behind live work.", _WORK
    ),
    "restored": Verb(
        "ops.command.restored:restored", "Tell that the tables were restored to an earlier moment.", _WORK
    ),
    "batch": Verb("ops.command.batch:app", "Send the day's rows to Virtuous' import tool, now.", _WORK),
    "connect": Verb("ops.command.connect:connect", "Connect RaiseDonors, Aegis or Virtuous.", _SET_UP),
    "settings": Verb("ops.command.settings:app", "Read, check and change the settings.", _SET_UP),
    "local": Verb("ops.local_stack.local_command:local", "Serve the whole stack on this machine.", _SET_UP),
}


class LaterCommand(TyperCommand):
    """A verb whose module is loaded when the verb is used: the list of verbs shows without any of them."""

    def __init__(self, name: str, verb: Verb) -> None:
        super().__init__(name, help=verb.words, rich_help_panel=verb.panel)
        self._place = verb.place

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """The context of the verb itself, in whose place this one stands."""
        return self.loaded().make_context(info_name, args, parent=parent, **extra)

    def loaded(self) -> Any:
        """The verb itself."""
        module, _, attribute = self._place.partition(":")
        found: Callable[..., None] | typer.Typer = getattr(import_module(module), attribute)
        if not isinstance(found, typer.Typer):
            single = typer.Typer(add_completion=False, rich_markup_mode=MARKUP)
            single.command(self.name)(found)
            found = single
        return typer.main.get_command(found)


class Verbs(TyperGroup):
    """The verbs; an error that was expected ends in a sentence and its exit code, never in a traceback."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, verb in VERBS.items():
            self.add_command(LaterCommand(name, verb))

    def invoke(self, ctx: Any) -> Any:
        """Run the verb."""
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort, KeyboardInterrupt):
            raise
        except Exception as error:
            # Loaded late: only a verb that ran can have failed, and then AWS' errors are loaded anyway.
            failing = import_module("ops.command.failing")
            code = failing.report(error, as_json=bool(ctx.meta.get(failing.AS_JSON)))
            if code is None:
                raise
            raise typer.Exit(code) from error


app = typer.Typer(cls=Verbs, help=HELP, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=MARKUP)


@app.callback()
def giftbridge() -> None:
    """What the options of all verbs would be, if there were any."""


def main() -> None:
    """The entry point."""
    app()
