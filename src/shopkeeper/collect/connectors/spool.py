"""What was read and not yet admitted: one Arrow file, so that a crash repeats the same load.

The rows of one reading and the position after them are written together and renamed into
place before anything is loaded. A run that finds a spool loads it before it reads anything
new: loads are named by their content, so rows, refused rows and corrections of the
interrupted run are passed over and the rest follows.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
from pyarrow import ipc

from shopkeeper.core.errors import StoreError

_META = b"shopkeeper.connector"


@dataclass(frozen=True, slots=True)
class Spooled:
    """Rows of one reading.

    Parameters
    ----------
    rows
        Text columns as read.
    after
        Position of the connector once they are admitted.
    """

    rows: pa.Table
    after: dict[str, Any]


class SpoolWriter:
    """Writes one reading; nothing is visible before :meth:`finish`.

    Parameters
    ----------
    file
        Where the finished spool will be.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._partial = file.with_suffix(".partial")
        self._stream: Any = None
        self._sink: Any = None
        self.rows = 0

    def __enter__(self) -> Self:
        """The writer itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close what is open; an unfinished spool leaves nothing."""
        self._close()
        with suppress(FileNotFoundError):
            self._partial.unlink()

    def write(self, batch: pa.RecordBatch) -> None:
        """Add rows; every batch has the same columns."""
        if self._stream is None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._sink = pa.OSFile(str(self._partial), "wb")
            self._stream = ipc.new_stream(self._sink, batch.schema)
        self._stream.write_batch(batch)
        self.rows += batch.num_rows

    def finish(self, after: Mapping[str, Any]) -> None:
        """Make the rows and the position after them visible, both at once."""
        if self._stream is None:
            return
        # Arrow wants its metadata first, and the position is only known now: it follows the rows.
        self._stream.close()
        self._sink.write(_META + json.dumps(after).encode())
        self._sink.close()
        self._stream = self._sink = None
        with self._partial.open("rb") as written:
            os.fsync(written.fileno())
        self._partial.replace(self._file)

    def _close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._sink.close()
            self._stream = self._sink = None


def read_spool(file: Path) -> Spooled | None:
    """The spool of an interrupted run, or None.

    Raises
    ------
    StoreError
        If the file is there and cannot be read.
    """
    if not file.exists():
        return None
    try:
        content = file.read_bytes()
        at = content.rindex(_META)
        after = json.loads(content[at + len(_META) :])
        rows = ipc.open_stream(pa.BufferReader(content[:at])).read_all()
    except (ValueError, OSError, pa.ArrowInvalid) as error:
        raise StoreError(
            f"the spool {file.name} of a connector cannot be read: {error}",
            next_step="Remove it; the rows are read from the source again",
            path=str(file),
        ) from error
    return Spooled(rows, after)


def drop_spool(file: Path) -> None:
    """Forget a spool whose rows were admitted."""
    file.unlink(missing_ok=True)
