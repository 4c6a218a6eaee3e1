"""One version of a Delta table as plain facts: files, columns, rows."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import ibis
import ibis.expr.datatypes as dt
import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from shopkeeper.backends.delta_log import past_version
from shopkeeper.core.errors import NotFoundError, StoreError

__all__ = ["Snapshot", "SnapshotCache", "latest_version", "read_snapshot"]

_REMEMBERED = 4

_IBIS_BY_DELTA: dict[str, dt.DataType] = {
    "string": dt.string,
    "byte": dt.int8,
    "short": dt.int16,
    "integer": dt.int32,
    "long": dt.int64,
    "float": dt.float32,
    "double": dt.float64,
    "boolean": dt.boolean,
    "date": dt.date,
    "timestamp": dt.Timestamp(timezone="UTC", scale=6),
}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one version of a table consists of.

    Parameters
    ----------
    folder
        Folder of the table.
    version
        Its version.
    files
        Active Parquet files, absolute.
    columns
        Stored columns with their types, in order.
    partition
        Columns the files are divided by; their values are in the paths.
    rows
        Rows by file statistics; None if some file has none.
    """

    folder: Path
    version: int
    files: tuple[str, ...]
    columns: ibis.Schema
    partition: tuple[str, ...]
    rows: int | None


class SnapshotCache:
    """Snapshots of the tables of one lake; the last few of each table are remembered.

    A version never changes, so what is remembered never goes stale.

    Parameters
    ----------
    lake
        Folder that holds one folder a table.
    """

    def __init__(self, lake: Path) -> None:
        self.lake = lake
        self._known: dict[str, dict[int, Snapshot]] = {}

    def read(self, name: str, version: int) -> Snapshot:
        """Facts about one version of one table.

        Parameters
        ----------
        name
            Table.
        version
            A committed version.

        Returns
        -------
        Snapshot

        Raises
        ------
        NotFoundError, StoreError
            As :func:`read_snapshot`.
        """
        known = self._known.get(name, {})
        if version not in known:
            recent = dict(sorted(known.items())[-_REMEMBERED + 1 :])
            known = self._known[name] = {
                **recent,
                version: read_snapshot(self.lake / name, version),
            }
        return known[version]

    def tables(self) -> list[str]:
        """Names of the tables ever written."""
        return [x.name for x in self.lake.iterdir() if latest_version(x) >= 0]


def latest_version(folder: Path) -> int:
    """Highest committed version by the names in the log; -1 if there is none.

    Parameters
    ----------
    folder
        Folder of the table.

    Returns
    -------
    int
    """
    try:
        names = os.listdir(folder / "_delta_log")
    except FileNotFoundError:
        return -1
    return max((int(x[:20]) for x in names if len(x) == 25 and x.endswith(".json")), default=-1)


def read_snapshot(folder: Path, version: int) -> Snapshot:
    """Facts about one version.

    Parameters
    ----------
    folder
        Folder of the table.
    version
        A committed version.

    Returns
    -------
    Snapshot

    Raises
    ------
    NotFoundError
        If the version does not exist or was cleaned up.
    StoreError
        If the table uses a Delta feature that plain Parquet reading would
        silently get wrong (deletion vectors, column mapping) or a column type
        outside the contracts.
    """
    try:
        return _facts(folder, DeltaTable(folder, version=version))
    except DeltaError as error:
        with past_version(folder, version) as table:
            if table is not None:
                return _facts(folder, table)
        raise NotFoundError(
            f"table {folder.name} has no version {version}",
            next_step=f"Choose one up to {latest_version(folder)}; old ones are cleaned up",
            table=folder.name,
            version=version,
        ) from error


def _facts(folder: Path, table: DeltaTable) -> Snapshot:
    features = table.protocol().reader_features or []
    if table.protocol().min_reader_version > 1 or features:
        raise StoreError(
            f"table {folder.name} needs Delta reader features {', '.join(features) or '(old)'} "
            "that this store does not read",
            next_step="Rewrite the table without deletion vectors and column mapping",
            table=folder.name,
            features=list(features),
        )
    adds = pa.table(table.get_add_actions(flatten=True))
    counts = adds.column("num_records").to_pylist()
    return Snapshot(
        folder=folder,
        version=table.version(),
        files=tuple(str(folder / unquote(x)) for x in adds.column("path").to_pylist()),
        columns=_ibis_schema(folder.name, table),
        partition=tuple(table.metadata().partition_columns),
        rows=None if None in counts else sum(counts),
    )


def _ibis_schema(name: str, table: DeltaTable) -> ibis.Schema:
    columns: dict[str, dt.DataType] = {}
    for field in table.schema().fields:
        kind = getattr(field.type, "type", "")
        if kind not in _IBIS_BY_DELTA:
            raise StoreError(
                f"column {field.name} of table {name} is {field.type}, which no contract uses",
                next_step="Rewrite the column as text or a number",
                table=name,
                column=field.name,
            )
        columns[field.name] = _IBIS_BY_DELTA[kind]
    return ibis.schema(columns)
