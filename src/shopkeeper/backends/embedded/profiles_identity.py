"""Who answers to what, in the profile store: identifiers, links and their bulk load."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from shopkeeper.backends.embedded.sqlite import transaction
from shopkeeper.core.ports import IdentityLoad, Known, ProfileUpdate

__all__ = ["apply_identity", "load_identities", "load_links", "lookup", "lookup_lists"]

_CHUNK = 50_000
_GENERATION = ("identities", 0)


def lookup(
    connection: sqlite3.Connection, columns: str, table: str, key: str, wanted: Sequence[str]
) -> list[tuple[Any, ...]]:
    """Rows of a table whose key is among the wanted ones.

    Parameters
    ----------
    connection
        To read with.
    columns, table, key
        Parts of the statement.
    wanted
        Keys; repeated ones count once.

    Returns
    -------
    list of tuple
    """
    if len(wanted) == 1:  # a point read is what the profile API asks for
        sql = f"SELECT {columns} FROM {table} WHERE {key} = ?"
        return connection.execute(sql, (wanted[0],)).fetchall()
    asked = json.dumps(list(dict.fromkeys(wanted)))
    return connection.execute(
        f"SELECT {columns} FROM json_each(?) AS asked"
        f" CROSS JOIN {table} ON {table}.{key} = asked.value",
        (asked,),
    ).fetchall()


def lookup_lists(rows: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Pairs gathered by their first element; the second ones sorted."""
    found: dict[str, list[str]] = {}
    for key, value in rows:
        found.setdefault(key, []).append(value)
    for values in found.values():
        values.sort()
    return found


def references_of(
    connection: sqlite3.Connection, contacts: Sequence[str], limit: int
) -> dict[str, list[str]]:
    """References of each contact, at most ``limit``: a shop's own number has thousands."""
    found = {}
    for contact in dict.fromkeys(contacts):
        rows = connection.execute(
            "SELECT reference FROM links WHERE contact = ? ORDER BY reference LIMIT ?",
            (contact, limit),
        ).fetchall()
        if rows:
            found[contact] = [x[0] for x in rows]
    return found


def apply_identity(connection: sqlite3.Connection, update: ProfileUpdate) -> None:
    """The identifiers, links and guards of a micro-batch, inside its transaction."""
    kept = [(k, v) for k, v in update.identifiers.items() if v is not None]
    if kept:
        # An identifier that live events move is theirs until a load names it again.
        connection.executemany(
            "INSERT INTO identifiers VALUES (?, ?, 0) ON CONFLICT (identifier) DO UPDATE"
            " SET customer_id = excluded.customer_id, generation = 0"
            " WHERE customer_id <> excluded.customer_id",
            kept,
        )
    gone = [(k,) for k, v in update.identifiers.items() if v is None]
    if gone:
        connection.executemany("DELETE FROM identifiers WHERE identifier = ?", gone)
    if update.known:
        connection.executemany(
            "INSERT OR REPLACE INTO known VALUES (?, ?, ?, ?)",
            ((k, v.seen_us, v.birth_date, v.gender) for k, v in update.known.items()),
        )
    if update.links:
        connection.executemany(
            "INSERT OR IGNORE INTO links (reference, contact) VALUES (?, ?)", update.links
        )


def load_identities(
    connection: sqlite3.Connection, rows: Iterable[Mapping[str, Sequence[Any]]]
) -> IdentityLoad:
    """Upsert the identities of the night chunk by chunk; see the port.

    Parameters
    ----------
    connection
        To write with; between chunks other writers get their turn.
    rows
        Columns by name.

    Returns
    -------
    IdentityLoad
    """
    generation = position(connection, *_GENERATION) + 1
    connection.execute(
        "CREATE TEMP TABLE IF NOT EXISTS stage (identifier TEXT, customer_id TEXT,"
        " seen_us INTEGER, birth_date TEXT, gender TEXT)"
    )
    loaded = moved = 0
    for chunk in rows:
        for start in range(0, len(chunk["identifier"]), _CHUNK):
            part = {k: v[start : start + _CHUNK] for k, v in chunk.items()}
            loaded += len(part["identifier"])
            moved += _load_chunk(connection, part, generation)
    gone = 0
    while True:
        removed = _remove_chunk(connection, generation)
        gone += removed
        if removed < _CHUNK:
            break
    with transaction(connection):
        store_position(connection, *_GENERATION, generation)
    return IdentityLoad(loaded, moved, gone)


