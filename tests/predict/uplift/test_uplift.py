from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from shopkeeper.core.errors import InputError, NotEnoughDataError, SourceError, TooLargeError
from shopkeeper.predict.uplift.arms import allocate
from shopkeeper.predict.uplift.bins import Binner
from shopkeeper.predict.uplift.curve import CurveSketch, exact_curve
from shopkeeper.predict.uplift.forest import ForestSettings, grow_forest
from shopkeeper.predict.uplift.groups import four_groups, spend_saved
from shopkeeper.predict.uplift.judge import (
    BLOCKS,
    OURS,
    RANDOM,
    Judged,
    seen_judge,
    tally,
    verdict,
)
from shopkeeper.predict.uplift.large import Chunk, curve_of_chunks, fit_chunks
from shopkeeper.predict.uplift.model import UpliftModel, thinned
from shopkeeper.predict.uplift.rules import best_column
from shopkeeper.predict.uplift.table import plan_encoder
from shopkeeper.predict.uplift.trial import Trial, check_trial
from shopkeeper.simulate.uplift import WORLDS, draw_large, draw_trial, world


def _trial(name: str = "step", seed: int = 11, rows: int = 2_000, **more) -> tuple[Trial, object]:
    drawn = draw_trial(world(name), seed, rows)
    names = tuple(f"x{i}" for i in range(drawn.matrix.shape[1]))
    return Trial(names, drawn.matrix, drawn.treated, drawn.outcome, **more), drawn


@pytest.fixture(scope="module")
def fitted() -> tuple[UpliftModel, tuple]:
    model = UpliftModel(ForestSettings(trees=20), folds=3)
    return model, model.fit_whole(_trial()[0], seed=3)


# --- worlds ----------------------------------------------------------------------------------------
def test_a_world_shows_its_own_effect():
    for spec in WORLDS:
        t = draw_trial(spec, 5, 20_000)
        seen = t.outcome[t.treated].mean() - t.outcome[~t.treated].mean()
        error = np.sqrt(sum(t.outcome[a].var() / a.sum() for a in (t.treated, ~t.treated)))
        assert abs(seen - t.effect.mean()) < 4.5 * error, spec.name
        assert abs(t.treated.mean() - spec.propensity) < 0.02


# --- curves ----------------------------------------------------------------------------------------
def test_the_curve_of_four_customers_by_hand():
    arm = np.array([True, False, True, False])
    y = np.array([1.0, 0.0, 0.0, 1.0])
    curve = exact_curve(np.array([4.0, 3.0, 2.0, 1.0]), arm, y)
    # After two: (1/1 - 0/1) * 2/4 = .5; after three: (1/2 - 0) * 3/4 = .375; after all 0.
    np.testing.assert_allclose(curve.uplift, [0, 0, 0.5, 0.375, 0])
    # Gains by treated customer (Radcliffe): 1/2, 1/2, then (1 - 1/2 * 2) / 2 = 0.
    np.testing.assert_allclose(curve.qini_gain, [0, 0, 0.5, 0.5, 0])
    assert curve.qini == pytest.approx((0.5 * 0.25 / 2) + 0.5 * 0.25 + 0.5 * 0.25 / 2)


def test_ties_gain_nothing():
    random = np.random.default_rng(1)
    arm, y = random.random(500) < 0.4, random.random(500)
    assert exact_curve(np.zeros(500), arm, y).qini == pytest.approx(0.0)


def test_a_truthful_ranking_beats_its_reverse():
    _, t = _trial(rows=8_000)
    up = exact_curve(t.effect, t.treated, t.outcome)
    down = exact_curve(-t.effect, t.treated, t.outcome)
    assert up.qini > 0.03 > -0.03 > down.qini
    assert up.uplift_at(0.3) > 0.6  # 31 % have an effect of .8


def test_a_sketch_of_chunks_equals_the_exact_curve_and_merges():
    random = np.random.default_rng(2)
    score = random.integers(0, 40, 4_000).astype(float)
    arm, y = random.random(4_000) < 0.3, random.random(4_000)
    whole, part = CurveSketch(np.arange(1, 40) - 0.5), CurveSketch(np.arange(1, 40) - 0.5)
    for target, rows in ((whole, slice(0, 1_500)), (part, slice(1_500, None))):
        block = random.integers(0, 100, len(score[rows])).astype(float)
        target.add(score[rows], arm[rows], y[rows], block)
    whole.merge(part)
    exact = exact_curve(score, arm, y)
    assert whole.curve().qini == pytest.approx(exact.qini, abs=1e-12)
    assert whole.curve().auuc == pytest.approx(exact.auuc, abs=1e-12)
    low, high = whole.interval(1, draws=60)
    assert low < exact.qini < high


# --- forest and model -------------------------------------------------------------------------------
def test_the_forest_finds_the_step():
    _, t = _trial(rows=4_000)
    binner = Binner.of(t.matrix)
    ones = np.ones(4_000)
    forest, unseen = grow_forest(
        binner.codes(t.matrix), binner, t.treated, t.outcome - t.baseline, ones,
        ForestSettings(trees=20), 1,
    )  # fmt: skip
    for said in (forest.predict(t.matrix), unseen):
        assert np.sqrt(np.mean((said - t.effect) ** 2)) < 0.4 * t.effect.std()


