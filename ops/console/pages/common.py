"""What is on every page: revealing personal data, the colours, the progress of longer work."""

from __future__ import annotations

import re

from starlette.responses import RedirectResponse, Response

from giftbridge.domain.entities import donor_of
from ops.console.jobs import Job
from ops.console.rendering import THEME_COOKIE, THEMES
from ops.console.visit import NoSuchPageError, Visit, acts, looks
from ops.operating import pausing, pickup, story
from ops.operating.problems import WrongUsage
from ops.operating.systems import system_named

_DELIVERY = re.compile(r"delivery#[a-z]+/[a-z]+/[^/\s#]{1,80}/[a-z0-9]{1,20}")
_YEAR = 365 * 24 * 3600
_MOST_AT_ONCE = 50


def reveal(visit: Visit) -> Response:
    """Show personal data of donors for ten minutes, and write down who looked."""
    entities = visit.all_given("entity")
    if not 1 <= len(entities) <= _MOST_AT_ONCE or not all(map(_is_revealable, entities)):
        raise WrongUsage("That names no donor; nothing was revealed.")
    for entity in entities:
        record_reveal(visit, entity)
    return visit.back("Personal data is shown for ten minutes; that is written down in the activity.", "/")


def record_reveal(visit: Visit, entity: str) -> None:
    """First the line, then the sight."""
    why = "an operator looked at personal data in the console"
    story.record(visit.stack, entity, what="revealed", why=why, who=visit.who())
    visit.session.reveal(entity, visit.now)


def _is_revealable(entity: str) -> bool:
    return donor_of(entity) is not None or _DELIVERY.fullmatch(entity) is not None


def theme(visit: Visit) -> Response:
    """Remember light, dark or the browser's own choice: nothing of the stack changes."""
    wanted = visit.part("to")
    if wanted not in THEMES:
        raise NoSuchPageError("There are no such colours.")
    response = RedirectResponse(visit.own_address(visit.asked("back")) or visit.url("/"), status_code=303)
    response.set_cookie(THEME_COOKIE, wanted, max_age=_YEAR, path=visit.office.base_path, samesite="strict")
    return response


def job(visit: Visit) -> Response:
    """How far a longer piece of work is, and what came of it."""
    found = visit.office.jobs.get(visit.part("id"))
    if found is None:
        raise NoSuchPageError("There is no such work; what it did is in the activity.")
    return visit.page("_job.html" if visit.asked("part") else "job.html", found.title, job=found)


def pause(visit: Visit) -> Response:
    """No more calls to a system until it is resumed."""
    system = system_named(visit.part("system"))
    pausing.pause(visit.stack, system, visit.who())
    return visit.back(f"{system.title} is paused: deliveries wait, nothing is lost.", "/")


def resume(visit: Visit) -> Response:
    """Call a system again at once."""
    system = system_named(visit.part("system"))
    pausing.resume(visit.stack, system, visit.who())
    return visit.back(f"{system.title} is tried again within a minute.", "/")


def run_pickup(visit: Visit) -> Response:
    """Read RaiseDonors now."""
    stack, who = visit.stack, visit.who()

    def work(job: Job) -> None:
        story.record(stack, "system#raisedonors", what="pickup run", why="an operator asked for it", who=who)
        outcome = pickup.run(stack)
        job.lines = [f"{outcome.seen} records seen, {outcome.nudged} deliveries on their way."]
        job.lines += [outcome.why_idle] if outcome.why_idle else []
        job.lines += [f"{feed}: {why}" for feed, why in outcome.troubles.items()]

    return visit.go(f"/job/{visit.office.jobs.start('Reading RaiseDonors', visit.url('/'), work, key='pickup').id}")


ROUTES = (
    acts("/reveal", reveal),
    looks("/theme/{to}", theme),
    looks("/job/{id}", job),
    acts("/systems/{system}/pause", pause),
    acts("/systems/{system}/resume", resume),
    acts("/pickup", run_pickup),
)
