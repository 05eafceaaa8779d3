"""Of whom an answer speaks: the credentials, the system, a gateway in between, or one record. A harmless read tells."""

from __future__ import annotations

from collections.abc import Callable

from giftbridge.errors import (
    BudgetSpent,
    Forbidden,
    GiftBridgeError,
    RefusedHere,
    RetryLater,
    UnknownOutcome,
)

REFUSED_HERE = "refused-here"
_REMEDY = "look in the record for what a firewall or a permission there may refuse, correct it, then retry"


def whose(error: GiftBridgeError, ping: Callable[[], None], system: str, *, wrote: bool = False) -> GiftBridgeError:
    """The error that an answer of this system really means. `wrote` says whether a write may have been carried out.

    Where the read is refused too, the answer spoke of the credentials, or of a gateway that refuses all; where it is
    not answered as it should be, of an outage; where it is, the answer is believed, or spoke of this one record.
    """
    try:
        ping()
    except Forbidden as too:
        return _away(too.text, f"status-{too.status}", system, wrote) if too.is_from_gateway else too
    except BudgetSpent as spent:
        return UnknownOutcome(error.text, system=system, counts=False) if wrote else spent
    except GiftBridgeError as away:
        return _away(away.text, away.cause, system, wrote)
    return _refused_here(error, wrote) if isinstance(error, Forbidden) else error


def _away(text: str, cause: str, system: str, wrote: bool) -> GiftBridgeError:
    if wrote:
        return UnknownOutcome(text, system=system)
    return RetryLater(text, cause=cause, system=system)


def _refused_here(error: Forbidden, wrote: bool) -> GiftBridgeError:
    text = f"{error.text}, although {error.system} answers otherwise"
    if wrote:
        unknown = UnknownOutcome(text, cause=REFUSED_HERE, system=error.system, counts=False)
        unknown.remedy = _REMEDY
        return unknown
    return RefusedHere(text, cause=REFUSED_HERE, remedy=_REMEDY, system=error.system)
