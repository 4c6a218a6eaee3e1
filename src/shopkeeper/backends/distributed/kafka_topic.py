"""The Kafka topic that holds the event log, and what its messages look like."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from shopkeeper.core.errors import (
    MissingExtraError,
    SettingsError,
    ShopkeeperError,
    UnavailableError,
)
from shopkeeper.core.ports import LogRecord

__all__ = ["ANSWER_S", "RECEIVED", "Topic", "driver", "record_of"]

log = logging.getLogger("shopkeeper.kafka")

ANSWER_S = 5.0
"""Seconds that a broker may take to answer or to store a message."""

RECEIVED = "received_us"
"""Header that keeps the exact moment; the message's own time has milliseconds only."""

_ASK_AGAIN_S = 1.0


def driver() -> ModuleType:
    """The Kafka client.

    Returns
    -------
    ModuleType

    Raises
    ------
    MissingExtraError
        If confluent-kafka is not installed.
    """
    try:
        import confluent_kafka
    except ImportError as error:
        raise MissingExtraError("confluent_kafka", "kafka") from error
    return confluent_kafka


def record_of(message: Any) -> LogRecord:
    """One message as a record.

    Parameters
    ----------
    message
        Without an error.

    Returns
    -------
    LogRecord
        Without the header, as another program wrote it, the time of the message
        counts.
    """
    headers = dict(message.headers() or ())
    received = headers.get(RECEIVED)
    received_us = int(received) if received is not None else message.timestamp()[1] * 1000
    return LogRecord(
        message.partition(),
        message.offset(),
        (message.key() or b"").decode("utf-8", "replace"),
        message.value() or b"",
        received_us,
    )


@dataclass
class Topic:
    """One topic with a fixed number of partitions, created when missing.

    Parameters
    ----------
    brokers
        Addresses ``host:port``, separated by commas.
    name
        Topic.
    partitions
        How many it must have.
    retention_days
        How long the brokers keep messages, whether they were worked off or not.
    options
        Further settings of the client.
    """

    brokers: str
    name: str
    partitions: int
    retention_days: int
    options: dict[str, Any] = field(default_factory=dict)
    _checked: bool = False
    _refused: tuple[float, ShopkeeperError] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def client(self, **settings: Any) -> dict[str, Any]:
        """Settings of a client; keyword names have underscores for dots.

        Parameters
        ----------
        **settings
            Of this client.

        Returns
        -------
        dict
        """
        own = {k.replace("_", "."): v for k, v in settings.items()}
        return {
            "bootstrap.servers": self.brokers,
            "socket.timeout.ms": int(ANSWER_S * 1000),
            "socket.nagle.disable": True,
            "reconnect.backoff.max.ms": 1000,
            "logger": log,
            **own,
            **self.options,
        }

    def check(self) -> None:
        """Create the topic if it is missing; after the first success nothing happens.

        Raises
        ------
        SettingsError
            If it exists with another number of partitions.
        UnavailableError
            If no broker answers; asked again one second later at the earliest, so
            that callers are not held up one after the other.
        """
        if self._checked:
            return
        with self._lock:
            if self._refused is not None and time.monotonic() < self._refused[0]:
                raise self._refused[1]
            try:
                self._create()
            except ShopkeeperError as error:
                self._refused = (time.monotonic() + _ASK_AGAIN_S, error)
                raise
            self._checked = True

    def unavailable(self, what: str, error: object) -> UnavailableError:
        """What to raise when the brokers do not do their part.

        Parameters
        ----------
        what
            What was wanted.
        error
            What the client says.

        Returns
        -------
        UnavailableError
        """
        return UnavailableError(
            f"the Kafka brokers {self.brokers} did not {what}: {error}",
            next_step="Check live.brokers and the brokers, then repeat",
            brokers=self.brokers,
            topic=self.name,
        )

    def _create(self) -> None:
        kafka = driver()
        from confluent_kafka import admin as administration

        admin = administration.AdminClient(self.client())
        stored = self._stored(admin)
        if not stored:
            wanted = administration.NewTopic(  # type: ignore[attr-defined]
                self.name,
                self.partitions,
                config={"retention.ms": str(self.retention_days * 86_400_000)},
            )
            try:
                admin.create_topics([wanted], request_timeout=ANSWER_S)[self.name].result()
            except kafka.KafkaException as error:
                # Another process may have been first.
                if error.args[0].code() != kafka.KafkaError.TOPIC_ALREADY_EXISTS:
                    raise self.unavailable(
                        f"create the topic {self.name}", error.args[0]
                    ) from error
        deadline = time.monotonic() + ANSWER_S
        while not stored and time.monotonic() < deadline:
            time.sleep(0.02)
            stored = self._stored(admin)
        if stored != self.partitions:
            raise SettingsError(
                f"the Kafka topic {self.name} has {stored} partitions, not {self.partitions}",
                next_step=f"Set live.partitions to {stored} or choose another live.topic",
                stored=stored,
                wanted=self.partitions,
            )

    def _stored(self, admin: Any) -> int:
        """Partitions that the topic has; 0 without it. Asking for it by name may create it."""
        try:
            found = admin.list_topics(timeout=ANSWER_S).topics.get(self.name)
        except driver().KafkaException as error:
            raise self.unavailable("list their topics", error.args[0]) from error
        return 0 if found is None or found.error is not None else len(found.partitions)
