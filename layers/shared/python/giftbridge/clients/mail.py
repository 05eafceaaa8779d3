"""Amazon SES (API v2): one e-mail to a few addresses, and whether an address is on the account's suppression list.

No error holds an address, nor a word of Amazon SES' own text, which does.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email.utils import formataddr, parseaddr
from typing import Any, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    ProxyConnectionError,
)

from giftbridge.domain.notice_letter import Letter
from giftbridge.errors import GiftBridgeError, Rejected, RetryLater, UnknownOutcome

SECONDS_A_CALL = 13.0
NOT_AN_ADDRESS, MESSAGE_REJECTED, BAD_REQUEST = "mail-not-an-address", "mail-rejected", "mail-bad-request"
# Refusals that one address may have caused for all.
MAY_BE_ONE_RECIPIENT = frozenset({NOT_AN_ADDRESS, MESSAGE_REJECTED, BAD_REQUEST})
_SETTINGS = "check the settings notifications.sender and notifications.recipients"
_VERIFY = "verify it in Amazon SES (`aws sesv2 create-email-identity --email-identity ADDRESS`)"
# Cause, what happened, what to do.
_REFUSALS = {
    "MessageRejected": (
        MESSAGE_REJECTED,
        "Amazon SES rejected the e-mail; in its sandbox it does so for a recipient that is not verified",
        f"{_VERIFY}, or ask for production access of Amazon SES",
    ),
    "BadRequestException": (BAD_REQUEST, "Amazon SES finds an address or the e-mail malformed", _SETTINGS),
    "MailFromDomainNotVerifiedException": (
        "mail-from-not-verified",
        "the MAIL FROM domain of the sender is not verified in Amazon SES",
        "put its MX and SPF records right, or choose another notifications.sender",
    ),
    "AccountSuspendedException": (
        "mail-account-suspended",
        "Amazon SES suspended this AWS account's sending for good",
        "see the AWS Health dashboard and write to AWS Support",
    ),
    "SendingPausedException": (
        "mail-sending-paused",
        "this AWS account's sending is paused in Amazon SES",
        "see its reputation page; `aws sesv2 put-account-sending-attributes --sending-enabled` resumes it",
    ),
    "NotFoundException": (
        "mail-not-found",
        "Amazon SES does not know something the e-mail needs, such as the sender's configuration set",
        "look at the sender's identity in Amazon SES",
    ),
    "AccessDeniedException": (
        "mail-not-allowed",
        "the function is not allowed to send with this sender",
        "look for a policy of your organisation, or of the sender's identity, that forbids ses:SendEmail",
    ),
}
_SLOW_DOWN = frozenset({"TooManyRequestsException", "LimitExceededException", "ThrottlingException", "Throttling"})
_NEVER_SENT = (
    ConnectTimeoutError,
    EndpointConnectionError,
    ProxyConnectionError,
    NoCredentialsError,
    NoRegionError,
)


class SesV2(Protocol):
    """What is used of boto3's client."""

    def send_email(self, **arguments: Any) -> Any:
        """Send one message."""

    def get_suppressed_destination(self, **arguments: Any) -> Any:
        """An address of the suppression list."""


def new_ses() -> SesV2:
    """boto3's client. It never sends twice by itself: only the flow knows how to say that an e-mail may be a repeat."""
    config = Config(connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 1})
    client: SesV2 = boto3.client("sesv2", config=config)
    return client


@dataclass(frozen=True, slots=True)
class Suppression:
    """Why and since when an address gets nothing: BOUNCE or COMPLAINT."""

    reason: str
    at: datetime


class Mail:
    """The sending of e-mail."""

    def __init__(self, ses: SesV2) -> None:
        self.ses = ses

    def send(self, sender: str, recipients: tuple[str, ...], letter: Letter) -> None:
        """Send one e-mail. Raises Rejected, RetryLater (not sent), UnknownOutcome (perhaps sent)."""
        source = wire_address(sender, "notifications.sender")
        to = [wire_address(recipient, "notifications.recipients") for recipient in recipients]
        content = {
            "Simple": {
                "Subject": {"Data": letter.subject, "Charset": "UTF-8"},
                "Body": {"Text": {"Data": letter.text, "Charset": "UTF-8"}},
            }
        }
        try:
            self.ses.send_email(FromEmailAddress=source, Destination={"ToAddresses": to}, Content=content)
        except ClientError as refused:
            raise _refusal(refused, parseaddr(source)[1]) from refused
        except (BotoCoreError, OSError) as error:
            raise _no_answer(error) from error

    def suppression(self, address: str) -> Suppression | None:
        """The address' entry on the account's suppression list, None without one. Raises Rejected, RetryLater."""
        bare = parseaddr(wire_address(address, "notifications.recipients"))[1]
        try:
            found = self.ses.get_suppressed_destination(EmailAddress=bare)["SuppressedDestination"]
        except ClientError as refused:
            if refused.response["Error"]["Code"] == "NotFoundException":
                return None
            raise _refusal(refused, "") from refused
        except (BotoCoreError, OSError) as error:
            raise RetryLater("Amazon SES could not be asked", cause="mail-unreachable") from error
        return Suppression(str(found.get("Reason", "")), found["LastUpdateTime"])


def wire_address(address: str, setting: str) -> str:
    """An address as a header takes it: a name in ASCII code, a domain in its own. Raises Rejected."""
    name, bare = parseaddr(address)
    local, _, domain = bare.rpartition("@")
    try:
        # A quoted name or a folded line may hold what ends a header.
        if not local or not (address.isprintable() and local.isascii()):
            raise ValueError(setting)
        return formataddr((name, f"{local}@{domain.encode('idna').decode()}"))
    except ValueError:
        remedy = 'write it as name@example.org or "Some Name <name@example.org>"'
        text = "an address that e-mail cannot use"
        raise Rejected(text, cause=NOT_AN_ADDRESS, field=setting, remedy=remedy) from None


def _refusal(refused: ClientError, sender: str) -> GiftBridgeError:
    """An answer in words. Anything unexpected from Amazon SES leaves open whether it sent."""
    code = refused.response["Error"]["Code"]
    status = int(refused.response["ResponseMetadata"]["HTTPStatusCode"])
    if code in _SLOW_DOWN or status == 429:
        text = "Amazon SES asks for fewer e-mails: the account's sending limit is used up"
        return RetryLater(text, cause="mail-limit", remedy="ask AWS for a higher limit if this stays")
    if status >= 500:
        return UnknownOutcome(f"Amazon SES answered with {status}", cause="mail-answer-lost")
    if code == "MessageRejected" and sender and sender.lower() in str(refused).lower():
        text = "the sender is not verified in Amazon SES"
        return Rejected(text, cause="mail-sender-not-verified", field="notifications.sender", remedy=_VERIFY)
    cause, text, remedy = _REFUSALS.get(code, ("mail-refused", f"Amazon SES refused the e-mail ({code})", _SETTINGS))
    return Rejected(text, cause=cause, remedy=remedy, status=status)


def _no_answer(error: Exception) -> GiftBridgeError:
    if isinstance(error, ParamValidationError):
        return Rejected("boto3 finds the e-mail malformed", cause=BAD_REQUEST, remedy=_SETTINGS)
    if isinstance(error, _NEVER_SENT):
        remedy = "goes on by itself; if it stays: does Amazon SES exist in the stack's region?"
        return RetryLater("Amazon SES cannot be reached", cause="mail-unreachable", remedy=remedy)
    return UnknownOutcome("the answer of Amazon SES did not come", cause="mail-answer-lost")
