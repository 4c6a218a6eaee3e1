"""Histories as arrays."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopkeeper.core.errors import MappingError, NotEnoughDataError
from shopkeeper.predict.recommend.interactions import Interactions


def lines(rows: list[tuple[str, str, int]]) -> pa.Table:
    customers, products, times = zip(*rows, strict=True)
    return pa.table({"customer_id": customers, "product_id": products, "ts_us": times})


def test_rows_of_one_moment_are_one_step_and_an_item_counts_once_in_it() -> None:
    read = Interactions.from_table(
        lines([("b", "x", 5), ("a", "y", 2), ("a", "x", 2), ("a", "y", 2), ("a", "z", 9)])
    )
    assert read.user_ids.to_pylist() == ["a", "b"]
    assert read.item_ids.to_pylist() == ["x", "y", "z"]
    assert read.users.tolist() == [0, 0, 0, 1]
    assert read.items.tolist() == [0, 1, 2, 0]
    assert read.steps.tolist() == [0, 0, 1, 0]
    assert read.steps_ago().tolist() == [1, 1, 0, 0]


def test_weights_by_hand() -> None:
    read = Interactions.from_sequences([["a", "b", "a"], []])
    np.testing.assert_allclose(read.weights(0.5).toarray(), [[1.25, 0.5], [0, 0]])


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from("vwxyz"), st.integers(0, 5)), min_size=1
    ),
    st.randoms(use_true_random=False),
)
def test_row_order_does_not_matter(rows: list[tuple[str, str, int]], random: object) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    first, second = Interactions.from_table(lines(rows)), Interactions.from_table(lines(shuffled))
    for name in ("users", "items", "steps", "times"):
        assert getattr(first, name).tolist() == getattr(second, name).tolist()


def test_other_items_and_users_keep_the_histories() -> None:
    read = Interactions.from_sequences([["a", "b", "c"], ["c"]], ["u", "v"])
    other = read.for_items(pa.array(["c", "q", "a"]))
    assert other.items.tolist() == [2, 0, 0]
    named = read.for_users(pa.array(["v", "nobody", "u"]))
    assert named.users.tolist() == [0, 2, 2, 2]
    assert named.items.tolist() == [2, 0, 1, 2]


def test_a_missing_column_is_named() -> None:
    table = lines([("a", "x", 1)]).drop_columns(["ts_us"])
    with pytest.raises(MappingError, match="no column 'ts_us'"):
        Interactions.from_table(table)


def test_a_time_that_is_text_is_refused() -> None:
    table = pa.table({"customer_id": ["a"], "product_id": ["x"], "ts_us": ["2017"]})
    with pytest.raises(MappingError, match="'ts_us' is string, not an integer"):
        Interactions.from_table(table)


def test_nothing_to_read() -> None:
    with pytest.raises(NotEnoughDataError, match="no row with a customer"):
        Interactions.from_table(lines([("a", "x", 1)]).slice(0, 0))
    with pytest.raises(NotEnoughDataError, match="all sequences are empty"):
        Interactions.from_sequences([[], []])
