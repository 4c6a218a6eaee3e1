"""The event log on Kafka: the brokers keep what several machines write and read."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from shopkeeper.backends.backlog import Backlog
from shopkeeper.backends.distributed.kafka_groups import KafkaGroups
from shopkeeper.backends.distributed.kafka_reader import KafkaLogReader
from shopkeeper.backends.distributed.kafka_topic import ANSWER_S, Topic, driver, record_of
from shopkeeper.backends.partitions import check_partition, partition_of
from shopkeeper.core.errors import ConflictError, StoreError
from shopkeeper.core.ports import LogCapabilities, LogEntry, LogReader, LogRecord

__all__ = ["KafkaLog"]


class KafkaLog:
    """Durable, ordered, partitioned log in one topic.

    A payload is confirmed when all in-sync replicas have it (``acks=all``, idempotent
    producer), so how much a crash may take is the topic's replication. A group that
    fails may be in the log in part: clients send it again, and the worker drops what
    it has seen. Brokers remove records by the topic's retention, whether they were
    worked off or not.

    Parameters
    ----------
    brokers
        Addresses ``host:port``, separated by commas.
    topic
        Topic; created when missing, with the brokers' default replication.
    partitions
        Number of partitions; fixed when the topic is created.
    queue_mb
        Unconfirmed payloads held before :meth:`submit` refuses more.
    retention_days
        How long a topic created here keeps records.
    options
        Further settings of the client, such as TLS and user.

    Raises
    ------
    MissingExtraError
        At first use, if confluent-kafka is not installed.
    """

    def __init__(
        self,
        brokers: str,
        topic: str,
        *,
        partitions: int = 4,
        queue_mb: int = 64,
        retention_days: int = 7,
        options: dict[str, Any] | None = None,
    ) -> None:
        self.partitions = partitions
        self._topic = Topic(brokers, topic, partitions, retention_days, options or {})
        self._backlog = Backlog(queue_mb << 20)
        self._groups: KafkaGroups | None = None
        self._clients: dict[str, Any] = {}
        # Held until the end: a client that is collected while it is in a group blocks.
        self._readers: list[KafkaLogReader] = []
        self._lock = threading.Lock()

    @property
    def capabilities(self) -> LogCapabilities:
        """What this log can do."""
        return LogCapabilities(name="kafka", lag=True, erase=False, shared=True)

    def partition_of(self, key: str) -> int:
        """Partition that a key belongs to, the same as in the embedded log."""
        return partition_of(key, self.partitions)

    def submit(
        self, entries: Sequence[LogEntry], *, received_us: int
    ) -> Future[Sequence[tuple[int, int]]]:
        """Queue entries for the brokers; see :meth:`EventLog.submit`.

        The first call looks for the topic and may take as long as brokers may take
        to answer.

        Parameters
        ----------
        entries
            Without any, the future resolves when everything submitted before is durable.
        received_us
            When they arrived, microseconds UTC.

        Returns
        -------
        Future
            Partition and offset of each; fails with ``UnavailableError`` when the
            brokers have not confirmed them within five seconds.

        Raises
        ------
        BusyError
            At once, if the queue is full; ``facts["retry_after_s"]`` says when to
            try again.
        UnavailableError, SettingsError
            If the topic is not there and cannot be created, or is another one.
        """
        self._topic.check()
        if self._groups is None:
            with self._lock:
                if self._groups is None:
                    self._groups = KafkaGroups(self._topic, self._backlog)
        return self._groups.submit(entries, received_us)

    def append(
        self, key: str, payloads: Sequence[bytes], *, received_us: int
    ) -> Sequence[tuple[int, int]]:
        """Append batches under one key and wait until the brokers have them.

        Parameters
        ----------
        key
            Decides the partition; equal keys keep their order.
        payloads
            One accepted batch each.
        received_us
            When they arrived, microseconds UTC.

        Returns
        -------
        Sequence[tuple[int, int]]
            Partition and offset of each.

        Raises
        ------
        UnavailableError
            If they were not confirmed within five seconds.
        """
        entries = [LogEntry(key, x) for x in payloads]
        return self.submit(entries, received_us=received_us).result()

    def pressure(self) -> float:
        """How full the queue of unconfirmed payloads is, 0 to 1."""
        return self._backlog.pressure()

    def read(self, partition: int, offset: int, *, limit: int = 1000) -> Sequence[LogRecord]:
        """Records of a partition from an offset on, in order.

        Parameters
        ----------
        partition
            From 0.
        offset
            First one wanted; below the first one kept it starts there.
        limit
            Most records returned.

        Returns
        -------
        Sequence[LogRecord]
            Empty at the end of the log.

        Raises
        ------
        InputError
            If there is no such partition.
        UnavailableError
            If the brokers tell neither a record nor the end in time.
        """
        check_partition(partition, self.partitions)
        records: list[LogRecord] = []
        deadline = time.monotonic() + ANSWER_S
        with self._client("shopkeeper-read", enable_partition_eof=True) as consumer:
            consumer.assign([self._at(partition, max(offset, 0))])
            try:
                while len(records) < limit:
                    message = consumer.poll(0.1)
                    if message is not None and message.error() is None:
                        records.append(record_of(message))
                        deadline = time.monotonic() + ANSWER_S
                    elif message is not None and self._is_end(message):
                        break
                    elif time.monotonic() > deadline:
                        raise self._topic.unavailable("tell records", "no answer in time")
            finally:
                consumer.unassign()
        return records

    def reader(
        self,
        consumer: str,
        *,
        gained: Callable[[int], int | None] | None = None,
        lost: Callable[[int], None] | None = None,
    ) -> LogReader:
        """Join a consumer group, from any machine.

        Partitions are divided anew inside ``poll``; those of a member that dies are
        free after six seconds. A partition is still held while ``lost`` is called,
        unless the group took this member for dead.

        Parameters
        ----------
        consumer
            Name of the group.
        gained
            Called with a partition before its first record; returns the offset to
            start at, None for the first unconfirmed one.
        lost
            Called before a partition is given to another member.

        Returns
        -------
        LogReader
            For one thread at a time.
        """
        self._topic.check()
        reader = KafkaLogReader(self._topic, consumer, gained=gained, lost=lost)
        self._readers.append(reader)
        return reader

    def head(self, partition: int) -> int:
        """Offset the next payload of the partition will get, as the brokers tell it.

        Parameters
        ----------
        partition
            From 0.

        Returns
        -------
        int
        """
        check_partition(partition, self.partitions)
        with self._client("shopkeeper-read", enable_partition_eof=True) as consumer:
            _, end = consumer.get_watermark_offsets(self._at(partition), timeout=ANSWER_S)
        return int(end)

    def committed(self, consumer: str, partition: int) -> int:
        """First offset the consumer has not yet confirmed; 0 for a new one.

        Parameters
        ----------
        consumer
            Name of the group.
        partition
            From 0.

        Returns
        -------
        int
        """
        check_partition(partition, self.partitions)
        with self._client(consumer) as client:
            (found,) = client.committed([self._at(partition)], timeout=ANSWER_S)
        return max(int(found.offset), 0)

    def commit(self, consumer: str, partition: int, offset: int) -> None:
        """Confirm everything before ``offset``; an earlier offset changes nothing.

        Parameters
        ----------
        consumer
            Name of the group.
        partition
            From 0.
        offset
            First one not yet worked off.

        Raises
        ------
        ConflictError
            If the group has members: confirm through its readers.
        """
        if offset <= self.committed(consumer, partition):
            return
        with self._client(consumer) as client:
            try:
                client.commit(offsets=[self._at(partition, offset)], asynchronous=False)
            except driver().KafkaException as error:
                if error.args[0].name() == "UNKNOWN_MEMBER_ID":
                    raise ConflictError(
                        f"consumer {consumer} has readers that confirm for it",
                        next_step="Confirm through the reader",
                        consumer=consumer,
                    ) from error
                raise

    def expire(self, before_us: int) -> int:  # noqa: ARG002 - the topic's retention decides
        """Nothing: the brokers remove records by the topic's retention.

        Parameters
        ----------
        before_us
            Not used.

        Returns
        -------
        int
            0.
        """
        return 0

    def rewrite(self, partition: int, change: Callable[[LogRecord], bytes | None]) -> int:  # noqa: ARG002
        """Refuse: a topic's records cannot be changed.

        Parameters
        ----------
        partition
            From 0.
        change
            Not called.

        Raises
        ------
        StoreError
            Always; ``capabilities.erase`` says so beforehand.
        """
        raise StoreError(
            "records of a Kafka topic cannot be changed",
            next_step="They go with the topic's retention (live.retention_days): wait for it "
            "or shorten it",
            topic=self._topic.name,
        )

    def close(self) -> None:
        """Wait for what is on its way and disconnect; readers that are open leave."""
        for reader in self._readers:
            reader.close()
        with self._lock:
            if self._groups is not None:
                self._groups.close()
            for client in self._clients.values():
                client.close()
            self._clients.clear()

    @contextmanager
    def _client(self, group: str, **settings: Any) -> Iterator[Any]:
        """A client that belongs to no group's members; one a name, kept open."""
        self._topic.check()
        kafka = driver()
        with self._lock:
            if group not in self._clients:
                self._clients[group] = kafka.Consumer(
                    self._topic.client(
                        group_id=group,
                        enable_auto_commit=False,
                        auto_offset_reset="earliest",
                        fetch_wait_max_ms=100,
                        **settings,
                    )
                )
            try:
                yield self._clients[group]
            except kafka.KafkaException as error:
                raise self._topic.unavailable("answer", error.args[0]) from error

    def _is_end(self, message: Any) -> bool:
        error = message.error()
        if error.code() == driver().KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
            return True
        if error.retriable():
            return False
        raise self._topic.unavailable("tell records", error)

    def _at(self, partition: int, offset: int = -1001) -> Any:
        return driver().TopicPartition(self._topic.name, partition, offset)
