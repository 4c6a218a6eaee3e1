"""JSON lines, and a JSON array of objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from shopkeeper.collect.sources.base import HEAD_BYTES, RawBatch, Reading, ReadOptions, Refused
from shopkeeper.collect.sources.delimited import refusal, still_growing
from shopkeeper.collect.sources.encoding import WIDE, check_codec, decode_lines, detect
from shopkeeper.collect.sources.records import RecordReader, Stretch, marker, read_mark
from shopkeeper.collect.sources.stream import (
    LimitedFile,
    Readable,
    Transcoded,
    Unpacked,
    file_digest,
    file_size,
    is_gzip,
)
from shopkeeper.core.errors import SourceError

SAMPLE_BYTES = 1 << 20
ARRAY_LIMIT_BYTES = 1 << 28
_DECODER = msgspec.json.Decoder(dict[str, Any])


class JsonLinesSource:
    """A file with one JSON object a line, or one array of objects.

    Nested objects become dotted columns; lists stay JSON text.

    Parameters
    ----------
    path
        The file. Its size at this moment is where reading ends.
    options
        Encoding and the bound of a line.

    Raises
    ------
    SourceError
        If the file is empty, or an array too large to be read at once.
    """

    format = "jsonl"
    has_header = True

    def __init__(self, path: Path, options: ReadOptions) -> None:
        self._path = path
        self._options = options
        self.name = str(path)
        self.size = file_size(path)
        self.notes: Sequence[tuple[str, str]] = ()
        self._gzip = is_gzip(path) if self.size else False
        sample = self._sample() if self.size else b""
        if not sample.strip():
            raise SourceError(
                f"{path} is empty: it has no record",
                next_step="Export it again; an empty export often means an empty selection",
                path=str(path),
            )
        found = detect(sample)
        self._bom = found.bom
        self._encoding = check_codec(options.encoding) if options.encoding else found.name
        self._is_array = sample[self._bom :].lstrip()[:1] == b"["
        if self._is_array and (self._gzip or self.size > ARRAY_LIMIT_BYTES):
            raise SourceError(
                f"{path} is one JSON array that would have to be read whole",
                next_step="Write one object a line (JSON lines)",
                path=str(path),
            )
        first = next(iter(self._first_batches()), None)
        self._columns = tuple(first.rows.column_names) if first is not None else ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Keys of the first records, in order of appearance."""
        return self._columns

    def digest(self) -> str:
        """SHA-256 of the bytes known at the start."""
        return file_digest(self._path, self.size)

    def batches(self, reading: Reading) -> Iterator[RawBatch]:
        """Rows of text; the columns of a batch are the keys that occur in it."""
        if self._is_array:
            yield from self._array(reading)
            return
        done = 0
        with LimitedFile(self._path, self.size) as raw:
            records = self._reader(raw)
            for stretch in records.stretches():
                batch = _parse(stretch, self._encoding, done)
                done += batch.records
                reading.bytes_done = raw.done
                yield batch
            reading.bytes_done = raw.done
            if records.tail:
                if not self._gzip and file_size(self._path) > self.size:
                    reading.notes.append(still_growing(self.name, len(records.tail)))
                else:
                    yield _parse(Stretch(records.tail), self._encoding, done)

    def _first_batches(self) -> Iterator[RawBatch]:
        if self._is_array:
            yield from self._array(Reading())
            return
        with LimitedFile(self._path, self.size) as raw:
            records = self._reader(raw, block_bytes=SAMPLE_BYTES)
            for stretch in records.stretches():
                yield _parse(stretch, self._encoding, 0)
            yield _parse(Stretch(records.tail), self._encoding, 0)

    def _reader(self, raw: LimitedFile, **block: int) -> RecordReader:
        stream: Readable = Unpacked(raw, self.name) if self._gzip else raw
        if self._encoding in WIDE:
            stream = Transcoded(stream, self._encoding)
        elif self._bom:
            stream.read(self._bom)
        return RecordReader(
            stream, delimiter="", columns=0, max_line_bytes=self._options.max_line_bytes, **block
        )

    def _sample(self) -> bytes:
        with LimitedFile(self._path, self.size) as raw:
            stream: Readable = Unpacked(raw, self.name) if self._gzip else raw
            return stream.read(SAMPLE_BYTES)

    def _array(self, reading: Reading) -> Iterator[RawBatch]:
        with LimitedFile(self._path, self.size) as raw:
            content = raw.read()[self._bom :]
        reading.bytes_done = self.size
        try:
            found = msgspec.json.decode(content.decode(self._encoding), type=list[dict[str, Any]])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise SourceError(
                f"{self.name} is not a JSON array of objects: {error}",
                next_step="Write one object a line (JSON lines); then one bad record stays alone",
                path=self.name,
            ) from error
        yield RawBatch(_table(found), np.arange(1, len(found) + 1, dtype=np.int64))


def _parse(stretch: Stretch, encoding: str, done: int) -> RawBatch:
    data, bad = decode_lines(stretch.data, encoding, lambda n: marker("U", n, "", 0).rstrip(b"\n"))
    objects: list[dict[str, Any]] = []
    numbers: list[int] = []
    refused: list[Refused] = []
    number = done
    for line in data.split(b"\n"):
        if not line.strip():
            continue
        number += 1
        try:
            objects.append(_DECODER.decode(line))
            numbers.append(number)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            text = line[:HEAD_BYTES].decode("utf-8", errors="backslashreplace")
            mark = read_mark(text)
            if mark is not None:
                refused.append(refusal(number, *mark, stretch.asides, bad))
            else:
                refused.append(Refused(number, "broken_json", text, str(error)))
    return RawBatch(_table(objects), np.array(numbers, dtype=np.int64), tuple(refused))


def _table(objects: Sequence[Mapping[str, Any]]) -> pa.Table:
    flattened = [_flattened(x) for x in objects]
    keys = dict.fromkeys(k for x in flattened for k in x)
    return pa.table({k: pa.array([x.get(k) for x in flattened], pa.string()) for k in keys})


def _flattened(record: Mapping[str, Any], prefix: str = "") -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for key, value in record.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            found.update(_flattened(value, f"{name}."))
        elif value is None or isinstance(value, str):
            found[name] = value
        elif isinstance(value, bool):
            found[name] = "true" if value else "false"
        elif isinstance(value, list):
            found[name] = msgspec.json.encode(value).decode()
        else:
            found[name] = repr(value)
    return found
