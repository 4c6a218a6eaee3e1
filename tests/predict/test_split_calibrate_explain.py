from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from shopkeeper.core.errors import InputError, NotEnoughDataError, NotFoundError, PlanError
from shopkeeper.predict import contract
from shopkeeper.predict.calibrate import (
    Calibrator,
    auc,
    average_precision,
    brier,
    calibration_error,
    fit_calibrator,
    log_loss,
)
from shopkeeper.predict.churn import model as _churn  # noqa: F401 - registers
from shopkeeper.predict.explain import TEMPLATES, explained, render, store_reasons
from shopkeeper.predict.history import DAY_US
from shopkeeper.predict.split import customer_folds, plan_cutoffs
from shopkeeper.predict.value import model as _value  # noqa: F401 - registers


@pytest.mark.parametrize(("span", "horizon"), [(40, 90), (273, 273), (400, 90), (3000, 30)])
def test_no_truth_window_reaches_past_the_present(span: int, horizon: int):
    for cutoff in plan_cutoffs(0, span * DAY_US, horizon):
        assert cutoff.as_of_us > 0
        assert cutoff.as_of_us + cutoff.horizon_days * DAY_US <= span * DAY_US + 1
        assert cutoff.horizon_days <= horizon


def test_a_history_of_less_than_four_weeks_is_refused():
    with pytest.raises(NotEnoughDataError, match="orders span 20 days"):
        plan_cutoffs(0, 20 * DAY_US, 30)


def test_a_customer_is_in_one_fold_whatever_the_row_order():
    code = np.array([5, 9, 5, 7, 9])
    folds = customer_folds(code, 3, seed=1)
    assert folds[0] == folds[2]
    assert folds[1] == folds[4]
    sizes = np.bincount(customer_folds(np.arange(30_000), 3, seed=1))
    assert sizes == pytest.approx([10_000] * 3, rel=0.03)
    assert (customer_folds(np.arange(50), 3, 1) != customer_folds(np.arange(50), 3, 2)).any()


def test_figures_equal_scikit_learn():
    random = np.random.default_rng(4)
    score = np.round(random.random(500), 2)  # ties included
    outcome = random.random(500) < score
    assert auc(outcome, score) == pytest.approx(roc_auc_score(outcome, score))
    assert average_precision(outcome, score) == pytest.approx(
        average_precision_score(outcome, score)
    )
    assert np.isnan(auc(np.ones(3, dtype=bool), np.ones(3)))
    assert np.isnan(average_precision(np.zeros(3, dtype=bool), np.ones(3)))
    assert brier(np.array([True]), np.array([0.5])) == 0.25
    assert log_loss(np.array([True]), np.array([0.5])) == pytest.approx(np.log(2))


@pytest.mark.parametrize(("rows", "kind"), [(20_000, "isotonic"), (1_000, "platt")])
def test_calibration_repairs_a_distorted_score(rows: int, kind: str):
    random = np.random.default_rng(9)
    truth = random.uniform(0.05, 0.95, rows)
    outcome = random.random(rows) < truth
    distorted = truth**3 / (truth**3 + (1 - truth) ** 3)
    map_ = fit_calibrator(distorted, outcome)
    assert map_.kind == kind
    assert np.abs(map_(distorted) - truth).mean() < 0.03
    assert calibration_error(outcome, map_(distorted)) < calibration_error(outcome, distorted)
    assert (np.diff(map_(np.linspace(0, 1, 50))) >= 0).all()
    again = Calibrator.from_json(map_.to_json())
    np.testing.assert_array_equal(again(distorted), map_(distorted))


def test_every_template_reads_in_both_languages():
    for code in (*TEMPLATES, "a column from elsewhere"):
        for value in (0.5, None):
            for weight in (0.4, -0.4):
                import json

                text = json.dumps([{"code": code, "weight": weight, "value": value, "usual": 0.1}])
                for reason in explained(text):
                    assert "{" not in reason["zh"] + reason["en"]
                    assert reason["zh"]
                    assert reason["en"]


def test_the_sentence_of_a_long_pause():
    text = store_reasons(
        ["days_since_last"], np.array([[0.8]]), np.array([[92.0]]), np.array([31.0])
    )
    assert render(text[0].as_py(), "zh") == ["已 92 天未购买，是其通常间隔 31 天的 3 倍"]
    assert render(text[0].as_py(), "en") == ["no purchase for 92 days, 3× the usual 31-day gap"]


def test_weak_reasons_are_left_out_and_missing_values_are_said():
    weights = np.array([[0.5, 0.001], [0.0, 0.0]])
    values = np.array([[np.nan, 1.0], [1.0, 1.0]])
    stored = store_reasons(["last_gap_days", "purchases"], weights, values, np.array([3.0, 1.0]))
    assert len(explained(stored[0].as_py())) == 1
    assert "unknown" in render(stored[0].as_py(), "en")[0]
    assert render(stored[1].as_py(), "en") == []
    assert render(None, "en") == []


def test_unknown_language_and_broken_reasons_are_refused():
    with pytest.raises(NotFoundError, match="not written in 'fr'"):
        render("[]", "fr")
    with pytest.raises(InputError, match="stored reasons cannot be read"):
        render("{", "en")


def test_two_models_of_one_name_are_refused_and_unknown_ones_named():
    with pytest.raises(PlanError, match="two models are called 'churn'"):

        @contract.register
        class Impostor:
            task, name = "churn", "churn"

    with pytest.raises(NotFoundError, match="no model 'nothing' for task 'churn'"):
        contract.model_class("churn", "nothing")
    assert ("value", "value") in contract.registered("value")
