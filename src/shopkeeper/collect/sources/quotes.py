"""Where records end in text with quoted fields, and which lines open a quote in vain.

A quote opens a field only at the field's start, closes it only at its end, and is
doubled inside; elsewhere it is a letter (an inch mark). A line that opens a quote
which is never closed properly is taken out alone; what follows is read on.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

NEWLINE, RETURN, QUOTE = 10, 13, 34
Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Division:
    """How a buffer divides.

    Parameters
    ----------
    end
        Where the last whole record ends; what follows waits for more bytes.
    broken
        Start and end (line feed included) of lines that open a quote in vain.
    """

    end: int
    broken: tuple[tuple[int, int], ...] = ()


def divide(buffer: bytes, delimiter: int, *, final: bool) -> Division:
    r"""Find the last whole record of a buffer that starts with a record.

    Parameters
    ----------
    buffer
        Bytes; holds at least one line feed.
    delimiter
        Code of the separator.
    final
        Whether to end at the last line feed even if a quote is still open there.

    Returns
    -------
    Division

    Examples
    --------
    >>> divide(b'1,"a\nb"\n2,"open\n', 44, final=False)
    Division(end=8, broken=())
    >>> divide(b'1,"a\nb"\n2,"open\n', 44, final=True)
    Division(end=16, broken=((8, 16),))
    """
    codes = np.frombuffer(buffer, dtype=np.uint8)
    ends = np.flatnonzero(codes == NEWLINE)
    quotes = np.flatnonzero(codes == QUOTE)
    if not len(quotes):
        return Division(int(ends[-1]) + 1)
    if _well_formed(codes, quotes, delimiter):
        outside = ends[np.searchsorted(quotes, ends) % 2 == 0]
        end = int(outside[-1]) + 1 if len(outside) else 0
        if not (final and len(quotes) % 2):
            return Division(end)
    return _walk(codes, quotes, ends, delimiter, final=final)


def _well_formed(codes: Bytes, quotes: Places, delimiter: int) -> bool:
    """Whether quotes alternately open at the start of a field and close at its end."""
    padded = np.concatenate(([NEWLINE], codes, [NEWLINE]))
    before, after = padded[quotes[0::2]], padded[quotes[1::2] + 2]
    opens = (before == delimiter) | (before == NEWLINE) | (before == QUOTE)
    closes = (after == delimiter) | (after == NEWLINE) | (after == RETURN) | (after == QUOTE)
    return bool(opens.all() and closes.all())


def _walk(codes: Bytes, quotes: Places, ends: Places, delimiter: int, *, final: bool) -> Division:
    """Quote by quote, for buffers in which some quote is out of place."""
    size = len(codes)
    places, lines = quotes.tolist(), ends.tolist()
    broken: list[tuple[int, int]] = []
    spans: list[tuple[int, int]] = []
    opened, at = -1, 0
    while at < len(places) or (opened >= 0 and final):
        if at == len(places):
            at, opened = _set_aside(opened, lines, places, size, broken), -1
            continue
        place = places[at]
        at += 1
        if opened < 0:
            if place == 0 or codes[place - 1] in {delimiter, NEWLINE}:
                opened = place
            continue
        following = int(codes[place + 1]) if place + 1 < size else NEWLINE
        if following == QUOTE:
            at += 1
        elif following in {delimiter, NEWLINE, RETURN}:
            spans.append((opened, place))
            opened = -1
        else:
            at, opened = _set_aside(opened, lines, places, size, broken), -1
    limit = opened if opened >= 0 else size
    inside = [x for x in lines if x < limit and not _within(x, spans)]
    return Division(inside[-1] + 1 if inside else 0, tuple(broken))


def _set_aside(
    opened: int, lines: list[int], places: list[int], size: int, broken: list[tuple[int, int]]
) -> int:
    """Take out the line of an opening quote; returns the index of the first quote behind it."""
    row = bisect_right(lines, opened)
    start = lines[row - 1] + 1 if row else 0
    end = lines[row] + 1 if row < len(lines) else size
    broken.append((start, end))
    return bisect_right(places, end - 1)


def _within(place: int, spans: list[tuple[int, int]]) -> bool:
    at = bisect_right(spans, (place, 1 << 62)) - 1
    return at >= 0 and spans[at][0] < place < spans[at][1]
