"""Detectors that look at one column beside the outcome and the rest.

No statistic of a table alone can tell a perfect column that is honest from one that leaks; what can be
told is a column that says (almost) everything while all the others together say much less. That
is refused; a milder case of the same shape is a warning. Where the same columns exist at an
earlier moment, or computed without the rows after the moment, `moments` tells much more.
"""

from __future__ import annotations

from collections.abc import Sequence

import lightgbm as lgb
import numpy as np

from shopkeeper.predict.calibrate import auc
from shopkeeper.predict.history import Bools, Floats, Ints
from shopkeeper.predict.leakage.report import Finding, share

LEAST_EACH = 12
"""Of either outcome fewer rows than this prove nothing."""
BINS = 32
COPY = 0.97
"""From this lower bound of its own AUC on, a column may be a copy of the outcome."""
EXACT = 0.999
ALONE = 0.80
"""From this lower bound on, a column that leaves the rest far behind is worth a warning."""
FAR_BEHIND = 0.75
"""What a column gets wrong, over what the rest gets wrong: below it the rest is far behind."""
PROBE_ROUNDS = 40


def single_scores(matrix: Floats, outcome: Bools, seed: int) -> tuple[Floats, Floats]:
    """Return how well each column alone ranks the outcome, whatever the shape of the relation.

    A column scores by itself (either direction) or by the rate of the outcome in up to 32 bins
    (missing has its own), learned on the other half of the rows, whichever is better.

    Parameters
    ----------
    matrix : Floats
        Rows and columns; NaN where missing.
    outcome : Bools
        What happened; both values occur.
    seed : int
        Decides the halves.

    Returns
    -------
    tuple[Floats, Floats]
        AUC of each column, and the lower end of its 95 % interval.
    """
    half = np.random.default_rng(seed).random(len(outcome)) < 0.5
    found = np.array([_alone(matrix[:, at], outcome, half) for at in range(matrix.shape[1])])
    few = min(int(outcome.sum()), int((~outcome).sum()))
    return found, found - 1.96 * _error(found, few)


def _error(area: Floats, few: int) -> Floats:
    """Standard error of an AUC, never zero: a few perfect rows prove little (after Hanley)."""
    spread = area * (1.0 - area) + 0.25 / max(few, 1)
    error: Floats = np.sqrt(spread / max(few, 1))
    return error


def _alone(column: Floats, outcome: Bools, half: Bools) -> float:
    seen = np.isfinite(column)
    if not seen.any():
        return 0.5
    filled = np.where(seen, column, np.min(column[seen]) - 1.0)
    straight = auc(outcome, filled)
    code = bins_of(column, seen)
    binned = auc(outcome, cross_rates(code, outcome, half))
    return float(max(straight, 1.0 - straight, binned))


def bins_of(column: Floats, seen: Bools) -> Ints:
    """Return the bin of each value: its own where few occur, else by quantiles; 0 is missing.

    Parameters
    ----------
    column : Floats
        Values.
    seen : Bools
        Where they are finite; at least once.

    Returns
    -------
    Ints
        Codes from 0.
    """
    values = column[seen]
    distinct = np.unique(values)
    if len(distinct) > BINS:
        # the most common value keeps a bin of its own, such as the many zeros of a sum
        distinct = np.unique(np.quantile(values, np.linspace(0, 1, BINS), method="lower"))
    code = np.zeros(len(column), dtype=np.int64)
    code[seen] = np.searchsorted(distinct, values, side="right")
    return code


def cross_rates(code: Ints, outcome: Bools, half: Bools) -> Floats:
    """Return the smoothed rate of the outcome in each row's bin, learned on the other half.

    Parameters
    ----------
    code : Ints
        Bins from 0.
    outcome : Bools
        What happened.
    half : Bools
        Which half a row belongs to.

    Returns
    -------
    Floats
        One rate a row.
    """
    size = int(code.max()) + 1
    rate = np.empty(len(code))
    for part in (half, ~half):
        inside = ~part
        prior = float(outcome[inside].mean()) if inside.any() else 0.5
        n = np.bincount(code[inside], minlength=size)
        hit = np.bincount(code[inside], weights=outcome[inside], minlength=size)
        rate[part] = ((hit + prior) / (n + 1.0))[code[part]]
    return rate


def probe_auc(matrix: Floats, outcome: Bools, seed: int) -> float:
    """Return the AUC of a quick boosted model, each half scored by a model of the other.

    Parameters
    ----------
    matrix : Floats
        Rows and columns; NaN where missing.
    outcome : Bools
        What happened.
    seed : int
        Decides the halves.

    Returns
    -------
    float
        0.5 where there is no column.
    """
    if matrix.shape[1] == 0:
        return 0.5
    half = np.random.default_rng([seed, 1]).random(len(outcome)) < 0.5
    said = np.empty(len(outcome))
    for part in (half, ~half):
        inside = ~part
        if len(np.unique(outcome[inside])) < 2 or not part.any():
            return 0.5
        said[part] = quick_trees(matrix[inside], outcome[inside], seed).predict(matrix[part])
    areas = [auc(outcome[part], said[part]) for part in (half, ~half)]
    return float(np.nanmean(areas)) if np.isfinite(areas).any() else 0.5


