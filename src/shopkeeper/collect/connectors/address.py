"""Files behind an address: fetched with a time limit, a size limit and the sender's own marks."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from shopkeeper.core.errors import SourceError

MOST_BYTES = 256 * 1024 * 1024
PIECE = 1 << 16
ENDINGS = {
    "application/json": ".json", "application/x-ndjson": ".jsonl", "application/jsonl": ".jsonl",
    "text/csv": ".csv", "text/plain": ".csv", "text/tab-separated-values": ".tsv",
    "application/vnd.apache.parquet": ".parquet",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
}  # fmt: skip
"""Ending of a file by its media type."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an address gave.

    Parameters
    ----------
    file
        Where the content is; None if it has not changed since.
    etag, modified
        Marks of the sender, to be given with the next request.
    """

    file: Path | None
    etag: str
    modified: str


def fetch_file(
    url: str,
    folder: Path,
    *,
    timeout_s: float,
    etag: str = "",
    modified: str = "",
    most_bytes: int = MOST_BYTES,
) -> Answer:
    """Fetch a file unless it is the one we have.

    Parameters
    ----------
    url
        ``http`` or ``https``.
    folder
        Where it is put.
    timeout_s
        For connecting and each answer; the whole may take ten times that.
    etag, modified
        From the answer before.
    most_bytes
        Largest content.

    Returns
    -------
    Answer

    Raises
    ------
    SourceError
        If it cannot be had in time, is too large, or the server refuses.
    """
    parts = urlsplit(url)
    shown = f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise SourceError(f"{shown} is no address", next_step="Write https://host/path")
    request = urllib.request.Request(url, headers={"User-Agent": "shopkeeper"})
    if etag:
        request.add_header("If-None-Match", etag)
    if modified:
        request.add_header("If-Modified-Since", modified)
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:
            kind = answer.headers.get_content_type()
            ending = Path(parts.path).suffix or ENDINGS.get(kind, "")
            folder.mkdir(parents=True, exist_ok=True)
            file = folder / f"fetched{ending or '.csv'}"
            _copy(answer, file, shown, most_bytes, time.monotonic() + 10 * timeout_s)
            headers = answer.headers
            return Answer(file, headers.get("ETag", ""), headers.get("Last-Modified", ""))
    except urllib.error.HTTPError as error:
        if error.code == 304:
            return Answer(None, etag, modified)
        raise SourceError(
            f"{shown} answered {error.code} {error.reason}",
            next_step="Check address and rights; it is tried again by itself",
            url=shown,
            status=error.code,
        ) from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise SourceError(
            f"{shown} cannot be had: {str(reason) or type(error).__name__}",
            next_step="Check address and network; it is tried again by itself",
            url=shown,
        ) from error


def _copy(
    answer: http.client.HTTPResponse, file: Path, shown: str, most: int, deadline: float
) -> None:
    done = 0
    with file.open("wb") as out:
        while piece := answer.read(PIECE):
            done += len(piece)
            if done > most:
                raise SourceError(
                    f"{shown} is larger than {most:,} bytes",
                    next_step="Ask for a smaller part, or load the file with shopkeeper collect",
                    url=shown,
                )
            if time.monotonic() > deadline:
                raise SourceError(
                    f"{shown} came too slowly: {done:,} bytes",
                    next_step="Raise timeout_seconds; it is tried again by itself",
                    url=shown,
                )
            out.write(piece)
