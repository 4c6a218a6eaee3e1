"""The YAML form: nested ``all``, ``any`` and ``not``."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any as Anything
from typing import cast, get_args

import yaml

from shopkeeper.core.errors import RuleError
from shopkeeper.segment.rules.text import happened
from shopkeeper.segment.rules.tree import (
    EVERYONE,
    FILTERS,
    All,
    Among,
    Any,
    Between,
    Compare,
    Contains,
    Happened,
    Missing,
    Not,
    Occurrence,
    Operator,
    Rule,
)


def to_document(rule: Rule) -> dict[str, Anything]:  # noqa: C901, PLR0911 - one case a node
    """A rule as plain nested values, ready for YAML or JSON.

    Parameters
    ----------
    rule
        Any rule.

    Returns
    -------
    dict
        ``from_document(to_document(rule)) == rule``.

    Examples
    --------
    >>> to_document(Not(Compare("risk", ">=", 7)))
    {'not': {'field': 'risk', 'op': '>=', 'value': 7}}
    """
    match rule:
        case All(()):
            return {"everyone": True}
        case All(parts):
            return {"all": [to_document(x) for x in parts]}
        case Any(parts):
            return {"any": [to_document(x) for x in parts]}
        case Not(part):
            return {"not": to_document(part)}
        case Compare(field, op, value):
            return {"field": field, "op": op, "value": value}
        case Among(field, values):
            return {"field": field, "in": list(values)}
        case Between(field, low, high):
            return {"field": field, "between": [low, high]}
        case Contains(field, text):
            return {"field": field, "contains": text}
        case Missing(field):
            return {"field": field, "is": "missing"}
        case Happened(what, filters, within_days, at_least):
            inner: dict[str, Anything] = dict(filters)
            if within_days is not None:
                inner["within_days"] = within_days
            if at_least != 1:
                inner["at_least"] = at_least
            return {what: inner}


def from_document(document: Anything, path: str = "rule") -> Rule:
    """Read a rule from nested values.

    Parameters
    ----------
    document
        As :func:`to_document` writes.
    path
        Where in the whole document this part stands; used in errors.

    Returns
    -------
    Rule

    Raises
    ------
    RuleError
        If a part has the wrong shape; the message names the path.
    """
    if not isinstance(document, dict) or not document:
        raise _refusal(path, "is not a condition")
    keys = set(document)
    match document:
        case {"everyone": True} if keys == {"everyone"}:
            return EVERYONE
        case {"all": list(parts)} if keys == {"all"} and len(parts) >= 2:
            return All(tuple(from_document(x, f"{path}.all[{i}]") for i, x in enumerate(parts)))
        case {"any": list(parts)} if keys == {"any"} and len(parts) >= 2:
            return Any(tuple(from_document(x, f"{path}.any[{i}]") for i, x in enumerate(parts)))
        case {"not": part} if keys == {"not"}:
            return Not(from_document(part, f"{path}.not"))
        case {"field": str()}:
            return _condition(document, path)
        case _ if len(keys) == 1 and next(iter(keys)) in FILTERS:
            return _occurrence(document, path)
        case _:
            raise _refusal(path, f"has the keys {', '.join(sorted(map(str, keys)))}")


def _condition(document: dict[str, Anything], path: str) -> Rule:
    field = document["field"]
    rest = {k: v for k, v in document.items() if k != "field"}
    match rest:
        case {"op": str(op), "value": value} if len(rest) == 2 and op in get_args(Operator):
            return Compare(field, cast("Operator", op), _scalar(value, f"{path}.value"))
        case {"in": [_, *_] as values} if len(rest) == 1:
            wanted = [_scalar(x, f"{path}.in[{i}]") for i, x in enumerate(values)]
            return Among(field, tuple(wanted))
        case {"between": [low, high]} if len(rest) == 1:
            return Between(field, _scalar(low, f"{path}.between[0]"),
                           _scalar(high, f"{path}.between[1]"))  # fmt: skip
        case {"contains": str(text)} if len(rest) == 1:
            return Contains(field, text)
        case {"is": "missing"} if len(rest) == 1:
            return Missing(field)
        case {"is": "known"} if len(rest) == 1:
            return Not(Missing(field))
        case _:
            raise _refusal(path, "needs op and value, in, between, contains, or is: missing")


def _occurrence(document: dict[str, Anything], path: str) -> Rule:
    what, inner = next(iter(document.items()))
    inner = inner or {}
    where = f"{path}.{what}"
    if not isinstance(inner, dict):
        raise _refusal(where, "is not a list of conditions by name")
    filters = {k: v for k, v in inner.items() if k not in ("within_days", "at_least")}
    for key, value in filters.items():
        if not isinstance(value, str):
            raise _refusal(f"{where}.{key}", "is not a text")
    within, at_least = inner.get("within_days"), inner.get("at_least", 1)
    if type(at_least) is not int or (within is not None and type(within) is not int):
        raise _refusal(where, "needs whole numbers in within_days and at_least")
    return happened(cast("Occurrence", what), filters, within, at_least)


def _scalar(value: Anything, path: str) -> Anything:
    plain = isinstance(value, str | int | float | bool | date) and not isinstance(value, datetime)
    if not plain or value in (float("inf"), float("-inf")) or value != value:  # noqa: PLR0124
        raise _refusal(path, "is not a text, number, date, true or false")
    return value


def _refusal(path: str, what: str) -> RuleError:
    return RuleError(
        f"{path} {what}",
        next_step="Write all, any, not, everyone, field …, bought, did or contacted there",
        path=path, line=None, column=None, offset=None, length=None, expected=[],
        message_zh=f"规则的 {path} 处格式不对",
    )  # fmt: skip


def to_yaml(rule: Rule) -> str:
    """Write a rule as YAML.

    Parameters
    ----------
    rule
        Any rule.

    Returns
    -------
    str
        ``from_yaml(to_yaml(rule)) == rule``.
    """
    text: str = yaml.safe_dump(to_document(rule), allow_unicode=True, sort_keys=False)
    return text


def from_yaml(text: str) -> Rule:
    """Read a rule from YAML.

    Parameters
    ----------
    text
        As :func:`to_yaml` writes.

    Returns
    -------
    Rule

    Raises
    ------
    RuleError
        If it is not YAML, or a part has the wrong shape.
    """
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        offset = mark.index if mark else 0
        raise RuleError(
            f"the rule is not YAML at line {line}, column {column}",
            next_step="Correct the indentation or the quotes there",
            line=line, column=column, offset=offset, length=0, expected=[],
            message_zh=f"第 {line} 行第 {column} 列不是合法的 YAML",
        ) from error  # fmt: skip
    return from_document(document)
