"""`giftbridge dlq`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from giftbridge.domain.times import format_moment
from ops.command.showing import moment, pairs, table
from ops.command.terminal import Terminal, verb
from ops.operating.dead_letter_box import Box, DeadLetter, delete, opened
from ops.operating.explaining import what_next
from ops.operating.identifiers import FORMS, delivery_ids
from ops.operating.problems import HEALTHY, PERSON_NEEDED, WrongUsage
from ops.operating.stack import Stack

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Look into the dead-letter queues, or delete a message.",
)
_MOST = 1_000
_Destination = Annotated[
    str | None, typer.Option("--destination", help="Only the queue to this system; else all.", show_default=False)
]
_Named = Annotated[str, typer.Argument(metavar="ID", help=f"A message's own id, or its delivery's: {FORMS}.")]


@app.callback()
def group() -> None:
    """Verbs of the dead letters."""


@app.command("list")
@verb
def list_letters(
    terminal: Terminal,
    destination: _Destination = None,
    limit: Annotated[int, typer.Option(min=1, max=_MOST, help="At most so many of each queue.")] = 100,
) -> int:
    """List dead letters with the reason why each is there.

    They are back in their queues when this ends. Exit code 1 when one waits for a person.
    """
    stack = terminal.stack
    with terminal.busy("looking"), opened(stack, stack.destinations_named(destination), limit) as box:
        letters = box.letters
        data = {"dead_letters": [_data(letter) for letter in letters], "out_of_sight": box.out_of_sight}
    if not letters:
        terminal.answer(data, *_beside(box), *([] if box.out_of_sight else ["There are no dead letters."]))
        return HEALTHY
    columns = ("to", "delivery or message", "state", "sent (UTC)", "received", "why")
    hint = f"To try them again: giftbridge redrive {stack.hint}, or giftbridge retry ID {stack.hint}"
    terminal.answer(data, table(columns, map(_row, letters)), *_beside(box), hint)
    return _code(letters)


@app.command("show")
@verb
def show(terminal: Terminal, name: _Named, destination: _Destination = None) -> int:
    """Show one dead letter: its body, which holds ids alone, and what its delivery waits for."""
    stack = terminal.stack
    with (
        terminal.busy("looking"),
        opened(stack, stack.destinations_named(destination), _MOST) as box,
    ):
        letters = _named(box, name)
    data = [_data(letter) | {"body": letter.body, "next": _next(stack, letter)} for letter in letters]
    terminal.answer(data[0] if len(data) == 1 else data, *(_shown(stack, letter) for letter in letters))
    return _code(letters)


@app.command("delete")
@verb
def delete_one(
    terminal: Terminal,
    name: _Named,
    reason: Annotated[str, typer.Option("--reason", help="Why, for the activity.")],
    destination: _Destination = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> int:
    """Delete one dead letter, with a reason that the activity keeps.

    Only the message goes. Its delivery stays failed and can still be retried.
    """
    if not reason.strip():
        raise WrongUsage("Why is it deleted? Give --reason TEXT; the activity keeps it.")
    stack = terminal.stack
    with opened(stack, stack.destinations_named(destination), _MOST) as box:
        letters = _named(box, name)
        if len(letters) > 1:
            ids = [f"{letter.message_id}: {letter.delivery_id}" for letter in letters]
            raise WrongUsage(f"{len(letters)} dead letters have this name; give the message's own id.", ids)
        letter = letters[0]
        if not terminal.agree(f"Delete the dead letter of {letter.delivery_id or letter.message_id}?", yes=yes):
            terminal.say("Nothing was changed.")
            return HEALTHY
        delete(stack, letter, reason.strip(), stack.operator())
    stays = letter.delivery is not None and not letter.is_settled
    words = f" {letter.delivery_id} stays failed: giftbridge retry {letter.delivery_id} {stack.hint}" if stays else ""
    terminal.answer(_data(letter) | {"deleted": True, "reason": reason.strip()}, f"Deleted.{words}")
    return HEALTHY


def _named(box: Box, name: str) -> list[DeadLetter]:
    """The letters that an argument names. Raises WrongUsage when there is none."""
    own = [letter for letter in box.letters if letter.message_id == name.strip()]
    if own:
        return own
    ids = delivery_ids(name)
    found = [letter for letter in box.letters if letter.delivery_id in ids]
    if not found:
        told = [f"{box.out_of_sight} are out of sight for half a minute: try again."] if box.out_of_sight else []
        raise WrongUsage(f"There is no dead letter of {' or '.join(ids)}.", told)
    return found


def _code(letters: tuple[DeadLetter, ...] | list[DeadLetter]) -> int:
    return HEALTHY if all(letter.is_settled for letter in letters) else PERSON_NEEDED


def _next(stack: Stack, letter: DeadLetter) -> str:
    if letter.delivery is not None:
        return what_next(stack, letter.delivery)
    return f"`giftbridge redrive --destination {letter.destination}` moves it back into its queue."


def _shown(stack: Stack, letter: DeadLetter) -> Any:
    return pairs(
        [
            ("Message", letter.message_id),
            ("Queue", f"to {letter.destination}"),
            ("Delivery", letter.delivery_id or ""),
            ("State", letter.delivery.state.value if letter.delivery is not None else ""),
            ("Why", letter.reason),
            ("Next", _next(stack, letter)),
            ("Sent", f"{moment(letter.sent_at)} UTC" if letter.sent_at else ""),
            ("Received", f"{letter.receives} times"),
            ("Body", letter.body),
        ]
    )


def _row(letter: DeadLetter) -> tuple[str, ...]:
    name = letter.delivery_id or letter.message_id
    state = letter.delivery.state.value if letter.delivery is not None else ""
    return letter.destination, name, state, moment(letter.sent_at), str(letter.receives), letter.reason


def _beside(box: Box) -> list[str]:
    many = box.out_of_sight
    return [f"{many} more are in other hands, or beyond the limit; look again in half a minute."] if many else []


def _data(letter: DeadLetter) -> dict[str, Any]:
    trouble = letter.delivery.trouble if letter.delivery is not None else None
    return {
        "destination": letter.destination,
        "message": letter.message_id,
        "delivery": letter.delivery_id,
        "state": letter.delivery.state.value if letter.delivery is not None else None,
        "cause": trouble.cause if trouble is not None else None,
        "why": letter.reason,
        "remedy": trouble.remedy if trouble is not None else None,
        "contacts": letter.contacts,
        "sent_at": format_moment(letter.sent_at) if letter.sent_at else None,
        "receives": letter.receives,
        "settled": letter.is_settled,
    }
