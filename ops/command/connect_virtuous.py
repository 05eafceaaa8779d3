"""What `giftbridge connect virtuous` asks and says beside credentials."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace

import typer

from ops.command.terminal import Terminal
from ops.operating.problems import WrongUsage
from ops.operating.stack import Stack
from ops.operating.subscribing import Became, Subscribed, require_address, subscribe
from ops.operating.systems import VIRTUOUS, System

SORTS = ("gifts", "contacts", "projects")
_VARIABLE = "GIFTBRIDGE_VIRTUOUS_SYNC"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is wanted of Virtuous. `switches` are settings to be saved, none where they stay as they are."""

    switches: Mapping[str, bool] | None = None
    with_webhook: bool = False
    rotate: bool = False


def wishes(stack: Stack, system: System, *, sync: str | None, webhook: bool | None, rotate: bool) -> Wishes:
    """What the options ask for. Raises WrongUsage for what makes no sense."""
    if system.name != VIRTUOUS:
        if sync is not None or webhook is not None or rotate:
            raise WrongUsage("--sync, --webhook and --rotate go with `giftbridge connect virtuous`.")
        return Wishes()
    if rotate and webhook is False:
        raise WrongUsage("--rotate changes the webhook's secret; it does not go with --no-webhook.")
    with_webhook = webhook or rotate or (webhook is None and not stack.is_local)
    if with_webhook:
        require_address(stack)
    said = sync if sync is not None else os.environ.get(_VARIABLE)
    return Wishes(_switches(said) if said is not None else None, with_webhook, rotate)


def asked_what(terminal: Terminal, stack: Stack, known: Wishes) -> Wishes:
    """Ask a person what is to be kept the same; who cannot be asked keeps the settings in force."""
    if known.switches is not None or terminal.as_json:
        return known
    now = stack.versions.current().settings.virtuous
    on = [sort for sort in SORTS if getattr(now, f"sync_{sort}")]
    try:
        said: str = typer.prompt(
            f"What is kept the same ({', '.join(SORTS)}, or none)", default=",".join(on) or "none", err=True
        )
    except typer.Abort:
        return known
    return replace(known, switches=_switches(said))


def registered(stack: Stack, known: Wishes, values: Mapping[str, str]) -> Subscribed | None:
    """Register the webhook where that is wanted."""
    return subscribe(stack, values, rotate=known.rotate) if known.with_webhook else None


def lines(stack: Stack, known: Wishes, subscribed: Subscribed | None) -> list[str]:
    """What became of the webhook, for people."""
    if subscribed is None:
        return ["Its webhook was left as it is: what no webhook tells of is found within an hour."]
    if subscribed.became is Became.UNKNOWN:
        return [
            "The answer about the webhook was lost: it may be registered or not.",
            f"Run `giftbridge connect virtuous {stack.hint}` again. Two subscriptions may then exist.",
            "That is harmless: each change is told twice, and the second telling changes nothing.",
        ]
    told = [f"Its webhook ({subscribed.url}, subscription {subscribed.id}) is {subscribed.became.value}."]
    if known.rotate:
        told.append("The secret before is accepted until the next `giftbridge connect virtuous`.")
    return told


def _switches(said: str) -> dict[str, bool]:
    """The settings that a list such as `gifts,contacts` means. Raises WrongUsage."""
    names = {name.strip().lower() for name in said.split(",") if name.strip()}
    unknown = sorted(names - {*SORTS, "none"})
    if unknown or not names or ("none" in names and len(names) > 1):
        raise WrongUsage(f"{said!r} is no list of what to keep the same; give any of {','.join(SORTS)}, or none.")
    return {f"sync_{sort}": sort in names for sort in SORTS}
