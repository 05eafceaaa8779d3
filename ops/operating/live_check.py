"""Every code that gifts will carry, checked against the CRMs' own look-ups before the first gift (requirement A13)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from giftbridge.clients.aegis import Aegis, CodeState
from giftbridge.domain.donations import Project
from giftbridge.domain.settings import AegisSettings, LookupKind, Settings
from giftbridge.errors import Misconfigured
from ops.operating.reaching import aegis, raisedonors, virtuous
from ops.operating.stack import Stack
from ops.operating.systems import SOURCE, SYSTEMS, VIRTUOUS

# A donor id has at most so many digits.
_LONGEST_DONOR_ID = 12
GOOD = frozenset({"active", "not offered", "accepted"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a CRM says of one code: `active`, `inactive`, `missing`, `not offered` (it has no such look-up).

    Of its credential: `accepted` or `refused`. `needed` is False where gifts go out without it too.
    """

    where: str
    kind: str
    code: str
    verdict: str
    remedy: str | None = None
    needed: bool = True
    system: str = "Aegis"

    @property
    def is_good(self) -> bool:
        return self.verdict in GOOD or not self.needed


def check_codes(stack: Stack, settings: Settings) -> Iterator[Verdict]:
    """One verdict after the other: of Aegis the settings' codes, the projects' fund codes, the custom field.

    Of Virtuous the credential, and the projects' codes. Raises NeedsPerson while no CRM is connected.
    """
    projects = raisedonors(stack).projects().values() if stack.is_connected(SOURCE) else ()
    in_order = sorted(projects, key=lambda project: project.id)
    if stack.is_connected("aegis") or not stack.is_connected(VIRTUOUS):
        yield from _of_aegis(aegis(stack), settings.aegis, in_order)
    if stack.is_connected(VIRTUOUS):
        yield from _of_virtuous(stack, settings, in_order)


def _of_aegis(reach: Aegis, settings: AegisSettings, projects: Sequence[Project]) -> Iterator[Verdict]:
    lookups = _Lookups(reach, settings)
    for where, kind, code in _configured(settings):
        yield lookups.verdict(f"setting {where}", kind, code)
    for project in projects:
        where = f"code of project {project.id}"
        if project.code:
            yield lookups.verdict(where, "fund", project.code)
        else:
            remedy = "give the project a code on RaiseDonors before it takes gifts"
            yield Verdict(where, "fund", "", "no code", remedy, needed=False)
    yield _custom_field(reach, settings)


def _of_virtuous(stack: Stack, settings: Settings, projects: Sequence[Project]) -> Iterator[Verdict]:
    """Gifts name projects by code; a missing one is made by the batch while projects are kept the same (D4)."""
    reach, title = virtuous(stack), SYSTEMS[VIRTUOUS].title
    try:
        reach.ping()
    except Misconfigured as refused:
        remedy = f"{refused.text}: store credentials that work with `giftbridge connect virtuous {stack.hint}`"
        yield Verdict("credential", "credential", "", "refused", remedy, system=title)
        return
    yield Verdict("credential", "credential", "", "accepted", system=title)
    for project in projects if settings.virtuous.sync_gifts else ():
        where, code = f"code of project {project.id}", (project.code or "").strip()
        if not code:
            remedy = "give the project a code on RaiseDonors before it takes gifts"
            yield Verdict(where, "project", "", "no code", remedy, needed=False, system=title)
        elif reach.project_by_code(code) is not None:
            yield Verdict(where, "project", code, "active", system=title)
        else:
            is_made = settings.virtuous.sync_projects
            by_hand = "give a project in Virtuous this code, or switch virtuous.sync_projects on"
            remedy = "the next batch makes it" if is_made else by_hand
            yield Verdict(where, "project", code, "missing", remedy, needed=not is_made, system=title)


def _configured(settings: AegisSettings) -> list[tuple[str, LookupKind, str]]:
    """The settings that hold a code, those that are set."""
    codes: list[tuple[str, LookupKind, str | None]] = [
        ("aegis.origin_source", "origin_source", settings.origin_source),
        ("aegis.default_appeal_code", "appeal", settings.default_appeal_code),
        ("aegis.batch_category", "batch_category", settings.batch_category),
        ("aegis.channel", "channel", settings.channel),
        ("aegis.warehouse_id", "warehouse", settings.warehouse_id),
        ("aegis.pledge_program_name", "pledge_program", settings.pledge_program_name),
    ]
    return [(where, kind, code.strip()) for where, kind, code in codes if code is not None and code.strip()]


class _Lookups:
    """Fresh verdicts: what the product remembers would hide a code that was removed within the hour."""

    def __init__(self, reach: Aegis, settings: AegisSettings) -> None:
        self._aegis = reach
        self._settings = settings
        self._lists: dict[LookupKind, dict[str, CodeState] | None] = {}

    def verdict(self, where: str, kind: LookupKind, code: str) -> Verdict:
        """What Aegis, or else the setting aegis.codes, says of a code."""
        found = self._find(kind, code)
        words = kind.replace("_", " ")
        remedy = None
        if found in {"missing", "inactive"}:
            what = "add it" if found == "missing" else "make it active"
            remedy = f"{what} in Aegis, or correct the {where}"
        return Verdict(where, words, code, found, remedy)

    def _find(self, kind: LookupKind, code: str) -> str:
        if kind not in self._lists:
            self._lists[kind] = self._aegis.codes(kind)
        listed = self._lists[kind]
        if listed is not None and code in listed:
            return listed[code]
        state = self._aegis.code_state(kind, code)
        if state != "missing" or listed is not None:
            return state
        if kind in self._settings.codes:
            return "active" if code in self._settings.codes[kind] else "missing"
        return "not offered"


def _custom_field(reach: Aegis, settings: AegisSettings) -> Verdict:
    name = settings.donor_id_field
    is_there = reach.has_custom_field(name, longest_value=_LONGEST_DONOR_ID)
    remedy = None if is_there else "partners are created without the donor id; add the field in Aegis to have it"
    verdict = "active" if is_there else "missing"
    return Verdict("setting aegis.donor_id_field", "custom field", name, verdict, remedy, needed=False)
