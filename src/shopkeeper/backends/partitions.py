"""Which partition of the event log a key belongs to; the same on every back end."""

from __future__ import annotations

import hashlib

from shopkeeper.core.errors import InputError

__all__ = ["check_partition", "partition_of"]


def partition_of(key: str, partitions: int) -> int:
    """Partition of a key, by the first eight bytes of its BLAKE2b digest.

    Parameters
    ----------
    key
        Any text.
    partitions
        How many there are.

    Returns
    -------
    int
        From 0; never changes for the same key and number of partitions.

    Examples
    --------
    >>> [partition_of(x, 4) for x in ("crm:1", "crm:2", "crm:3", "crm:4")]
    [2, 0, 0, 2]
    """
    digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") % partitions


def check_partition(partition: int, partitions: int) -> None:
    """Refuse a partition that does not exist.

    Parameters
    ----------
    partition
        From 0.
    partitions
        How many there are.

    Raises
    ------
    InputError
        If there is no such partition.
    """
    if not 0 <= partition < partitions:
        raise InputError(
            f"the event log has no partition {partition}",
            next_step=f"Choose 0 to {partitions - 1}",
            partition=partition,
        )
