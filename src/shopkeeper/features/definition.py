"""What a feature is: one definition from which training, serving and the manual are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import ibis

from shopkeeper.core.columns import Column, Kind
from shopkeeper.core.errors import ContractError
from shopkeeper.core.scenes import Words

Builder = Callable[[ibis.Table], ibis.Value]
WindowedBuilder = Callable[[ibis.Table, ibis.Value], ibis.Value]

LIFE: int | None = None
"""The window without a beginning: everything before ``as_of``."""

ROW = "row"
"""Grain of features computed from other features of the same row."""


@dataclass(frozen=True, slots=True)
class Feature:
    """A number (or word) about one customer computed from rows before ``as_of``.

    Parameters
    ----------
    name
        Column name; windowed features end in ``_30d`` or ``_life``.
    grain
        Which pre-aggregated rows the builder sees (``features.grains``), or
        ``ROW`` when it is computed from other features.
    source
        Table the rows come from; for ``ROW`` features that of their inputs.
    group
        Family: value, rhythm, basket, affinity, promotion, preference, returns,
        activity, service, social, contact, trend.
    dtype
        Declared type; the value is cast to it.
    unit
        What the number counts; empty for words.
    window_days
        Length of the half-open window ``[as_of - window, as_of)`` in days; None
        is everything before ``as_of``.
    zh, en
        Meaning in Chinese and English.
    build
        Aggregate over the rows of the grain, or scalar over the feature row.
    absent
        Value when the customer has no such rows; None stays empty.
    needs
        Features a ``ROW`` feature reads.
    owner
        Who answers for the definition.
    entity
        What one row is about.
    words
        Every value a word may take, with its name in Chinese and English; empty where it is free.
    """

    name: str
    grain: str
    source: str
    group: str
    dtype: Kind
    unit: str
    window_days: int | None
    zh: str
    en: str
    build: Builder
    absent: int | None = 0
    needs: tuple[str, ...] = ()
    owner: str = "growth"
    entity: str = "customer"
    words: Words = ()

    @property
    def column(self) -> Column:
        """The feature as a column of the FEATURES contract."""
        return Column(self.name, self.dtype, self.zh, self.en, unit=self.unit)


def suffix(window_days: int | None) -> str:
    """Ending of a windowed name.

    Parameters
    ----------
    window_days
        Days, or None for the lifetime.

    Returns
    -------
    str

    Examples
    --------
    >>> suffix(30), suffix(LIFE)
    ('30d', 'life')
    """
    return "life" if window_days is None else f"{window_days}d"


def windowed(
    stem: str,
    windows: Sequence[int | None],
    build: WindowedBuilder,
    *,
    grain: str,
    source: str,
    group: str,
    zh: str,
    en: str,
    unit: str,
    dtype: Kind = "int64",
    absent: int | None = 0,
) -> tuple[Feature, ...]:
    """One definition over several windows.

    Parameters
    ----------
    stem
        Name without the window.
    windows
        Days of each window; None is the lifetime.
    build
        Receives the rows of the grain and the condition "inside the window".
    grain, source, group, unit, dtype, absent
        As in :class:`Feature`.
    zh, en
        Meaning; the window is added.

    Returns
    -------
    tuple of Feature
        In the order of ``windows``.

    Examples
    --------
    >>> pair = windowed(
    ...     "orders",
    ...     (30, LIFE),
    ...     lambda t, inside: t.orders.sum(where=inside),
    ...     grain="purchase_days",
    ...     source="purchases",
    ...     group="value",
    ...     zh="订单数",
    ...     en="Orders",
    ...     unit="orders",
    ... )
    >>> [x.name for x in pair], pair[0].en, pair[1].zh
    (['orders_30d', 'orders_life'], 'Orders, last 30 days', '订单数（全部历史）')
    """
    return tuple(
        Feature(
            name=f"{stem}_{suffix(days)}",
            grain=grain,
            source=source,
            group=group,
            dtype=dtype,
            unit=unit,
            window_days=days,
            zh=f"{zh}（{'全部历史' if days is None else f'近 {days} 天'}）",
            en=f"{en}, {'all history' if days is None else f'last {days} days'}",
            build=_inside(build, days),
            absent=absent,
        )
        for days in windows
    )


def of_activity(
    group: str,
    stem: str,
    windows: Sequence[int | None],
    build: WindowedBuilder,
    zh: str,
    en: str,
    unit: str,
) -> tuple[Feature, ...]:
    """One definition over the days of activity, over several windows.

    Parameters
    ----------
    group, stem, windows, build, zh, en, unit
        As for :func:`windowed`.

    Returns
    -------
    tuple of Feature
        In the order of ``windows``.
    """
    return windowed(
        stem, windows, build, grain="activity_days", source="activity", group=group, zh=zh, en=en,
        unit=unit,
    )  # fmt: skip


def since_activity(group: str, name: str, zh: str, en: str, build: Builder) -> Feature:
    """Days since somebody last did something; empty where they never did.

    Parameters
    ----------
    group, name, zh, en, build
        As in :class:`Feature`.

    Returns
    -------
    Feature
    """
    return Feature(
        name, "activity_days", "activity", group, "int64", "days", LIFE, zh, en, build, None
    )


def _inside(build: WindowedBuilder, days: int | None) -> Builder:
    def over(rows: ibis.Table) -> ibis.Value:
        # Ages are whole days since as_of, from 0, and never null: ">= 0" is always true.
        return build(rows, rows.age_day >= 0 if days is None else rows.age_day < days)

    return over


def derived(
    name: str,
    needs: Sequence[str],
    build: Builder,
    *,
    source: str,
    group: str,
    zh: str,
    en: str,
    unit: str,
    window_days: int | None = None,
    dtype: Kind = "float64",
) -> Feature:
    """A feature computed from other features of the same row; empty where it has no meaning.

    Parameters
    ----------
    name, source, group, zh, en, unit, window_days, dtype
        As in :class:`Feature`.
    needs
        Names of the features it reads; nothing else is visible to ``build``.
    build
        Receives the feature row.

    Returns
    -------
    Feature
    """
    return Feature(
        name=name,
        grain=ROW,
        source=source,
        group=group,
        dtype=dtype,
        unit=unit,
        window_days=window_days,
        zh=zh,
        en=en,
        build=build,
        absent=None,
        needs=tuple(needs),
    )


def ratio(above: ibis.Value, below: ibis.Value) -> ibis.Value:
    """Quotient as float64; empty where the divisor is zero or empty.

    Parameters
    ----------
    above, below
        Numbers of one row.

    Returns
    -------
    ibis.Value
    """
    return above.cast("float64") / below.cast("float64").nullif(ibis.literal(0).cast("float64"))


def quotient(above: str, below: str) -> Builder:
    """Builder that divides one feature by another.

    Parameters
    ----------
    above, below
        Names of features of the same row.

    Returns
    -------
    Builder
        Empty where the divisor is zero or empty.
    """
    return lambda row: ratio(row[above], row[below])


def counted(age: str, window_days: int | None) -> Builder:
    """Builder that counts the rows of a grain whose age lies in a window.

    Parameters
    ----------
    age
        Column with an age in whole days, never empty.
    window_days
        Window; None counts all rows.

    Returns
    -------
    Builder
    """
    if window_days is None:
        return lambda rows: rows.count()
    return lambda rows: (rows[age] < window_days).sum()


def check_unique(features: Sequence[Feature]) -> None:
    """Refuse a library in which a name is defined twice or an input is missing.

    Parameters
    ----------
    features
        The whole library.

    Raises
    ------
    ContractError
        If a name occurs twice or a derived feature needs one that does not exist.
    """
    seen: set[str] = set()
    for feature in features:
        if feature.name in seen:
            raise ContractError(
                f"feature {feature.name} is defined twice",
                next_step="Keep one definition or rename one of them",
                feature=feature.name,
            )
        seen.add(feature.name)
    for feature in features:
        missing = [name for name in feature.needs if name not in seen]
        if missing:
            raise ContractError(
                f"feature {feature.name} needs {', '.join(missing)}, which is not defined",
                next_step="Define it or correct the name in needs",
                feature=feature.name,
                missing=missing,
            )
