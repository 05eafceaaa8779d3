"""What an answer's headers say of a rate limit: X-RateLimit-Limit, -Remaining, -Reset, or X-Rate-Limit-*."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_SMALLEST_REST = 10
_REST_PART = 50
# The windows are hours: a later end comes from a clock that is wrong.
_LONGEST_WAIT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class ToldLimit:
    """What an answer says of the rate limit; None where it says nothing. `reset_at` is in Unix seconds."""

    limit: int | None
    remaining: int | None
    reset_at: int | None

    @classmethod
    def read(cls, headers: Mapping[str, str]) -> ToldLimit:
        """From an answer's headers, whatever they hold."""
        plain = {name.casefold().replace("-", ""): value.strip() for name, value in headers.items()}
        limit, remaining, reset_at = (
            int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
            for text in (plain.get(f"xratelimit{part}", "") for part in ("limit", "remaining", "reset"))
        )
        return cls(limit or None, remaining, reset_at)

    def is_nearly_spent(self, limit: int | None) -> bool:
        """Whether what remains is to be left to others."""
        rest = max(_SMALLEST_REST, (limit or 0) // _REST_PART)
        return self.remaining is not None and self.remaining <= rest

    def reset(self, now: datetime) -> datetime | None:
        """When the system counts anew."""
        if self.reset_at is None:
            return None
        latest = now + _LONGEST_WAIT
        return latest if self.reset_at >= latest.timestamp() else datetime.fromtimestamp(self.reset_at, UTC)
