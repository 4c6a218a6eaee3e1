"""Qini and uplift curves from sums that add: exact with ties, streamed, with bootstrap intervals.

Customers are ranked by a score, best first. With the first share φ of them treated,

- the *uplift curve* is g(φ) = φ · (mean outcome of its treated − mean outcome of its controls): gain
  per customer of the whole population; AUUC is its area (Gutierrez and Gérardy 2016);
- the *Qini curve* is Q(φ) = (Y_t(φ) − Y_c(φ) · N_t(φ) / N_c(φ)) / N_t (Radcliffe 2007): gain per
  treated customer; the Qini figure is the area between it and the straight line to its end, that
  is the area per capita against a random order.

Customers with the same score enter together and the curve is straight between them: a tie gains
nothing. scikit-uplift divides the same area by that of a perfect order; ours is not divided,
because a perfect order does not exist for outcomes that are not binary.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from shopkeeper.predict.history import Bools, Floats

SUMS = 4
"""Sums of a step of the ranking: treated n, control n, treated outcome, control outcome."""


def ranked_sums(score: Floats, treated: Bools, outcome: Floats, weight: Floats) -> Floats:
    """Sums of each distinct score, the best score first.

    Parameters
    ----------
    score : Floats
        Higher is treated earlier.
    treated : Bools
        Arms.
    outcome : Floats
        Outcomes.
    weight : Floats
        Weight of each row.

    Returns
    -------
    Floats
        (distinct scores, 4), in the order of `SUMS`.
    """
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    start = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    w, t, y = weight[order], treated[order], outcome[order]
    columns = (w * t, w * ~t, w * t * y, w * ~t * y)
    return np.column_stack([np.add.reduceat(part, start) for part in columns])


@dataclass(frozen=True, slots=True)
class Curve:
    """A curve of gains; arrays have one entry more than there are distinct scores.

    Parameters
    ----------
    share : Floats
        Share of all rows treated so far, 0 to 1.
    uplift : Floats
        g at that share.
    qini_gain : Floats
        Q at that share.
    """

    share: Floats
    uplift: Floats
    qini_gain: Floats

    @property
    def auuc(self) -> float:
        """Area below the uplift curve."""
        return _area(self.share, self.uplift)

    @property
    def qini(self) -> float:
        """Area between the Qini curve and the line of a random order."""
        return _area(self.share, self.qini_gain) - float(self.qini_gain[-1]) / 2.0

    def uplift_at(self, share: float) -> float:
        """Mean effect among the first customers.

        Parameters
        ----------
        share : float
            Share of all rows, in (0, 1].

        Returns
        -------
        float
            Difference of mean outcomes in that part; within a tie, its expected value.
        """
        return float(np.interp(share, self.share, self.uplift)) / share


def _area(x: Floats, y: Floats) -> float:
    return float(np.sum((x[1:] - x[:-1]) * (y[1:] + y[:-1])) / 2.0)


def curve_of(sums: Floats) -> Curve:
    """Curve of ranked sums.

    Parameters
    ----------
    sums : Floats
        (steps, 4), best first; see `ranked_sums`.

    Returns
    -------
    Curve
        With the point at zero in front.
    """
    run = np.vstack([np.zeros(SUMS), np.cumsum(sums, axis=0)])
    treated, control, gain_t, gain_c = run.T
    with np.errstate(divide="ignore", invalid="ignore"):
        mean_t = np.where(treated > 0, gain_t / treated, 0.0)
        mean_c = np.where(control > 0, gain_c / control, 0.0)
        share = (treated + control) / (treated[-1] + control[-1])
        # Nobody to compare with yet: the gain is not known, and is not claimed.
        known = (treated > 0) & (control > 0)
        uplift = np.where(known, share * (mean_t - mean_c), 0.0)
        qini_gain = np.where(known, (gain_t - mean_c * treated) / treated[-1], 0.0)
    return Curve(share, uplift, qini_gain)


def exact_curve(
    score: Floats, treated: Bools, outcome: Floats, weight: Floats | None = None
) -> Curve:
    """Curve of rows held in memory.

    Parameters
    ----------
    score : Floats
        Higher is treated earlier.
    treated : Bools
        Arms.
    outcome : Floats
        Outcomes.
    weight : Floats | None
        Weight of each row.

    Returns
    -------
    Curve
        Exact, ties included.

    Examples
    --------
    >>> arm = np.array([True, False, True, False])
    >>> curve = exact_curve(np.array([2.0, 2.0, 1.0, 1.0]), arm, np.array([1.0, 0.0, 0.0, 0.0]))
    >>> curve.uplift.tolist(), curve.qini
    ([0.0, 0.5, 0.5], 0.125)
    """
    ones = np.ones(len(score)) if weight is None else weight
    return curve_of(ranked_sums(score, treated, outcome, ones))


class CurveSketch:
    """A curve of any number of rows in bounded memory: chunks are added, sketches merge.

    Scores fall into fixed bins (edges from a sample of scores), rows into random blocks by hash.
    Rows of a bin count as tied, which can only cost gain. Blocks are resampled for intervals
    (Poisson bootstrap of blocks), so that no row is ever needed again.

    Parameters
    ----------
    edges : Floats
        Ascending inner edges of the score bins.
    blocks : int
        Random blocks.
    """

    def __init__(self, edges: Floats, blocks: int = 100) -> None:
        self.edges = np.unique(edges)
        self.sums = np.zeros((blocks, len(self.edges) + 1, SUMS))

    @classmethod
    def of_sample(cls, scores: Floats, bins: int = 1_000, blocks: int = 100) -> Self:
        """Sketch whose bins hold equal parts of a sample.

        Parameters
        ----------
        scores : Floats
            Some scores.
        bins : int
            At most so many bins.
        blocks : int
            Random blocks.

        Returns
        -------
        Self
            Empty.
        """
        return cls(np.quantile(scores, np.linspace(0, 1, bins + 1)[1:-1]), blocks)

    def add(self, score: Floats, treated: Bools, outcome: Floats, block: Floats) -> None:
        """Add a chunk.

        Parameters
        ----------
        score : Floats
            Higher is treated earlier.
        treated : Bools
            Arms.
        outcome : Floats
            Outcomes.
        block : Floats
            Block of each row, drawn at random.
        """
        blocks, bins, _ = self.sums.shape
        cell = np.searchsorted(self.edges, score, side="right")
        key = ((block.astype(np.int64) * bins + cell) << 1) | ~treated
        size = blocks * bins * 2
        count = np.bincount(key, minlength=size).reshape(blocks, bins, 2)
        total = np.bincount(key, weights=outcome, minlength=size).reshape(blocks, bins, 2)
        self.sums[..., :2] += count
        self.sums[..., 2:] += total

    def merge(self, other: CurveSketch) -> None:
        """Add what another sketch with the same edges saw.

        Parameters
        ----------
        other : CurveSketch
            Unchanged.
        """
        self.sums += other.sums

    def curve(self, block_weight: Floats | None = None) -> Curve:
        """The curve of everything added.

        Parameters
        ----------
        block_weight : Floats | None
            Weight of each block.

        Returns
        -------
        Curve
            Exact but for ties within bins.
        """
        weight = np.ones(len(self.sums)) if block_weight is None else block_weight
        total = np.tensordot(weight, self.sums, axes=1)[::-1]
        return curve_of(total[total[:, :2].sum(axis=1) > 0])

    def interval(self, seed: int, draws: int = 200) -> tuple[float, float]:
        """95 % interval of the Qini figure.

        Parameters
        ----------
        seed : int
            Decides the resampling.
        draws : int
            Number of resamples.

        Returns
        -------
        tuple[float, float]
            Low and high ends.
        """
        random = np.random.default_rng(seed)
        weights = random.multinomial(
            len(self.sums), np.full(len(self.sums), 1 / len(self.sums)), draws
        )
        values = [self.curve(one.astype(np.float64)).qini for one in weights]
        low, high = np.quantile(values, [0.025, 0.975])
        return float(low), float(high)
