"""Item × item weights against a dense brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.sparse as sp

from shopkeeper.predict.recommend import neighbours
from shopkeeper.predict.recommend.ease import Ease
from shopkeeper.predict.recommend.interactions import Interactions
from shopkeeper.predict.recommend.neighbours import cosine_weights, keep_largest, transition_weights
from shopkeeper.predict.recommend.similar import ItemGraph, Markov


@pytest.fixture
def baskets() -> list[list[list[int]]]:
    rng = np.random.default_rng(5)
    return [
        [sorted(set(rng.integers(0, 9, rng.integers(1, 4)).tolist())) for _ in range(n)]
        for n in rng.integers(1, 15, 25).tolist()
    ]


@pytest.fixture
def read(baskets: list[list[list[int]]]) -> Interactions:
    import pyarrow as pa

    rows = [
        (str(user), str(item), moment)
        for user, steps in enumerate(baskets)
        for moment, items in enumerate(steps)
        for item in items
    ]
    users, items, times = zip(*rows, strict=True)
    return Interactions.from_table(
        pa.table({"customer_id": users, "product_id": items, "ts_us": times})
    )


def brute(baskets: list[list[list[int]]], window: int, power: float, together: float) -> np.ndarray:
    wanted = np.zeros((9, 9))
    for steps in baskets:
        for first, second in itertools.combinations(range(len(steps)), 2):
            if second - first <= window:
                for i, j in itertools.product(steps[first], steps[second]):
                    wanted[i, j] += 1 / (second - first) ** power
        for items in steps:
            for i, j in itertools.permutations(items, 2):
                wanted[i, j] += together
    return wanted


@pytest.mark.parametrize(("window", "power", "together"), [(10, 1.0, 0.0), (3, 0.5, 1.0)])
def test_transitions(
    baskets: list[list[list[int]]], read: Interactions, window: int, power: float, together: float
) -> None:
    found = transition_weights(read, window=window, power=power, together=together).toarray()
    np.testing.assert_allclose(found, brute(baskets, window, power, together), atol=1e-9)


def test_blocks_give_the_same(
    monkeypatch: pytest.MonkeyPatch, baskets: list[list[list[int]]], read: Interactions
) -> None:
    monkeypatch.setattr(neighbours, "_BLOCK_PRODUCTS", 300)
    found = transition_weights(read, window=4, power=1.0, together=1.0).toarray()
    np.testing.assert_allclose(found, brute(baskets, 4, 1.0, 1.0), atol=1e-9)


def test_cosine(baskets: list[list[list[int]]], read: Interactions) -> None:
    held = np.zeros((len(baskets), 9))
    for user, steps in enumerate(baskets):
        held[user, sorted({item for items in steps for item in items})] = 1
    weight = held.sum(axis=1) ** -0.5
    wanted = held.T @ (weight[:, None] * held)
    norm = np.sqrt(np.maximum(held.sum(axis=0), 1))
    wanted /= norm[:, None] * norm
    np.fill_diagonal(wanted, 0)
    np.testing.assert_allclose(cosine_weights(read, user_power=0.5).toarray(), wanted, atol=1e-9)


def test_keep_largest_keeps_exactly_that_many_and_low_columns_at_ties() -> None:
    dense = np.array([[1.0, 3, 3, 3, 2], [0, 0, 5, 0, 0]])
    kept = keep_largest(sp.csr_array(dense), 2).toarray()
    assert kept.tolist() == [[0, 3, 3, 0, 0], [0, 0, 5, 0, 0]]


def test_markov_is_the_formula_of_the_benchmarks_page() -> None:
    sequences = [["a", "b", "c"], ["b", "c"], ["c", "a"]]
    read = Interactions.from_sequences(sequences)
    counts = np.array([[0, 1, 0.5], [0, 0, 2], [1, 0, 0]])
    weights = counts / (counts.sum(axis=0) + 1) ** 0.3
    history = np.array([[0.64, 0.8, 1], [0, 0.8, 1], [1, 0, 0.8]])
    np.testing.assert_allclose(Markov().fit(read).score(read), history @ weights, rtol=1e-5)


def test_item_graph_counts_both_directions() -> None:
    read = Interactions.from_sequences([["a", "b"]])
    weights = ItemGraph().fit(read).weights.toarray()
    # Forward 1, backward 0.5; row and column sums are 1 and 0.5.
    scale = (2 * 2) ** -0.3
    np.testing.assert_allclose(weights, [[0, scale], [0.5 * 1.5**-0.6, 0]], rtol=1e-5)


def test_ease_is_the_closed_form() -> None:
    rng = np.random.default_rng(2)
    held = (rng.random((40, 6)) < 0.4).astype(float)
    names = "abcdef"
    read = Interactions.from_sequences([[names[i] for i in np.flatnonzero(row)] for row in held])
    inverse = np.linalg.inv(held.T @ held + 3 * np.eye(6))
    wanted = -inverse / np.diag(inverse)
    np.fill_diagonal(wanted, 0)
    found = Ease(regularisation=3, decay=1.0).fit(read).score(read)
    np.testing.assert_allclose(found, held @ wanted, atol=1e-4)
