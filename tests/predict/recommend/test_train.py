"""Training a shop's recommender on a shop whose taste is known."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from shopkeeper.core.errors import NotEnoughDataError
from shopkeeper.core.tables import ITEM_NEIGHBOURS, RECOMMENDATIONS
from shopkeeper.predict.recommend.model import ShopRecommender
from shopkeeper.predict.recommend.popularity import RecentPopularity
from shopkeeper.predict.recommend.reasons import TEXTS, reason_text
from shopkeeper.predict.recommend.train import RecommendRun, train_recommender

DAY = 86_400_000_000
START = datetime(2024, 1, 1, tzinfo=UTC)
AS_OF = datetime(2024, 7, 1, tzinfo=UTC)


def shop(seed: int = 1, customers: int = 150) -> pa.Table:
    """Two kinds of customers, each with 20 products, who walk along them and have a favourite."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[str, str, int, str]] = []
    for customer in range(customers):
        taste, place = customer % 2, int(rng.integers(0, 20))
        for day in sorted(rng.choice(182, 14, replace=False).tolist()):
            moment = int(START.timestamp() * 1e6) + day * DAY
            place = (place + 1) % 20
            rows.extend(
                (f"c{customer:03d}", f"p{taste}-{product}", moment, "sale")
                for product in (place, 100 + customer % 5)
            )
    rows.append(("c000", "returned", int(START.timestamp() * 1e6), "return"))
    names = ("customer_id", "product_id", "ts_us", "kind")
    return pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))


@pytest.fixture(scope="module")
def run() -> RecommendRun:
    return train_recommender(shop(), AS_OF, seed=7, k=5, min_buyers=2)


def figure(run: RecommendRun, method: str, part: str, metric: str = "ndcg@10") -> float:
    return next(
        f.value for f in run.figures if (f.method, f.slice, f.metric) == (method, part, metric)
    )


def test_the_chosen_method_beats_popularity_on_a_later_period(run: RecommendRun) -> None:
    chosen = figure(run, run.facts["chosen"], "new")
    assert chosen > 1.5 * figure(run, "popularity-7-days", "new")
    assert figure(run, "buy-again", "again") > figure(run, "popularity-7-days", "again")


def test_every_method_is_compared_and_may_be_chosen(run: RecommendRun) -> None:
    methods = {
        "markov", "item-graph", "item-knn", "session-knn", "popularity-7-days",
        "popularity-fading", "ease", "ials",
    }  # fmt: skip
    assert set(run.facts["weights"]) == methods
    assert sum(run.facts["weights"].values()) == pytest.approx(1.0)
    shown = {f.method for f in run.figures if f.slice == "new"}
    assert methods | {"popularity"} <= shown
    assert figure(run, "ease", "new") > figure(run, "popularity", "new")


