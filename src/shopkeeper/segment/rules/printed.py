"""The one canonical text of a rule."""

from __future__ import annotations

from datetime import date
from typing import cast

from shopkeeper.segment.rules.tree import (
    All,
    Among,
    Any,
    Between,
    Compare,
    Contains,
    Happened,
    Leaf,
    Missing,
    Not,
    Rule,
    Value,
)


def print_value(value: Value) -> str:
    """A value as the text form writes it.

    Parameters
    ----------
    value
        Text, number, truth value or date.

    Returns
    -------
    str

    Examples
    --------
    >>> print_value("it's"), print_value(2.0), print_value(True)
    ("'it''s'", '2.0', 'true')
    """
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return "'" + value.replace("'", "''") + "'"
        case date():
            return value.isoformat()
        case _:
            return repr(value)


def print_rule(rule: Rule) -> str:
    """Write a rule in its one canonical text form.

    Parameters
    ----------
    rule
        Any rule.

    Returns
    -------
    str
        ``parse(print_rule(rule)) == rule``.
    """
    match rule:
        case All(()):
            return "everyone"
        case All(parts):
            return " and ".join(_nested(x) for x in parts)
        case Any(parts):
            return " or ".join(_nested(x) for x in parts)
        case Not(Among(field, values)):
            return f"{field} not in ({', '.join(print_value(x) for x in values)})"
        case Not(Missing(field)):
            return f"{field} is known"
        case Not(Happened()):
            return f"not {_leaf(cast('Leaf', rule.part))}"
        case Not(part):
            return f"not ({print_rule(part)})"
        case _:
            return _leaf(rule)


def _nested(rule: Rule) -> str:
    text = print_rule(rule)
    return f"({text})" if isinstance(rule, Any) or (isinstance(rule, All) and rule.parts) else text


def _leaf(rule: Leaf) -> str:
    match rule:
        case Compare(field, op, value):
            return f"{field} {op} {print_value(value)}"
        case Among(field, values):
            return f"{field} in ({', '.join(print_value(x) for x in values)})"
        case Between(field, low, high):
            return f"{field} between {print_value(low)} and {print_value(high)}"
        case Contains(field, text):
            return f"{field} contains {print_value(text)}"
        case Missing(field):
            return f"{field} is missing"
        case Happened(what, filters, within_days, at_least):
            parts = [f"{key}={print_value(value)}" for key, value in filters]
            if within_days is not None:
                parts.append(f"within {within_days} days")
            if at_least != 1:
                parts.append(f"at least {at_least} times")
            return f"{what}({', '.join(parts)})"
