"""What becomes of a project of RaiseDonors in Virtuous (requirement D4): RaiseDonors is the master of six members.

A text that is blank on RaiseDonors and a flag that is not said there leave Virtuous' value alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from giftbridge.domain.agreed import digest_of
from giftbridge.domain.donations import Project
from giftbridge.domain.mapping_rows import Body, Row
from giftbridge.domain.notices import FieldChange
from giftbridge.domain.virtuous_values import stripped

Record = Mapping[str, Any]
CODE = "projectCode"
FLAGS = ("isActive", "isAvailableOnline")
PROJECT: tuple[Row[Project], ...] = (
    Row(CODE, "project.code", lambda p: stripped(p.code)),
    Row("name", "project.name", lambda p: stripped(p.name)),
    Row("onlineDisplayName", "project.onlineDisplayName", lambda p: stripped(p.online_display_name)),
    Row("description", "project.description", lambda p: stripped(p.description)),
    Row("isActive", "project.isActive", lambda p: p.is_active),
    Row("isAvailableOnline", "project.isAvailableOnline", lambda p: p.is_available_online),
)
# The members that can be read and that a replace takes (schemas Project and ProjectWrite).
_KEPT = (
    "inventoryStatus", "type", "location", "onlineDisplayName", "description", "externalAccountingCode",
    "durationType", "startDate", "endDate", "financialNeedAmount", "financialNeedType", "financialNeedFrequency",
    "isPublic", "isActive", "isAvailableOnline", "isLimitedToFinancialNeed", "isTaxDeductible",
    "treatAsAccountsPayable", "isRestrictedToGiftSpecifications", "parentId", "beginningBalance", "currentBalance",
    "name",
)  # fmt: skip
_LONGEST = 500


def project_values(project: Project) -> Body:
    """The members that RaiseDonors says something about."""
    values = {row.member: row.value(project) for row in PROJECT}
    return {member: value for member, value in values.items() if value is not None}


def project_fields(project: Project) -> dict[str, str]:
    """The project as the snapshot that later edits are told from."""
    named = {"code" if member == CODE else member: value for member, value in project_values(project).items()}
    return {name: _kept(str(value).lower() if isinstance(value, bool) else str(value)) for name, value in named.items()}


def patch_changes(project: Project, record: Record) -> Body:
    """The members that differ and that patchProjects can change: all but the flags."""
    return {member: value for member, value in _differing(project, record).items() if member not in FLAGS}


def flags_differ(project: Project, record: Record) -> bool:
    """Whether a flag differs: only a replace can change one (patchProjects)."""
    return any(member in FLAGS for member in _differing(project, record))


def field_differences(project: Project, record: Record) -> tuple[FieldChange, ...]:
    """What differs, for the activity: the value in Virtuous and the one of RaiseDonors."""
    differing = _differing(project, record).items()
    return tuple(FieldChange(member, _shown(record.get(member)), _shown(value)) for member, value in differing)


def new_project(project: Project) -> Body:
    """The body of createProject. Virtuous picks the code, ours is set afterwards."""
    return {member: value for member, value in project_values(project).items() if member != CODE}


def merged_project(project: Project, record: Record) -> Body:
    """The whole record for replaceProject: as it was read, with RaiseDonors' values.

    `revenueAccountingCode` and `enableSync` cannot be read and are cleared by every replace; the code stays as it is.
    """
    kept = {member: record[member] for member in _KEPT if record.get(member) is not None}
    fields = _custom_fields(record.get("customFields"))
    return {**kept, **({"customFields": fields} if fields else {}), **new_project(project)}


def _differing(project: Project, record: Record) -> Body:
    return {member: value for member, value in project_values(project).items() if not _same(record.get(member), value)}


def _same(held: object, value: object) -> bool:
    return stripped(held) == value if isinstance(held, str) else held == value


def _custom_fields(read: object) -> list[Body]:
    """Custom fields are read as an object keyed by name, or as a list, and written as a list (CustomFieldRead)."""
    if isinstance(read, Mapping):
        return [{"name": name, "value": value} for name, value in read.items() if value is not None]
    entries = [entry for entry in read if isinstance(entry, Mapping)] if isinstance(read, list) else []
    named = [{"name": entry["name"], "value": entry.get("value")} for entry in entries if entry.get("name")]
    return [entry for entry in named if entry["value"] is not None]


def _kept(value: str) -> str:
    """The value as a row can hold it: of a long text its beginning and its mark."""
    text = value.encode("utf-8", "replace").decode()
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... {digest_of(text)}"


def _shown(value: object) -> str | None:
    if value is None or value == "":
        return None
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return _kept(text)
