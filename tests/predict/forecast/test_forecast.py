"""Series of known make: forecasts, intervals, leaks, refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from shopkeeper.core.errors import InputError, NotEnoughDataError, SourceError, TooLargeError
from shopkeeper.predict.forecast.backtest import backtest, rolling_origins
from shopkeeper.predict.forecast.combine import choose_weights, conformal_ends
from shopkeeper.predict.forecast.decompose import design, find_scale, find_structure
from shopkeeper.predict.forecast.features import Origins, build_rows, prepare
from shopkeeper.predict.forecast.grain import Grain, find_grain, grain_of_steps, seasons_that_hold
from shopkeeper.predict.forecast.measure import interval_figures, measure_forecasts
from shopkeeper.predict.forecast.members import baselines
from shopkeeper.predict.forecast.model import ForecastModel, ForecastQuestion
from shopkeeper.predict.forecast.panel import Panel, make_panel
from shopkeeper.predict.forecast.reconcile import make_hierarchy, mint_shrink, shrunk_covariance
from shopkeeper.predict.forecast.smoothing import smooth, smooth_intermittent

DAY_US = 86_400_000_000
STEPS = 4


def priced(seed: int = 3, series: int = 12, periods: int = 66, slope: float = -2.0) -> Panel:
    """Stores × brands whose units follow the price, with noise of 15 %."""
    random = np.random.default_rng(seed)
    price = np.exp(0.2 * random.standard_normal((series, periods)))
    level = random.uniform(3, 6, (series, 1)) + 0.05 * random.standard_normal(
        (series, periods)
    ).cumsum(axis=1)
    units = np.exp(level + slope * np.log(price) + 0.15 * random.standard_normal(level.shape))
    keys = tuple((f"s{at // 3}", f"b{at % 3}") for at in range(series))
    return Panel(
        keys, ("store", "brand"), units.round(), Grain("week", 1, 0, (52,)), {"price": price}
    )


@pytest.fixture(scope="module")
def panel() -> Panel:
    return priced()


@pytest.fixture(scope="module")
def question(panel: Panel) -> ForecastQuestion:
    end = panel.periods - STEPS
    return ForecastQuestion(panel.before(end, steps=STEPS), STEPS, end)


@pytest.fixture(scope="module")
def fitted(question: ForecastQuestion) -> ForecastModel:
    return ForecastModel().fit(question, seed=1)


def test_it_finds_the_step_of_dates():
    day = np.array(["2020-01-31", "2020-02-29", "2020-03-31", "2020-05-31"], "datetime64[us]")
    grain, at = find_grain(day.astype(np.int64), np.zeros(4, dtype=np.int64))
    assert (grain.unit, (at - at[0]).tolist()) == ("month", [0, 1, 2, 4])
    weeks = np.arange(10) * 7 * DAY_US + 3 * DAY_US
    grain, at = find_grain(weeks, np.zeros(10, dtype=np.int64))
    assert (grain.unit, grain.seasons, np.diff(at).tolist()) == ("week", (52,), [1] * 9)
    hours = np.arange(50) * (DAY_US // 24)
    grain, at = find_grain(hours, np.zeros(50, dtype=np.int64))
    assert (grain.unit, grain.seasons) == ("hour", (24, 168))
    assert grain.label(int(at[30])) == "1970-01-02T06:00"
    closed = np.array([0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 14]) * DAY_US  # no Sundays
    grain, at = find_grain(closed, np.zeros(13, dtype=np.int64))
    assert (grain.unit, int(at[-1] - at[0])) == ("day", 14)


def test_one_time_for_all_rows_is_refused():
    with pytest.raises(InputError, match="all rows have the same time"):
        find_grain(np.zeros(5, dtype=np.int64), np.arange(5))


def test_numbered_periods_keep_their_gaps():
    grain, at = grain_of_steps(np.array([3, 6, 12]), "step", np.zeros(3, dtype=np.int64))
    assert (grain.size, at.tolist()) == (3, [1, 2, 4])


def test_a_season_is_found_in_plain_steps():
    t = np.arange(60)
    values = np.stack([np.sin(2 * np.pi * t / 12) + 0.05 * np.cos(t * t), np.cos(t * np.pi / 6)])
    assert seasons_that_hold(values, ()) == (12,)
    assert seasons_that_hold(np.random.default_rng(0).normal(size=(3, 60)), ()) == ()


def test_repeated_periods_are_refused_by_name():
    key = ["a"] * 20
    with pytest.raises(InputError, match=r"20 periods|10 periods have more than one row; a has 2"):
        make_panel([key], ["shop"], np.tile(np.arange(10), 2), np.ones(20), Grain("step", 1, 0))
    with pytest.raises(InputError, match="no row"):
        make_panel([[]], ["shop"], np.zeros(0, dtype=np.int64), np.zeros(0), Grain("step", 1, 0))


def test_smoothing_follows_a_season_and_bridges_gaps():
    t = np.arange(96)
    y = 20 + 5 * np.sin(2 * np.pi * t / 12) + np.random.default_rng(1).normal(0, 0.2, 96)
    gaps = y.copy()
    gaps[[20, 21, 50]] = np.nan
    ahead = smooth(np.stack([y, gaps]), 12).ahead(12)
    truth = 20 + 5 * np.sin(2 * np.pi * np.arange(96, 108) / 12)
    assert np.abs(ahead - truth).max() < 1.0


def test_smoothing_of_a_line_goes_on_and_of_a_constant_stays():
    line = smooth(np.arange(40.0)[None, :]).ahead(3)[0]
    assert np.all(np.diff(line) > 0)
    assert line[0] == pytest.approx(40, abs=1.5)
    assert smooth(np.full((1, 30), 7.0)).ahead(5)[0] == pytest.approx(7.0)


def test_an_item_that_died_goes_to_nothing():
    values = np.array([[0, 3.0] * 20 + [0.0] * 60])
    assert smooth_intermittent(values)[0] < 0.02


def test_baselines_by_hand():
    panel = Panel((("a",),), ("s",), np.arange(1.0, 22.0)[None, :], Grain("day", 1, 0, (7,)))
    said = baselines(panel, 21, 8)
    assert said["naive"][0].tolist() == [21.0] * 8
    assert said["seasonal_naive"][0].tolist() == [15, 16, 17, 18, 19, 20, 21, 15]
    assert said["median8"][0, 0] == 8.0  # 1, 8, 15


def test_figures_by_hand():
    truth = np.array([[10.0, 20.0], [np.nan, 5.0]])
    said = {"x": np.array([[12.0, 16.0], [99.0, 5.0]])}
    found = measure_forecasts(said, truth, np.array([2.0, 1.0]), np.array([2.0, 1.0]))["x"]
    assert found["mase"] == pytest.approx((1.5 + 0.0) / 2)
    assert found["rmsse"] == pytest.approx(np.sqrt((1 + 4) / 2) / 2)
    assert found["wape"] == pytest.approx(6 / 35)
    assert found["n"] == 3
    told = interval_figures(truth - 1, truth + np.array([[1.0, -0.5], [0, 0]]), truth)
    assert told["coverage"] == pytest.approx(2 / 3)


def test_effects_of_prices_are_found(panel: Panel):
    _, columns = design(panel)
    scale = find_scale(panel.values)
    found = find_structure(panel, scale.to(panel.values), columns, panel.periods)
    assert scale.log
    assert found.effect.mean() == pytest.approx(-2.0, abs=0.15)


def test_scales_go_there_and_back():
    for values in (np.array([[5.0, 80.0, 9.0]]), np.array([[0.0, 0, 3, 0]]), np.array([[-2.0, 3]])):
        scale = find_scale(values)
        assert scale.back(scale.to(values)) == pytest.approx(values)


def test_features_see_nothing_after_the_origin(panel: Panel):
    random = np.random.default_rng(0)
    _, columns = design(panel)
    rest = random.normal(size=panel.values.shape)
    other = rest.copy()
    other[:, 51:] = 1e6
    expected = np.zeros_like(rest)
    rows = Origins(np.arange(12), np.full(12, 50), np.arange(12) % STEPS + 1)
    made = [build_rows(panel, prepare(x, expected, columns), rows)[1] for x in (rest, other)]
    np.testing.assert_array_equal(made[0], made[1])


def test_the_future_changes_nothing(panel: Panel, fitted: ForecastModel, question):
    end = question.first
    future = panel.values.copy()
    future[:, end:] = 1e9
    changed = ForecastQuestion(replace(panel, values=future), STEPS, end)
    again = ForecastModel().fit(changed, seed=1)
    np.testing.assert_array_equal(again.predict(changed).value, fitted.predict(question).value)


def test_it_beats_what_does_not_know_the_price(panel: Panel):
    table = backtest(panel, STEPS, seed=1, origins=2).figures()
    ours = table.pop("shopkeeper")
    for plain in ("naive", "seasonal_naive", "median8", "ets"):
        assert ours["mase"] < 0.7 * table[plain]["mase"]
    # 96 cells of two origins: an interval of 90 % holds 80 to 100 of them.
    assert 0.8 <= ours["coverage90"] <= 1.0
    assert ours["coverage80"] <= ours["coverage90"]


def test_intervals_hold_the_forecast(fitted: ForecastModel, question: ForecastQuestion):
    said = fitted.predict(question)
    assert np.all(said.low[0.9] <= said.value + 1e-9)
    assert np.all(said.low[0.9] <= said.low[0.8] + 1e-9)
    assert np.all(said.high[0.8] <= said.high[0.9] + 1e-9)


def test_conformal_ends_hold_their_level():
    random = np.random.default_rng(5)
    ends = conformal_ends([random.standard_t(3, 4_000) for _ in range(3)], 0.9, 4_000)
    fresh = random.standard_t(3, (3, 20_000))
    inside = (fresh > ends[0][:, None]) & (fresh < ends[1][:, None])
    assert inside.mean() == pytest.approx(0.9, abs=0.015)
    few = conformal_ends([random.standard_t(3, 4_000) for _ in range(3)], 0.9, 3)
    assert np.all(few[1] - few[0] > ends[1] - ends[0])


def test_weights_find_the_truth_and_split_without_it():
    truth = np.random.default_rng(0).normal(size=(3, 50))
    said = {"right": truth, "wrong": truth + 5}
    assert choose_weights(said, truth, np.ones(3), np.ones(3)) == {"right": 1.0, "wrong": 0.0}
    nothing = choose_weights(said, np.full_like(truth, np.nan), np.ones(3), np.ones(3))
    assert nothing == {"right": 0.5, "wrong": 0.5}


def test_stock_outs_are_not_zero_demand():
    values = np.full((1, 40), 20.0) + np.arange(40) % 2
    out = np.zeros_like(values, dtype=bool)
    values[0, 30:36], out[0, 30:36] = 0.0, True
    panel = Panel((("a",),), ("s",), values, Grain("step", 1, 0))
    masked = ForecastModel().fit(ForecastQuestion(panel.masked(out), 4))
    assert masked.predict(ForecastQuestion(panel.masked(out), 4)).value.min() > 19


def test_a_series_never_seen_gets_a_forecast(fitted: ForecastModel, question: ForecastQuestion):
    new = replace(question.panel.take(np.array([0])), keys=(("s9", "b9"),))
    said = fitted.predict(replace(question, panel=new))
    assert np.isfinite(said.value).all()


def test_sums_are_coherent_and_mint_helps():
    random = np.random.default_rng(2)
    keys = tuple((f"s{at // 4}", f"b{at % 4}") for at in range(12))
    tree = make_hierarchy(keys, ("store", "brand"))
    truth = random.uniform(10, 20, (12, 200))
    deviation = np.where(np.arange(12) % 4 == 0, 5.0, 1.0)[:, None]
    nodes = tree.up(truth)
    noise = random.normal(0, 1, nodes.shape) * np.concatenate(
        [np.full((tree.upper, 1), 1.5), deviation]
    )
    base = nodes + noise
    made = mint_shrink(tree, base[:, 100:], (noise)[:, :100])
    np.testing.assert_allclose(made, tree.up(made[tree.upper :]), rtol=1e-9, atol=1e-9)
    bottom_up = tree.up(base[tree.upper :, 100:])
    assert np.abs(made - nodes[:, 100:]).mean() < 0.8 * np.abs(bottom_up - nodes[:, 100:]).mean()
    eigen = np.linalg.eigvalsh(shrunk_covariance(noise[:, :8]))
    assert eigen.min() > 0


def test_too_many_nodes_are_refused():
    with pytest.raises(TooLargeError, match="more than 4,000"):
        make_hierarchy([(str(at),) for at in range(5_000)], ("s",))


@pytest.mark.parametrize(
    ("values", "steps", "words"),
    [
        (np.arange(10.0)[None, :], 4, "needs 12 periods of history, found 10"),
        (np.arange(20.0)[None, :], 30, "needs 64 periods of history, found 20"),
        (np.zeros((2, 40)), 4, "every known value is zero"),
        (np.full((2, 40), 6.0), 4, "the value never changes: it is 6"),
        (np.full((2, 40), np.nan), 4, "found 0"),
    ],
)
def test_what_cannot_be_said_is_refused(values, steps, words):
    panel = Panel(
        tuple((str(at),) for at in range(len(values))), ("s",), values, Grain("step", 1, 0)
    )
    with pytest.raises(NotEnoughDataError, match=words):
        ForecastModel().fit(ForecastQuestion(panel, steps))


def test_further_refusals(panel: Panel, fitted: ForecastModel, question, tmp_path):
    with pytest.raises(InputError, match="asks for nothing"):
        ForecastModel().fit(ForecastQuestion(panel, 0))
    with pytest.raises(InputError, match="trained for 4 steps, asked for 9"):
        fitted.predict(replace(question, steps=9))
    with pytest.raises(TooLargeError, match="forecasting needs about"):
        ForecastModel().fit(replace(question, limit_mb=1))
    endless = panel.values.copy()
    endless[1, 5] = np.inf
    with pytest.raises(InputError, match="s0 / b1 holds an infinite value"):
        ForecastModel().fit(ForecastQuestion(replace(panel, values=endless), 4))
    with pytest.raises(NotEnoughDataError, match="testing a horizon of 40 steps"):
        rolling_origins(panel, 40)
    with pytest.raises(SourceError, match="no forecast model"):
        ForecastModel.load(tmp_path)
    assert rolling_origins(panel, 4) == (54, 58, 62)


def test_short_series_still_get_an_answer():
    values = np.random.default_rng(0).poisson(5, (1, 16)).astype(float)
    panel = Panel((("a",),), ("s",), values, Grain("month", 1, 0, (12,), True))
    model = ForecastModel().fit(ForecastQuestion(panel, 3))
    assert model.learned.boost.trees is None
    said = model.predict(ForecastQuestion(panel, 3))
    assert np.all((said.value > 0) & (said.value < 20))
    assert pa.array(said.high[0.9].ravel()).null_count == 0
