"""A rule for all customers at once, as an expression over the stored tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import reduce

import ibis
import ibis.expr.datatypes as dt

from shopkeeper.core.tables import IBIS_TYPES
from shopkeeper.segment.rules.tree import (
    All,
    Among,
    Any,
    Between,
    Compare,
    Contains,
    Happened,
    Missing,
    Not,
    Rule,
    Value,
    fields_of,
    leaves,
)
from shopkeeper.segment.rules.vocabulary import Field, Source, Vocabulary

DAY_US = 86_400_000_000


@dataclass(frozen=True)
class Tables:
    """What a rule may read, as unbound expressions already at the wanted ``as_of``.

    Parameters
    ----------
    features, scores, segments
        Rows of one ``as_of``; scores of one model a kind.
    profiles, permits
        Latest rows.
    lines, activity, contacts
        PURCHASE_LINES, ACTIVITY and CONTACTS, for occurrences.
    """

    features: ibis.Table
    scores: ibis.Table
    segments: ibis.Table
    profiles: ibis.Table
    permits: ibis.Table
    lines: ibis.Table
    activity: ibis.Table
    contacts: ibis.Table


def everyone(tables: Tables) -> ibis.Table:
    """Everyone a rule can speak about: customers with features or a profile.

    Parameters
    ----------
    tables
        Where to look.

    Returns
    -------
    ibis.Table
        ``customer_id``, each once.
    """
    seen = tables.features.select("customer_id")
    return seen.union(tables.profiles.select("customer_id"), distinct=True)


def members(rule: Rule, vocabulary: Vocabulary, tables: Tables, as_of_us: int) -> ibis.Table:
    """Customers for whom a rule is true.

    Parameters
    ----------
    rule
        Checked against the vocabulary.
    vocabulary
        Known fields.
    tables
        Where the facts are; only those the rule names are read.
    as_of_us
        Moment at which the windows of occurrences end.

    Returns
    -------
    ibis.Table
        ``customer_id``, each once, no order. Unknown counts as not in.
    """
    joined = facts_table(rule, vocabulary, tables, as_of_us)
    return joined.filter(condition(rule, joined, vocabulary)).select("customer_id")


def facts_table(rule: Rule, vocabulary: Vocabulary, tables: Tables, as_of_us: int) -> ibis.Table:
    """Everyone with the facts a rule reads.

    Parameters
    ----------
    rule, vocabulary, tables, as_of_us
        As for :func:`members`.

    Returns
    -------
    ibis.Table
        ``customer_id``, one column a field under its name, and the number of times
        of each occurrence under ``count_name``.
    """
    fields = [vocabulary.field(x) for x in fields_of(rule)]
    parts = [everyone(tables)]
    sources: tuple[Source, ...] = ("features", "scores", "segments", "profiles", "permits")
    for source in sources:
        wanted = [x for x in fields if x.source == source]
        if wanted:
            parts.append(_part(source, wanted, tables))
    occurrences = dict.fromkeys(x for x in leaves(rule) if isinstance(x, Happened))
    parts.extend(_counts(x, tables, as_of_us) for x in occurrences)
    return reduce(_joined, parts)


def count_name(happened: Happened) -> str:
    """Column in which :func:`facts_table` counts an occurrence.

    Parameters
    ----------
    happened
        ``at_least`` does not matter.

    Returns
    -------
    str
    """
    inner = ",".join(f"{k}={v}" for k, v in happened.filters)
    return f"{happened.what}({inner})@{happened.within_days}"


def condition(rule: Rule, row: ibis.Table, vocabulary: Vocabulary) -> ibis.Value:
    """A rule as a truth value over a row of facts; NULL is unknown.

    Parameters
    ----------
    rule
        Checked against the vocabulary.
    row
        From :func:`facts_table`.
    vocabulary
        Known fields.

    Returns
    -------
    ibis.Value
        Boolean.
    """
    match rule:
        case Not(part):
            return ~condition(part, row, vocabulary)
        case All(()):
            return row.customer_id.notnull()
        case All(parts):
            return reduce(lambda a, b: a & b, (condition(x, row, vocabulary) for x in parts))
        case Any(parts):
            return reduce(lambda a, b: a | b, (condition(x, row, vocabulary) for x in parts))
        case Happened(_, _, _, at_least):
            return row[count_name(rule)].fill_null(0) >= at_least
        case _:
            return _leaf(rule, row, vocabulary)


def _leaf(
    rule: Compare | Among | Between | Contains | Missing, row: ibis.Table, vocabulary: Vocabulary
) -> ibis.Value:
    field = vocabulary.field(rule.field)
    value = row[field.name]
    match rule:
        case Missing():
            return value.isnull()
        case Contains(_, text):
            return value.contains(text)
        case Among(_, values):
            return reduce(lambda a, b: a | b, (_compared(value, "=", x) for x in values))
        case Between(_, low, high):
            return _compared(value, ">=", low) & _compared(value, "<=", high)
        case Compare(_, op, wanted):
            return _compared(value, op, wanted)


def _compared(value: ibis.Value, op: str, wanted: Value) -> ibis.Value:
    # Explicit types on both sides: engines disagree about literals (DECIMAL on Spark).
    literal: ibis.Value
    match wanted:
        case bool() | str():
            literal = ibis.literal(wanted)
        case date():
            literal = ibis.literal(wanted, type=dt.date)
        case float():
            value, literal = value.cast("float64"), ibis.literal(wanted).cast("float64")
        case int():
            kind = "float64" if value.type().is_floating() else "int64"
            value, literal = value.cast(kind), ibis.literal(wanted, type="int64").cast(kind)
    match op:
        case "=":
            return value == literal
        case "!=":
            return value != literal
        case "<":
            return value < literal
        case "<=":
            return value <= literal
        case ">":
            return value > literal
        case _:
            return value >= literal


def _part(source: Source, fields: list[Field], tables: Tables) -> ibis.Table:
    match source:
        case "features":
            return tables.features.select("customer_id", *(x.column for x in fields))
        case "profiles":
            t = tables.profiles
            return t.select("customer_id", *(_typed(t[x.column], x).name(x.name) for x in fields))
        case "segments":
            s = tables.segments
            labels = {x.name: s.label.max(where=s.scheme == x.column) for x in fields}
            return s.group_by("customer_id").aggregate(**labels)
        case "scores":
            s = tables.scores
            pairs = {x.name: x.column.split(".") for x in fields}
            scored = {
                x.name: _typed(s[pairs[x.name][1]].max(where=s.kind == pairs[x.name][0]), x)
                for x in fields
            }
            return s.group_by("customer_id").aggregate(**scored)
        case "permits":
            p = tables.permits
            p = p.filter(p.purpose == "marketing")
            states = {x.name: p.status.max(where=p.channel == x.column) for x in fields}
            return p.group_by("customer_id").aggregate(**states)


def _typed(value: ibis.Value, field: Field) -> ibis.Value:
    return value.cast("date") if field.type == "date" else value.cast(IBIS_TYPES[field.kind])


def _counts(happened: Happened, tables: Tables, as_of_us: int) -> ibis.Table:
    table = {"bought": tables.lines, "did": tables.activity, "contacted": tables.contacts}[
        happened.what
    ]
    wanted = table.ts_us < as_of_us
    if happened.within_days is not None:
        wanted &= table.ts_us >= as_of_us - happened.within_days * DAY_US
    for column, value in happened.filters:
        wanted &= table[column] == value
    if happened.what == "bought":
        wanted &= table.kind == "sale"
        rows = table.filter(wanted).select("customer_id", "order_id").distinct()
    else:
        rows = table.filter(wanted).select("customer_id")
    return rows.group_by("customer_id").aggregate(**{count_name(happened): rows.count()})


def _joined(left: ibis.Table, right: ibis.Table) -> ibis.Table:
    both = left.left_join(right, "customer_id")
    return both.select(*left.columns, *(x for x in right.columns if x != "customer_id"))


def as_of_microseconds(as_of: datetime) -> int:
    """A moment as microseconds since 1970.

    Parameters
    ----------
    as_of
        With a time zone.

    Returns
    -------
    int
    """
    return int(as_of.timestamp()) * 1_000_000 + as_of.microsecond
