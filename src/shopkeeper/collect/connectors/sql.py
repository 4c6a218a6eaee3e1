"""Tables of a CRM or a till, read as they grow.

Each reading takes the rows whose cursor column lies at or above the last value less an
overlap, and drops those it has already taken (it remembers their digests). So rows that
were committed late, or that share the boundary value, are neither lost nor doubled.
Rows that the source deletes stay: what happened, happened; see ``undone`` for orders that
are cancelled or refunded.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from shopkeeper.collect.connectors.position import Mark
from shopkeeper.collect.connectors.spool import SpoolWriter
from shopkeeper.collect.hashing import Seen, row_hashes, row_keys
from shopkeeper.collect.sources.base import unique_names
from shopkeeper.collect.sources.sql import as_text, database
from shopkeeper.core.errors import SourceError

PART_ROWS = 5_000
REMEMBERED = 20_000
"""Most digests of rows kept for the overlap; a busier source gets a shorter overlap."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is read.

    Parameters
    ----------
    url
        SQLAlchemy address, secrets filled in.
    cursor
        Column that grows with every change.
    table
        Name, with its schema before a dot if it has one; or
    query
        a SELECT whose result has the cursor column.
    overlap
        How far each reading reaches back: seconds for times, steps for numbers.
    limit
        New rows after which a reading stops (it ends between two cursor values).
    timeout_s
        For connecting and for each answer of the database.
    """

    url: str
    cursor: str
    table: str = ""
    query: str = ""
    overlap: float = 300.0
    limit: int = 50_000
    timeout_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Position:
    """How far a table has been read.

    Parameters
    ----------
    mark
        Highest cursor value met; None at the start.
    since
        Where the next reading begins.
    inclusive
        Whether rows at ``since`` itself are read again.
    seen
        Digests of the rows from ``since`` on that were taken.
    audit
        Rows below a value, counted once in a while to notice what slipped in there.
    """

    mark: Mark | None = None
    since: Mark | None = None
    inclusive: bool = True
    seen: tuple[str, ...] = ()
    audit: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Position:
        """Read what :meth:`to_dict` gave; an empty mapping is the start."""
        return cls(
            mark=Mark(**given["mark"]) if given.get("mark") else None,
            since=Mark(**given["since"]) if given.get("since") else None,
            inclusive=bool(given.get("inclusive", True)),
            seen=tuple(given.get("seen", ())),
            audit=dict(given.get("audit", {})),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        found: dict[str, Any] = {"inclusive": self.inclusive, "seen": list(self.seen)}
        for name in ("mark", "since"):
            mark = getattr(self, name)
            if mark is not None:
                found[name] = {"kind": mark.kind, "value": mark.value}
        if self.audit:
            found["audit"] = dict(self.audit)
        return found


@dataclass(frozen=True, slots=True)
class Fetched:
    """What one reading brought into the spool.

    Parameters
    ----------
    rows
        New rows.
    position
        After them.
    drained
        Whether nothing was left to read.
    notes
        What the reader noticed, as (Chinese, English).
    """

    rows: int
    position: Position
    drained: bool
    notes: tuple[tuple[str, str], ...] = ()


def fetch(
    question: Question, position: Position, spool: SpoolWriter, *, audit: bool = False
) -> Fetched:
    """Read what is new into a spool.

    Parameters
    ----------
    question
        What to read.
    position
        Where the last reading ended.
    spool
        Open writer; the caller finishes it with the new position.
    audit
        Whether to count also what the cursor cannot show (reads the table's index once).

    Returns
    -------
    Fetched

    Raises
    ------
    SourceError
        If the database cannot be reached in time or refuses, the table or the cursor column
        does not exist, or the column does not grow.
    MissingExtraError
        If the driver is not installed.
    """
    address = _address(question.url)
    shown = _shown(address, question)
    engine = database(address, **_options(address, question.timeout_s))
    try:
        with engine.connect() as connection:
            source = _checked(connection, question, shown)
            reading = _Reading(question, position, spool)
            reading.take(connection, source)
            return reading.result(connection, source, audit=audit)
    except sa.exc.SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise SourceError(
            f"{shown} cannot be read: {reason}",
            next_step="Check address, network, rights and the query; it is tried again by itself",
            path=shown,
        ) from error
    finally:
        engine.dispose()


def _address(url: str) -> sa.URL:
    try:
        address = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError) as error:
        raise SourceError(
            "the database address cannot be read",
            next_step="Write it as dialect+driver://user:password@host/database",
        ) from error
    if address.get_backend_name() == "sqlite" and address.database not in {None, "", ":memory:"}:
        file = Path(str(address.database))
        if not file.exists():
            raise SourceError(
                f"there is no database file {file}", next_step="Check the path", path=str(file)
            )
    # The drivers that our extras bring, where the address names none.
    drivers = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql"}
    return address.set(drivername=drivers.get(address.drivername, address.drivername))


def _shown(address: sa.URL, question: Question) -> str:
    what = question.table or "query"
    return f"{address.render_as_string(hide_password=True)}#{what}"


def _options(address: sa.URL, timeout_s: float) -> dict[str, Any]:
    """Every wait has an end, and nothing is ever written."""
    seconds = max(1, round(timeout_s))
    backend = address.get_backend_name()
    arguments: dict[str, Any] = {}
    if backend == "sqlite":
        arguments = {"timeout": timeout_s}
    elif backend == "postgresql":
        milliseconds = seconds * 1000
        arguments = {
            "connect_timeout": seconds,
            "options": f"-c statement_timeout={milliseconds} -c default_transaction_read_only=on",
            "keepalives_idle": seconds,
            "keepalives_interval": seconds,
            "keepalives_count": 2,
            "tcp_user_timeout": milliseconds,
        }
    elif backend in {"mysql", "mariadb"}:
        arguments = {"connect_timeout": seconds, "read_timeout": seconds}
    return {"connect_args": arguments, "poolclass": sa.NullPool}


@dataclass(frozen=True, slots=True)
class _Source:
    """FROM clause and cursor column, quoted for the dialect."""

    clause: str
    cursor: str


def _checked(connection: sa.Connection, question: Question, shown: str) -> _Source:
    quote = connection.dialect.identifier_preparer.quote
    if question.query:
        clause = f"({question.query.strip().rstrip(';')}) AS incoming"
        names = list(connection.execute(sa.text(f"SELECT * FROM {clause} WHERE 1 = 0")).keys())
    else:
        schema, _, table = question.table.rpartition(".")
        inspector = sa.inspect(connection)
        known = [
            *inspector.get_table_names(schema=schema or None),
            *inspector.get_view_names(schema=schema or None),
        ]
        if table not in known:
            raise SourceError(
                f"{shown}: there is no table {question.table!r}",
                next_step=f"Name one of {', '.join(sorted(known)) or 'no tables at all'}",
                path=shown,
            )
        names = [x["name"] for x in inspector.get_columns(table, schema=schema or None)]
        clause = f"{quote(schema)}.{quote(table)}" if schema else quote(table)
    if question.cursor not in names:
        raise SourceError(
            f"{shown} has no column {question.cursor!r} to read on by",
            next_step=f"Choose as cursor one that grows with every change: {', '.join(names)}",
            path=shown,
            columns=names,
        )
    return _Source(clause, quote(question.cursor))


class _Reading:
    """One pass over the new rows."""

    def __init__(self, question: Question, position: Position, spool: SpoolWriter) -> None:
        self._question = question
        self._before = position
        self._spool = spool
        self._known = pa.array(position.seen, pa.string())
        self._seen = Seen()
        self._keys: list[pa.Array] = []
        self._marks: list[Any] = []
        self._last: Mark | None = None
        self._drained = True
        self._notes: list[tuple[str, str]] = []

    def take(self, connection: sa.Connection, source: _Source) -> None:
        """Write the new rows to the spool, in the order of the cursor."""
        for names, at, part in self._parts(connection, source):
            values = [row[at] for row in part]
            self._check(values)
            text = [pa.array([as_text(x) for x in column], pa.string())
                    for column in zip(*part, strict=True)]  # fmt: skip
            batch = pa.RecordBatch.from_arrays(text, names=list(names))
            table = pa.Table.from_batches([batch])
            occurrence = self._seen.occurrences(row_hashes(table, list(names)))
            self._keys.append(keys := row_keys(table, list(names), "r", occurrence))
            self._marks.extend(values)
            fresh = pc.invert(pc.is_in(keys, value_set=self._known))
            new = batch.filter(fresh)
            if new.num_rows:
                self._spool.write(new)

    def _parts(
        self, connection: sa.Connection, source: _Source
    ) -> Iterator[tuple[tuple[str, ...], int, list[Any]]]:
        """Rows part by part; stops between two cursor values once there are enough."""
        where, bound = f"{source.cursor} IS NOT NULL", {}
        if self._before.since is not None:
            sign = ">=" if self._before.inclusive else ">"
            where, bound = f"{source.cursor} {sign} :since", {"since": self._before.since.native}
        text = sa.text(f"SELECT * FROM {source.clause} WHERE {where} ORDER BY {source.cursor}")
        streaming = connection.execution_options(stream_results=True, yield_per=PART_ROWS)
        result = streaming.execute(text, bound)
        names = unique_names(list(result.keys()))
        at = list(result.keys()).index(self._question.cursor)
        for part in result.partitions(PART_ROWS):
            rows = [tuple(x) for x in part]
            if self._spool.rows >= self._question.limit:
                # Rows of one cursor value belong together: only those of the last one follow.
                last = self._marks[-1]
                tied = [x for x in rows if x[at] == last]
                if tied:
                    yield names, at, tied
                if len(tied) < len(rows):
                    self._drained = False
                    result.close()
                    return
                continue
            yield names, at, rows

    def _check(self, values: list[Any]) -> None:
        for value in dict.fromkeys(values):
            mark = Mark.of(value, self._question.cursor)
            if self._last is not None:
                mark.check_after(self._last, self._question.cursor)
            self._last = mark

    def result(self, connection: sa.Connection, source: _Source, *, audit: bool) -> Fetched:
        """The position after this reading."""
        position = self._before if self._last is None else self._after(self._last)
        if audit and position.since is not None:
            found = _audited(connection, source, self._before, position.since, self._notes)
            position = replace(position, audit=found)
        return Fetched(self._spool.rows, position, self._drained, tuple(self._notes))

    def _after(self, mark: Mark) -> Position:
        column, values, before = self._question.cursor, self._marks, self._before
        low = mark.lowered(self._question.overlap)
        start = bisect_left(values, low, key=lambda x: Mark.of(x, column).native)
        bound = Mark.of(low, column)
        if len(values) - start > REMEMBERED:
            start = len(values) - REMEMBERED
            # Rows of one value are remembered all or not at all.
            while start < len(values) and values[start] == values[start - 1]:
                start += 1
            self._notes.append((
                f"重叠区内超过 {REMEMBERED:,} 行，重叠已缩短",
                f"more than {REMEMBERED:,} rows lie in the overlap; it was shortened",
            ))  # fmt: skip
            if start == len(values):
                return Position(mark, mark, inclusive=False, audit=before.audit)
            bound = Mark.of(values[start], column)
        if before.since is not None and bound.native < before.since.native:
            # Earlier rows were not read in this pass, so their digests are not known.
            bound = before.since
        seen = pa.concat_arrays(self._keys).slice(start).to_pylist()
        inclusive = before.inclusive if bound is before.since else True
        return Position(mark, bound, inclusive, tuple(seen), before.audit)


def _audited(
    connection: sa.Connection,
    source: _Source,
    before: Position,
    since: Mark,
    notes: list[tuple[str, str]],
) -> dict[str, Any]:
    """Count what the cursor cannot show: rows without it, and rows that slipped in below it."""

    def count(condition: str, **bound: Any) -> int:
        text = sa.text(f"SELECT count(*) FROM {source.clause} WHERE {condition}")
        return int(connection.execute(text, bound).scalar_one())

    nulls = count(f"{source.cursor} IS NULL")
    if nulls:
        notes.append((
            f"{nulls:,} 行的游标列为空，读不到；请填写该列或换一列作游标",
            (f"{nulls:,} rows have no value in the cursor column and are not read; fill it or "
            "choose another column"),
        ))  # fmt: skip
    earlier = before.audit
    if earlier.get("below"):
        slipped = count(f"{source.cursor} < :below", below=Mark(**earlier["below"]).native)
        slipped -= int(earlier["count"])
        if slipped > 0:
            notes.append((
                f"有 {slipped:,} 行出现在已读位置之前；请加大 overlap，并用 --full 重读一次",
                (f"{slipped:,} rows appeared below what was read already; widen overlap and read "
                "once with --full"),
            ))  # fmt: skip
    return {
        "below": {"kind": since.kind, "value": since.value},
        "count": count(f"{source.cursor} < :below", below=since.native),
        "nulls": nulls,
    }
