"""A donor's timeline over all systems, the keys that both CRMs have for them, and the undo of a match."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from giftbridge.domain.donations import Donor
from giftbridge.errors import GiftBridgeError
from ops.console.pages.deliveries import asked_donor
from ops.console.shaping import row_of
from ops.console.story_lines import shaped
from ops.console.visit import NoSuchPageError, Visit, acts, looks
from ops.operating import reaching, story
from ops.operating.problems import Problem, WrongUsage
from ops.operating.systems import CRMS, SYSTEMS
from ops.operating.undoing import UndoPlan, plan_undo, undo

_LINES = 300
_DELIVERIES = 200
_PERSON_KEPT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Key:
    """A donor's key in a CRM, with the rule that found it."""

    system: str
    key: str | None
    rule: str
    since: str | None


def donor(visit: Visit) -> Response:
    """Everything that was done for one donor, newest first."""
    number = asked_donor(visit.part("id"))
    lines = [shaped(line) for line in story.of_donor(visit.stack, number, _LINES)]
    rows = [row_of(delivery) for delivery in visit.stack.tools.deliveries.of_donor(number, _DELIVERIES)]
    if not lines and not rows:
        raise NoSuchPageError(f"GiftBridge never met donor {number}. One is met with a first gift, edit or schedule.")
    entity = f"donor#{number}"
    shown = visit.is_revealed(entity)
    keys = _keys(visit, entity)
    return visit.page(
        "donor.html",
        f"Donor {number}",
        number=number,
        entity=entity,
        lines=lines,
        is_cut=len(lines) == _LINES,
        rows=rows,
        keys=keys,
        person=_person(visit, number) if shown else None,
        shown=shown,
        can_undo=any(key.system == "Aegis" and key.key for key in keys),
    )


def _keys(visit: Visit, entity: str) -> list[Key]:
    found = []
    for system in CRMS:
        key = visit.stack.tools.keys.get(entity, system)
        if key is not None:
            found.append(Key(SYSTEMS[system].title, key.key, key.rule or "", key.since))
    return found


def _person(visit: Visit, number: int) -> list[tuple[str, str]] | str:
    """The donor as RaiseDonors knows them now; nothing of it is stored. A sentence where it does not answer."""
    try:
        found: Donor = visit.office.lately(
            f"person#{number}", _PERSON_KEPT_SECONDS, lambda: reaching.raisedonors(visit.stack).donor(number)
        )
    except (GiftBridgeError, Problem) as error:
        return f"RaiseDonors does not tell: {error}."
    address = found.address
    parts = (address.street, address.street2, address.city, address.state, address.postal_code, address.country)
    named = {
        "Name": " ".join(part for part in (found.first_name, found.last_name) if part),
        "Organisation": found.organization_name or "",
        "E-mail": ", ".join(found.emails),
        "Phone": ", ".join(found.phones),
        "Address": ", ".join(part for part in parts if part),
    }
    return [(name, value) for name, value in named.items() if value]


def plan(visit: Visit) -> Response:
    """What undoing the match would entail."""
    number = asked_donor(visit.part("id"))
    found = plan_undo(visit.stack, number)
    return visit.page("undo.html", f"Undo the match of donor {number}", plan=found, key=visit.session.keep(found))


def carry_out(visit: Visit) -> Response:
    """Undo the match that was shown."""
    key = visit.needed("plan", "The plan")
    found = visit.session.kept(key)
    if not isinstance(found, UndoPlan):
        raise WrongUsage("The plan is no longer there; nothing was undone.", ["Look at it again."])
    told = undo(visit.stack, found, visit.given("to"), visit.given("why") or "", visit.who())
    visit.session.drop(key)
    return visit.go(f"/donor/{found.donor_id}", f"Undone: partner {found.partner} is not this donor. {told}")


ROUTES = (looks("/donor/{id}", donor), looks("/donor/{id}/undo", plan), acts("/donor/{id}/undo", carry_out))
