"""Registering Virtuous' webhook, and changing its secret (contract virtuous, webhook administration)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from giftbridge.clients.virtuous import Virtuous
from giftbridge.errors import RecordMissing, UnknownOutcome
from ops.operating.connecting import merged, put_values, stored_values, webhook_url
from ops.operating.problems import WrongUsage
from ops.operating.stack import Stack
from ops.operating.systems import SYSTEMS, VIRTUOUS
from ops.operating.trying import on_trial

# What GiftBridge must hear of: contacts, and gifts, whose contacts' held rows have landed.
EVENTS = ("contactCreate", "contactUpdate", "giftCreate", "giftUpdate")
_ID, _SECRET, _BEFORE = "webhook_id", "webhook_secret", "webhook_secret_before"


class Became(StrEnum):
    """What was done to the subscription."""

    MADE = "made"
    SAME = "as it was"
    CHANGED = "changed"
    ROTATED = "given a new secret"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Subscribed:
    """The subscription's address and id; `id` is None while the answer to its making is lost."""

    url: str
    id: int | None
    became: Became


def require_address(stack: Stack) -> str:
    """Where the webhook is to go. Raises WrongUsage for a stack without one."""
    url = webhook_url(stack, SYSTEMS[VIRTUOUS])
    if url is None:
        raise WrongUsage(
            f"Stack {stack.name} has no address for Virtuous' webhook: it runs another version of GiftBridge.",
            ["Connect with --no-webhook: contacts' edits then arrive within an hour."],
        )
    return url


def subscribe(stack: Stack, values: Mapping[str, str], *, rotate: bool) -> Subscribed:
    """Store the credentials with a webhook's secret, then have Virtuous send to this stack.

    The secret is there before the first delivery can be. What Virtuous refuses leaves the stored secret as it was.
    Raises NeedsPerson, Unreachable, WrongUsage.
    """
    system, url = SYSTEMS[VIRTUOUS], require_address(stack)
    kept = stored_values(stack, system)
    with on_trial(stack, system, values) as wire:
        virtuous = Virtuous(wire)
        seen = _seen(virtuous, kept.get(_ID))
        stored = _with_secret(merged(system, kept, values), seen, rotate=rotate)
        put_values(stack, system, stored)
        try:
            subscribed = _subscribed(virtuous, url, seen, stored, rotate=rotate)
        except UnknownOutcome:
            # It may have been done: the secret that it would be done with stays.
            return Subscribed(url, int(stored[_ID]) if seen is not None else None, Became.UNKNOWN)
        except Exception:
            put_values(stack, system, kept)
            raise
    put_values(stack, system, {**stored, _ID: subscribed.id})
    return subscribed


def _seen(virtuous: Virtuous, webhook_id: object) -> dict[str, Any] | None:
    """The subscription as it is now; None where none is known, or it was deleted."""
    try:
        return virtuous.webhook(int(str(webhook_id))) if webhook_id is not None else None
    except (RecordMissing, ValueError):
        return None


def _with_secret(stored: dict[str, Any], seen: Mapping[str, Any] | None, *, rotate: bool) -> dict[str, Any]:
    """The secret to sign with. While it changes, the one that is in force is accepted too."""
    known = str(stored.get(_SECRET) or "")
    in_force = str((seen or {}).get("secret") or known)
    if known and not rotate:
        # Whatever Virtuous signed with so far may still be under way.
        before = in_force if in_force != known else ""
    else:
        before, known = in_force, secrets.token_urlsafe(32)
    kept = {name: value for name, value in stored.items() if name != _BEFORE}
    return {**kept, _SECRET: known, **({_BEFORE: before} if before else {})}


def _subscribed(
    virtuous: Virtuous, url: str, seen: Mapping[str, Any] | None, stored: Mapping[str, Any], *, rotate: bool
) -> Subscribed:
    wanted = {"payloadUrl": url, "secret": stored[_SECRET], **dict.fromkeys(EVENTS, True), "active": True}
    if seen is None:
        return Subscribed(url, virtuous.create_webhook(wanted), Became.MADE)
    webhook_id = int(stored[_ID])
    if all(seen.get(name) == value for name, value in wanted.items()):
        return Subscribed(url, webhook_id, Became.SAME)
    # What is left out would become false: everything that it was goes along.
    virtuous.replace_webhook(webhook_id, {**{n: v for n, v in seen.items() if n != "id"}, **wanted})
    return Subscribed(url, webhook_id, Became.ROTATED if rotate else Became.CHANGED)
