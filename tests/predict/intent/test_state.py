from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopkeeper.core.errors import InputError, MappingError, NotEnoughDataError
from shopkeeper.predict.intent.events import ACTIONS, GAP_US, key_of, read_events
from shopkeeper.predict.intent.prefixes import (
    LEAVE,
    goal_of,
    last_prefixes,
    outcomes_of,
    prefixes_at,
)
from shopkeeper.predict.intent.state import FEATURES, RECENT, IntentState

MINUTE = 60_000_000
KINDS = ["product_viewed", "product_added", "checkout_started", "order_completed", "page_viewed",
         "odd_thing"]  # fmt: skip
EVENT = st.tuples(
    st.sampled_from(["ann", "bob"]),
    st.sampled_from([1, MINUTE, 29 * MINUTE, GAP_US, GAP_US + 1, 9 * GAP_US]),
    st.sampled_from(KINDS),
    st.sampled_from([None, "p1", "p2", "p3"]),
    st.sampled_from([None, "tea", "milk"]),
    st.integers(0, 23),
)


def _table(events) -> pa.Table:
    clock = {"ann": 1_000, "bob": 5}
    rows = []
    for who, wait, kind, item, category, hour in events:
        clock[who] += wait
        rows.append((who, clock[who], kind, item, category, hour, 1 + hour % 7))
    names = ("customer_id", "ts_us", "kind", "product_id", "category", "hour", "dow")
    kinds = (pa.string(), pa.int64(), pa.string(), pa.string(), pa.string(), pa.int8(), pa.int8())
    columns = zip(*rows, strict=True)
    return pa.table({n: pa.array(c, k) for n, c, k in zip(names, columns, kinds, strict=True)})


@settings(max_examples=25, deadline=None)
@given(st.lists(EVENT, min_size=1, max_size=60))
def test_stream_and_batch_agree_bit_for_bit_after_every_event(events):
    table = _table(events)
    rows = read_events(table)
    batch = prefixes_at(rows, tuple(range(1, 99)))
    states = {"ann": IntentState(), "bob": IntentState()}
    streamed = {"ann": [], "bob": []}
    for row in table.to_pylist():
        state = states[row["customer_id"]].update(
            row["ts_us"], row["kind"], row["product_id"], row["category"],
            hour=row["hour"], dow=row["dow"],
        )  # fmt: skip
        again = IntentState.from_json(state.to_json())
        assert again == state
        streamed[row["customer_id"]].append((again.columns(), state))
    every = [x for who in rows.visitors.to_pylist() for x in streamed[who]]
    features = batch.features()
    assert features.shape == (len(events), len(FEATURES))
    from shopkeeper.predict.intent.state import features_of

    for at, (columns, state) in enumerate(every):
        one = features_of(columns)[0]
        assert one.tobytes() == features[at].tobytes(), [
            (n, a, b) for n, a, b in zip(FEATURES, one, features[at], strict=True)
            if a != b and not (np.isnan(a) and np.isnan(b))
        ]  # fmt: skip
        assert len(state.recent) <= RECENT
        np.testing.assert_array_equal(columns.item[0], batch.columns.item[at])


def _by_hand() -> pa.Table:
    """One visitor: view a, cart a, then a week later view b, checkout, buy."""
    day = 86_400_000_000
    return pa.table(
        {
            "customer_id": ["ann"] * 5,
            "ts_us": [0, 30_000_000, 7 * day, 7 * day + 10_000_000, 7 * day + 20_000_000],
            "kind": ["view_item", "add_to_cart", "view_item", "begin_checkout", "purchase"],
            "product_id": ["a", "a", "b", None, None],
            "category": ["tea", "tea", "milk", None, None],
            "hour": [9, 9, 21, 21, 21],
            "dow": [1, 1, 1, 1, 1],
        }
    )


def test_features_by_hand():
    rows = read_events(_by_hand())
    told = [
        dict(zip(FEATURES, row, strict=True)) for row in prefixes_at(rows, (1, 2, 3)).features()
    ]
    after_cart, later = told[1], told[2]
    assert (after_cart["events"], after_cart["seconds"], after_cart["last_gap_s"]) == (2, 30, 30)
    assert (after_cart["has_added_to_cart"], after_cart["events_since_cart"]) == (1, 0)
    assert (after_cart["distinct_items"], after_cart["item_repeats"]) == (1, 1)
    assert (after_cart["item_again"], after_cart["carted_item_again"]) == (1, 1)
    assert after_cart["category_run"] == 2
    assert np.isnan(after_cart["days_since_session"])
    assert (later["events"], later["sessions_before"], later["carts_before"]) == (1, 1, 1)
    assert later["days_since_session"] == 7 - 30 / 86_400
    assert (later["has_added_to_cart"], later["hour"]) == (0, 21)
    assert np.isnan(later["events_since_cart"])


def test_outcomes_by_hand():
    day = 86_400_000_000
    rows = read_events(_by_hand())
    goal = goal_of(rows)
    assert ACTIONS[goal] == "buy"
    prefixes = prefixes_at(rows, (1, 2, 3))
    found = outcomes_of(rows, prefixes, goal, 8 * day)
    words = [*ACTIONS, "leave"]
    assert [words[x] for x in found.action] == ["cart", "leave", "checkout", "buy", "leave"]
    assert found.goal.tolist() == [False, False, True, True, False]
    assert found.reached.tolist() == [False, False, False, False, True]
    assert found.category.tolist() == [key_of("tea"), 0, 0, 0, 0]
    assert found.wait_us[1] == 7 * day - 10_000_000
    assert found.observed.tolist() == [True, True, True, True, False]
    assert found.wait_us[4] == day - 20_000_000
    assert found.closed.all()
    assert not outcomes_of(rows, prefixes, goal, 7 * day + GAP_US).closed[2:].any()
    assert len(ACTIONS) == LEAVE


def test_the_future_of_a_visitor_changes_no_prefix():
    rows = read_events(_by_hand())
    early = last_prefixes(rows.before(40_000_000))
    np.testing.assert_array_equal(early.features()[0], prefixes_at(rows, (2,)).features()[0])


def test_a_shop_without_purchases_takes_the_checkout_and_without_both_is_refused():
    table = _by_hand()
    assert ACTIONS[goal_of(read_events(table.slice(0, 4)))] == "checkout"
    with pytest.raises(NotEnoughDataError, match="no event is a purchase or the start of a check"):
        goal_of(read_events(table.slice(0, 3)))


def test_bad_events_are_refused():
    table = _by_hand()
    with pytest.raises(MappingError, match="events have no column 'kind'"):
        read_events(table.drop(["kind"]))
    with pytest.raises(MappingError, match="ts_us of events is string"):
        read_events(table.set_column(1, "ts_us", pa.array(["1"] * 5)))
    with pytest.raises(InputError, match="ts_us is empty in row 2"):
        read_events(table.set_column(1, "ts_us", pa.array([1, 2, None, 4, 5])))
    with pytest.raises(InputError, match="5 events are more than the 4 that are read at once"):
        read_events(table, limit_rows=4)
    with pytest.raises(NotEnoughDataError, match="no event of a known visitor"):
        read_events(table.set_column(0, "customer_id", pa.nulls(5, pa.string())))
    with pytest.raises(InputError, match="an event of 3 came after one of 4"):
        IntentState().update(4, "view_item").update(3, "view_item")
    with pytest.raises(InputError, match="a visitor without any event has no intent"):
        IntentState().columns()