def test_binning_keeps_order_and_missing_values():
    values = np.array([[np.nan], [1.0], [2.0], [3.0]], dtype=np.float32)
    assert Binner.of(values).codes(values).ravel().tolist() == [0, 1, 2, 3]


def test_the_model_learns_who_is_changed(fitted):
    model, _ = fitted
    test = draw_trial(world("step"), 99, 3_000)
    said = model.predict(test.matrix)
    assert np.sqrt(np.mean((said - test.effect) ** 2)) < 0.6 * test.effect.std()
    learned = model.learned
    assert abs(learned.average - test.effect.mean()) < 4 * learned.average_error
    assert np.corrcoef(model.baseline(test.matrix), test.baseline)[0, 1] > 0.9


def test_without_an_effect_almost_nothing_is_claimed():
    trial, _ = _trial("no effect", rows=1_500)
    model = UpliftModel(ForestSettings(trees=6), folds=3).fit(trial, seed=1)
    said = model.predict(trial.matrix)
    assert said.std() < 0.06
    assert abs(model.learned.average) < 4 * model.learned.average_error


def test_answers_come_with_the_columns_of_the_training(fitted):
    model, _ = fitted
    with pytest.raises(InputError, match="reads 8 columns, the table has 3"):
        model.predict(np.zeros((2, 3), dtype=np.float32))


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(SourceError, match="holds no uplift model"):
        UpliftModel.load(tmp_path)


def test_baselines_stand_beside_ours(fitted):
    _, (shared, learned, whole) = fitted
    found = seen_judge(shared, learned, whole.unseen, 0.3)
    methods = {f.method for f in found.figures}
    assert {OURS, "s", "t", "x", "r", "dr", "forest", "response", "one_column", RANDOM} <= methods
    qini = {f.method: f for f in found.figures if f.metric == "qini"}
    assert qini[OURS].low > 0
    assert qini[OURS].value > qini["response"].value
    assert found.against["response"][1] > 0  # the paired interval agrees


def test_the_best_column_is_the_one_that_matters():
    trial, _ = _trial(rows=3_000)
    rule = best_column(trial)
    assert (rule.name, rule.sign) == ("x0", 1.0)


def test_paired_intervals_of_a_method_against_itself_are_zero():
    trial, drawn = _trial(rows=1_000)
    block = np.random.default_rng(0).integers(0, BLOCKS, 1_000).astype(float)
    one = tally(Judged(drawn.effect, drawn.effect > 0.3), trial, block, 0.3)
    assert verdict([{OURS: one, "same": one}], 1_000, 0.3, 1, 20).against["same"] == (0, 0, 0)


def test_thinning_keeps_what_is_rare_and_makes_up_for_the_rest():
    trial, _ = _trial("rare, 1 %", rows=10_000)
    some = thinned(trial, 2_000, 1)
    assert some.outcome.sum() == trial.outcome.sum()
    assert some.weights.sum() == pytest.approx(10_000, rel=0.05)


def test_chunks_are_learned_from_and_judged_on_rows_held_out():
    def chunks():
        for part in draw_large(20_000, 4, 5_000):
            yield Chunk(part.matrix, part.treated, part.outcome)

    names = tuple(f"x{i}" for i in range(12))
    forest = ForestSettings(trees=4, depth=4, sample=1.0, most_rows=8_000, least_rows=50)
    model = fit_chunks(chunks(), names, 20_000, seed=1, most=2_500, forest=forest)
    sketch = curve_of_chunks(model, chunks(), seed=1)
    assert model.rows + sketch.sums[..., :2].sum() == 20_000
    assert np.isfinite(sketch.curve().qini)
    with pytest.raises(TooLargeError, match="training uplift needs about"):
        fit_chunks(chunks(), names, 2_000_000_000, seed=1)


# --- groups and arms --------------------------------------------------------------------------------
def test_four_groups_and_the_spend_they_save():
    uplift = np.array([0.3, 0.2, 0.01, 0.01, -0.2])
    table = four_groups(uplift, np.array([0.1, 0.1, 0.9, 0.05, 0.2]), 0.05)
    assert [g.customers for g in table] == [2, 1, 1, 1]
    assert table[0].mean_uplift == pytest.approx(0.25)
    assert spend_saved(uplift, 0.05) == pytest.approx(0.15)
    assert four_groups(uplift[:2], np.zeros(2), 0.05)[3].customers == 0


