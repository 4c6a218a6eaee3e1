"""What a propensity model learns from rows: encodings, learners, their mix and their calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from shopkeeper.core.errors import InputError, NotEnoughDataError
from shopkeeper.predict.calibrate import Calibrator, fit_calibrator, log_loss
from shopkeeper.predict.churn.learners import chance
from shopkeeper.predict.history import Bools, Floats, Ints
from shopkeeper.predict.memory import matrix_bytes, require_memory
from shopkeeper.predict.propensity.encode import Encoding, fit_encoding
from shopkeeper.predict.propensity.learners import (
    CHECKPOINTS,
    STRENGTHS,
    Settings,
    SingleColumn,
    best_column,
    fit_lines,
    fit_trees,
    line_margin,
    tree_margin,
)
from shopkeeper.predict.propensity.table import Sheet
from shopkeeper.predict.split import customer_folds

LEAST_ROWS = 50
LEAST_OUTCOMES = 10
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Shares of the trees in the mix that are tried."""
EVEN = 0.5
"""The mix that is kept unless another is better by more than `MARGIN` nats a row."""
MARGIN = 2e-4
METHODS = ("logistic", "boosted", "shopkeeper")


@dataclass(frozen=True, slots=True)
class TrainingRows:
    """Rows whose outcome is known.

    Parameters
    ----------
    sheet : Sheet
        What is read.
    outcome : Bools
        What happened.
    group : npt.NDArray[Any] | None
        Rows of one group (customer) are never on both sides of a split; None: equal rows are not.
    weight : Floats | None
        How much each row counts in the learners; the probabilities stay those of the rows as given.
    """

    sheet: Sheet
    outcome: Bools
    group: npt.NDArray[Any] | None = None
    weight: Floats | None = None

    def take(self, rows: Any) -> TrainingRows:
        """Return some rows.

        Parameters
        ----------
        rows : Any
            Positions or a mask.

        Returns
        -------
        TrainingRows
            Those rows.
        """
        return TrainingRows(
            self.sheet.take(rows),
            self.outcome[rows],
            None if self.group is None else self.group[rows],
            None if self.weight is None else self.weight[rows],
        )


@dataclass(frozen=True, slots=True)
class Learned:
    """Everything `fit` learns.

    Parameters
    ----------
    encoding : Encoding
        From sheet to matrices.
    sources : tuple[int, ...]
        Column of the layout behind each column of the line.
    line : tuple[float, ...]
        Coefficients, the intercept last.
    line_mean : tuple[float, ...]
        Mean of each column of the line in training.
    trees : str
        LightGBM model text.
    share : float
        Share of the trees in the mix.
    calibrators : dict[str, Calibrator]
        For `logistic`, `boosted` and the mix, `shopkeeper`.
    single : SingleColumn
        The best rule of one column.
    base_rate : float
        Share of training rows with the outcome.
    usual : tuple[float, ...]
        Median of each number in training.
    settings : Settings
        Of the trees.
    strength : float
        Inverse penalty of the line.
    rounds : int
        Number of trees.
    rows : int
        Rows learned from.
    seed : int
        Seed of the fit.
    """

    encoding: Encoding
    sources: tuple[int, ...]
    line: tuple[float, ...]
    line_mean: tuple[float, ...]
    trees: str
    share: float
    calibrators: dict[str, Calibrator]
    single: SingleColumn
    base_rate: float
    usual: tuple[float, ...]
    settings: Settings
    strength: float
    rounds: int
    rows: int
    seed: int


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """Log-odds of every training row by learners that never saw its group.

    Parameters
    ----------
    line : dict[float, Floats]
        By inverse penalty.
    trees : dict[int, Floats]
        By number of trees.
    """

    line: dict[float, Floats]
    trees: dict[int, Floats]

    def best(self, outcome: Bools) -> tuple[float, int, float]:
        """Choose penalty, number of trees and mix by the mean log-loss.

        Parameters
        ----------
        outcome : Bools
            What happened.

        Returns
        -------
        tuple[float, int, float]
            Inverse penalty, number of trees, share of the trees.
        """
        line = {k: log_loss(outcome, chance(v)) for k, v in self.line.items()}
        trees = {k: log_loss(outcome, chance(v)) for k, v in self.trees.items()}
        strength, rounds = min(line, key=lambda k: line[k]), min(trees, key=lambda k: trees[k])
        mixed = {
            share: log_loss(outcome, chance(self.mix(strength, rounds, share))) for share in SHARES
        }
        share = min(mixed, key=lambda k: mixed[k])
        return strength, rounds, EVEN if mixed[EVEN] <= mixed[share] + MARGIN else share

    def mix(self, strength: float, rounds: int, share: float) -> Floats:
        """Return the log-odds of a mix.

        Parameters
        ----------
        strength : float
            Inverse penalty of the line.
        rounds : int
            Number of trees.
        share : float
            Share of the trees.
        """
        return (1.0 - share) * self.line[strength] + share * self.trees[rounds]


