"""Projects of the simulated Virtuous: create, replace, change some fields, look up and query."""

from typing import Any

from ops.simulators.virtuous_answers import Answers, path_id
from ops.simulators.virtuous_model import Model, ModelErrors, models_in
from ops.simulators.virtuous_query import PROJECT_KINDS, PROJECT_VALUES, Query
from ops.simulators.virtuous_records import Project
from ops.simulators.virtuous_shapes import (
    PROJECT_AMOUNTS,
    PROJECT_FLAGS,
    PROJECT_PATCH,
    PROJECT_TEXTS,
    PROJECT_WRITE,
    WRITE_ONLY,
)
from ops.simulators.virtuous_store import VirtuousStore
from ops.simulators.virtuous_wire import project_as_read
from ops.simulators.wire import Answer, Call


class ProjectOperations:
    """The project operations of the contract."""

    def __init__(self, store: VirtuousStore, answers: Answers) -> None:
        self._store = store
        self._answers = answers

    def create(self, call: Call) -> Answer:
        """A new project; Virtuous picks its code. Sent twice it is there twice."""
        is_quiet = self._answers.flag_parameter(call, "disableWebhookUpdates")
        members, write_only = self._read(call)
        code = f"P{len(self._store.projects) + 1:04d}"
        project = self._store.add_project({"isActive": True, **members, "projectCode": code}, write_only)
        for name in PROJECT_FLAGS:
            project.members.setdefault(name, False)
        self._tell("ProjectCreate", project, is_quiet=is_quiet)
        return self._shown(project)

    def replace(self, call: Call) -> Answer:
        """Replace a project: what is left out is cleared, its code stays."""
        is_quiet = self._answers.flag_parameter(call, "disableWebhookUpdates")
        project = self._store.projects.get(path_id(call, "projectId") or 0)
        if project is None:
            return self._answers.missing()
        members, write_only = self._read(call)
        code = project.members["projectCode"]
        project.members = {**dict.fromkeys(PROJECT_FLAGS, False), **members, "projectCode": code}
        project.write_only = write_only
        self._touch(project)
        self._tell("ProjectUpdate", project, is_quiet=is_quiet)
        return self._shown(project)

    def patch(self, call: Call) -> Answer:
        """Change listed fields of several projects, or of none if one of them cannot be changed."""
        is_quiet = self._answers.flag_parameter(call, "disableWebhookUpdates")
        patches = self._read_patches(call)
        for patch in patches:
            if patch["id"] not in self._store.projects:
                return self._answers.missing()
            holder = self._store.project_by_code(patch.get("projectCode", ""))
            if holder is not None and holder.project_id != patch["id"]:
                return self._answers.target(409, "CONFLICT", "The code belongs to another project.")
        for patch in patches:
            project = self._store.projects[patch["id"]]
            fields = {**(project.members.get("customFields") or {}), **patch.get("customFields", {})}
            project.members |= {name: value for name, value in patch.items() if name != "id"} | {"customFields": fields}
            self._touch(project)
            heeds = is_quiet and self._store.settings.patch_honours_disable
            self._tell("ProjectUpdate", project, is_quiet=heeds)
        return self._answers.held() if self._store.writes % 2 else self._answers.of([])

    def by_id(self, call: Call) -> Answer:
        """A project by its id."""
        return self._shown(self._store.projects.get(path_id(call, "projectId") or 0))

    def by_code(self, call: Call) -> Answer:
        """A project by its code."""
        return self._shown(self._store.project_by_code(call.path["projectCode"]))

    def query(self, call: Call) -> Answer:
        """One page of projects."""
        skip, take = self._answers.page_bounds(call)
        query = Query(call, self._answers, PROJECT_KINDS)
        found = query.found(self._store.projects.values(), PROJECT_VALUES)
        found.sort(key=lambda project: project.project_id, reverse=query.is_descending)
        for name, member in (("Project Code", "projectCode"), ("Project Name", "name")):
            if query.sorts_by(name):
                found.sort(key=lambda project, member=member: project.members[member], reverse=query.is_descending)  # type: ignore[misc]
        return self._answers.page([project_as_read(one) for one in found[skip : skip + take]], len(found))

    def _read(self, call: Call) -> tuple[dict[str, Any], dict[str, Any]]:
        model = self._answers.read(call)
        body = model.read(PROJECT_WRITE, ("name",))
        self._answers.keep(model.errors)
        write_only = {name: body.pop(name) for name in WRITE_ONLY if name in body}
        fields = {str(one.get("name")): one.get("value") for one in body.pop("customFields", [])}
        empty = dict.fromkeys((*PROJECT_TEXTS, *PROJECT_AMOUNTS, "parentId"))
        return {**empty, **body, "customFields": fields}, write_only

    def _read_patches(self, call: Call) -> list[dict[str, Any]]:
        value = self._answers.read_any(call)
        holder = Model("body", {"model": value}, ModelErrors())
        patches = [one.read(PROJECT_PATCH, ("id",)) for one in models_in(holder, "model") or []]
        if value is None:
            holder.refuse("model", "An array is expected.")
        self._answers.keep(holder.errors)
        return patches

    def _touch(self, project: Project) -> None:
        self._store.writes += 1
        project.modified = max(self._store.now(), project.modified + 1)

    def _tell(self, event: str, project: Project, *, is_quiet: bool) -> None:
        if not is_quiet:
            shown = {name: project_as_read(project)[name] for name in ("id", "name", "projectCode")}
            self._store.outbox.raise_event(event, project.project_id, {"project": shown})

    def _shown(self, project: Project | None) -> Answer:
        return self._answers.missing() if project is None else self._answers.of(project_as_read(project))
