from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from fastapi.testclient import TestClient
from scipy.sparse import csr_matrix
from sqlalchemy import insert

from shopkeeper.apps.flows.audiences import build_audience
from shopkeeper.apps.flows.features import features_at
from shopkeeper.apps.flows.lookalike import expand_audience, save_expansion
from shopkeeper.apps.service import create_app
from shopkeeper.backends.open import open_runtime
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core import state
from shopkeeper.core.clock import to_us
from shopkeeper.core.errors import (
    InputError,
    NotEnoughDataError,
    NotFoundError,
    PlanError,
    TooLargeError,
)
from shopkeeper.core.settings import load_settings
from shopkeeper.core.tables import PURCHASE_LINES, PURCHASES, SCORES, TableContract
from shopkeeper.features.library_index import features_contract
from shopkeeper.predict.lookalike import model as model_module
from shopkeeper.predict.lookalike.evaluate import (
    baseline_scores,
    held_out,
    precision_at,
    top_lift,
)
from shopkeeper.predict.lookalike.model import LookalikeModel, Seeds, require_audience
from shopkeeper.predict.lookalike.space import Customers, build_space, ranks_within, strata_of
from shopkeeper.simulate.seeds import SeedWorld, seed_world

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)


def _customers(world: SeedWorld) -> Customers:
    return Customers(world.ids, world.facts, world.names, world.items, world.activity)


@pytest.fixture(scope="module")
def worlds() -> list[SeedWorld]:
    return [seed_world(1500, seeds=40, seed=x) for x in range(3)]


def test_heavy_users_are_seeds_but_not_members(worlds: list[SeedWorld]):
    for world in worlds:
        hidden = world.members & ~world.seeds
        assert world.activity[world.seeds].mean() > 2 * world.activity[hidden].mean()
        assert abs(np.corrcoef(world.affinity, np.log1p(world.activity))[0, 1]) < 0.1


def test_hidden_members_are_found_beyond_the_centroid(worlds: list[SeedWorld]):
    precision: dict[str, list[float]] = {}
    lifts = []
    for world in worlds:
        others = ~world.seeds
        truth = world.members[others]
        for method, score in baseline_scores(_customers(world), world.seeds, seed=1).items():
            precision.setdefault(method, []).append(precision_at(truth, score[others], 0.02))
            if method == "bagged":
                lifts.append(top_lift(truth, score[others]))
    mean = {method: float(np.mean(x)) for method, x in precision.items()}
    assert mean["bagged"] >= 1.5 * mean["centroid"]
    assert mean["bagged"] > mean["logistic"]
    assert mean["bagged"] > mean["activity"]
    assert np.mean(lifts) >= 2.0


def test_points_hold_no_activity(worlds: list[SeedWorld]):
    space = build_space(_customers(worlds[0]), seed=1)
    logs = np.log1p(worlds[0].activity)
    # purchases themselves say nothing any more once strata are compared
    assert abs(np.corrcoef(space.points[:, 0], logs)[0, 1]) < 0.35
    assert abs(np.corrcoef(worlds[0].facts[:, 0], logs)[0, 1]) > 0.7


def test_ranks_are_those_of_each_stratum_alone():
    random = np.random.default_rng(1)
    values, stratum = random.integers(0, 5, 60).astype(float), random.integers(0, 3, 60)
    values[7] = np.nan
    found = ranks_within(values[:, None], stratum)[:, 0]
    assert found[7] == 0.0
    for one in range(3):
        own = np.flatnonzero((stratum == one) & np.isfinite(values))
        below = [
            (values[own] < values[i]).sum() + 0.5 * (values[own] == values[i]).sum() for i in own
        ]
        np.testing.assert_allclose(found[own], 2 * np.array(below) / len(own) - 1)


