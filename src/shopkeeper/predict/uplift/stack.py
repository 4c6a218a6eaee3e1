"""One effect out of many learners: non-negative weights by held-out R-loss, pulled to a constant.

The final effect is τ(x) = a + s · Σ α_k (τ_k(x) − mean τ_k): `a` is the doubly robust average, α ≥ 0
minimises the R-loss of copies that did not see the rows (Nie and Wager 2021, section 4.2), and
s ∈ [0, 1] is the positive-part James–Stein factor of what the spread of effects explains of
held-out outcomes. Without evidence that customers differ, everybody gets almost the average.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from shopkeeper.predict.history import Floats
from shopkeeper.predict.uplift.effects import Bounded, Mixture
from shopkeeper.predict.uplift.learners import Learned, Workbench

PRIOR_TOTAL = 0.4
"""Sum of weights before held-out rows are looked at."""
PRIOR_SPREAD = 0.5
LEAST = 0.1
"""Part of the differences that stays without any evidence: enough to rank by, too little to claim."""
PULL = 1.0
"""Evidence (in units of its own standard error squared) that chance alone is expected to show."""


@dataclass(frozen=True, slots=True)
class Stacked:
    """The final effect and how it came about.

    Parameters
    ----------
    effect : Mixture
        Answers by customer.
    unseen : Floats
        The same by copies that did not see the row.
    average : float
        Average effect.
    average_error : float
        Its standard error.
    shares : dict[str, float]
        Weight of each learner, by ``learner_base``.
    evidence : float
        Squared z-statistic of the held-out evidence that effects differ.
    factor : float
        s: near 0 gives everybody the average, 1 keeps all differences.
    """

    effect: Mixture
    unseen: Floats
    average: float
    average_error: float
    shares: dict[str, float]
    evidence: float
    factor: float


def stack(bench: Workbench, learned: Sequence[Learned]) -> Stacked:
    """Weigh learners.

    Parameters
    ----------
    bench : Workbench
        What they shared.
    learned : Sequence[Learned]
        Fitted learners.

    Returns
    -------
    Stacked
        The final effect.
    """
    trial, weights = bench.trial, bench.trial.weights
    average, error = average_effect(bench)
    y, w = bench.residual
    said = np.column_stack([x.unseen for x in learned])
    mean = np.average(said, axis=0, weights=weights)
    centred = said - mean
    root = np.sqrt(weights)
    level = float(np.average(bench.scores, weights=weights))
    target = (y - w * level) * root
    a = centred * (w * root)[:, None]
    # Weights lean to an equal mixture that explains a part: a prior as wide as PRIOR_SPREAD, which
    # counts as much as the noise of outcomes allows. Little noise, and held-out rows decide alone.
    noise = float(np.sqrt(np.average((y - w * level) ** 2, weights=weights)))
    lean = noise / PRIOR_SPREAD
    size = a.shape[1]
    share, _ = nnls(
        np.vstack([a, lean * np.eye(size)]),
        np.r_[target, np.full(size, lean * PRIOR_TOTAL / size)],
    )
    spread = centred @ share
    evidence, slope = _evidence(target / np.maximum(root, 1e-12), w * spread, weights)
    factor = max(LEAST, 1.0 - PULL / evidence) if evidence > 0 and slope > 0 else LEAST
    final = share * factor
    parts = tuple(Bounded.of(x.effect, trial.matrix) for x in learned)
    used = [place for place in range(len(parts)) if final[place] > 1e-9]
    # Centred by what the effects fitted on all rows say about the same rows.
    own = [float(np.average(parts[i].predict(trial.matrix), weights=weights)) for i in used]
    shift = sum((final[i] * m for i, m in zip(used, own, strict=True)), 0.0)
    effect = Mixture(
        tuple(float(final[i]) for i in used), tuple(parts[i] for i in used), average - float(shift)
    )
    return Stacked(
        effect, average + factor * spread, average, error,
        {f"{x.learner}_{x.base}": float(v) for x, v in zip(learned, final, strict=True) if v > 1e-9},
        float(evidence), float(factor),
    )  # fmt: skip


def _evidence(target: Floats, said: Floats, weights: Floats) -> tuple[float, float]:
    """Squared z of the slope of what is left of outcomes on what was said, and the slope."""
    inner = float((weights * said * said).sum())
    if inner <= 0:
        return 0.0, 0.0
    slope = float((weights * said * target).sum()) / inner
    left = target - slope * said
    variance = float((weights**2 * said**2 * left**2).sum()) / inner**2
    return (slope * slope / variance if variance > 0 else 0.0), slope


def average_effect(bench: Workbench) -> tuple[float, float]:
    """Average effect by doubly robust scores of the outcomes as measured, and its standard error.

    Parameters
    ----------
    bench : Workbench
        Cross-fitted models of the outcome.

    Returns
    -------
    tuple[float, float]
        Estimate and standard error, in units of the outcome.
    """
    trial = bench.trial
    rest = trial.outcome - bench.outcome  # what was cut off extreme outcomes
    scores = bench.scores + rest * np.where(
        trial.treated, 1.0 / bench.share, -1.0 / (1.0 - bench.share)
    )
    weights = trial.weights / trial.weights.sum()
    mean = float((weights * scores).sum())
    error = float(np.sqrt((weights**2 * (scores - mean) ** 2).sum()))
    return mean, error
