"""Pareto/NBD: buying at a personal rate, leaving at a personal rate at any moment.

Schmittlein, Morrison and Colombo (1987), "Counting Your Customers: Who Are They and What Will They
Do Next?", Management Science 33(1). The usual form subtracts two hypergeometric functions, which
cancels badly. Here the probability of having left is the integral it came from,

    integral from t_x to T of (alpha + y)^-(r + x) (beta + y)^-(s + 1) dy,

a sum of positive terms (Gauss-Legendre after a logarithmic substitution), with a gradient from the
same sum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, digamma, expit, gammaln

from shopkeeper.predict.history import Floats
from shopkeeper.predict.value.process import LOG_BOUND, maximise, require_repeaters
from shopkeeper.predict.value.summary import Grouped

NODES = 24
DECAY = 40.0
"""The integrand is followed until it has fallen by exp(-40), below double precision."""

_AT, _MASS = np.polynomial.legendre.leggauss(NODES)
_AT, _MASS = (_AT + 1.0) / 2.0, _MASS / 2.0


@dataclass(frozen=True, slots=True)
class ParetoNbd:
    """A fitted Pareto/NBD model.

    Parameters
    ----------
    r, alpha : float
        Shape and rate of the Gamma distribution of purchase rates.
    s, beta : float
        Shape and rate of the Gamma distribution of departure rates.
    log_likelihood : float
        Log-likelihood of the data fitted on.
    """

    r: float
    alpha: float
    s: float
    beta: float
    log_likelihood: float

    @property
    def name(self) -> str:
        """Return `pareto_nbd`."""
        return "pareto_nbd"

    def parameters(self) -> dict[str, float]:
        """Return r, alpha, s and beta."""
        return {"r": self.r, "alpha": self.alpha, "s": self.s, "beta": self.beta}

    def p_alive(self, x: Floats, t_x: Floats, age: Floats) -> Floats:
        """Return the probability that the customer has not left.

        Parameters
        ----------
        x, t_x, age : Floats
            Repeat purchases, recency and age; same shape.

        Returns
        -------
        Floats
            In [0, 1].
        """
        log_alive = -(self.r + x) * np.log(self.alpha + age) - self.s * np.log(self.beta + age)
        log_left = np.log(self.s) + _log_left(x, t_x, age, self.r, self.alpha, self.s, self.beta)[0]
        alive: Floats = expit(log_alive - log_left)
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
            Purchase rate times the expected time still present.
        """
        s = self.s if abs(self.s - 1.0) > 1e-8 else 1.0 + 1e-8
        log_q = np.log(self.beta + age) - np.log(self.beta + age + horizon)
        present = (self.beta + age) / (s - 1.0) * -np.expm1((s - 1.0) * log_q)
        expected: Floats = (self.r + x) / (self.alpha + age) * present
        return expected

    def tail_if_alive(self, k: Floats, x: Floats, age: Floats, horizon: float) -> Floats:
        """Return P(at least k purchases in the horizon) of a customer still there.

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
            Probabilities, integrated over the moment of departure.
        """
        shape, rate = self.r + x, self.alpha + age
        stay = (self.beta + age) / (self.beta + age + horizon)
        tail = stay**self.s * betainc(k, shape, horizon / (rate + horizon))
        # the moment of departure, in equal steps of its probability within the horizon
        for node, mass in zip(*_LEAVE, strict=True):
            survival = 1.0 - node * (1.0 - stay**self.s)
            left_at = (self.beta + age) * np.expm1(-np.log(survival) / self.s)
            reach = betainc(k, shape, left_at / (rate + left_at))
            tail = tail + mass * (1.0 - stay**self.s) * reach
        return np.asarray(tail, dtype=np.float64)


_LEAVE = tuple(
    (part + shift) / 2.0
    for part, shift in zip(np.polynomial.legendre.leggauss(10), (1.0, 0.0), strict=True)
)


