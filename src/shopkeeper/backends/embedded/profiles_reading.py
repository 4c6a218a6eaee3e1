"""What is read of the profile store, over a connection of its own."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from shopkeeper.backends.embedded import profiles_identity as identity
from shopkeeper.backends.embedded.profiles_schema import SECTIONS
from shopkeeper.backends.embedded.sqlite import sqlite_errors
from shopkeeper.core.ports import Known, ProfileChange, Section

__all__ = ["ProfileReading"]

T = TypeVar("T")

_ONE = " UNION ALL ".join(
    f"SELECT '{x}', value FROM section_{x} WHERE customer_id = ?1" for x in SECTIONS
)


class ProfileReading:
    """Readers see the last stored transaction, whoever stored it.

    Parameters
    ----------
    file
        Database, for messages.
    reader
        Connection that nobody else uses.
    """

    def __init__(self, file: Path, reader: sqlite3.Connection) -> None:
        self._file, self._reader = file, reader
        self._read_lock = threading.Lock()

    def get(self, customer_id: str) -> dict[str, Any] | None:
        """The stored profile, or None.

        Parameters
        ----------
        customer_id
            Customer.

        Returns
        -------
        dict[str, Any] | None
            Sections by name, as JSON knows them: dates and moments are ISO text.
        """
        found = self.stored(customer_id)
        return {k: msgspec.json.decode(v) for k, v in found.items()} or None

    def get_many(self, customer_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Profiles of those that exist.

        Parameters
        ----------
        customer_ids
            Customers; repeated ones count once.

        Returns
        -------
        dict[str, dict[str, Any]]
            As :meth:`get`, in the order asked for.
        """
        return {
            customer: {k: msgspec.json.decode(v) for k, v in found.items()}
            for customer, found in self.stored_many(customer_ids).items()
        }

    def stored(self, customer_id: str) -> dict[Section, bytes]:
        """The sections of one customer as stored.

        Parameters
        ----------
        customer_id
            Customer.

        Returns
        -------
        dict[Section, bytes]
            JSON by section; empty if there is none.
        """
        return self._read(lambda x: dict(x.execute(_ONE, (customer_id,)).fetchall()))

    def stored_many(
        self, customer_ids: Sequence[str], sections: Sequence[Section] = SECTIONS
    ) -> dict[str, dict[Section, bytes]]:
        """The sections of several customers as stored.

        Parameters
        ----------
        customer_ids
            Customers; repeated ones count once.
        sections
            Wanted ones.

        Returns
        -------
        dict[str, dict[Section, bytes]]
            Of those that exist, in the order asked for.
        """
        found: dict[str, dict[Section, bytes]] = {x: {} for x in customer_ids}
        for section in sections:
            for customer, value in self._section_rows(section, customer_ids):
                found[customer][section] = value
        return {k: v for k, v in found.items() if v}

    def section(self, section: Section, customer_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """One section of those that have it.

        Parameters
        ----------
        section
            Which.
        customer_ids
            Customers.

        Returns
        -------
        dict[str, dict[str, Any]]
        """
        rows = self._section_rows(section, customer_ids)
        return {customer: msgspec.json.decode(value) for customer, value in rows}

    def resolve(self, identifiers: Sequence[str]) -> dict[str, str]:
        """Customer by identifier.

        Parameters
        ----------
        identifiers
            ``kind:value``; repeated ones count once.

        Returns
        -------
        dict[str, str]
            Of those that are known.
        """
        columns = "identifier, customer_id"
        return dict(
            self._read(
                lambda x: identity.lookup(x, columns, "identifiers", "identifier", identifiers)
            )
        )

    def identifiers_of(self, customer_ids: Sequence[str]) -> dict[str, list[str]]:
        """Identifiers by customer, sorted.

        Parameters
        ----------
        customer_ids
            Customers.

        Returns
        -------
        dict[str, list[str]]
            Of those that have any.
        """
        columns = "customer_id, identifier"
        rows = self._read(
            lambda x: identity.lookup(x, columns, "identifiers", "customer_id", customer_ids)
        )
        return identity.lookup_lists(rows)

    def known(self, references: Sequence[str]) -> dict[str, Known]:
        """What guards the merging of references, of those that are known."""
        return self._read(lambda x: identity.known(x, references))

    def contacts_of(self, references: Sequence[str]) -> dict[str, list[str]]:
        """Phones, e-mails and devices that references were seen with, sorted."""
        columns = "reference, contact"
        rows = self._read(lambda x: identity.lookup(x, columns, "links", "reference", references))
        return identity.lookup_lists(rows)

    def references_of(self, contacts: Sequence[str], *, limit: int = 100) -> dict[str, list[str]]:
        """References that contacts were seen with, sorted; at most ``limit`` each."""
        return self._read(lambda x: identity.references_of(x, contacts, limit))

    def generation(self) -> int:
        """Grows when identities are loaded or somebody is removed: read again what you remember."""
        return self.position("identities", 0)

    def arrived_since(self, *, limit: int = 10_000) -> list[str]:
        """Identifiers that live events brought and no load has named yet."""
        sql = "SELECT identifier FROM identifiers WHERE generation = 0 ORDER BY identifier LIMIT ?"
        return [x[0] for x in self._read(lambda x: x.execute(sql, (limit,)).fetchall())]

    def queued(self, *, limit: int = 1000) -> list[str]:
        """Customers whose live section is to be rebuilt, the first asked for first."""
        sql = "SELECT customer_id FROM rebuilds ORDER BY number LIMIT ?"
        return [x[0] for x in self._read(lambda x: x.execute(sql, (limit,)).fetchall())]

    def ids(self, section: Section, *, after: str = "", limit: int = 10_000) -> list[str]:
        """Customers that have a section, sorted, from ``after`` (included) on."""
        sql = (
            f"SELECT customer_id FROM section_{section}"
            " WHERE customer_id >= ? ORDER BY customer_id LIMIT ?"
        )
        return [x[0] for x in self._read(lambda x: x.execute(sql, (after, limit)).fetchall())]

    def position(self, consumer: str, partition: int) -> int:
        """First log offset not yet applied; 0 at the start."""
        return self._read(lambda x: identity.position(x, consumer, partition))

    def positions(self, consumer: str) -> dict[int, int]:
        """Positions of a consumer by partition, of those that were ever stored."""
        sql = "SELECT part, position FROM positions WHERE consumer = ?"
        return dict(self._read(lambda x: x.execute(sql, (consumer,)).fetchall()))

    def due(self, section: Section, until_us: int, *, limit: int = 1000) -> Sequence[str]:
        """Customers whose timer of the section has come, earliest first."""
        return [x[1] for x in self.timers(section, until_us, limit=limit)]

    def timers(
        self, section: Section, until_us: int, *, limit: int = 10_000
    ) -> Sequence[tuple[int, str]]:
        """Timers up to a moment with their customers, earliest first."""
        sql = (
            f"SELECT due_us, customer_id FROM section_{section}"
            " WHERE due_us <= ? ORDER BY due_us LIMIT ?"
        )
        return self._read(lambda x: x.execute(sql, (until_us, limit)).fetchall())

    def changes(self, after: int, *, limit: int = 500) -> Sequence[ProfileChange]:
        """Changes after a sequence number, in order; old ones are dropped."""
        sql = (
            "SELECT sequence, customer_id, at_us, change FROM changes"
            " WHERE sequence > ? ORDER BY sequence LIMIT ?"
        )
        rows = self._read(lambda x: x.execute(sql, (after, limit)).fetchall())
        return [ProfileChange(n, k, at, msgspec.json.decode(change)) for n, k, at, change in rows]

    def last_change(self) -> int:
        """Sequence number of the latest change; 0 before the first."""
        sql = "SELECT coalesce(max(sequence), 0) FROM changes"
        return int(self._read(lambda x: x.execute(sql).fetchone())[0])

    def count(self) -> int:
        """Customers that have at least one section."""
        every = " UNION ".join(f"SELECT customer_id FROM section_{x}" for x in SECTIONS)
        return int(self._read(lambda x: x.execute(f"SELECT count(*) FROM ({every})").fetchone())[0])

    def _section_rows(self, section: Section, customer_ids: Sequence[str]) -> list[tuple[Any, ...]]:
        table = f"section_{section}"
        return self._read(
            lambda x: identity.lookup(
                x, f"{table}.customer_id, {table}.value", table, "customer_id", customer_ids
            )
        )

    def _read(self, reading: Callable[[sqlite3.Connection], T]) -> T:
        with self._read_lock, sqlite_errors(self._file, "reading of profiles"):
            return reading(self._reader)
