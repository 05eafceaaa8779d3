"""A RaiseDonors webhook in, at most one early pickup started, 202 out. What it says is never trusted nor stored."""

from __future__ import annotations

from typing import Any

from giftbridge.clients.raisedonors_hints import MOST_BYTES, is_genuine, names_known_record
from giftbridge.errors import Rejected
from giftbridge.hint_assembly import HintAssembly
from giftbridge.http_answers import HttpAnswer, accepted, body_of, headers_of, problem, refused

assembly = HintAssembly()


def lambda_handler(event: dict[str, Any], _context: object) -> HttpAnswer:
    """Answer 202, or say what is wrong with the call; never a 500 for anything a stranger sends."""
    try:
        return _answered(event)
    except Rejected as error:
        _log_refusal(400)
        return refused(error)
    except Exception as error:
        # Its text may hold what was sent.
        assembly.log.error("hint not noted", extra={"error": type(error).__name__})
        return problem(503, "The hint could not be noted; the next pickup comes by itself.", retry_after=30)


def _answered(event: dict[str, Any]) -> HttpAnswer:
    if not is_genuine(headers_of(event), assembly.token()):
        _log_refusal(401)
        return problem(401, "The header X-RaiseDonors-Token is missing or wrong.")
    body = body_of(event)
    if len(body) > MOST_BYTES:
        _log_refusal(413)
        return problem(413, f"The body is larger than {MOST_BYTES} bytes.")
    is_known = names_known_record(body)
    started = is_known and assembly.hint.give()
    assembly.log.info("hint", extra={"known": is_known, "started": started})
    return accepted()


def _log_refusal(status: int) -> None:
    """The line that the template's metric filter counts."""
    assembly.log.warning("webhook refused", extra={"status": status})
