"""A trial table as features: text becomes flags, and what the treatment changed is left out.

In a randomised trial a column known before the treatment has the same distribution in both arms. A
column that differs was measured after it (a visit, an amount spent), or the arms were not drawn at
random: learning from it would leak the answer. A column that decides the outcome (nobody converts
without a visit) was measured after it too. Both are left out, by name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy import stats

from shopkeeper.core.errors import InputError
from shopkeeper.predict.history import Bools, Floats
from shopkeeper.predict.uplift.trial import Matrix

MOST_LEVELS = 40
"""Values of a text column that become flags; a column with more distinct ones is left out when they
are nearly all different, else its most frequent values count."""
LEVEL = 1e-4
"""Chance at which columns are judged, divided by their number."""
LEAST_GAP = 0.01
"""Standardised difference between arms below which a column is kept, however sure it is."""
OUTCOME_NAMES = re.compile(
    r"^(visit(s|ed)?|conver(sion|sions|ted|t)|spen[dt]|exposure|exposed|click(s|ed)?|open(s|ed)?|"
    r"revenue|purchase[ds]?|bought|response|responded|sales?|orders?|redeem(ed)?|outcome)$",
    re.IGNORECASE,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A column that is not learned from.

    Parameters
    ----------
    column : str
        Its name.
    reason_zh, reason_en : str
        Why.
    """

    column: str
    reason_zh: str
    reason_en: str


