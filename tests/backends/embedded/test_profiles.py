"""What the SQLite profile store does beyond the contract."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from shopkeeper.backends.embedded.profiles import SqliteProfiles
from shopkeeper.core.errors import StoreError
from shopkeeper.core.ports import ProfileUpdate


def test_a_file_of_the_first_release_becomes_nightly_facts(tmp_path: Path) -> None:
    file = tmp_path / "profiles.db"
    old = sqlite3.connect(file)
    old.execute("CREATE TABLE profiles (customer_id TEXT PRIMARY KEY, value BLOB NOT NULL)")
    old.execute("INSERT INTO profiles VALUES ('c1', ?)", (b'{"city":"x"}',))
    old.commit()
    old.close()
    store = SqliteProfiles(file)
    assert store.get("c1") == {"base": {"city": "x"}}
    store.close()
    again = SqliteProfiles(file)
    assert again.count() == 1
    again.close()


def test_a_file_of_a_later_release_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "profiles.db"
    later = sqlite3.connect(file)
    later.execute("PRAGMA user_version = 99")
    later.close()
    with pytest.raises(StoreError, match="written by a later release"):
        SqliteProfiles(file)


def test_old_changes_are_dropped(tmp_path: Path) -> None:
    store = SqliteProfiles(tmp_path / "profiles.db", kept_changes=10)
    for i in range(30):
        store.apply(ProfileUpdate("live", changes=[("c", i, {"i": i})]))
    kept = store.changes(0)
    assert [x.change["i"] for x in kept] == list(range(20, 30))
    assert store.last_change() == kept[-1].sequence == 30
    store.close()
