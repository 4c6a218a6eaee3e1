"""The laws of every recommender, the blend, and what cannot be done."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from shopkeeper.core.errors import NotEnoughDataError, PlanError, SourceError, TooLargeError
from shopkeeper.predict.recommend.again import BuyAgain, OwnFrequent, Replenish
from shopkeeper.predict.recommend.alike import SessionKnn
from shopkeeper.predict.recommend.als import Ials
from shopkeeper.predict.recommend.base import Recommender, load_recommender
from shopkeeper.predict.recommend.blend import Blend, choose_weights
from shopkeeper.predict.recommend.ease import Ease
from shopkeeper.predict.recommend.evaluate import evaluate
from shopkeeper.predict.recommend.interactions import Interactions
from shopkeeper.predict.recommend.popularity import (
    FadingPopularity,
    Popularity,
    RecentPopularity,
)
from shopkeeper.predict.recommend.similar import ItemGraph, ItemKnn, Markov
from shopkeeper.predict.recommend.split import leave_last_out

MODELS: list[Callable[[], Recommender]] = [
    Popularity,
    RecentPopularity,
    FadingPopularity,
    Markov,
    lambda: ItemGraph(neighbours=3),
    lambda: ItemKnn(recent=5),
    lambda: Ease(regularisation=2.0),
    BuyAgain,
    OwnFrequent,
    Replenish,
    SessionKnn,
    lambda: Ials(factors=4, iterations=3),
    lambda: Blend([Markov(), BuyAgain(), Popularity()], [0.5, 0.25, 0.25]),
]
every_model = pytest.mark.parametrize("make", MODELS, ids=lambda make: make().name)


def rows(seed: int, n: int = 400) -> pa.Table:
    rng = np.random.default_rng(seed)
    return pa.table(
        {
            "customer_id": rng.integers(0, 30, n).astype(str),
            "product_id": rng.integers(0, 20, n).astype(str),
            "ts_us": rng.integers(0, 60, n) * 86_400_000_000,
        }
    )


@every_model
def test_saving_and_loading_changes_nothing(
    make: Callable[[], Recommender], tmp_path: Path
) -> None:
    past = Interactions.from_table(rows(1))
    model = make().fit(past)
    model.save(tmp_path)
    loaded = load_recommender(tmp_path)
    assert type(loaded) is type(model)
    assert loaded.parameters() == model.parameters()
    np.testing.assert_array_equal(loaded.score(past), model.score(past))
    assert not [path for path in tmp_path.rglob("*") if path.suffix in (".pkl", ".pickle")]


@every_model
def test_fitting_again_forgets(make: Callable[[], Recommender]) -> None:
    first, second = Interactions.from_table(rows(1)), Interactions.from_table(rows(2))
    again = make().fit(first).fit(second)
    np.testing.assert_array_equal(again.score(second), make().fit(second).score(second))


@every_model
def test_row_order_is_irrelevant_and_the_input_is_not_changed(
    make: Callable[[], Recommender],
) -> None:
    table = rows(3)
    shuffled = table.take(np.random.default_rng(0).permutation(table.num_rows))
    one, two = Interactions.from_table(table), Interactions.from_table(shuffled)
    before = [column.copy() for column in (one.users, one.items, one.steps)]
    scores = make().fit(one).score(one)
    np.testing.assert_array_equal(scores, make().fit(two).score(two))
    for column, old in zip((one.users, one.items, one.steps), before, strict=True):
        np.testing.assert_array_equal(column, old)


@every_model
def test_a_stranger_gets_the_answer_of_an_empty_history(make: Callable[[], Recommender]) -> None:
    model = make().fit(Interactions.from_table(rows(1)))
    strangers = Interactions.from_sequences([["never sold"], []])
    scores = model.score(strangers)
    assert np.isfinite(scores).all()
    np.testing.assert_array_equal(scores[0], scores[1])


@every_model
def test_a_model_that_learned_nothing_says_so(make: Callable[[], Recommender]) -> None:
    with pytest.raises(PlanError, match="is not fitted"):
        make().score(Interactions.from_sequences([["a"]]))


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds no recommender that can be read"):
        load_recommender(tmp_path)


def test_a_model_of_another_kind(tmp_path: Path) -> None:
    Popularity().fit(Interactions.from_table(rows(1))).save(tmp_path)
    with pytest.raises(SourceError, match="holds the recommender 'popularity', not 'markov'"):
        Markov.load(tmp_path)


def test_ease_refuses_what_is_too_large_with_an_estimate() -> None:
    read = Interactions.from_sequences([[str(n) for n in range(30)]])
    with pytest.raises(TooLargeError, match=r"EASE on 30 items needs about .* GB"):
        Ease(max_items=20).fit(read)
    scores = Ease(max_items=20, overflow="frequent").fit(read).score(read)
    assert (scores[0] == 0).sum() >= 10


def test_chosen_weights_are_never_worse_than_the_best_component() -> None:
    sequences = [[str(n % 7), str((n + 1) % 7), str((n + 2) % 7)] for n in range(40)]
    split = leave_last_out(Interactions.from_sequences(sequences))
    parts: list[Recommender] = [Markov().fit(split.past), Popularity().fit(split.past)]
    weights = choose_weights(parts, split, exclude_seen=True, seed=1)
    assert sum(weights) == pytest.approx(1)
    blend = Blend(parts, weights).fit(split.past)
    best = max(evaluate(p, split, exclude_seen=True).values["ndcg@10"] for p in parts)
    assert evaluate(blend, split, exclude_seen=True).values["ndcg@10"] >= best - 1e-9


def test_weights_need_somebody_to_judge() -> None:
    split = leave_last_out(Interactions.from_sequences([["a"], ["b"]]))
    model = Popularity().fit(Interactions.from_sequences([["a"], ["b"]]))
    with pytest.raises(NotEnoughDataError, match="weights cannot be chosen"):
        choose_weights([model], split, exclude_seen=True)


def test_the_loudest_item_of_the_history_is_the_reason() -> None:
    past = Interactions.from_sequences([["tea", "cup"]] * 5 + [["milk", "cup"], ["milk", "oats"]])
    for model in (Markov(), ItemGraph(), ItemKnn(), Ease(regularisation=1.0)):
        model.fit(past)
        ids = model.item_ids.to_pylist()
        asked = Interactions.from_sequences([["milk", "tea"]])
        said = model.explain(
            asked, np.array([0, 0]), np.array([ids.index("cup"), ids.index("oats")])
        )
        assert [ids[source] for source in said.sources] == ["tea", "milk"]
