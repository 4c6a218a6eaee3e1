"""Detectors that look at rows: twins across the split, copies made before it, shared customers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from shopkeeper.predict.history import Bools, Floats, Ints
from shopkeeper.predict.leakage.report import Finding, share

MOST_TRAIN, MOST_TEST = 10_000, 10_000
DIRECTIONS = 6
MIXED = 8
"""Columns that decide which rows a sample keeps."""
LEAST_TWINS = 5
NEAR = 1e-3
"""Distance of two standardised rows, per root column, below which they are twins."""
ALIKE = 0.9
"""Share of twins with the same outcome from which they are copies and not coincidences."""


def twin_of(matrix: Floats, train: Bools, seed: int) -> tuple[Ints, Ints]:
    """Find test rows with a (nearly) equal training row.

    Rows are standardised and thrown on six random directions; the nearest training row there is
    then compared on all columns.

    Parameters
    ----------
    matrix : Floats
        Rows and columns; NaN where missing.
    train : Bools
        Which rows are training.
    seed : int
        Decides directions and samples.

    Returns
    -------
    tuple[Ints, Ints]
        Positions of the test rows looked at, and of their twin; -1 for none.
    """
    random = np.random.default_rng([seed, 2])
    inside, outside = np.flatnonzero(train), np.flatnonzero(~train)
    kept = min(MOST_TRAIN / len(inside), MOST_TEST / len(outside))
    if kept < 1.0:
        chosen = content_draw(matrix, random) < kept
        inside, outside = inside[chosen[inside]], outside[chosen[outside]]
        inside, outside = inside[: 2 * MOST_TRAIN], outside[: 2 * MOST_TEST]
        if not len(inside) or not len(outside):
            return outside, np.full(len(outside), -1)
    ready = _standardised(matrix[np.concatenate([inside, outside])])
    thrown = ready @ random.normal(size=(ready.shape[1], DIRECTIONS))
    tree = cKDTree(thrown[: len(inside)])
    _, nearest = tree.query(thrown[len(inside) :], k=1)
    gap = ready[len(inside) :] - ready[nearest]
    near = np.sqrt(np.mean(gap**2, axis=1)) <= NEAR
    return outside, np.where(near, inside[nearest], -1)


def content_draw(matrix: Floats, random: np.random.Generator) -> Floats:
    """Return a number in [0, 1) that depends on the content of a row alone.

    A sample by it keeps both of two equal rows or neither, so that twins survive sampling.

    Parameters
    ----------
    matrix : Floats
        Rows and columns.
    random : np.random.Generator
        Decides which columns count and how they are mixed.

    Returns
    -------
    Floats
        One number a row; rows that differ by a millionth have the same, but for a few.
    """
    chosen = random.permutation(matrix.shape[1])[:MIXED]
    mixed = np.zeros(len(matrix), dtype=np.uint64)
    for at in chosen.tolist():
        column = np.nan_to_num(matrix[:, at], nan=-9.0, posinf=9.0, neginf=-9.0)
        step = max(float(column.std()), 1e-9) / 50.0
        part = np.round(column / step).astype(np.int64).astype(np.uint64)
        mixed = (mixed ^ part) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    return np.asarray((mixed >> np.uint64(11)).astype(np.float64) / 2.0**53)


def _standardised(matrix: Floats) -> Floats:
    seen = np.isfinite(matrix)
    filled = np.where(seen, matrix, 0.0)
    count = np.maximum(seen.sum(axis=0), 1)
    centre = filled.sum(axis=0) / count
    spread = np.sqrt((np.where(seen, matrix - centre, 0.0) ** 2).sum(axis=0) / count)
    with np.errstate(invalid="ignore"):
        ready = np.where(seen, (matrix - centre) / np.maximum(spread, 1e-12), -3.0)
    return ready[:, spread > 1e-12]


def twins(matrix: Floats, outcome: Bools, train: Bools, seed: int) -> list[Finding]:
    """Find copies across the split: made before it, or present in the data.

    Coincidences are no copies: rows that agree in all columns but not in the outcome count
    against. Of pairs in which either row has the rarer outcome, copies agree always, and
    coincidences hardly more often than the outcome is common.

    Parameters
    ----------
    matrix : Floats
        Rows and columns; NaN where missing.
    outcome : Bools
        What happened.
    train : Bools
        Which rows are training.
    seed : int
        Decides directions and samples.

    Returns
    -------
    list[Finding]
        Of the kinds `oversampled_before_split` and `duplicates_across_split`.
    """
    if train.all() or not train.any() or matrix.shape[1] == 0:
        return []
    rows, twin = twin_of(matrix, train, seed)
    has = twin >= 0
    rare = outcome if outcome.mean() <= 0.5 else ~outcome
    minority, other = has[rare[rows]], has[~rare[rows]]
    pairs = has & (rare[rows] | rare[np.maximum(twin, 0)])
    if int(pairs.sum()) < LEAST_TWINS or not len(minority):
        return []
    alike = float(np.mean(rare[rows[pairs]] == rare[twin[pairs]]))
    t1 = float(minority.mean())
    t0 = float(other.mean()) if len(other) else 0.0
    evidence = {"minority": t1, "majority": t0, "alike": alike, "pairs": float(pairs.sum())}
    if t1 >= 0.2 and t1 > 3.0 * t0 + 0.1 and alike >= ALIKE:
        shown = {"minority": share(t1), "majority": share(t0)}
        return [Finding("oversampled_before_split", "", "refuse", evidence, shown)]
    if alike < ALIKE:
        return []
    part = float(has.mean())
    shown = {"twins": f"{int(has.sum()):,}", "share": share(part)}
    severity: Any = "refuse" if part >= 0.01 else "warn"
    return [Finding("duplicates_across_split", "", severity, evidence | {"share": part}, shown)]


def shared_groups(
    groups: npt.NDArray[Any], train: Bools, moments: Ints | None = None
) -> list[Finding]:
    """Find customers whose rows are on both sides of a split.

    Parameters
    ----------
    groups : npt.NDArray[Any]
        Customer of each row.
    train : Bools
        Which rows are training.
    moments : Ints | None
        Moment of each row. Where every test row is later than every training row, a customer may
        be on both sides: that is what predicting the future of known customers means.

    Returns
    -------
    list[Finding]
        Of the kind `group_across_split`.
    """
    if train.all() or not train.any():
        return []
    if moments is not None and moments[~train].min() > moments[train].max():
        return []
    both = np.intersect1d(groups[train], groups[~train])
    if not len(both):
        return []
    part = float(np.isin(groups[~train], both).mean())
    shown = {"groups": f"{len(both):,}", "share": share(part)}
    evidence = {"groups": float(len(both)), "share": part}
    return [Finding("group_across_split", "", "refuse", evidence, shown)]
