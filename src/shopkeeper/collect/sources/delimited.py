"""Text files whose records are lines and whose columns are separated."""

from __future__ import annotations

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
    Aside,
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
                reading.bytes_done = raw.done
                yield block.parse(stretch)
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
                    f"{encoding.share:.0%} of non-ASCII lines are in that encoding; others wait",
                )
            )


def still_growing(name: str, tail_bytes: int) -> tuple[str, str]:
    """What is said of a file that something is still writing to."""
    return (
        f"{name} 正在被写入：读到开始时的大小为止，最后 {tail_bytes} 字节的不完整行留待下次装载",
        f"{name} is still being written; {tail_bytes} bytes of its last line wait for a next load",
    )


def refusal(
    number: int, kind: str, index: int, asides: Sequence[Aside], bad: Sequence[bytes]
) -> Refused:
    """The refused record a marker line stands for."""
    if kind == "U":
        return Refused(number, "undecodable", _shown(bad[index]))
    line = asides[index]
    return Refused(number, line.reason, _shown(line.head), f"{line.size:,} bytes")


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
            return self._baskets(data, stretch.asides, bad)
        table, invalid = self._arrow(data)
        return self._numbered(table, invalid, stretch.asides, bad)

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
        asides: Sequence[Aside],
        bad: Sequence[bytes],
    ) -> RawBatch:
        """Give every row its number, and every refused record its reason."""
        total = table.num_rows + len(invalid)
        numbers = np.arange(self._done + 1, self._done + 1 + total, dtype=np.int64)
        self._done += total
        is_row = np.ones(total, dtype=bool)
        is_row[[at for at, _, _ in invalid]] = False
        refused = []
        for at, width, text in invalid:
            number = int(numbers[at])
            mark = read_mark(text)
            refused.append(
                self._ragged(number, width, text)
                if mark is None
                else refusal(number, *mark, asides, bad)
            )
        return RawBatch(table, numbers[is_row], tuple(refused))

    def _ragged(self, number: int, width: int, text: str) -> Refused:
        return Refused(
            number,
            "wrong_columns",
            text[: 4 * HEAD_BYTES],
            f"{width}/{len(self._layout.columns)}",
        )

    def _baskets(self, data: bytes, asides: Sequence[Aside], bad: Sequence[bytes]) -> RawBatch:
        """One row per item of each line; a line is one record."""
        lines = [x for x in data.decode("utf-8").splitlines() if x.strip()]
        first = self._done + 1
        self._done += len(lines)
        marks = [(first + n, read_mark(x)) for n, x in enumerate(lines)]
        refused = tuple(refusal(n, *mark, asides, bad) for n, mark in marks if mark is not None)
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
