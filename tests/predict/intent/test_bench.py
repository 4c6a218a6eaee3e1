from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shopkeeper.apps.bench.intent import run
from shopkeeper.apps.bench.intent_sessions import simulate_sessions
from shopkeeper.apps.bench.rows import BenchOptions
from shopkeeper.core.errors import InputError
from shopkeeper.predict.intent.events import read_events
from shopkeeper.predict.intent.prefixes import prefixes_at


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Item k is followed by k + 1: rules find what popularity cannot."""
    random = np.random.default_rng(0)
    lines = []
    for number in range(300):
        start = random.integers(0, 20)
        items = [f"i{(start + k) % 20}" for k in range(random.integers(2, 6))]
        lines.append(f"s{number} {' '.join(items)}")
    path = tmp_path_factory.mktemp("bench") / "sessions.txt"
    path.write_text("\n".join(lines))
    return path


def test_next_item_of_own_sessions(sessions):
    methods = ("popularity", "sequential-rules", "stan", "blend")
    options = BenchOptions(
        inputs=(sessions,), protocol="next-in-session", methods=methods[:3], seed=3
    )
    rows = run(options)
    assert {(row.method, row.metric) for row in rows} == {
        (method, metric)
        for method in methods[:3]
        for metric in ("hr@20", "mrr@20", "hr@10", "ndcg@10", "p99_ms")
    }
    value = {(row.method, row.metric): row.value for row in rows}
    assert value["sequential-rules", "mrr@20"] == 1.0
    assert value["stan", "mrr@20"] > value["popularity", "mrr@20"] + 0.3
    assert all(row.low <= row.value <= row.high for row in rows if row.metric != "p99_ms")


def test_purchase_in_simulated_sessions_stands_between_the_cart_and_the_truth():
    methods = ("has-added-to-cart", "boosting", "truth")
    rows = run(BenchOptions(protocol="buy-in-session", customers=1_000, methods=methods, seed=3))
    assert [row.method for row in rows[:12:4]] == list(methods)
    assert {row.protocol.split(",")[0] for row in rows} == {
        f"buy-in-session after {n} events" for n in ("03", "05", "10")
    }
    mean = {
        method: np.mean([r.value for r in rows if r.method == method and r.metric == "brier"])
        for method in methods
    }
    assert mean["truth"] < mean["boosting"] < mean["has-added-to-cart"]


def test_the_simulated_truth_is_what_happens():
    shop = simulate_sessions(3_000, seed=5, positions=(4,), draws=30)
    rows = read_events(shop.table)
    session, first = rows.sessions()
    assert len(first) == len(shop.start_us)
    np.testing.assert_array_equal(rows.ts_us[first], shop.start_us)
    bought = np.zeros(len(first), dtype=bool)
    bought[session[rows.action == 6]] = True
    known = np.isfinite(shop.truth[4])
    at = prefixes_at(rows, (4,))
    in_cart = np.zeros(len(first), dtype=bool)
    in_cart[at.session[at.columns.counts[:, 4] > 0]] = True
    # groups that do not depend on the draws of the truth: their means must agree
    for group in (known & in_cart, known & ~in_cart):
        said, came = shop.truth[4][group].mean(), bought[group].mean()
        assert abs(said - came) < 3.5 * np.sqrt(came * (1 - came) / group.sum())
    assert shop.truth[4][known & in_cart].mean() > shop.truth[4][known & ~in_cart].mean() + 0.1


def test_refusals(sessions):
    with pytest.raises(InputError, match="--protocol 'kfolds' is not known"):
        run(BenchOptions(protocol="kfolds"))
    with pytest.raises(InputError, match="a file of sessions needs to know what is asked"):
        run(BenchOptions(inputs=(sessions,)))
    with pytest.raises(InputError, match="no method called 'oracle'"):
        run(BenchOptions(inputs=(sessions,), protocol="next-in-session", methods=("oracle",)))
