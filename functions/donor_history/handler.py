"""A question of the donor portal in, a page of a donor's giving out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from giftbridge.errors import RecordMissing, Rejected, RetryLater
from giftbridge.flows.donor_history import WIRE_SECONDS
from giftbridge.history_wire import page_body, read_question, seconds_until
from giftbridge.http_answers import HttpAnswer, found, problem, refused
from giftbridge.runtime import start
from giftbridge.surroundings import utc_now

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

function = start()


@function.logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> HttpAnswer:
    """Answer with a page, or say what is wrong; never a 500."""
    try:
        return _answered(event)
    except RecordMissing:
        return problem(404, "There is no such donor on RaiseDonors.")
    except Rejected as error:
        return refused(error)
    except RetryLater as later:
        return problem(503, later.text, retry_after=seconds_until(later.not_before, utc_now()))
    except Exception as error:
        # Its text may hold what a system answered.
        function.logger.error("history not answered", extra={"error": type(error).__name__})
        return problem(503, "The history cannot be read now.", retry_after=30)


def _answered(event: dict[str, Any]) -> HttpAnswer:
    question = read_question(event)
    function.assembly.begin(WIRE_SECONDS)
    page = function.assembly.donor_history().page(question)
    history = page.history
    outcome = {"rows": page.total, "aegis": history.aegis.state, "raisedonors": history.raisedonors.state}
    function.tell("history", outcome, {"HistoriesIncomplete": float(not history.is_complete)})
    return found(page_body(page, question, str(event.get("rawPath", ""))))
