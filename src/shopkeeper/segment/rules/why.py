"""Why a customer is, or is not, in an audience, and what would change it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from itertools import combinations, product
from typing import Any as Anything

from shopkeeper.segment.rules.printed import print_rule, print_value
from shopkeeper.segment.rules.single import (
    Facts,
    Truth,
    count_happened,
    evaluate_leaf,
    evaluate_one,
    value_of,
)
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
    leaves,
)
from shopkeeper.segment.rules.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a rule held against one customer.

    Parameters
    ----------
    text
        The condition in the text form.
    field
        Name of the field, or of the occurrence.
    zh, en
        Label of the field.
    operator
        Operator in the text form.
    expected, actual
        Wanted and actual value as text; ``actual`` is None where the field is empty.
    unit
        Of both values.
    truth
        None is unknown.
    flips
        Whether changing this fact alone changes the answer.
    needed
        Truth it would have to have in the smallest change; None if it may stay.
    sentence_zh, sentence_en
        The condition and the fact in words; for a condition that must change, what
        would have to be different.
    """

    text: str
    field: str
    zh: str
    en: str
    operator: str
    expected: str
    actual: str | None
    unit: str
    truth: Truth
    flips: bool
    needed: bool | None
    sentence_zh: str
    sentence_en: str


@dataclass(frozen=True, slots=True)
class WhyNode:
    """A part of the rule with its truth; leaves carry their condition."""

    kind: str
    truth: Truth
    children: tuple[WhyNode, ...] = ()
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class Why:
    """Why a customer is, or is not, in an audience.

    Parameters
    ----------
    member
        Whether the rule is true.
    tree
        Each part with its truth.
    conditions
        All conditions in reading order.
    smallest
        Fewest conditions whose change would change the answer; empty if nothing can.
    zh, en
        The answer in one sentence.
    """

    member: bool
    tree: WhyNode
    conditions: tuple[Condition, ...]
    smallest: tuple[Condition, ...]
    zh: str
    en: str


EXACT_SIZE, EXACT_LEAVES = 3, 12
"""Sets of up to three among up to twelve conditions are searched exactly."""
_Flips = dict[tuple[str, bool], Leaf]


def why(rule: Rule, facts: Facts, vocabulary: Vocabulary) -> Why:
    """Each condition with its fact, and the fewest facts that would change the answer.

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
    Why
    """
    member = evaluate_one(rule, facts, vocabulary) is True
    smallest = _fewest(rule, facts, vocabulary, member)
    alone = {
        x
        for x in _leaf_texts(rule)
        if any(_flips(rule, facts, vocabulary, {x: forced}, member) for forced in (True, False))
    }
    tree = _node(rule, facts, vocabulary, smallest, alone)
    conditions = tuple(_conditions(tree))
    chosen = tuple({x.text: x for x in conditions if x.text in smallest}.values())
    zh = f"该客户{'在' if member else '不在'}人群包中。"
    en = f"The customer is {'in' if member else 'not in'} the audience."
    if chosen:
        zh += "若要改变：" + "；".join(x.sentence_zh for x in chosen) + "。"
        en += " To change that: " + "; ".join(x.sentence_en for x in chosen) + "."
    return Why(member, tree, conditions, chosen, zh, en)


def _leaf_texts(rule: Rule) -> list[str]:
    """Different conditions in reading order."""
    return list(dict.fromkeys(print_rule(x) for x in leaves(rule)))


def _fewest(rule: Rule, facts: Facts, vocabulary: Vocabulary, member: bool) -> dict[str, bool]:
    """Truths to give to the fewest conditions so that the answer changes; empty if none do.

    Small sets are tried one by one, which is exact also where a condition stands
    in several places; larger ones are built from the rule's shape and verified.
    """
    texts = _leaf_texts(rule)
    for size in range(1, min(EXACT_SIZE, len(texts)) + 1):
        if len(texts) > EXACT_LEAVES and size > 1:
            break
        for chosen in combinations(texts, size):
            for forced in product((True, False), repeat=size):
                turned = dict(zip(chosen, forced, strict=True))
                if _flips(rule, facts, vocabulary, turned, member):
                    return turned
    built = _cheapest(rule, facts, vocabulary, wanted=not member, lenient=member) or {}
    turned = dict(list(built))
    return turned if turned and _flips(rule, facts, vocabulary, turned, member) else {}


def _flips(
    rule: Rule, facts: Facts, vocabulary: Vocabulary, turned: Mapping[str, bool], member: bool
) -> bool:
    return (_with(rule, facts, vocabulary, turned) is True) != member


def _with(rule: Rule, facts: Facts, vocabulary: Vocabulary, turned: Mapping[str, bool]) -> Truth:
    match rule:
        case Not(part):
            inner = _with(part, facts, vocabulary, turned)
            return None if inner is None else not inner
        case All(parts):
            truths = [_with(x, facts, vocabulary, turned) for x in parts]
            return False if False in truths else None if None in truths else True
        case Any(parts):
            truths = [_with(x, facts, vocabulary, turned) for x in parts]
            return True if True in truths else None if None in truths else False
        case _:
            text = print_rule(rule)
            return turned[text] if text in turned else evaluate_leaf(rule, facts, vocabulary)


def _cheapest(
    rule: Rule, facts: Facts, vocabulary: Vocabulary, *, wanted: bool, lenient: bool
) -> _Flips | None:
    """Fewest conditions to turn so that the rule is ``wanted`` (or unknown, if lenient)."""
    inner: dict[str, Anything] = {"facts": facts, "vocabulary": vocabulary, "lenient": lenient}
    match rule:
        case Not(part):
            return _cheapest(part, wanted=not wanted, **inner)
        case All(parts) | Any(parts):
            options = [_cheapest(x, wanted=wanted, **inner) for x in parts]
            return _together(options) if wanted is isinstance(rule, All) else _least(options)
        case _:
            truth = evaluate_leaf(rule, facts, vocabulary)
            if truth is wanted or (lenient and truth is None):
                return {}
            return {(print_rule(rule), wanted): rule}