def fit_pareto_nbd(rows: Grouped, near: ParetoNbd | None = None) -> ParetoNbd:
    """Fit Pareto/NBD by maximum likelihood on grouped customers.

    Parameters
    ----------
    rows : Grouped
        Distinct customers with their weights, time in one unit.
    near : ParetoNbd | None
        Parameters of similar customers in the same unit, where the search starts: an earlier
        moment of the same shop saves most of the steps.

    Returns
    -------
    ParetoNbd
        Parameters in the unit of `rows`.

    Raises
    ------
    NotEnoughDataError
        When fewer than ten customers bought again, or the likelihood has no finite maximum.
    """
    require_repeaters(rows, "Pareto/NBD")
    scale = float(np.average(rows.age, weights=rows.weight)) or 1.0
    x, t_x, age, weight = rows.x, rows.t_x / scale, rows.age / scale, rows.weight
    counts, at = np.unique(x, return_inverse=True)
    by_count = np.bincount(at, weights=weight)
    total = float(weight.sum())

    def objective(point: Floats) -> tuple[float, Floats]:
        r, alpha, s, beta = (float(part) for part in np.exp(point))
        log_alive = -(r + x) * np.log(alpha + age) - s * np.log(beta + age)
        log_left, over_r, over_alpha, over_s, over_beta = _log_left(x, t_x, age, r, alpha, s, beta)
        log_left = log_left + np.log(s)
        log_sum = np.logaddexp(log_alive, log_left)
        value = float(by_count @ (gammaln(r + counts) - gammaln(r)) + weight @ log_sum)
        value += total * (r * np.log(alpha) + s * np.log(beta))
        left = weight * np.exp(log_left - log_sum)
        alive = weight - left
        d_r = by_count @ (digamma(r + counts) - digamma(r)) + total * np.log(alpha)
        d_r -= alive @ np.log(alpha + age) + left @ over_r
        d_alpha = total * r / alpha - (alive * (r + x)) @ (1.0 / (alpha + age)) - left @ over_alpha
        d_s = total * np.log(beta) - alive @ np.log(beta + age) + left @ (1.0 / s - over_s)
        d_beta = total * s / beta - s * (alive @ (1.0 / (beta + age))) - left @ over_beta
        return value, np.array([d_r * r, d_alpha * alpha, d_s * s, d_beta * beta])

    pace = float((weight * x).sum() / (weight * age).sum())
    starts = [np.log([0.5, 0.5 / pace, 0.6, 0.5]), np.log([1.5, 1.5 / pace, 1.5, 3.0])]
    if near is not None:
        known = np.array([near.r, near.alpha / scale, near.s, near.beta / scale])
        starts = [np.clip(np.log(known), -LOG_BOUND, LOG_BOUND), *starts]
    found, value = maximise(objective, starts, "Pareto/NBD")
    r, alpha, s, beta = (float(part) for part in found)
    shift = float((weight * x).sum()) * np.log(scale)
    return ParetoNbd(r, alpha * scale, s, beta * scale, value - shift)


def _log_left(
    x: Floats, t_x: Floats, age: Floats, r: float, alpha: float, s: float, beta: float
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Return the log of the departure integral and minus its log-derivatives by r, alpha, s, beta.

    The derivatives are means under the normalised integrand: of log(alpha + y),
    (r + x) / (alpha + y), log(beta + y) and (s + 1) / (beta + y).
    """
    centre = min(alpha, beta)
    # stop where the purchase factor alone has fallen by exp(-DECAY)
    reach = (alpha + t_x) * np.exp(np.minimum(DECAY / (r + x), 700.0)) - alpha
    end = np.minimum(age, np.maximum(reach, t_x))
    low, width = np.log(centre + t_x), np.log(centre + end) - np.log(centre + t_x)
    # an empty range (bought on the last day) has no room to leave in
    width = np.maximum(width, 1e-300)
    log_first = -(r + x) * np.log(alpha + t_x) - (s + 1.0) * np.log(beta + t_x)
    sums = [np.zeros_like(x) for _ in range(5)]
    for node, mass in zip(_AT, _MASS, strict=True):
        moved = np.exp(low + node * width)  # centre + y
        log_alpha = np.log(moved + (alpha - centre))
        log_beta = np.log(moved + (beta - centre))
        part = -(r + x) * log_alpha - (s + 1.0) * log_beta - log_first
        density = mass * moved * np.exp(part)
        sums[0] += density
        sums[1] += density * log_alpha
        sums[2] += density * np.exp(-log_alpha)
        sums[3] += density * log_beta
        sums[4] += density * np.exp(-log_beta)
    total = np.maximum(sums[0], 1e-300)
    log_total = np.log(total) + np.log(width) + log_first
    return (
        log_total,
        sums[1] / total,
        (r + x) * sums[2] / total,
        sums[3] / total,
        (s + 1.0) * sums[4] / total,
    )
