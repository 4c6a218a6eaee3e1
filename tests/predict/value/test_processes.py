from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from pyarrow import csv
from scipy.integrate import quad
from scipy.special import gammaln

from shopkeeper.core.errors import NotEnoughDataError
from shopkeeper.predict.history import read_history
from shopkeeper.predict.value.bgnbd import BgNbd, fit_bg_nbd
from shopkeeper.predict.value.gamma_gamma import fit_gamma_gamma
from shopkeeper.predict.value.pareto_nbd import ParetoNbd, fit_pareto_nbd
from shopkeeper.predict.value.process import maximise
from shopkeeper.predict.value.summary import group, summarise

BG = BgNbd(0.2426, 4.4136, 0.7929, 2.4259, 0.0)
PARETO = ParetoNbd(0.5533, 10.5777, 0.6063, 11.6694, 0.0)


@pytest.fixture(scope="module")
def published(reference: Path):
    table = csv.read_csv(reference / "cdnow" / "cdnow_customers_summary.csv")
    return group(*(table[name].to_numpy() for name in ("frequency", "recency", "T")))


def test_bg_nbd_gives_the_published_parameters(published):
    fitted = fit_bg_nbd(published)
    assert fitted.r == pytest.approx(0.2426, abs=5e-4)
    assert fitted.alpha == pytest.approx(4.4136, abs=5e-4)
    assert fitted.a == pytest.approx(0.7929, abs=5e-4)
    assert fitted.b == pytest.approx(2.4259, abs=5e-4)
    assert fitted.log_likelihood == pytest.approx(-9582.43, abs=0.01)


def test_pareto_nbd_gives_the_published_parameters(published):
    fitted = fit_pareto_nbd(published)
    assert fitted.r == pytest.approx(0.5533, abs=5e-4)
    assert fitted.alpha == pytest.approx(10.5777, abs=2e-3)
    assert fitted.s == pytest.approx(0.6063, abs=5e-4)
    assert fitted.beta == pytest.approx(11.6694, abs=3e-3)
    assert fitted.log_likelihood == pytest.approx(-9594.98, abs=0.01)


def test_gamma_gamma_gives_the_published_parameters(cdnow_sample):
    end = 10_135 * 86_400_000_000  # 1997-10-01
    summary = summarise(read_history(cdnow_sample), end, "week")
    fitted = fit_gamma_gamma(summary.frequency, summary.monetary_minor)
    assert fitted.p == pytest.approx(6.25, abs=5e-3)
    assert fitted.q == pytest.approx(3.744, abs=5e-4)
    assert fitted.gamma / 100 == pytest.approx(15.444, abs=1e-3)


def test_the_raw_orders_give_the_published_summary(published, cdnow_sample):
    summary = summarise(read_history(cdnow_sample), 10_135 * 86_400_000_000, "week")
    assert len(summary.code) == 2_357
    assert (summary.frequency > 0).sum() == 946
    assert summary.frequency.sum() == (published.x * published.weight).sum()


@pytest.mark.parametrize(("x", "t_x", "age"), [(0, 0.0, 30.0), (2, 20.0, 38.0), (25, 36.0, 39.0)])
def test_pareto_p_alive_equals_the_integral_of_its_definition(x: int, t_x: float, age: float):
    r, alpha, s, beta = PARETO.r, PARETO.alpha, PARETO.s, PARETO.beta

    def left_at(y: float) -> float:
        return s * beta**s / (beta + y) ** (s + 1) * (alpha + y) ** -(r + x)

    left = quad(left_at, t_x, age, epsabs=0, epsrel=1e-12)[0]
    alive = (beta / (beta + age)) ** s * (alpha + age) ** -(r + x)
    said = PARETO.p_alive(*(np.array([float(v)]) for v in (x, t_x, age)))[0]
    assert said == pytest.approx(alive / (alive + left), rel=1e-9)


@pytest.mark.parametrize("process", [BG, PARETO], ids=lambda p: p.name)
@pytest.mark.parametrize("x", [0.0, 3.0, 40.0])
def test_tail_probabilities_add_up_to_the_expectation(process, x: float):
    counts = np.arange(1.0, 600.0)
    tail = process.tail_if_alive(counts, np.array([x]), np.array([38.0]), 39.0)
    expected = process.expected_if_alive(np.array([x]), np.array([38.0]), 39.0)[0]
    assert tail.sum() == pytest.approx(expected, rel=1e-6)
    assert (np.diff(tail) <= 1e-15).all()


def test_bg_nbd_expectation_at_the_removable_point():
    near = [BgNbd(0.3, 5.0, a, 2.0, 0.0) for a in (1.0, 1.0 + 1e-4)]
    said = [m.expected_if_alive(np.array([2.0]), np.array([30.0]), 20.0)[0] for m in near]
    assert said[0] == pytest.approx(said[1], rel=1e-3)


