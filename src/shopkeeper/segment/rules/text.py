"""The text form: ``recency_days > 60 and not bought(category='咖啡', within 90 days)``."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Any as Anything
from typing import NoReturn, cast

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedInput, VisitError

from shopkeeper.core.errors import RuleError
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
    Place,
    Rule,
    Value,
)

_GRAMMAR = r"""
?start: or_expr
?or_expr: and_expr | and_expr (_OR and_expr)+ -> any_of
?and_expr: not_expr | not_expr (_AND not_expr)+ -> all_of
?not_expr: _NOT not_expr -> negated | atom
?atom: "(" or_expr ")"
    | FIELD OP value -> compare
    | FIELD _IN "(" value ("," value)* ")" -> among
    | FIELD _NOT_IN "(" value ("," value)* ")" -> not_among
    | FIELD _BETWEEN value _AND value -> between
    | FIELD _CONTAINS STRING -> contains
    | FIELD _IS_MISSING -> missing
    | FIELD _IS_KNOWN -> known
    | HAPPENED "(" [part ("," part)*] ")" -> happened
    | _EVERYONE -> everyone
part: FIELD OP STRING -> filter
    | _WITHIN INT _DAYS -> within
    | _AT_LEAST INT _TIMES -> at_least
?value: STRING -> string | DATE -> date | INT -> integer | FLOAT -> number
    | TRUE -> true | FALSE -> false

