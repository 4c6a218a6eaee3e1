"""Sheets as design matrices; everything that reads the outcome is fitted inside a fold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from shopkeeper.predict.history import Bools, Floats, Ints
from shopkeeper.predict.propensity.table import Sheet

SMOOTH = 20.0
"""Rows of the average that a word's own rate is mixed with (Micci-Barreca 2001)."""
ONE_HOT = 12
"""Up to so many words each has a weight of its own on the line; of more, the rate speaks."""
RARE = 10
"""A word on fewer rows has no weight of its own."""
CLIP = 6.0


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a sheet becomes the matrices of line and trees.

    Parameters
    ----------
    logged : tuple[bool, ...]
        For each number, whether its signed logarithm enters the line.
    centre, spread : tuple[float, ...]
        For each number, of the transformed training values; spread 0 leaves it out of the line.
    gaps : tuple[bool, ...]
        For each number, whether being missing has a weight of its own on the line.
    rates : tuple[tuple[float, ...], ...]
        For each category, the smoothed log-odds of each word; the last one is for unknown.
    shown : tuple[tuple[int, ...], ...]
        For each category, the words with weights of their own on the line.
    rate_centre, rate_spread : tuple[float, ...]
        For each category, of its rates; spread 0 leaves them out of the line.
    """

    logged: tuple[bool, ...]
    centre: tuple[float, ...]
    spread: tuple[float, ...]
    gaps: tuple[bool, ...]
    rates: tuple[tuple[float, ...], ...]
    shown: tuple[tuple[int, ...], ...]
    rate_centre: tuple[float, ...]
    rate_spread: tuple[float, ...]

    def rate_columns(self, sheet: Sheet) -> Floats:
        """Return the log-odds of each word; shape (rows, categories).

        Parameters
        ----------
        sheet : Sheet
            Rows.
        """
        columns = [np.asarray(r)[sheet.codes[:, at]] for at, r in enumerate(self.rates)]
        return np.column_stack(columns) if columns else np.empty((len(sheet), 0))

    def trees(self, sheet: Sheet, rates: Floats | None = None) -> Floats:
        """Return the matrix of the trees: numbers as they are, words as their rates.

        Parameters
        ----------
        sheet : Sheet
            Rows.
        rates : Floats | None
            Rates of training rows, learned without them; None takes those of all.

        Returns
        -------
        Floats
            One column a source, in the order of the layout.
        """
        words = self.rate_columns(sheet) if rates is None else rates
        return np.column_stack([sheet.values, words])

    def line(self, sheet: Sheet, rates: Floats | None = None) -> tuple[Floats, Ints]:
        """Return the standardised matrix of the line.

        Parameters
        ----------
        sheet : Sheet
            Rows.
        rates : Floats | None
            As for `trees`.

        Returns
        -------
        tuple[Floats, Ints]
            The matrix, and the source of each of its columns.
        """
        parts, sources = [], []
        for at in range(sheet.values.shape[1]):
            value = sheet.values[:, at]
            if self.spread[at] > 0:
                ready = (transformed(value, self.logged[at]) - self.centre[at]) / self.spread[at]
                parts.append(np.clip(np.nan_to_num(ready, nan=0.0), -CLIP, CLIP))
                sources.append(at)
            if self.gaps[at]:
                parts.append(np.isnan(value).astype(np.float64))
                sources.append(at)
        words = self.rate_columns(sheet) if rates is None else rates
        for at, shown in enumerate(self.shown):
            source = sheet.values.shape[1] + at
            for level in shown:
                parts.append((sheet.codes[:, at] == level).astype(np.float64))
                sources.append(source)
            if self.rate_spread[at] > 0:
                ready = (words[:, at] - self.rate_centre[at]) / self.rate_spread[at]
                parts.append(np.clip(ready, -CLIP, CLIP))
                sources.append(source)
        matrix = np.column_stack(parts) if parts else np.empty((len(sheet), 0))
        return matrix, np.asarray(sources, dtype=np.int64)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Encoding:
        """Read what `to_json` wrote.

        Parameters
        ----------
        stored : Mapping[str, Any]
            The JSON object.

        Returns
        -------
        Encoding
            The same.
        """
        nested = ("rates", "shown")
        parts: dict[str, Any] = {
            k: tuple(map(tuple, v)) if k in nested else tuple(v) for k, v in stored.items()
        }
        return cls(**parts)


def transformed(value: Floats, logged: bool) -> Floats:
    """Return a value, or its signed logarithm.

    Parameters
    ----------
    value : Floats
        Numbers.
    logged : bool
        Whether to take sign(x) log(1 + |x|).
    """
    return np.sign(value) * np.log1p(np.abs(value)) if logged else value


def fit_encoding(sheet: Sheet, outcome: Bools, fold: Ints) -> tuple[Encoding, Floats]:
    """Learn the encoding on training rows.

    Parameters
    ----------
    sheet : Sheet
        Training rows only.
    outcome : Bools
        What happened.
    fold : Ints
        Inner fold of each row: the rate of a row's word is learned on the other folds, so that no
        row reads its own outcome.

    Returns
    -------
    tuple[Encoding, Floats]
        The encoding, and the rates of the training rows to learn with.
    """
    logged, centre, spread, gaps = [], [], [], []
    for at in range(sheet.values.shape[1]):
        how, middle, width, empty = _fit_number(sheet.values[:, at])
        logged.append(how)
        centre.append(middle)
        spread.append(width)
        gaps.append(empty)
    rates, shown, rate_centre, rate_spread, own = [], [], [], [], []
    for at in range(sheet.codes.shape[1]):
        code, size = sheet.codes[:, at], len(sheet.layout.columns[at + sheet.layout.numbers].levels)
        rate = _rates(code, outcome, size)
        crossed = np.empty(len(code))
        for part in np.unique(fold):
            out = fold == part
            other = _rates(code[~out], outcome[~out], size) if (~out).any() else rate
            crossed[out] = other[code[out]]
        often = np.bincount(code[code >= 0], minlength=size)
        few = size <= ONE_HOT
        shown.append(tuple(np.flatnonzero(often >= RARE).tolist()) if few else ())
        rates.append(tuple(rate.tolist()))
        rate_centre.append(float(crossed.mean()))
        rate_spread.append(0.0 if few else float(crossed.std()))
        own.append(crossed)
    encoding = Encoding(
        tuple(logged), tuple(centre), tuple(spread), tuple(gaps), tuple(rates), tuple(shown),
        tuple(rate_centre), tuple(x if x > 1e-9 else 0.0 for x in rate_spread),
    )  # fmt: skip
    return encoding, np.column_stack(own) if own else np.empty((len(sheet), 0))


def _fit_number(value: Floats) -> tuple[bool, float, float, bool]:
    seen = value[np.isfinite(value)]
    missing = 1.0 - len(seen) / max(len(value), 1)
    empty = 0.005 < missing < 0.995
    if len(seen) < 2:
        return False, 0.0, 0.0, empty
    middle, width = float(seen.mean()), float(seen.std())
    skew = float(np.mean((seen - middle) ** 3)) / max(width**3, 1e-300) if width > 0 else 0.0
    logged = abs(skew) > 1.5
    if logged:
        seen = transformed(seen, True)
        middle, width = float(seen.mean()), float(seen.std())
    return logged, middle, width if width > 1e-9 else 0.0, empty


def _rates(code: Ints, outcome: Bools, size: int) -> Floats:
    """Smoothed log-odds of each word; the last entry, which -1 reaches too, is for unknown."""
    prior = (float(outcome.sum()) + 0.5) / (len(outcome) + 1.0)
    place = np.where(code < 0, size, code)
    n = np.bincount(place, minlength=size + 1)
    hit = np.bincount(place, weights=outcome, minlength=size + 1)
    rate = (hit + SMOOTH * prior) / (n + SMOOTH)
    answer: Floats = np.log(rate) - np.log1p(-rate)
    return answer
