"""The honest report: figures with intervals beside baselines, gains, slices, and a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shopkeeper.predict.calibrate import auc, average_precision, brier, calibration_error
from shopkeeper.predict.cards import Figure, bootstrap_interval
from shopkeeper.predict.history import Bools, Floats, Ints
from shopkeeper.predict.propensity.table import Sheet

OURS = "shopkeeper"
METRICS = {
    "auc": auc, "average_precision": average_precision, "brier": brier, "ece": calibration_error,
}  # fmt: skip
MOST_DRAWN = 20_000
"""Rows an interval is drawn from; more hardly narrow it."""
PARTS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
LEAST_SLICE = 100
FEW = 100
"""Fewer of the rarer outcome than this make wide intervals, which is said."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a model is worth using.

    Parameters
    ----------
    useful : bool
        Whether it ranks better than the best single column, beyond chance.
    zh, en : str
        The same in a sentence.
    """

    useful: bool
    zh: str
    en: str


def figures_of(
    outcome: Bools, said: Mapping[str, Floats], *, seed: int, draws: int = 100,
    intervals: Sequence[str] | None = None,
) -> tuple[Figure, ...]:  # fmt: skip
    """Measure every method on rows it was not learned on.

    Parameters
    ----------
    outcome : Bools
        What happened.
    said : Mapping[str, Floats]
        Probabilities by method.
    seed : int
        Of the resampling.
    draws : int
        Resamples of an interval.
    intervals : Sequence[str] | None
        Methods that get intervals; None gives all of them.

    Returns
    -------
    tuple[Figure, ...]
        `auc`, `average_precision`, `brier`, `ece` of each; 95 % intervals.
    """
    at = _drawn(len(outcome), seed)
    figures = []
    for method, chance in said.items():
        for metric, figure in METRICS.items():
            low, high = None, None
            if intervals is None or method in intervals:

                def statistic(rows: Ints, figure: Any = figure, chance: Floats = chance) -> float:
                    return float(figure(outcome[at[rows]], chance[at[rows]]))

                low, high = bootstrap_interval(statistic, len(at), seed=seed, draws=draws)
                if metric == "ece":
                    # the gap of small bins is biased upwards in resamples: only the upper end
                    low = None
            figures.append(
                Figure(method, metric, float(figure(outcome, chance)), low, high, len(outcome))
            )
    return tuple(figures)


def _drawn(rows: int, seed: int) -> Ints:
    if rows <= MOST_DRAWN:
        return np.arange(rows)
    return np.sort(np.random.default_rng([seed, 5]).choice(rows, MOST_DRAWN, replace=False))


def verdict_of(
    outcome: Bools, said: Mapping[str, Floats], column: str, *, seed: int, draws: int = 200
) -> Verdict:
    """Compare ours with the best single column on the same rows, resampled together.

    Parameters
    ----------
    outcome : Bools
        What happened.
    said : Mapping[str, Floats]
        Probabilities by method.
    column : str
        Name of the best single column.
    seed : int
        Of the resampling.
    draws : int
        Resamples.

    Returns
    -------
    Verdict
        Useful only where the lower end of the difference is above zero.
    """
    ours, rule = said[OURS], said["best single column"]
    at = _drawn(len(outcome), seed)

    def gain(rows: Ints) -> float:
        some = at[rows]
        return auc(outcome[some], ours[some]) - auc(outcome[some], rule[some])

    low, high = bootstrap_interval(gain, len(at), seed=seed, draws=draws)
    mine, other = auc(outcome, ours), auc(outcome, rule)
    numbers = f"AUC {mine:.3f} / {other:.3f}, {low:+.3f} … {high:+.3f}"
    few = min(int(outcome.sum()), int((~outcome).sum()))
    if low > 0:
        return Verdict(
            True,
            f"值得使用：排序明显优于只看“{column}”一列（{numbers}）",
            f"worth using: ranks better than {column!r} alone ({numbers})",
        )
    if few < FEW:
        return Verdict(
            False,
            f"尚不能断定：检验期只有 {few} 个较少的结果（{numbers}），还需约 {FEW - few} 个",
            f"cannot say yet: the test holds {few} of the rarer outcome ({numbers}); "
            f"about {FEW - few} more are needed",
        )
    return Verdict(
        False,
        f"与只看“{column}”一列没有可靠差别（{numbers}）：直接用那一列更简单",
        f"no reliable gain over {column!r} alone ({numbers}): that column is simpler",
    )


def gains_of(outcome: Bools, chance: Floats) -> list[dict[str, float]]:
    """Return what the best-scored parts of the rows hold.

    Parameters
    ----------
    outcome : Bools
        What happened.
    chance : Floats
        Probabilities; of equal ones the unlucky come first, so that ties count against us.

    Returns
    -------
    list[dict[str, float]]
        `share`, `customers`, `positives`, `captured`, `rate`, `lift` of each part.

    Examples
    --------
    >>> part = gains_of(np.array([True, False] * 10), np.array([0.9, 0.1] * 10))[5]
    >>> part["share"], part["captured"], part["lift"]
    (0.5, 1.0, 2.0)
    """
    order = np.lexsort((outcome, -chance))
    hits = np.cumsum(outcome[order])
    total, rows = int(hits[-1]), len(outcome)
    table = []
    for share in PARTS:
        n = max(1, round(share * rows))
        found = int(hits[n - 1])
        rate = found / n
        table.append(
            {
                "share": share, "customers": n, "positives": found,
                "captured": found / max(total, 1), "rate": rate,
                "lift": rate / max(total / rows, 1e-12),
            }
        )  # fmt: skip
    return table


def slices_of(sheet: Sheet, outcome: Bools, chance: Floats, columns: Sequence[str]) -> list[Any]:
    """Return figures of parts of the rows: the words or thirds of some columns.

    Parameters
    ----------
    sheet : Sheet
        Rows.
    outcome : Bools
        What happened.
    chance : Floats
        Probabilities.
    columns : Sequence[str]
        Columns to part by, the most telling first; two are used.

    Returns
    -------
    list[Any]
        `column`, `part`, `customers`, `positives`, `rate`, `predicted`, `auc` of each part with at
        least 100 rows.
    """
    found = []
    for name in list(columns)[:2]:
        for part, inside in _parts(sheet, sheet.layout.names.index(name)):
            n = int(inside.sum())
            if n < LEAST_SLICE:
                continue
            area = auc(outcome[inside], chance[inside])
            found.append(
                {
                    "column": name, "part": part, "customers": n,
                    "positives": int(outcome[inside].sum()),
                    "rate": float(outcome[inside].mean()),
                    "predicted": float(chance[inside].mean()),
                    "auc": area if np.isfinite(area) else None,
                }
            )  # fmt: skip
    return found


def _parts(sheet: Sheet, source: int) -> list[tuple[str, Bools]]:
    if source >= sheet.layout.numbers:
        code = sheet.codes[:, source - sheet.layout.numbers]
        often = np.bincount(code[code >= 0], minlength=1)
        best = np.argsort(-often, kind="stable")[:4].tolist()
        levels = sheet.layout.columns[source].levels
        return [(f"= {levels[at]}", code == at) for at in best if often[at]]
    value = sheet.values[:, source]
    seen = value[np.isfinite(value)]
    parts: list[tuple[str, Bools]] = [("is missing", ~np.isfinite(value))]
    if not len(seen):
        return parts
    low, high = np.quantile(seen, [1 / 3, 2 / 3])
    if low == high:
        parts += [(f"<= {low:.4g}", value <= low), (f"> {low:.4g}", value > low)]
        return parts
    return [
        *parts, (f"<= {low:.4g}", value <= low), (f"<= {high:.4g}", (value > low) & (value <= high)),
        (f"> {high:.4g}", value > high),
    ]  # fmt: skip
