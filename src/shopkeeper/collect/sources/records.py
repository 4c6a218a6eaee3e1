"""Stretches of whole records out of a byte stream, however long its lines are.

A record ends at a line feed outside quotes. Stray quotes are told from opening
and closing ones by their neighbours; where quotes never balance, the stretch
ends at a plain line feed and the parser sorts the lines out. A line longer than
the bound is never held: its first bytes are kept and a marker line takes its
place, so that numbering goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from shopkeeper.collect.sources.base import HEAD_BYTES
from shopkeeper.collect.sources.stream import Readable

BLOCK_BYTES = 1 << 22
MARK = b"\x1aSK"
NEWLINE, RETURN, QUOTE = 10, 13, 34


@dataclass(frozen=True, slots=True)
class LongLine:
    """A line that was not kept.

    Parameters
    ----------
    head
        Its first bytes.
    size
        Its length in bytes.
    """

    head: bytes
    size: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """Whole records.

    Parameters
    ----------
    data
        Ends with a line feed except at the end of the stream.
    long_lines
        What the marker lines numbered 0, 1, … stand for.
    """

    data: bytes
    long_lines: tuple[LongLine, ...] = ()


def marker(kind: str, index: int, delimiter: str, columns: int) -> bytes:
    """A line no parser can take for a row of ``columns`` columns."""
    cell = f"{delimiter}x" if delimiter else ""
    return MARK + f"{kind}{index}{cell * (columns + 2)}\n".encode()


def read_mark(text: str) -> tuple[str, int] | None:
    """Kind and index of a marker line, or None for any other line.

    Examples
    --------
    >>> read_mark(marker("L", 3, ",", 2).decode())
    ('L', 3)
    """
    mark = MARK.decode()
    if not text.startswith(mark):
        return None
    digits = ""
    for letter in text[len(mark) + 1 :]:
        if not letter.isdigit():
            break
        digits += letter
    return text[len(mark)], int(digits)


class RecordReader:
    """Cuts a stream into stretches of whole records.

    Parameters
    ----------
    stream
        UTF-8 or another encoding in which byte 10 is a line feed only.
    delimiter
        One ASCII character; empty when quotes have no meaning (JSON lines).
    columns
        How many the records have; markers get more.
    max_line_bytes
        Longest physical line that is kept.
    block_bytes
        How much is read at once.
    """

    def __init__(
        self,
        stream: Readable,
        *,
        delimiter: str,
        columns: int,
        max_line_bytes: int,
        block_bytes: int = BLOCK_BYTES,
    ) -> None:
        self._stream = stream
        self._delimiter = delimiter
        self._columns = columns
        self._max_line = max_line_bytes
        self._block = block_bytes
        self._long: list[LongLine] = []
        self.tail = b""

    def stretches(self, skip_lines: int = 0) -> Iterator[Stretch]:
        """Whole records in order; what follows the last line feed stays in ``tail``.

        Parameters
        ----------
        skip_lines
            Physical lines left out at the start (title lines, header).

        Yields
        ------
        Stretch
        """
        pending = b""
        skip = skip_lines
        while data := self._stream.read(self._block):
            buffer = pending + data
            while skip and b"\n" in buffer:
                buffer = buffer.split(b"\n", 1)[1]
                skip -= 1
            if skip and len(buffer) <= self._max_line:
                pending = buffer
                continue
            if b"\n" not in buffer and len(buffer) > self._max_line:
                pending = self._pass_over(buffer)
                continue
            whole, pending = self._cut(buffer)
            if whole:
                yield self._stretch(whole)
        whole, found, self.tail = (pending if not skip else b"").rpartition(b"\n")
        if found:
            yield self._stretch(whole + found)

    def _pass_over(self, start: bytes) -> bytes:
        """Read on to the end of an endless line, keeping its head; returns what follows."""
        size = len(start)
        rest = b""
        while data := self._stream.read(self._block):
            end = data.find(b"\n")
            if end >= 0:
                size, rest = size + end, data[end + 1 :]
                break
            size += len(data)
        self._long.append(LongLine(start[:HEAD_BYTES], size))
        return self._mark(len(self._long) - 1) + rest

    def _mark(self, index: int) -> bytes:
        return marker("L", index, self._delimiter, self._columns)

    def _cut(self, buffer: bytes) -> tuple[bytes, bytes]:
        """The buffer up to the last record end, and the rest."""
        codes = np.frombuffer(buffer, dtype=np.uint8)
        ends = np.flatnonzero(codes == NEWLINE)
        if not len(ends):
            return b"", buffer
        last = int(ends[-1])
        if self._delimiter and QUOTE in buffer:
            quotes = self._real_quotes(codes)
            outside = ends[np.searchsorted(quotes, ends) % 2 == 0]
            if len(outside) and len(buffer) - int(outside[-1]) <= self._max_line:
                last = int(outside[-1])
        return buffer[: last + 1], buffer[last + 1 :]

    def _real_quotes(self, codes: np.ndarray) -> np.ndarray:
        """Positions of quotes that open, close or double; inch marks and the like are left out."""
        at = np.flatnonzero(codes == QUOTE)
        padded = np.concatenate(([NEWLINE], codes, [NEWLINE]))
        before, after = padded[at], padded[at + 2]
        edges = np.array([ord(self._delimiter), NEWLINE, RETURN, QUOTE])
        return np.asarray(at[np.isin(before, edges) | np.isin(after, edges)])

    def _stretch(self, whole: bytes) -> Stretch:
        codes = np.frombuffer(whole, dtype=np.uint8)
        ends = np.flatnonzero(codes == NEWLINE)
        starts = np.concatenate(([0], ends[:-1] + 1)) if len(ends) else np.array([0])
        too_long = (
            np.flatnonzero(ends - starts > self._max_line) if len(ends) else np.array([], dtype=int)
        )
        if len(too_long):
            parts, done = [], 0
            for line in too_long:
                start, end = int(starts[line]), int(ends[line])
                self._long.append(LongLine(whole[start : start + HEAD_BYTES], end - start))
                parts += [whole[done:start], self._mark(len(self._long) - 1)]
                done = end + 1
            whole = b"".join([*parts, whole[done:]])
        return Stretch(whole, tuple(self._long))
