"""Amazon SES on this machine takes every address: here is nobody who could confirm one, and no e-mail leaves."""

from __future__ import annotations

from email.utils import parseaddr

from ministack.services import ses


def install() -> None:
    """Every well-formed sender and recipient counts as verified."""

    def identity_verified(address: str, *, simulator: bool = False) -> bool:
        return "@" in parseaddr(address)[1]

    ses._identity_verified = identity_verified
