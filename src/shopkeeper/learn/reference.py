"""What a model's inputs looked like when it was trained, as sums that add.

A reference holds, for every column, the limits of its bins and how many customers fell into each.
It is stored with the model; today's customers are counted into the same bins and compared without
keeping a row of either. Counts of two parts of a shop add to the counts of the whole.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shopkeeper.core.errors import InputError, NotEnoughDataError, SourceError

Floats = npt.NDArray[np.float64]
Values = npt.NDArray[Any]

FILE = "reference.json"
"""Name of the file in a model's folder."""

BINS = 10
"""Most bins of a column of numbers."""

MOST_LEVELS = 20
"""Most words of a column that have a bin of their own; the rest share one."""

LEAST_ROWS = 50
"""Fewer customers make no reference."""

OTHER = "…"
"""Bin of all other words."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts of one column.

    Parameters
    ----------
    name : str
        The column.
    edges : tuple[float, ...]
        Inner limits of the bins of numbers, ascending; a value on a limit belongs below it. Empty
        for words.
    levels : tuple[str, ...]
        Words with a bin of their own, then `OTHER`; empty for numbers.
    counts : tuple[float, ...]
        Customers by bin.
    missing : float
        Customers without a value (missing, NaN or infinite).
    """

    name: str
    edges: tuple[float, ...]
    levels: tuple[str, ...]
    counts: tuple[float, ...]
    missing: float

    @property
    def n(self) -> float:
        """Customers counted, those without a value too."""
        return float(sum(self.counts)) + self.missing

    def __add__(self, other: Histogram) -> Histogram:
        """Counts of both parts together.

        Raises
        ------
        InputError
            When the bins are not the same.
        """
        if (self.name, self.edges, self.levels) != (other.name, other.edges, other.levels):
            raise InputError(
                f"counts of {self.name!r} and {other.name!r} do not add: their bins differ",
                next_step="count both parts into the bins of one reference",
                column=self.name,
            )
        counts = tuple(a + b for a, b in zip(self.counts, other.counts, strict=True))
        return Histogram(self.name, self.edges, self.levels, counts, self.missing + other.missing)

    def count(self, values: Values) -> Histogram:
        """Count other values into the same bins.

        Parameters
        ----------
        values : Values
            Numbers where this column holds numbers, else words; one a customer.

        Returns
        -------
        Histogram
            The same bins, their counts.
        """
        if self.levels:
            place = {level: at for at, level in enumerate(self.levels[:-1])}
            known, missing = _words(values)
            names, size = np.unique(known, return_counts=True)
            counts = np.zeros(len(self.levels))
            # one step a distinct word, not a row
            for name, number in zip(names.tolist(), size.tolist(), strict=True):
                counts[place.get(name, len(self.levels) - 1)] += number
        else:
            numbers = np.asarray(values, dtype=np.float64)
            finite = numbers[np.isfinite(numbers)]
            missing = float(len(numbers) - len(finite))
            at = np.searchsorted(np.array(self.edges), finite, side="left")
            counts = np.bincount(at, minlength=len(self.edges) + 1).astype(np.float64)
        return Histogram(self.name, self.edges, self.levels, tuple(counts.tolist()), missing)

    def median(self) -> float:
        """Middle value as far as the bins tell; NaN for words and for nothing."""
        total = sum(self.counts)
        if self.levels or not self.edges or total == 0:
            return float("nan")
        reached = np.cumsum(self.counts) / total
        at = int(np.searchsorted(reached, 0.5))
        if at == 0 or at >= len(self.edges):
            return self.edges[0] if at == 0 else self.edges[-1]
        low, high = self.edges[at - 1], self.edges[at]
        below = reached[at - 1]
        return float(low + (high - low) * (0.5 - below) / max(reached[at] - below, 1e-12))


def histogram(name: str, values: Values, *, bins: int = BINS) -> Histogram:
    """Choose the bins of a column and count it.

    Numbers are cut at quantiles; where there are few different ones each has its own bin. Words
    have one bin each, rare ones share one.

    Parameters
    ----------
    name : str
        The column.
    values : Values
        One a customer; numbers, or words (object or string arrays, None where missing).
    bins : int
        Most bins of numbers.

    Returns
    -------
    Histogram
        Bins and counts.

    Examples
    --------
    >>> histogram("orders", np.array([1.0, 1.0, 2.0, 5.0, np.nan])).counts
    (2.0, 1.0, 1.0)
    """
    values = np.asarray(values)
    if values.dtype.kind in "OUS":
        known, _ = _words(values)
        names, size = np.unique(known, return_counts=True)
        by = np.lexsort((names, -size))[:MOST_LEVELS]
        empty = Histogram(name, (), (*names[by].tolist(), OTHER), (), 0.0)
        return empty.count(values)
    numbers = values.astype(np.float64)
    finite = np.sort(numbers[np.isfinite(numbers)])
    if len(finite) == 0:
        return Histogram(name, (), (), (0.0,), float(len(numbers)))
    different = np.unique(finite)
    if len(different) <= bins:
        edges = different[:-1]
    else:
        ranks = np.ceil(np.arange(1, bins) / bins * len(finite)).astype(np.int64) - 1
        edges = np.unique(finite[ranks])
        edges = edges[edges < finite[-1]]
    return Histogram(name, tuple(edges.tolist()), (), (), 0.0).count(numbers)


def _words(values: Values) -> tuple[Values, float]:
    words = pa.array(np.asarray(values, dtype=object), from_pandas=True).cast(pa.string())
    known = words.drop_null().to_numpy(zero_copy_only=False).astype(str)
    return known, float(words.null_count)


