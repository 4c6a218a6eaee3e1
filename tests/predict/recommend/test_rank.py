"""Ranks, lists and figures against brute force."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopkeeper.core.errors import NotEnoughDataError
from shopkeeper.predict.recommend.evaluate import DEPTH, evaluate, figures_of
from shopkeeper.predict.recommend.interactions import Interactions
from shopkeeper.predict.recommend.popularity import Popularity, RecentPopularity
from shopkeeper.predict.recommend.rank import largest, recommend, target_ranks, top_items
from shopkeeper.predict.recommend.similar import Markov
from shopkeeper.predict.recommend.split import (
    leave_last_out,
    next_basket,
    next_in_session,
    temporal,
)

# Few different values, so that ties are the rule.
matrices = st.integers(0, 10_000).map(
    lambda seed: np.random.default_rng(seed).integers(0, 5, (6, 30)).astype(np.float32)
)


@settings(max_examples=40, deadline=None)
@given(matrices, st.integers(1, 25))
def test_ranks_count_every_tie_against_us(scores: np.ndarray, depth: int) -> None:
    rows, targets = np.repeat(np.arange(6), 30), np.tile(np.arange(30), 6)
    found = target_ranks(scores, rows, targets, depth)
    for rank, row, target in zip(found, rows, targets, strict=True):
        own = scores[row, target]
        wanted = int((scores[row] >= own).sum()) - 1 if own > 0 else depth
        assert rank == min(wanted, depth)


@settings(max_examples=40, deadline=None)
@given(matrices)
def test_the_two_ways_to_rank_agree(scores: np.ndarray) -> None:
    rows, targets = np.arange(6), np.arange(6)
    quick = target_ranks(scores, rows, targets, 7)
    assert quick.tolist() == target_ranks(scores, rows, targets, 7, largest(scores, 8)).tolist()


@settings(max_examples=40, deadline=None)
@given(matrices, st.integers(1, 12))
def test_lists_are_the_sorted_rows(scores: np.ndarray, k: int) -> None:
    rows, items, ranks, values = top_items(scores, k)
    for row in range(len(scores)):
        order = sorted(range(30), key=lambda item: (-scores[row, item], item))
        wanted = [item for item in order if scores[row, item] > 0][:k]
        assert items[rows == row].tolist() == wanted
        assert ranks[rows == row].tolist() == list(range(1, len(wanted) + 1))
    assert (values > 0).all()


def test_an_item_unknown_to_the_model_is_a_miss() -> None:
    scores = np.ones((1, 3), dtype=np.float32)
    assert target_ranks(scores, np.array([0]), np.array([-1]), DEPTH).tolist() == [DEPTH]


def test_figures_by_hand() -> None:
    # One user: places 1 and 4 of a truth of three; another: place 12 only.
    found = figures_of(np.array([0, 3, DEPTH, 11]), np.array([2, 2, 2, 7]), coverage=0.25)
    gain = (1 + 1 / np.log2(5)) / (1 + 1 / np.log2(3) + 0.5)
    assert found.values == pytest.approx(
        {
            "hr@10": 0.5,
            "ndcg@10": gain / 2,
            "recall@20": (2 / 3 + 1) / 2,
            "mrr@20": (1 + 1 / 12) / 2,
            "coverage": 0.25,
        }
    )


def test_newcomers_get_what_is_popular_and_short_lists_are_filled() -> None:
    past = Interactions.from_sequences([["a", "b"], ["a", "b"], ["c", "d"], ["c"], ["c"]])
    model, popular = Markov().fit(past), Popularity().fit(past)
    asked = Interactions.from_sequences([["a"], []], ["known", "newcomer"])
    lists = recommend(model, asked, 3, exclude_seen=True, fallback=popular)
    ids = np.array(model.item_ids.to_pylist())
    assert ids[lists.items[lists.users == 0]].tolist() == ["b", "c", "d"]
    assert lists.filled[lists.users == 0].tolist() == [False, True, True]
    assert ids[lists.items[lists.users == 1]].tolist() == ["c", "a", "b"]
    assert lists.filled[lists.users == 1].all()
    assert lists.ranks.tolist() == [1, 2, 3, 1, 2, 3]


def test_nothing_seen_is_recommended_again() -> None:
    past = Interactions.from_sequences([list("abcab"), list("bcd"), list("dab")])
    lists = recommend(Markov().fit(past), past, 10, exclude_seen=True, fallback=None)
    seen = set(zip(past.users.tolist(), past.items.tolist(), strict=True))
    assert not seen & set(zip(lists.users.tolist(), lists.items.tolist(), strict=True))


def test_popularity_of_the_last_days_and_its_stand_in() -> None:
    day = 86_400_000_000
    table = pa.table(
        {
            "customer_id": ["a", "b", "c", "d"],
            "product_id": ["old", "old", "old", "new"],
            "ts_us": [0, 0, 0, 20 * day],
        }
    )
    timed = Interactions.from_table(table)
    assert RecentPopularity().fit(timed).score(timed)[0].tolist() == [1.25, 0.75]
    ordered = Interactions.from_sequences([["old", "old", "old", "old", "new"]] * 2)
    scores = RecentPopularity().fit(ordered).score(ordered)[0]
    assert scores[0] > 2 > scores[1]


def test_leave_one_out_keeps_the_last_step_for_the_truth() -> None:
    read = Interactions.from_sequences([list("abcd"), list("xy"), list("z")])
    ids = read.item_ids
    split = leave_last_out(read, hold=2)
    assert ids.take(split.truth.items).to_pylist() == ["d", "y"]
    assert ids.take(split.histories.items).to_pylist() == ["a", "b", "c", "x"]
    assert ids.take(split.past.items).to_pylist() == ["a", "b"]
    earlier = leave_last_out(read, skip=1)
    assert ids.take(earlier.truth.items).to_pylist() == ["c"]


def test_temporal_split_shows_nothing_from_the_cut_on() -> None:
    table = pa.table({"customer_id": ["a"] * 4, "product_id": list("wxyz"), "ts_us": [1, 2, 3, 4]})
    split = temporal(Interactions.from_table(table), 3, 4)
    assert split.past.times is not None
    assert split.past.times.tolist() == [1, 2]
    assert split.truth.times is not None
    assert split.truth.times.tolist() == [3]


def test_temporal_needs_times_and_two_sides() -> None:
    with pytest.raises(NotEnoughDataError, match="needs times"):
        temporal(Interactions.from_sequences([["a"]]), 5)
    table = pa.table({"customer_id": ["a"], "product_id": ["x"], "ts_us": [1]})
    with pytest.raises(NotEnoughDataError, match="leaves 1 rows before it and 0 after"):
        temporal(Interactions.from_table(table), 5)


def test_every_prefix_of_a_session_asks_for_its_next_item() -> None:
    train = Interactions.from_sequences([["a", "b"]])
    split = next_in_session(train, Interactions.from_sequences([list("abc"), ["a"], list("ca")]))
    ids = split.histories.item_ids
    asked = [
        "".join(ids.take(split.histories.items[split.histories.users == user]).to_pylist())
        for user in range(split.histories.n_users)
    ]
    assert asked == ["a", "ab", "c"]
    assert ids.take(split.truth.items).to_pylist() == ["b", "c", "a"]


def test_a_split_without_truth_cannot_be_judged() -> None:
    read = Interactions.from_sequences([["a"], ["b"]])
    split = next_basket(read)
    with pytest.raises(NotEnoughDataError, match="no user has anything to be judged by"):
        evaluate(Popularity().fit(read), split, exclude_seen=True)
