"""One writer at a time: between threads and between processes of one machine."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shopkeeper.core.errors import ConflictError

__all__ = ["exclusive"]

_FIRST_WAIT_S = 0.001
_LONGEST_WAIT_S = 0.05


@contextmanager
def exclusive(path: Path, *, wait_s: float = 600.0) -> Iterator[int]:
    """Hold an advisory file lock; the kernel releases it if the process dies.

    Every call opens the file anew, so the lock excludes other threads of the same
    process too. Not reentrant.

    Parameters
    ----------
    path
        Lock file; created with its folder.
    wait_s
        Seconds to wait for another holder.

    Yields
    ------
    int
        The file system's time in nanoseconds at which the lock was taken; files
        younger than this were written under it.

    Raises
    ------
    ConflictError
        If another holder did not finish in time.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _wait(descriptor, path, wait_s)
        os.utime(descriptor)
        yield os.fstat(descriptor).st_mtime_ns
    finally:
        os.close(descriptor)


def _wait(descriptor: int, path: Path, wait_s: float) -> None:
    deadline = time.monotonic() + wait_s
    pause = _FIRST_WAIT_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise ConflictError(
                    f"another writer has held {path.stem} for {wait_s:g} seconds",
                    next_step="Wait for the other run to end, then repeat",
                    lock=str(path),
                ) from None
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_WAIT_S)
        else:
            return
