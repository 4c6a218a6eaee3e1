"""Text files whose records are lines and whose columns are separated."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from shopkeeper.collect.sources.base import (
    HEAD_BYTES,
    RawBatch,
    Reading,
    ReadOptions,
    Refused,
)
from shopkeeper.collect.sources.encoding import WIDE, Found, check_codec, decode_lines, detect
from shopkeeper.collect.sources.records import (
    LongLine,
    RecordReader,
    Stretch,
    marker,
    read_mark,
)
from shopkeeper.collect.sources.sniff import WHITESPACE, Layout, sniff
from shopkeeper.collect.sources.stream import (
    LimitedFile,
    LineBreaks,
    Readable,
    Transcoded,
    Unpacked,
    file_digest,
    file_size,
    is_gzip,
)
from shopkeeper.core.errors import SourceError

SAMPLE_BYTES = 1 << 20
_EDGE_BLANKS = re.compile(rb"^[ \t]+|[ \t]+(?=\r?$)", re.MULTILINE)
_BLANKS = re.compile(rb"[ \t]+")


class DelimitedSource:
    """A CSV, TSV or similar file; packed with gzip or not.

    Parameters
    ----------
    path
        The file. Its size at this moment is where reading ends.
    options
        How to read it; what is left open is found out.
    known
        Whether a cell is a header of the lexicon.

    Raises
    ------
    SourceError
        If the file cannot be read or holds no record.
    """

    format = "csv"

    def __init__(
        self, path: Path, options: ReadOptions, *, known: Callable[[str], bool] = lambda _: False
    ) -> None:
        self._path = path
        self._options = options
        self.name = str(path)
        self.size = file_size(path)
        self.notes: list[tuple[str, str]] = []
        if self.size == 0:
            raise SourceError(
                f"{path} is empty (0 bytes)",
                next_step="Export it again; an empty export often means an empty selection",
                path=str(path),
            )
        self._gzip = is_gzip(path)
        sample = self._sample()
        self._encoding = self._find_encoding(sample)
        self._cr_only = b"\n" not in sample and b"\r" in sample
        text = sample[self._encoding.bom :].decode(self._encoding.name, errors="replace")
        whole = not self._gzip and self.size <= SAMPLE_BYTES
        self._layout = sniff(
            text.replace("\r", "\n") if self._cr_only else text,
            options,
            self.name,
            known=known,
            whole=whole,
        )
        self._explain()

    @property
    def columns(self) -> tuple[str, ...]:
        """Headers in order."""
        return self._layout.columns

    @property
    def has_header(self) -> bool:
        """Whether the names come from the file."""
        return self._layout.has_header

    @property
    def layout(self) -> Layout:
        """Delimiter, header and where data begin."""
        return self._layout

    @property
    def encoding(self) -> str:
        """Codec the file is read with."""
        return self._encoding.name

    def digest(self) -> str:
        """SHA-256 of the bytes known at the start."""
        return file_digest(self._path, self.size)

    def batches(self, reading: Reading) -> Iterator[RawBatch]:
        """Rows of text, block by block."""
        with LimitedFile(self._path, self.size) as raw:
            records = RecordReader(
                self._stream(raw),
                delimiter="\t" if self._layout.delimiter == WHITESPACE else self._layout.delimiter,
                columns=len(self.columns),
                max_line_bytes=self._options.max_line_bytes,
            )
            block = _BlockParser(self._layout, self._encoding.name)
            for stretch in records.stretches(self._layout.skip_lines):
                yield block.parse(stretch)
                reading.bytes_done = raw.done
            reading.bytes_done = raw.done
            if records.tail:
                if not self._gzip and file_size(self._path) > self.size:
                    reading.notes.append(still_growing(self.name, len(records.tail)))
                else:
                    yield block.parse(Stretch(records.tail + b"\n"))

    def _stream(self, raw: LimitedFile) -> Readable:
        stream: Readable = Unpacked(raw, self.name) if self._gzip else raw
        if self._encoding.name in WIDE:
            stream = Transcoded(stream, self._encoding.name)
        elif self._encoding.bom:
            stream.read(self._encoding.bom)
        return LineBreaks(stream) if self._cr_only else stream

    def _sample(self) -> bytes:
        with LimitedFile(self._path, self.size) as raw:
            stream: Readable = Unpacked(raw, self.name) if self._gzip else raw
            parts, count = [], 0
            while count < SAMPLE_BYTES and (data := stream.read(SAMPLE_BYTES - count)):
                parts.append(data)
                count += len(data)
            return b"".join(parts)

    def _find_encoding(self, sample: bytes) -> Found:
        found = detect(sample)
        if self._options.encoding is None:
            return found
        return Found(check_codec(self._options.encoding), 1.0, found.bom)

    def _explain(self) -> None:
        layout, encoding = self._layout, self._encoding
        shown = {"\t": "tab", " ": "space"}.get(layout.delimiter, layout.delimiter)
        self.notes.append(
            (
                f"按 {encoding.name} 编码、分隔符 {shown} 读取，{len(layout.columns)} 列",
                f"read as {encoding.name}, separated by {shown}, {len(layout.columns)} columns",
            )
        )
        if encoding.share < 1.0:
            self.notes.append(
                (
                    f"样本中 {encoding.share:.0%} 的非英文行符合该编码，其余行将被隔离",
                    f"{encoding.share:.0%} of the non-ASCII lines of the sample are in that "
                    "encoding; the others are quarantined",
                )
            )


def still_growing(name: str, tail_bytes: int) -> tuple[str, str]:
    """What is said of a file that something is still writing to."""
    return (
        f"{name} 正在被写入：读到开始时的大小为止，最后 {tail_bytes} 字节的不完整行留待下次装载",
        f"{name} is still being written: read up to its size at the start; the incomplete last "
        f"line ({tail_bytes} bytes) is left for the next load",
    )


def refusal(number: int, kind: str, index: int, long: Sequence[LongLine], bad: Sequence[bytes]) -> Refused:  # fmt: skip
    """The refused record a marker line stands for."""
    if kind == "L":
        line = long[index]
        head = line.head.decode("utf-8", errors="replace")
        return Refused(number, "line_too_long", head, f"{line.size:,} bytes")
    return Refused(number, "undecodable", _shown(bad[index]))


def _shown(raw: bytes) -> str:
    return raw[:HEAD_BYTES].decode("utf-8", errors="backslashreplace").rstrip("\r\n")


class _BlockParser:
    """Turns stretches of records into batches, numbering on."""

    def __init__(self, layout: Layout, encoding: str) -> None:
        self._layout = layout
        self._encoding = encoding
        self._delimiter = "\t" if layout.delimiter == WHITESPACE else layout.delimiter
        self._quote: str | bool = False if layout.delimiter == WHITESPACE else '"'
        self._done = 0

    def parse(self, stretch: Stretch) -> RawBatch:
        """One batch."""
        width = len(self._layout.columns)
        data, bad = decode_lines(
            stretch.data,
            self._encoding,
            lambda n: marker("U", n, self._delimiter, width).rstrip(b"\n"),
        )
        if self._layout.delimiter == WHITESPACE:
            data = _BLANKS.sub(b"\t", _EDGE_BLANKS.sub(b"", data))
        if self._layout.columns == ("basket", "item"):
            return self._baskets(data, stretch.long_lines, bad)
        table, invalid = self._arrow(data)
        return self._numbered(table, invalid, stretch.long_lines, bad)

    def _arrow(self, data: bytes) -> tuple[pa.Table, list[tuple[int, int, str]]]:
        invalid: list[tuple[int, int, str]] = []

        def note(row: Any) -> str:
            invalid.append((row.number - 1, row.actual_columns, row.text))
            return "skip"

        names = list(self._layout.columns)
        if not data.strip():
            return pa.table({x: pa.array([], pa.string()) for x in names}), invalid
        table = arrow_csv.read_csv(
            pa.BufferReader(data),
            read_options=arrow_csv.ReadOptions(
                column_names=names, use_threads=False, block_size=len(data) + 1
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=self._delimiter,
                quote_char=self._quote,
                newlines_in_values=True,
                invalid_row_handler=note,
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=False,
                check_utf8=False,
            ),
        )
        return table, invalid

    def _numbered(
        self,
        table: pa.Table,
        invalid: list[tuple[int, int, str]],
        long: Sequence[LongLine],
        bad: Sequence[bytes],
    ) -> RawBatch:
        """Give every row its number; take apart what an open quote swallowed."""
        total = table.num_rows + len(invalid)
        weights = np.ones(total, dtype=np.int64)
        lines = {at: text.split("\n") for at, _, text in invalid if "\n" in text}
        for at, parts in lines.items():
            weights[at] = len(parts)
        numbers = self._done + 1 + np.concatenate(([0], np.cumsum(weights)[:-1])).astype(np.int64)
        self._done += int(weights.sum())
        is_row = np.ones(total, dtype=bool)
        is_row[[at for at, _, _ in invalid]] = False
        refused: list[Refused] = []
        rescued: list[tuple[int, list[str]]] = []
        for at, width, text in invalid:
            first = int(numbers[at])
            if at in lines:
                for step, line in enumerate(lines[at]):
                    self._take_line(first + step, line.rstrip("\r"), rescued, refused, long, bad)
            elif (mark := read_mark(text)) is not None:
                refused.append(refusal(first, *mark, long, bad))
            else:
                refused.append(self._ragged(first, width, text))
        return self._with_rescued(table, numbers[is_row], rescued, refused)

    def _take_line(
        self,
        number: int,
        line: str,
        rescued: list[tuple[int, list[str]]],
        refused: list[Refused],
        long: Sequence[LongLine],
        bad: Sequence[bytes],
    ) -> None:
        if (mark := read_mark(line)) is not None:
            refused.append(refusal(number, *mark, long, bad))
        elif line.count('"') % 2:
            refused.append(Refused(number, "unbalanced_quote", line[:HEAD_BYTES]))
        else:
            cells = next(csv.reader([line], delimiter=self._delimiter), [])
            if len(cells) == len(self._layout.columns):
                rescued.append((number, cells))
            else:
                refused.append(self._ragged(number, len(cells), line))

    def _ragged(self, number: int, width: int, text: str) -> Refused:
        return Refused(
            number,
            "wrong_columns",
            text[: 4 * HEAD_BYTES],
            f"{width}/{len(self._layout.columns)}",
        )

    def _with_rescued(
        self,
        table: pa.Table,
        numbers: np.ndarray,
        rescued: list[tuple[int, list[str]]],
        refused: list[Refused],
    ) -> RawBatch:
        if not rescued:
            return RawBatch(table, numbers, tuple(refused))
        more = pa.table(
            {
                name: pa.array([cells[at] for _, cells in rescued], pa.string())
                for at, name in enumerate(self._layout.columns)
            }
        )
        joined = np.concatenate([numbers, [n for n, _ in rescued]]).astype(np.int64)
        order = np.argsort(joined, kind="stable")
        rows = pa.concat_tables([table, more]).take(pa.array(order))
        return RawBatch(rows, joined[order], tuple(refused))

    def _baskets(self, data: bytes, long: Sequence[LongLine], bad: Sequence[bytes]) -> RawBatch:
        """One row per item of each line; a line is one record."""
        lines = [x for x in data.decode("utf-8").splitlines() if x.strip()]
        first = self._done + 1
        self._done += len(lines)
        marks = [(first + n, read_mark(x)) for n, x in enumerate(lines)]
        refused = tuple(refusal(n, *mark, long, bad) for n, mark in marks if mark is not None)
        kept = [(n, x) for (n, mark), x in zip(marks, lines, strict=True) if mark is None]
        items = pc.split_pattern(pa.array([x for _, x in kept], pa.string()), self._delimiter)
        parents = pc.list_parent_indices(items).to_numpy()
        numbers = np.array([n for n, _ in kept], dtype=np.int64)[parents]
        rows = pa.table(
            {
                "basket": pa.array(numbers).cast(pa.string()),
                "item": pc.utf8_trim_whitespace(pc.list_flatten(items)),
            }
        )
        return RawBatch(rows, numbers, refused)