def quick_trees(matrix: Floats, outcome: Bools, seed: int) -> lgb.Booster:
    """Fit a small boosted model in a fraction of a second.

    Parameters
    ----------
    matrix : Floats
        Rows and columns.
    outcome : Bools
        What happened.
    seed : int
        Of the column sampling.

    Returns
    -------
    lgb.Booster
        Says log-odds turned into probabilities.
    """
    options = {
        "objective": "binary", "learning_rate": 0.15, "num_leaves": 7, "lambda_l2": 5.0,
        "min_data_in_leaf": int(np.clip(len(outcome) / 50, 5, 50)), "feature_fraction": 0.6,
        "max_bin": 31, "seed": seed, "deterministic": True, "force_row_wise": True,
        "num_threads": 1, "verbose": -1,
    }  # fmt: skip
    data = lgb.Dataset(matrix, outcome.astype(np.float64))
    return lgb.train(options, data, PROBE_ROUNDS)


def outcome_columns(
    names: Sequence[str], matrix: Floats, outcome: Bools, seed: int
) -> list[Finding]:
    """Find columns that are the outcome in disguise, or were filled in because of it.

    Parameters
    ----------
    names : Sequence[str]
        One a column.
    matrix : Floats
        Rows and columns; NaN where missing.
    outcome : Bools
        What happened.
    seed : int
        Decides halves and the quick model.

    Returns
    -------
    list[Finding]
        Of the kinds `copy_of_outcome`, `missing_tells` and `too_good_alone`.
    """
    if min(int(outcome.sum()), int((~outcome).sum())) < LEAST_EACH or not len(names):
        return []
    area, lower = single_scores(matrix, outcome, seed)
    findings = _missing(names, matrix, outcome)
    told = {x.column for x in findings}
    suspects = np.flatnonzero(lower >= ALONE).tolist()
    if not suspects:
        return findings
    strong = lower >= COPY - 0.03  # copies come in pairs: none may count as the rest
    rest = probe_auc(matrix[:, ~strong], outcome, seed) if strong.any() else 0.5
    for at in suspects:
        if names[at] in told:
            continue
        others = rest
        if not strong[at]:
            # the others together are at least as good as the best of them: most end here
            best = float(np.max(np.delete(area, at), initial=0.5))
            if 1.0 - area[at] >= FAR_BEHIND * (1.0 - best):
                continue
            others = probe_auc(np.delete(matrix, at, axis=1), outcome, seed)
        found = _judge(names[at], matrix[:, at], outcome, area[at], lower[at], others)
        findings += [found] if found else []
    return findings


def _judge(
    name: str, column: Floats, outcome: Bools, area: float, lower: float, rest: float
) -> Finding | None:
    wrong, wrong_rest = 1.0 - area, 1.0 - max(rest, 0.5)
    evidence = {"auc": area, "auc_low": lower, "auc_rest": rest}
    shown = {"auc": f"{area:.3f}", "rest": f"{rest:.3f}"}
    exact = area >= EXACT and wrong_rest >= 0.005
    near = lower >= COPY and wrong < 0.33 * wrong_rest
    if exact or near:
        return Finding("copy_of_outcome", name, "refuse", evidence, shown)
    if wrong < FAR_BEHIND * wrong_rest and _one_sided(column, outcome):
        return Finding("too_good_alone", name, "warn", evidence, shown)
    return None


def _one_sided(column: Floats, outcome: Bools) -> bool:
    """Whether being away from the most common value says (nearly) all the column has to say.

    Sums and marks that are written because of the outcome look like that; honest measures of
    time and rhythm do not.
    """
    seen = np.isfinite(column)
    values, n = np.unique(column[seen], return_counts=True)
    if len(values) == 0 or n.max() < 0.3 * len(column):
        return False
    away = ~seen | (column != values[np.argmax(n)])
    area = auc(outcome, away.astype(np.float64))
    whole = auc(outcome, np.where(seen, column, values[0] - 1.0))
    return max(area, 1 - area) - 0.5 >= 0.8 * (max(whole, 1 - whole) - 0.5)


def _missing(names: Sequence[str], matrix: Floats, outcome: Bools) -> list[Finding]:
    empty = ~np.isfinite(matrix)
    yes, no = empty[outcome].mean(axis=0), empty[~outcome].mean(axis=0)
    findings = []
    for at in np.flatnonzero(np.abs(yes - no) >= 0.95).tolist():
        evidence = {"missing_yes": float(yes[at]), "missing_no": float(no[at])}
        shown = {name: share(value) for name, value in evidence.items()}
        findings.append(Finding("missing_tells", names[at], "refuse", evidence, shown))
    return findings
