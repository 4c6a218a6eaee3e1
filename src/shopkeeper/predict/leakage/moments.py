"""Detectors that know about time: what a column looks like without the future, or earlier."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shopkeeper.predict.history import Bools, Floats, Ints
from shopkeeper.predict.leakage.columns import LEAST_EACH, single_scores
from shopkeeper.predict.leakage.report import Finding


def without_future(names: Sequence[str], matrix: Floats, recomputed: Floats) -> list[Finding]:
    """Find columns that change when the rows after the moment are removed.

    Parameters
    ----------
    names : Sequence[str]
        One a column.
    matrix : Floats
        As computed with everything there is.
    recomputed : Floats
        The same rows and columns, computed after the later data were removed.

    Returns
    -------
    list[Finding]
        Of the kind `changes_without_future`; one changed row is enough.
    """
    both_empty = np.isnan(matrix) & np.isnan(recomputed)
    same = both_empty | np.isclose(matrix, recomputed, rtol=1e-9, atol=1e-9)
    findings = []
    for at in np.flatnonzero(~same.all(axis=0)).tolist():
        changed = int((~same[:, at]).sum())
        first = int(np.argmax(~same[:, at]))
        evidence = {"changed": float(changed), "rows": float(len(matrix)), "row": float(first)}
        shown = {"changed": f"{changed:,}"}
        findings.append(Finding("changes_without_future", names[at], "refuse", evidence, shown))
    return findings


def dated_values(names: Sequence[str], seen_us: Ints, moments: Ints) -> list[Finding]:
    """Find columns whose values date from the moment of the prediction or later.

    Parameters
    ----------
    names : Sequence[str]
        One a column.
    seen_us : Ints
        When each value came to be known, microseconds UTC; shape (rows, columns).
    moments : Ints
        Moment of the prediction of each row.

    Returns
    -------
    list[Finding]
        Of the kind `value_from_future`.
    """
    late = (seen_us >= moments[:, None]).sum(axis=0)
    return [
        Finding("value_from_future", names[at], "refuse", {"late": float(late[at])},
                {"late": f"{int(late[at]):,}"})
        for at in np.flatnonzero(late).tolist()
    ]  # fmt: skip


def shifted(
    names: Sequence[str], matrix: Floats, earlier: Floats, outcome: Bools, seed: int
) -> list[Finding]:
    """Find columns that know far more at the moment than one period before it.

    Honest columns age slowly; a column computed with a later moment loses what it saw of the
    outcome. The loss is compared with that of the other columns.

    Parameters
    ----------
    names : Sequence[str]
        One a column.
    matrix : Floats
        Columns at the moment.
    earlier : Floats
        The same columns of the same rows, computed at an earlier moment.
    outcome : Bools
        What happened after the moment.
    seed : int
        Decides the halves of binned scores.

    Returns
    -------
    list[Finding]
        Of the kind `shifted`.
    """
    if min(int(outcome.sum()), int((~outcome).sum())) < LEAST_EACH or matrix.shape[1] == 0:
        return []
    now, lower = single_scores(matrix, outcome, seed)
    before, _ = single_scores(earlier, outcome, seed)
    drop = now - before
    usual = float(np.median(drop))
    spread = float(np.median(np.abs(drop - usual))) + 0.02
    guilty = (lower >= 0.8) & ((1.0 - now) < 0.5 * (1.0 - before)) & (drop > usual + 4.0 * spread)
    return [
        Finding("shifted", names[at], "refuse",
                {"auc": float(now[at]), "earlier": float(before[at]), "usual_drop": usual},
                {"auc": f"{now[at]:.3f}", "earlier": f"{before[at]:.3f}"})
        for at in np.flatnonzero(guilty).tolist()
    ]  # fmt: skip


def overlapping(moments: Ints, train: Bools, horizon_us: int) -> list[Finding]:
    """Find training rows whose outcome was not yet known at the moment of the test.

    Parameters
    ----------
    moments : Ints
        Moment of each row, microseconds UTC.
    train : Bools
        Which rows are training.
    horizon_us : int
        Length of the outcome window.

    Returns
    -------
    list[Finding]
        Of the kind `overlapping_windows`; only where the test lies after training at all.
    """
    if train.all() or not train.any() or moments[~train].min() <= moments[train].max():
        return []
    late = int((moments[train] + horizon_us > moments[~train].min()).sum())
    if not late:
        return []
    return [
        Finding("overlapping_windows", "", "warn", {"rows": float(late)}, {"rows": f"{late:,}"})
    ]
