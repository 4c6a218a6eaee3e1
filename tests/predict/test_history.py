from __future__ import annotations

import numpy as np
import pyarrow as pa

from shopkeeper.predict.history import DAY_US, purchase_days, read_history, sample_customers


def _table(rows: list[tuple[str, int, int]]) -> pa.Table:
    return pa.table(
        {
            "customer_id": [row[0] for row in rows],
            "ts_us": [row[1] for row in rows],
            "amount_minor": [row[2] for row in rows],
        }
    )


def test_orders_of_a_day_are_one_purchase_of_their_net_amount():
    history = read_history(_table([("a", 5, 100), ("a", 9, 50), ("a", DAY_US, 70)]))
    days = purchase_days(history)
    assert days.amount_minor.tolist() == [150, 70]
    assert days.orders.tolist() == [2, 1]


def test_a_day_on_which_goods_only_went_back_is_no_purchase():
    days = purchase_days(read_history(_table([("a", 0, 500), ("a", DAY_US, -500)])))
    assert days.day.tolist() == [0]


def test_a_day_returned_in_full_is_no_purchase_but_free_goods_are():
    rows = [("a", 0, 500), ("a", 1, -500), ("b", 0, 0)]
    days = purchase_days(read_history(_table(rows)))
    assert days.code.tolist() == [1]


def test_rows_without_customer_or_time_are_left_out_and_missing_amounts_are_zero():
    table = pa.table(
        {
            "customer_id": ["a", None, "b", "c"],
            "ts_us": [1, 2, None, 3],
            "amount_minor": [10, 10, 10, None],
        }
    )
    history = read_history(table)
    assert history.customers.take(pa.array(history.code)).to_pylist() == ["a", "c"]
    assert history.amount_minor.tolist() == [10, 0]


def test_the_shops_own_day_is_used_where_present():
    table = _table([("a", DAY_US - 1, 10), ("a", DAY_US + 1, 20)])
    one_day = table.append_column("day", pa.array([1, 1], pa.int32()).cast(pa.date32()))
    assert len(purchase_days(read_history(table)).day) == 2
    assert purchase_days(read_history(one_day)).amount_minor.tolist() == [30]


def test_row_order_is_irrelevant(simulated: pa.Table):
    shuffled = simulated.take(pa.array(np.random.default_rng(1).permutation(len(simulated))))
    one, two = read_history(simulated), read_history(shuffled)
    assert one.customers.equals(two.customers)
    for name in ("code", "ts_us", "amount_minor"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


def test_a_sample_keeps_whole_customers(simulated: pa.Table):
    history = read_history(simulated)
    some = sample_customers(history, 100, seed=3)
    kept = np.unique(some.code)
    assert len(kept) == 100
    assert len(some) == np.isin(history.code, kept).sum()
    assert sample_customers(history, 10**6, seed=3) is history
