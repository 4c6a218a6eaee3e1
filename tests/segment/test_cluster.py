"""Clusters recover what was simulated, keep their labels and survive JSON."""

from __future__ import annotations

import json
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import adjusted_rand_score

from shopkeeper.core.errors import ContractError, NotEnoughDataError
from shopkeeper.segment.cluster import (
    DIMENSIONS,
    Clusters,
    fit_clusters,
)
from shopkeeper.segment.separation import eta_squared, relevance

# recency, orders ever, orders a year, spend a year, average order, tenure
PROFILES = np.array([
    [8, 60, 30, 900_000, 30_000, 700], [20, 20, 9, 60_000, 7_000, 600],
    [25, 3, 3, 150_000, 50_000, 120], [200, 6, 2, 15_000, 7_000, 650],
    [500, 1, 0, 0, 6_000, 500],
], dtype=float)  # fmt: skip


def people(seed: int, each: int = 120, noise: float = 0.12) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(len(PROFILES)), each)
    values = PROFILES[truth] * np.exp(rng.normal(0, noise, (len(truth), PROFILES.shape[1])))
    return values, truth


def test_simulated_groups_are_recovered_and_named() -> None:
    values, truth = people(1)
    found = fit_clusters(values, seed=3, future=PROFILES[truth][:, 3])
    assert found.report["k"] == 5
    assert adjusted_rand_score(truth, found.assign(values)) > 0.99
    assert found.report["bootstrap_ari"] > 0.95
    assert 0.9 < found.report["homogeneity"] <= 1
    assert found.report["representativeness"] > 0.95
    assert found.report["separation"] > 1
    assert len(set(found.names_zh)) == len(set(found.names_en)) == 5
    assert found.names_zh[0] == "高频高额常客"
    assert found.names_en[0] == "Frequent big spenders"
    assert sum(found.shares) == pytest.approx(1)


def test_labels_stay_when_customers_change() -> None:
    values, truth = people(1)
    first = fit_clusters(values, seed=3, sizes=(4, 5))
    later, _ = people(2)
    second = fit_clusters(later[::-1], seed=99, sizes=(4, 5), previous=first)
    ours = np.array(first.labels)[first.assign(later)]
    theirs = np.array(second.labels)[second.assign(later)]
    assert (ours == theirs).mean() > 0.99
    assert first.names_zh == second.names_zh
    assert len(truth) == len(later)


def test_a_new_cluster_gets_a_new_label() -> None:
    values, _ = people(1)
    first = fit_clusters(values, seed=3, sizes=(4,))
    second = fit_clusters(values, seed=3, sizes=(5,), previous=first)
    assert set(first.labels) == {"c1", "c2", "c3", "c4"}
    assert set(second.labels) == {"c1", "c2", "c3", "c4", "c5"}


def test_seed_decides_and_order_does_not() -> None:
    values, _ = people(4)
    a, b = fit_clusters(values, seed=5, sizes=(5,)), fit_clusters(values, seed=5, sizes=(5,))
    assert a == b
    shuffled = np.random.default_rng(0).permutation(len(values))
    c = fit_clusters(values[shuffled], seed=5, sizes=(5,))
    assert adjusted_rand_score(a.assign(values), c.assign(values)) > 0.99


def test_json_and_expression_assign_alike(run: Any) -> None:
    values, _ = people(6, each=50, noise=0.5)
    values = np.floor(values)
    stored = fit_clusters(values, seed=1, sizes=(4,))
    again = Clusters.from_dict(json.loads(json.dumps(stored.to_dict())))
    assert np.array_equal(again.assign(values), stored.assign(values))
    table = ibis.table({"id": "int64"} | dict.fromkeys(DIMENSIONS, "float64"), name="people")
    rows = pa.table({"id": np.arange(len(values))} | dict(zip(DIMENSIONS, values.T, strict=True)))
    found = run(table.select("id", label=again.label(table)).order_by("id"), people=rows)
    assert found["label"].to_pylist() == [stored.labels[i] for i in stored.assign(values)]


def test_relevance_and_eta() -> None:
    rng = np.random.default_rng(0)
    future = rng.gamma(2, 10, 500)
    weights = relevance(np.column_stack([future, rng.random(500), np.ones(500)]), future)
    assert weights[0] == 1.0
    assert weights[1:].tolist() == [0.25, 0.25]
    assert eta_squared(np.zeros(4, np.int64), np.arange(4.0)) == 0
    assert eta_squared(np.arange(4), np.full(4, 2.0)) == 0


def test_too_little_to_say() -> None:
    with pytest.raises(NotEnoughDataError, match="10 customers with purchases are too few"):
        fit_clusters(np.ones((10, 6)), seed=1)
    with pytest.raises(NotEnoughDataError, match="only 1 different positions"):
        fit_clusters(np.ones((100, 6)), seed=1)
    with pytest.raises(ContractError, match="stored clusters lack centres"):
        Clusters.from_dict({"dimensions": [], "labels": []})
