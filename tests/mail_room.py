"""Notices and their mailing over a workbench: boto3's own SES client, with an Amazon SES of ours on its wire."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ReadTimeoutError

from giftbridge.clients import mail
from giftbridge.domain.notices import EDIT_WITHOUT_PARTNER, FieldChange, Notice
from giftbridge.flows.notice_mail import MailOutcome, NoticeMail
from giftbridge.flows.notice_posting import MailTools
from giftbridge.store.rows import commit
from tests.workbench import Workbench

SENDER, FIRST, SECOND = "giftbridge@example.org", "first@example.org", "second@example.org"


class Killed(BaseException):
    """The process ended here."""


@dataclass(frozen=True)
class Mail:
    """An e-mail that Amazon SES took."""

    sender: str
    to: tuple[str, ...]
    subject: str
    body: str


@dataclass
class MailRoom:
    """`before_send` and `after_send` see each e-mail's addresses: they may raise, or return an answer of their own."""

    bench: Workbench
    ses: Any
    suppressed: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    tried: list[tuple[str, ...]] = field(default_factory=list)
    mails: list[Mail] = field(default_factory=list)
    is_list_throttled: bool = False
    before_send: Callable[[tuple[str, ...]], AWSResponse | None] = lambda to: None
    after_send: Callable[[tuple[str, ...]], None] = lambda to: None

    def write(
        self, donor: int = 41, *, kind: str = EDIT_WITHOUT_PARTNER, old: str = "Smith", new: str = "Jones"
    ) -> None:
        """A notice, as a worker writes it."""
        tools = self.bench.tools
        notice = Notice(kind, f"donor#{donor}", "The donor was edited.", (FieldChange("last name", old, new),))
        commit(self.bench.dynamodb, [tools.notices.waiting(notice, tools.now())])

    def run(self) -> MailOutcome:
        """One tick of the mailing, in a fresh process."""
        return self.mailer().run()

    def mailer(self) -> NoticeMail:
        """The mailing as a fresh process would have it."""
        tools = self.bench.tools
        tools.time_left.restart(55)
        parts = MailTools(
            tools.notices, tools.activity, tools.state, tools.settings, tools.now, tools.time_left.seconds
        )
        return NoticeMail(parts, mail.Mail(self.ses), "gifts")

    def later(self, minutes: float = 5) -> MailOutcome:
        """The next tick."""
        self.bench.clock.advance(minutes * 60)
        return self.run()

    def tell(self, *recipients: str, sender: str | None = SENDER) -> None:
        """Set the notification list."""
        self.bench.settings(notifications={"sender": sender, "recipients": list(recipients)})

    def waiting(self) -> int:
        """How many notices wait."""
        return self.bench.tools.notices.count(10_000)

    def kill_at_send(self, *, after: bool) -> None:
        """The next e-mail's process dies just before, or just after, Amazon SES took it."""

        def die(to: tuple[str, ...]) -> None:
            self.before_send = self.after_send = lambda to: None
            raise Killed

        if after:
            self.after_send = die
        else:
            self.before_send = die  # type: ignore[assignment]

    def lose_answers(self, count: int) -> None:
        """The next answers of Amazon SES are lost; it took the e-mails."""

        def lose(to: tuple[str, ...]) -> None:
            nonlocal count
            count -= 1
            if count >= 0:
                raise ReadTimeoutError(endpoint_url="http://mail.test")

        self.after_send = lose

    def refuse(self, code: str, status: int = 400, text: str = "no", only: str = "") -> None:
        """Amazon SES refuses every e-mail, or those to one address."""
        self.before_send = lambda to: answer(status, {"message": text}, code) if not only or only in to else None

    # --- the wire -----------------------------------------------------------------------------------------

    def _on_request(self, request: Any, **_: Any) -> AWSResponse:
        path = str(request.url).split("/v2/email/", 1)[1]
        if path.startswith("suppression/addresses/"):
            return self._on_suppression(unquote(path.rsplit("/", 1)[1]))
        assert (request.method, path) == ("POST", "outbound-emails")
        told = json.loads(request.body)
        to = tuple(told["Destination"]["ToAddresses"])
        self.tried.append(to)
        return self.before_send(to) or self._on_mail(told["FromEmailAddress"], to, told["Content"]["Simple"])

    def _on_mail(self, sender: str, to: tuple[str, ...], message: dict[str, Any]) -> AWSResponse:
        if sender != SENDER:
            text = f"Email address is not verified. The following identities failed the check: {sender}"
            return answer(400, {"message": text}, "MessageRejected")
        if len(to) > 50 or not all(address.isascii() for address in to) or "\n" in message["Subject"]["Data"]:
            return answer(400, {"message": "malformed"}, "BadRequestException")
        self.mails.append(Mail(sender, to, message["Subject"]["Data"], message["Body"]["Text"]["Data"]))
        self.after_send(to)
        return answer(200, {"MessageId": str(len(self.mails))})

    def _on_suppression(self, address: str) -> AWSResponse:
        self.asked.append(address)
        if self.is_list_throttled:
            return answer(429, {"message": "slow down"}, "TooManyRequestsException")
        if address not in self.suppressed:
            return answer(404, {"message": "not on the list"}, "NotFoundException")
        reason, at = self.suppressed[address]
        entry = {"EmailAddress": address, "Reason": reason, "LastUpdateTime": at.timestamp()}
        return answer(200, {"SuppressedDestination": entry})


def mail_room(bench: Workbench) -> MailRoom:
    """A mail room with a verified sender."""
    config = Config(retries={"total_max_attempts": 1})
    room = MailRoom(bench, _session().client("sesv2", endpoint_url="http://mail.test", config=config))
    room.ses.meta.events.register("before-send.sesv2", room._on_request)
    return room


def answer(status: int, body: dict[str, Any], error: str = "") -> AWSResponse:
    """An answer of Amazon SES, as it comes over the wire."""
    headers = {"content-type": "application/json", **({"x-amzn-errortype": error} if error else {})}
    raw = SimpleNamespace(stream=lambda *_, **__: iter([json.dumps(body).encode()]))
    return AWSResponse("http://mail.test", status, headers, raw)


@cache
def _session() -> Any:
    """One session for all rooms: reading AWS' service models anew would take longer than a test."""
    return boto3.Session(region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
