"""Whether today's customers still look like those a model learned from, held against chance.

A population stability index (PSI) is never zero: without any change it is (bins - 1)(1/n + 1/m) on
average and follows that multiple of a chi-squared variable (Yurdakul and Naranjo 2020, "Statistical
properties of the population stability index"). Fixed lines such as 0.1 alarm in small shops every
night and sleep in large ones. Here a column alarms when chance cannot explain its difference,
with all columns of the night together (Holm 1979), and its index above chance is worth a word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.stats import chi2

from shopkeeper.learn.domain import Domain
from shopkeeper.learn.reference import Floats, Histogram, Reference

Kind = Literal["feature", "prediction", "outcome", "together"]
Level = Literal["none", "small", "notable", "large"]

LEVEL = 0.01
"""Share of nights without any change that may alarm."""
LEAST_PSI = 0.05
"""Index above chance from which a drift counts; about a quarter of a standard deviation."""
NOTABLE, LARGE = 0.1, 0.25
"""Customary lines, applied to the index above chance."""
LEAST_EXPECTED = 5.0
"""Bins in which fewer rows are expected are pooled; chi-squared holds from about here."""
LEAST_ROWS = 50


@dataclass(frozen=True, slots=True)
class ColumnDrift:
    """Difference of one column.

    Parameters
    ----------
    name : str
        The column; `prediction`, `outcome` or `together` for those.
    kind : Kind
        What it is.
    psi : float
        Population stability index; NaN for `together`.
    expected : float
        What it is on average if nothing changed.
    p : float
        Chance of a difference this large if nothing changed.
    adjusted : float
        The same with all columns of the night together (Holm).
    direction : int
        1 where values moved up, -1 where down, 0 where neither.
    missing_before, missing_now : float
        Share of customers without a value.
    middle_before, middle_now : float
        Middle values as far as the bins tell; NaN for words.
    alarmed : bool
        Whether it counts.
    gained : str
        The word whose share grew most; empty for numbers.
    """

    name: str
    kind: Kind
    psi: float
    expected: float
    p: float
    adjusted: float
    direction: int
    missing_before: float
    missing_now: float
    middle_before: float
    middle_now: float
    alarmed: bool = False
    gained: str = ""

    @property
    def effect(self) -> float:
        """Index above chance; never negative."""
        return max(0.0, self.psi - self.expected)

    @property
    def level(self) -> Level:
        """How large the difference is, where it counts."""
        if not self.alarmed:
            return "none"
        if self.kind == "together":
            return "notable"
        return "large" if self.effect >= LARGE else "notable" if self.effect >= NOTABLE else "small"


@dataclass(frozen=True, slots=True)
class DriftFound:
    """What a night found.

    Parameters
    ----------
    columns : tuple[ColumnDrift, ...]
        Columns in the model's order, then prediction, outcome and all together.
    n_before, n_now : int
        Customers then and now.
    domain : Domain | None
        Whether a classifier tells then from now, where it was asked.
    now : Reference | None
        Counts of today.
    """

    columns: tuple[ColumnDrift, ...]
    n_before: int
    n_now: int
    domain: Domain | None = None
    now: Reference | None = None

    @property
    def alarmed(self) -> tuple[ColumnDrift, ...]:
        """Columns that count, the largest effect first."""
        found = [column for column in self.columns if column.alarmed]
        return tuple(sorted(found, key=lambda x: (x.kind != "together", -x.effect, x.name)))

    def matters(self, importances: Mapping[str, float]) -> bool:
        """Tell whether the model should learn again.

        Parameters
        ----------
        importances : Mapping[str, float]
            Share of each column in the model's judgement; empty where it has none.

        Returns
        -------
        bool
            When what it says or what happens drifted notably, or the drifted columns carry a
            tenth of its judgement (any notable column where the shares are not known).
        """
        for column in self.alarmed:
            if column.kind != "feature":
                if column.kind == "together" or column.level != "small":
                    return True
            elif not importances and column.level != "small":
                return True
        weight = sum(importances.get(column.name, 0.0) for column in self.alarmed)
        return weight >= 0.1

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object; figures that do not exist become null."""
        return {
            "n_before": self.n_before,
            "n_now": self.n_now,
            "columns": [
                {
                    "name": x.name, "kind": x.kind, "psi": _plain(x.psi), "level": x.level,
                    "expected": _plain(x.expected), "p": _plain(x.p), "direction": x.direction,
                    "adjusted": _plain(x.adjusted), "alarmed": x.alarmed, "gained": x.gained,
                    "missing_before": x.missing_before, "missing_now": x.missing_now,
                    "middle_before": _plain(x.middle_before), "middle_now": _plain(x.middle_now),
                }
                for x in self.columns
            ],
            "domain": self.domain and self.domain.to_json(),
            "now": {} if self.now is None else {
                part.name: [*part.counts, part.missing]
                for part in (*self.now.columns, self.now.prediction, self.now.outcome)
                if part is not None
            },
        }  # fmt: skip


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def compare(before: Histogram, now: Histogram, kind: Kind = "feature") -> ColumnDrift:
    """Compare two counts of one column; a missing value is a bin of its own.

    Parameters
    ----------
    before, now : Histogram
        Counts over the same bins.
    kind : Kind
        What the column is.

    Returns
    -------
    ColumnDrift
        With `adjusted` equal to `p`; not alarmed. `p` is 1 where either side has fewer than 50
        rows or only one bin is filled.

    Examples
    --------
    >>> a = Histogram("x", (1.0,), (), (500.0, 500.0), 0.0)
    >>> compare(a, Histogram("x", (1.0,), (), (300.0, 700.0), 0.0)).p < 1e-9
    True
    """
    a = np.append(np.array(before.counts, dtype=np.float64), before.missing)
    b = np.append(np.array(now.counts, dtype=np.float64), now.missing)
    n, m = float(a.sum()), float(b.sum())
    psi, expected, p = 0.0, 0.0, 1.0
    if min(n, m) >= LEAST_ROWS:
        psi, expected, p = _psi(a, b)
    shift = 0.0
    if not before.levels and a[:-1].any() and b[:-1].any():
        place = np.arange(len(before.counts))
        shift = float(place @ b[:-1] / b[:-1].sum() - place @ a[:-1] / a[:-1].sum())
    gained = ""
    if before.levels and n and m:
        gained = before.levels[int(np.argmax(b[:-1] / m - a[:-1] / n))]
    least = 0.1 * max(len(before.counts) - 1, 1) / 2
    return ColumnDrift(
        before.name, kind, psi, expected, p, p, int(np.sign(shift)) if abs(shift) > least else 0,
        before.missing / n if n else 0.0, now.missing / m if m else 0.0,
        before.median(), now.median(), gained=gained,
    )  # fmt: skip


