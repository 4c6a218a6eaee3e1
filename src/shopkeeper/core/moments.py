"""Sums that add: what a mean and its uncertainty are computed from, wherever the rows are."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from shopkeeper.core.errors import InputError


@dataclass(frozen=True, slots=True)
class Moments:
    """Count, sum and sum of squares of a quantity over units.

    Examples
    --------
    >>> a, b = Moments.of([1, 2]), Moments.of([3])
    >>> a + b == Moments.of([1, 2, 3]), (a + b).mean, (a + b).variance
    (True, 2.0, 1.0)
    """

    n: int
    sum: float
    sum_squares: float

    @classmethod
    def of(cls, values: list[float] | list[int]) -> Moments:
        """Moments of values at hand."""
        return cls(len(values), float(sum(values)), float(sum(v * v for v in values)))

    def __add__(self, other: Moments) -> Moments:
        """Moments of both groups together."""
        return Moments(self.n + other.n, self.sum + other.sum, self.sum_squares + other.sum_squares)

    @property
    def mean(self) -> float:
        """Average.

        Raises
        ------
        InputError
            If there are no units.
        """
        if self.n == 0:
            raise InputError("the mean of nothing is not defined", next_step="Count units first")
        return self.sum / self.n

    @property
    def variance(self) -> float:
        """Unbiased variance; zero for a single unit."""
        if self.n < 2:
            return 0.0
        # Rounding can leave a tiny negative number when all values are equal.
        return max(self.sum_squares - self.sum**2 / self.n, 0.0) / (self.n - 1)

    @property
    def error(self) -> float:
        """Standard error of the mean."""
        return sqrt(self.variance / self.n) if self.n else 0.0
