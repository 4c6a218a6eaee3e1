"""Reasons of a score as sentences: which fact, in which direction, compared with what.

A score row stores reasons compactly (code, weight, value, usual value); sentences are made when
somebody reads them, so that a million rows cost no million sentences.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.core.errors import InputError, NotFoundError
from shopkeeper.predict.history import Floats
from shopkeeper.predict.templates import (
    NO_HISTORY,
    OTHER,
    TEMPLATES,
    Template,
    template_of,
)

__all__ = [
    "DIRECTIONS", "NO_HISTORY", "OTHER", "TEMPLATES", "Language", "Template", "explained",
    "fold_reasons", "reason_without_history", "render", "store_reasons",
]  # fmt: skip

Language = Literal["zh", "en"]

DIRECTIONS: dict[str, tuple[str, str]] = {
    "zh": ("升高风险", "降低风险"),
    "en": ("raises", "lowers"),
}
"""Words for a positive and a negative weight, per language."""


def fold_reasons(names: Sequence[str], contributions: Floats, told_by: Mapping[str, str]) -> Floats:
    """Add the weight of columns that restate a fact to the column that tells it.

    Parameters
    ----------
    names : Sequence[str]
        One code a column.
    contributions : Floats
        What each column adds; shape (rows, columns).
    told_by : Mapping[str, str]
        Telling column by restating column; pairs with an absent column are ignored.

    Returns
    -------
    Floats
        Contributions of the same shape; restating columns are 0.

    Examples
    --------
    >>> fold_reasons(["a", "b"], np.array([[1.0, 2.0]]), {"b": "a"}).tolist()
    [[3.0, 0.0]]
    """
    folded = contributions.copy()
    place = {name: at for at, name in enumerate(names)}
    for name, fact in told_by.items():
        if name in place and fact in place:
            folded[:, place[fact]] += folded[:, place[name]]
            folded[:, place[name]] = 0.0
    return folded


def store_reasons(
    names: Sequence[str],
    contributions: Floats,
    values: Floats,
    usual: Floats,
    top: int = 3,
    least: float = 0.02,
) -> pa.Array:
    """Write the strongest reasons of each row as compact JSON, without a loop over rows.

    Parameters
    ----------
    names : Sequence[str]
        One code a column.
    contributions : Floats
        What each column adds to the log-odds; shape (rows, columns).
    values : Floats
        Values of the columns; same shape; NaN where there is none.
    usual : Floats
        What is usual, to compare with: shape (columns,), or (rows, columns) where it is personal.
    top : int
        Most reasons a row.
    least : float
        Contributions below this size are no reason.

    Returns
    -------
    pa.Array
        Strings such as `[{"code":"days_since_last","weight":0.81,"value":92,"usual":31}]`.

    Examples
    --------
    >>> stored = store_reasons(
    ...     ["days_since_last"], np.array([[0.8]]), np.array([[92.0]]), np.array([31.0])
    ... )
    >>> render(stored[0].as_py(), "en")
    ['no purchase for 92 days, 3× the usual 31-day gap']
    """
    rows, columns = contributions.shape
    used = min(top, columns)
    order = np.argsort(-np.abs(contributions), axis=1, kind="stable")[:, :used]
    at = np.arange(rows)
    personal = np.broadcast_to(usual, contributions.shape)
    codes = pa.array([f'{{"code":{json.dumps(name)},"weight":' for name in names])
    pieces = []
    for place in range(used):
        column = order[:, place]
        weight = contributions[at, column]
        piece = pc.binary_join_element_wise(
            codes.take(pa.array(column)),
            _numbers(weight, 3),
            pa.scalar(',"value":'),
            _numbers(values[at, column], 4),
            pa.scalar(',"usual":'),
            _numbers(personal[at, column], 4),
            pa.scalar("}"),
            "",
        )
        # sorted by size: where this one is kept, the ones before are, so a comma may lead it
        kept = pa.array(np.abs(weight) >= least)
        led = pc.binary_join_element_wise(pa.scalar("," if place else ""), piece, "")
        pieces.append(pc.if_else(kept, led, pa.scalar("")))
    return pc.binary_join_element_wise(pa.scalar("["), *pieces, pa.scalar("]"), "")


def _numbers(values: Floats, digits: int) -> pa.Array:
    """Write numbers as JSON; what is not finite becomes null."""
    finite = np.isfinite(values)
    rounded = np.round(np.where(finite, values, 0.0), digits)
    rounded = np.where(rounded == 0.0, 0.0, rounded)  # no minus zero
    text = pc.cast(pa.array(rounded), pa.string())
    return pc.if_else(pa.array(finite), text, pa.scalar("null"))


def reason_without_history() -> str:
    """Return the stored reason for a customer without history.

    Returns
    -------
    str
        Compact JSON.
    """
    return json.dumps(
        [{"code": NO_HISTORY, "weight": 0.0, "value": None, "usual": None}], separators=(",", ":")
    )


def render(reasons_json: str | None, lang: Language) -> list[str]:
    """Turn stored reasons into sentences.

    Parameters
    ----------
    reasons_json : str | None
        What `store_reasons` wrote; None gives no sentence.
    lang : Language
        `zh` or `en`.

    Returns
    -------
    list[str]
        Strongest reason first.

    Raises
    ------
    NotFoundError
        When the language is not known.
    InputError
        When the text is not what `store_reasons` writes.
    """
    return [str(reason[lang]) for reason in explained(reasons_json, (lang,))]


def explained(
    reasons_json: str | None, languages: Sequence[str] = ("zh", "en")
) -> list[dict[str, Any]]:
    """Return stored reasons with their sentences and direction.

    Parameters
    ----------
    reasons_json : str | None
        What `store_reasons` wrote.
    languages : Sequence[str]
        Languages to write.

    Returns
    -------
    list[dict[str, Any]]
        `code`, `weight`, `value`, `usual`, `direction` (`up` or `down`), and one key a language.

    Raises
    ------
    NotFoundError
        When a language is not known.
    InputError
        When the text is not what `store_reasons` writes.

    Examples
    --------
    >>> text = '[{"code":"purchases","weight":-0.4,"value":12,"usual":2}]'
    >>> explained(text)[0]["zh"], explained(text)[0]["direction"]
    ('共购买 12 次（客户中位数 2 次）', 'down')
    """
    if not reasons_json:
        return []
    unknown = [lang for lang in languages if lang not in DIRECTIONS]
    if unknown:
        raise NotFoundError(
            f"reasons are not written in {unknown[0]!r}", next_step="use zh or en", lang=unknown[0]
        )
    try:
        stored: list[Mapping[str, Any]] = json.loads(reasons_json)
        return [
            {
                **reason,
                "direction": "up" if reason["weight"] > 0 else "down",
                **{lang: _sentence(reason, lang) for lang in languages},
            }
            for reason in stored
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"stored reasons cannot be read ({type(error).__name__}: {error})",
            next_step="score the customers again",
            reasons=reasons_json[:200],
        ) from error


def _sentence(reason: Mapping[str, Any], lang: str) -> str:
    template = template_of(reason["code"])
    value, usual = reason["value"], reason["usual"]
    text = template.zh if lang == "zh" else template.en
    if reason["weight"] < 0:
        text = (template.zh_down if lang == "zh" else template.en_down) or text
    elif value is not None and usual is not None and usual > 0 and value >= 2 * usual:
        text = (template.zh_times if lang == "zh" else template.en_times) or text
    return text.format(
        code=reason["code"],
        value=_shown(value, template, lang),
        usual=_shown(usual, template, lang),
        times=f"{value / usual:.0f}" if value is not None and usual else "",
    )


def _shown(value: float | None, template: Template, lang: str) -> str:
    if value is None:
        return "未知" if lang == "zh" else "unknown"
    return f"{value * template.scale:,.{template.digits}f}"
