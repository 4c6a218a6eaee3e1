"""Series side by side: one row a series, one column a period, unknown where nothing was said.

A period that is missing is unknown, never zero. Periods of a stock-out are unknown too: what was
sold then says nothing about demand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from shopkeeper.core.errors import InputError
from shopkeeper.predict.forecast.grain import Grain
from shopkeeper.predict.history import Bools, Floats, Ints

__all__ = ["Panel", "make_panel"]


@dataclass(frozen=True, slots=True)
class Panel:
    """Values of many series on one time axis.

    Parameters
    ----------
    keys : tuple[tuple[str, ...], ...]
        What names each series, one part a key column; unique, ascending.
    key_names : tuple[str, ...]
        Names of the key columns.
    values : Floats
        Shape (series, periods); NaN where unknown.
    grain : Grain
        Length of a period, its seasons, and the calendar of the axis.
    known : Mapping[str, Floats]
        Columns known ahead (price, promotion, holidays) by name; shape (series, periods) each. They
        may be known for periods whose value is not.
    origin : int
        Position of the first period of the axis, counted as the grain does.
    """

    keys: tuple[tuple[str, ...], ...]
    key_names: tuple[str, ...]
    values: Floats
    grain: Grain
    known: Mapping[str, Floats] = field(default_factory=dict)
    origin: int = 0

    @property
    def series(self) -> int:
        """Number of series."""
        return int(self.values.shape[0])

    @property
    def periods(self) -> int:
        """Number of periods."""
        return int(self.values.shape[1])

    def before(self, end: int, *, steps: int = 0) -> Panel:
        """Return what was known before a period.

        Parameters
        ----------
        end : int
            Column; values in it and after it are forgotten.
        steps : int
            Columns from `end` on whose known-ahead columns are kept.

        Returns
        -------
        Panel
            `end` + `steps` columns; the axis is extended where it ends earlier.
        """
        width = end + steps
        values = np.full((self.series, width), np.nan)
        values[:, :end] = self.values[:, :end]
        known = {}
        for name, column in self.known.items():
            known[name] = np.full((self.series, width), np.nan)
            have = min(width, column.shape[1])
            known[name][:, :have] = column[:, :have]
        return replace(self, values=values, known=known)

    def masked(self, unavailable: Bools) -> Panel:
        """Forget periods in which the goods could not be bought.

        Parameters
        ----------
        unavailable : Bools
            Shape of `values`; true in stock-outs and closures.

        Returns
        -------
        Panel
            Values unknown there.
        """
        return replace(self, values=np.where(unavailable, np.nan, self.values))

    def take(self, rows: Ints) -> Panel:
        """Return some of the series.

        Parameters
        ----------
        rows : Ints
            Positions, ascending.

        Returns
        -------
        Panel
            On the same axis.
        """
        return replace(
            self,
            keys=tuple(self.keys[row] for row in rows),
            values=self.values[rows],
            known={name: column[rows] for name, column in self.known.items()},
        )


def make_panel(
    keys: Sequence[Sequence[str] | npt.NDArray[np.str_]],
    key_names: Sequence[str],
    position: Ints,
    value: Floats,
    grain: Grain,
    known: Mapping[str, Floats] | None = None,
) -> tuple[Panel, int]:
    """Lay rows out as a panel.

    Parameters
    ----------
    keys : Sequence[Sequence[str] | npt.NDArray[np.str_]]
        One column of words a key; each as long as `position`.
    key_names : Sequence[str]
        Their names.
    position : Ints
        Period of each row, counted as the grain does.
    value : Floats
        Value of each row; NaN where unknown.
    grain : Grain
        The axis.
    known : Mapping[str, Floats] | None
        Columns known ahead, one number a row.

    Returns
    -------
    tuple[Panel, int]
        The panel, and how many rows repeated another's series and period (they are averaged).

    Raises
    ------
    InputError
        When there is no row, or more than one in a hundred repeats another.

    Examples
    --------
    >>> import numpy as np
    >>> from shopkeeper.predict.forecast.grain import Grain
    >>> panel, _ = make_panel(
    ...     [["b", "a", "a"]],
    ...     ["shop"],
    ...     np.array([3, 1, 3]),
    ...     np.array([7.0, 1.0, 2.0]),
    ...     Grain("step", 1, 0),
    ... )
    >>> panel.keys, panel.values.tolist()
    ((('a',), ('b',)), [[1.0, nan, 2.0], [nan, nan, 7.0]])
    """
    if len(position) == 0:
        raise InputError("there is no row to forecast from", next_step="give a file with rows")
    columns = [np.asarray(key, dtype=str) for key in keys]
    codes = np.zeros(len(position), dtype=np.int64)
    for column in columns:
        _, part = np.unique(column, return_inverse=True)
        codes = codes * (int(part.max()) + 1) + part
    _, first, series = np.unique(codes, return_index=True, return_inverse=True)
    start, width = int(position.min()), int(position.max() - position.min()) + 1
    cell = series.astype(np.int64) * width + (position - start)
    size = len(first) * width
    count = np.bincount(cell, minlength=size)
    repeats = int((count > 1).sum())
    if repeats > max(0.01 * len(position), 3):
        worst = int(np.argmax(count))
        named = " / ".join(column[first[worst // width]] for column in columns) or "the one series"
        raise InputError(
            f"{repeats:,} periods have more than one row; {named} has {int(count.max())} in period "
            f"{grain.label(start + worst % width)}",
            next_step="name every column that tells series apart with --series A,B",
            repeats=repeats,
        )
    numbers = {"": value, **(known or {})}
    laid = {name: _lay(column, cell, size).reshape(len(first), width)
            for name, column in numbers.items()}  # fmt: skip
    named_keys = tuple(tuple(str(column[at]) for column in columns) for at in first)
    panel = Panel(named_keys, tuple(key_names), laid.pop(""), grain, laid, start)
    return panel, repeats


def _lay(column: Floats, cell: Ints, size: int) -> Floats:
    """Mean of the known numbers of each cell."""
    usable = np.isfinite(column)
    count = np.bincount(cell[usable], minlength=size)
    total = np.bincount(cell[usable], weights=column[usable], minlength=size)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
