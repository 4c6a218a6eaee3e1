from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from shopkeeper.core.errors import (
    InputError,
    LeakageError,
    NotEnoughDataError,
    PlanError,
    SourceError,
)
from shopkeeper.core.tables import SCORES
from shopkeeper.predict.calibrate import auc, calibration_error
from shopkeeper.predict.cards import ModelCard
from shopkeeper.predict.churn.features import bought_within, feature_rows
from shopkeeper.predict.churn.model import METHODS, ChurnModel
from shopkeeper.predict.churn.train import risk_score, score_churn, train_churn
from shopkeeper.predict.explain import explained, render
from shopkeeper.predict.history import DAY_US, External, Question, read_history
from shopkeeper.predict.split import plan_cutoffs

HORIZON = 100


@pytest.fixture(scope="module")
def run(simulated, as_of_us):
    return train_churn(simulated, as_of_us, HORIZON, seed=3)


@pytest.fixture(scope="module")
def scored(run, simulated, as_of_us):
    return score_churn(run, simulated, as_of_us, model_version="v1")


def _truth(table: pa.Table, ids: pa.ChunkedArray, as_of_us: int) -> np.ndarray:
    history = read_history(table)
    code = pc.index_in(ids, history.customers).to_numpy().astype(np.int64)
    return bought_within(history, code, as_of_us, HORIZON)[0] == 0


def test_features_by_hand():
    orders = pa.table(
        {
            "customer_id": ["a", "a", "a", "b"],
            "ts_us": [0, 10 * DAY_US, 40 * DAY_US, 45 * DAY_US],
            "amount_minor": [1000, 2000, 6000, 500],
        }
    )
    rows = feature_rows(read_history(orders), 50 * DAY_US, 30)
    expected = {
        "days_since_last": [9, 4],
        "age_days": [49, 4],
        "purchases": [3, 1],
        "mean_gap_days": [20, np.nan],
        "last_gap_days": [30, np.nan],
        "longest_gap_days": [30, np.nan],
        "purchases_30d": [1, 1],
        "amount_90d": [9000, 500],
        "amount_mean": [3000, 500],
        "amount_last": [6000, 500],
        "amount_trend": [2, 1],
    }
    for name, values in expected.items():
        np.testing.assert_allclose(rows.column(name), values, err_msg=name)


def test_no_feature_sees_past_its_moment(simulated, as_of_us):
    past = simulated.filter(pc.less(simulated["ts_us"], as_of_us))
    # the same past with a different future: everything after the moment doubled and moved
    future = simulated.filter(pc.greater_equal(simulated["ts_us"], as_of_us))
    moved = future.set_column(1, "ts_us", pc.add(future["ts_us"], 5 * DAY_US))
    rows = [
        feature_rows(read_history(table), as_of_us, HORIZON)
        for table in (past, simulated, pa.concat_tables([past, moved, moved]))
    ]
    ids = [
        read_history(t).customers.take(pa.array(r.code)).to_pylist()
        for t, r in zip(
            (past, simulated, pa.concat_tables([past, moved, moved])), rows, strict=True
        )
    ]
    assert ids[0] == ids[1] == ids[2]
    for other in rows[1:]:
        np.testing.assert_array_equal(rows[0].matrix, other.matrix)


def test_a_leak_would_show_and_ours_does_not(simulated, as_of_us, scored):
    history = read_history(simulated)
    rows = feature_rows(history, as_of_us, HORIZON)
    bought = bought_within(history, rows.code, as_of_us, HORIZON)[0] > 0
    # features not cut at the moment know the answer
    uncut = feature_rows(history, as_of_us + HORIZON * DAY_US, HORIZON)
    seen = uncut.matrix[np.searchsorted(uncut.code, rows.code)]
    leaky = -seen[:, list(uncut.names).index("days_since_last")]
    assert auc(bought, leaky) > 0.999
    for at, name in enumerate(rows.names):
        area = auc(bought, np.nan_to_num(rows.matrix[:, at], nan=-1.0))
        assert max(area, 1 - area) < 0.9, name
    churned = _truth(simulated, scored["customer_id"], as_of_us)
    assert auc(churned, scored["value"].to_numpy()) < 0.95


def test_it_ranks_better_than_p_alive_and_is_calibrated(simulated, as_of_us, run, scored):
    churned = _truth(simulated, scored["customer_id"], as_of_us)
    risk = scored["value"].to_numpy()
    question = Question(read_history(simulated), as_of_us, HORIZON)
    said = run.model.probabilities(run.model.rows(question))
    assert auc(churned, risk) > auc(churned, 1 - said["p_alive"])
    assert auc(churned, risk) > auc(churned, 1 - said["recency"]) - 0.005
    assert calibration_error(churned, risk) < 0.05


