"""Workbooks: xlsx, xls, xlsb, ods."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from python_calamine import CalamineError, CalamineWorkbook, PasswordError

from shopkeeper.collect.sources.base import RawBatch, Reading, ReadOptions, unique_names
from shopkeeper.collect.sources.stream import file_digest, file_size
from shopkeeper.core.errors import SourceError

Cell = str | float | int | bool | dt.datetime | dt.date | dt.time | dt.timedelta
BATCH_ROWS = 20_000
LOOK_ROWS = 30


class ExcelSource:
    """One sheet of a workbook.

    Parameters
    ----------
    path
        The file.
    options
        ``sheet`` names the sheet; without it the one with most cells is taken.

    Raises
    ------
    SourceError
        If it is no workbook, is locked, has no such sheet or holds no record.
    """

    format = "excel"

    def __init__(self, path: Path, options: ReadOptions) -> None:
        self._path = path
        self._options = options
        self.size = file_size(path)
        book = self._open()
        self.sheets: tuple[str, ...] = tuple(book.sheet_names)
        self._sheet = self._choose(book)
        self.name = f"{path}#{self._sheet}"
        self._rows = self._cells(book)
        start = self._header_at()
        self.has_header = options.header is not False
        width = max(len(x) for x in self._rows[start : start + LOOK_ROWS])
        if options.columns:
            names: Sequence[str] = options.columns
        elif self.has_header:
            names = [_text(x) or "" for x in self._rows[start]]
        else:
            names = [""] * width
        self._columns = unique_names(names)
        self._start = start + 1 if self.has_header else start
        others = [x for x in self.sheets if x != self._sheet]
        self.notes: list[tuple[str, str]] = []
        if others:
            self.notes.append(
                (
                    f"读取工作表 {self._sheet}；还有 {'、'.join(others)}（用 PATH#工作表 选择）",
                    f"read sheet {self._sheet}; others: {', '.join(others)} (choose by PATH#SHEET)",
                )
            )

    @property
    def columns(self) -> tuple[str, ...]:
        """Headers in order."""
        return self._columns

    def digest(self) -> str:
        """SHA-256 of the file and the sheet's name."""
        return f"{file_digest(self._path, self.size)}-{self._sheet}"

    def batches(self, reading: Reading) -> Iterator[RawBatch]:
        """Rows of text; blank rows are left out and not counted."""
        rows = [x for x in self._rows[self._start :] if any(c != "" for c in x)]
        width = len(self._columns)
        for start in range(0, len(rows), BATCH_ROWS):
            part = rows[start : start + BATCH_ROWS]
            columns = {
                name: pa.array([_text(r[at]) if at < len(r) else None for r in part], pa.string())
                for at, name in enumerate(self._columns[:width])
            }
            numbers = np.arange(start + 1, start + 1 + len(part), dtype=np.int64)
            reading.bytes_done = int(self.size * (start + len(part)) / len(rows))
            yield RawBatch(pa.table(columns), numbers)

    def _open(self) -> CalamineWorkbook:
        try:
            return CalamineWorkbook.from_path(str(self._path))
        except PasswordError as error:
            raise SourceError(
                f"{self._path} is locked by a password",
                next_step="Save it without a password",
                path=str(self._path),
            ) from error
        except (CalamineError, OSError) as error:
            raise SourceError(
                f"{self._path} is not a workbook that can be read: {error}",
                next_step="Open it in Excel and save it as xlsx or CSV",
                path=str(self._path),
            ) from error

    def _choose(self, book: CalamineWorkbook) -> str:
        wanted = self._options.sheet
        if wanted is not None:
            if wanted not in self.sheets:
                raise SourceError(
                    f"{self._path} has no sheet {wanted!r}",
                    next_step=f"Choose one of {', '.join(self.sheets)}",
                    path=str(self._path),
                    sheet=wanted,
                )
            return wanted
        if not self.sheets:
            raise SourceError(
                f"{self._path} has no sheet", next_step="Export it again", path=str(self._path)
            )
        sizes = [book.get_sheet_by_name(x) for x in self.sheets]
        return self.sheets[max(range(len(sizes)), key=lambda i: sizes[i].height * sizes[i].width)]

    def _cells(self, book: CalamineWorkbook) -> list[list[Cell]]:
        sheet = book.get_sheet_by_name(self._sheet)
        rows: list[list[Cell]] = sheet.to_python(skip_empty_area=True)
        rows = rows[self._options.skip_lines :]
        if not any(c != "" for row in rows for c in row):
            raise SourceError(
                f"{self.name} is empty: it has no header and no row",
                next_step="Choose another sheet by PATH#SHEET or export it again",
                path=self.name,
            )
        return rows

    def _header_at(self) -> int:
        """First row that is nearly as full as the fullest of the first rows: titles stay above."""
        filled = [sum(c != "" for c in row) for row in self._rows[:LOOK_ROWS]]
        most = max(filled)
        return next(at for at, count in enumerate(filled) if count >= max(1, 0.6 * most))


def _text(cell: Cell) -> str | None:
    """A cell as the text a person would have typed."""
    if isinstance(cell, str):
        return cell or None
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, dt.timedelta):
        return str(cell.total_seconds())
    if isinstance(cell, int):
        return str(cell)
    return cell.isoformat()
