"""Who reads which partition: file locks, which end with the process that holds them."""

from __future__ import annotations

import fcntl
import os
import re
import time
import uuid
from contextlib import AbstractContextManager
from pathlib import Path

from shopkeeper.backends.embedded.locks import exclusive
from shopkeeper.core.errors import InputError

__all__ = ["Claims"]

_NAME = re.compile(r"[\w.-]{1,100}")


class Claims:
    """One member of a consumer, and the partitions it holds.

    Members are files in one folder, each locked while its owner lives; the oldest
    member has rank 0. A member should hold the partitions whose number leaves its
    rank when divided by the number of members, and holds a partition by locking
    that partition's file, so that two never hold the same.

    Parameters
    ----------
    folder
        Folder of the log's readers.
    consumer
        Name of the consumer.
    partitions
        How many there are.

    Raises
    ------
    InputError
        If the name of the consumer cannot be a file's name.
    """

    def __init__(self, folder: Path, consumer: str, partitions: int) -> None:
        if not _NAME.fullmatch(consumer):
            raise InputError(
                f"{consumer!r} cannot be the name of a consumer",
                next_step="Use letters, digits, dots, dashes and underscores",
                consumer=consumer,
            )
        self._folder = folder / consumer
        self._partitions = partitions
        self._held: dict[int, int] = {}
        self._member = f"{time.time_ns():020d}-{uuid.uuid4().hex[:8]}.member"
        with self._registry():
            self._alive = _opened(self._folder / self._member)
            fcntl.flock(self._alive, fcntl.LOCK_EX)

    @property
    def held(self) -> frozenset[int]:
        """Partitions held now."""
        return frozenset(self._held)

    def fair(self) -> frozenset[int]:
        """Partitions this member should hold, by who lives now."""
        with self._registry():
            members = sorted(x.name for x in self._folder.glob("*.member") if self._lives(x))
        rank = members.index(self._member)
        return frozenset(range(rank, self._partitions, len(members)))

    def take(self, partition: int) -> bool:
        """Hold a partition, unless another member still does; says whether it is held.

        Parameters
        ----------
        partition
            From 0.

        Returns
        -------
        bool
        """
        if partition in self._held:
            return True
        descriptor = _opened(self._folder / f"{partition}.partition")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._held[partition] = descriptor
        return True

    def give(self, partition: int) -> None:
        """Let others hold a partition.

        Parameters
        ----------
        partition
            One that is held.
        """
        os.close(self._held.pop(partition))

    def close(self) -> None:
        """Give everything back and leave the consumer."""
        for partition in list(self._held):
            self.give(partition)
        if self._alive >= 0:
            (self._folder / self._member).unlink(missing_ok=True)
            os.close(self._alive)
            self._alive = -1

    def _registry(self) -> AbstractContextManager[int]:
        return exclusive(self._folder / "registry.lock")

    def _lives(self, file: Path) -> bool:
        """Whether a member's file is locked; one that is not is removed."""
        if file.name == self._member:
            return True
        try:
            descriptor = os.open(file, os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        else:
            file.unlink(missing_ok=True)
            return False
        finally:
            os.close(descriptor)


def _opened(file: Path) -> int:
    file.parent.mkdir(parents=True, exist_ok=True)
    return os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
