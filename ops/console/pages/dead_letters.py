"""The dead-letter queues: what is in them and why, a redrive of all, the deletion of one with a reason."""

from __future__ import annotations

import re

from starlette.responses import Response

from ops.console.jobs import Job
from ops.console.visit import Visit, acts, looks
from ops.operating import dead_letters, story
from ops.operating.dead_letter_box import delete, opened
from ops.operating.problems import WrongUsage
from ops.operating.stack import Stack
from ops.operating.systems import SYSTEMS

_SHOWN = 100
_MOST = 1_000
_MESSAGE = re.compile(r"[\w-]{1,100}")


def letters(visit: Visit) -> Response:
    """Each message with its reason; all are back in their queues when the page is made."""
    with opened(visit.stack, visit.stack.destinations, _SHOWN) as box:
        found, out_of_sight = box.letters, box.out_of_sight
    return visit.page(
        "dead_letters.html",
        "Dead letters",
        letters=found,
        out_of_sight=out_of_sight,
        destinations=[(name, SYSTEMS[name].title) for name in dict.fromkeys(letter.destination for letter in found)],
    )


def redrive(visit: Visit) -> Response:
    """Move all dead letters of a destination back into its queue, as AWS does it."""
    stack, who = visit.stack, visit.who()
    [destination] = stack.destinations_named(visit.needed("destination", "The destination"))
    title = SYSTEMS[destination].title

    def work(job: Job) -> None:
        why = "an operator had all dead letters moved back"
        story.record(stack, f"system#{destination}", what="redrive", why=why, who=who)
        _follow(stack, destination, job)

    job = visit.office.jobs.start(f"Redrive to {title}", visit.url("/dead-letters"), work, key=f"redrive-{destination}")
    return visit.go(f"/job/{job.id}")


def _follow(stack: Stack, destination: str, job: Job) -> None:
    begun = dead_letters.begin(stack, destination)
    if begun is None:
        job.say("There were no dead letters.")
        return
    for seen in dead_letters.follow(stack, destination, begun):
        job.done, job.total = seen.moved, seen.to_move or None
        job.has_failed = not seen.is_running and seen.status != "COMPLETED"
        job.say(f"{seen.moved} messages are back in their queue ({seen.status.lower()}).")


def confirm(visit: Visit) -> Response:
    """Ask why, before one is deleted."""
    message = visit.asked("message") or ""
    if not _MESSAGE.fullmatch(message):
        raise WrongUsage("That names no dead letter.")
    return visit.page(
        "confirm.html",
        "Delete a dead letter",
        lines=[
            f"Message `{message}` is deleted for good. Only the message goes: its delivery stays failed, and can "
            "still be retried."
        ],
        target=visit.url("/dead-letters/delete"),
        fields=[("message", message)],
        reason="needed",
        button="Delete it",
        tone="danger",
        cancel=visit.url("/dead-letters"),
    )


def delete_one(visit: Visit) -> Response:
    """Delete one message; the activity keeps why."""
    message, why = visit.needed("message", "The message"), visit.needed("why", "A reason")
    with opened(visit.stack, visit.stack.destinations, _MOST) as box:
        letter = next((one for one in box.letters if one.message_id == message), None)
        if letter is None:
            hint = ["In somebody's hands it is out of sight for half a minute."] if box.out_of_sight else []
            raise WrongUsage("There is no such dead letter; nothing was deleted.", hint)
        delete(visit.stack, letter, why, visit.who())
    return visit.go("/dead-letters", "Deleted. Its delivery stays as it was.")


ROUTES = (
    looks("/dead-letters", letters),
    acts("/dead-letters/redrive", redrive),
    looks("/dead-letters/delete", confirm),
    acts("/dead-letters/delete", delete_one),
)
