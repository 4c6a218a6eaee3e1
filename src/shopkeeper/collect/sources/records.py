"""Stretches of whole records out of a byte stream, however long its lines are.

A record ends at a line feed outside quotes. A line longer than the bound is never
held: its first bytes are kept and a marker line takes its place, so that
numbering goes on; the same is done to a line that opens a quote in vain.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from shopkeeper.collect.sources.base import HEAD_BYTES
from shopkeeper.collect.sources.quotes import divide
from shopkeeper.collect.sources.stream import Readable

BLOCK_BYTES = 1 << 22
MARK = b"\x1aSK"
NEWLINE = 10


@dataclass(frozen=True, slots=True)
class Aside:
    """A line that was taken out.

    Parameters
    ----------
    reason
        ``line_too_long``, ``unbalanced_quote`` or ``undecodable``.
    head
        Its first bytes.
    size
        Its length in bytes.
    """

    reason: str
    head: bytes
    size: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """Whole records.

    Parameters
    ----------
    data
        Ends with a line feed except at the end of the stream.
    asides
        What the marker lines numbered 0, 1, … stand for.
    """

    data: bytes
    asides: tuple[Aside, ...] = ()


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
        self._asides: list[Aside] = []
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
        if skip:
            return
        end = pending.rfind(b"\n") + 1
        if end and self._delimiter:
            found = divide(pending, ord(self._delimiter), final=True)
            yield self._stretch(self._marked(pending[: found.end], found.broken))
            end = found.end
        elif end:
            yield self._stretch(pending[:end])
        self.tail = pending[end:]

    def _stretch(self, whole: bytes) -> Stretch:
        return Stretch(whole, tuple(self._asides))

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
        return self._aside("line_too_long", start, size) + rest

    def _cut(self, buffer: bytes) -> tuple[bytes, bytes]:
        """The whole records of a buffer, bad lines marked, and the rest."""
        if b"\n" not in buffer:
            return b"", buffer
        end = buffer.rindex(b"\n") + 1
        broken: tuple[tuple[int, int], ...] = ()
        if self._delimiter:
            found = divide(buffer, ord(self._delimiter), final=False)
            if len(buffer) - found.end > self._max_line:
                found = divide(buffer, ord(self._delimiter), final=True)
            end, broken = found.end, found.broken
        return self._marked(buffer[:end], broken), buffer[end:]

    def _marked(self, whole: bytes, broken: tuple[tuple[int, int], ...]) -> bytes:
        """Replace lines with a hopeless quote, and lines that are too long, by markers."""
        ends = np.flatnonzero(np.frombuffer(whole, dtype=np.uint8) == NEWLINE)
        starts = np.concatenate(([0], ends[:-1] + 1))
        long = np.flatnonzero(ends - starts > self._max_line)
        bad = {(int(starts[x]), int(ends[x]) + 1): "line_too_long" for x in long}
        bad |= {span: "unbalanced_quote" for span in broken if span not in bad}
        parts, done = [], 0
        for (start, end), reason in sorted(bad.items()):
            parts += [whole[done:start], self._aside(reason, whole[start:end], end - start - 1)]
            done = end
        return b"".join([*parts, whole[done:]]) if bad else whole

    def _aside(self, reason: str, head: bytes, size: int) -> bytes:
        self._asides.append(Aside(reason, head[:HEAD_BYTES].rstrip(b"\r\n"), size))
        return marker("L", len(self._asides) - 1, self._delimiter, self._columns)
