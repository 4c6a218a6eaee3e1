"""The shuffled outcome: a procedure that learns from nothing must find nothing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from shopkeeper.predict.calibrate import auc
from shopkeeper.predict.history import Bools, Floats, Ints
from shopkeeper.predict.leakage.report import Finding

Procedure = Callable[[Bools], tuple[Bools, Floats]]
"""Outcome of all rows → outcome and score of the test rows."""


def shuffled_outcome(
    procedure: Procedure,
    outcome: Bools,
    *,
    seed: int,
    draws: int = 2,
    keep: Ints | None = None,
) -> list[Finding]:
    """Run a whole training procedure on shuffled outcomes and see whether it still predicts.

    What it catches is in the procedure and in no column: statistics of the outcome taken over all
    rows, columns chosen before the split, rows copied before the split.

    Parameters
    ----------
    procedure : Procedure
        Everything from encoding to scoring.
    outcome : Bools
        The true outcome of all rows.
    seed : int
        Decides the shuffles.
    draws : int
        Number of shuffles.
    keep : Ints | None
        Rows with the same number keep one outcome among them: copies of one row, so that copies
        made before the split show.

    Returns
    -------
    list[Finding]
        Of the kind `shuffled_outcome_learned`.
    """
    random = np.random.default_rng([seed, 3])
    areas, few = [], 0
    for _ in range(draws):
        truth, score = procedure(_shuffled(outcome, keep, random))
        areas.append(auc(truth, score))
        few = max(few, min(int(truth.sum()), int((~truth).sum())))
    known = [x for x in areas if np.isfinite(x)]
    if not known or few < 10:
        return []
    mean = float(np.mean(known))
    # Hanley and McNeil at 0.5: sqrt(1 / 12 (1/n1 + 1/n0)) <= sqrt(1 / 6 / few)
    bound = 4.0 * float(np.sqrt(1.0 / (6.0 * few * len(known)))) + 0.01
    if mean <= 0.5 + bound:
        return []
    low, high = 0.5 - bound, 0.5 + bound
    return [
        Finding("shuffled_outcome_learned", "", "refuse", {"auc": mean, "bound": bound},
                {"auc": f"{mean:.3f}", "low": f"{low:.2f}", "high": f"{high:.2f}"})
    ]  # fmt: skip


def _shuffled(outcome: Bools, keep: Ints | None, random: np.random.Generator) -> Bools:
    if keep is None:
        return random.permutation(outcome)
    first, at = np.unique(keep, return_index=True)
    drawn = random.permutation(outcome[at])
    return np.asarray(drawn[np.searchsorted(first, keep)], dtype=np.bool_)
