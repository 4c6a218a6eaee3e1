"""Propensity on simulated tables whose chances are known, and on everything that is wrong."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest
from scipy.special import expit, logit

from shopkeeper.core.errors import (
    InputError,
    LeakageError,
    NotEnoughDataError,
    PlanError,
    SourceError,
    TooLargeError,
)
from shopkeeper.predict.calibrate import auc
from shopkeeper.predict.explain import explained
from shopkeeper.predict.propensity.learn import out_of_fold
from shopkeeper.predict.propensity.learners import Settings
from shopkeeper.predict.propensity.model import PropensityModel
from shopkeeper.predict.propensity.parse import as_outcome
from shopkeeper.predict.propensity.reasons import reasons_of
from shopkeeper.predict.propensity.report import gains_of
from shopkeeper.predict.propensity.rows import TrainingRows, folds_of
from shopkeeper.predict.propensity.table import plan_layout
from shopkeeper.predict.propensity.train import Protocol, train_propensity, tuned

DAY_US = 86_400_000_000
CITIES = np.array(["Berlin", "Bern", "Lyon", "Oslo", "Rome"])
PULL = np.array([-1.0, -0.4, 0.0, 0.4, 1.0])


QUICK = Settings(trees=32, learning_rate=0.15)


def customers(seed: int, rows: int = 900) -> tuple[pa.Table, np.ndarray]:
    """A mixed table and the true chance of each row."""
    random = np.random.default_rng(seed)
    visits = random.poisson(5.0, rows)
    spend = random.gamma(1.5, 40.0, rows)
    city = random.integers(0, 5, rows)
    member = random.random(rows) < 0.4
    joined = random.integers(0, 700, rows)
    margin = -2.6 + 0.25 * visits + 0.006 * spend + PULL[city] + 0.5 * member - 0.001 * joined
    chance = expit(margin)
    happened = random.random(rows) < chance
    unknown = random.random(rows) < 0.1
    table = pa.table(
        {
            "customer": [f"c{seed}-{i:05d}" for i in range(rows)],
            "visits": visits,
            "spend": pa.array(np.where(unknown, np.nan, spend), from_pandas=True),
            "spend_text": [
                f" {x:.2f}" if not gap else " " for x, gap in zip(spend, unknown, strict=True)
            ],
            "city": CITIES[city],
            "member": member,
            "joined": [date(2025, 12, 31) - timedelta(days=int(x)) for x in joined],
            "noise": random.normal(size=rows),
            "constant": np.ones(rows),
            "empty": pa.nulls(rows, pa.float64()),
            "bought": np.where(happened, "yes", "no"),
        }
    )
    return table, chance


def rows_of(table: pa.Table, *exclude: str, layout=None) -> TrainingRows:
    outcome, _ = as_outcome(table["bought"], "bought")
    layout = layout or plan_layout(table, exclude=["bought", *exclude])
    return TrainingRows(layout.read(table), outcome)


@pytest.fixture(scope="module")
def known() -> tuple[pa.Table, np.ndarray]:
    return customers(1)


@pytest.fixture(scope="module")
def model(known) -> PropensityModel:
    return PropensityModel(QUICK).fit(rows_of(known[0]), seed=3)


@pytest.fixture(scope="module")
def run(known):
    data = rows_of(known[0])
    return train_propensity(
        data, name="test", as_of_us=9 * DAY_US, horizon_days=30, seed=3, settings=QUICK
    )


def test_columns_are_read_for_what_they_are(model: PropensityModel) -> None:
    kinds = {x.name: x.kind for x in model.layout.columns}
    assert kinds == {
        "visits": "number", "spend": "number", "spend_text": "number", "noise": "number",
        "joined": "date", "city": "category", "member": "category",
    }  # fmt: skip
    assert model.layout.dropped == {
        "bought": "excluded", "customer": "id", "constant": "constant", "empty": "empty"
    }  # fmt: skip


def test_chances_come_near_the_true_ones(model: PropensityModel) -> None:
    later, chance = customers(2, rows=3_000)
    said = model.predict(model.layout.read(later))
    happened = rows_of(later, layout=model.layout).outcome
    best = auc(happened, chance)
    assert auc(happened, said) > best - 0.03
    assert abs(float(said.mean() - chance.mean())) < 0.03
    assert float(np.corrcoef(logit(said), logit(chance))[0, 1]) > 0.85


def test_parts_add_up_to_the_score(model: PropensityModel) -> None:
    sheet = model.layout.read(customers(4, rows=200)[0])
    parts = model.contributions(sheet)
    total = parts.base + parts.parts.sum(axis=1) + parts.calibration
    np.testing.assert_allclose(total, logit(model.predict(sheet)), atol=1e-9)
    # a straight calibration is part of the parts
    np.testing.assert_allclose(parts.calibration, 0.0, atol=1e-9)
    assert parts.parts.shape == (200, len(model.layout.columns))


def test_reasons_name_the_word_of_a_category(model: PropensityModel) -> None:
    rome, bern = (pa.table({"visits": [3], "city": [x]}) for x in ("Rome", "Bern"))
    told = [
        explained(reasons_of(model, model.layout.read(x), top=9)[0].as_py()) for x in (rome, bern)
    ]
    weight = [{x["code"]: x["weight"] for x in one} for one in told]
    assert weight[0]["city=Rome"] > 0.3
    assert weight[1]["city=Bern"] < 0
    assert "city is Rome" in [x["en"] for x in told[0]]


def test_unseen_words_and_absent_columns_count_as_unknown(model: PropensityModel) -> None:
    odd = pa.table({"visits": [5, 5], "city": ["Atlantis", None]})
    said = model.predict(model.layout.read(odd))
    assert said[0] == said[1]
    assert 0.05 < said[0] < 0.95


def test_the_report_is_taken_on_rows_not_learned_from(run) -> None:
    card, report = run.card, run.report
    assert 0.66 < card.figure("shopkeeper", "auc") < 0.9
    assert card.figure("base rate", "auc") == 0.5
    assert card.figure("best single column", "auc") < card.figure("shopkeeper", "auc")
    assert report["useful"]
    assert report["gains"][-1]["captured"] == 1.0
    assert report["leakage"]["findings"] == []
    assert "shuffled_outcome_learned" in report["leakage"]["checks"]
    assert sum(x.n for x in card.calibration) == report["test_rows"] == 900
    (area,) = (x for x in card.figures if (x.method, x.metric) == ("shopkeeper", "auc"))
    assert area.low < area.value < area.high


def test_a_later_test_window_is_kept_apart(known) -> None:
    data = rows_of(known[0])
    test = np.arange(900) >= 600
    protocol = Protocol(test=test, moments=np.where(test, 60, 10) * DAY_US, horizon_us=30 * DAY_US)
    spoiled = TrainingRows(data.sheet, data.outcome.copy())
    done = train_propensity(
        spoiled, name="t", as_of_us=100 * DAY_US, horizon_days=30, protocol=protocol, settings=QUICK
    )
    assert (done.report["train_rows"], done.report["test_rows"]) == (600, 300)
    assert done.card.test_from_us == 60 * DAY_US
    assert done.card.test_to_us == 90 * DAY_US


def test_word_rates_never_read_their_own_row() -> None:
    # 300 words on 600 rows and an outcome of pure chance: read in sample they would tell it
    random = np.random.default_rng(6)
    table = pa.table({
        "shop": [f"s{x}" for x in random.integers(0, 150, 600)], "noise": random.normal(size=600),
        "bought": np.where(random.random(600) < 0.5, "yes", "no"),
    })  # fmt: skip
    data = rows_of(table)
    unseen = out_of_fold(data, QUICK, 1)
    assert max(auc(data.outcome, x) for x in unseen.trees.values()) < 0.57


def test_equal_rows_are_always_in_one_fold(known) -> None:
    twice = pa.concat_tables([known[0], known[0]])
    fold = folds_of(rows_of(twice), 5, 1)
    np.testing.assert_array_equal(fold[:900], fold[900:])
    assert len(np.unique(fold)) == 5


def test_heavy_duplicates_do_not_flatter() -> None:
    random = np.random.default_rng(8)
    matrix = random.normal(size=(150, 8))
    outcome = random.random(150) < 0.5
    at = random.integers(0, 150, 900)
    table = pa.table({f"x{i}": matrix[at, i] for i in range(8)} | {"bought": outcome[at]})
    done = train_propensity(rows_of(table), name="t", as_of_us=0, horizon_days=1, settings=QUICK)
    assert done.card.figure("shopkeeper", "auc") < 0.62
    assert not done.report["useful"]


def test_tuning_is_repeatable_and_never_far_off(known) -> None:
    pytest.importorskip("optuna")
    data = rows_of(known[0].slice(0, 200))
    one = tuned(data, Protocol(), trials=1, seconds=60, seed=4)
    assert tuned(data, Protocol(), trials=1, seconds=60, seed=4) == one
    assert tuned(data, Protocol(), trials=0, seconds=60) == Settings()


def test_gains_count_ties_against_us() -> None:
    part = gains_of(np.array([True] * 10 + [False] * 90), np.full(100, 0.1))
    assert part[1]["captured"] == 0.0  # the best 10 % of equal scores: the unlucky ones
    assert part[-1]["lift"] == 1.0


def test_ten_customers_are_too_few() -> None:
    data = rows_of(customers(1)[0].slice(0, 10))
    with pytest.raises(NotEnoughDataError, match="10 customers are known, 40 more are needed"):
        PropensityModel().fit(data)


@pytest.mark.parametrize(("word", "which"), [("no", "with"), ("yes", "without")])
def test_one_outcome_cannot_be_learned(known, word: str, which: str) -> None:
    table = known[0].set_column(10, "bought", pa.array([word] * 900))
    with pytest.raises(NotEnoughDataError, match=f"0 of 900 customers are {which} the outcome, 10"):
        train_propensity(rows_of(table), name="t", as_of_us=0, horizon_days=1)


def test_few_outcomes_widen_the_interval(known) -> None:
    yes = np.flatnonzero(rows_of(known[0]).outcome)[:25]
    no = np.flatnonzero(~rows_of(known[0]).outcome)[:200]
    data = rows_of(known[0].take(pa.array(np.concatenate([yes, no]))))
    report = train_propensity(data, name="t", as_of_us=0, horizon_days=1, settings=QUICK).report
    assert "holds only 25 of the rarer outcome" in report["notes"][0]["en"]
    assert "25" in report["notes"][0]["zh"]


def test_the_target_among_the_features_is_refused_by_name(known) -> None:
    outcome = rows_of(known[0]).outcome
    table = known[0].append_column("order_total", pa.array(outcome * 99.5))
    with pytest.raises(LeakageError, match="column 'order_total' is the outcome under another"):
        train_propensity(rows_of(table), name="t", as_of_us=0, horizon_days=1)
    assert "order_total" not in rows_of(table, "order_total").sheet.layout.names


def test_copies_across_a_given_split_are_refused(known) -> None:
    data = rows_of(pa.concat_tables([known[0], known[0].slice(0, 200)]))
    test = np.arange(1_100) >= 850
    with pytest.raises(LeakageError, match="the same rows are in training and test"):
        train_propensity(data, name="t", as_of_us=0, horizon_days=1, protocol=Protocol(test=test))


def test_a_test_without_either_outcome_is_refused(known) -> None:
    data = rows_of(known[0])
    protocol = Protocol(test=np.cumsum(~data.outcome) <= 5)
    protocol = Protocol(test=protocol.test & ~data.outcome)
    with pytest.raises(NotEnoughDataError, match="test window has no customer with the outcome"):
        train_propensity(data, name="t", as_of_us=0, horizon_days=1, protocol=protocol)


def test_a_moment_in_the_future_is_refused(known) -> None:
    protocol = Protocol(moments=np.full(900, 5))
    with pytest.raises(InputError, match="row 1 has a moment after the moment of training"):
        train_propensity(rows_of(known[0]), name="t", as_of_us=4, horizon_days=1, protocol=protocol)


def test_dates_in_the_future_are_refused(known) -> None:
    moment = int(np.datetime64("2025-06-01", "us").astype(np.int64))
    with pytest.raises(InputError, match="column 'joined' holds dates after the moment"):
        plan_layout(known[0], reference_us=moment)


@pytest.mark.parametrize("wrong", [np.nan, -1.0])
def test_weights_that_are_none_are_refused(known, wrong: float) -> None:
    data = rows_of(known[0])
    weight = np.ones(900)
    weight[4] = wrong
    with pytest.raises(InputError, match="the weight of row 5 is"):
        PropensityModel().fit(TrainingRows(data.sheet, data.outcome, None, weight))


def test_nothing_to_learn_from_is_refused(known) -> None:
    table = known[0].select(["customer", "constant", "empty", "bought"])
    with pytest.raises(InputError, match="no column is left to learn from"):
        PropensityModel().fit(rows_of(table))


def test_outcomes_that_are_no_outcome_are_refused(known) -> None:
    with pytest.raises(InputError, match="has 5 different values, not two"):
        as_outcome(known[0]["city"], "city")
    with pytest.raises(InputError, match=r"row 2 has no value in the outcome column 'b' \(1 rows"):
        as_outcome(pa.chunked_array([["yes", None, "no"]]), "b")
    with pytest.raises(InputError, match="there is no column 'nobody' to exclude"):
        plan_layout(known[0], exclude=["nobody"])


@pytest.mark.parametrize(
    ("values", "yes"),
    [([0, 1, 0], "1"), (["No", "Yes", "No"], "yes"), (["stay", "leave", "stay"], "leave"),
     ([True, False, False], "true")],
)  # fmt: skip
def test_outcomes_speak_many_languages(values: list, yes: str) -> None:
    outcome, word = as_outcome(pa.chunked_array([values]), "y")
    assert word == yes
    assert int(outcome.sum()) == 1


def test_too_large_is_refused_before_it_starts(known) -> None:
    with pytest.raises(TooLargeError, match=r"training the model needs about .* rows fit"):
        PropensityModel(limit_mb=0).fit(rows_of(known[0]))


def test_days_in_mixed_writing_are_read() -> None:
    table = pa.table({"d": ["4/9/2012", "21-08-2013", "8/3/2014", None], "x": [1.0, 2.0, 3.0, 5.0]})
    layout = plan_layout(table)
    (day,) = (x for x in layout.columns if x.name == "d")
    assert day.kind == "date"
    assert np.isnan(layout.read(table).values[3, 0])


def test_before_fitting_and_broken_folders(tmp_path) -> None:
    with pytest.raises(PlanError, match="'propensity' is not fitted"):
        _ = PropensityModel().learned
    with pytest.raises(PlanError, match="'propensity' is not fitted"):
        _ = PropensityModel().layout
    with pytest.raises(SourceError, match="holds no propensity model"):
        PropensityModel.load(tmp_path)