def check_rows(data: TrainingRows) -> None:
    """Refuse rows that cannot be learned from.

    Parameters
    ----------
    data : TrainingRows
        Rows.

    Raises
    ------
    NotEnoughDataError
        With the number of rows or outcomes that are missing.
    InputError
        When a weight is missing or negative, or no column is left.
    """
    rows, yes = len(data.outcome), int(data.outcome.sum())
    if not data.sheet.layout.columns:
        raise InputError(
            "no column is left to learn from", next_step="exclude fewer columns", columns=0
        )
    if rows < LEAST_ROWS:
        raise NotEnoughDataError(
            f"not enough data to say: {rows} customers are known, {LEAST_ROWS - rows} more are needed",
            next_step="choose a wider audience, or wait for more data",
            found=rows,
            needed=LEAST_ROWS,
        )
    for happened, count in ((True, yes), (False, rows - yes)):
        if count < LEAST_OUTCOMES:
            which = "with" if happened else "without"
            raise NotEnoughDataError(
                f"not enough data to say: {count} of {rows:,} customers are {which} the outcome, "
                f"{LEAST_OUTCOMES - count} more are needed",
                next_step="choose a longer horizon, a more common target or a wider audience",
                found=count,
                needed=LEAST_OUTCOMES,
                outcome=happened,
            )
    if data.weight is not None:
        wrong = ~np.isfinite(data.weight) | (data.weight < 0)
        if wrong.any():
            row = int(np.argmax(wrong))
            raise InputError(
                f"the weight of row {row + 1} is {data.weight[row]} ({int(wrong.sum())} in all)",
                next_step="give every row a weight of 0 or more",
                row=row + 1,
            )


def require_room(rows: int, columns: int, limit_mb: int) -> None:
    """Refuse early where training would not fit.

    Parameters
    ----------
    rows, columns : int
        Size of the training table.
    limit_mb : int
        Bound, MiB.

    Raises
    ------
    TooLargeError
        With the estimate and the rows that fit.
    """
    # the sheet, its encoded copies for line and trees, one fold of each, and LightGBM's bins
    needed = matrix_bytes(rows, columns, copies=6.0) + matrix_bytes(rows, 24)
    require_memory(
        "training the model", needed, limit_mb,
        "train on a sample of the customers, exclude columns, or raise the bound", size=rows,
    )  # fmt: skip


def row_keys(sheet: Sheet) -> npt.NDArray[np.uint64]:
    """Return a number for each row that depends on its content alone.

    Parameters
    ----------
    sheet : Sheet
        Rows.

    Returns
    -------
    npt.NDArray[np.uint64]
        Equal rows have equal numbers.
    """
    mixed = np.full(len(sheet), 0x9E3779B97F4A7C15, dtype=np.uint64)
    values = np.ascontiguousarray(np.nan_to_num(sheet.values, nan=-7.25e77)) + 0.0
    for part in (*values.T, *sheet.codes.T):
        bits = np.ascontiguousarray(part).view(np.uint64)
        mixed = (mixed ^ bits) * np.uint64(0xBF58476D1CE4E5B9)
        mixed ^= mixed >> np.uint64(31)
    return mixed


def folds_of(data: TrainingRows, folds: int, seed: int) -> Ints:
    """Assign rows to folds: groups stay whole, equal rows stay together, order does not matter.

    Parameters
    ----------
    data : TrainingRows
        Rows.
    folds : int
        Number of folds.
    seed : int
        Decides the assignment.

    Returns
    -------
    Ints
        In [0, folds).
    """
    if data.group is None:
        code = (row_keys(data.sheet) >> np.uint64(1)).astype(np.int64)
    else:
        code = np.unique(data.group, return_inverse=True)[1].astype(np.int64)
    return customer_folds(code, folds, seed)