def bundles(seed: int = 5) -> pa.Table:
    """A bundle's three products are bought on any days, in any order: only EASE sees it whole."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[str, str, int]] = []
    for customer in range(200):
        whole = [f"b{bundle}-{i}" for bundle in rng.choice(15, 4, replace=False) for i in range(3)]
        other = [f"n{i:02d}" for i in rng.choice(60, 8, replace=False)]
        for product in (*whole, *other):
            day = int(rng.integers(0, 182))
            rows.append((f"c{customer:03d}", product, int(START.timestamp() * 1e6) + day * DAY))
    names = ("customer_id", "product_id", "ts_us")
    return pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))


def test_ease_is_chosen_where_it_is_best(tmp_path: Path) -> None:
    run = train_recommender(bundles(), AS_OF, seed=7, k=5, min_buyers=2)
    assert run.facts["weights"]["ease"] > 0
    run.model.save(tmp_path)
    rows = run.recommendations("v1")
    loaded = ShopRecommender.load(tmp_path)
    asked = {"as_of": AS_OF, "k": 5, "model_version": "v1"}
    assert loaded.recommend(run.histories, **asked).equals(rows)  # type: ignore[arg-type]


def test_rows_keep_the_contract_and_the_promise_of_their_kind(run: RecommendRun) -> None:
    table = run.recommendations("v1")
    assert table.schema == RECOMMENDATIONS.arrow_schema
    keys = set(zip(*(table[str(key)].to_pylist() for key in RECOMMENDATIONS.key), strict=True))
    assert len(keys) == table.num_rows
    past = shop()
    bought = set(zip(past["customer_id"].to_pylist(), past["product_id"].to_pylist(), strict=True))
    for row in table.to_pylist():
        known = (row["customer_id"], row["product_id"]) in bought
        assert known == (row["kind"] == "again") or row["kind"] == "next_basket"
        assert row["product_id"] != "returned"


def test_taste_is_found(run: RecommendRun) -> None:
    rows = [
        row for row in run.recommendations("v1").to_pylist() if row["model"] != "popularity-7-days"
    ]
    new = [row for row in rows if row["kind"] == "new" and row["rank"] == 1]
    same = [row["product_id"][1] == str(int(row["customer_id"][1:]) % 2) for row in new]
    assert np.mean(same) > 0.95


def test_favourites_come_first_and_are_counted(run: RecommendRun) -> None:
    again = [
        row
        for row in run.recommendations("v1").to_pylist()
        if row["kind"] == "again" and row["rank"] == 1
    ]
    moments = shop().group_by("customer_id").aggregate([("ts_us", "min"), ("ts_us", "max")])
    first = dict(
        zip(*moments.select(["customer_id", "ts_us_min"]).to_pydict().values(), strict=True)
    )
    last = dict(
        zip(*moments.select(["customer_id", "ts_us_max"]).to_pydict().values(), strict=True)
    )
    for row in again:
        customer, who = int(row["customer_id"][1:]), row["customer_id"]
        assert row["product_id"] == f"p{customer % 2}-{100 + customer % 5}"
        (why,) = json.loads(row["reasons"])
        assert why["times"] == 14
        if why["code"] == "due" and who != "c000":
            assert why["every"] == round((last[who] - first[who]) / 13 / DAY)
            assert why["days"] == (int(AS_OF.timestamp() * 1e6) - last[who]) // DAY
            assert why["days"] <= 3 * why["every"]


def test_a_newcomer_gets_what_is_popular_and_nothing_to_buy_again(run: RecommendRun) -> None:
    table = run.recommendations("v1", pa.array(["stranger"]))
    assert table["kind"].to_pylist() == ["new"] * 5 + ["next_basket"] * 5
    popular = RecentPopularity().fit(run.histories).score(run.histories.slice_users(0, 1))[0]
    best = np.argsort(-popular, kind="stable")[:5]
    assert table["product_id"].to_pylist()[:5] == run.model.item_ids.take(best).to_pylist()
    assert reason_text(table["reasons"][0].as_py(), "zh") == "近 7 天热销"


def test_every_reason_is_a_sentence_in_both_languages(run: RecommendRun) -> None:
    for text in run.recommendations("v1")["reasons"].unique().to_pylist():
        assert all(reason["code"] in TEXTS for reason in json.loads(text))
        assert reason_text(text, "zh") != reason_text(text, "en")


def test_nothing_from_as_of_on_is_seen(run: RecommendRun) -> None:
    early = datetime(2024, 5, 1, tzinfo=UTC)
    whole = shop()
    cut = whole.filter(pa.compute.less(whole["ts_us"], int(early.timestamp() * 1e6)))
    one = train_recommender(whole, early, seed=7, k=5, min_buyers=2)
    two = train_recommender(cut, early, seed=7, k=5, min_buyers=2)
    assert one.recommendations("v").equals(two.recommendations("v"))
    assert one.figures == two.figures


def test_row_order_is_irrelevant(run: RecommendRun) -> None:
    table = shop()
    shuffled = table.take(np.random.default_rng(3).permutation(table.num_rows))
    other = train_recommender(shuffled, AS_OF, seed=7, k=5, min_buyers=2)
    assert other.recommendations("v").equals(run.recommendations("v"))


def test_saved_and_loaded_it_answers_the_same(run: RecommendRun, tmp_path: Path) -> None:
    run.model.save(tmp_path)
    loaded = ShopRecommender.load(tmp_path)
    asked = {"as_of": AS_OF, "k": 5, "model_version": "v1"}
    first = run.model.recommend(run.histories, **asked)  # type: ignore[arg-type]
    assert loaded.recommend(run.histories, **asked).equals(first)  # type: ignore[arg-type]
    assert loaded.parameters() == run.model.parameters()


def test_neighbours_of_products_share_the_taste_and_keep_the_contract(run: RecommendRun) -> None:
    table = run.neighbours("v1")
    assert table.schema == ITEM_NEIGHBOURS.arrow_schema
    keys = set(zip(*(table[str(key)].to_pylist() for key in ITEM_NEIGHBOURS.key), strict=True))
    assert len(keys) == table.num_rows
    rows = table.to_pylist()
    assert {row["kind"] for row in rows} == {"similar", "bought_together"}
    for row in rows:
        assert row["other_product_id"][:2] == row["product_id"][:2]
        assert row["other_product_id"] != row["product_id"]
        assert json.loads(row["reasons"])[0]["times"] > 0


def test_baskets_counted_by_hand(run: RecommendRun) -> None:
    together = next(
        row
        for row in run.neighbours("v1").to_pylist()
        if (row["product_id"], row["kind"], row["rank"]) == ("p0-100", "bought_together", 1)
    )
    past = shop().to_pylist()
    baskets: dict[tuple[str, int], set[str]] = {}
    for row in past:
        baskets.setdefault((row["customer_id"], row["ts_us"]), set()).add(row["product_id"])
    both = {"p0-100", together["other_product_id"]}
    assert json.loads(together["reasons"]) == [
        {"code": "in_baskets", "times": sum(both <= basket for basket in baskets.values())}
    ]


def test_facts_say_when_the_horizon_shrank(run: RecommendRun) -> None:
    assert run.facts["horizon_shrunk"] is False
    short = train_recommender(shop(), datetime(2024, 3, 1, tzinfo=UTC), seed=7, min_buyers=2)
    assert short.facts["horizon_shrunk"] is True
    assert short.facts["horizon_days"] < 28


def test_too_little_to_learn_from() -> None:
    with pytest.raises(NotEnoughDataError, match="no purchase line before"):
        train_recommender(shop(), datetime(2023, 1, 1, tzinfo=UTC), seed=7)
    with pytest.raises(NotEnoughDataError, match="no product was bought by 1000 customers"):
        train_recommender(shop(), AS_OF, seed=7, min_buyers=1000)
    newcomers = pa.table(
        {
            "customer_id": ["a", "b", "c", "d"],
            "product_id": ["x", "x", "x", "x"],
            "ts_us": [int(START.timestamp() * 1e6) + n * 7 * DAY for n in (0, 14, 18, 23)],
        }
    )
    with pytest.raises(NotEnoughDataError, match="no customer bought both before and within"):
        train_recommender(newcomers, AS_OF, seed=7, min_buyers=1)
