"""The one object: what each surface answers, for whom, and what it refuses."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from shopkeeper.core.errors import InputError, NotFoundError, SourceError
from shopkeeper.predict.recommend.again import Replenish
from shopkeeper.predict.recommend.blend import Blend, choose_weights
from shopkeeper.predict.recommend.content import product_words
from shopkeeper.predict.recommend.diversity import arranged, diversify, exposure_of
from shopkeeper.predict.recommend.evaluate import Truth, evaluate, list_figures
from shopkeeper.predict.recommend.interactions import Interactions
from shopkeeper.predict.recommend.model import SURFACES, ShopRecommender
from shopkeeper.predict.recommend.popularity import Popularity, RecentPopularity
from shopkeeper.predict.recommend.rank import Lists, recommend
from shopkeeper.predict.recommend.reasons import reason_text
from shopkeeper.predict.recommend.similar import ItemKnn, Markov
from shopkeeper.predict.recommend.split import leave_last_out, temporal
from shopkeeper.predict.recommend.train import evaluate_at

DAY = 86_400_000_000
CATALOGUE = pa.table(
    {
        "product_id": ["bread", "butter", "jam", "milk", "oats", "soy milk", "tea"],
        "name": ["bread", "butter", "jam", "milk", "oats", "soy milk", "tea"],
        "category": ["bakery", "dairy", "spread", "dairy", "grain", "dairy", "drink"],
    }
)


def lines() -> pa.Table:
    """Ten customers buy bread with butter; then jam; tea alone is the latest fashion."""
    rows = []
    for customer in range(10):
        for day, items in ((1, ("bread", "butter")), (8, ("jam",)), (15, ("milk", "oats"))):
            rows += [(f"c{customer}", item, (day + customer % 3) * DAY) for item in items]
    rows += [(f"t{customer}", "tea", 20 * DAY) for customer in range(4)]
    rows += [("asks", "bread", 19 * DAY)]
    names = ("customer_id", "product_id", "ts_us")
    return pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))


@pytest.fixture(scope="module")
def past() -> Interactions:
    return Interactions.from_table(lines()).for_items(CATALOGUE["product_id"].combine_chunks())


@pytest.fixture(scope="module")
def model(past: Interactions) -> ShopRecommender:
    new = Blend([Markov(), ItemKnn(), RecentPopularity()], [0.5, 0.4, 0.1])
    groups = dict(
        zip(CATALOGUE["product_id"].to_pylist(), CATALOGUE["category"].to_pylist(), strict=True)
    )
    return ShopRecommender(new, words=product_words(CATALOGUE), categories=groups).fit(past)


def items(served: list) -> list[str]:
    return [one.item for one in served]


def test_every_surface_answers(model: ShopRecommender, past: Interactions) -> None:
    asked = {"customer": "asks", "histories": past, "k": 2}
    (first, second) = model.serve("for_you", **asked)
    assert first.item in ("jam", "butter")
    assert "bread" not in (first.item, second.item)
    assert first.source == "bread"
    assert items(model.serve("again", **asked)) == ["bread"]
    assert "bread" in items(model.serve("next_basket", **asked))
    assert items(model.serve("bought_together", item="bread", k=3)) == ["butter"]
    assert items(model.serve("bought_together", basket=["bread", "butter"], k=1)) != ["bread"]
    assert "soy milk" in items(model.serve("similar", item="milk", k=3))
    assert items(model.serve("similar", item="soy milk", k=1)) == ["milk"]


def test_what_is_excluded_never_comes(model: ShopRecommender) -> None:
    for surface in SURFACES:
        for item in items(model.serve(surface, prefix=["bread"], k=7, exclude=["jam", "butter"])):
            assert item not in ("jam", "butter")


def test_strangers_and_empty_histories_get_what_is_popular_now(
    model: ShopRecommender, past: Interactions
) -> None:
    popular = RecentPopularity().fit(past).score(past.slice_users(0, 1))[0]
    best = past.item_ids.take(np.argsort(-popular, kind="stable")[:3]).to_pylist()
    assert items(model.serve("for_you", customer="nobody", histories=past, k=3)) == best
    assert items(model.serve("for_you", prefix=[], k=3)) == best
    assert items(model.serve("for_you", prefix=["never sold"], k=3)) == best
    assert model.serve("again", customer="nobody", histories=past) == []


def test_what_cannot_be_answered_is_said(model: ShopRecommender, past: Interactions) -> None:
    with pytest.raises(InputError, match="there is no surface 'window'"):
        model.serve("window", prefix=["bread"])
    with pytest.raises(InputError, match="2 of them are given"):
        model.serve("for_you", prefix=["bread"], item="jam")
    with pytest.raises(InputError, match="0 of them are given"):
        model.serve("for_you")
    with pytest.raises(InputError, match="a customer is given without histories"):
        model.serve("for_you", customer="asks")
    with pytest.raises(NotFoundError, match="product 'gold' is not known"):
        model.serve("similar", item="gold")


def test_saved_and_loaded_it_serves_the_same(
    model: ShopRecommender, past: Interactions, tmp_path: Path
) -> None:
    model.save(tmp_path)
    loaded = ShopRecommender.load(tmp_path)
    for surface in SURFACES:
        assert loaded.serve(surface, prefix=["bread"]) == model.serve(surface, prefix=["bread"])
    (tmp_path / "shop.json").unlink()
    with pytest.raises(SourceError, match="holds no shop recommender"):
        ShopRecommender.load(tmp_path)


def test_evaluating_later_is_evaluating_the_same_split(model: ShopRecommender) -> None:
    cut = datetime.fromtimestamp(15 * 86_400, tz=UTC)
    found = evaluate_at(model, lines(), cut, horizon_days=10)
    every = Interactions.from_table(lines()).for_items(model.item_ids)
    split = temporal(every, 15 * DAY, 25 * DAY)
    assert found["for_you"].values == evaluate(model.new, split, exclude_seen=True).values
    assert len(found["for_you"].each["ndcg@10"]) == found["for_you"].n == len(found["again"].users)


def test_opinion_moves_a_product_up_or_down(past: Interactions) -> None:
    liked = ShopRecommender(Popularity(), opinion={"oats": 1.0, "jam": -1.0}, tilt=0.5).fit(past)
    plain = ShopRecommender(Popularity()).fit(past)
    asked = past.for_users(pa.array(["asks"]))

    def order(model: ShopRecommender) -> list[str]:
        return model.item_ids.take(model.lists("for_you", asked, 4).items).to_pylist()

    assert order(plain)[:2] == ["butter", "jam"]
    assert order(liked)[0] == "oats"
    assert order(liked).index("jam") > order(plain).index("jam")


def test_diverse_lists_never_repeat_a_product_and_lose_the_least_first() -> None:
    rng = np.random.default_rng(4)
    scores = rng.random((50, 30)).astype(np.float32)
    groups = rng.integers(0, 4, (50, 30))
    plain = diversify(scores, groups, 10)
    assert (np.sort(plain, axis=1)[:, 1:] > np.sort(plain, axis=1)[:, :-1]).all()
    np.testing.assert_array_equal(plain, np.argsort(-scores, axis=1)[:, :10])
    mixed = diversify(scores, groups, 10, trade=0.3)

    def kinds(picked: np.ndarray) -> float:
        own = np.take_along_axis(groups, picked, axis=1)
        return float(np.mean([len(set(row[:4].tolist())) for row in own]))

    assert kinds(mixed) > kinds(plain)
    capped = np.take_along_axis(groups, diversify(scores, groups, 8, cap=2), axis=1)
    assert all(np.bincount(row).max() <= 2 for row in capped)


def test_a_list_as_shown_is_judged_as_the_model_is(past: Interactions) -> None:
    split = leave_last_out(past)
    model = Markov().fit(split.past)
    lists = recommend(model, split.histories, 20, exclude_seen=True)
    truth = Truth.of(split, model, new_only=True)
    shown = list_figures(lists, truth, past.n_items).values
    judged = evaluate(model, split, exclude_seen=True).values
    assert shown["hr@10"] >= judged["hr@10"]
    groups = np.arange(past.n_items)
    ones = np.ones(past.n_items, dtype=np.float32)
    same = arranged(lists, split.histories.n_users, 20, groups, ones, trade=0.5)
    assert list_figures(same, truth, past.n_items).values == shown


def test_exposure_without_lists_says_nothing() -> None:
    none = np.zeros(0, dtype=np.int64)
    told = exposure_of(none, none, None, np.ones(3), 5).to_dict()
    assert told == {"coverage": 0.0}


def test_a_component_of_noise_gets_no_weight_and_popularity_always_a_little() -> None:
    rng = np.random.default_rng(2)
    walks = [[str((u + s) % 12) for s in range(6)] for u in range(120)]
    split = leave_last_out(Interactions.from_sequences(walks))

    class Noise(Popularity):
        name = "noise"

        def _score(self, histories: Interactions) -> np.ndarray:
            return rng.random((histories.n_users, histories.n_items)).astype(np.float32)

    parts = [part.fit(split.past) for part in (Markov(), Noise(), RecentPopularity())]
    weights = choose_weights(parts, split, exclude_seen=True)
    assert weights[0] > 0.99
    assert weights[1] == 0
    assert weights[2] == pytest.approx(0.001, rel=0.01)


def test_reasons_tell_when(model: ShopRecommender, past: Interactions) -> None:
    table = model.recommend(
        past,
        as_of=datetime.fromtimestamp(22 * 86_400, tz=UTC),
        k=2,
        model_version="v",
        customers=pa.array(["asks"]),
    )
    new = table.filter(pa.compute.equal(table["kind"], "new"))["reasons"][0].as_py()
    assert "3 days ago" in reason_text(new, "en")
    assert "3 天前" in reason_text(new, "zh")


def test_a_list_without_anything(past: Interactions) -> None:
    empty = Interactions.from_sequences([[], ["unknown"]]).for_items(past.item_ids)
    found = recommend(Replenish().fit(past), empty, 3, exclude_seen=False, only_seen=True)
    assert isinstance(found, Lists)
    assert len(found.users) == 0
