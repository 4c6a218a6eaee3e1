"""What a propensity model learns from rows: encodings, learners, their mix and their calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import lightgbm as lgb
import numpy as np

from shopkeeper.predict.calibrate import Calibrator, fit_calibrator, log_loss
from shopkeeper.predict.churn.learners import chance
from shopkeeper.predict.history import Bools, Floats
from shopkeeper.predict.propensity.encode import Encoding, fit_encoding
from shopkeeper.predict.propensity.learners import (
    STRENGTHS,
    Settings,
    SingleColumn,
    best_column,
    fit_lines,
    fit_trees,
    line_margin,
    tree_margin,
)
from shopkeeper.predict.propensity.rows import TrainingRows, folds_of, row_keys

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Shares of the trees in the mix that are tried."""
EVEN = 0.5
"""The mix that is kept unless another is better by more than `MARGIN` nats a row."""
MARGIN = 2e-4
METHODS = ("logistic", "boosted", "shopkeeper")


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


def out_of_fold(
    data: TrainingRows, settings: Settings, seed: int,
    strengths: Sequence[float] = STRENGTHS,
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

    Returns
    -------
    OutOfFold
        Log-odds by learner.
    """
    rows, checkpoints = len(data.outcome), settings.checkpoints
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
