"""The event log: what was accepted, until it is worked off."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One payload on its way into the log.

    Parameters
    ----------
    key
        Decides the partition; entries of one key keep their order.
    payload
        What is stored, as it is.
    """

    key: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One accepted payload as it lies in the log."""

    partition: int
    offset: int
    key: str
    payload: bytes
    received_us: int


@dataclass(frozen=True, slots=True)
class LogCapabilities:
    """What an event log can do.

    Parameters
    ----------
    name
        Which back end this is.
    lag
        Whether the end of a partition is known, so that a lag can be told.
    erase
        Whether single payloads can be rewritten or removed before they expire.
    shared
        Whether several machines may read and write it.
    """

    name: str
    lag: bool
    erase: bool
    shared: bool


class LogReader(Protocol):
    """One member of a consumer: partitions are divided among the members that live."""

    @property
    def partitions(self) -> frozenset[int]:
        """Partitions this member holds now."""
        ...

    def poll(self, *, limit: int = 1000, timeout_s: float = 1.0) -> Sequence[LogRecord]:
        """The next records of the held partitions, each partition in order.

        Waits up to ``timeout_s`` for the first one; gains and losses of
        partitions are told (``gained``, ``lost``) inside this call.
        """
        ...

    def commit(self, offsets: Mapping[int, int]) -> None:
        """Confirm everything before the offset of each partition; never goes backwards.

        Raises
        ------
        ConflictError
            If a partition is not held any more; nothing is confirmed.
        """
        ...

    def close(self) -> None:
        """Give the partitions back."""
        ...


class EventLog(Protocol):
    """Durable, ordered, partitioned log; a confirmed payload is on disk."""

    partitions: int

    @property
    def capabilities(self) -> LogCapabilities:
        """What this log can do."""
        ...

    def partition_of(self, key: str) -> int:
        """Partition that a key belongs to."""
        ...

    def submit(
        self, entries: Sequence[LogEntry], *, received_us: int
    ) -> Future[Sequence[tuple[int, int]]]:
        """Queue entries for the next group commit.

        Groups become durable in the order in which they were submitted. When one
        fails, everything queued behind it at that moment fails with it.

        Returns
        -------
        concurrent.futures.Future
            Partition and offset of each entry, once all of them are durable.
            Without entries: resolves when everything submitted before is durable.

        Raises
        ------
        BusyError
            At once, if the queue is full; its ``retry_after_s`` says when to try again.
        """
        ...

    def append(
        self, key: str, payloads: Sequence[bytes], *, received_us: int
    ) -> Sequence[tuple[int, int]]:
        """Append under one key; returns (partition, offset) of each once durable."""
        ...

    def pressure(self) -> float:
        """How full the queue of unconfirmed payloads is, 0 to 1."""
        ...

    def read(self, partition: int, offset: int, *, limit: int = 1000) -> Sequence[LogRecord]:
        """Records of a partition from an offset on, in order."""
        ...

    def reader(
        self,
        consumer: str,
        *,
        gained: Callable[[int], int | None] | None = None,
        lost: Callable[[int], None] | None = None,
    ) -> LogReader:
        """Join the readers of a consumer.

        Parameters
        ----------
        consumer
            Name of the consumer.
        gained
            Called with a partition before its first record is handed out; returns
            the offset to start at, None for the first unconfirmed one.
        lost
            Called before a partition is given to another member, so that the work on it
            can be ended; after the fact if this member was taken for dead.
        """
        ...

    def head(self, partition: int) -> int:
        """Offset the next payload of the partition will get."""
        ...

    def committed(self, consumer: str, partition: int) -> int:
        """First offset the consumer has not yet confirmed."""
        ...

    def commit(self, consumer: str, partition: int, offset: int) -> None:
        """Confirm everything before ``offset``; never goes backwards."""
        ...

    def expire(self, before_us: int) -> int:
        """Remove records received earlier that every consumer confirmed; how many."""
        ...

    def rewrite(self, partition: int, change: Callable[[LogRecord], bytes | None]) -> int:
        """Replace payloads in place, for erasure; how many changed.

        ``change`` returns the payload to keep, or None to empty it (offsets stay).
        """
        ...

    def close(self) -> None:
        """Release files."""
        ...
