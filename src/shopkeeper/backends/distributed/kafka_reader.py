"""One member of a consumer group of the event log on Kafka."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shopkeeper.backends.distributed.kafka_topic import ANSWER_S, Topic, driver, record_of
from shopkeeper.core.errors import ConflictError, StoreError
from shopkeeper.core.ports import LogRecord

__all__ = ["KafkaLogReader"]

log = logging.getLogger("shopkeeper.kafka")

_LOST_OWNERSHIP = ("UNKNOWN_MEMBER_ID", "ILLEGAL_GENERATION", "FENCED_INSTANCE_ID", "_STATE")


class KafkaLogReader:
    """Reads the partitions that the group gives it; see :meth:`EventLog.reader`.

    Parameters
    ----------
    topic
        What is read.
    consumer
        Name of the consumer group.
    gained, lost
        What to tell about partitions.
    """

    def __init__(
        self,
        topic: Topic,
        consumer: str,
        *,
        gained: Callable[[int], int | None] | None,
        lost: Callable[[int], None] | None,
    ) -> None:
        self._topic = topic
        self._kafka = driver()
        self._name = consumer
        self._gained, self._lost = gained, lost
        self._confirmed: dict[int, int] = {}
        self._held: set[int] = set()
        self._failure: Exception | None = None
        self._closed = False
        self._consumer = self._kafka.Consumer(
            topic.client(
                group_id=consumer,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                # Only what moves is given back: a member keeps what it goes on reading.
                partition_assignment_strategy="cooperative-sticky",
                session_timeout_ms=6000,
                heartbeat_interval_ms=500,
                fetch_wait_max_ms=100,
            )
        )
        self._consumer.subscribe(
            [topic.name],
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_lost,
        )

    @property
    def partitions(self) -> frozenset[int]:
        """Partitions this member holds now."""
        return frozenset(self._held)

    def poll(self, *, limit: int = 1000, timeout_s: float = 1.0) -> Sequence[LogRecord]:
        """The next records of the held partitions, each partition in order.

        Parameters
        ----------
        limit
            Most records.
        timeout_s
            Longest wait for the first one.

        Returns
        -------
        Sequence[LogRecord]
            Empty if none came in time; the client looks for the brokers meanwhile.

        Raises
        ------
        StoreError
            If the client gave up for good.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            left = max(deadline - time.monotonic(), 0.0)
            first = self._consumer.poll(left)
            if self._failure is not None:
                failure, self._failure = self._failure, None
                raise failure
            # consume() waits until its number is reached, so only for what is here already.
            more = [] if first is None or limit < 2 else self._consumer.consume(limit - 1, 0)
            records = [
                record_of(x)
                for x in ([] if first is None else [first, *more])
                if not self._is_error(x) and x.partition() in self._held
            ]
            if records or time.monotonic() >= deadline:
                return records

    def commit(self, offsets: Mapping[int, int]) -> None:
        """Confirm everything before the offset of each partition; never goes backwards.

        Parameters
        ----------
        offsets
            First unconfirmed offset by partition.

        Raises
        ------
        ConflictError
            If a partition is not held by this member any more.
        UnavailableError
            If the brokers do not answer.
        """
        others = sorted(set(offsets) - self._held)
        if others:
            raise self._not_held(others)
        forward = {p: x for p, x in offsets.items() if x > self._confirmed.get(p, 0)}
        if not forward:
            return
        wanted = [self._at(p, x) for p, x in forward.items()]
        try:
            self._consumer.commit(offsets=wanted, asynchronous=False)
        except self._kafka.KafkaException as error:
            if error.args[0].name() in _LOST_OWNERSHIP:
                raise self._not_held(sorted(forward)) from error
            raise self._topic.unavailable("confirm offsets", error.args[0]) from error
        self._confirmed.update(forward)

    def close(self) -> None:
        """Leave the group, which divides its partitions anew; once is enough."""
        self._gained = self._lost = None
        if not self._closed:
            self._closed = True
            self._consumer.close()
            self._held.clear()

    def _on_assign(self, consumer: Any, partitions: Sequence[Any]) -> None:
        try:
            # Without new partitions the group only says that the division is done.
            stored = consumer.committed(list(partitions), timeout=ANSWER_S) if partitions else []
            starts = []
            for at in stored:
                confirmed = max(at.offset, 0)
                wanted = None if self._gained is None else self._gained(at.partition)
                self._confirmed[at.partition] = confirmed
                starts.append(self._at(at.partition, confirmed if wanted is None else wanted))
            consumer.incremental_assign(starts)
            self._held |= {x.partition for x in starts}
        except self._kafka.KafkaException as error:
            self._failure = self._topic.unavailable("tell the offsets confirmed", error.args[0])
        except Exception as error:  # noqa: BLE001 - raised by poll, out of the client's callback
            self._failure = error

    def _on_revoke(self, consumer: Any, partitions: Sequence[Any]) -> None:
        self._drop(partitions)
        consumer.incremental_unassign(list(partitions))

    def _on_lost(self, consumer: Any, partitions: Sequence[Any]) -> None:
        log.warning("consumer %s was taken for dead and lost its partitions", self._name)
        self._on_revoke(consumer, partitions)

    def _drop(self, partitions: Sequence[Any]) -> None:
        for at in partitions:
            if at.partition in self._held and self._lost is not None:
                try:
                    self._lost(at.partition)
                except Exception as error:  # noqa: BLE001 - raised by poll
                    self._failure = error
            self._held.discard(at.partition)
            self._confirmed.pop(at.partition, None)

    def _is_error(self, message: Any) -> bool:
        error = message.error()
        if error is None:
            return False
        if error.fatal():
            raise StoreError(
                f"the Kafka client of consumer {self._name} gave up: {error}",
                next_step="Restart the worker",
                consumer=self._name,
            )
        log.warning("consumer %s: %s", self._name, error)
        return True

    def _at(self, partition: int, offset: int) -> Any:
        return self._kafka.TopicPartition(self._topic.name, partition, offset)

    def _not_held(self, partitions: Sequence[int]) -> ConflictError:
        return ConflictError(
            f"this reader does not hold partition {partitions[0]}",
            next_step="Drop its records; another reader works them off",
            partitions=list(partitions),
        )