def out_of_fold(
    data: TrainingRows, settings: Settings, seed: int,
    strengths: Sequence[float] = STRENGTHS, checkpoints: Sequence[int] = CHECKPOINTS,
) -> OutOfFold:  # fmt: skip
    """Score every row by learners that never saw its group.

    Parameters
    ----------
    data : TrainingRows
        Rows.
    settings : Settings
        Of the trees.
    seed : int
        Decides folds and sampling.
    strengths : Sequence[float]
        Inverse penalties of the line.
    checkpoints : Sequence[int]
        Numbers of trees.

    Returns
    -------
    OutOfFold
        Log-odds by learner.
    """
    rows = len(data.outcome)
    fold = folds_of(data, 5 if rows < 5_000 else 3, seed)
    line = {s: np.zeros(rows) for s in strengths}
    trees = {c: np.zeros(rows) for c in checkpoints}
    for part in np.unique(fold):
        out = fold == part
        known, asked = data.take(~out), data.sheet.take(out)
        if len(np.unique(known.outcome)) < 2:
            rate = (known.outcome.sum() + 0.5) / (len(known.outcome) + 1.0)
            for margins in (line, trees):
                for values in margins.values():
                    values[out] = np.log(rate / (1.0 - rate))
            continue
        encoding, rates = fit_encoding(known.sheet, known.outcome, folds_of(known, 5, seed + 1))
        design, _ = encoding.line(known.sheet, rates)
        fitted = fit_lines(design, known.outcome, known.weight, strengths)
        for strength, weights in zip(strengths, fitted, strict=True):
            line[strength][out] = line_margin(encoding.line(asked)[0], weights)
        grown = fit_trees(
            encoding.trees(known.sheet, rates), known.outcome, known.weight, settings,
            max(checkpoints), seed,
        )  # fmt: skip
        ready = encoding.trees(asked)
        for rounds in checkpoints:
            trees[rounds][out] = tree_margin(grown, ready, rounds)
    return OutOfFold(line, trees)


def learn(data: TrainingRows, settings: Settings, seed: int) -> Learned:
    """Fit encodings and learners, choose their mix, calibrate it.

    Parameters
    ----------
    data : TrainingRows
        Rows.
    settings : Settings
        Of the trees.
    seed : int
        Decides everything random.

    Returns
    -------
    Learned
        All fitted parts.
    """
    # a canonical order: the sampling of the trees goes by position
    order = np.lexsort((data.outcome, row_keys(data.sheet)))
    data = data.take(order)
    unseen = out_of_fold(data, settings, seed)
    strength, rounds, share = unseen.best(data.outcome)
    margins = {
        "logistic": unseen.line[strength],
        "boosted": unseen.trees[rounds],
        "shopkeeper": unseen.mix(strength, rounds, share),
    }
    calibrators = {k: fit_calibrator(chance(v), data.outcome) for k, v in margins.items()}
    fold = folds_of(data, 5, seed + 1)
    encoding, rates = fit_encoding(data.sheet, data.outcome, fold)
    design, sources = encoding.line(data.sheet, rates)
    (weights,) = fit_lines(design, data.outcome, data.weight, (strength,))
    trees = fit_trees(
        encoding.trees(data.sheet, rates), data.outcome, data.weight, settings, rounds, seed
    )
    with np.errstate(all="ignore"):
        usual = np.array([_median(x) for x in data.sheet.values.T])
    return Learned(
        encoding=encoding,
        sources=tuple(sources.tolist()),
        line=tuple(weights.tolist()),
        line_mean=tuple(design.mean(axis=0).tolist()),
        trees=trees.model_to_string(),
        share=share,
        calibrators=calibrators,
        single=best_column(data.sheet, data.outcome, fold),
        base_rate=float(data.outcome.mean()),
        usual=tuple(usual.tolist()),
        settings=replace(settings),
        strength=strength,
        rounds=rounds,
        rows=len(data.outcome),
        seed=seed,
    )


def _median(values: Floats) -> float:
    seen = values[np.isfinite(values)]
    return float(np.median(seen)) if len(seen) else 0.0


def booster(learned: Learned) -> lgb.Booster:
    """Return the trees, read from their text.

    Parameters
    ----------
    learned : Learned
        Fitted parts.

    Returns
    -------
    lgb.Booster
        The trees.
    """
    return lgb.Booster(model_str=learned.trees)
