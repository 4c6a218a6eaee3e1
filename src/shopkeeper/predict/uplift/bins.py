"""Features as one byte each: quantile bins, missing values in a bin of their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shopkeeper.predict.uplift.trial import Matrix

Codes = npt.NDArray[np.uint8]

MOST_BINS = 64
SAMPLE = 200_000
"""Rows that edges are taken from, at most."""


@dataclass(frozen=True, slots=True)
class Binner:
    """Edges of the bins of each column.

    Parameters
    ----------
    edges : tuple[Matrix, ...]
        Ascending inner edges by column; bin 0 is for missing values, bin 1 lies below the first
        edge.
    """

    edges: tuple[Matrix, ...]

    @classmethod
    def of(cls, matrix: Matrix, bins: int = MOST_BINS) -> Binner:
        """Bins that hold equal parts of the values; few distinct values get a bin each.

        Parameters
        ----------
        matrix : Matrix
            Rows to take the edges from; only the first 200,000 are used.
        bins : int
            At most so many bins a column, beside the one for missing values.

        Returns
        -------
        Binner
            Edges lie halfway between neighbouring values.
        """
        some = matrix[:SAMPLE]
        edges = []
        for column in some.T:
            known = np.sort(column[~np.isnan(column)])
            if not len(known):
                edges.append(np.empty(0, dtype=np.float32))
                continue
            values = np.unique(known)
            if len(values) > bins:
                places = np.linspace(0, len(known) - 1, bins + 1)[1:-1].astype(np.int64)
                values = np.unique(np.r_[known[0], known[places], known[-1]])
            middle = values[:-1] + (values[1:] - values[:-1]) / 2
            edges.append(np.unique(middle[: min(bins, 254) - 1]).astype(np.float32))
        return cls(tuple(edges))

    @property
    def bins(self) -> int:
        """Bins of the widest column, the one for missing values included."""
        return max((len(x) for x in self.edges), default=0) + 2

    def codes(self, matrix: Matrix) -> Codes:
        """Bin of every value.

        Parameters
        ----------
        matrix : Matrix
            Same columns.

        Returns
        -------
        Codes
            (rows, columns); one byte each.
        """
        out = np.empty(matrix.shape, dtype=np.uint8)
        for place, edges in enumerate(self.edges):
            column = matrix[:, place]
            found = np.searchsorted(edges, column, side="left") + 1
            found[np.isnan(column)] = 0
            out[:, place] = found
        return out