def _load_chunk(
    connection: sqlite3.Connection, part: Mapping[str, Sequence[Any]], generation: int
) -> int:
    names = ("identifier", "customer_id", "seen_us", "birth_date", "gender")
    connection.execute("DELETE FROM stage")
    connection.executemany(
        "INSERT INTO stage VALUES (?, ?, ?, ?, ?)",
        zip(*(part.get(x, [None] * len(part["identifier"])) for x in names), strict=True),
    )
    with transaction(connection):
        changed = connection.execute(
            "SELECT i.customer_id, s.customer_id FROM stage AS s CROSS JOIN identifiers AS i"
            " ON i.identifier = s.identifier WHERE i.customer_id <> s.customer_id"
        ).fetchall()
        enqueue(connection, _concerned(connection, changed))
        connection.execute(
            "INSERT INTO identifiers SELECT identifier, customer_id, ? FROM stage"
            " WHERE true ORDER BY identifier"
            " ON CONFLICT (identifier) DO UPDATE SET customer_id = excluded.customer_id,"
            " generation = excluded.generation",
            (generation,),
        )
        connection.execute(
            "INSERT INTO known SELECT identifier, seen_us, birth_date, gender FROM stage"
            " WHERE seen_us IS NOT NULL OR birth_date IS NOT NULL OR gender IS NOT NULL"
            " ON CONFLICT (reference) DO UPDATE SET seen_us = excluded.seen_us,"
            " birth_date = excluded.birth_date, gender = excluded.gender"
        )
    return len(changed)


def _remove_chunk(connection: sqlite3.Connection, generation: int) -> int:
    """Identifiers of earlier loads that this one did not name belong to nobody."""
    with transaction(connection):
        rows = connection.execute(
            "SELECT identifier, customer_id FROM identifiers"
            " WHERE generation > 0 AND generation < ? LIMIT ?",
            (generation, _CHUNK),
        ).fetchall()
        enqueue(connection, _concerned(connection, [(x[1],) for x in rows]))
        connection.executemany(
            "DELETE FROM identifiers WHERE identifier = ?", ((x[0],) for x in rows)
        )
    return len(rows)


def _concerned(connection: sqlite3.Connection, changed: Sequence[tuple[str, ...]]) -> list[str]:
    """Customers of the groups in which somebody has a live section."""
    everyone = sorted({x for group in changed for x in group})
    if not everyone:
        return []
    columns = "section_live.customer_id"
    rows = lookup(connection, columns, "section_live", "customer_id", everyone)
    live = {x[0] for x in rows}
    return sorted({x for group in changed if live.intersection(group) for x in group})


def load_links(connection: sqlite3.Connection, rows: Iterable[Mapping[str, Sequence[Any]]]) -> int:
    """Add links chunk by chunk; how many came."""
    loaded = 0
    for chunk in rows:
        pairs = list(zip(chunk["reference"], chunk["contact"], strict=True))
        for start in range(0, len(pairs), _CHUNK):
            part = pairs[start : start + _CHUNK]
            with transaction(connection):
                connection.executemany(
                    "INSERT OR IGNORE INTO links (reference, contact) VALUES (?, ?)", part
                )
            loaded += len(part)
    return loaded


def enqueue(connection: sqlite3.Connection, customer_ids: Sequence[str]) -> None:
    """Queue live sections for rebuilding; who waits already keeps the place."""
    connection.executemany(
        "INSERT OR IGNORE INTO rebuilds (customer_id) VALUES (?)", ((x,) for x in customer_ids)
    )


def known(connection: sqlite3.Connection, references: Sequence[str]) -> dict[str, Known]:
    """Guards by reference."""
    columns = "reference, seen_us, birth_date, gender"
    rows = lookup(connection, columns, "known", "reference", references)
    return {x[0]: Known(*x[1:]) for x in rows}


def position(connection: sqlite3.Connection, consumer: str, partition: int) -> int:
    """Stored position; 0 at the start."""
    row = connection.execute(
        "SELECT position FROM positions WHERE consumer = ? AND part = ?", (consumer, partition)
    ).fetchone()
    return int(row[0]) if row else 0


def store_position(
    connection: sqlite3.Connection, consumer: str, partition: int, value: int
) -> None:
    """Store a position; it never goes backwards."""
    connection.execute(
        "INSERT INTO positions VALUES (?, ?, ?) ON CONFLICT (consumer, part) DO UPDATE"
        " SET position = max(position, excluded.position)",
        (consumer, partition, value),
    )
