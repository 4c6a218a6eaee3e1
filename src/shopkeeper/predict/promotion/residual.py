"""What price and demand do that nothing else explains: fixed effects out, then cross-fitted learners.

Chernozhukov et al., "Double/debiased machine learning for treatment and structural parameters",
Econometrics Journal 21 (2018), section 4.1 (partially linear model); folds are blocks of time, so
that neighbours in time do not lend each other their shocks.
"""

from __future__ import annotations

import lightgbm as lgb
import numpy as np

from shopkeeper.predict.history import Bools, Floats, Ints
from shopkeeper.predict.promotion.data import PriceData

__all__ = ["demean", "residuals", "time_blocks"]

FOLDS = 5
SWEEPS = 30
ROWS_OF_TREES = 20_000
KNOTS = (0.25, 0.5, 0.75)


def demean(columns: Floats, codes: tuple[Ints, ...], sweeps: int = SWEEPS) -> Floats:
    """Take fixed effects out by alternating projections.

    Parameters
    ----------
    columns : Floats
        Shape (rows, columns).
    codes : tuple[Ints, ...]
        Group of each row, one array an effect.
    sweeps : int
        Rounds at most.

    Returns
    -------
    Floats
        Columns without group means.

    Examples
    --------
    >>> import numpy as np
    >>> unit, time = np.repeat([0, 1], 3), np.tile([0, 1, 2], 2)
    >>> y = 5.0 * unit + 2.0 * time
    >>> bool(np.abs(demean(y[:, None], (unit, time))).max() < 1e-9)
    True
    """
    answer = np.array(columns, dtype=np.float64)
    compact = [np.unique(code, return_inverse=True)[1] for code in codes]
    sizes = [np.bincount(code) for code in compact]
    for _ in range(sweeps):
        moved = 0.0
        for code, size in zip(compact, sizes, strict=True):
            for at in range(answer.shape[1]):
                mean = np.bincount(code, weights=answer[:, at], minlength=len(size)) / size
                answer[:, at] -= mean[code]
                moved = max(moved, float(np.abs(mean).max(initial=0.0)))
        if moved < 1e-10 or len(codes) == 1:
            break
    return answer


def time_blocks(period: Ints, folds: int = FOLDS) -> Ints:
    """Divide periods into successive blocks of about equal length.

    Parameters
    ----------
    period : Ints
        Period of each row.
    folds : int
        Blocks.

    Returns
    -------
    Ints
        Block of each row.
    """
    _, place = np.unique(period, return_inverse=True)
    return np.asarray(place * folds // (int(place.max()) + 1), dtype=np.int64)


def memory_controls(data: PriceData, others: list[Floats]) -> tuple[Floats, Bools]:
    """Demand, price and other columns of the period before, and whether there was one.

    All of them are needed: together they leave the shock of the period before.
    """
    follows = np.zeros(len(data.unit), dtype=bool)
    follows[1:] = (np.diff(data.unit) == 0) & (np.diff(data.period) == 1)
    before = np.column_stack([np.log(data.units), np.log(data.price), *others])
    lagged = np.zeros_like(before)
    lagged[1:] = before[:-1]
    return lagged, follows


def residuals(
    data: PriceData, treatment: Floats, *, folds: int = FOLDS, seed: int = 0, memory: bool = True
) -> tuple[Floats, Floats, Bools]:
    """Return what is left of log units and of treatments.

    Parameters
    ----------
    data : PriceData
        Rows in order.
    treatment : Floats
        Log prices, shape (rows, treatments).
    folds : int
        Blocks of time for cross-fitting.
    seed : int
        Decides the trees.
    memory : bool
        Whether demand and price of the period before are controls: they are where shops cut prices
        after bad weeks, and customers stock up. Rows without a period before are then left out.

    Returns
    -------
    tuple[Floats, Floats, Bools]
        Log units (rows,), treatments (rows, treatments), and the rows kept.
    """
    extra = [np.asarray(column, dtype=np.float64) for column in data.controls.values()]
    if data.promotion is not None and np.ptp(data.promotion) > 0:
        extra.append(data.promotion)
    keep = np.ones(len(data.units), dtype=bool)
    if memory:
        lagged, follows = memory_controls(data, extra)
        if follows.mean() > 0.6:
            keep = follows
            extra += list(lagged.T)
    told = np.column_stack([np.log(data.units), treatment])[keep]
    codes = (data.unit[keep], data.period[keep])
    both = demean(told, codes)
    if extra:
        # Bent before effects are taken out: a step in a control stays one.
        raw = _bent(np.column_stack(extra)[keep])
        both = _cross_fitted(both, demean(raw, codes), time_blocks(data.period[keep], folds), seed)
        # Learners leave a little of the effects behind.
        both = demean(both, codes)
    return both[:, 0], both[:, 1:], keep


def _bent(columns: Floats) -> Floats:
    """Columns, their squares, and hinges at their quartiles."""
    parts = []
    for at in range(columns.shape[1]):
        x = np.nan_to_num(columns[:, at])
        spread = float(x.std())
        if spread < 1e-12:
            continue
        z = (x - x.mean()) / spread
        parts.append(z)
        if len(np.unique(z[:2000])) > 4:
            parts.append(z**2)
            parts += [np.maximum(z - knot, 0.0) for knot in np.quantile(z, KNOTS)]
    return np.column_stack(parts) if parts else np.zeros((len(columns), 0))


def _cross_fitted(targets: Floats, controls: Floats, fold: Ints, seed: int) -> Floats:
    if controls.shape[1] == 0:
        return targets
    answer = np.array(targets)
    for block in range(int(fold.max()) + 1):
        out, rest = fold == block, fold != block
        x, y = controls[rest], targets[rest]
        ridge = 1e-3 * len(x) * np.diag(np.maximum(x.var(axis=0), 1e-9))
        slope = np.linalg.solve(x.T @ x + ridge, x.T @ y)
        answer[out] = targets[out] - controls[out] @ slope
        if len(targets) < ROWS_OF_TREES:
            continue
        left = y - x @ slope
        for at in range(targets.shape[1]):
            trees = lgb.train(
                {"objective": "regression", "learning_rate": 0.08, "num_leaves": 15, "seed": seed,
                 "min_data_in_leaf": 200, "verbosity": -1, "deterministic": True,
                 "force_row_wise": True, "max_bin": 63},
                lgb.Dataset(x.astype(np.float32), left[:, at]), num_boost_round=60,
            )  # fmt: skip
            answer[out, at] -= np.asarray(trees.predict(controls[out].astype(np.float32)))
    return answer