@dataclass(frozen=True, slots=True)
class Reference:
    """Counts of every column a model reads, of what it said, and of what happened.

    Parameters
    ----------
    columns : tuple[Histogram, ...]
        Columns in the model's order.
    prediction : Histogram | None
        What the model said of the same customers.
    outcome : Histogram | None
        What happened in its training windows, where that is known.
    as_of_us : int
        Moment of the counts, microseconds UTC.
    """

    columns: tuple[Histogram, ...]
    prediction: Histogram | None
    outcome: Histogram | None
    as_of_us: int

    @property
    def n(self) -> int:
        """Customers counted."""
        return int(self.columns[0].n) if self.columns else 0

    def __add__(self, other: Reference) -> Reference:
        """Counts of both parts together; `as_of_us` is the first's."""
        return Reference(
            tuple(a + b for a, b in zip(self.columns, other.columns, strict=True)),
            _both(self.prediction, other.prediction),
            _both(self.outcome, other.outcome),
            self.as_of_us,
        )

    def count(
        self,
        columns: Mapping[str, Values],
        as_of_us: int,
        *,
        prediction: Values | None = None,
        outcome: Values | None = None,
    ) -> Reference:
        """Count other customers into the same bins.

        Parameters
        ----------
        columns : Mapping[str, Values]
            Values by column; a column that is not there counts as missing everywhere.
        as_of_us : int
            Their moment, microseconds UTC.
        prediction, outcome : Values | None
            What the model says of them, and what happened.

        Returns
        -------
        Reference
            The same bins, their counts.
        """
        rows = len(next(iter(columns.values()))) if columns else 0
        absent = np.full(rows, np.nan)
        return Reference(
            tuple(
                part.count(columns.get(part.name, absent.astype(object) if part.levels else absent))
                for part in self.columns
            ),
            None if self.prediction is None or prediction is None
            else self.prediction.count(prediction),
            None if self.outcome is None or outcome is None else self.outcome.count(outcome),
            as_of_us,
        )  # fmt: skip

    def to_json(self) -> str:
        """Return the reference as JSON text; the same counts give the same text."""

        def plain(part: Histogram | None) -> dict[str, Any] | None:
            return asdict(part) if part is not None else None

        return json.dumps(
            {
                "as_of_us": self.as_of_us,
                "columns": [plain(part) for part in self.columns],
                "prediction": plain(self.prediction),
                "outcome": plain(self.outcome),
            },
            ensure_ascii=False,
        )

    @classmethod
    def from_json(cls, text: str) -> Reference:
        """Read what `to_json` wrote.

        Parameters
        ----------
        text : str
            JSON text.

        Returns
        -------
        Reference
            The same counts.

        Raises
        ------
        SourceError
            When the text is no reference.
        """

        def part(stored: Mapping[str, Any]) -> Histogram:
            return Histogram(
                str(stored["name"]), tuple(map(float, stored["edges"])), tuple(stored["levels"]),
                tuple(map(float, stored["counts"])), float(stored["missing"]),
            )  # fmt: skip

        try:
            plain = json.loads(text)
            ends = [plain[key] and part(plain[key]) for key in ("prediction", "outcome")]
            columns = tuple(part(stored) for stored in plain["columns"])
            return cls(columns, ends[0], ends[1], int(plain["as_of_us"]))
        except (KeyError, TypeError, ValueError) as error:
            raise SourceError(
                f"{FILE} holds no reference that can be read ({type(error).__name__}: {error})",
                next_step="train the model again; its reference is written with it",
            ) from error

    def save(self, folder: Path) -> None:
        """Write `reference.json` into a model's folder.

        Parameters
        ----------
        folder : Path
            Made if it does not exist.
        """
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FILE).write_text(self.to_json(), encoding="utf-8")


def load_reference(folder: Path) -> Reference | None:
    """Read the reference of a stored model.

    Parameters
    ----------
    folder : Path
        The model's folder.

    Returns
    -------
    Reference | None
        None where the model has none.
    """
    file = folder / FILE
    return Reference.from_json(file.read_text(encoding="utf-8")) if file.is_file() else None


def make_reference(
    columns: Mapping[str, Values],
    as_of_us: int,
    *,
    prediction: Values | None = None,
    outcome: Values | None = None,
    order: Sequence[str] | None = None,
) -> Reference:
    """Count the customers a model was trained on.

    Parameters
    ----------
    columns : Mapping[str, Values]
        Values by column, one a customer.
    as_of_us : int
        Moment of the values, microseconds UTC.
    prediction, outcome : Values | None
        What the model says of the same customers, and what happened in its training windows.
    order : Sequence[str] | None
        Columns to count, in this order; None takes all as given.

    Returns
    -------
    Reference
        Bins and counts.

    Raises
    ------
    NotEnoughDataError
        When there are fewer than 50 customers.
    """
    rows = len(next(iter(columns.values()))) if columns else 0
    if rows < LEAST_ROWS:
        raise NotEnoughDataError(
            f"a reference for drift needs {LEAST_ROWS} customers; there are {rows}",
            next_step=f"wait until {LEAST_ROWS - rows} more customers have bought",
            needed=LEAST_ROWS,
            found=rows,
        )
    return Reference(
        tuple(histogram(name, columns[name]) for name in (order or tuple(columns))),
        None if prediction is None else histogram("prediction", prediction),
        None if outcome is None else histogram("outcome", outcome),
        as_of_us,
    )


def _both(a: Histogram | None, b: Histogram | None) -> Histogram | None:
    return None if a is None or b is None else a + b
