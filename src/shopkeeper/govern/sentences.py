"""Findings in words, in Chinese and English."""

from __future__ import annotations

import re
from typing import Protocol

from shopkeeper.core.errors import NotFoundError
from shopkeeper.core.tables import ALL
from shopkeeper.govern.indicators import INDICATORS, TABLE_NAMES, Indicator


class Measured(Protocol):
    """What a sentence is made from."""

    @property
    def indicator(self) -> str:
        """Key of the indicator."""
        ...

    @property
    def table(self) -> str:
        """Table measured."""
        ...

    @property
    def column(self) -> str:
        """Column measured, or empty."""
        ...

    @property
    def value(self) -> float:
        """What was found."""
        ...

    @property
    def rows(self) -> int:
        """Rows counted."""
        ...


def finding(measured: Measured, threshold: float, passed: bool) -> tuple[str, str]:
    """One indicator as a sentence.

    Parameters
    ----------
    measured
        What was found.
    threshold
        The line it was held against.
    passed
        Whether it met the line.

    Returns
    -------
    tuple of str
        Chinese and English.
    """
    indicator = indicator_of(measured.indicator)
    table_zh, table_en = TABLE_NAMES.get(measured.table, (measured.table, measured.table))
    column_zh, column_en = column_name(measured.table, measured.column)
    value, line = shown(indicator, measured.value), shown(indicator, threshold)
    at_least = indicator.high_is_good
    verdict_zh = "达标" if passed else "未达标"
    verdict_en = "passes" if passed else "fails"
    bound_zh = "不低于" if at_least else "不高于"
    bound_en = "at least" if at_least else "at most"
    where_zh = f"{table_zh}“{column_zh}”" if column_zh else table_zh
    where_en = f"{column_en} of {table_en}" if column_en else table_en
    n = f"{measured.rows:,}"
    zh = (
        f"{where_zh}的{indicator.zh}为 {value[0]}，{verdict_zh}"
        f"（要求{bound_zh} {line[0]}，共 {n} 个）。"
    )
    en = (
        f"{indicator.en}, {where_en}: {value[1]}, {verdict_en} ({bound_en} {line[1]}; {n} counted)."
    )
    return zh, en


def indicator_of(key: str) -> Indicator:
    """An indicator by key.

    Raises
    ------
    NotFoundError
        If there is none.
    """
    try:
        return INDICATORS[key]
    except KeyError:
        raise NotFoundError(
            f"there is no quality indicator {key!r}",
            next_step=f"Choose one of {', '.join(INDICATORS)}",
            key=key,
        ) from None


def column_name(table: str, column: str) -> tuple[str, str]:
    """Short meaning of a column, in Chinese and English."""
    contract = ALL.get(table)
    for known in contract.columns if contract else ():
        if known == column:
            zh, en = (re.split("[（：(;:,]", x)[0].strip() for x in (known.zh, known.en))
            return zh, en[:1].lower() + en[1:]
    return column, column


def shown(indicator: Indicator, value: float) -> tuple[str, str]:
    """A value in the unit of its indicator, in Chinese and English.

    Examples
    --------
    >>> shown(INDICATORS["completeness"], 0.98123), shown(INDICATORS["freshness"], 1.5)
    (('98.12%', '98.12%'), ('1.5 天', '1.5 days'))
    """
    match indicator.unit:
        case "days":
            return f"{value:.1f} 天", f"{value:.1f} days"
        case "share":
            text = f"{value:.2%}"
        case "ratio":
            text = f"{value:.1%}"
        case "psi":
            text = f"{value:.3f}"
    return text, text
