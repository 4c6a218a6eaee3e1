"""Printing and parsing are inverse; errors say where."""

from __future__ import annotations

from datetime import date
from typing import Any as Anything

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopkeeper.core.errors import RuleError
from shopkeeper.segment.rules.document import from_document, from_yaml, to_yaml
from shopkeeper.segment.rules.printed import print_rule
from shopkeeper.segment.rules.text import happened, parse
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
    fields_of,
)

fields = st.from_regex(r"\A[a-z_][a-z0-9_]{0,6}(\.[a-z][a-z0-9_]{0,4})?\Z").filter(
    lambda x: x not in {"or", "and", "not", "in", "is", "true", "false", "between", "contains",
                        "everyone", "within", "at", "day", "days", "time", "times"}
)  # fmt: skip
texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=8)
values = st.one_of(
    texts, st.integers(-(2**63) + 1, 2**63 - 1), st.booleans(), st.dates(date(1900, 1, 1)),
    st.floats(allow_nan=False, allow_infinity=False),
)  # fmt: skip


@st.composite
def occurrences(draw: st.DrawFn) -> Happened:
    what = draw(st.sampled_from(list(FILTERS)))
    filters = draw(st.dictionaries(st.sampled_from(FILTERS[what]), texts, max_size=2))
    within = draw(st.none() | st.integers(1, 400))
    return happened(what, filters, within, draw(st.integers(1, 9)))


leaves = st.one_of(
    st.builds(Compare, fields, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), values),
    st.builds(Among, fields, st.lists(values, min_size=1, max_size=3).map(tuple)),
    st.builds(Between, fields, values, values),
    st.builds(Contains, fields, texts),
    st.builds(Missing, fields),
    occurrences(),
)
several = lambda x: st.lists(x, min_size=2, max_size=3).map(tuple)  # noqa: E731
rules = st.recursive(
    leaves | st.just(EVERYONE),
    lambda x: st.builds(Not, x) | st.builds(All, several(x)) | st.builds(Any, several(x)),
    max_leaves=6,
)


def exactly(rule: Anything) -> str:
    return repr(rule)  # tells True from 1 and 2 from 2.0, which == does not


@settings(max_examples=150, deadline=None)
@given(rules)
def test_text_round_trip(rule: Anything) -> None:
    assert exactly(parse(print_rule(rule))) == exactly(rule)


@settings(max_examples=100, deadline=None)
@given(rules)
def test_yaml_round_trip(rule: Anything) -> None:
    assert exactly(from_yaml(to_yaml(rule))) == exactly(rule)


def test_the_example_of_the_design() -> None:
    text = (
        "recency_days > 60 and orders_365d >= 3 and tier in ('vip','core') and not (risk >= 7) "
        "and bought(category='咖啡', within 90 days, at least 2 times)"
    )
    rule = parse(text)
    assert rule == All((
        Compare("recency_days", ">", 60), Compare("orders_365d", ">=", 3),
        Among("tier", ("vip", "core")), Not(Compare("risk", ">=", 7)),
        Happened("bought", (("category", "咖啡"),), 90, 2),
    ))  # fmt: skip
    assert fields_of(rule) == ("recency_days", "orders_365d", "tier", "risk")
    assert print_rule(rule).startswith("recency_days > 60 and orders_365d >= 3 and tier in ('vip'")


@pytest.mark.parametrize(
    ("chinese", "english"),
    [
        ("recency_days 大于 60 且 非 (risk 不小于 7)", "recency_days > 60 and not (risk >= 7)"),
        ("tier 属于 （'vip'，'core'）或者 city 为空", "tier in ('vip', 'core') or city is missing"),
        (
            "买过（category＝'咖啡'，近 90 天，至少 2 次）",
            "bought(category='咖啡', within 90 days, at least 2 times)",
        ),
        ("非 触达过(channel='sms', 近7天)", "not contacted(channel='sms', within 7 days)"),
        (
            "orders_30d 介于 1 和 3 且 city 包含 '海（'",
            "orders_30d between 1 and 3 and city contains '海（'",
        ),
        ("所有人", "everyone"),
    ],
)
def test_chinese_keywords_print_canonically(chinese: str, english: str) -> None:
    assert print_rule(parse(chinese)) == english
    assert parse(english) == parse(chinese)


def test_precedence() -> None:
    a, b, c = (Missing(x) for x in "abc")
    assert parse("a is missing or b is missing and c is missing") == Any((a, All((b, c))))
    assert parse("not a is missing and b is missing") == All((Not(a), b))
    assert parse("(a is missing and b is missing) and c is missing") == All((All((a, b)), c))


@pytest.mark.parametrize(
    ("text", "line", "column", "match"),
    [
        ("recency_days > ", 1, 16, "found the end"),
        ("recency_days > 60 and\n  orders_365d ~ 3", 2, 15, "line 2, column 15"),
        ("a > 1 b > 2", 1, 7, "column 7: found 'b'"),
        ("", 1, 1, "the rule is empty"),
        ("bought(colour='red')", 1, 1, "bought cannot be narrowed by colour"),
        ("bought(within 0 days)", 1, 1, "start at 1"),
        ("bought(within 3 days, within 4 days)", 1, 1, "within is given twice"),
        ("bought(category > 'x')", 1, 8, "only = can be used"),
        ("joined_at > 2025-02-30", 1, 13, "not a day of the calendar"),
        ("a > 99999999999999999999", 1, 5, "too large"),
        ("a > 1e999", 1, 5, "too large"),
    ],
)
def test_errors_say_where(text: str, line: int, column: int, match: str) -> None:
    with pytest.raises(RuleError, match=match) as caught:
        parse(text)
    assert (caught.value.facts["line"], caught.value.facts["column"]) == (line, column)
    assert caught.value.facts["message_zh"]


@pytest.mark.parametrize(
    ("document", "match"),
    [
        ("all: [", "not YAML at line 1"),
        ("all: [{field: a, is: missing}]", "rule has the keys all"),
        ("[]", "rule is not a condition"),
        ("not: {field: a}", "rule.not needs op and value"),
        ("any: [{field: a, is: missing}, {field: b, op: '~', value: 1}]", r"rule.any\[1\] needs"),
        ("{field: a, in: [1, [2]]}", r"rule.in\[1\] is not a text, number"),
        ("bought: {category: 3}", "rule.bought.category is not a text"),
        ("bought: {within_days: soon}", "whole numbers"),
        ("bought: [1]", "rule.bought is not a list of conditions by name"),
        ("sold: {}", "has the keys sold"),
    ],
)
def test_yaml_errors_name_the_path(document: str, match: str) -> None:
    with pytest.raises(RuleError, match=match):
        from_yaml(document)


def test_trees_are_never_degenerate() -> None:
    with pytest.raises(RuleError, match="conjunction of one"):
        All((Missing("a"),))
    with pytest.raises(RuleError, match="at least two"):
        Any((Missing("a"),))
    assert from_document({"field": "a", "is": "known"}) == Not(Missing("a"))
