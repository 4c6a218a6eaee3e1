"""BG/NBD: buying at a personal rate, leaving with a personal chance after each purchase.

Fader, Hardie and Lee (2005), "Counting Your Customers the Easy Way: An Alternative to the
Pareto/NBD Model", Marketing Science 24(2). Gradient in closed form; the conditional expectation is
Euler-transformed so that its arguments do not grow with the number of purchases.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, betaln, digamma, expit, gammaln, hyp2f1

from shopkeeper.predict.history import Floats
from shopkeeper.predict.value.process import maximise, require_repeaters
from shopkeeper.predict.value.summary import Grouped


@dataclass(frozen=True, slots=True)
class BgNbd:
    """A fitted BG/NBD model.

    Parameters
    ----------
    r, alpha : float
        Shape and rate of the Gamma distribution of purchase rates (rate in units of time).
    a, b : float
        Parameters of the Beta distribution of the chance to leave after a purchase.
    log_likelihood : float
        Log-likelihood of the data fitted on.
    """

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float

    @property
    def name(self) -> str:
        """Return `bg_nbd`."""
        return "bg_nbd"

    def parameters(self) -> dict[str, float]:
        """Return r, alpha, a and b."""
        return {"r": self.r, "alpha": self.alpha, "a": self.a, "b": self.b}

    def p_alive(self, x: Floats, t_x: Floats, age: Floats) -> Floats:
        """Return the probability that the customer has not left.

        Parameters
        ----------
        x, t_x, age : Floats
            Repeat purchases, recency and age; same shape.

        Returns
        -------
        Floats
            In [0, 1]; 1 for customers without a repeat purchase, who in this model cannot leave.
        """
        safe = np.maximum(x, 1.0)
        log_odds = (
            np.log(self.b + safe - 1.0)
            - np.log(self.a)
            - (self.r + safe) * (np.log(self.alpha + age) - np.log(self.alpha + t_x))
        )
        alive: Floats = np.where(x > 0, expit(log_odds), 1.0)
        return alive

    def expected_if_alive(self, x: Floats, age: Floats, horizon: float) -> Floats:
        """Return the expected purchases in the horizon of a customer still there.

        Parameters
        ----------
        x, age : Floats
            Repeat purchases and age; same shape.
        horizon : float
            Length of the horizon in the unit of `age`.

        Returns
        -------
        Floats
            Expected purchases, at least 0.
        """
        a = self.a if abs(self.a - 1.0) > 1e-6 else 1.0 + 1e-6  # the limit, to ten digits
        log_q = np.log(self.alpha + age) - np.log(self.alpha + age + horizon)
        z = -np.expm1(log_q)
        top = a + self.b + x - 1.0
        with np.errstate(all="ignore"):
            series = hyp2f1(a - 1.0, a + self.b - 1.0 - self.r, top, z)
            expected = top / (a - 1.0) * (1.0 - np.exp((a - 1.0) * log_q) * series)
        # everybody nearly alike makes a and b huge and the series overflow: add up tails instead
        broken = np.broadcast_to(~np.isfinite(expected) | (a > 50.0), np.shape(expected))
        if np.any(broken):
            expected = np.array(expected, dtype=np.float64)
            expected[broken] = self._summed(x[broken], age[broken], horizon)
        return np.maximum(np.asarray(expected, dtype=np.float64), 0.0)

    def _summed(self, x: Floats, age: Floats, horizon: float) -> Floats:
        """Expect by adding P(at least k purchases) over k."""
        total = np.zeros_like(x)
        for k in range(1, 5_000):
            tail = self.tail_if_alive(np.full_like(x, float(k)), x, age, horizon)
            total += tail
            if float(tail.max(initial=0.0)) < 1e-9:
                break
        return total

    def tail_if_alive(self, k: Floats, x: Floats, age: Floats, horizon: float) -> Floats:
        """Return P(at least k purchases in the horizon) of a customer still there.

        The k-th purchase needs a Poisson process that reaches k and k - 1 survived purchases, and
        given that the customer is alive the rate and the chance to leave are independent.

        Parameters
        ----------
        k : Floats
            Counts, at least 1; broadcast against `x` and `age`.
        x, age : Floats
            Repeat purchases and age.
        horizon : float
            Length of the horizon in the unit of `age`.

        Returns
        -------
        Floats
            Probabilities.
        """
        reach = betainc(k, self.r + x, horizon / (self.alpha + age + horizon))
        survive = np.exp(betaln(self.a, self.b + x + k - 1.0) - betaln(self.a, self.b + x))
        tail: Floats = reach * survive
        return tail


def fit_bg_nbd(rows: Grouped) -> BgNbd:
    """Fit BG/NBD by maximum likelihood on grouped customers.

    Parameters
    ----------
    rows : Grouped
        Distinct customers with their weights, time in one unit.

    Returns
    -------
    BgNbd
        Parameters in the unit of `rows`.

    Raises
    ------
    NotEnoughDataError
        When fewer than ten customers bought again, or the likelihood has no finite maximum.
    """
    require_repeaters(rows, "BG/NBD")
    scale = float(np.average(rows.age, weights=rows.weight)) or 1.0
    likelihood = _Likelihood(rows, scale)
    pace = float((rows.weight * rows.x).sum() / (rows.weight * rows.age / scale).sum())
    starts = [
        np.log([0.5, 0.5 / pace, 0.8, 2.5]),
        np.log([2.0, 2.0 / pace, 0.3, 1.0]),
    ]
    found, value = maximise(likelihood, starts, "BG/NBD")
    r, alpha, a, b = (float(part) for part in found)
    # measured in units of the mean age, each of the purchases contributed a factor 1 / scale
    shift = float((rows.weight * rows.x).sum()) * np.log(scale)
    return BgNbd(r, alpha * scale, a, b, value - shift)


class _Likelihood:
    """Log-likelihood and gradient; Gamma functions are looked up by distinct frequency."""

    def __init__(self, rows: Grouped, scale: float) -> None:
        self.weight = rows.weight
        self.x = rows.x
        self.age = rows.age / scale
        self.t_x = rows.t_x / scale
        self.counts, self.at = np.unique(rows.x, return_inverse=True)
        self.by_count = np.bincount(self.at, weights=rows.weight)
        self.repeat = rows.x > 0

    def __call__(self, point: Floats) -> tuple[float, Floats]:
        r, alpha, a, b = np.exp(point)
        n = self.counts
        constant = gammaln(r + n) - gammaln(r) + r * np.log(alpha) + gammaln(a + b) + gammaln(b + n)
        constant += -gammaln(b) - gammaln(a + b + n)
        log_alive = -(r + self.x) * np.log(alpha + self.age)
        safe = np.maximum(self.x, 1.0)
        log_dead = np.where(
            self.repeat,
            np.log(a) - np.log(b + safe - 1.0) - (r + self.x) * np.log(alpha + self.t_x),
            -np.inf,
        )
        log_sum = np.logaddexp(log_alive, log_dead)
        value = float(self.by_count @ constant + self.weight @ log_sum)
        alive = self.weight * np.exp(log_alive - log_sum)
        dead = self.weight - alive
        dead[~self.repeat] = 0.0
        total = self.weight.sum()
        d_r = self.by_count @ (digamma(r + n) - digamma(r)) + total * np.log(alpha)
        d_r -= alive @ np.log(alpha + self.age) + dead @ np.log(alpha + self.t_x)
        d_alpha = total * r / alpha
        d_alpha -= (alive * (r + self.x)) @ (1.0 / (alpha + self.age))
        d_alpha -= (dead * (r + self.x)) @ (1.0 / (alpha + self.t_x))
        common = digamma(a + b) - digamma(a + b + n)
        d_a = self.by_count @ common + dead.sum() / a
        d_b = self.by_count @ (common + digamma(b + n) - digamma(b))
        d_b -= dead @ (1.0 / (b + safe - 1.0))
        gradient = np.array([d_r * r, d_alpha * alpha, d_a * a, d_b * b], dtype=np.float64)
        return value, gradient
