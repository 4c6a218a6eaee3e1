"""The boosted ranker and the search among very many items."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shopkeeper.core.errors import InputError, SourceError, TooLargeError
from shopkeeper.predict.recommend.base import load_recommender
from shopkeeper.predict.recommend.evaluate import evaluate
from shopkeeper.predict.recommend.interactions import Interactions
from shopkeeper.predict.recommend.popularity import Popularity, RecentPopularity
from shopkeeper.predict.recommend.ranker import Ranker
from shopkeeper.predict.recommend.retrieve import Retrieval, exact_top
from shopkeeper.predict.recommend.split import leave_last_out


def loyal(seed: int = 1, users: int = 300) -> Interactions:
    """Everybody buys in one of three groups of twelve items; popularity cannot know which."""
    rng = np.random.default_rng(seed)
    return Interactions.from_sequences(
        [[f"{u % 3}-{i:02d}" for i in rng.choice(12, 7, replace=False)] for u in range(users)]
    )


@pytest.fixture(scope="module")
def past() -> Interactions:
    return loyal()


@pytest.fixture(scope="module")
def ranker(past: Interactions) -> Ranker:
    groups = np.array([int(name[0]) for name in past.item_ids.to_pylist()])
    split = leave_last_out(past)
    model = Ranker([Popularity(), RecentPopularity()], depth=36, trees=40)
    return model.about(groups=groups).fit(split.past, seed=3)


def test_it_learns_what_its_components_do_not_know(past: Interactions, ranker: Ranker) -> None:
    split = leave_last_out(past)
    own = evaluate(ranker, split, exclude_seen=True).values["ndcg@10"]
    popular = evaluate(Popularity().fit(split.past), split, exclude_seen=True).values["ndcg@10"]
    assert own > 1.5 * popular


def test_saved_trees_rank_the_same(past: Interactions, ranker: Ranker, tmp_path: Path) -> None:
    ranker.save(tmp_path)
    loaded = load_recommender(tmp_path)
    np.testing.assert_array_equal(loaded.score(past), ranker.score(past))
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} == {
        ".json",
        ".npz",
        ".txt",
    }
    (tmp_path / "ranker.txt").write_text("not trees")
    with pytest.raises(SourceError, match="holds no trees that can be read"):
        load_recommender(tmp_path)


def test_without_a_hit_there_is_no_order_to_learn() -> None:
    past = Interactions.from_sequences([["a", "b"], ["c", "d"], ["e", "f"]])
    model = Ranker([Popularity()]).fit(past)
    scores = model.score(Interactions.from_sequences([["a"], []]))
    assert np.isfinite(scores).all()


def test_it_refuses_what_does_not_fit(past: Interactions) -> None:
    with pytest.raises(TooLargeError, match="ranking 300 customers' candidates needs about"):
        Ranker([Popularity()], limit_mb=1).fit(past)


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    rng = np.random.default_rng(6)
    tastes = rng.normal(size=(60, 16))
    return (tastes[rng.integers(0, 60, 8_000)] + 0.3 * rng.normal(size=(8_000, 16))).astype(
        np.float32
    )


def test_looking_everywhere_is_exact(vectors: np.ndarray, tmp_path: Path) -> None:
    index = Retrieval(probes=1.0).build(vectors, seed=1)
    index.save(tmp_path)
    for query in vectors[:5]:
        near, products = index.search(query, 20)
        truth, exact = exact_top(vectors, query, 20)
        np.testing.assert_array_equal(near, truth)
        np.testing.assert_allclose(products, exact, rtol=1e-5)
        np.testing.assert_array_equal(Retrieval.load(tmp_path).search(query, 20)[0], near)


def test_a_few_cells_find_nearly_all(vectors: np.ndarray) -> None:
    index = Retrieval(probes=0.15).build(vectors, seed=1)
    found = [
        len(np.intersect1d(index.search(query, 50)[0], exact_top(vectors, query, 50)[0])) / 50
        for query in vectors[:100]
    ]
    assert np.mean(found) > 0.95


def test_the_share_of_cells_is_found_by_what_is_asked(vectors: np.ndarray) -> None:
    index = Retrieval(recall=0.97).build(vectors, seed=1)
    assert index.probes < 1
    found = [
        len(np.intersect1d(index.search(query, 50)[0], exact_top(vectors, query, 50)[0])) / 50
        for query in vectors[500:600]
    ]
    assert np.mean(found) > 0.95


def test_what_cannot_be_searched(vectors: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="probes 0 is not a share"):
        Retrieval(probes=0)
    with pytest.raises(TooLargeError, match=r"an index of 8,000 items by 16 dimensions needs"):
        Retrieval(limit_mb=0).build(vectors)
    with pytest.raises(SourceError, match="holds no index"):
        Retrieval.load(tmp_path)
    assert len(Retrieval().build(vectors[:3]).search(vectors[0], 10)[0]) <= 3