def test_similarity_is_the_share_of_seeds_less_alike(worlds: list[SeedWorld]):
    seeds = worlds[0].seeds
    space = build_space(_customers(worlds[0]), seed=2)
    model = LookalikeModel()
    score = model.fit(space, seeds, seed=2)
    found = model.likeness(space.points, score)
    assert found.similarity.min() >= 0.0
    assert found.similarity.max() <= 1.0
    expected = [(score[seeds] < x).mean() for x in score[:50]]
    np.testing.assert_allclose(found.similarity[:50], expected)
    assert found.similarity[seeds].mean() > found.similarity[~seeds].mean() + 0.2
    everybody = model.likeness(space.points)
    total = everybody.added.sum(axis=1)
    gap = everybody.score - everybody.score.mean()
    np.testing.assert_allclose(total - total.mean(), gap, atol=1e-9)


def test_the_seed_decides_everything(worlds: list[SeedWorld]):
    customers, seeds = _customers(worlds[0]), worlds[0].seeds
    again = [baseline_scores(customers, seeds, seed=4, methods=("bagged",)) for _ in range(2)]
    np.testing.assert_array_equal(again[0]["bagged"], again[1]["bagged"])


def test_nothing_is_told_before_it_is_learned():
    with pytest.raises(PlanError, match="'lookalike' is not fitted"):
        LookalikeModel().likeness(np.zeros((2, 2)))


def test_held_out_members_are_found_by_ours(worlds: list[SeedWorld]):
    found = {x.method: x for x in held_out(Seeds(_customers(worlds[1]), worlds[1].seeds), seed=3)}
    assert list(found) == ["bagged", "logistic", "centroid", "activity"]
    assert found["bagged"].lift >= 2.0


def test_ties_count_by_chance():
    truth = np.array([True] * 5 + [False] * 95)
    assert top_lift(truth, np.zeros(100)) == pytest.approx(1.0)
    assert precision_at(truth, np.r_[np.ones(20), np.zeros(80)], 0.1) == pytest.approx(0.25)


def _few(members: int, others: int) -> Seeds:
    size = members + others
    facts = np.random.default_rng(1).normal(size=(size, 2))
    customers = Customers(
        [str(x) for x in range(size)], facts, ("a", "b"), csr_matrix((size, 0)), facts[:, 0]
    )
    return Seeds(customers, np.arange(size) < members)


def test_ten_seeds_without_a_purchase_are_enough():
    found = held_out(_few(10, 30), seed=1)
    assert all(np.isfinite(x.auc) for x in found)


@pytest.mark.parametrize(
    ("members", "others", "words"),
    [(9, 100, "1 more members"), (0, 100, "10 more members"), (100, 29, "hardly anybody is left")],
)
def test_what_nothing_can_be_learned_from_is_refused(members: int, others: int, words: str):
    with pytest.raises(NotEnoughDataError, match=words):
        require_audience(_few(members, others))


def test_more_than_memory_allows_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(model_module, "MEMORY_MB", 0)
    with pytest.raises(TooLargeError, match="look-alike audience among 130 customers"):
        require_audience(_few(100, 30))


def test_membership_of_everybody_is_needed():
    data = _few(20, 40)
    with pytest.raises(InputError, match="told for 5 of 60"):
        require_audience(Seeds(data.customers, data.members[:5]))


def test_strata_hold_equal_activity_together():
    assert strata_of(np.zeros(500)).max() == 0
    many = strata_of(np.random.default_rng(1).normal(size=1000))
    assert many.max() == 19
    assert np.bincount(many).min() >= 40


class Clock:
    def now(self) -> datetime:
        return AS_OF


