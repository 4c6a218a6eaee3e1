"""Models, senders and the clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol


@dataclass(frozen=True, slots=True)
class StoredModel:
    """One version of a model in the store."""

    task: str
    version: str
    model: str
    created_at: datetime
    aliases: tuple[str, ...]
    card: Mapping[str, Any]
    folder: Path


class ModelStore(Protocol):
    """Versions, aliases and cards; the files are in declared formats, never pickles."""

    def save(
        self, task: str, model: str, folder: Path, card: Mapping[str, Any], *, created_at: datetime
    ) -> StoredModel:
        """Take over the files of ``folder``; the version is the digest of their content."""
        ...

    def get(self, task: str, version_or_alias: str) -> StoredModel:
        """One version.

        Raises
        ------
        NotFoundError
            If neither a version nor an alias has that name.
        """
        ...

    def versions(self, task: str | None = None) -> Sequence[StoredModel]:
        """All versions, newest first."""
        ...

    def alias(self, task: str, alias: str, version: str) -> None:
        """Point an alias (``champion``, ``challenger``) at a version."""
        ...

    def move(self, task: str, aliases: Mapping[str, str | None]) -> None:
        """Point several aliases at once; None takes one away."""
        ...


@dataclass(frozen=True, slots=True)
class Message:
    """One message of one channel, ready to send."""

    key: str
    channel: str
    to: str
    subject: str
    body: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the channel said about a message."""

    key: str
    status: Literal["sent", "repeated", "refused"]
    detail: str
    sent_at: datetime


class Sender(Protocol):
    """Sends one message of one channel; a repeated key is never sent twice."""

    channel: str

    def send(self, message: Message, *, now: datetime) -> Receipt:
        """Hand over the message durably, or refuse it with the reason."""
        ...


class Clock(Protocol):
    """Where ``apps`` get the time from; stages get it as an argument."""

    def now(self) -> datetime:
        """The current moment in UTC."""
        ...
