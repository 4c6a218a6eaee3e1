"""Parquet files, row group by row group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from shopkeeper.collect.sources.arrow import BATCH_ROWS, flat
from shopkeeper.collect.sources.base import RawBatch, Reading
from shopkeeper.collect.sources.stream import file_digest, file_size
from shopkeeper.core.errors import SourceError


class ParquetSource:
    """A Parquet file.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    SourceError
        If it is no whole Parquet file.
    """

    format = "parquet"
    has_header = True
    notes: Sequence[tuple[str, str]] = ()

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = str(path)
        self.size = file_size(path)
        with self._open() as file:
            self._total = file.metadata.num_rows
            self._columns = tuple(flat(file.schema_arrow.empty_table()).column_names)

    @property
    def columns(self) -> tuple[str, ...]:
        """Column names in order; nested ones dotted."""
        return self._columns

    def digest(self) -> str:
        """SHA-256 of the file."""
        return file_digest(self._path, self.size)

    def batches(self, reading: Reading) -> Iterator[RawBatch]:
        """Rows in the file's own types."""
        done = 0
        with self._open() as file:
            for batch in file.iter_batches(batch_size=BATCH_ROWS):
                rows = flat(pa.Table.from_batches([batch]))
                numbers = np.arange(done + 1, done + 1 + rows.num_rows, dtype=np.int64)
                done += rows.num_rows
                reading.bytes_done = int(self.size * done / max(self._total, 1))
                yield RawBatch(rows, numbers)

    def _open(self) -> pq.ParquetFile:
        try:
            return pq.ParquetFile(self._path)
        except (pa.ArrowInvalid, OSError) as error:
            raise SourceError(
                f"{self._path} is not a whole Parquet file: {str(error).splitlines()[0]}",
                next_step="Write or copy it again",
                path=str(self._path),
            ) from error