def test_scores_are_rows_of_the_contract(scored):
    assert scored.schema.equals(SCORES.arrow_schema)
    value, risk = scored["value"].to_numpy(), scored["risk"].to_numpy()
    np.testing.assert_array_equal(risk, risk_score(value))
    bands = np.array(scored["band"].to_pylist())
    assert set(bands[risk >= 7]) <= {"high"}
    assert set(bands[risk <= 3]) <= {"low"}
    assert set(bands[(risk > 3) & (risk < 7)]) <= {"middle"}


def test_reasons_are_sentences_in_both_languages(scored):
    for text in scored["reasons"].to_pylist()[:200]:
        reasons = explained(text)
        assert 1 <= len(reasons) <= 3
        for reason in reasons:
            assert "{" not in reason["zh"] + reason["en"]
            assert reason["direction"] == ("up" if reason["weight"] > 0 else "down")
    silent = [t for t in scored["reasons"].to_pylist() if "days_since_last" in t]
    assert any("未购买" in " ".join(render(t, "zh")) for t in silent)


def test_contributions_add_up_to_the_score_but_for_a_constant(run, simulated, as_of_us):
    rows = run.model.rows(Question(read_history(simulated), as_of_us, HORIZON))
    said = run.model.margins(rows)
    for method in ("stack", "logistic", "boosted", "hazard"):
        model = ChurnModel(method)
        model._learned = replace(run.model.learned, method=method)
        model._trees = run.model._trees
        _, added = model.contributions(rows)
        churn = -np.log(said[method] / (1 - said[method]))
        assert np.ptp(added.sum(axis=1) - churn) < 1e-6, method


def test_a_customer_without_purchases_gets_the_overall_share(run, simulated, as_of_us):
    table = score_churn(run, simulated, as_of_us, model_version="v1", customers=["new", "c00001"])
    row = next(row for row in table.to_pylist() if row["customer_id"] == "new")
    assert row["value"] == pytest.approx(1 - run.model.learned.bought_share)
    assert (row["band"], row["risk"]) == (None, None)
    assert render(row["reasons"], "zh") == ["没有购买记录，给出总体平均值"]


def test_one_customer_scores_as_in_the_batch(run, simulated, as_of_us, scored):
    one = score_churn(run, simulated, as_of_us, model_version="v1", customers=["c00007"])
    batch = scored.filter(pc.equal(scored["customer_id"], "c00007"))
    assert one["value"].to_pylist() == pytest.approx(batch["value"].to_pylist())


def test_the_card_says_what_was_said_and_seen_and_what_counts(run):
    card = ModelCard.from_json(run.card.to_json())
    assert card == run.card
    past = run.model.rehearsal
    assert (card.test_from_us, card.test_to_us) == (past.cutoff.as_of_us, past.cutoff.end_us)
    assert card.test_to_us <= run.card.as_of_us
    assert len(card.calibration) == 10
    assert sum(part.n for part in card.calibration) == len(past.bought)
    said = [part.predicted for part in card.calibration]
    assert said == sorted(said)
    seen = sum(part.observed * part.n for part in card.calibration)
    assert seen == pytest.approx((~past.bought).sum())
    assert sum(card.importances.values()) == pytest.approx(1.0)
    assert set(card.importances) <= set(card.features)
    assert "检验" in card.protocol_zh


def test_the_card_holds_ours_beside_the_baselines(run):
    methods = {figure.method for figure in run.card.figures}
    assert set(METHODS) == methods
    chosen = run.model.learned.method
    assert 0.7 < run.card.figure(chosen, "calibration_slope") < 1.4
    assert any(figure.slice == "purchases=1" for figure in run.card.figures)
    chosen = run.model.learned.method
    ours = [f for f in run.card.figures if f.method == chosen and f.metric == "auc" and not f.slice]
    assert ours[0].low < ours[0].value < ours[0].high
    again = ModelCard.from_json(run.card.to_json())
    assert again.to_json() == run.card.to_json()
    assert run.card.intended_zh
    assert run.card.intended_en


