"""Features, segments and audiences of a simulated shop, through the store."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from shopkeeper.apps.bench.features import resolved_shop
from shopkeeper.apps.flows.audiences import (
    audience_overlap,
    customer_facts,
    preview_size,
    read_rule,
    shop_vocabulary,
    stored_clusters,
    why_customer,
)
from shopkeeper.apps.flows.features import features_at, latest_as_of, run_features
from shopkeeper.apps.flows.segment import build_audience, run_segment
from shopkeeper.backends.open import open_runtime
from shopkeeper.core import state
from shopkeeper.core.errors import NotEnoughDataError, NotFoundError
from shopkeeper.core.settings import load_settings
from shopkeeper.core.tables import AUDIENCE_MEMBERS, FEATURES, SEGMENTS
from shopkeeper.features.library_index import features_contract
from shopkeeper.features.serve import features_of
from shopkeeper.segment.rules.single import evaluate_one
from shopkeeper.simulate.spec import ShopSpec

SPEC = ShopSpec(customers=300, days=300, join_days=120, seed=3, events_per_customer=15)
AS_OF = SPEC.as_of


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    flags = {"store.folder": tmp_path_factory.mktemp("shop"), "store.memory_mb": 1024}
    runtime = open_runtime(load_settings(flags=flags))
    for contract, rows in resolved_shop(SPEC):
        runtime.tables.append(contract, rows)
    run_features(runtime, as_of=AS_OF, run_id="r1")
    yield runtime
    runtime.close()


def test_features_are_stored_once(shop: Any) -> None:
    again = run_features(shop, as_of=AS_OF, run_id="r1")
    assert again.to_dict()["customers"] == shop.tables.count(FEATURES) == 300
    assert latest_as_of(shop.tables) == AS_OF
    names = [str(x) for x in features_contract().columns]
    assert list(shop.tables.table(FEATURES).columns) == names


def test_one_customer_is_served_the_stored_values(shop: Any) -> None:
    stored = shop.tables.run(shop.tables.table(FEATURES)).sort_by("customer_id")
    names = ["recency_days", "orders_90d", "top_category_365d", "sessions_90d", "gap_std_days"]
    ids = stored["customer_id"].to_pylist()[:3]
    served = features_of(shop.tables, ids, AS_OF, names=names).to_pylist()
    assert served == stored.select(["customer_id", "as_of", *names]).slice(0, 3).to_pylist()


def test_training_reads_several_moments(shop: Any) -> None:
    earlier = AS_OF - timedelta(days=60)
    rows = features_at(shop.tables, [earlier, AS_OF], names=["orders_life"])
    assert set(rows["as_of"].to_pylist()) == {earlier, AS_OF}


def test_segments_and_audiences(shop: Any) -> None:
    rule = "orders_365d >= 2 and not (life_cycle = 'lost') and bought(within 120 days)"
    now = shop.clock.now()
    with shop.state.begin() as connection:
        for audience, text in (("a1", rule), ("a2", "everyone")):
            connection.execute(insert(state.audiences).values(
                audience_id=audience, name=audience, rule=text, description="", version=1,
                created_at=now, updated_at=now,
            ))  # fmt: skip
    report = run_segment(shop, as_of=AS_OF, run_id="r1").to_dict()
    again = run_segment(shop, as_of=AS_OF, run_id="r1").to_dict()
    assert report["schemes"] == again["schemes"]
    assert set(report["schemes"]) == {"rfm8", "life_cycle", "aipl", "cluster"}
    assert all(sum(x.values()) == 300 for x in report["schemes"].values())
    assert shop.tables.count(SEGMENTS) == 4 * 300
    assert report["audiences"]["a2"] == 300
    clusters = stored_clusters(shop.state)
    assert clusters is not None
    assert set(report["schemes"]["cluster"]) == set(clusters.labels)

    words = shop_vocabulary(shop)
    parsed = read_rule(rule, words)
    size = report["audiences"]["a1"]
    assert 0 < size < 300
    assert preview_size(shop, parsed, words) == (size, 300)
    members = shop.tables.table(AUDIENCE_MEMBERS)
    inside = set(
        shop.tables.run(members.filter(members.audience_id == "a1"))["customer_id"].to_pylist()
    )
    everyone = shop.tables.run(shop.tables.table(FEATURES))["customer_id"].to_pylist()
    for customer in sorted(everyone)[:25]:
        facts = customer_facts(shop.tables, customer, AS_OF, words)
        assert (evaluate_one(parsed, facts, words) is True) == (customer in inside)
    outside = min(set(everyone) - inside)
    assert why_customer(shop, parsed, outside, words).smallest
    overlap = audience_overlap(shop.tables, ["a1", "a2"])
    assert overlap == {
        ("a1", "a1"): size,
        ("a1", "a2"): size,
        ("a2", "a1"): size,
        ("a2", "a2"): 300,
    }


def test_unknown_audience_and_empty_shop(shop: Any, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no audience 'zz'"):
        build_audience(shop, "zz", AS_OF)
    empty = open_runtime(load_settings(flags={"store.folder": tmp_path, "store.memory_mb": 512}))
    try:
        assert run_features(empty, as_of=AS_OF, run_id="r").customers == 0
        report = run_segment(empty, as_of=AS_OF, run_id="r")
        assert report.schemes == {}
        assert "too few" in report.clusters["reason"]
        words = shop_vocabulary(empty)
        with pytest.raises(NotEnoughDataError, match="no features were computed"):
            preview_size(empty, read_rule("everyone", words), words)
    finally:
        empty.close()
