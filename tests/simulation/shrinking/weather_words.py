"""Each kind of weather in plain English, for stories and for the documents."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    "aws-throttled": "AWS throttles a call",
    "aws-lost-before": "a call to AWS does not arrive",
    "aws-lost-after": "a call to AWS is carried out and its answer is lost",
    "aws-conflict": "DynamoDB refuses a write for a conflict with another's transaction",
    "aws-transaction-throttled": "DynamoDB cancels a transaction because it is throttled",
    "aws-in-progress": "DynamoDB carries a transaction out and says that it is still in progress",
    "aws-unprocessed": "DynamoDB or SQS takes a part of a batch only",
    "index-lag": "an index of DynamoDB shows a change up to three seconds late",
    "death": "a process dies before or after any call",
    "cold-start": "a container is gone and a new one begins with nothing remembered",
    "slow-process": "a process stands still for up to a minute",
    "swallowed-receive": "messages are received by a function that is throttled, and come back later",
    "doubled-receive": "a batch of messages is worked on twice, nearly at once",
    "lost-message": "a message is lost",
    "undeleted-message": "a message that was worked on is not deleted and comes again",
    "tick-missed": "a scheduled run does not come",
    "tick-doubled": "a scheduled run comes twice",
    "tick-late": "a scheduled run comes late",
    "http-refused": "a system refuses the connection",
    "http-lost-before": "the connection drops before a request is carried out",
    "http-lost-after": "a request is carried out and its answer is lost",
    "http-late-landing": "the connection drops and the request is carried out later",
    "http-429": "a system answers 429, with a time to wait or without",
    "http-5xx-before": "a system answers with a 5xx and has not carried the request out",
    "http-5xx-after": "a system answers with a 5xx and has carried the request out",
    "http-gateway-page": "a gateway answers with a page of HTML, also with status 200",
    "http-slow": "an answer takes longer than anybody waits",
    "http-body-cut": "the second half of an answer is missing",
    "http-read-doubled": "a read is asked twice by something in between",
    "webhook-lost": "a webhook of Virtuous does not come",
    "webhook-doubled": "a webhook of Virtuous comes twice",
    "webhook-late": "a webhook of Virtuous comes minutes late",
    "webhook-overtaken": "a webhook of Virtuous comes after a later one",
    "webhook-refused": "a webhook of Virtuous is answered with 503 by API Gateway",
    "webhook-unanswered": "the answer to a webhook of Virtuous is lost",
    "late-visible": "a gift shows in RaiseDonors' feed up to 25 minutes after its own time",
    "outage-raisedonors": "RaiseDonors is away for minutes to hours",
    "outage-aegis": "Aegis is away for minutes to hours",
    "outage-virtuous": "Virtuous is away for minutes to hours",
    "clock-skew": "the clock of each process is wrong by up to two seconds",
    "small-constants": "pages, chunks, waits and queue settings are small",
    "operator": "an operator retries, redrives, pauses and resumes at any time",
    "staff-merges": "staff in Aegis merge partners",
    "other-integration": "another integration records gifts in Aegis and puts their keys on RaiseDonors",
    "settings-flips": "a destination is switched off, and on again minutes later",
    "backfill": "the gifts of the days before are asked for as well",
    "rate-limits": "few calls an hour are allowed",
    "restored": "the tables, or one of them, are restored to an earlier moment, and somebody tells of it",
    "raisedonors-rotated": "RaiseDonors' token is changed, and the new one is stored minutes to hours later",
    "aegis-rotated": "Aegis' password is changed, and the new one is stored minutes to hours later",
    "virtuous-rotated": "Virtuous' key is changed, and the new one is stored minutes to hours later",
}


def in_words(kind: str) -> str:
    """A kind of weather in words; a new one by its name."""
    return WORDS.get(kind, kind)
