"""A parsed rule held against the vocabulary: fields exist, values fit, aliases resolved."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from shopkeeper.core.errors import RuleError
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
    Place,
    Rule,
    Value,
)
from shopkeeper.segment.rules.vocabulary import Field, Vocabulary

_NUMBERS = ("number", "integer", "money")
_WORDS = ("text", "choice")


def checked(rule: Rule, vocabulary: Vocabulary) -> Rule:
    """The rule with aliases resolved, or the first thing that is wrong with it.

    Parameters
    ----------
    rule
        As parsed.
    vocabulary
        Known fields.

    Returns
    -------
    Rule
        Every field has its canonical name and every value the type of its field.

    Raises
    ------
    RuleError
        If a field is unknown, a value does not fit its field, or an operator makes
        no sense for it. Line, column, offset and length are among the facts.
    """
    match rule:
        case Not(part):
            return Not(checked(part, vocabulary))
        case All(parts):
            return All(tuple(checked(x, vocabulary) for x in parts))
        case Any(parts):
            return Any(tuple(checked(x, vocabulary) for x in parts))
        case Happened():
            return rule
        case _:
            return _condition(rule, vocabulary)


def _condition(rule: Leaf, vocabulary: Vocabulary) -> Rule:
    if isinstance(rule, Happened):
        return rule
    field = vocabulary.field(rule.field, rule.place)
    match rule:
        case Compare(_, op, value):
            if op not in field.operators:
                raise _wrong(field, rule.place, f"cannot be compared by {op}", f"不能用 {op} 比较")
            _fits(field, value, rule.place)
        case Among(_, values):
            if "in" not in field.operators:
                raise _wrong(field, rule.place, "cannot be compared by in", "不能用 in 比较")
            for value in values:
                _fits(field, value, rule.place)
        case Between(_, low, high):
            if "between" not in field.operators:
                raise _wrong(field, rule.place, "has no order for between", "不能用 between 比较")
            _fits(field, low, rule.place)
            _fits(field, high, rule.place)
        case Contains():
            if field.type not in _WORDS:
                raise _wrong(field, rule.place, "is not a text that could contain", "不是文本")
        case Missing():
            pass
    return replace(rule, field=field.name)


def _fits(field: Field, value: Value, place: Place | None) -> None:
    truth, number = isinstance(value, bool), isinstance(value, int | float)
    fits = (
        (field.type in _NUMBERS and number and not truth)
        or (field.type in _WORDS and isinstance(value, str))
        or (field.type == "boolean" and truth)
        or (field.type == "date" and isinstance(value, date))
    )
    if not fits:
        raise _wrong(field, place, f"is a {field.type}; {value!r} does not fit",
                     f"类型为 {field.type}，与 {value!r} 不符")  # fmt: skip


def _wrong(field: Field, place: Place | None, what: str, what_zh: str) -> RuleError:
    at = place or Place(1, 1, 0, 0)
    return RuleError(
        f"field {field.name} {what}",
        next_step=f"It knows {', '.join(field.operators)}",
        field=field.name, line=at.line, column=at.column, offset=at.offset, length=at.length,
        expected=list(field.operators), message_zh=f"字段 {field.name} {what_zh}",
    )  # fmt: skip
