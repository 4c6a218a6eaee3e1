"""A model of one's own, from the question to scores, on a simulated shop."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from shopkeeper.apps.bench.features import resolved_shop
from shopkeeper.apps.cli.main import app
from shopkeeper.apps.flows.propensity import (
    Trained,
    perform,
    plan_propensity,
    predict_propensities,
    training_rows,
)
from shopkeeper.apps.flows.propensity_kept import forget_spec, keep_spec, stored_row, stored_specs
from shopkeeper.apps.flows.propensity_outcome import rows_at
from shopkeeper.apps.flows.propensity_rows import current_rows, now_of, past_rows, plan_windows
from shopkeeper.apps.flows.propensity_spec import PropensitySpec, read_spec, spec_of
from shopkeeper.apps.flows.propensity_time import feature_names, time_findings
from shopkeeper.apps.service import create_app
from shopkeeper.backends.open import open_runtime
from shopkeeper.core.clock import to_us
from shopkeeper.core.errors import InputError, NotEnoughDataError, NotFoundError, RuleError
from shopkeeper.core.settings import load_settings
from shopkeeper.core.tables import ACTIVITY, PURCHASE_LINES, SCORES
from shopkeeper.simulate.spec import ShopSpec

SHOP = ShopSpec(customers=250, days=200, join_days=60, seed=3, events_per_customer=20)
AS_OF = SHOP.as_of
FEW = ("orders_life", "recency_days", "carts_30d", "views_30d", "spend_minor_90d", "sessions_30d",
       "top_category_365d", "first_seen_days")  # fmt: skip
CART = {
    "name": "cart", "target": {"kind": "event", "event": "add_to_cart"}, "horizon_days": 14,
    "exclude": tuple(x for x in feature_names() if x not in FEW),
}  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    flags = {"store.folder": tmp_path_factory.mktemp("shop"), "store.memory_mb": 1024}
    runtime = open_runtime(load_settings(flags=flags))
    for contract, rows in resolved_shop(SHOP):
        runtime.tables.append(contract, rows)
    yield runtime
    runtime.close()


@pytest.fixture(scope="module")
def trained(shop: Any) -> Trained:
    spec = spec_of(CART)
    keep_spec(shop, spec)
    return perform(shop, spec, AS_OF)


def asked(**changes: Any) -> PropensitySpec:
    return spec_of({**CART, **changes})


def test_a_plan_counts_what_happened_and_trains_nothing(shop: Any) -> None:
    plan = plan_propensity(shop, asked(), AS_OF)
    assert [x["role"] for x in plan["windows"]] == ["learn", "learn", "learn", "test"]
    last = plan["windows"][-1]
    assert last["at"] == AS_OF - timedelta(days=14)
    # counted again without the flow
    events = shop.tables.run(shop.tables.table(ACTIVITY))
    inside = pc.and_(
        pc.greater_equal(events["ts_us"], to_us(last["at"])), pc.less(events["ts_us"], to_us(AS_OF))
    )
    carts = pc.is_in(events["kind"], value_set=pa.array(["add_to_cart", "product_added"]))
    who = set(events.filter(pc.and_(inside, carts))["customer_id"].to_pylist())
    known = set(rows_at(past_rows(shop, asked(), AS_OF, names=["orders_life"]).rows,
                        last["at"])["customer_id"].to_pylist())  # fmt: skip
    assert last["positives"] == len(who & known) > 10
    assert last["customers"] == len(known)
    assert not shop.models.versions("propensity.nothing")


def test_every_customer_gets_a_score_with_reasons(shop: Any, trained: Trained) -> None:
    table = shop.tables.table(SCORES)
    rows = shop.tables.run(table.filter(table.kind == "propensity:cart"))
    assert rows.num_rows == trained.scored == 250
    value = rows["value"].to_numpy()
    assert 0 < value.min() < value.max() < 1
    assert set(rows["model_version"].to_pylist()) == {trained.version}
    reasons = json.loads(rows["reasons"][0].as_py())
    assert 1 <= len(reasons) <= 3


def test_the_report_is_kept_with_the_model(shop: Any, trained: Trained) -> None:
    stored = shop.models.get("propensity.cart", "champion")
    assert stored.version == trained.version
    report = stored.card["report"]
    assert report["leakage"]["findings"] == []
    assert {"changes_without_future", "shifted"} <= set(report["leakage"]["checks"])
    assert report["windows"][-1]["role"] == "test"
    assert report["test_rows"] == report["windows"][-1]["customers"]
    for example in report["examples"]:
        told = sum(x["weight"] for x in example["reasons"])
        margin = example["base"] + told + example["others"] + example["calibration"]
        assert 1 / (1 + np.exp(-margin)) == pytest.approx(example["probability"], abs=1e-6)
        assert all(x["zh"] and x["en"] and x["zh"] != x["en"] for x in example["reasons"])
    assert stored_row(shop.state, "cart").status == "done"


def test_a_night_trains_again_and_a_refused_model_does_not_stop_it(
    shop: Any, trained: Trained
) -> None:
    keep_spec(shop, asked(name="never", target={"kind": "purchase", "where": {"brand": "nobody"}}))
    report = predict_propensities(shop, AS_OF)
    assert report.model == "cart, never"
    # the same data and seed: the same model
    assert report.version == trained.version
    assert report.table["cart: shopkeeper"]["auc"] > 0.5
    assert "never: not enough data to say: 0 of" in report.refused
    row = stored_row(shop.state, "never")
    assert row.status == "refused"
    assert "0 of" in row.refused["en"]
    forget_spec(shop.state, "never")
    assert [x.name for x in stored_specs(shop.state)] == ["cart"]
    with pytest.raises(NotFoundError, match="no propensity model 'never'"):
        forget_spec(shop.state, "never")
    with pytest.raises(NotFoundError, match="no propensity model 'never'"):
        stored_row(shop.state, "never")


def test_a_feature_that_sees_the_future_is_found(shop: Any) -> None:
    past = past_rows(shop, asked(), AS_OF, names=FEW)
    data, _ = training_rows(past, asked())
    assert time_findings(shop, past, data, 7) == []
    at = past.rows.column_names.index("orders_life")
    ahead = pc.add(past.rows["orders_life"], 1)
    spoiled = type(past)(past.windows, past.rows.set_column(at, "orders_life", ahead), past.outcome)
    found = time_findings(shop, spoiled, data, 7)
    assert [(x.kind, x.column) for x in found] == [("changes_without_future", "orders_life")]


def test_purchases_count_orders_of_the_condition(shop: Any) -> None:
    def positives(**target: Any) -> int:
        spec = asked(target={"kind": "purchase", **target})
        return int(past_rows(shop, spec, AS_OF, names=["first_seen_days"]).outcome.sum())

    lines = shop.tables.run(shop.tables.table(PURCHASE_LINES).select("category"))
    category = lines["category"][0].as_py()
    every = positives()
    assert 0 < positives(where={"category": category}) <= every
    assert 0 < positives(at_least=2) < every


def test_a_rule_that_becomes_true_speaks_of_those_for_whom_it_is_not(shop: Any) -> None:
    rule = {"kind": "rule", "rule": "recency_days > 30"}
    spec = asked(target=rule, audience="orders_life >= 1")
    past = past_rows(shop, spec, AS_OF, names=["recency_days"])
    recency = np.asarray(past.rows["recency_days"].to_pylist(), dtype=float)
    assert recency.max() <= 30
    # nobody more than 16 days old can fail to be judged: 14 days later they are at most 44
    assert past.outcome.any()
    assert not past.outcome.all()
    now = current_rows(shop, spec, AS_OF, names=["recency_days"])
    assert pc.max(now["recency_days"]).as_py() <= 30


def test_the_audience_and_the_excluded_stay_out(shop: Any) -> None:
    everyone = current_rows(shop, asked(), AS_OF, names=["orders_life"])
    first = everyone["customer_id"][0].as_py()
    spec = asked(audience="orders_life >= 2", exclude_customers=[first])
    some = current_rows(shop, spec, AS_OF, names=["orders_life"])
    assert pc.min(some["orders_life"]).as_py() >= 2
    assert first not in some["customer_id"].to_pylist()


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"target": {"kind": "event", "event": "danced"}}, NotFoundError, "no customer ever did 'danced'"),
        ({"audience": "churn.risk >= 7"}, RuleError, "'churn.risk' is known for now only"),
        ({"exclude": ["orders_lif"]}, InputError, "exclude: there is no feature 'orders_lif'"),
        ({"exclude": feature_names()}, InputError, "every feature is excluded"),
        ({"horizon_days": 190}, NotEnoughDataError, "a horizon of 190 days needs 220 days of history"),
        ({"audience": "orders_life > 100000"}, NotEnoughDataError, "nobody was in the audience"),
        ({"target": {"kind": "event", "event": "add_to_cart", "where": {"brand": "x"}}}, InputError,
         "events carry no brand"),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_says_why(shop: Any, changes: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        plan_propensity(shop, asked(**changes), AS_OF)


def test_the_page_of_a_model_shows_its_report(shop: Any, trained: Trained) -> None:
    client = TestClient(create_app(shop), base_url="http://127.0.0.1")
    found = client.get("/api/v1/predict/propensity").json()["items"]
    assert "cart" in [x["name"] for x in found]
    page = client.get("/api/v1/predict/propensity/cart").json()
    assert page["status"] == "done"
    assert page["version"] == trained.version
    assert page["scored"] == 250
    report = page["report"]
    assert {x["method"] for x in report["figures"]} == {
        "shopkeeper", "base rate", "best single column", "logistic", "boosted"
    }  # fmt: skip
    assert report["gains"][-1]["captured"] == 1.0
    assert report["verdict"]["zh"] != report["verdict"]["en"]
    assert "_" not in report["importances"][0]["label"]["en"]
    options = client.get("/api/v1/predict/propensity/options").json()
    assert "product_added" in [x["value"] for x in options["events"]]
    assert options["features"][0]["label"]["zh"]


def test_an_empty_shop_says_so(tmp_path: Path) -> None:
    runtime = open_runtime(load_settings(flags={"store.folder": tmp_path}))
    with pytest.raises(NotEnoughDataError, match="no customer was ever seen"):
        now_of(runtime)
    with pytest.raises(NotEnoughDataError, match="no customer was ever seen"):
        plan_windows(runtime.tables, AS_OF, 7)
    runtime.close()


@pytest.mark.parametrize(
    ("definition", "words"),
    [
        ({"name": "Big Name", "target": {"kind": "purchase"}}, "name: use lower-case letters"),
        ({"name": "a", "target": {"kind": "event"}}, "needs the kind of event"),
        ({"name": "a", "target": {"kind": "rule"}}, "needs a rule"),
        ({"name": "a", "target": {"kind": "purchase", "event": "x"}}, "kind purchase has no event"),
        ({"name": "a", "target": {"kind": "purchase", "rule": "x"}}, "kind purchase has no rule"),
        ({"name": "a", "target": {"kind": "purchase", "where": {"size": "1"}}}, "unknown condition size"),
        ({"name": "a", "target": {"kind": "purchase"}, "horizon_days": 0}, "horizon_days"),
    ],
)  # fmt: skip
def test_a_definition_that_is_none_is_refused(definition: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        spec_of(definition)


def test_definitions_are_read_from_files(tmp_path: Path) -> None:
    file = tmp_path / "cart.yaml"
    file.write_text("name: cart\nhorizon_days: 14\ntarget: {kind: event, event: add_to_cart}\n")
    assert read_spec(file) == asked(exclude=())
    with pytest.raises(InputError, match="cannot be read as YAML or JSON"):
        read_spec(tmp_path / "none.yaml")


def test_the_command_line_asks_for_exactly_one_target(tmp_path: Path) -> None:
    words = ["learn", "new", "--name", "a", "--shop", str(tmp_path)]
    done = CliRunner().invoke(app, words)
    assert isinstance(done.exception, InputError)
    assert "exactly one of" in str(done.exception)
    done = CliRunner().invoke(app, [*words, "--purchase", "--where", "brand"])
    assert "has no '='" in str(done.exception)


def test_the_command_line_plans(shop: Any) -> None:
    folder = str(shop.settings.store.folder)
    words = ["learn", "new", "--name", "b", "--purchase", "--horizon", "14", "--plan", "--json"]
    done = CliRunner().invoke(app, [*words, "--shop", folder, "--as-of", f"{AS_OF:%Y-%m-%d}"])
    assert done.exit_code == 0, done.output
    plan = json.loads(done.output)
    assert len(plan["windows"]) == 4
    assert "购买" in plan["sentence"]["zh"]
