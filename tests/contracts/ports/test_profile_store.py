"""What every profile store keeps."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from shopkeeper.core.errors import ConflictError, InputError
from shopkeeper.core.ports import Known, ProfileStore, ProfileUpdate

Open = Callable[[], ProfileStore]


def test_whole_profiles_in_and_out(open_profiles: Open) -> None:
    store = open_profiles()
    store.put_many(
        {"c1": {"name": "李雷", "n": 2**53, "x": 0.1, "ok": True, "none": None, "l": [1]}}
    )
    assert store.get("c1") == {
        "base": {"name": "李雷", "n": 2**53, "x": 0.1, "ok": True, "none": None, "l": [1]}
    }
    assert store.get("c2") is None
    store.put_many({"c1": {"only": 1}, "c2": {}})
    assert store.get("c1") == {"base": {"only": 1}}
    assert store.count() == 2


def test_moments_come_back_as_text(open_profiles: Open) -> None:
    store = open_profiles()
    store.put_many({"c1": {"at": datetime(2024, 1, 2, tzinfo=UTC)}})
    assert store.get("c1") == {"base": {"at": "2024-01-02T00:00:00Z"}}


def test_many_at_once_in_the_order_asked(open_profiles: Open) -> None:
    store = open_profiles()
    store.put_many({f"c{i}": {"i": i} for i in range(1500)})
    wanted = [f"c{i}" for i in range(1499, -1, -1)] + ["nobody", "c3"]
    found = store.get_many(wanted)
    assert list(found) == wanted[:1500]
    assert found["c700"] == {"base": {"i": 700}}
    assert store.get_many([]) == {}


def test_a_value_that_is_no_json_stores_nothing_of_the_call(open_profiles: Open) -> None:
    store = open_profiles()
    store.put_many({"c1": {"v": 1}})
    with pytest.raises(InputError, match="the profile of c2 cannot be stored as JSON"):
        store.put_many({"c1": {"v": 2}, "c2": {"v": object()}})
    assert store.get("c1") == {"base": {"v": 1}}
    assert store.count() == 1


def test_delete_says_whether_it_was_there(open_profiles: Open) -> None:
    store = open_profiles()
    store.put_many({"c1": {}})
    assert store.delete("c1")
    assert not store.delete("c1")
    assert store.get("c1") is None


def test_profiles_survive_reopening(open_profiles: Open) -> None:
    open_profiles().put_many({"c1": {"v": 1}})
    assert open_profiles().get("c1") == {"base": {"v": 1}}


def test_sections_are_written_apart_and_read_together(open_profiles: Open) -> None:
    store = open_profiles()
    store.put_many({"c1": {"city": "上海"}})
    store.put_many({"c1": {"views": 3}, "c2": {"views": 1}}, section="live")
    store.put_many({"c1": {"score": 0.5}}, section="features")
    assert store.get("c1") == {
        "base": {"city": "上海"},
        "live": {"views": 3},
        "features": {"score": 0.5},
    }
    assert store.get("c2") == {"live": {"views": 1}}
    assert store.section("live", ["c2", "nobody", "c1"]) == {
        "c2": {"views": 1},
        "c1": {"views": 3},
    }
    assert store.stored("c1")["live"] == b'{"views":3}'
    assert store.stored("nobody") == {}
    assert store.stored_many(["c2", "nobody", "c1"], ["live"]) == {
        "c2": {"live": b'{"views":1}'},
        "c1": {"live": b'{"views":3}'},
    }
    assert store.count() == 2
    store.apply(ProfileUpdate("live", removed=["c1"]))
    assert store.get("c1") == {"base": {"city": "上海"}, "features": {"score": 0.5}}


def test_a_micro_batch_is_stored_whole_with_its_positions(open_profiles: Open) -> None:
    store = open_profiles()
    store.apply(
        ProfileUpdate(
            "live",
            profiles={"c1": {"v": 1}},
            identifiers={"crm:1": "c1", "phone:+8613812345678": "c1"},
            timers={"c1": 500},
            changes=[("c1", 10, {"trait": "v", "to": 1})],
            positions={("profiles", 0): 7, ("profiles", 3): 2},
            known={"crm:1": Known(5, "1990-01-01", "1")},
            links=[("crm:1", "phone:+8613812345678"), ("crm:1", "phone:+8613812345678")],
        )
    )
    again = open_profiles()
    assert again.resolve(["phone:+8613812345678", "crm:2", "crm:1"]) == {
        "phone:+8613812345678": "c1",
        "crm:1": "c1",
    }
    assert again.identifiers_of(["c1", "c2"]) == {"c1": ["crm:1", "phone:+8613812345678"]}
    assert again.known(["crm:1", "crm:2"]) == {"crm:1": Known(5, "1990-01-01", "1")}
    assert again.contacts_of(["crm:1", "crm:2"]) == {"crm:1": ["phone:+8613812345678"]}
    assert again.references_of(["phone:+8613812345678"]) == {"phone:+8613812345678": ["crm:1"]}
    assert again.positions("profiles") == {0: 7, 3: 2}
    assert again.position("profiles", 9) == 0
    assert again.due("live", 499) == []
    assert again.due("live", 500) == ["c1"]
    (change,) = again.changes(0)
    assert (change.customer_id, change.at_us, change.change) == ("c1", 10, {"trait": "v", "to": 1})
    assert again.last_change() == change.sequence
    assert again.changes(change.sequence) == []


def test_positions_never_go_backwards_and_a_stale_writer_stores_nothing(
    open_profiles: Open,
) -> None:
    store = open_profiles()
    store.apply(ProfileUpdate("live", positions={("w", 0): 9}))
    store.apply(ProfileUpdate("live", positions={("w", 0): 4}))
    assert store.position("w", 0) == 9
    with pytest.raises(ConflictError, match="stand at offset 9 of partition 0 for w, not at 4"):
        store.apply(
            ProfileUpdate(
                "live",
                profiles={"c1": {"v": 1}},
                positions={("w", 0): 12},
                after={("w", 0): 4},
            )
        )
    assert store.get("c1") is None
    store.apply(ProfileUpdate("live", positions={("w", 0): 12}, after={("w", 0): 9}))
    assert store.position("w", 0) == 12


def test_a_value_that_is_no_json_stores_no_position(open_profiles: Open) -> None:
    store = open_profiles()
    with pytest.raises(InputError, match="the profile of c1 cannot be stored as JSON"):
        store.apply(
            ProfileUpdate("live", changes=[("c1", 1, {"x": object()})], positions={("w", 0): 3})
        )
    assert store.position("w", 0) == 0


def test_timers_come_in_their_order_move_and_clear(open_profiles: Open) -> None:
    store = open_profiles()
    store.apply(
        ProfileUpdate(
            "live",
            profiles={x: {} for x in ("a", "b", "c")},
            timers={"a": 30, "b": 10, "c": 20, "nobody": 1},
        )
    )
    assert store.timers("live", 20) == [(10, "b"), (20, "c")]
    assert store.due("live", 100, limit=2) == ["b", "c"]
    assert store.due("features", 100) == []
    store.apply(ProfileUpdate("live", timers={"b": None, "c": 40}))
    assert store.timers("live", 100) == [(30, "a"), (40, "c")]
    store.apply(ProfileUpdate("live", profiles={"a": {"v": 1}}))
    assert store.due("live", 30) == ["a"], "a new value alone keeps the timer"


def test_an_identifier_can_become_nobodys(open_profiles: Open) -> None:
    store = open_profiles()
    store.apply(ProfileUpdate("live", identifiers={"phone:1": "c1", "crm:1": "c1"}))
    store.apply(ProfileUpdate("live", identifiers={"phone:1": None, "crm:1": "c2"}))
    assert store.resolve(["phone:1", "crm:1"]) == {"crm:1": "c2"}


def test_references_of_a_shared_number_are_bounded(open_profiles: Open) -> None:
    store = open_profiles()
    store.apply(ProfileUpdate("live", links=[(f"crm:{i:04}", "phone:400") for i in range(500)]))
    assert store.references_of(["phone:400"], limit=5)["phone:400"] == [
        f"crm:{i:04}" for i in range(5)
    ]


def test_the_night_replaces_identities_and_keeps_what_came_since(open_profiles: Open) -> None:
    store = open_profiles()
    first = {"identifier": ["crm:1", "crm:2", "phone:1"], "customer_id": ["c1", "c2", "c2"]}
    done = store.load_identities([first])
    assert (done.identifiers, done.moved, done.gone) == (3, 0, 0)
    assert store.generation() == 1
    assert store.queued() == [], "nobody has a live section yet"
    store.apply(ProfileUpdate("live", profiles={"c2": {}}, identifiers={"user:9": "c2"}))
    assert store.arrived_since() == ["user:9"]
    second = {
        "identifier": ["crm:1", "crm:2"],
        "customer_id": ["c1", "c1"],
        "seen_us": [1, 2],
        "birth_date": [None, "1990-01-01"],
        "gender": ["2", None],
    }
    done = store.load_identities([second])
    assert (done.identifiers, done.moved, done.gone) == (2, 1, 1)
    assert store.resolve(["crm:1", "crm:2", "phone:1", "user:9"]) == {
        "crm:1": "c1",
        "crm:2": "c1",
        "user:9": "c2",
    }
    assert store.known(["crm:1", "crm:2"]) == {
        "crm:1": Known(1, None, "2"),
        "crm:2": Known(2, "1990-01-01", None),
    }
    assert sorted(store.queued()) == ["c1", "c2"], "both have to be rebuilt"
    assert store.ids("live") == ["c2"]
    store.apply(ProfileUpdate("live", rebuilt=["c1"]))
    assert store.queued() == ["c2"]
    store.load_identities([{"identifier": ["user:9"], "customer_id": ["c2"]}])
    assert store.arrived_since() == []


def test_links_are_loaded_in_bulk(open_profiles: Open) -> None:
    store = open_profiles()
    n = 45_000
    columns = {
        "reference": [f"crm:{i}" for i in range(n)],
        "contact": [f"phone:{i // 2}" for i in range(n)],
    }
    assert store.load_links([columns]) == n
    assert store.references_of(["phone:7"]) == {"phone:7": ["crm:14", "crm:15"]}


def test_delete_takes_everything_with_it(open_profiles: Open) -> None:
    store = open_profiles()
    for customer in ("c1", "c2"):
        store.apply(
            ProfileUpdate(
                "live",
                profiles={customer: {}},
                identifiers={f"crm:{customer}": customer},
                timers={customer: 5},
                changes=[(customer, 1, {})],
                links=[(f"crm:{customer}", f"phone:{customer}")],
                known={f"crm:{customer}": Known(1)},
            )
        )
    store.put_many({"c1": {}})
    assert store.delete("c1")
    assert store.get("c1") is None
    assert store.resolve(["crm:c1", "crm:c2"]) == {"crm:c2": "c2"}
    assert store.due("live", 9) == ["c2"]
    assert [x.customer_id for x in store.changes(0)] == ["c2"]
    assert store.contacts_of(["crm:c1"]) == {}
    assert store.known(["crm:c1", "crm:c2"]) == {"crm:c2": Known(1)}


def test_what_one_opening_stores_another_reads_at_once(open_profiles: Open) -> None:
    writer, reader = open_profiles(), open_profiles()
    for i in range(20):
        writer.apply(ProfileUpdate("live", profiles={"c1": {"i": i}}))
        assert reader.get("c1") == {"live": {"i": i}}
