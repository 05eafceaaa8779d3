"""How a simulated Virtuous behaves where its contract leaves a choice."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class VirtuousUser:
    """A person who may log in by name and password; with `otp` a second factor is asked for."""

    password: str
    otp: str | None = None


@dataclass(slots=True)
class VirtuousSettings:
    """What `vary` can say means one way and the other in turn."""

    calls_per_hour: int | None = 5000
    window_seconds: int = 3600
    rate_headers: str = "X-RateLimit"
    """How the headers begin: `X-RateLimit`, `X-Rate-Limit`, or nothing for none."""
    layout: str = "vary"
    """Whether JSON is `compact` or broken into lines with CRLF: `crlf`."""
    error_shape: str = "vary"
    """How a 400 reads: `old` with modelState, `new` with error.code."""
    merged_reference_answers: str = "vary"
    """What a look-up by a reference from before a merge answers: `survivor` or `retired`."""
    held_gift_answers: str = "404"
    """What a look-up of a held gift answers: `404`, or `pending` for a 200 without an id."""
    patch_honours_disable: bool = False
    """Whether PATCH of projects heeds disableWebhookUpdates."""
    forbidden_operations: set[str] = field(default_factory=set)
    """Operations that the credential lacks the permission for: 403."""
    unwelcome_texts: set[str] = field(default_factory=set)
    """A call that holds a row with one of these texts among its values is refused whole."""
    query_zone_hours: int = 0
    """The organisation's distance from UTC, by which queries count days."""
    access_seconds: int = 15 * 86400
    refresh_seconds: int = 365 * 86400
    users: dict[str, VirtuousUser] = field(default_factory=dict)
    envelope: str = "vary"
    """How a delivery about one record is wrapped: in `models`, or alone at the top: `single`."""
    event_spelling: str = "vary"
    """How events are spelled: `pascal` (ContactUpdate) or `dotted` (contact.update)."""
    models_per_delivery: int = 1
    """How many records of one import go into one delivery."""
    signature_header: str = "X-Virtuous-Signature"
    signature_encoding: str = "base64"
    repeat_after: tuple[float, ...] = (10.0, 60.0, 300.0, 1800.0)
    """The seconds before each repeat of a delivery that failed; after the last one it is in the failures list."""
    answer_seconds: float = 10.0
    """How long a receiver may take."""
    overtake_seconds: float = 2.0
    """How long an overtaken delivery waits at most for the one that overtakes it."""
