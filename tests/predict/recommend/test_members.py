"""iALS, alike customers, content, what is due: against answers known without them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from shopkeeper.core.errors import InputError, TooLargeError
from shopkeeper.predict.recommend.again import BuyAgain, OwnFrequent, Replenish, own_pairs
from shopkeeper.predict.recommend.alike import SessionKnn
from shopkeeper.predict.recommend.als import Ials
from shopkeeper.predict.recommend.content import Content, Words, product_words
from shopkeeper.predict.recommend.ease import Ease
from shopkeeper.predict.recommend.interactions import Interactions
from shopkeeper.predict.recommend.popularity import Popularity
from shopkeeper.predict.recommend.similar import ItemGraph, Markov


def two_tastes(seed: int = 3, users: int = 60) -> Interactions:
    """Even users take from a0..a9, odd ones from b0..b9."""
    rng = np.random.default_rng(seed)
    return Interactions.from_sequences(
        [[f"{'ab'[u % 2]}{i}" for i in rng.choice(10, 6, replace=False)] for u in range(users)]
    )


def test_ials_solves_the_normal_equations() -> None:
    past = two_tastes()
    model = Ials(factors=6, unseen=0.2, regularisation=0.01, iterations=4, decay=1.0).fit(past)
    items = model.item_factors.astype(np.float64)
    held = past.weights().toarray()
    found = model.embed(past)
    for user in range(5):
        own = items[held[user] > 0]
        pull = 0.01 * (len(own) + 0.2 * len(items))
        left = 0.2 * items.T @ items + own.T @ own + pull * np.eye(6)
        np.testing.assert_allclose(found[user], np.linalg.solve(left, own.sum(axis=0)), atol=2e-4)


def test_ials_separates_tastes() -> None:
    past = two_tastes()
    scores = Ials(factors=4, iterations=10).fit(past).score(past)
    names = np.array([name[0] for name in past.item_ids.to_pylist()])
    own = np.array(["ab"[u % 2] for u in range(past.n_users)])
    same = scores[own[:, None] == names[None, :]]
    other = scores[own[:, None] != names[None, :]]
    assert np.quantile(same, 0.05) > np.quantile(other, 0.95)


def test_ials_and_neighbours_refuse_what_does_not_fit() -> None:
    past = two_tastes()
    with pytest.raises(TooLargeError, match="iALS on 60 customers and 20 items needs about"):
        Ials(limit_mb=1).fit(past)
    with pytest.raises(TooLargeError, match="neighbours among 60 sessions needs about"):
        SessionKnn(limit_mb=0).fit(past)
    with pytest.raises(TooLargeError, match="EASE on 20 items needs about"):
        Ease(limit_mb=0).fit(past)


def test_ease_is_the_closed_form() -> None:
    past = two_tastes(users=12)
    held = past.weights().toarray()
    inverse = np.linalg.inv(held.T @ held + 5.0 * np.eye(past.n_items))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    found = Ease(regularisation=5.0, decay=1.0).fit(past).score(past)
    np.testing.assert_allclose(found, held @ weights, atol=1e-5)


def test_alike_sessions_vote_by_hand() -> None:
    past = Interactions.from_sequences([["a", "b", "c"], ["a", "d"], ["e", "f"]])
    asked = Interactions.from_sequences([["a", "b"]])
    model = SessionKnn(decay=0.5, column_power=0.0).fit(past)
    scores = dict(zip(past.item_ids.to_pylist(), model.score(asked)[0].tolist(), strict=True))
    often, once = np.log1p(3 / 2), np.log1p(3 / 1)
    first = (0.5 * often + once) / np.sqrt(3)
    second = 0.5 * often / np.sqrt(2)
    assert scores["c"] == pytest.approx(first, rel=1e-5)
    assert scores["d"] == pytest.approx(second, rel=1e-5)
    assert scores["a"] == pytest.approx(first + second, rel=1e-5)
    assert scores["e"] == scores["f"] == 0
    one = SessionKnn(neighbours=1, decay=0.5, column_power=0.0).fit(past).score(asked)[0]
    assert one[past.item_ids.to_pylist().index("d")] == 0


def test_only_the_latest_sessions_are_kept() -> None:
    table = pa.table(
        {
            "customer_id": ["x", "x", "y", "y"],
            "product_id": ["old", "p", "new", "p"],
            "ts_us": [1, 2, 10, 11],
        }
    )
    past = Interactions.from_table(table)
    scores = SessionKnn(sessions=1).fit(past).score(Interactions.from_sequences([["p"]]))[0]
    ids = past.item_ids.to_pylist()
    assert scores[ids.index("new")] > 0
    assert scores[ids.index("old")] == 0


def test_markov_is_a_graph_that_looks_forward_only() -> None:
    past = two_tastes()
    graph = ItemGraph(
        window=10, power=1.0, backward=0.0, together=0.0, row_power=0.0, column_power=0.3
    )
    np.testing.assert_array_equal(Markov().fit(past).score(past), graph.fit(past).score(past))


def test_a_new_arrival_is_found_by_its_words() -> None:
    products = pa.table(
        {
            "product_id": ["m1", "m2", "t1", "new", "blank"],
            "name": ["纯牛奶 1L", "酸奶", "绿茶", "鲜牛奶", None],
            "category": ["dairy", "dairy", "tea", "dairy", None],
            "attributes": ['{"fat": "3.5"}', None, "not json", '{"fat": "3.5"}', None],
        }
    )
    ids = pa.array(["blank", "m1", "m2", "new", "t1"])
    past = Interactions.from_sequences([["m1", "m2"], ["t1"]]).for_items(ids)
    model = Content(words=product_words(products)).fit(past)
    scores = dict(zip(ids.to_pylist(), model.score(past)[0].tolist(), strict=True))
    assert scores["new"] > scores["t1"]
    assert scores["blank"] == 0
    near = model.similar_items(np.array([3])).toarray()[0]
    assert near.argmax() == 1
    assert near[3] == 0


def test_words_must_be_one_list_an_item() -> None:
    with pytest.raises(InputError, match="2 items have 1 lists of words"):
        Words(pa.array(["a", "b"]), [["x"]])


def test_pairs_are_counted_by_hand() -> None:
    pairs = own_pairs(Interactions.from_sequences([["a", "b", "a", "c", "b"]]))
    assert pairs.times.tolist() == [2, 2, 1]
    assert pairs.since.tolist() == [2, 0, 1]
    assert pairs.span.tolist() == [5, 4, 2]


def test_what_is_due_comes_before_what_was_just_bought() -> None:
    """Everybody buys soap every fourth order, always; and something of a kind once."""
    rng = np.random.default_rng(5)
    histories = []
    for user in range(200):
        start = user % 4
        histories.append(
            ["soap" if (n + start) % 4 == 0 else f"once{rng.integers(0, 60)}" for n in range(20)]
        )
    model = Replenish().fit(Interactions.from_sequences(histories))
    due = [f"once{n}" if n % 4 else "soap" for n in range(16)]
    fresh = due[:13]
    asked = Interactions.from_sequences([due, fresh])
    soap = model.item_ids.to_pylist().index("soap")
    scores = model.score(asked)[:, soap]
    assert scores[0] > 0.5
    assert scores[1] < 0.1
    _, chances = model.due(asked.for_items(model.item_ids))
    assert ((chances >= 0) & (chances <= 1)).all()


def test_own_frequent_counts_and_fills_up_with_what_is_popular() -> None:
    past = Interactions.from_sequences([["a", "b", "a"], ["c", "d"], ["d", "e"]])
    scores = OwnFrequent().fit(past).score(past)[0]
    ids = past.item_ids.to_pylist()
    assert [ids[n] for n in np.argsort(-scores, kind="stable")[:3]] == ["a", "b", "d"]
    assert scores[ids.index("a")] == pytest.approx(2 + 0.01 * 1 / 2)
    newest = BuyAgain(decay=0.1).fit(past).score(past)[0]
    assert newest[ids.index("a")] > newest[ids.index("b")]
    assert Popularity().fit(past).score(past)[0][ids.index("d")] == 2