def test_a_budget_goes_to_those_who_gain_most():
    random = np.random.default_rng(3)
    uplift = random.normal(0.5, 1.0, (60, 2))
    cost = [1.0, 0.4]
    free = allocate(uplift, cost, value=2.0)
    net = 2.0 * uplift - cost
    assert free.gain == pytest.approx(np.maximum(net.max(axis=1), 0).sum())
    tight = allocate(uplift, cost, value=2.0, budget=5.0)
    assert tight.spent <= 5.0 + 1e-9
    # Bound of the relaxed problem by its dual at any price.
    bound = min(
        5.0 * p + np.maximum((net - p * np.array(cost)).max(axis=1), 0).sum()
        for p in np.linspace(0, 20, 400)
    )
    assert bound * 0.95 <= tight.gain <= bound + 1e-9
    with pytest.raises(InputError, match="3 costs for 2 treatments"):
        allocate(uplift, [1, 1, 1])


# --- refusals ---------------------------------------------------------------------------------------
def _small(rows: int, treated: int) -> Trial:
    random = np.random.default_rng(1)
    arm = np.arange(rows) < treated
    x = random.normal(size=(rows, 2)).astype(np.float32)
    return Trial(("a", "b"), x, arm, random.normal(size=rows))


@pytest.mark.parametrize(
    ("trial", "words"),
    [
        (_small(2_000, 3), r"treated arm has 3 rows, 97 more are needed.*\(215 more would show"),
        (_small(10, 5), "has 5 rows, 95 more are needed"),
        (_small(500, 500), "all 500 rows are treated: there is no control row"),
    ],
)
def test_too_few_rows_are_refused_with_how_many_more(trial, words):
    with pytest.raises(NotEnoughDataError, match=words):
        UpliftModel().fit(trial)


def test_what_no_effect_can_be_learned_from_is_refused():
    base = _small(1_000, 500)
    odd = {
        "y": np.where(np.arange(1_000) == 2, np.nan, base.outcome),
        "w": np.where(np.arange(1_000) == 4, np.nan, 1.0),
        "e": np.where(np.arange(1_000) == 7, 1.0, 0.5),
        "few": (np.arange(1_000) % 90 == 0).astype(float),
        "x": np.where(np.arange(2_000).reshape(1_000, 2) == 2, np.inf, base.matrix),
    }
    none = np.empty((1_000, 0), np.float32)
    x, t, y = base.matrix, base.treated, base.outcome
    cases = [
        (Trial(("a", "b"), x, t, np.zeros(1_000)), NotEnoughDataError, "all 1000 outcomes are equal"),
        (Trial(("a", "b"), x, t, odd["few"]), NotEnoughDataError, "only 12 outcomes .* 8 more"),
        (Trial(("a", "b"), x, t, y, None, odd["w"]), InputError, "weight of row 5 is nan"),
        (Trial(("a", "b"), x, t, y, odd["e"]), NotEnoughDataError, "1 rows have a probability of"),
        (Trial(("a", "b"), x, t, odd["y"]), InputError, "outcome of row 3 is nan"),
        (Trial(("a", "b"), odd["x"].astype(np.float32), t, y), InputError, "'a' is infinite in row 2"),
        (Trial((), none, t, y), InputError, "no column to learn from"),
    ]  # fmt: skip
    for trial, error, words in cases:
        with pytest.raises(error, match=words):
            check_trial(trial)


def test_columns_that_tell_the_arm_are_refused():
    base = _small(1_000, 500)
    x = base.matrix.copy()
    x[:, 0] = base.treated
    with pytest.raises(NotEnoughDataError, match="the columns tell who was treated"):
        UpliftModel().fit(Trial(base.columns, x, base.treated, base.outcome))


# --- tables -----------------------------------------------------------------------------------------
def test_columns_measured_after_the_treatment_are_left_out_by_name():
    random = np.random.default_rng(4)
    n = 6_000
    arm = random.random(n) < 0.5
    visit = random.random(n) < 0.1 + 0.06 * arm
    bought = visit & (random.random(n) < 0.3)
    table = pa.table(
        {
            "history": random.gamma(2.0, 50.0, n), "zip": random.choice(["Urban", "Rural", "Sub"], n),
            "newbie": random.integers(0, 2, n), "visit": visit.astype(int),
            "basket_eur": np.where(bought, 40.0, 0.0), "pages_seen": visit * 3 + random.random(n),
            "mail": [f"m{i}" for i in range(n)], "seen_mail": arm & (random.random(n) < 0.2),
        }
    )  # fmt: skip
    encoder, left = plan_encoder(table, arm, bought.astype(float), ())
    assert sorted(encoder.columns) == ["history", "newbie", "zip=Rural", "zip=Sub", "zip=Urban"]
    why = {x.column: x.reason_en for x in left}
    assert set(why) == {"visit", "basket_eur", "pages_seen", "mail", "seen_mail"}
    assert "distributed differently between the arms" in why["visit"]
    assert "decides the outcome" in why["basket_eur"] or "differently" in why["basket_eur"]
    assert "like an identifier" in why["mail"]
    matrix = encoder.matrix(table.slice(0, 5))
    assert (matrix[:, 2:].sum(axis=1) == 1).all()
    assert type(encoder).from_dict(encoder.to_dict()) == encoder
    with pytest.raises(InputError, match="no column is left to learn from"):
        plan_encoder(table.select(["mail"]), arm, bought.astype(float), ())
