"""The outside systems a stack may be connected to, and what its template's outputs call their parts."""

from __future__ import annotations

from dataclasses import dataclass

from ops.operating.problems import WrongUsage


@dataclass(frozen=True, slots=True)
class SecretField:
    """One value of a system's secret. `words` ask for it; a hidden one is never shown nor put on a command line."""

    name: str
    words: str
    is_hidden: bool = False
    default: str | None = None


@dataclass(frozen=True, slots=True)
class System:
    """An outside system, and the outputs that name its secret, its queue and its dead-letter queue.

    Deliveries to a CRM are switched on by the setting NAME.enabled; what goes back to RaiseDonors goes with Virtuous.
    """

    name: str
    title: str
    secret_output: str
    fields: tuple[SecretField, ...]
    queue_output: str
    dead_letter_output: str
    is_crm: bool = True


SYSTEMS = {
    system.name: system
    for system in (
        System(
            "raisedonors",
            "RaiseDonors",
            "RaiseDonorsSecret",
            (SecretField("url", "RaiseDonors' API address"), SecretField("token", "API token", is_hidden=True)),
            "RaiseDonorsQueueUrl",
            "RaiseDonorsDeadLetterQueueUrl",
            is_crm=False,
        ),
        System(
            "aegis",
            "Aegis",
            "AegisSecret",
            (
                SecretField("url", "Aegis' API address"),
                SecretField("context", "Context key of your organisation"),
                SecretField("username", "User name"),
                SecretField("password", "Password", is_hidden=True),
            ),
            "AegisQueueUrl",
            "AegisDeadLetterQueueUrl",
        ),
        System(
            "virtuous",
            "Virtuous",
            "VirtuousSecret",
            (
                SecretField("url", "Virtuous' API address", default="https://api.virtuoussoftware.com"),
                SecretField("api_key", "API key", is_hidden=True),
                SecretField("username", "User name"),
                SecretField("password", "Password", is_hidden=True),
            ),
            "VirtuousQueueUrl",
            "VirtuousDeadLetterQueueUrl",
        ),
    )
}
SOURCE, VIRTUOUS = "raisedonors", "virtuous"
CRMS = tuple(system.name for system in SYSTEMS.values() if system.is_crm)
DESTINATIONS = (*CRMS, SOURCE)


def system_named(name: str) -> System:
    """A system by its name, however it is capitalised. Raises WrongUsage."""
    system = SYSTEMS.get(name.strip().lower())
    if system is None:
        raise WrongUsage(f"{name!r} is no system GiftBridge knows; choose one of {', '.join(SYSTEMS)}.")
    return system
