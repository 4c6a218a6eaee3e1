"""Groups of messages on their way to the brokers, resolved in the order they came in."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any

from shopkeeper.backends.backlog import Backlog
from shopkeeper.backends.distributed.kafka_topic import ANSWER_S, RECEIVED, Topic, driver
from shopkeeper.backends.partitions import partition_of
from shopkeeper.core.errors import StoreError
from shopkeeper.core.ports import LogEntry

__all__ = ["KafkaGroups"]

_MESSAGE_BYTES = 120  # what a message costs beside its payload
_SERVE_S = 0.1


class _Group:
    """Messages submitted together; done when the last of them is."""

    __slots__ = ("future", "missing", "offsets", "size")

    def __init__(self, messages: int, size: int) -> None:
        self.missing = messages
        self.offsets: list[tuple[int, int]] = [(-1, -1)] * messages
        self.size = size
        self.future: Future[Sequence[tuple[int, int]]] = Future()
        self.future.set_running_or_notify_cancel()


class KafkaGroups:
    """An idempotent producer whose confirmations are told group by group.

    Parameters
    ----------
    topic
        Where to.
    backlog
        What waits and how much may.
    """

    def __init__(self, topic: Topic, backlog: Backlog) -> None:
        self._topic = topic
        self._backlog = backlog
        self._pending: deque[_Group] = deque()
        self._lock = threading.RLock()
        self._closed = threading.Event()
        self._producer = self._connected()
        self._retired: list[Any] = []
        self._thread = threading.Thread(target=self._serve, name="kafka-log", daemon=True)
        self._thread.start()

    def submit(
        self, entries: Sequence[LogEntry], received_us: int
    ) -> Future[Sequence[tuple[int, int]]]:
        """Hand entries to the client; see :meth:`EventLog.submit`.

        Parameters
        ----------
        entries
            Each goes to the partition of its key.
        received_us
            When they arrived, microseconds UTC.

        Returns
        -------
        Future

        Raises
        ------
        BusyError
            If the queue is full.
        StoreError
            If the log was closed.
        """
        size = sum(len(x.payload) + len(x.key) + _MESSAGE_BYTES for x in entries)
        group = _Group(len(entries), size)
        headers = [(RECEIVED, str(received_us).encode())]
        with self._lock:
            if self._closed.is_set():
                raise StoreError("the event log was closed", next_step="Open it again")
            self._backlog.take(size)
            self._pending.append(group)
            for number, entry in enumerate(entries):
                try:
                    self._producer.produce(
                        self._topic.name,
                        value=entry.payload,
                        key=entry.key.encode(),
                        partition=partition_of(entry.key, self._topic.partitions),
                        headers=headers,
                        timestamp=received_us // 1000,
                        on_delivery=partial(self._delivered, group, number),
                    )
                except Exception as error:  # noqa: BLE001 - told to everyone who waits
                    self._fail(error)
                    break
            self._settle()
        return group.future

    def close(self) -> None:
        """Wait for what is on its way, at most as long as a delivery may take."""
        with self._lock:
            self._closed.set()
        self._thread.join()
        self._producer.flush(ANSWER_S + 1)
        self._fail("the event log was closed")

    def _connected(self) -> Any:
        return driver().Producer(
            self._topic.client(
                enable_idempotence=True,
                acks="all",
                linger_ms=1,
                delivery_timeout_ms=int(ANSWER_S * 1000),
                message_max_bytes=16 << 20,
                # The backlog is the bound: what it admits, the client must take.
                queue_buffering_max_messages=0,
                queue_buffering_max_kbytes=2_097_151,
            )
        )

    def _serve(self) -> None:
        while not self._closed.is_set():
            self._producer.poll(_SERVE_S)
            # Freed here: a client must not end inside its own callback.
            self._retired.clear()

    def _delivered(self, group: _Group, number: int, error: Any, message: Any) -> None:
        with self._lock:
            if error is not None:
                if not group.future.done():
                    self._fail(error)
                return
            group.offsets[number] = (message.partition(), message.offset())
            group.missing -= 1
            if not group.missing:
                self._settle()

    def _settle(self) -> None:
        """Resolve the oldest groups that are complete; later ones wait for them."""
        while self._pending and not self._pending[0].missing:
            group = self._pending.popleft()
            self._backlog.give(group.size)
            group.future.set_result(group.offsets)

    def _fail(self, error: object) -> None:
        """Everything that waits fails with the first: nothing may overtake it."""
        with self._lock:
            doomed, self._pending = self._pending, deque()
            if doomed:
                # A producer that gave up on a message has a gap in its sequence, which a
                # broker may refuse for good: a new one starts a sequence of its own.
                self._producer.purge(in_queue=True, in_flight=True, blocking=False)
                self._retired.append(self._producer)
                self._producer = self._connected()
        for group in doomed:
            self._backlog.give(group.size)
            group.future.set_exception(self._topic.unavailable("store events", error))
