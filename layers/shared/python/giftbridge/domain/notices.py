"""Notices: what GiftBridge tells the notification list (requirements A4, A7, B3), one by one as workers write them."""

from __future__ import annotations

from dataclasses import dataclass

EDIT_FORGOTTEN = "donor-edit-forgotten"
EDIT_WITHOUT_PARTNER = "donor-edit-without-partner"
PARTNER_CREATED_AMONG_SEVERAL = "partner-created-among-several"
PLEDGE_NOT_ENDED = "pledge-not-ended"
PLEDGE_RECREATED = "pledge-recreated"
REFUND_TO_NEW_PARTNER = "refund-to-new-partner"
DIGEST = "daily-digest"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One value that changed. `field` is our word for it, such as "last name"; None means absent."""

    field: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class Notice:
    """`text` is one sentence for a person without personal data: the values are in `changes` alone.

    `kind` groups notices, `about` is the entity, such as "donor#41". The totals of a digest are changes without an old
    value.
    """

    kind: str
    about: str
    text: str
    changes: tuple[FieldChange, ...] = ()
    delivery_id: str | None = None


@dataclass(frozen=True, slots=True)
class WaitingNotice:
    """A notice that was not mailed yet. `key` begins with the moment it was written: text order is time order."""

    key: str
    notice: Notice