def test_bg_nbd_expectation_where_everybody_is_alike():
    # a and b without bound: everybody leaves with chance 1/4, so purchases are cut geometric
    alike = BgNbd(0.9, 10.0, 4e4, 12e4, 0.0)
    x, age = np.array([0.0, 3.0]), np.array([30.0, 30.0])
    random = np.random.default_rng(3)
    said = alike.expected_if_alive(x, age, 40.0)
    for at in (0, 1):
        rate = random.gamma(0.9 + x[at], 1 / 40.0, 400_000)
        drawn = np.minimum(random.poisson(rate * 40.0), random.geometric(0.25, 400_000))
        assert said[at] == pytest.approx(drawn.mean(), rel=0.01)


def test_extreme_customers_stay_finite():
    x = np.array([0.0, 1.0, 500.0, 3000.0])
    t_x = np.array([0.0, 0.01, 700.0, 729.0])
    age = np.array([730.0, 730.0, 730.0, 730.0])
    for process in (BG, PARETO):
        for answer in (process.p_alive(x, t_x, age), process.expected_if_alive(x, age, 365.0)):
            assert np.isfinite(answer).all()
            assert (answer >= 0).all()


def _simulated_bg(n: int, seed: int):
    random = np.random.default_rng(seed)
    rate, leave = random.gamma(0.9, 1 / 8.0, n), random.beta(1.2, 3.0, n)
    age = random.uniform(20, 80, n)
    x, t_x, now, active = np.zeros(n), np.zeros(n), np.zeros(n), np.arange(n)
    while len(active):
        now[active] += random.exponential(1 / rate[active])
        active = active[now[active] < age[active]]
        x[active] += 1
        t_x[active] = now[active]
        active = active[random.random(len(active)) > leave[active]]
    return group(x, t_x, age)


def test_bg_nbd_recovers_what_was_simulated():
    fitted = fit_bg_nbd(_simulated_bg(20_000, 5))
    truth = np.array([0.9, 8.0, 1.2, 3.0])
    assert np.array(list(fitted.parameters().values())) == pytest.approx(truth, rel=0.15)


def test_pareto_nbd_recovers_what_was_simulated():
    random = np.random.default_rng(6)
    n = 20_000
    rate, gone = (
        random.gamma(0.9, 1 / 8.0, n),
        random.exponential(1 / random.gamma(0.7, 1 / 12.0, n)),
    )
    age = random.uniform(20, 80, n)
    end = np.minimum(age, gone)
    x = random.poisson(rate * end).astype(np.float64)
    # the last of x uniform moments
    t_x = np.where(x > 0, end * random.random(n) ** (1 / np.maximum(x, 1)), 0.0)
    fitted = fit_pareto_nbd(group(x, t_x, age))
    truth = np.array([0.9, 8.0, 0.7, 12.0])
    assert np.array(list(fitted.parameters().values())) == pytest.approx(truth, rel=0.2)


def test_the_unit_of_time_changes_alpha_and_nothing_else(published):
    days = group(published.x, published.t_x * 7, published.age * 7)
    days = type(days)(days.x, days.t_x, days.age, published.weight, days.inverse)
    week, day = fit_bg_nbd(published), fit_bg_nbd(days)
    assert day.alpha == pytest.approx(week.alpha * 7, rel=1e-4)
    assert day.r == pytest.approx(week.r, rel=1e-4)


def test_grouping_changes_no_likelihood():
    rows = _simulated_bg(500, 8)
    r, alpha, a, b = 0.9, 8.0, 1.2, 3.0
    model = fit_bg_nbd(rows)
    r, alpha, a, b = model.parameters().values()
    total = 0.0
    for x, t_x, age, weight in zip(rows.x, rows.t_x, rows.age, rows.weight, strict=True):
        first = gammaln(r + x) - gammaln(r) + r * math.log(alpha)
        first += gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
        inner = (alpha + age) ** -(r + x)
        if x > 0:
            inner += a / (b + x - 1) * (alpha + t_x) ** -(r + x)
        total += weight * (first + math.log(inner))
    assert model.log_likelihood == pytest.approx(total, rel=1e-9)


@pytest.mark.parametrize(("fit", "name"), [(fit_bg_nbd, "BG/NBD"), (fit_pareto_nbd, "Pareto/NBD")])
def test_too_few_repeaters_are_refused(fit, name: str):
    rows = group(np.zeros(100), np.zeros(100), np.full(100, 50.0))
    with pytest.raises(NotEnoughDataError, match=f"{name} needs at least 10 customers.*found 0"):
        fit(rows)


def test_amounts_without_repeat_purchases_are_refused():
    with pytest.raises(NotEnoughDataError, match="Gamma-Gamma needs at least 10 customers"):
        fit_gamma_gamma(np.zeros(20, dtype=np.int64), np.zeros(20))


def test_a_likelihood_without_a_maximum_is_refused():
    def nowhere(point):
        return float("nan"), np.full(len(point), np.nan)

    with pytest.raises(NotEnoughDataError, match="finds no finite maximum"):
        maximise(nowhere, [np.zeros(2)], "Nothing")
