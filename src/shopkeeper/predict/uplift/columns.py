"""Columns of a line: limited, standardised, and on request bent at knots and multiplied in pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from shopkeeper.predict.history import Floats
from shopkeeper.predict.uplift.trial import Matrix

KNOTS = (0.2, 0.5, 0.8)
MOST_PAIRED = 12
"""Columns up to which the wide basis holds their products."""


@dataclass(frozen=True, slots=True)
class Columns:
    """How raw columns become columns of a line.

    Parameters
    ----------
    low, high, centre, spread : Floats
        By raw column: limits of the middle 98 %, mean and standard deviation within them.
    knots : Floats
        (columns, knots) on the standardised scale; empty without the wide basis.
    paired : bool
        Whether products of columns join in.
    mean, scale : Floats
        By made column, to standardise it.
    """

    low: Floats
    high: Floats
    centre: Floats
    spread: Floats
    knots: Floats
    paired: bool
    mean: Floats
    scale: Floats

    @classmethod
    def of(cls, matrix: Matrix, *, wide: bool) -> Columns:
        """Learn from training rows.

        Parameters
        ----------
        matrix : Matrix
            Features.
        wide : bool
            Whether hinges and products join in.
        """
        x = matrix[:200_000].astype(np.float64)
        with np.errstate(all="ignore"):
            empty = np.isnan(x).all(axis=0)
            x = np.where(empty, 0.0, x)
            low, high = np.nanquantile(x, [0.01, 0.99], axis=0)
            # A rare flag is constant within the middle 98 %: it keeps its whole range.
            flat = low == high
            low = np.where(flat, np.nanmin(x, axis=0), low)
            high = np.where(flat, np.nanmax(x, axis=0), high)
            x = np.clip(x, low, high)
            centre, spread = np.nanmean(x, axis=0), np.nanstd(x, axis=0)
        spread = np.where(spread > 0, spread, 1.0)
        z = np.where(np.isnan(x), 0.0, (x - centre) / spread)
        knots = np.quantile(z, KNOTS, axis=0).T if wide else np.empty((z.shape[1], 0))
        paired = wide and z.shape[1] <= MOST_PAIRED
        made = cls(low, high, centre, spread, knots, paired, np.zeros(0), np.zeros(0))
        raw = made._raw(matrix[:200_000])
        scale = raw.std(axis=0)
        return cls(
            low, high, centre, spread, knots, paired, raw.mean(axis=0),
            np.where(scale > 1e-9, scale, np.inf),
        )  # fmt: skip

    def _raw(self, matrix: Matrix) -> Floats:
        x = np.clip(matrix.astype(np.float64), self.low, self.high)
        z = np.where(np.isnan(x), 0.0, (x - self.centre) / self.spread)
        parts = [z]
        # Products with oneself and steps of flags are constant or repeat; the penalty shares them.
        parts += [np.maximum(z - self.knots[:, j], 0.0) for j in range(self.knots.shape[1])]
        if self.paired:
            first, second = np.triu_indices(z.shape[1], 1)
            parts.append(z[:, first] * z[:, second])
        return np.hstack(parts)

    def make(self, matrix: Matrix) -> Floats:
        """Columns of the line.

        Parameters
        ----------
        matrix : Matrix
            Raw features.

        Returns
        -------
        Floats
            (rows, made columns), standardised.
        """
        return (self._raw(matrix) - self.mean) / self.scale

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        names = ("low", "high", "centre", "spread", "knots", "mean")
        plain: dict[str, Any] = {name: getattr(self, name).tolist() for name in names}
        scale = [None if np.isinf(x) else float(x) for x in self.scale]
        return plain | {"scale": scale, "paired": self.paired}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Columns:
        """Read what `to_dict` wrote.

        Parameters
        ----------
        plain : Mapping[str, Any]
            Plain values.
        """
        arrays = {k: np.asarray(plain[k], dtype=np.float64) for k in
                  ("low", "high", "centre", "spread", "mean")}  # fmt: skip
        knots = np.asarray(plain["knots"], dtype=np.float64).reshape(len(plain["low"]), -1)
        scale = np.array([np.inf if x is None else x for x in plain["scale"]])
        return cls(knots=knots, paired=bool(plain["paired"]), scale=scale, **arrays)
