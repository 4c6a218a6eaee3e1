"""Fitted effects of every learner: what each says the treatment changes for a customer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from shopkeeper.predict.history import Floats
from shopkeeper.predict.uplift.bases import Constant, Line, Regressor
from shopkeeper.predict.uplift.boost import Trees
from shopkeeper.predict.uplift.columns import Columns
from shopkeeper.predict.uplift.forest import Forest
from shopkeeper.predict.uplift.trial import Matrix


class Effect(Protocol):
    """Says the effect of the treatment by customer."""

    def predict(self, matrix: Matrix) -> Floats:
        """Effect of every row.

        Parameters
        ----------
        matrix : Matrix
            Features.
        """

    def to_dict(self) -> dict[str, Any]:
        """Plain values and arrays from which `part_of` makes the same again."""


@dataclass(frozen=True, slots=True)
class Mixture:
    """A weighted sum of regressors.

    Parameters
    ----------
    weight : tuple[float, ...]
        Weights.
    part : tuple[Any, ...]
        Regressors or effects.
    constant : float
        Added to the sum.
    """

    weight: tuple[float, ...]
    part: tuple[Any, ...]
    constant: float = 0.0

    def predict(self, matrix: Matrix) -> Floats:
        """Answer for every row.

        Parameters
        ----------
        matrix : Matrix
            Features.
        """
        total = np.full(len(matrix), self.constant)
        for weight, part in zip(self.weight, self.part, strict=True):
            total += weight * part.predict(matrix)
        return total

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "kind": "mixture", "weight": list(self.weight), "constant": self.constant,
            "part": [part.to_dict() for part in self.part],
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Switch:
    """S-learner: one model that knows the arm as its last column, asked twice.

    Parameters
    ----------
    model : Regressor
        Fitted on features and arm.
    """

    model: Regressor

    def predict(self, matrix: Matrix) -> Floats:
        """Effect of every row.

        Parameters
        ----------
        matrix : Matrix
            Features without the arm.
        """
        on = np.column_stack([matrix, np.ones(len(matrix), dtype=np.float32)])
        off = np.column_stack([matrix, np.zeros(len(matrix), dtype=np.float32)])
        return self.model.predict(on) - self.model.predict(off)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"kind": "switch", "model": self.model.to_dict()}


@dataclass(frozen=True, slots=True)
class Bounded:
    """A part that says nothing beyond what it said in training.

    Customers at another moment may lie where no trial customer lay; a line with products of columns
    would follow them without end.

    Parameters
    ----------
    part : Any
        Regressor or effect.
    low, high : float
        Ends of its answers for the rows of the training.
    """

    part: Any
    low: float
    high: float

    @classmethod
    def of(cls, part: Any, matrix: Matrix) -> Bounded:
        """Bound a part by its answers.

        Parameters
        ----------
        part : Any
            Regressor or effect.
        matrix : Matrix
            Rows of the training.
        """
        said = part.predict(matrix)
        return cls(part, float(said.min()), float(said.max()))

    def predict(self, matrix: Matrix) -> Floats:
        """Answer for every row.

        Parameters
        ----------
        matrix : Matrix
            Features.
        """
        return np.asarray(np.clip(self.part.predict(matrix), self.low, self.high))

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"kind": "bounded", "low": self.low, "high": self.high, "part": self.part.to_dict()}


@dataclass(frozen=True, slots=True)
class OneColumn:
    """A rule on one column: the higher (or the lower) its value, the earlier treated.

    Parameters
    ----------
    column : int
        Place of the column.
    sign : float
        1 or −1.
    name : str
        Its name.
    """

    column: int
    sign: float
    name: str

    def predict(self, matrix: Matrix) -> Floats:
        """Score of every row; missing values come last.

        Parameters
        ----------
        matrix : Matrix
            Features.
        """
        values = self.sign * matrix[:, self.column].astype(np.float64)
        return np.where(np.isnan(values), -1e30, values)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"kind": "column", "column": self.column, "sign": self.sign, "name": self.name}


def part_of(plain: Mapping[str, Any]) -> Any:
    """Make a regressor or effect of what its `to_dict` wrote.

    Parameters
    ----------
    plain : Mapping[str, Any]
        Plain values and arrays.

    Returns
    -------
    Any
        Answers exactly as the one that was written.

    Raises
    ------
    KeyError
        When the kind is not known or a value is missing.
    """
    kind = plain["kind"]
    if kind == "mixture":
        parts = tuple(part_of(one) for one in plain["part"])
        return Mixture(tuple(plain["weight"]), parts, float(plain["constant"]))
    if kind == "line":
        return Line(
            Columns.from_dict(plain["columns"]), np.asarray(plain["weight"], dtype=np.float64),
            float(plain["intercept"]), bool(plain["logistic"]),
        )  # fmt: skip
    if kind == "constant":
        return Constant(float(plain["value"]))
    if kind == "trees":
        return Trees(plain["text"], int(plain["rounds"]))
    if kind == "bounded":
        return Bounded(part_of(plain["part"]), float(plain["low"]), float(plain["high"]))
    if kind == "switch":
        return Switch(part_of(plain["model"]))
    if kind == "column":
        return OneColumn(int(plain["column"]), float(plain["sign"]), plain["name"])
    if kind == "forest":
        return Forest.from_dict(plain)
    raise KeyError(kind)