_OR.3: /or\b/i | "||" | "或者" | "或"
_AND.3: /and\b/i | "&&" | "并且" | "且" | "和"
_NOT.3: /not\b/i | "!" | "非"
_IN.3: /in\b/i | "属于"
_NOT_IN.4: /not\s+in\b/i | "不属于"
_BETWEEN.3: /between\b/i | "介于"
_CONTAINS.3: /contains\b/i | "包含"
_IS_MISSING.4: /is\s+missing\b/i | "缺失" | "为空"
_IS_KNOWN.4: /is\s+known\b/i | "已知" | "不为空"
_EVERYONE.3: /everyone\b/i | "所有人"
_WITHIN.3: /within\b/i | "近"
_DAYS.3: /days?\b/i | "天内" | "天"
_AT_LEAST.3: /at\s+least\b/i | "至少"
_TIMES.3: /times?\b/i | "次"
TRUE.3: /true\b/i | "是"
FALSE.3: /false\b/i | "否"
HAPPENED.4: /(bought|did|contacted)(?=\s*\()/i | /(买过|购买过|做过|触达过)(?=\s*[(（])/
OP.5: ">=" | "<=" | "!=" | "<>" | "==" | "=" | ">" | "<"
    | "大于等于" | "不小于" | "小于等于" | "不大于" | "不等于" | "等于" | "大于" | "小于"
FIELD.1: /[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*/
STRING: /'(?:[^']|'')*'/ | /"(?:[^"]|"")*"/
DATE.2: /\d{4}-\d{2}-\d{2}(?!\d)/
FLOAT.1: /[+-]?(\d+\.\d*([eE][+-]?\d+)?|\d+[eE][+-]?\d+)/
INT: /[+-]?\d+/
%import common.WS
%ignore WS
"""
_OPERATORS: dict[str, Operator] = {
    "=": "=", "==": "=", "等于": "=", "!=": "!=", "<>": "!=", "不等于": "!=", ">": ">", "大于": ">",
    "<": "<", "小于": "<", ">=": ">=", "大于等于": ">=", "不小于": ">=", "<=": "<=",
    "小于等于": "<=", "不大于": "<=",
}  # fmt: skip
_OCCURRENCES: dict[str, Occurrence] = {
    "bought": "bought", "买过": "bought", "购买过": "bought", "did": "did", "做过": "did",
    "contacted": "contacted", "触达过": "contacted",
}  # fmt: skip
_FULL_WIDTH = str.maketrans("（），＝＞＜", "(),=><")
_EXPECTED = {
    "FIELD": "a field", "OP": "a comparison such as >", "STRING": "a text in quotes",
    "INT": "a number", "FLOAT": "a number", "DATE": "a date", "TRUE": "true", "FALSE": "false",
    "_AND": "and", "_OR": "or", "_NOT": "not", "_IN": "in", "_NOT_IN": "not in", "LPAR": "(",
    "RPAR": ")", "COMMA": ",", "_BETWEEN": "between", "_CONTAINS": "contains",
    "_IS_MISSING": "is missing", "_IS_KNOWN": "is known", "HAPPENED": "bought(…)",
    "_EVERYONE": "everyone", "_WITHIN": "within", "_DAYS": "days", "_AT_LEAST": "at least",
    "_TIMES": "times", "$END": "the end",
}  # fmt: skip


def parse(text: str) -> Rule:
    """Read a rule.

    Parameters
    ----------
    text
        The text form; Chinese keywords and full-width punctuation are accepted.

    Returns
    -------
    Rule
        Conditions carry their place in the text. Whether the fields exist is not
        checked here (``check.checked``).

    Raises
    ------
    RuleError
        If the text does not follow the grammar; line, column, offset, length and
        what was expected are among its facts.

    Examples
    --------
    >>> from shopkeeper.segment.rules.printed import print_rule
    >>> rule = parse("recency_days 大于 60 且 tier 属于 ('vip', 'core')")
    >>> print_rule(rule)
    "recency_days > 60 and tier in ('vip', 'core')"
    """
    plain = _narrow(text)
    if not plain.strip():
        raise RuleError(
            "the rule is empty", next_step="Write a condition, or everyone",
            line=1, column=1, offset=0, length=0, expected=["a field"],
            message_zh="规则为空",
        )  # fmt: skip
    try:
        return cast("Rule", _Builder().transform(_grammar().parse(plain)))
    except UnexpectedInput as error:
        _refuse(plain, error)
    except VisitError as error:
        if isinstance(error.orig_exc, RuleError):
            raise error.orig_exc from None
        raise


@cache
def _grammar() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", propagate_positions=True, maybe_placeholders=False)


def _narrow(text: str) -> str:
    """Full-width punctuation outside quotes becomes ASCII; offsets stay."""
    pieces, quote = [], ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
            pieces.append(letter)
        else:
            quote = letter if letter in "'\"" else ""
            pieces.append(letter.translate(_FULL_WIDTH))
    return "".join(pieces)


def _refuse(text: str, error: Anything) -> NoReturn:
    offset = error.pos_in_stream
    if offset is None or isinstance(error, UnexpectedEOF):
        offset = len(text)
    token = getattr(error, "token", None)
    length = 1 if isinstance(error, UnexpectedCharacters) else len(token or "")
    if token is not None and token.type == "$END":
        offset, length = len(text), 0
    line, column = text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1
    names = getattr(error, "accepts", None) or getattr(error, "expected", None)
    names = names or getattr(error, "allowed", None) or ()
    expected = sorted({_EXPECTED.get(x, x) for x in names})
    found = repr(text[offset : offset + max(length, 1)]) if offset < len(text) else "the end"
    raise RuleError(
        f"the rule cannot be read at line {line}, column {column}: found {found}",
        next_step=f"Expected {', '.join(expected)}" if expected else "Correct the text there",
        line=line, column=column, offset=offset, length=length, expected=expected,
        message_zh=f"规则第 {line} 行第 {column} 列无法识别：{text[offset:offset + 1] or '结尾'}",
    ) from error  # fmt: skip


def _place(meta: Anything) -> Place:
    return Place(meta.line, meta.column, meta.start_pos, meta.end_pos - meta.start_pos)


@v_args(meta=True)
class _Builder(Transformer):  # type: ignore[type-arg]
    def any_of(self, _meta: Anything, parts: list[Rule]) -> Rule:
        return Any(tuple(parts))

    def all_of(self, _meta: Anything, parts: list[Rule]) -> Rule:
        return All(tuple(parts))

    def negated(self, _meta: Anything, parts: list[Rule]) -> Rule:
        return Not(parts[0])

    def compare(self, meta: Anything, parts: list[Anything]) -> Rule:
        return Compare(str(parts[0]), _OPERATORS[str(parts[1])], parts[2], _place(meta))

    def among(self, meta: Anything, parts: list[Anything]) -> Rule:
        return Among(str(parts[0]), tuple(parts[1:]), _place(meta))

    def not_among(self, meta: Anything, parts: list[Anything]) -> Rule:
        return Not(self.among(meta, parts))

    def between(self, meta: Anything, parts: list[Anything]) -> Rule:
        return Between(str(parts[0]), parts[1], parts[2], _place(meta))

    def contains(self, meta: Anything, parts: list[Anything]) -> Rule:
        return Contains(str(parts[0]), _unquoted(parts[1]), _place(meta))

    def missing(self, meta: Anything, parts: list[Anything]) -> Rule:
        return Missing(str(parts[0]), _place(meta))

    def known(self, meta: Anything, parts: list[Anything]) -> Rule:
        return Not(Missing(str(parts[0]), _place(meta)))

    def everyone(self, _meta: Anything, _parts: list[Anything]) -> Rule:
        return EVERYONE

    def happened(self, meta: Anything, parts: list[Anything]) -> Rule:
        what, place = _OCCURRENCES[str(parts[0]).lower()], _place(meta)
        given: dict[str, Anything] = {}
        for key, value in parts[1:]:
            if key in given:
                raise _bad(f"{key} is given twice in {what}(…)", f"{what} 中 {key} 重复", place)
            given[key] = value
        within, at_least = given.pop("within", None), given.pop("at least", 1)
        return happened(what, given, within, at_least, place)

    def filter(self, meta: Anything, parts: list[Token]) -> tuple[str, Value]:
        if _OPERATORS[str(parts[1])] != "=":
            raise _bad("inside bought, did and contacted only = can be used",
                       "买过、做过、触达过的括号中只能用 =", _place(meta))  # fmt: skip
        return str(parts[0]), _unquoted(parts[2])

    def within(self, _meta: Anything, parts: list[Token]) -> tuple[str, Value]:
        return "within", int(parts[0])

    def at_least(self, _meta: Anything, parts: list[Token]) -> tuple[str, Value]:
        return "at least", int(parts[0])

    def string(self, _meta: Anything, parts: list[Token]) -> Value:
        return _unquoted(parts[0])

    def date(self, meta: Anything, parts: list[Token]) -> Value:
        try:
            return date.fromisoformat(str(parts[0]))
        except ValueError as error:
            raise _bad(f"{parts[0]} is not a day of the calendar", f"{parts[0]} 不是日期",
                       _place(meta)) from error  # fmt: skip

    def integer(self, meta: Anything, parts: list[Token]) -> Value:
        number = int(parts[0])
        if abs(number) >= 2**63:
            raise _bad(f"{parts[0]} is too large", f"{parts[0]} 过大", _place(meta))
        return number

    def number(self, meta: Anything, parts: list[Token]) -> Value:
        number = float(parts[0])
        if number in (float("inf"), float("-inf")):
            raise _bad(f"{parts[0]} is too large", f"{parts[0]} 过大", _place(meta))
        return number

    def true(self, _meta: Anything, _parts: list[Token]) -> Value:
        return True

    def false(self, _meta: Anything, _parts: list[Token]) -> Value:
        return False


def happened(
    what: Occurrence,
    filters: dict[str, Anything],
    within_days: int | None,
    at_least: int,
    place: Place | None = None,
) -> Happened:
    """An occurrence with its parts checked and in canonical order.

    Parameters
    ----------
    what
        ``bought``, ``did`` or ``contacted``.
    filters
        Wanted value by column.
    within_days
        Window in days, or None.
    at_least
        Smallest number of times.
    place
        Where it stands in the text.

    Returns
    -------
    Happened

    Raises
    ------
    RuleError
        If a filter is unknown for the occurrence, or a number is not positive.
    """
    for key in filters:
        if key not in FILTERS[what]:
            raise _bad(f"{what} cannot be narrowed by {key}; it knows {', '.join(FILTERS[what])}",
                       f"{what} 不支持条件 {key}", place)  # fmt: skip
    if (within_days is not None and within_days < 1) or at_least < 1:
        raise _bad(f"days and times of {what}(…) start at 1", "天数与次数从 1 起", place)
    return Happened(what, tuple(sorted(filters.items())), within_days, at_least, place)


def _bad(message: str, message_zh: str, place: Place | None) -> RuleError:
    at = place or Place(1, 1, 0, 0)
    return RuleError(
        message, next_step="Correct the rule there", line=at.line, column=at.column,
        offset=at.offset, length=at.length, expected=[], message_zh=message_zh,
    )  # fmt: skip


def _unquoted(token: Token) -> str:
    quote = token[0]
    return str(token)[1:-1].replace(quote * 2, quote)
