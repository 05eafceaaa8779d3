"""A Virtuous webhook in, the contacts it names queued, then 200 out. A trigger: what else it says is not read."""

from __future__ import annotations

from typing import Any

from giftbridge.clients.virtuous_webhooks import MOST_BYTES, Told, is_genuine, read_delivery
from giftbridge.contact_webhook_assembly import ContactWebhookAssembly
from giftbridge.errors import Rejected
from giftbridge.http_answers import HttpAnswer, body_of, found, headers_of, problem, refused


def handle(assembly: ContactWebhookAssembly, event: dict[str, Any]) -> HttpAnswer:
    """Answer 200 once the contacts are queued, or say what is wrong; never a 500 for anything a stranger sends."""
    try:
        return _answered(assembly, event)
    except Rejected as error:
        _log_refusal(assembly, 400)
        return refused(error)
    except Exception as error:
        # Its text may hold what was sent.
        assembly.log.error("webhook not queued", extra={"error": type(error).__name__})
        return problem(503, "The webhook could not be queued; send it again.", retry_after=30)


def _answered(assembly: ContactWebhookAssembly, event: dict[str, Any]) -> HttpAnswer:
    body = body_of(event)
    if len(body) > MOST_BYTES:
        _log_refusal(assembly, 413)
        return problem(413, f"The body is larger than {MOST_BYTES} bytes.")
    signing = assembly.signing.get()
    if not is_genuine(body, headers_of(event), assembly.secrets.get(), signing):
        _log_refusal(assembly, 401)
        return problem(401, f"The signature in the header {signing.header} is missing or wrong.")
    told = read_delivery(body)
    if told.accepted:
        assembly.queue(told.contacts, told.gifts_of)
    _log(assembly, told)
    return found({"accepted": told.accepted, "ignored": sum(told.ignored.values()), "reasons": dict(told.ignored)})


def _log_refusal(assembly: ContactWebhookAssembly, status: int) -> None:
    """The line that the template's metric filter counts."""
    assembly.log.warning("webhook refused", extra={"status": status})


def _log(assembly: ContactWebhookAssembly, told: Told) -> None:
    counts = {"contacts": len(told.contacts), "gifts_of": len(told.gifts_of), "ignored": dict(told.ignored)}
    assembly.log.info("webhook", extra={"event": told.event, **counts})


assembly = ContactWebhookAssembly.of_function()


def lambda_handler(event: dict[str, Any], _context: object) -> HttpAnswer:
    """What Lambda calls."""
    return handle(assembly, event)