def _psi(a: Floats, b: Floats) -> tuple[float, float, float]:
    """Index, its mean under no change, and the chance of a difference this large."""
    n, m = float(a.sum()), float(b.sum())
    both = a + b
    small = both * min(n, m) / (n + m) < LEAST_EXPECTED
    if small.any():
        pooled = a[small].sum(), b[small].sum()
        a, b = a[~small], b[~small]
        if sum(pooled) * min(n, m) / (n + m) >= LEAST_EXPECTED or not len(a):
            a, b = np.append(a, pooled[0]), np.append(b, pooled[1])
        else:
            # still too few for a bin of their own: with the smallest neighbour
            at = int(np.argmin(a + b))
            a[at], b[at] = a[at] + pooled[0], b[at] + pooled[1]
    bins = len(a)
    if bins < 2:
        return 0.0, 0.0, 1.0
    p, q = (b + 0.5) / (m + 0.5 * bins), (a + 0.5) / (n + 0.5 * bins)
    psi = float(np.sum((p - q) * np.log(p / q)))
    share = (a + b) / (n + m)
    # Pearson's statistic keeps its level in small samples where the index itself does not
    statistic = float(
        np.sum((a - n * share) ** 2 / (n * share) + (b - m * share) ** 2 / (m * share))
    )
    return psi, (bins - 1) * (1.0 / n + 1.0 / m), float(chi2.sf(statistic, bins - 1))


def holm(p: Sequence[float]) -> Floats:
    """Return p-values adjusted so that the chance of any false alarm among them is kept (Holm 1979).

    Parameters
    ----------
    p : Sequence[float]
        Raw values.

    Returns
    -------
    Floats
        In the same order; compare each with the level.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).round(2).tolist()
    [0.03, 0.06, 0.06]
    """
    raw = np.asarray(p, dtype=np.float64)
    by = np.argsort(raw, kind="stable")
    scaled = raw[by] * (len(raw) - np.arange(len(raw)))
    adjusted = np.empty(len(raw))
    adjusted[by] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return adjusted


def find_drift(
    before: Reference,
    now: Reference,
    *,
    domain: Domain | None = None,
    level: float = LEVEL,
    least_psi: float = LEAST_PSI,
) -> DriftFound:
    """Compare today with a reference, all columns together.

    Parameters
    ----------
    before, now : Reference
        Counts over the same bins.
    domain : Domain | None
        Whether a classifier tells then from now; joins the family of tests.
    level : float
        Chance of any alarm in a night in which nothing changed.
    least_psi : float
        Index above chance from which a difference counts.

    Returns
    -------
    DriftFound
        Every column, those that count marked.
    """
    found = [compare(a, b) for a, b in zip(before.columns, now.columns, strict=True)]
    for kind in ("prediction", "outcome"):
        a, b = getattr(before, kind), getattr(now, kind)
        if a is not None and b is not None:
            found.append(compare(a, b, kind))
    if domain is not None:
        nan = float("nan")
        found.append(
            ColumnDrift("together", "together", nan, nan, domain.p, domain.p, 0, 0.0, 0.0, nan, nan)
        )
    if not found:
        return DriftFound((), before.n, now.n, domain, now)
    adjusted = holm([column.p for column in found])
    marked = tuple(
        _marked(column, float(own), level, least_psi, domain)
        for column, own in zip(found, adjusted, strict=True)
    )
    return DriftFound(marked, before.n, now.n, domain, now)


def _marked(
    column: ColumnDrift, adjusted: float, level: float, least_psi: float, domain: Domain | None
) -> ColumnDrift:
    together = domain is not None and domain.separates
    enough = together if column.kind == "together" else column.effect >= least_psi
    return ColumnDrift(
        column.name, column.kind, column.psi, column.expected, column.p, adjusted,
        column.direction, column.missing_before, column.missing_now, column.middle_before,
        column.middle_now, adjusted < level and enough, column.gained,
    )  # fmt: skip
