"""A tick in, one e-mail with all waiting notices out."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from giftbridge.runtime import start

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

function = start()
notice_mail = function.assembly.notice_mail()


@function.logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Mail once; the notices wait while nobody is to be told, or Amazon SES refuses."""
    function.assembly.begin(context.get_remaining_time_in_millis() / 1000)
    outcome = notice_mail.run()
    answer = dataclasses.asdict(outcome)
    counts = {"NoticesMailed": outcome.mailed, "NoticeMailTroubles": int(outcome.trouble is not None)}
    function.tell("mailed notices", answer, counts)
    return answer
