"""Customers are components of reversible edges, guarded, stable and independent of row order."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopkeeper.core.errors import NotFoundError, PlanError
from shopkeeper.core.tables import IDENTITY_EDGES
from shopkeeper.unify import graph
from shopkeeper.unify.identifiers import Guards, customer_id_of

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def edges(*pairs, score=0.95):
    return pa.table(
        {
            "left": pa.array([a for a, _ in pairs], pa.string()),
            "right": pa.array([b for _, b in pairs], pa.string()),
            "score": pa.array([score] * len(pairs), pa.float64()),
        }
    )


def nodes(**known):
    """``crm_1=(seen, birth, gender)`` describes ``crm:1``."""
    names = [k.replace("_", ":", 1) for k in known]
    seen, birth, gender = zip(*known.values(), strict=True) if known else ((), (), ())
    return pa.table([names, list(seen), list(birth), list(gender)], schema=graph.NODES)


def roots(resolution):
    rows = resolution.components.to_pylist()
    return {x["identifier"]: x["root"] for x in rows}


def test_the_reference_known_longest_names_the_customer():
    found = graph.resolve(
        edges(("crm:1", "phone:1"), ("shop:1", "phone:1")),
        nodes(crm_1=(20, None, None), shop_1=(10, None, None)),
        Guards(),
    )
    assert roots(found) == dict.fromkeys(("crm:1", "shop:1", "phone:1"), "shop:1")
    assert found.accepted.all()


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        ((1, "1990-01-01", None), (2, "1991-01-01", None), "birth_date"),
        ((1, None, "1"), (2, None, "2"), "gender"),
    ],
)
def test_contradicting_people_are_not_merged(first, second, reason):
    found = graph.resolve(
        edges(("crm:1", "phone:1"), ("crm:2", "phone:1")),
        nodes(crm_1=first, crm_2=second),
        Guards(),
    )
    assert roots(found) == {"crm:1": "crm:1", "phone:1": "crm:1"}
    assert found.conflicts == {reason: 1}


def test_two_member_cards_are_two_people():
    found = graph.resolve(
        edges(("card:1", "phone:1"), ("card:2", "phone:1"), ("crm:1", "phone:1")),
        nodes(card_1=(3, None, None), card_2=(2, None, None), crm_1=(1, None, None)),
        Guards(),
    )
    assert found.conflicts == {"card": 1}
    assert roots(found)["crm:1"] == "crm:1"
    assert ("card:2" in roots(found)) != ("card:1" in roots(found))


def test_a_customer_grows_only_so_far():
    pairs = [(f"crm:{i:02}", f"phone:{j}") for j in range(9) for i in (j, j + 1)]
    found = graph.resolve(edges(*pairs), graph.NODES.empty_table(), Guards(max_references=4))
    sizes = {}
    for name, root in roots(found).items():
        if name.startswith("crm"):
            sizes[root] = sizes.get(root, 0) + 1
    assert max(sizes.values()) <= 4
    assert found.conflicts["size"] >= 2


def test_no_edges():
    found = graph.resolve(edges(), graph.NODES.empty_table(), Guards())
    assert found.components.num_rows == 0


def union_find(pairs):
    parent = {}

    def find(x):
        parent.setdefault(x, x)
        while parent[x] != x:
            x = parent[x]
        return x

    for a, b in pairs:
        parent[find(a)] = find(b)
    groups = {}
    for x in list(parent):
        groups.setdefault(find(x), set()).add(x)
    return {frozenset(g) for g in groups.values()}


pair = st.tuples(
    st.integers(0, 14).map(lambda i: f"crm:{i:02}"), st.integers(0, 9).map(lambda i: f"phone:{i}")
)


@settings(max_examples=60, deadline=None)
@given(st.lists(pair, min_size=1, max_size=25, unique=True), st.randoms(use_true_random=False))
def test_components_are_those_of_union_find_in_any_order(pairs, random):
    guards = Guards(max_references=99)
    found = graph.resolve(edges(*pairs), graph.NODES.empty_table(), guards)
    groups = {}
    for name, root in roots(found).items():
        groups.setdefault(root, set()).add(name)
    assert {frozenset(g) for g in groups.values()} == union_find(pairs)
    for root, group in groups.items():
        assert root == min(x for x in group if x.startswith("crm"))
    random.shuffle(pairs)
    again = graph.resolve(edges(*pairs), graph.NODES.empty_table(), guards)
    assert roots(again) == roots(found)


@settings(max_examples=60, deadline=None)
@given(st.lists(pair, min_size=1, max_size=20, unique=True), st.lists(pair, max_size=6))
def test_more_edges_leave_untouched_customers_alone(before, added):
    """References of a later load are younger; only customers they touch may change."""
    later = [(a.replace("crm", "new"), b) for a, b in added]
    seen = {a: 1 for a, _ in before} | {a: 2 for a, _ in later}
    known = pa.table(
        [list(seen), list(seen.values()), [None] * len(seen), [None] * len(seen)],
        schema=graph.NODES,
    )
    guards = Guards(max_references=99)
    old = roots(graph.resolve(edges(*before), known, guards))
    new = roots(graph.resolve(edges(*before, *later), known, guards))
    touched = {b for _, b in later}
    for name, root in old.items():
        group = {x for x, r in old.items() if r == root}
        if not group & touched:
            assert new[name] == root
        assert new[name] in {r for x, r in old.items()}  # a merge keeps one of the older ids


def stored(*pairs):
    n = len(pairs)
    return IDENTITY_EDGES.cast(
        pa.table(
            {
                "edge_id": [f"e{i}" for i in range(n)],
                "left": [a for a, _ in pairs],
                "right": [b for _, b in pairs],
                "rule": ["same_phone"] * n,
                "score": [0.95] * n,
                "created_at": pa.array([NOW] * n, pa.timestamp("us", "UTC")),
            }
        ),
        fill=True,
    )


def test_undo_is_previewed_and_restores_both():
    rows = stored(("crm:1", "phone:1"), ("crm:2", "phone:1"))
    one, two = customer_id_of("crm:1"), customer_id_of("crm:2")
    seen = graph.preview(rows, graph.NODES.empty_table(), Guards(), without=["e1"])
    assert seen.moved == (("crm:2", one, two),)
    assert set(seen.before) == {one}
    assert set(seen.after) == {one, two}
    assert seen.to_dict()["moved"] == [{"identifier": "crm:2", "from": one, "to": two}]
    marked = graph.undo(rows, "e1", at=NOW)
    assert marked["undone_at"].to_pylist() == [None, NOW]
    with pytest.raises(PlanError, match="edge e1 was undone before"):
        graph.undo(marked, "e1", at=NOW)


def test_joining_is_previewed():
    rows = stored(("crm:1", "phone:1"), ("crm:2", "phone:2"))
    seen = graph.preview(rows, graph.NODES.empty_table(), Guards(), joining=[("crm:1", "crm:2")])
    assert {i for i, _, _ in seen.moved} == {"crm:2", "phone:2"}


def test_unknown_edges():
    rows = stored(("crm:1", "phone:1"))
    with pytest.raises(NotFoundError, match="no identity edge 'e9'"):
        graph.undo(rows, "e9", at=NOW)
    with pytest.raises(NotFoundError, match="no identity edge 'e9'"):
        graph.preview(rows, graph.NODES.empty_table(), Guards(), without=["e9"])


@pytest.mark.slow
def test_a_million_edges():
    rng = np.random.default_rng(1)
    left = pa.array(np.char.add("crm:", rng.integers(0, 800_000, 1_000_000).astype(str)))
    right = pa.array(np.char.add("phone:", rng.permutation(1_000_000).astype(str)))
    table = pa.table({"left": left, "right": right, "score": np.full(1_000_000, 0.9)})
    found = graph.resolve(table, graph.NODES.empty_table(), Guards())
    assert found.accepted.all()