@dataclass(frozen=True, slots=True)
class Encoder:
    """How columns of a table become features.

    Parameters
    ----------
    numbers : tuple[str, ...]
        Columns taken as numbers.
    flags : tuple[tuple[str, str], ...]
        Column and value of each flag.
    """

    numbers: tuple[str, ...]
    flags: tuple[tuple[str, str], ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the features in order."""
        return (*self.numbers, *(f"{name}={value}" for name, value in self.flags))

    def matrix(self, table: pa.Table) -> Matrix:
        """Features of a table's rows.

        Parameters
        ----------
        table : pa.Table
            With the columns of the training.

        Returns
        -------
        Matrix
            float32; NaN where a number is missing; values not seen in training set no flag.
        """
        out = np.empty((table.num_rows, len(self.columns)), dtype=np.float32)
        for place, name in enumerate(self.numbers):
            out[:, place] = _number(table.column(name))
        texts: dict[str, Any] = {}
        for place, (name, value) in enumerate(self.flags, start=len(self.numbers)):
            if name not in texts:
                texts[name] = pc.fill_null(table.column(name).cast(pa.string()), "")
            flags = pc.equal(texts[name], value).to_numpy(zero_copy_only=False)
            out[:, place] = flags
        return out

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"numbers": list(self.numbers), "flags": [list(x) for x in self.flags]}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Encoder:
        """Read what `to_dict` wrote.

        Parameters
        ----------
        plain : Mapping[str, Any]
            Plain values.
        """
        return cls(tuple(plain["numbers"]), tuple((x[0], x[1]) for x in plain["flags"]))


def _number(column: pa.ChunkedArray) -> npt.NDArray[np.float32]:
    if pa.types.is_temporal(column.type):
        column = column.cast(pa.int64())
    values = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return np.where(np.isfinite(values), values, np.nan).astype(np.float32)


def plan_encoder(
    table: pa.Table, treated: Bools, outcome: Floats, exclude: Sequence[str]
) -> tuple[Encoder, tuple[LeftOut, ...]]:
    """Choose the columns to learn from.

    Parameters
    ----------
    table : pa.Table
        Rows of the trial.
    treated : Bools
        Arms.
    outcome : Floats
        Outcomes.
    exclude : Sequence[str]
        Columns never learned from: arm, outcome, and what the reader named.

    Returns
    -------
    tuple[Encoder, tuple[LeftOut, ...]]
        How to encode, and what was left out by itself.

    Raises
    ------
    InputError
        When no column is left.
    """
    numbers: list[str] = []
    flags: list[tuple[str, str]] = []
    out: list[LeftOut] = []
    names = [name for name in table.column_names if name not in set(exclude)]
    limit = LEVEL / max(len(names), 1)
    for name in names:
        column = table.column(name)
        guilty = leak_of(name, column, treated, outcome, limit)
        if guilty is not None:
            out.append(guilty)
        elif _is_number(column.type):
            numbers.append(name)
        else:
            levels = _levels(column)
            if levels is None:
                out.append(LeftOut(
                    name, f"「{name}」几乎每行取值都不同，像编号，不参与学习",
                    f"{name!r} differs in almost every row, like an identifier: not learned from",
                ))  # fmt: skip
            else:
                flags += [(name, level) for level in levels]
    encoder = Encoder(tuple(numbers), tuple(flags))
    if not encoder.columns:
        left = "; ".join(x.reason_en for x in out)
        raise InputError(
            f"no column is left to learn from{': ' + left if left else ''}",
            next_step="give columns known before the treatment",
        )
    return encoder, tuple(out)


def _is_number(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
        or pa.types.is_decimal(kind) or pa.types.is_temporal(kind)
    )  # fmt: skip


def _levels(column: pa.ChunkedArray) -> list[str] | None:
    counts = pc.value_counts(column.cast(pa.string()).drop_null()).to_pylist()
    if len(counts) > max(0.5 * len(column), MOST_LEVELS):
        return None
    ranked = sorted(counts, key=lambda x: (-x["counts"], x["values"]))
    # Two values are one flag.
    return [x["values"] for x in (ranked[:1] if len(ranked) == 2 else ranked[:MOST_LEVELS])]


def leak_of(
    name: str, column: pa.ChunkedArray, treated: Bools, outcome: Floats, limit: float = LEVEL
) -> LeftOut | None:
    """Whether a column was measured after the treatment.

    Parameters
    ----------
    name : str
        Its name.
    column : pa.ChunkedArray
        Its values.
    treated : Bools
        Arms.
    outcome : Floats
        Outcomes.
    limit : float
        Chance at which a difference counts.

    Returns
    -------
    LeftOut | None
        None when nothing speaks against it.
    """
    codes = _coarse(column)
    gap, p = _difference(codes, treated)
    named = OUTCOME_NAMES.match(name) is not None
    if p < (0.01 if named else limit) and (gap > LEAST_GAP or named):
        return LeftOut(
            name,
            f"「{name}」在两组之间分布不同（标准化差 {gap:.3f}，p={p:.1g}）："
            "它是处理之后才产生的，或分组并不随机；不参与学习",
            f"{name!r} is distributed differently between the arms (standardised difference "
            f"{gap:.3f}, p={p:.1g}): measured after the treatment, or the arms are not random; "
            "not learned from",
        )
    if _decides(codes, outcome, limit):
        return LeftOut(
            name,
            f"「{name}」直接决定结果：它与结果同时产生；不参与学习",
            f"{name!r} decides the outcome: measured together with it; not learned from",
        )
    if named:
        return LeftOut(
            name,
            f"「{name}」按名称看是另一个结果；不参与学习（如确为处理前的数据，请改名）",
            f"{name!r} is another outcome by its name: not learned from (rename it if it was known "
            "before the treatment)",
        )
    return None


def _coarse(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Values as at most about twenty groups, missing ones in a group of their own."""
    if not _is_number(column.type):
        coded = column.cast(pa.string()).combine_chunks().dictionary_encode()
        codes = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64) + 1
        counts = np.bincount(codes)
        rank = np.empty(len(counts), dtype=np.int64)
        rank[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
        return np.asarray(np.minimum(rank[codes], 20))
    values = _number(column)
    known = values[~np.isnan(values)]
    if not len(known):
        return np.zeros(len(values), dtype=np.int64)
    distinct = np.unique(known[:100_000])
    edges = distinct if len(distinct) <= 20 else np.unique(
        np.quantile(known, np.linspace(0, 1, 11)[:-1]))  # fmt: skip
    codes = np.searchsorted(edges, values, side="right").astype(np.int64)
    codes[np.isnan(values)] = len(edges) + 1
    return codes


def _difference(codes: npt.NDArray[np.int64], treated: Bools) -> tuple[float, float]:
    """Effect size (Cohen's w over groups) of the difference between arms, and its p-value."""
    size = int(codes.max()) + 1
    table = np.stack([np.bincount(codes[treated == arm], minlength=size) for arm in (False, True)])
    table = table[:, table.sum(axis=0) >= 10].astype(np.float64)
    if table.shape[1] < 2 or (table.sum(axis=1) == 0).any():
        return 0.0, 1.0
    total = table.sum()
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / total
    chi2 = float(((table - expected) ** 2 / expected).sum())
    freedom = table.shape[1] - 1
    # What is above the chance value of chi-square, as an effect size.
    gap = float(np.sqrt(max(chi2 - freedom, 0.0) / total))
    return gap, float(stats.chi2.sf(chi2, freedom))


def _decides(codes: npt.NDArray[np.int64], outcome: Floats, limit: float) -> bool:
    """Whether a group of a column never, or always, has an outcome, far beyond chance."""
    happened = outcome > 0
    rate = float(happened.mean())
    if rate in {0.0, 1.0}:
        return False
    rows = np.bincount(codes).astype(np.float64)
    hits = np.bincount(codes, weights=happened)
    with np.errstate(divide="ignore"):
        never = (hits == 0) & (rows * np.log1p(-rate) < np.log(limit) - 5)
        always = (hits == rows) & (rows * np.log(rate) < np.log(limit) - 5) & (rows > 0)
    # "Never" in a large part of the rows, or "always" in any: a rare group alone may be chance.
    return bool((never & (rows > 0.2 * len(codes))).any() or always.any())
