"""Secrets Manager in memory: the current version of each secret, and the one before."""

from __future__ import annotations

from typing import Any

from tests.simulation.aws.errors import refused


class SecretsManager:
    """The secrets of one account, by name."""

    def __init__(self) -> None:
        self._versions: dict[str, list[str]] = {}

    def create_secret(self, *, Name: str, SecretString: str) -> dict[str, Any]:
        if Name in self._versions:
            raise refused("ResourceExistsException", f"The secret {Name} already exists.")
        self._versions[Name] = [SecretString]
        return {"ARN": Name, "Name": Name, "VersionId": self._id(Name)}

    def put_secret_value(self, *, SecretId: str, SecretString: str) -> dict[str, Any]:
        self._of(SecretId).append(SecretString)
        return {"ARN": SecretId, "Name": SecretId, "VersionId": self._id(SecretId), "VersionStages": ["AWSCURRENT"]}

    def get_secret_value(self, *, SecretId: str) -> dict[str, Any]:
        return {
            "ARN": SecretId,
            "Name": SecretId,
            "SecretString": self._of(SecretId)[-1],
            "VersionId": self._id(SecretId),
            "VersionStages": ["AWSCURRENT"],
        }

    def describe_secret(self, *, SecretId: str) -> dict[str, Any]:
        count = len(self._of(SecretId))
        stages = {self._id(SecretId): ["AWSCURRENT"]}
        if count > 1:
            stages[self._id(SecretId, count - 1)] = ["AWSPREVIOUS"]
        return {"ARN": SecretId, "Name": SecretId, "VersionIdsToStages": stages}

    def _of(self, name: str) -> list[str]:
        found = self._versions.get(name)
        if found is None:
            raise refused("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
        return found

    def _id(self, name: str, number: int | None = None) -> str:
        return f"version-{number or len(self._versions[name]):032d}"
