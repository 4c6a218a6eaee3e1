"""Bytes of a file: no further than the size known at the start, unpacked, in one encoding."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import os
import zlib
from pathlib import Path
from typing import BinaryIO, Protocol

from shopkeeper.core.errors import SourceError

DIGEST_BLOCK = 1 << 22


class Readable(Protocol):
    """Anything with ``read``."""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; empty at the end."""
        ...


class LimitedFile(io.RawIOBase):
    """A file read up to a size.

    Parameters
    ----------
    path
        The file.
    size
        Bytes to read; what is written behind them later is not seen.
    """

    def __init__(self, path: Path, size: int) -> None:
        super().__init__()
        try:
            self._file: BinaryIO = path.open("rb")
        except OSError as error:
            raise unreadable(path, error) from error
        self._path = path
        self._left = size
        self.done = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Next bytes; a file that became shorter is refused."""
        want = self._left if size < 0 else min(size, self._left)
        if want == 0:
            return b""
        try:
            data = self._file.read(want)
        except OSError as error:
            raise unreadable(self._path, error) from error
        if not data:
            raise SourceError(
                f"{self._path} became shorter while it was read ({self._left} bytes are missing)",
                next_step="Load it again when nothing rewrites it",
                path=str(self._path),
            )
        self._left -= len(data)
        self.done += len(data)
        return data

    def close(self) -> None:
        """Release the file."""
        self._file.close()
        super().close()


class Unpacked:
    """Bytes of a gzip stream.

    Parameters
    ----------
    raw
        The packed bytes.
    name
        For messages.
    """

    def __init__(self, raw: LimitedFile, name: str) -> None:
        self._file = gzip.GzipFile(fileobj=raw)
        self._name = name

    def read(self, size: int, /) -> bytes:
        """Next unpacked bytes; a stream that is cut off or damaged is refused."""
        try:
            return self._file.read(size)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise SourceError(
                f"{self._name} is not a whole gzip file: {error}",
                next_step="Copy or export it again; rows read before stay loaded once",
                path=self._name,
            ) from error


class Transcoded:
    """UTF-8 bytes of a stream in an encoding whose line breaks are not single bytes.

    What does not decode becomes U+FFFD, by which the record reader knows the line.

    Parameters
    ----------
    raw
        The stream.
    encoding
        Such as ``utf-16``.
    """

    def __init__(self, raw: Readable, encoding: str) -> None:
        self._raw = raw
        self._decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
        self._ended = False

    def read(self, size: int, /) -> bytes:
        """Next bytes as UTF-8."""
        while not self._ended:
            data = self._raw.read(size)
            self._ended = not data
            text = self._decoder.decode(data, final=self._ended)
            if text:
                return text.encode("utf-8", errors="replace")
        return b""


class LineBreaks:
    """A stream whose only line break is a carriage return, with line feeds instead."""

    def __init__(self, raw: Readable) -> None:
        self._raw = raw

    def read(self, size: int, /) -> bytes:
        """Next bytes."""
        return self._raw.read(size).replace(b"\r", b"\n")


def file_size(path: Path) -> int:
    """Size of a readable file.

    Raises
    ------
    SourceError
        If there is no such file or it may not be read.
    """
    try:
        return path.stat().st_size
    except OSError as error:
        raise unreadable(path, error) from error


def file_digest(path: Path, size: int) -> str:
    """SHA-256 of the first ``size`` bytes, as hexadecimal digits."""
    digest = hashlib.sha256()
    with LimitedFile(path, size) as file:
        while data := file.read(DIGEST_BLOCK):
            digest.update(data)
    return digest.hexdigest()


def is_gzip(path: Path) -> bool:
    """Whether a file starts as gzip does."""
    try:
        with path.open("rb") as file:
            return file.read(2) == b"\x1f\x8b"
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: OSError) -> SourceError:
    """The error for a file that the system refuses."""
    return SourceError(
        f"{path} cannot be read: {os.strerror(error.errno) if error.errno else error}",
        next_step="Check the path and its permissions",
        path=str(path),
    )
