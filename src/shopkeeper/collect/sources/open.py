"""From what a person types to the sources it means."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from shopkeeper.collect.sources.base import ReadOptions, Source
from shopkeeper.collect.sources.delimited import DelimitedSource
from shopkeeper.collect.sources.excel import ExcelSource
from shopkeeper.collect.sources.jsonl import JsonLinesSource
from shopkeeper.collect.sources.parquet import ParquetSource
from shopkeeper.collect.sources.sql import SqlSource
from shopkeeper.core.errors import SourceError

EXCEL = (".xlsx", ".xls", ".xlsb", ".xlsm", ".ods")
PARQUET = (".parquet", ".pq")
JSON = (".jsonl", ".ndjson", ".json")
TEXT = (".csv", ".tsv", ".txt", ".dat", ".tab", ".psv")
READ = (*TEXT, *EXCEL, *PARQUET, *JSON)
MAPPING_SUFFIX = ".mapping.yaml"
_URL = re.compile(r"[a-z][a-z0-9+_]*://", re.IGNORECASE)


def locate(location: str) -> tuple[str, ...]:
    """Addresses of everything that is one load each, in the order to load them.

    Parameters
    ----------
    location
        A file, a folder (its data files, sorted by name, hidden ones and
        mappings left out), or a database address. ``#`` adds a sheet, table or query.

    Returns
    -------
    tuple of str

    Raises
    ------
    SourceError
        If there is nothing there.
    """
    if _URL.match(location):
        return (location,)
    path = Path(location)
    if path.is_dir():
        found = sorted(
            x
            for x in path.rglob("*")
            if x.is_file() and not x.name.startswith((".", "~$")) and _kind(x) in READ
        )
        if not found:
            raise SourceError(
                f"folder {path} holds no file that can be read",
                next_step=f"Put files there that end in {', '.join(READ)} (or .gz)",
                path=location,
            )
        return tuple(str(x) for x in found)
    file, _ = _split(location)
    if not file.exists():
        raise SourceError(
            f"there is no file or folder {file}", next_step="Check the path", path=location
        )
    return (location,)


def open_source(
    location: str, options: ReadOptions | None = None, *, known: Callable[[str], bool]
) -> Source:
    """Open one source.

    Parameters
    ----------
    location
        One of the addresses of :func:`locate`.
    options
        How to read; what is left open is found out.
    known
        Whether a cell is a header of the lexicon; tells a header from data.

    Returns
    -------
    Source

    Raises
    ------
    SourceError
        If it cannot be read or holds nothing.
    """
    options = options or ReadOptions()
    if _URL.match(location):
        url, _, query = location.partition("#")
        return SqlSource(url, replace(options, query=query or options.query))
    path, sheet = _split(location)
    kind = _kind(path)
    if kind in EXCEL:
        return ExcelSource(path, replace(options, sheet=sheet or options.sheet))
    if kind in PARQUET:
        return ParquetSource(path)
    if kind in JSON:
        return JsonLinesSource(path, options)
    return DelimitedSource(path, options, known=known)


def _kind(path: Path) -> str:
    suffixes = [x.lower() for x in path.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _split(location: str) -> tuple[Path, str | None]:
    whole = Path(location)
    if whole.exists() or "#" not in location:
        return whole, None
    file, _, sheet = location.rpartition("#")
    return Path(file), sheet