def _together(options: list[_Flips | None]) -> _Flips | None:
    merged: _Flips = {}
    for option in options:
        if option is None:
            return None
        merged |= option
    # One condition cannot be made true and false at once.
    return None if any((text, not wanted) in merged for text, wanted in merged) else merged


def _least(options: list[_Flips | None]) -> _Flips | None:
    possible = [x for x in options if x is not None]
    return min(possible, key=len) if possible else None


def _node(
    rule: Rule, facts: Facts, vocabulary: Vocabulary, smallest: Mapping[str, bool], alone: set[str]
) -> WhyNode:
    truth = evaluate_one(rule, facts, vocabulary)
    match rule:
        case Not(part):
            return WhyNode("not", truth, (_node(part, facts, vocabulary, smallest, alone),))
        case All(parts) | Any(parts):
            inner = tuple(_node(x, facts, vocabulary, smallest, alone) for x in parts)
            return WhyNode("all" if isinstance(rule, All) else "any", truth, inner)
        case _:
            text = print_rule(rule)
            wanted = smallest.get(text)
            found = _condition(rule, facts, vocabulary, wanted, flips=text in alone)
            return WhyNode("condition", truth, (), found)


def _conditions(node: WhyNode) -> list[Condition]:
    own = [node.condition] if node.condition else []
    return own + [x for child in node.children for x in _conditions(child)]


_NEGATED = {"=": "!=", "!=": "=", "<": ">=", "<=": ">", ">": "<=", ">=": "<", "in": "not in",
            "between": "outside", "contains": "without", "is missing": "is known"}  # fmt: skip
_UNITS = {
    "days": ("天", "days"), "orders": ("单", "orders"), "minor units": ("（最小货币单位）", "minor units"),
    "units": ("件", "units"), "lines": ("行", "lines"), "sessions": ("次", "sessions"),
    "events": ("次", "events"), "contacts": ("次", "contacts"), "returns": ("次", "returns"),
    "times": ("次", "times"), "views": ("次", "views"), "additions": ("次", "additions"),
    "categories": ("类", "categories"), "products": ("种", "products"), "brands": ("个", "brands"),
    "seconds": ("秒", "seconds"),
}  # fmt: skip
"""Words for units; shares, scores and codes are shown bare."""
_SAID = {
    "=": ("为", ""), "!=": ("不为", "other than"), "<": ("小于", "less than"),
    "<=": ("不大于", "at most"), ">": ("大于", "greater than"), ">=": ("不小于", "at least"),
    "in": ("属于", "one of"), "not in": ("不属于", "none of"), "between": ("介于", "between"),
    "outside": ("不介于", "outside of"), "contains": ("包含", "a text with"),
    "without": ("不包含", "a text without"), "is missing": ("为空", "missing"),
    "is known": ("不为空", "known"), "at least": ("至少", "at least"),
    "fewer than": ("少于", "fewer than"),
}  # fmt: skip


def _condition(
    rule: Leaf, facts: Facts, vocabulary: Vocabulary, wanted: bool | None, *, flips: bool
) -> Condition:
    truth = evaluate_leaf(rule, facts, vocabulary)
    if isinstance(rule, Happened):
        inner = print_rule(Happened(rule.what, rule.filters, rule.within_days))
        name: str = rule.what
        zh, en, unit = inner, inner, "times"
        operator, expected = "at least", str(rule.at_least)
        actual: str | None = str(count_happened(rule, facts))
        said = "fewer than" if wanted is False else "at least"
    else:
        field = vocabulary.field(rule.field)
        name, zh, en, unit = field.name, field.zh, field.en, field.unit
        operator, expected = _spoken(rule)
        value = value_of(facts, field)
        actual = None if value is None else _shown(value)
        said = _NEGATED[operator] if wanted is False else operator
    sentence_zh, sentence_en = _sentences(zh, en, unit, actual, said, expected, wanted)
    return Condition(print_rule(rule), name, zh, en, operator, expected, actual, unit, truth,
                     flips, wanted, sentence_zh, sentence_en)  # fmt: skip


def _sentences(
    zh: str, en: str, unit: str, actual: str | None, said: str, expected: str, wanted: bool | None
) -> tuple[str, str]:
    unit_zh, unit_en = _UNITS.get(unit, ("", ""))
    now_zh, now_en = "空", "missing"
    if actual is not None:
        now_zh, now_en = f"{actual} {unit_zh}".strip(), f"{actual} {unit_en}".strip()
    said_zh, said_en = (" ".join(x for x in (word, expected) if x) for word in _SAID[said])
    if wanted is None:
        return f"「{zh}」为 {now_zh}（条件：{said_zh}）", f"{en} is {now_en} (asked: {said_en})"
    return (
        f"「{zh}」现为 {now_zh}，需{said_zh}",
        f"{en} is {now_en} and would have to be {said_en}",
    )


def _spoken(rule: Compare | Among | Between | Contains | Missing) -> tuple[str, str]:
    match rule:
        case Compare(_, op, value):
            return op, print_value(value)
        case Among(_, values):
            return "in", ", ".join(print_value(x) for x in values)
        case Between(_, low, high):
            return "between", f"{print_value(low)} – {print_value(high)}"
        case Contains(_, text):
            return "contains", print_value(text)
        case Missing():
            return "is missing", ""


def _shown(value: Anything) -> str:
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return value.isoformat() if isinstance(value, date) else str(value)
