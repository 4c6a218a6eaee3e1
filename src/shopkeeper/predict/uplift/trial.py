"""A randomised trial as arrays, and what it must hold before anything is learned from it.

A trial compares customers who were treated by chance with customers who were left alone by chance.
Everything here rests on that chance: without it, or with too few rows, there is no answer, and the
refusal says how many more rows would give one.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
import numpy.typing as npt

from shopkeeper.core.errors import InputError, NotEnoughDataError
from shopkeeper.predict.history import Bools, Floats, Ints

Matrix = npt.NDArray[np.float32]

LEAST_ARM = 100
"""Rows of the smaller arm below which nothing is learned."""
LEAST_EVENTS = 10
"""Rows with another than the most frequent outcome, in each arm."""
CLIP = 0.01
"""Propensities are kept this far from 0 and 1."""
POWER = 1.96 + 0.8416
"""Sum of normal quantiles: two-sided 5 %, power .8."""
EFFECT_SD = 0.2
"""Difference, in standard deviations of the outcome, that a trial should at least be able to see:
"small" by Cohen (1988)."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Customers of a randomised trial; one row each.

    Parameters
    ----------
    columns : tuple[str, ...]
        Names of the columns of `matrix`, known before the treatment.
    matrix : Matrix
        (rows, columns) float32; NaN where a value is missing.
    treated : Bools
        Whether the customer was treated.
    outcome : Floats
        What happened; any unit, more is better.
    propensity : Floats | float | None
        Probability of treatment where it is known, by row or for all; None estimates it.
    weight : Floats | None
        Weight of each row; None counts every row once.
    """

    columns: tuple[str, ...]
    matrix: Matrix
    treated: Bools
    outcome: Floats
    propensity: Floats | float | None = None
    weight: Floats | None = None

    @property
    def rows(self) -> int:
        """Number of customers."""
        return len(self.treated)

    @property
    def binary(self) -> bool:
        """Whether the outcome is only ever 0 or 1."""
        return bool(((self.outcome == 0) | (self.outcome == 1)).all())

    @property
    def weights(self) -> Floats:
        """Weight by row, ones where none were given."""
        return np.ones(self.rows) if self.weight is None else self.weight

    def take(self, places: npt.NDArray[Any]) -> Trial:
        """Some rows.

        Parameters
        ----------
        places : npt.NDArray[Any]
            Positions, or one flag a row.

        Returns
        -------
        Trial
            The same columns.
        """
        share = self.propensity
        return Trial(
            self.columns,
            self.matrix[places],
            self.treated[places],
            self.outcome[places],
            share[places] if isinstance(share, np.ndarray) else share,
            None if self.weight is None else self.weight[places],
        )


def check_trial(trial: Trial) -> None:
    """Refuse what no effect can be learned from.

    Parameters
    ----------
    trial : Trial
        Rows as they came.

    Raises
    ------
    InputError
        When weights, outcomes, propensities or features are not finite numbers in their range, or
        there is no feature.
    NotEnoughDataError
        When an arm is missing or too small, or outcomes do not differ; says how many more rows are
        needed.
    """
    _check_numbers(trial)
    arms = {True: int(trial.treated.sum()), False: int((~trial.treated).sum())}
    words = {True: "treated", False: "control"}
    for arm, size in arms.items():
        if size == 0:
            raise NotEnoughDataError(
                f"all {trial.rows} rows are {words[not arm]}: there is no {words[arm]} row to "
                f"compare with, {LEAST_ARM} are needed",
                next_step="hold out a random part of the customers, or name the other arm",
                needed=LEAST_ARM, found=0, arm=words[arm],
            )  # fmt: skip
    small = min(arms, key=lambda arm: arms[arm])
    if arms[small] < LEAST_ARM:
        more = LEAST_ARM - arms[small]
        raise NotEnoughDataError(
            f"not enough data to say: the {words[small]} arm has {arms[small]} rows, {more} more "
            f"are needed before anything is learned{_power(trial, arms[small])}",
            next_step=f"wait for {more} more randomised rows in the {words[small]} arm",
            needed=LEAST_ARM, found=arms[small], more=more, arm=words[small],
        )  # fmt: skip
    values, counts = np.unique(trial.outcome, return_counts=True)
    if len(values) == 1:
        raise NotEnoughDataError(
            f"all {trial.rows} outcomes are equal to {values[0]:g}: no effect can be seen, "
            f"{LEAST_EVENTS} rows of each arm must differ",
            next_step="choose another outcome, or wait longer after the treatment",
            needed=LEAST_EVENTS, found=0,
        )  # fmt: skip
    usual = values[int(np.argmax(counts))]
    events = min(int((trial.outcome[trial.treated == arm] != usual).sum()) for arm in (True, False))
    if events < LEAST_EVENTS:
        # One arm may lose its outcomes by the treatment; both together must still hold enough.
        both = int((trial.outcome != usual).sum())
        more = 2 * LEAST_EVENTS - both
        if more > 0:
            raise NotEnoughDataError(
                f"not enough data to say: only {both} outcomes differ from {usual:g}, "
                f"{more} more are needed",
                next_step="wait for more outcomes, or choose one that happens more often",
                needed=2 * LEAST_EVENTS, found=both, more=more,
            )  # fmt: skip


def _check_numbers(trial: Trial) -> None:
    if trial.matrix.ndim != 2 or trial.matrix.shape[1] == 0 or not len(trial.columns):
        raise InputError(
            "the trial has no column to learn from",
            next_step="give columns known before the treatment, or exclude fewer",
        )
    if trial.weight is not None and not (np.isfinite(trial.weight) & (trial.weight >= 0)).all():
        bad = int(np.flatnonzero(~(np.isfinite(trial.weight) & (trial.weight >= 0)))[0])
        raise InputError(
            f"weight of row {bad + 1} is {trial.weight[bad]}, not a number of 0 or more",
            next_step="give every row a finite weight, or none at all",
            row=bad + 1, field="weight",
        )  # fmt: skip
    if not np.isfinite(trial.outcome).all():
        bad = int(np.flatnonzero(~np.isfinite(trial.outcome))[0])
        raise InputError(
            f"outcome of row {bad + 1} is {trial.outcome[bad]}, not a number",
            next_step="write 0 where nothing happened, or leave the row out",
            row=bad + 1, field="outcome",
        )  # fmt: skip
    if np.isinf(trial.matrix).any():
        row, column = (int(x[0]) for x in np.nonzero(np.isinf(trial.matrix)))
        raise InputError(
            f"column {trial.columns[column]!r} is infinite in row {row + 1}",
            next_step="leave the value empty where it is not known",
            row=row + 1, field=trial.columns[column],
        )  # fmt: skip
    if trial.propensity is None:
        return
    share = np.broadcast_to(np.asarray(trial.propensity, dtype=np.float64), (trial.rows,))
    outside = ~(np.isfinite(share) & (share > 0) & (share < 1))
    if outside.any():
        bad = int(np.flatnonzero(outside)[0])
        raise NotEnoughDataError(
            f"{int(outside.sum())} rows have a probability of treatment of 0 or 1 (first: row "
            f"{bad + 1}, {share[bad]:g}): such customers have nobody to be compared with",
            next_step="leave out customers whose treatment was not left to chance",
            row=bad + 1, field="propensity",
        )  # fmt: skip


def _power(trial: Trial, smaller: int) -> str:
    """How many more rows of the smaller arm would show a small effect of the whole."""
    spread = float(trial.outcome.std())
    if spread == 0:
        return ""
    larger = trial.rows - smaller
    # 1/n_small = (effect / POWER)^2 - 1/n_large, in standard deviations.
    room = (EFFECT_SD / POWER) ** 2 - 1.0 / max(larger, 1)
    if room <= 0:
        need = ceil(2 * (POWER / EFFECT_SD) ** 2)
        return f" ({need} rows in each arm would show a difference of {EFFECT_SD * spread:.3g})"
    more = max(ceil(1.0 / room) - smaller, 0)
    return f" ({more} more would show a difference of {EFFECT_SD * spread:.3g} per customer)"


def more_rows_needed(effect: float, spread: float, share: float, rows: int) -> int:
    """Rows still needed to see an average effect with power .8 at 5 %.

    Parameters
    ----------
    effect : float
        Difference per customer that would matter.
    spread : float
        Standard deviation of the outcome, same unit.
    share : float
        Share of treated rows, in (0, 1).
    rows : int
        Rows there are.

    Returns
    -------
    int
        Zero when there are enough.

    Examples
    --------
    >>> more_rows_needed(0.2, 1.0, 0.5, 0)
    785
    """
    if effect == 0 or spread == 0:
        return 0
    need = ceil((POWER * spread / effect) ** 2 / (share * (1.0 - share)))
    return max(need - rows, 0)


def canonical_order(trial: Trial) -> Ints:
    """Positions of the rows in an order that depends on their content alone.

    Parameters
    ----------
    trial : Trial
        Rows in any order.

    Returns
    -------
    Ints
        Folds and samples drawn after this order do not depend on how a file was sorted.
    """
    return np.argsort(row_hash(trial.matrix, trial.treated, trial.outcome), kind="stable")


def row_hash(matrix: Matrix, treated: Bools, outcome: Floats) -> npt.NDArray[np.uint64]:
    """A number by row that depends on its content alone.

    Parameters
    ----------
    matrix : Matrix
        Features.
    treated : Bools
        Arms.
    outcome : Floats
        Outcomes.

    Returns
    -------
    npt.NDArray[np.uint64]
        Evenly spread over 64 bits (multiply-xorshift of each field, summed).
    """
    total = np.zeros(len(treated), dtype=np.uint64)
    parts = [np.where(np.isnan(matrix[:, j]), np.float32(-7e37), matrix[:, j]) for j in
             range(matrix.shape[1])]  # fmt: skip
    parts += [treated.astype(np.float32)]
    for place, part in enumerate(parts):
        bits = np.ascontiguousarray(part + np.float32(0)).view(np.uint32).astype(np.uint64)
        total += _mixed(bits, place)
    bits = np.ascontiguousarray(np.asarray(outcome, dtype=np.float64) + 0.0).view(np.uint64)
    return _mixed(total + _mixed(bits, 97), 98)


def _mixed(bits: npt.NDArray[np.uint64], salt: int) -> npt.NDArray[np.uint64]:
    """Finaliser of SplitMix64 (Steele, Lea and Flood 2014)."""
    with np.errstate(over="ignore"):
        x = bits + np.uint64((0x9E3779B97F4A7C15 * (salt + 1)) % 2**64)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))


def make_folds(treated: Bools, outcome: Floats, folds: int, seed: int) -> Ints:
    """Fold of each row, balanced over arms and over whether anything happened.

    Parameters
    ----------
    treated : Bools
        Arms, in canonical order.
    outcome : Floats
        Outcomes.
    folds : int
        Number of folds.
    seed : int
        Decides the draw.

    Returns
    -------
    Ints
        Numbers in [0, folds).
    """
    random = np.random.default_rng(seed)
    high = outcome > np.median(outcome)
    if not high.any():
        high = outcome != np.median(outcome)
    stratum = treated.astype(np.int64) * 2 + high
    fold = np.empty(len(treated), dtype=np.int64)
    for one in range(4):
        places = np.flatnonzero(stratum == one)
        start = int(random.integers(folds))
        fold[random.permutation(places)] = (np.arange(len(places)) + start) % folds
    return fold
