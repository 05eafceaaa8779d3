"""RaiseDonors' webhook as it arrives (contract raisedonors, recordChanged): a hint, never data.

Imports nothing heavy: a stranger waits for the start of the function that reads it.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping

from giftbridge.errors import Rejected

TOKEN_HEADER = "x-raisedonors-token"  # noqa: S105  the name of a header
MOST_BYTES = 64 * 1024
# Tens by resource (gift, recurring gift, donor), units by action (created, updated, deleted): WebhookHint.
KNOWN_EVENT_TYPES = frozenset(resource + action for resource in (10, 20, 30) for action in (0, 1, 2))


def is_genuine(headers: Mapping[str, str], token: str | None) -> bool:
    """Whether the call carries the configured token; nobody does while none is configured. In constant time."""
    given = next((value for name, value in headers.items() if name.lower() == TOKEN_HEADER), "")
    if not token:
        return False
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), token.encode("utf-8", "surrogatepass"))


def names_known_record(body: bytes) -> bool:
    """Whether a hint is about a kind of record that the pickup reads; its content counts for nothing else.

    Raises Rejected naming the member that is missing or no integer.
    """
    try:
        hint = json.loads(body)
    except (ValueError, RecursionError):
        raise _refused("body", "is not JSON", "send a WebhookHint as JSON") from None
    if not isinstance(hint, dict):
        raise _refused("body", "is not a JSON object", "send a WebhookHint as JSON")
    for name in ("eventType", "id"):
        if not isinstance(hint.get(name), int) or isinstance(hint[name], bool):
            raise _refused(name, "is not an integer", f"send {name} as an integer")
    return hint["eventType"] in KNOWN_EVENT_TYPES


def _refused(field: str, text: str, remedy: str) -> Rejected:
    return Rejected(text, cause="bad-webhook", field=field, remedy=remedy)
