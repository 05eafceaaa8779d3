"""Projects on their way into Virtuous, found there by our key, else by code, else created (requirement D4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from giftbridge.clients.raisedonors import RaiseDonors
from giftbridge.clients.virtuous import Virtuous
from giftbridge.domain.deliveries import State, Step
from giftbridge.domain.delivery_ids import VIRTUOUS
from giftbridge.domain.donations import Project
from giftbridge.domain.virtuous_projects import (
    CODE,
    field_differences,
    flags_differ,
    merged_project,
    new_project,
    patch_changes,
    project_fields,
)
from giftbridge.domain.virtuous_values import stripped
from giftbridge.errors import Ambiguous, RecordMissing, Rejected, Skipped, UnknownOutcome
from giftbridge.flows.holds import KeyState, key_or_free
from giftbridge.flows.tools import Tools
from giftbridge.flows.work import Work
from giftbridge.store.crm_keys import project_claim

_CONFLICT = 409
# What an attempt to create calls the name it sent, and the ids of the projects that had this name before.
_NAME, _BEFORE = "name", "before"
# What an attempt to change calls the project's id.
_PROJECT = "project"


@dataclass(frozen=True, slots=True)
class _Found:
    """A project in Virtuous. `how` is empty when our key led to it, else it says why it is ours from now on."""

    id: int
    record: dict[str, Any]
    how: str = ""


class VirtuousProjects:
    """Keeps projects in Virtuous as they are on RaiseDonors."""

    def __init__(self, tools: Tools, raisedonors: RaiseDonors, virtuous: Virtuous) -> None:
        self.tools = tools
        self.raisedonors = raisedonors
        self.virtuous = virtuous

    def carry(self, work: Work) -> None:
        """Create the project in Virtuous, or change there what differs."""
        project = self._project(work)
        self._require_wanted(project)
        free = key_or_free(self.tools, work, _entity(project), VIRTUOUS)
        self._bring(work, project, self._found(work, project, free) or self._created(work, project, free))

    def probe(self, work: Work) -> None:
        """Whether the write whose answer was lost landed: the project says so. What is missing is written anew."""
        project = self._project(work)
        found = self._found(work, project, key_or_free(self.tools, work, _entity(project), VIRTUOUS))
        if found is None:
            work.surely_not_sent()
            return
        self._require_wanted(project)
        self._bring(work, project, found)

    def _project(self, work: Work) -> Project:
        try:
            return self.raisedonors.project(int(work.delivery.entity_id))
        except RecordMissing as missing:
            raise Skipped("no such project on RaiseDonors any more", cause="source-record-missing") from missing

    def _require_wanted(self, project: Project) -> None:
        """Raises Skipped for what is not to be sent, Rejected for a project without a name."""
        if not self.tools.settings()[1].virtuous.sync_projects:
            raise Skipped("projects are switched off (setting virtuous.sync_projects)", cause="switched-off")
        if stripped(project.code) is None:
            raise Skipped("the project has no code on RaiseDonors", cause="no-code")
        if stripped(project.name) is None:
            raise Rejected(
                "is empty, and Virtuous takes no project without a name",
                cause="no-name",
                field="project.name",
                remedy="give the project a name on RaiseDonors, then retry",
            )

    # --- finding ------------------------------------------------------------------------------------------

    def _found(self, work: Work, project: Project, known: KeyState) -> _Found | None:
        """By our key, by code, or as what an attempt made whose answer was lost."""
        if known.key is not None:
            try:
                return _Found(int(known.key), self.virtuous.project(int(known.key)))
            except RecordMissing:
                self._lose(work, project, known.key)
        code = stripped(project.code)
        record = self.virtuous.project_by_code(code) if code is not None else None
        if record is not None:
            return self._adopted(work, project, record, "code", known.ended)
        landed = self._landed(work)
        return self._adopted(work, project, landed, "found after a lost answer", known.ended) if landed else None

    def _landed(self, work: Work) -> dict[str, Any] | None:
        """The project that a lost request to create made: a new one of that name that nobody claims."""
        attempt = work.delivery.attempt
        if attempt is None or _BEFORE not in attempt.values:
            return None
        before = set(attempt.values[_BEFORE].split(","))
        named = self._named(attempt.values[_NAME])
        claims = self.tools.keys.claimed_by([project_claim(project_id) for project_id in named], VIRTUOUS)
        new = [
            project_id
            for project_id in named
            if str(project_id) not in before and project_claim(project_id) not in claims
        ]
        if len(new) > 1:
            raise Ambiguous(
                "several new projects have the name of the one whose creation went unanswered",
                cause="several-projects",
                candidates=tuple(str(project_id) for project_id in new),
                remedy="give one of them the project's code in Virtuous, then retry",
            )
        return named[new[0]] if new else None

    def _named(self, name: str) -> dict[int, dict[str, Any]]:
        """The projects in Virtuous of exactly this name, by id."""
        records = self.virtuous.projects_named(name)
        return {_id_of(record): record for record in records if stripped(str(record.get("name"))) == name}

    def _adopted(self, work: Work, project: Project, record: dict[str, Any], how: str, ended: str = "") -> _Found:
        """A project of Virtuous that is this one's from the next step on. Raises Rejected when it is another's."""
        project_id = _id_of(record)
        claim = project_claim(project_id)
        holder = self.tools.keys.claimed_by([claim], VIRTUOUS).get(claim, work.delivery.id)
        if holder != work.delivery.id:
            raise _code_taken(f"belongs in Virtuous to project {project_id}, which {holder} keeps")
        work.settle_key(_entity(project), str(project_id), how, ended)
        work.also.append(self.tools.keys.claim(claim, VIRTUOUS, work.delivery.id, work.now))
        return _Found(project_id, record, how)

    def _lose(self, work: Work, project: Project, key: str) -> None:
        """Virtuous does not know our key any more: it becomes a hold, at once, so that a new key can be settled."""
        work.also.append(self.tools.keys.lose(_entity(project), VIRTUOUS, key, work.delivery.id, work.now))
        work.note("key lost", f"project {key} does not exist in Virtuous any more")
        work.begin(Step.PROJECT, {})

    # --- writing ------------------------------------------------------------------------------------------

    def _created(self, work: Work, project: Project, free: KeyState) -> _Found:
        """A new project; its key is kept before its code is set."""
        name = stripped(project.name) or ""
        attempt = work.delivery.attempt
        earlier = attempt.values.get(_BEFORE) if attempt is not None and attempt.values.get(_NAME) == name else None
        before = earlier if earlier is not None else ",".join(map(str, self._named(name)))
        work.hold_key(_entity(project), free.ended)
        work.begin(Step.PROJECT, {_NAME: name, _BEFORE: before})
        return self._adopted(work, project, self.virtuous.create_project(new_project(project)), "created")

    def _bring(self, work: Work, project: Project, found: _Found) -> None:
        """Write what differs, and agree on what the project looks like."""
        differences = field_differences(project, found.record)
        agreeing = work.agree(_entity(project), project_fields(project))
        was_unknown = work.delivery.state is State.UNKNOWN
        attempt = work.delivery.attempt
        # Its write landed, and what was to be read after that could not be.
        was_begun = attempt is not None and _PROJECT in attempt.values
        if differences:
            self._write(work, project, found)
        elif not found.how and not was_unknown and not was_begun:
            work.also.append(agreeing)
            raise Skipped("Virtuous has these values already", cause="nothing-changed")
        why = "found in Virtuous after the answer was lost" if was_unknown and not differences else "saved in Virtuous"
        details: dict[str, object] = {
            "changes": [{"field": change.field, "old": change.old, "new": change.new} for change in differences]
        }
        if found.how:
            details["found by"] = found.how
        result = {_PROJECT: str(found.id)}
        work.delivered(result, why, proven=bool(differences), writes=[agreeing], details=details)

    def _write(self, work: Work, project: Project, found: _Found) -> None:
        """Change the members that differ; a flag only a replace can change, and it goes second: it clears the most."""
        work.begin(Step.PROJECT, {_PROJECT: str(found.id)})
        replaces = flags_differ(project, found.record)
        changes = patch_changes(project, found.record)
        sent = {member: value for member, value in changes.items() if member == CODE or not replaces}
        if sent:
            self._patch(found.id, sent)
        if replaces:
            # Read again right before: what staff entered meanwhile is not to be undone.
            self.virtuous.replace_project(found.id, merged_project(project, self.virtuous.project(found.id)))

    def _patch(self, project_id: int, changes: dict[str, object]) -> None:
        try:
            self.virtuous.patch_project(project_id, changes)
        except Rejected as refused:
            if refused.status == _CONFLICT:
                raise _code_taken("belongs to another project in Virtuous", _CONFLICT) from refused
            raise
        # The answer of a PATCH says nothing; gifts are going to name the code.
        if CODE in changes and stripped(str(self.virtuous.project(project_id).get(CODE))) != changes[CODE]:
            raise UnknownOutcome("patchProjects: the project does not show its code yet", system=VIRTUOUS, counts=False)


def _code_taken(text: str, status: int | None = None) -> Rejected:
    return Rejected(
        text,
        cause="code-taken",
        field="project.code",
        remedy="give one of the two projects another code, here or in Virtuous, then retry",
        status=status,
    )


def _entity(project: Project) -> str:
    return f"project#{project.id}"


def _id_of(record: dict[str, Any]) -> int:
    number = record.get("id")
    if not isinstance(number, int) or isinstance(number, bool):
        raise Rejected(
            "a project of Virtuous has no id that is a number",
            cause="unreadable-record",
            field="project.id",
            remedy="look at the project in Virtuous, then retry",
        )
    return number
