"""How a text file is laid out: delimiter, header, columns."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shopkeeper.collect.sources.base import ReadOptions, unique_names
from shopkeeper.core.errors import SourceError

CANDIDATES = (",", "\t", ";", "|")
WHITESPACE = "whitespace"
SAMPLE_RECORDS = 200
_VALUE = re.compile(r"[-+(¥￥$€£]?\s*\d[\d,./:年月日\-\sT%]*\)?")


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the records of a text file begin and how they divide.

    Parameters
    ----------
    delimiter
        One character, or ``whitespace``.
    columns
        Names, unique.
    has_header
        Whether the names were read from the file.
    skip_lines
        Physical lines before the first record of data.
    """

    delimiter: str
    columns: tuple[str, ...]
    has_header: bool
    skip_lines: int


def sniff(
    text: str, options: ReadOptions, name: str, *, known: Callable[[str], bool], whole: bool
) -> Layout:
    """Find the layout of a text file from its start.

    Parameters
    ----------
    text
        Decoded start of the file.
    options
        What was told; the rest is found out.
    name
        For messages.
    known
        Whether a cell is a header of the lexicon.
    whole
        Whether ``text`` is the whole file.

    Returns
    -------
    Layout

    Raises
    ------
    SourceError
        If there is no record at all.
    """
    lines = text.splitlines(keepends=True)
    if not whole and len(lines) > 1:
        lines = lines[:-1]
    skip = options.skip_lines
    body = lines[skip:]
    while body and not body[0].strip():
        body, skip = body[1:], skip + 1
    if not body:
        raise SourceError(
            f"{name} is empty: it has no header and no row",
            next_step="Export it again; an empty export often means an empty selection",
            path=name,
        )
    delimiter = options.delimiter or _delimiter(body)
    if len(delimiter) != 1 and delimiter != WHITESPACE:
        raise SourceError(
            f"{delimiter!r} cannot separate columns",
            next_step="Give one character or 'whitespace'",
            path=name,
        )
    if options.layout == "baskets":
        return Layout(delimiter, ("basket", "item"), False, skip)
    first, used = _first_record(body, delimiter)
    header = options.header if options.header is not None else _is_header(first, known)
    if options.columns:
        names = unique_names(options.columns)
    elif header:
        names = unique_names(first)
    else:
        names = unique_names([""] * len(first))
    return Layout(delimiter, names, header, skip + used if header else skip)


def _delimiter(lines: Sequence[str]) -> str:
    best, best_score = ",", 0.0
    for candidate in CANDIDATES:
        widths = _widths(lines, candidate)
        if not widths:
            continue
        (width, count), *_ = Counter(widths).most_common(1)
        if width < 2:
            continue
        score = count / len(widths) + min(width, 50) / 1000 + (0.2 if widths[0] == width else 0.0)
        if score > best_score:
            best, best_score = candidate, score
    if best_score == 0.0:
        words = [len(x.split()) for x in lines[:SAMPLE_RECORDS] if x.strip()]
        if words and words[0] > 1 and Counter(words).most_common(1)[0][1] > 0.8 * len(words):
            return WHITESPACE
    return best


def _widths(lines: Sequence[str], delimiter: str) -> list[int]:
    reader = csv.reader(iter(lines), delimiter=delimiter)
    widths = []
    try:
        for record in reader:
            if record:
                widths.append(len(record))
            if len(widths) >= SAMPLE_RECORDS:
                break
    except csv.Error:
        pass
    return widths


def _first_record(lines: Sequence[str], delimiter: str) -> tuple[list[str], int]:
    if delimiter == WHITESPACE:
        return lines[0].split(), 1
    reader = csv.reader(iter(lines), delimiter=delimiter)
    try:
        return next(reader), reader.line_num
    except (csv.Error, StopIteration):
        return lines[0].rstrip("\r\n").split(delimiter), 1


def _is_header(cells: Sequence[str], known: Callable[[str], bool]) -> bool:
    if any(known(x) for x in cells):
        return True
    return not any(_VALUE.fullmatch(x.strip()) for x in cells)
