from __future__ import annotations

import pyarrow as pa
import pytest

from shopkeeper.features.online.parity import compare

ROWS = {"customer_id": ["a", "b", "c"], "n": [1, None, 3], "x": [0.1, None, 2.0],
        "word": ["茶", None, "x"]}  # fmt: skip
NAMES = ["n", "x", "word"]


def test_order_does_not_matter_and_equal_is_equal():
    one = pa.table(ROWS)
    found = compare(one, one.take(pa.array([2, 0, 1])), NAMES)
    assert (found.customers, found.compared, found.mismatches) == (3, 9, 0)


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("n", [1, 0, 3]),
        ("n", [1, None, 4]),
        ("n", [None, None, 3]),
        ("x", [0.1, None, 2.0000000000000004]),
        ("x", [0.1, 0.0, 2.0]),
        ("word", ["茶", "", "x"]),
        ("word", ["茶", None, "y"]),
    ],
)
def test_one_value_that_differs_in_one_bit_is_found(column, values):
    found = compare(pa.table(ROWS), pa.table(ROWS | {column: values}), NAMES)
    assert found.differing == {column: 1}
    assert found.mismatches == 1
    assert found.examples[0][1] == column


def test_customers_that_only_one_has_count_with_every_column():
    one = pa.table(ROWS)
    found = compare(one, one.slice(0, 2), NAMES)
    assert (found.missing, found.unexpected, found.mismatches) == (1, 0, 3)
    found = compare(one.slice(0, 1), one, NAMES)
    assert (found.missing, found.unexpected, found.mismatches) == (0, 2, 6)