def test_external_columns_are_aligned_by_customer_and_used(simulated, as_of_us):
    history = read_history(simulated)
    moments = [c.as_of_us for c in plan_cutoffs(int(history.ts_us.min()), as_of_us, HORIZON)]
    ids = history.customers.to_pylist()
    blocks, random = [], np.random.default_rng(4)
    for moment in [*moments, as_of_us]:
        answer = bought_within(history, np.arange(len(ids)), moment, HORIZON)[0] > 0
        hint = answer * 1.0 + random.normal(0.0, 0.6, len(ids))
        blocks.append(External(["hint"], moment, ids[::-1], hint[::-1, None]))
    run = train_churn(simulated, as_of_us, HORIZON, features=blocks, seed=1)
    table = score_churn(run, simulated, as_of_us, model_version="v", features=blocks, reasons=False)
    churned = _truth(simulated, table["customer_id"], as_of_us)
    plain = score_churn(run.model, simulated, as_of_us, model_version="v", features=blocks)
    assert auc(churned, plain["value"].to_numpy()) > 0.9
    with pytest.raises(SourceError, match="reads columns that are not given: hint"):
        score_churn(run, simulated, as_of_us, model_version="v")
    with pytest.raises(InputError, match="external features were computed for"):
        feature_rows(history, as_of_us, HORIZON, external=replace(blocks[-1], as_of_us=7))


def test_a_column_that_knows_the_outcome_is_refused_by_name(simulated, as_of_us):
    history = read_history(simulated)
    moments = [c.as_of_us for c in plan_cutoffs(int(history.ts_us.min()), as_of_us, HORIZON)]
    ids = history.customers.to_pylist()
    blocks = []
    for moment in [*moments, as_of_us]:
        answer = bought_within(history, np.arange(len(ids)), moment, HORIZON)[0] > 0
        blocks.append(External(["oracle"], moment, ids, answer[:, None].astype(float)))
    with pytest.raises(LeakageError, match="'oracle'"):
        train_churn(simulated, as_of_us, HORIZON, features=blocks, seed=1)


def test_bad_input_says_what_is_missing(simulated, as_of_us):
    with pytest.raises(NotEnoughDataError, match="no orders before the moment"):
        train_churn(simulated.slice(0, 0), as_of_us, HORIZON)
    few = simulated.filter(pc.less(simulated["customer_id"], "c00020"))
    with pytest.raises(NotEnoughDataError, match="at least 50 customers"):
        train_churn(few, as_of_us, HORIZON)
    with pytest.raises(NotEnoughDataError, match="span 10 days"):
        train_churn(simulated, 10 * DAY_US, HORIZON)
    daily = pa.table(
        {
            "customer_id": np.repeat([f"c{i}" for i in range(60)], 100),
            "ts_us": np.tile(np.arange(100) * DAY_US, 60),
            "amount_minor": np.full(6000, 100),
        }
    )
    with pytest.raises(NotEnoughDataError, match="customers bought and 0 did not"):
        train_churn(daily, 100 * DAY_US, 30)
    with pytest.raises(NotEnoughDataError, match="no purchase before the moment"):
        feature_rows(read_history(simulated), -DAY_US, HORIZON)


def test_an_unfitted_model_and_an_empty_folder_are_refused(tmp_path):
    with pytest.raises(PlanError, match="'churn' is not fitted"):
        _ = ChurnModel().learned
    with pytest.raises(SourceError, match="holds no churn model"):
        ChurnModel.load(tmp_path)


@pytest.mark.slow
def test_cdnow_is_ranked_and_calibrated_as_published(reference):
    from datetime import UTC, datetime

    lines = (reference / "cdnow" / "CDNOW_master.txt").read_text().splitlines()[1:]
    rows = [line.split() for line in lines if line.strip()]
    moments = [datetime.strptime(row[1], "%Y%m%d").replace(tzinfo=UTC).timestamp() for row in rows]
    table = pa.table(
        {
            "customer_id": [row[0] for row in rows],
            "ts_us": np.array(moments, dtype=np.int64) * 1_000_000,
            "amount_minor": [round(float(row[3]) * 100) for row in rows],
        }
    )
    as_of_us = 10_135 * DAY_US
    past = table.filter(pc.less(table["ts_us"], as_of_us))
    model = ChurnModel().fit(Question(read_history(past), as_of_us, 273.0), seed=7)
    code, risk = model.predict(Question(read_history(table), as_of_us, 273.0))
    churned = bought_within(read_history(table), code, as_of_us, 273.0)[0] == 0
    assert auc(churned, risk) >= 0.772
    assert np.mean((risk - churned) ** 2) <= 0.1583
    assert calibration_error(churned, risk) <= 0.02
