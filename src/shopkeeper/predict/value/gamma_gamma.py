"""Gamma-Gamma: how much a purchase is worth, shrunk towards everybody where little is known.

Fader, Hardie and Lee (2005), "RFM and CLV: Using Iso-Value Curves for Customer Base Analysis",
Journal of Marketing Research 42(4). The amount of a purchase is Gamma(p, v), v is Gamma(q, gamma)
across customers; amounts are independent of frequency.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, gammaln

from shopkeeper.core.errors import NotEnoughDataError
from shopkeeper.predict.history import Floats, Ints
from shopkeeper.predict.value.process import maximise

MOST_EXACT = 50_000
"""Up to so many customers each mean counts as it is; above, means within .2 % are one."""
STEPS = 500.0
LEAST_Q = 1.05
"""At q <= 1 the mean amount of a new customer is infinite; q is kept above."""


@dataclass(frozen=True, slots=True)
class GammaGamma:
    """A fitted Gamma-Gamma model of amounts, in minor units.

    Parameters
    ----------
    p, q : float
        Shape of a customer's amounts, and shape of the spread of rates between customers.
    gamma : float
        Rate of the spread, in minor units.
    log_likelihood : float
        Log-likelihood of the mean amounts (in minor units) fitted on.
    """

    p: float
    q: float
    gamma: float
    log_likelihood: float

    def parameters(self) -> dict[str, float]:
        """Return p, q and gamma."""
        return {"p": self.p, "q": self.q, "gamma": self.gamma}

    def expected_minor(self, x: Floats, monetary_minor: Floats) -> Floats:
        """Return the expected amount of a customer's next purchase.

        Parameters
        ----------
        x : Floats
            Purchases behind the mean; 0 gives the mean of the population.
        monetary_minor : Floats
            Mean amount of those purchases in minor units.

        Returns
        -------
        Floats
            Minor units.
        """
        expected: Floats = self.p * (self.gamma + x * monetary_minor) / (self.p * x + self.q - 1.0)
        return expected


def fit_gamma_gamma(frequency: Ints | Floats, monetary_minor: Floats) -> GammaGamma:
    """Fit Gamma-Gamma by maximum likelihood on customers with a positive mean amount.

    Parameters
    ----------
    frequency : Ints | Floats
        Repeat purchases; shape (customers,).
    monetary_minor : Floats
        Mean amount of the repeat purchases in minor units.

    Returns
    -------
    GammaGamma
        q is at least 1.05, so that means exist.

    Raises
    ------
    NotEnoughDataError
        When fewer than ten customers have a repeat purchase with a positive amount.
    """
    used = (np.asarray(frequency) > 0) & (monetary_minor > 0)
    if int(used.sum()) < 10:
        raise NotEnoughDataError(
            "Gamma-Gamma needs at least 10 customers with a repeat purchase of a positive amount, "
            f"found {int(used.sum())}",
            needed=10,
            found=int(used.sum()),
            next_step="check the amount column, or load a longer history",
        )
    x = np.asarray(frequency, dtype=np.float64)[used]
    scale = float(np.average(monetary_minor[used], weights=x))
    x, mean, weight = _grouped(x, monetary_minor[used] / scale)
    log_mean = np.log(mean)
    counts, at = np.unique(x, return_inverse=True)
    by_count = np.bincount(at, weights=weight)
    many = weight * x
    fixed = float(many @ np.log(x)), float(many @ log_mean), float(weight @ log_mean)
    total = float(weight.sum())

    def objective(point: Floats) -> tuple[float, Floats]:
        p, above, gamma = np.exp(point)
        q = LEAST_Q + above
        pooled = gamma + x * mean
        log_pooled = np.log(pooled)
        value = by_count @ (gammaln(p * counts + q) - gammaln(p * counts))
        value += total * (q * np.log(gamma) - gammaln(q)) + p * (fixed[0] + fixed[1]) - fixed[2]
        value -= p * (many @ log_pooled) + q * (weight @ log_pooled)
        d_p = by_count @ (counts * (digamma(p * counts + q) - digamma(p * counts)))
        d_p += fixed[0] + fixed[1] - many @ log_pooled
        d_q = by_count @ digamma(p * counts + q)
        d_q += total * (np.log(gamma) - digamma(q)) - weight @ log_pooled
        d_gamma = total * q / gamma - weight @ ((p * x + q) / pooled)
        return float(value), np.array([d_p * p, d_q * above, d_gamma * gamma])

    starts = [np.log([3.0, 2.0, 1.0]), np.log([1.0, 1.0, 2.0])]
    found, value = maximise(objective, starts, "Gamma-Gamma")
    p, above, gamma = (float(part) for part in found)
    return GammaGamma(p, LEAST_Q + above, gamma * scale, value - total * float(np.log(scale)))


def _grouped(x: Floats, mean: Floats) -> tuple[Floats, Floats, Floats]:
    """Collapse customers alike in purchases and mean amount; few of them stay as they are."""
    if len(x) <= MOST_EXACT:
        return x, mean, np.ones(len(x))
    step = np.round(np.log(mean) * STEPS)
    step -= step.min()
    _, first, at = np.unique(x * (step.max() + 1.0) + step, return_index=True, return_inverse=True)
    weight = np.bincount(at).astype(np.float64)
    # the mean logarithm keeps the sums of logarithms exact
    centre = np.exp(np.bincount(at, weights=np.log(mean)) / weight)
    return x[first], centre, weight
