"""What every profile store keeps."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from shopkeeper.core.errors import InputError
from shopkeeper.core.ports import ProfileStore

Open = Callable[[], ProfileStore]


def test_whole_profiles_in_and_out(open_profiles: Open) -> None:
    store = open_profiles()
    store.put_many(
        {"c1": {"name": "李雷", "n": 2**53, "x": 0.1, "ok": True, "none": None, "l": [1]}}
    )
    assert store.get("c1") == {
        "name": "李雷",
        "n": 2**53,
        "x": 0.1,
        "ok": True,
        "none": None,
        "l": [1],
    }
    assert store.get("c2") is None
    store.put_many({"c1": {"only": 1}, "c2": {}})
    assert store.get("c1") == {"only": 1}
    assert store.count() == 2


def test_moments_come_back_as_text(open_profiles: Open) -> None:
    store = open_profiles()
    store.put_many({"c1": {"at": datetime(2024, 1, 2, tzinfo=UTC)}})
    assert store.get("c1") == {"at": "2024-01-02T00:00:00Z"}


def test_many_at_once_in_the_order_asked(open_profiles: Open) -> None:
    store = open_profiles()
    store.put_many({f"c{i}": {"i": i} for i in range(1500)})
    wanted = [f"c{i}" for i in range(1499, -1, -1)] + ["nobody", "c3"]
    found = store.get_many(wanted)
    assert list(found) == wanted[:1500]
    assert found["c700"] == {"i": 700}
    assert store.get_many([]) == {}


def test_a_value_that_is_no_json_stores_nothing_of_the_call(open_profiles: Open) -> None:
    store = open_profiles()
    store.put_many({"c1": {"v": 1}})
    with pytest.raises(InputError, match="the profile of c2 cannot be stored as JSON"):
        store.put_many({"c1": {"v": 2}, "c2": {"v": object()}})
    assert store.get("c1") == {"v": 1}
    assert store.count() == 1


def test_delete_says_whether_it_was_there(open_profiles: Open) -> None:
    store = open_profiles()
    store.put_many({"c1": {}})
    assert store.delete("c1")
    assert not store.delete("c1")
    assert store.get("c1") is None


def test_profiles_survive_reopening(open_profiles: Open) -> None:
    open_profiles().put_many({"c1": {"v": 1}})
    assert open_profiles().get("c1") == {"v": 1}
