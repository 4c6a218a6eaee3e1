"""What every layer says when the disk is full, brought to one error."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shopkeeper.core.errors import StorageFullError

__all__ = ["full_disk_as_error", "is_disk_full"]

_SAID = (
    "no space left on device",
    "file too large",
    "disk quota exceeded",
    "database or disk is full",
)
_NUMBERS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def is_disk_full(error: BaseException) -> bool:
    """Whether an error, or what caused it, is a full disk.

    Drivers written in C++ and Rust pass only the operating system's sentence on,
    so the text counts as well as the number.

    Parameters
    ----------
    error
        Anything that was raised while writing.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_disk_full(OSError(28, "No space left on device"))
    True
    >>> is_disk_full(ValueError("no such column"))
    False
    """
    link: BaseException | None = error
    while link is not None:
        if isinstance(link, OSError) and link.errno in _NUMBERS:
            return True
        text = str(link).lower()
        if any(said in text for said in _SAID):
            return True
        link = link.__cause__
    return False


@contextmanager
def full_disk_as_error(folder: Path, what: str) -> Iterator[None]:
    """Turn a full disk into :class:`StorageFullError`; let everything else pass.

    Parameters
    ----------
    folder
        Where was written.
    what
        What was written, for the message.

    Raises
    ------
    StorageFullError
        If the body failed because no room was left.
    """
    try:
        yield
    except StorageFullError:
        raise
    except Exception as error:
        if is_disk_full(error):
            raise StorageFullError(
                f"no room left in {folder} to write {what}; nothing of it is visible",
                next_step="Free space or move store.folder to a larger disk, then repeat",
                folder=str(folder),
                what=what,
            ) from error
        raise
