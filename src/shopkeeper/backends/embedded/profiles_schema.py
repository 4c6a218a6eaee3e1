"""Tables of the profile store in SQLite, and how a file of an earlier release becomes one."""

from __future__ import annotations

import sqlite3
from typing import get_args

from shopkeeper.backends.embedded.sqlite import transaction
from shopkeeper.core.errors import StoreError
from shopkeeper.core.ports import Section

__all__ = ["SECTIONS", "VERSION", "prepare"]

VERSION = 2
SECTIONS: tuple[Section, ...] = get_args(Section)

_STATEMENTS = (
    # Rowid tables: a profile is larger than a page should hold among its keys. The timer
    # stands before the value, so that the index over it never walks overflow pages.
    *(
        f"CREATE TABLE section_{x}"
        " (customer_id TEXT PRIMARY KEY, due_us INTEGER, value BLOB NOT NULL)"
        for x in SECTIONS
    ),
    *(f"CREATE INDEX due_{x} ON section_{x} (due_us) WHERE due_us IS NOT NULL" for x in SECTIONS),
    # Short rows: here the key itself is the best place. generation 0: brought by live events.
    (
        "CREATE TABLE identifiers (identifier TEXT PRIMARY KEY, customer_id TEXT NOT NULL,"
        " generation INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID"
    ),
    "CREATE INDEX identifiers_of ON identifiers (customer_id)",
    "CREATE INDEX identifiers_new ON identifiers (identifier) WHERE generation = 0",
    (
        "CREATE TABLE known (reference TEXT PRIMARY KEY, seen_us INTEGER, birth_date TEXT,"
        " gender TEXT) WITHOUT ROWID"
    ),
    (
        "CREATE TABLE links (contact TEXT NOT NULL, reference TEXT NOT NULL,"
        " PRIMARY KEY (contact, reference)) WITHOUT ROWID"
    ),
    "CREATE INDEX links_of ON links (reference, contact)",
    (
        "CREATE TABLE changes (sequence INTEGER PRIMARY KEY AUTOINCREMENT,"
        " customer_id TEXT NOT NULL, at_us INTEGER NOT NULL, change BLOB NOT NULL)"
    ),
    (
        "CREATE TABLE positions (consumer TEXT NOT NULL, part INTEGER NOT NULL,"
        " position INTEGER NOT NULL, PRIMARY KEY (consumer, part)) WITHOUT ROWID"
    ),
    (
        "CREATE TABLE rebuilds (number INTEGER PRIMARY KEY AUTOINCREMENT,"
        " customer_id TEXT NOT NULL UNIQUE)"
    ),
)


def prepare(connection: sqlite3.Connection) -> None:
    """Create the tables, or bring a file of an earlier release to them.

    Parameters
    ----------
    connection
        To write with.

    Raises
    ------
    StoreError
        If a later release wrote the file.
    """
    version = _version(connection)
    if version == VERSION:
        return
    if version > VERSION:
        raise StoreError(
            f"the profiles were written by a later release (format {version}, known: {VERSION})",
            next_step="Upgrade this installation",
            version=version,
        )
    with transaction(connection):
        if _version(connection) == VERSION:  # another process was faster
            return
        for statement in _STATEMENTS:
            connection.execute(statement)
        if _has(connection, "profiles"):
            # The first release kept one object a customer: the nightly facts.
            connection.execute(
                "INSERT INTO section_base (customer_id, value)"
                " SELECT customer_id, value FROM profiles"
            )
            connection.execute("DROP TABLE profiles")
        connection.execute(f"PRAGMA user_version = {VERSION}")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _has(connection: sqlite3.Connection, table: str) -> bool:
    found = connection.execute(
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (table,)
    )
    return found.fetchone() is not None
