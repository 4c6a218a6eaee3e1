"""One customer's latest profile by id, in a SQLite rowid table."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from shopkeeper.backends.embedded.sqlite import connect, sqlite_errors, transaction
from shopkeeper.core.errors import InputError

__all__ = ["SqliteProfiles"]

_CHUNK = 500
_TABLE = "CREATE TABLE IF NOT EXISTS profiles (customer_id TEXT PRIMARY KEY, value BLOB NOT NULL)"


class SqliteProfiles:
    """Profiles as JSON; whole profiles in, whole profiles out.

    Profiles are derived from the lake, so a power cut may take the last
    transaction; the next run stores them again.

    Parameters
    ----------
    file
        Database; created when missing.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._write_lock, self._read_lock = threading.Lock(), threading.Lock()
        with sqlite_errors(file, "profiles"):
            self._writer = connect(file, synchronous="NORMAL")
            self._writer.execute(_TABLE)
            self._reader = connect(file, synchronous="NORMAL")

    def get(self, customer_id: str) -> dict[str, Any] | None:
        """The stored profile, or None.

        Parameters
        ----------
        customer_id
            Customer.

        Returns
        -------
        dict[str, Any] | None
            As JSON knows it: dates and moments are ISO text.
        """
        with self._read_lock, sqlite_errors(self._file, "reading of profiles"):
            row = self._reader.execute(
                "SELECT value FROM profiles WHERE customer_id = ?", (customer_id,)
            ).fetchone()
        return None if row is None else _decoded(row[0])

    def get_many(self, customer_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Profiles of those that exist.

        Parameters
        ----------
        customer_ids
            Customers; repeated ones count once.

        Returns
        -------
        dict[str, dict[str, Any]]
            In the order asked for.
        """
        wanted = list(dict.fromkeys(customer_ids))
        found: dict[str, bytes] = {}
        with self._read_lock, sqlite_errors(self._file, "reading of profiles"):
            for start in range(0, len(wanted), _CHUNK):
                chunk = wanted[start : start + _CHUNK]
                marks = ",".join("?" * len(chunk))
                found.update(
                    self._reader.execute(
                        f"SELECT customer_id, value FROM profiles WHERE customer_id IN ({marks})",
                        chunk,
                    ).fetchall()
                )
        return {x: _decoded(found[x]) for x in wanted if x in found}

    def put_many(self, profiles: Mapping[str, Mapping[str, Any]]) -> None:
        """Store whole profiles, replacing earlier ones, in one transaction.

        Parameters
        ----------
        profiles
            Profile by customer; values that JSON knows, dates and moments.

        Raises
        ------
        InputError
            If a value cannot be written as JSON; nothing is stored then.
        StorageFullError, BusyError, StoreError
            If they could not be stored; the earlier ones stay.
        """
        rows = ((customer, _encoded(customer, value)) for customer, value in profiles.items())
        with (
            self._write_lock,
            sqlite_errors(self._file, "profiles"),
            transaction(self._writer),
        ):
            self._writer.executemany(
                "INSERT INTO profiles VALUES (?, ?)"
                " ON CONFLICT (customer_id) DO UPDATE SET value = excluded.value",
                rows,
            )

    def delete(self, customer_id: str) -> bool:
        """Remove one; says whether it was there.

        Parameters
        ----------
        customer_id
            Customer.

        Returns
        -------
        bool
        """
        with (
            self._write_lock,
            sqlite_errors(self._file, "the removal of a profile"),
            transaction(self._writer),
        ):
            cursor = self._writer.execute(
                "DELETE FROM profiles WHERE customer_id = ?", (customer_id,)
            )
            return cursor.rowcount > 0

    def count(self) -> int:
        """Profiles stored."""
        with self._read_lock, sqlite_errors(self._file, "reading of profiles"):
            return int(self._reader.execute("SELECT count(*) FROM profiles").fetchone()[0])

    def close(self) -> None:
        """Release files."""
        with self._write_lock, self._read_lock:
            self._reader.close()
            self._writer.close()


def _encoded(customer_id: str, profile: Mapping[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(profile)
    except (TypeError, ValueError, msgspec.MsgspecError) as error:
        raise InputError(
            f"the profile of {customer_id} cannot be stored as JSON: {error}",
            next_step="Use text, numbers, booleans, dates, lists and mappings",
            customer_id=customer_id,
        ) from error


def _decoded(value: bytes) -> dict[str, Any]:
    profile: dict[str, Any] = msgspec.json.decode(value)
    return profile