def _put(runtime: Runtime, contract: TableContract, columns: dict[str, object]) -> None:
    runtime.tables.append(contract, contract.cast(pa.table(columns), fill=True))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory):
    """150 customers: those with a low number buy tea, the others coffee; activity is mixed."""
    folder = str(tmp_path_factory.mktemp("alike"))
    runtime = open_runtime(
        load_settings(flags={"store.folder": folder, "store.memory_mb": 512}), clock=Clock()
    )
    random = np.random.default_rng(5)
    owner = np.repeat(np.arange(150), 2 + random.integers(0, 8, 150))
    size = len(owner)
    taste = random.random(size) < np.where(owner < 50, 0.9, 0.1)
    moment = [AS_OF - timedelta(days=int(x)) for x in random.integers(1, 300, size)]
    base: dict[str, object] = {
        "order_id": [f"o{x}" for x in range(size)],
        "customer_id": [f"c{x:03d}" for x in owner],
        "kind": ["sale"] * size,
        "occurred_at": moment,
        "ts_us": [to_us(x) for x in moment],
        "day": [x.date() for x in moment],
        "month": [f"{x:%Y-%m}" for x in moment],
        "dow": [x.isoweekday() for x in moment],
        "hour": [8] * size,
        "amount_minor": random.integers(500, 900, size),
        "currency": ["CNY"] * size,
        "quantity": [1.0] * size,
    }
    _put(runtime, PURCHASES, base)
    item = [
        f"{'tea' if x else 'coffee'}{i}"
        for x, i in zip(taste, random.integers(0, 4, size), strict=True)
    ]
    lines = base | {"line_id": base["order_id"], "product_id": item}
    _put(runtime, PURCHASE_LINES, lines)
    few = ["recency_days", "orders_life", "spend_minor_life", "tenure_days", "avg_order_minor_life"]
    rows = features_at(runtime.tables, [AS_OF], names=few)
    runtime.tables.replace(features_contract(few), rows)
    with runtime.state.begin() as connection:
        for audience_id, rule in (
            ("audience_tea", "spend_minor_life >= 0"), ("audience_none", "orders_life > 999"),
        ):  # fmt: skip
            connection.execute(
                insert(state.audiences).values(
                    audience_id=audience_id, name=audience_id, rule=rule, version=1,
                    description="", created_at=AS_OF, updated_at=AS_OF,
                )
            )  # fmt: skip
    # the audience itself: twenty of the tea drinkers, as a person would upload them
    from shopkeeper.core.tables import AUDIENCE_MEMBERS

    _put(
        runtime,
        AUDIENCE_MEMBERS,
        {"audience_id": ["audience_tea"] * 20, "version": ["1"] * 20,
         "as_of": pa.array([AS_OF] * 20, pa.timestamp("us", tz="UTC")),
         "customer_id": [f"c{x:03d}" for x in range(20)]},
    )  # fmt: skip
    yield runtime
    runtime.close()


def test_an_audience_of_a_shop_is_widened_by_its_like(shop: Runtime):
    found = expand_audience(shop, "audience_tea", size=20)
    numbers = [int(found.customers[i][1:]) for i in found.chosen]
    assert len(numbers) == 20
    assert min(numbers) >= 20
    # 30 of the 130 others drink tea
    assert sum(x < 50 for x in numbers) >= 14
    assert "spend_minor_life" not in str(found.differences)
    assert any("购买的商品" in zh for zh, _ in found.differences)


def test_it_is_kept_as_an_audience_by_rule(shop: Runtime):
    found = expand_audience(shop, "audience_tea", min_similarity=0.2)
    audience_id, size = save_expansion(shop, found, "like tea")
    assert size == len(found.chosen) > 0
    table = shop.tables.table(SCORES)
    kinds = set(shop.tables.run(table.select("kind"))["kind"].to_pylist())
    assert kinds == {"lookalike:audience_tea"}
    assert build_audience(shop, audience_id, AS_OF).size == size
    with pytest.raises(InputError, match="already an audience named 'like tea'"):
        save_expansion(shop, found, "like tea")
    with pytest.raises(InputError, match="nobody is that similar"):
        save_expansion(shop, expand_audience(shop, "audience_tea", min_similarity=1.0), "x")


def test_the_api_previews(shop: Runtime):
    client = TestClient(create_app(shop), base_url="http://127.0.0.1")
    asked = {"audience_id": "audience_tea", "size": 5}
    page = client.post("/api/v1/predict/lookalike", json=asked).json()
    assert (page["seeds"], page["found"], len(page["members"])) == (20, 5, 5)
    assert page["figures"][0]["method"] == "bagged"
    assert all(x["reasons"] for x in page["members"])


def test_audiences_that_cannot_be_widened(shop: Runtime):
    with pytest.raises(NotFoundError, match="no audience 'x'"):
        expand_audience(shop, "x")
    with pytest.raises(NotEnoughDataError, match="holds nobody"):
        expand_audience(shop, "audience_none")
