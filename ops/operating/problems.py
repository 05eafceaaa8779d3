"""What can go wrong between an operator and a stack, each with the exit code a script can rely on."""

from __future__ import annotations

from collections.abc import Sequence

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)
from botocore.exceptions import ConnectionError as NoConnection

from giftbridge.errors import GiftBridgeError, InvalidSettings, RetryLater

HEALTHY, PERSON_NEEDED, USAGE, UNREACHABLE = 0, 1, 2, 3

_EXPIRED = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "AuthFailure",
    }
)
_REFUSED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"})


class Problem(Exception):
    """A sentence that says what is wrong and what to do. `details` are further lines."""

    exit_code = PERSON_NEEDED

    def __init__(self, text: str, details: Sequence[str] = ()) -> None:
        super().__init__(text)
        self.text = text
        self.details = tuple(details)


class NeedsPerson(Problem):
    """Something only a person can put right."""


class WrongUsage(Problem):
    """What was asked for makes no sense; nothing was done."""

    exit_code = USAGE


class Unreachable(Problem):
    """The stack, or a system behind it, cannot be reached."""

    exit_code = UNREACHABLE


def problem_of(error: Exception) -> Problem | None:
    """An expected error in an operator's words; None for one that nobody expected."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, GiftBridgeError):
        return _of_the_product(error)
    if isinstance(error, ClientError):
        return _refused_by_aws(error)
    if isinstance(error, BotoCoreError):
        return _no_way_to_aws(error)
    return None


def _of_the_product(error: GiftBridgeError) -> Problem:
    if isinstance(error, InvalidSettings):
        return WrongUsage("The settings document is refused; nothing was saved.", list(map(str, error.problems)))
    if isinstance(error, RetryLater):
        return Unreachable(error.explain())
    return NeedsPerson(error.explain())


def _refused_by_aws(error: ClientError) -> Problem:
    code = error.response.get("Error", {}).get("Code", "")
    message = error.response.get("Error", {}).get("Message", "")
    if code in _EXPIRED:
        return Unreachable(
            f"AWS does not accept your credentials ({code}).",
            ["Log in again (`aws sso login`, `aws configure`), or choose another profile with AWS_PROFILE."],
        )
    if code in _REFUSED:
        return Unreachable(
            f"Your AWS permissions do not allow {error.operation_name}.",
            [message, "Ask for the operator policy of this stack, or choose another profile with AWS_PROFILE."],
        )
    return Unreachable(f"AWS refused {error.operation_name}: {message} ({code})")


def _no_way_to_aws(error: BotoCoreError) -> Problem:
    if isinstance(error, NoCredentialsError | PartialCredentialsError | SSOError | TokenRetrievalError):
        return Unreachable(
            "There are no AWS credentials that work.",
            ["Log in (`aws sso login`, `aws configure`), or choose a profile with AWS_PROFILE.", str(error)],
        )
    if isinstance(error, NoRegionError):
        return Unreachable("No AWS region is configured.", ["Set AWS_REGION, or a region in your AWS profile."])
    if isinstance(error, ProfileNotFound):
        return Unreachable(f"{error}.", ["`aws configure list-profiles` lists those there are."])
    if isinstance(error, HTTPClientError | NoConnection):
        return Unreachable(f"No connection: {error}")
    return Unreachable(str(error))
