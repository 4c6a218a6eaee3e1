"""One entry point over all detectors, and the guard that stands before every training run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from shopkeeper.core.errors import InputError, LeakageError
from shopkeeper.predict.history import Bools, Floats, Ints
from shopkeeper.predict.leakage.columns import outcome_columns
from shopkeeper.predict.leakage.moments import dated_values, overlapping, shifted, without_future
from shopkeeper.predict.leakage.report import Finding, LeakageReport
from shopkeeper.predict.leakage.rows import shared_groups, twins
from shopkeeper.predict.leakage.shuffle import Procedure, shuffled_outcome

__all__ = ["guard", "guard_training", "inspect"]

MOST_ROWS = 10_000
"""Rows the column detectors look at; more are sampled, the rarer outcome first."""


def inspect(
    names: Sequence[str],
    matrix: Floats,
    outcome: Bools,
    *,
    moments: Ints | None = None,
    groups: npt.NDArray[Any] | None = None,
    train: Bools | None = None,
    recomputed: Floats | None = None,
    earlier: Floats | None = None,
    seen_us: Ints | None = None,
    horizon_us: int | None = None,
    procedure: Procedure | None = None,
    copies: Ints | None = None,
    more: Sequence[Finding] = (),
    checked: Sequence[str] = (),
    seed: int = 7,
) -> LeakageReport:
    """Look for everything that gives the outcome away; what needs an absent argument is skipped.

    Parameters
    ----------
    names : Sequence[str]
        One a column, each once.
    matrix : Floats
        What a model would read; shape (rows, columns); NaN where missing. Categories as codes.
    outcome : Bools
        What happened, one a row.
    moments : Ints | None
        Moment of the prediction of each row, microseconds UTC.
    groups : npt.NDArray[Any] | None
        Customer of each row.
    train : Bools | None
        Which rows are training; the others test.
    recomputed : Floats | None
        `matrix` computed again after all data at or after the moments were removed; or its first
        rows, as a sample.
    earlier : Floats | None
        `matrix` computed at moments one period earlier.
    seen_us : Ints | None
        When each value came to be known; shape of `matrix`; needs `moments`.
    horizon_us : int | None
        Length of the outcome window; needs `moments` and `train`.
    procedure : Procedure | None
        The whole training, to be run on shuffled outcomes.
    copies : Ints | None
        Number of the original of each row, where the procedure was given copies.
    more : Sequence[Finding]
        What was found elsewhere, for example on some of the rows.
    checked : Sequence[str]
        Kinds that were looked for there.
    seed : int
        Decides samples, halves and shuffles.

    Returns
    -------
    LeakageReport
        Findings, those that refuse first.

    Raises
    ------
    InputError
        If the shapes do not fit each other or a name occurs twice.
    """
    _check(names, matrix, outcome, moments=moments, groups=groups, train=train)
    findings: list[Finding] = list(more)
    checks = [*checked, "copy_of_outcome", "missing_tells", "too_good_alone"]
    at = _sample(outcome, seed)
    findings += outcome_columns(names, matrix[at], outcome[at], seed)
    if recomputed is not None:
        checks.append("changes_without_future")
        findings += without_future(names, matrix[: len(recomputed)], recomputed)
    if seen_us is not None and moments is not None:
        checks.append("value_from_future")
        findings += dated_values(names, seen_us, moments)
    if earlier is not None:
        checks.append("shifted")
        findings += shifted(names, matrix[at], earlier[at], outcome[at], seed)
    if train is not None:
        checks += ["oversampled_before_split", "duplicates_across_split"]
        findings += twins(matrix, outcome, train, seed)
        if groups is not None:
            checks.append("group_across_split")
            findings += shared_groups(groups, train, moments)
        if moments is not None and horizon_us is not None:
            checks.append("overlapping_windows")
            findings += overlapping(moments, train, horizon_us)
    if procedure is not None:
        checks.append("shuffled_outcome_learned")
        findings += shuffled_outcome(procedure, outcome, seed=seed, keep=copies)
    ordered = tuple(sorted(findings, key=lambda x: x.severity != "refuse"))
    return LeakageReport(ordered, tuple(checks), len(outcome), len(names), len(at))


def guard(report: LeakageReport, *, allowed: Sequence[str] = ()) -> LeakageReport:
    """Refuse to train where a finding says so.

    Parameters
    ----------
    report : LeakageReport
        What `inspect` found.
    allowed : Sequence[str]
        Columns a person has vouched for; their findings do not refuse.

    Returns
    -------
    LeakageReport
        The same report, where nothing refuses.

    Raises
    ------
    LeakageError
        Names the guilty column, or the rows; carries every finding in both languages.
    """
    refused = [x for x in report.refused if x.column not in allowed or not x.column]
    if not refused:
        return report
    first, more = refused[0], len(refused) - 1
    rest = f" (and {more} more)" if more else ""
    raise LeakageError(
        f"{first.en}{rest}",
        next_step=first.next_en,
        column=first.column,
        columns=list(dict.fromkeys(x.column for x in refused if x.column)),
        kind=first.kind,
        zh=first.zh,
        next_zh=first.next_zh,
        findings=[x.to_dict() for x in refused],
    )


def guard_training(
    names: Sequence[str],
    matrix: Floats,
    outcome: Bools,
    *,
    moments: Ints | None = None,
    groups: npt.NDArray[Any] | None = None,
    train: Bools | None = None,
    seed: int = 7,
) -> LeakageReport:
    """Inspect what a model is about to learn from, and refuse where the outcome is given away.

    Parameters
    ----------
    names : Sequence[str]
        One a column.
    matrix : Floats
        Rows and columns; NaN where missing.
    outcome : Bools
        What happened.
    moments : Ints | None
        Moment of each row, microseconds UTC.
    groups : npt.NDArray[Any] | None
        Customer of each row.
    train : Bools | None
        Which rows are training; the others test.
    seed : int
        Decides samples and halves.

    Returns
    -------
    LeakageReport
        Warnings at most.

    Raises
    ------
    LeakageError
        Naming the guilty column or rows.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> bought = random.random(200) < 0.5
    >>> matrix = np.column_stack([random.normal(size=200), bought * 9.9])
    >>> guard_training(["age", "paid"], matrix, bought)
    Traceback (most recent call last):
    shopkeeper.core.errors.LeakageError: column 'paid' is the outcome under another name: ...
    """
    report = inspect(names, matrix, outcome, moments=moments, groups=groups, train=train, seed=seed)
    return guard(report)


def _sample(outcome: Bools, seed: int) -> Ints:
    """Positions of at most `MOST_ROWS` rows, up to half of them the rarer outcome."""
    if len(outcome) <= MOST_ROWS:
        return np.arange(len(outcome))
    random = np.random.default_rng([seed, 4])
    rare = outcome if outcome.mean() <= 0.5 else ~outcome
    few = np.flatnonzero(rare)
    if len(few) > MOST_ROWS // 2:
        few = random.choice(few, MOST_ROWS // 2, replace=False)
    many = random.choice(np.flatnonzero(~rare), MOST_ROWS - len(few), replace=False)
    return np.sort(np.concatenate([few, many]))


def _check(names: Sequence[str], matrix: Floats, outcome: Bools, **rows: Any) -> None:
    if matrix.ndim != 2 or matrix.shape != (len(outcome), len(names)):
        raise InputError(
            f"{len(outcome)} outcomes and {len(names)} names do not fit a matrix of {matrix.shape}",
            next_step="give one outcome a row and one name a column",
        )
    if len(set(names)) != len(names):
        twice = sorted({x for x in names if list(names).count(x) > 1})
        raise InputError(
            f"column {twice[0]!r} occurs twice", next_step="name each column once", column=twice[0]
        )
    for what, values in rows.items():
        if values is not None and len(values) != len(outcome):
            raise InputError(
                f"{what} has {len(values)} entries for {len(outcome)} rows",
                next_step="give one entry a row",
            )
