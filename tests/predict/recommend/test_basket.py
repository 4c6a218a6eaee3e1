"""Association rules against brute force and against published counts."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopkeeper.core.errors import InputError, TooLargeError
from shopkeeper.predict.recommend import basket
from shopkeeper.predict.recommend.basket import frequent_sets, rules
from shopkeeper.predict.recommend.interactions import Interactions

DATA = Path(os.environ.get("SHOPKEEPER_DATA", Path(__file__).parents[4] / "shared" / "data"))
GROCERIES = DATA / "groceries_arules" / "groceries.csv"


def held(baskets: list[list[str]]) -> Interactions:
    pairs = [(f"{n:05d}", item) for n, items in enumerate(baskets) for item in items]
    names, items = zip(*pairs, strict=True)
    table = pa.table({"b": names, "i": items, "t": np.zeros(len(pairs), dtype=np.int64)})
    return Interactions.from_table(table, customer="b", item="i", time="t")


def brute(baskets: list[list[str]], least: int) -> dict[tuple[str, ...], int]:
    items = sorted({item for one in baskets for item in one})
    sets = [set(one) for one in baskets]
    counted = {
        subset: sum(1 for one in sets if one.issuperset(subset))
        for size in range(1, len(items) + 1)
        for subset in itertools.combinations(items, size)
    }
    return {subset: count for subset, count in counted.items() if count >= least}


def as_dict(sets: basket.ItemSets) -> dict[tuple[str, ...], int]:
    names = sets.item_ids.to_pylist()
    return {
        tuple(names[code] for code in row): int(count)
        for rows, counts in zip(sets.by_size, sets.counts, strict=True)
        for row, count in zip(rows.tolist(), counts.tolist(), strict=True)
    }


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=6), min_size=1, max_size=25),
    st.integers(1, 6),
)
def test_every_frequent_set_and_no_other_with_its_count(
    baskets: list[list[str]], least: int
) -> None:
    sets = frequent_sets(held(baskets), min(least / len(baskets), 1.0))
    assert as_dict(sets) == brute(baskets, min(least, len(baskets)))


def test_rules_by_hand() -> None:
    sets = frequent_sets(held([["a", "b"], ["a", "b"], ["a"], ["c"]]), 0.5)
    found = rules(sets, 0.7).to_pylist()
    assert found == [
        {
            "left": ["b"],
            "right": "a",
            "count": 2,
            "support": 0.5,
            "confidence": 1.0,
            "lift": pytest.approx(4 / 3),
        }
    ]


def test_no_pair_no_rule() -> None:
    assert rules(frequent_sets(held([["a"], ["b"]]), 0.5), 0.1).num_rows == 0


def test_a_support_that_is_no_share() -> None:
    with pytest.raises(InputError, match="support 2 is not a share"):
        frequent_sets(held([["a"]]), 2)


def test_too_many_candidates_are_refused_before_they_are_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(basket, "_MAX_CANDIDATES", 2)
    with pytest.raises(TooLargeError, match="size 2 have 3 candidates"):
        frequent_sets(held([["a", "b", "c"]]), 0.5)


@pytest.fixture(scope="module")
def groceries() -> list[list[str]]:
    if not GROCERIES.exists():
        pytest.skip(f"reference data not found at {GROCERIES}")
    return [line.split(",") for line in GROCERIES.read_text().splitlines()]


def test_groceries_has_the_published_counts(groceries: list[list[str]]) -> None:
    read = held(groceries)
    assert (read.n_users, read.n_items) == (9835, 169)
    sets = frequent_sets(read, 0.01)
    assert sets.total == 333
    # The counts printed in the documentation of R's arules for these parameters.
    assert rules(sets, 0.5).num_rows == 15
    milk = sets.item_ids.to_pylist().index("whole milk")
    assert sets.counts[0][sets.by_size[0][:, 0] == milk].tolist() == [2513]


def test_groceries_pairs_by_another_way(groceries: list[list[str]]) -> None:
    matrix = held(groceries).weights()
    both = (matrix.T @ matrix).toarray()
    pairs = np.triu(both >= 0.005 * 9835, k=1)
    sets = frequent_sets(held(groceries), 0.005, longest=2)
    assert len(sets.by_size[1]) == int(pairs.sum())
    np.testing.assert_array_equal(sets.counts[1], both[pairs])


@pytest.mark.slow
def test_groceries_at_a_thousandth(groceries: list[list[str]]) -> None:
    assert rules(frequent_sets(held(groceries), 0.001), 0.5).num_rows == 5668
