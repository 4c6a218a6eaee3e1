"""Base learners: a penalised line, the same on a wider basis, and boosted trees.

Each is fitted on every fold's complement, chooses its own strength (penalty, number of trees) by the
loss on rows it did not see, and is then fitted on all rows. Zero strength, the constant, is always
among the choices: where a column tells nothing, nothing is learned from it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from scipy.special import expit

from shopkeeper.predict.history import Bools, Floats, Ints
from shopkeeper.predict.uplift.columns import Columns
from shopkeeper.predict.uplift.trial import Matrix

PENALTIES = np.array([0.001, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0])
"""Ridge penalties by unit of total weight, on standardised columns."""
LOGIT_PENALTIES = (0.0003, 0.01, 0.1)
NEWTON_STEPS = 12


class Regressor(Protocol):
    """Something fitted that answers by row."""

    def predict(self, matrix: Matrix) -> Floats:
        """Answer for every row.

        Parameters
        ----------
        matrix : Matrix
            Features, in the order of the training.
        """

    def to_dict(self) -> dict[str, Any]:
        """Plain values from which `regressor_of` makes the same again."""


@dataclass(frozen=True, slots=True)
class CrossFit:
    """A base learner fitted on all rows, and what its copies said about rows they did not see.

    Parameters
    ----------
    base : str
        ``line``, ``basis`` or ``boost``.
    model : Regressor
        Fitted on all rows.
    unseen : Floats
        Answers for every row by the copy that did not see its fold.
    loss : float
        Mean loss of those answers.
    pairs : Floats
        (folds, rows): answer for a row by the copy that saw neither the fold named nor the row's
        own; empty unless asked for.
    """

    base: str
    model: Regressor
    unseen: Floats
    loss: float
    pairs: Floats = field(default_factory=lambda: np.empty((0, 0)))


@dataclass(frozen=True, slots=True)
class Constant:
    """The same answer for everybody.

    Parameters
    ----------
    value : float
        The answer.
    """

    value: float

    def predict(self, matrix: Matrix) -> Floats:
        """Answer for every row.

        Parameters
        ----------
        matrix : Matrix
            Only its length matters.
        """
        return np.full(len(matrix), self.value)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"kind": "constant", "value": self.value}


@dataclass(frozen=True, slots=True)
class Line:
    """A penalised line, or a logistic one.

    Parameters
    ----------
    columns : Columns
        What it is a line in.
    weight : Floats
        Coefficients.
    intercept : float
        Constant.
    logistic : bool
        Whether the line is a logit.
    """

    columns: Columns
    weight: Floats
    intercept: float
    logistic: bool = False

    def predict(self, matrix: Matrix) -> Floats:
        """Answer for every row.

        Parameters
        ----------
        matrix : Matrix
            Raw features.
        """
        line = self.columns.make(matrix) @ self.weight + self.intercept
        return expit(line) if self.logistic else line

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "kind": "line", "columns": self.columns.to_dict(), "weight": self.weight.tolist(),
            "intercept": self.intercept, "logistic": self.logistic,
        }  # fmt: skip


def own_target(target: Floats, fold: Ints) -> Floats:
    """Targets that copies are judged by.

    Parameters
    ----------
    target : Floats
        By row, or (folds, rows) where a row's target depends on which fold is held out.
    fold : Ints
        Fold by row.

    Returns
    -------
    Floats
        By row: what holds when the row's own fold is held out.
    """
    return target if target.ndim == 1 else target[fold, np.arange(len(fold))]


def fit_line(
    made: Floats, columns: Columns, target: Floats, weight: Floats, fold: Ints, use: Bools,
    *, pairs: bool = False,
) -> CrossFit:  # fmt: skip
    """Ridge with the penalty of least loss on unseen folds (Hoerl and Kennard 1970).

    Works on sums of products by fold, which add: no fold is passed over twice.

    Parameters
    ----------
    made : Floats
        Columns of the line for all rows.
    columns : Columns
        What made them.
    target : Floats
        What to predict: by row, or (folds, rows), see `own_target`.
    weight : Floats
        Weight by row.
    fold : Ints
        Fold by row.
    use : Bools
        Rows to learn from; answers are given for all.
    pairs : bool
        Whether copies without two folds are fitted too.

    Returns
    -------
    CrossFit
        The loss is the weighted squared error over rows in use.
    """
    k = int(fold.max()) + 1
    own = own_target(target, fold)
    whole = [_gram(made[x], own[x], weight[x]) for x in ((fold == one) & use for one in range(k))]
    total = np.sum(whole, axis=0)
    answers = np.empty((len(PENALTIES) + 1, len(own)))
    for one in range(k):
        rows = fold == one
        if target.ndim == 1:
            rest = total - whole[one]
        else:
            seen = use & ~rows
            rest = _gram(made[seen], target[one][seen], weight[seen])
        coefficients = _ridge(rest)
        answers[:, rows] = coefficients[:, :1] + coefficients[:, 1:] @ made[rows].T
    w = weight[use]
    losses = [float(np.average((own[use] - said[use]) ** 2, weights=w)) for said in answers]
    best = int(np.argmin(losses))
    chosen = _ridge(total)[best]
    unseen = answers[best]
    twice = np.empty((0, 0))
    if pairs:
        twice = np.tile(unseen, (k, 1))
        for one in range(k):
            for other in range(one):
                b = _ridge(total - whole[one] - whole[other])[best]
                for held, rows in ((one, fold == other), (other, fold == one)):
                    twice[held, rows] = b[0] + made[rows] @ b[1:]
    line = Line(columns, chosen[1:], float(chosen[0]))
    return CrossFit("line", line, unseen, losses[best], twice)


def _gram(made: Floats, target: Floats, weight: Floats) -> Floats:
    a = np.column_stack([np.ones(len(made)), made, target])
    return np.asarray(a.T @ (a * weight[:, None]))


def _ridge(gram: Floats) -> Floats:
    """Intercept and coefficients for every penalty, the infinite one last."""
    total, sums, inner = gram[0, 0], gram[0, 1:-1], gram[1:-1, 1:-1]
    mean = sums / total
    target_mean = gram[0, -1] / total
    cross = gram[1:-1, -1] - sums * target_mean
    values, vectors = np.linalg.eigh(inner - np.outer(sums, mean))
    turned = vectors.T @ cross
    out = np.zeros((len(PENALTIES) + 1, len(mean) + 1))
    for place, penalty in enumerate(PENALTIES):
        out[place, 1:] = vectors @ (turned / (np.maximum(values, 0.0) + penalty * total))
    out[:, 0] = target_mean - out[:, 1:] @ mean
    return out


def fit_logistic(
    made: Floats, columns: Columns, target: Floats, weight: Floats, fold: Ints, use: Bools,
    *, pairs: bool = False,
) -> CrossFit:  # fmt: skip
    """Logistic line with the penalty of least loss on unseen folds.

    Parameters
    ----------
    made : Floats
        Columns of the line for all rows.
    columns : Columns
        What made them.
    target : Floats
        0 or 1.
    weight : Floats
        Weight by row.
    fold : Ints
        Fold by row.
    use : Bools
        Rows to learn from.
    pairs : bool
        Whether copies without two folds are fitted too.

    Returns
    -------
    CrossFit
        The loss is the weighted squared error (Brier), as of the other bases.
    """
    k = int(fold.max()) + 1
    best: tuple[float, float, Floats] | None = None
    for penalty in LOGIT_PENALTIES:
        said = np.empty(len(target))
        for one in range(k):
            rows = use & (fold != one)
            b = _newton(made[rows], target[rows], weight[rows], penalty)
            said[fold == one] = expit(made[fold == one] @ b[1:] + b[0])
        loss = float(np.average((target[use] - said[use]) ** 2, weights=weight[use]))
        if best is None or loss < best[0]:
            best = (loss, penalty, said)
    assert best is not None
    loss, penalty, unseen = best
    b = _newton(made[use], target[use], weight[use], penalty)
    line = Line(columns, b[1:], float(b[0]), logistic=True)
    twice = np.empty((0, 0))
    if pairs:
        twice = np.tile(unseen, (k, 1))
        for one in range(k):
            for other in range(one):
                rows = use & (fold != one) & (fold != other)
                c = _newton(made[rows], target[rows], weight[rows], penalty)
                for held, asked in ((one, fold == other), (other, fold == one)):
                    twice[held, asked] = expit(made[asked] @ c[1:] + c[0])
    return CrossFit("line", line, unseen, loss, twice)


def _newton(made: Floats, target: Floats, weight: Floats, penalty: float) -> Floats:
    a = np.column_stack([np.ones(len(made)), made])
    total = weight.sum()
    rate = np.clip(np.average(target, weights=weight), 1e-6, 1 - 1e-6)
    b = np.zeros(a.shape[1])
    b[0] = np.log(rate / (1 - rate))
    ridge = np.full(len(b), penalty * total * rate * (1 - rate))
    ridge[0] = 0.0
    for _ in range(NEWTON_STEPS):
        p = expit(a @ b)
        slope = a.T @ (weight * (target - p)) - ridge * b
        curve = a.T @ (a * (weight * np.maximum(p * (1 - p), 1e-9))[:, None])
        curve[np.diag_indices_from(curve)] += ridge + 1e-9 * total
        step = np.linalg.solve(curve, slope)
        b = b + step * min(1.0, 4.0 / max(float(np.abs(step).max()), 1e-12))
        if float(np.abs(step).max()) < 1e-8:
            break
    return b
