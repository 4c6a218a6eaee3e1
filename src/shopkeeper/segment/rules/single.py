"""The same rule for one customer, in Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any as Anything

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
    Occurrence,
    Rule,
    Value,
)
from shopkeeper.segment.rules.vocabulary import Field, Vocabulary

DAY_US = 86_400_000_000
Truth = bool | None


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything known about one customer.

    Parameters
    ----------
    values
        Value by field name; absent and None are both empty.
    rows
        Rows of what was bought (order lines), done (events) and received (contacts);
        columns as in PURCHASE_LINES, ACTIVITY and CONTACTS.
    as_of_us
        Moment at which the windows of occurrences end.
    """

    values: Mapping[str, Anything]
    rows: Mapping[Occurrence, Sequence[Mapping[str, Anything]]]
    as_of_us: int


def evaluate_one(rule: Rule, facts: Facts, vocabulary: Vocabulary) -> Truth:
    """Truth of a rule for one customer; equal to ``batch.condition`` for every customer.

    Parameters
    ----------
    rule
        Checked against the vocabulary.
    facts
        What is known.
    vocabulary
        Known fields.

    Returns
    -------
    bool or None
        None is unknown (a needed field is empty); only True is in the audience.
        And, or, not follow Kleene, as in SQL.

    Examples
    --------
    >>> from shopkeeper.core.columns import RISK
    >>> from shopkeeper.segment.rules.text import parse
    >>> from shopkeeper.segment.rules.vocabulary import build_vocabulary
    >>> words, facts = build_vocabulary([]), Facts({"churn.risk": 8}, {}, 0)
    >>> evaluate_one(parse("churn.risk >= 7 and tier = 'vip'"), facts, words) is None
    True
    """
    match rule:
        case Not(part):
            inner = evaluate_one(part, facts, vocabulary)
            return None if inner is None else not inner
        case All(parts):
            truths = [evaluate_one(x, facts, vocabulary) for x in parts]
            return False if False in truths else None if None in truths else True
        case Any(parts):
            truths = [evaluate_one(x, facts, vocabulary) for x in parts]
            return True if True in truths else None if None in truths else False
        case _:
            return evaluate_leaf(rule, facts, vocabulary)


def evaluate_leaf(rule: Leaf, facts: Facts, vocabulary: Vocabulary) -> Truth:
    """Truth of a single condition.

    Parameters
    ----------
    rule, facts, vocabulary
        As for :func:`evaluate_one`.

    Returns
    -------
    bool or None
    """
    if isinstance(rule, Happened):
        return count_happened(rule, facts) >= rule.at_least
    value = value_of(facts, vocabulary.field(rule.field))
    if isinstance(rule, Missing):
        return value is None
    if value is None:
        return None
    match rule:
        case Compare(_, op, wanted):
            return _compared(value, op, wanted)
        case Among(_, wanted_values):
            return any(_compared(value, "=", x) for x in wanted_values)
        case Between(_, low, high):
            return _compared(value, ">=", low) and _compared(value, "<=", high)
        case Contains(_, text):
            return text in value


def value_of(facts: Facts, field: Field) -> Anything:
    """Value of a field, None where it is empty; moments of date fields become days (UTC).

    Parameters
    ----------
    facts
        What is known.
    field
        From the vocabulary.

    Returns
    -------
    object or None
    """
    value = facts.values.get(field.name)
    if field.type == "date" and isinstance(value, datetime):
        return value.date()
    return value


def _compared(value: Anything, op: str, wanted: Value) -> bool:
    if isinstance(wanted, float) and not isinstance(value, bool):
        value = float(value)
    elif isinstance(value, float) and isinstance(wanted, int):
        wanted = float(wanted)
    match op:
        case "=":
            return bool(value == wanted)
        case "!=":
            return bool(value != wanted)
        case "<":
            return bool(value < wanted)
        case "<=":
            return bool(value <= wanted)
        case ">":
            return bool(value > wanted)
        case _:
            return bool(value >= wanted)


def count_happened(happened: Happened, facts: Facts) -> int:
    """How often something happened to one customer.

    Parameters
    ----------
    happened
        What to count; ``at_least`` does not matter.
    facts
        With the rows.

    Returns
    -------
    int
        Distinct orders for ``bought``, rows for the others.
    """
    end = facts.as_of_us
    start = None if happened.within_days is None else end - happened.within_days * DAY_US
    found = [
        row
        for row in facts.rows.get(happened.what, ())
        if row["ts_us"] < end
        and (start is None or row["ts_us"] >= start)
        and all(row[column] == value for column, value in happened.filters)
        and (happened.what != "bought" or row["kind"] == "sale")
    ]
    return len({x["order_id"] for x in found}) if happened.what == "bought" else len(found)
