"""Rows whose outcome is known: checked, bounded, and parted so that nothing is on both sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from shopkeeper.core.errors import InputError, NotEnoughDataError
from shopkeeper.predict.history import Bools, Floats, Ints
from shopkeeper.predict.memory import matrix_bytes, require_memory
from shopkeeper.predict.propensity.table import Sheet
from shopkeeper.predict.split import customer_folds

LEAST_ROWS = 50
LEAST_OUTCOMES = 10


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
