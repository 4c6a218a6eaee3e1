from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopkeeper.collect.live.envelope import Arrived, Violation
from shopkeeper.collect.live.plan import TrackingPlan
from shopkeeper.collect.live.plan.words import PLAN_REASONS

STANDARD = TrackingPlan.standard()
ITEM = {"product_id": "p1", "price": 3.5, "quantity": 1}
ORDER = {"order_id": "o1", "value": 12.5, "currency": "CNY", "products": [ITEM]}
TEXTS = st.text(st.characters(codec=None), max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


def event(kind: str, properties: dict[str, Any] | None = None, **more: Any) -> Arrived:
    facts = {"type": "track", "name": kind, "source": "web", "occurred_us": 0, "received_us": 0}
    return Arrived(event_id="m1", kind=kind, properties=properties or {}, **(facts | more))


def plan(body: str) -> TrackingPlan:
    return TrackingPlan.from_yaml("version: 1\n" + body)


def found(judge: TrackingPlan, one: Arrived) -> list[tuple[str, str]]:
    return [(x.reason, x.field) for x in judge.check(one)]


def test_a_whole_order_is_admitted_under_either_vocabulary() -> None:
    ga4 = {"transaction_id": 7, "value": "12.50", "currency": "cny", "items": [{"item_id": 1}]}
    assert found(STANDARD, event("purchase", ORDER)) == []
    assert found(STANDARD, event("purchase", ga4)) == []


@pytest.mark.parametrize(
    ("change", "reason", "field"),
    [
        ({"order_id": None}, "plan_missing", "properties.order_id"),
        ({"order_id": "  "}, "plan_missing", "properties.order_id"),
        ({"order_id": ["o1"]}, "plan_type", "properties.order_id"),
        ({"currency": None}, "plan_missing_with", "properties.currency"),
        ({"currency": "RMB元"}, "plan_pattern", "properties.currency"),
        ({"value": -1}, "plan_range", "properties.value"),
        ({"value": "-1"}, "plan_range", "properties.value"),
        ({"value": "much"}, "plan_type", "properties.value"),
        ({"value": True}, "plan_type", "properties.value"),
        ({"products": {}}, "plan_type", "properties.products"),
        ({"products": [ITEM, 3]}, "plan_type", "properties.products[1]"),
        ({"products": [ITEM] * 201}, "plan_length", "properties.products"),
        ({"products": [ITEM, {"price": 1}]}, "plan_missing", "properties.products[1].product_id"),
        ({"products": [ITEM | {"price": -3}]}, "plan_range", "properties.products[0].price"),
    ],
)
def test_the_standard_plan_refuses_what_would_falsify_orders(
    change: dict[str, Any], reason: str, field: str
) -> None:
    assert found(STANDARD, event("purchase", ORDER | change)) == [(reason, field)]


def test_sentences_name_field_and_value_in_both_languages() -> None:
    (one,) = STANDARD.check(event("purchase", ORDER | {"value": -1}))
    assert one.zh == "properties.value 的值“-1”应在 0 到 100000000 之间"
    assert one.en == "properties.value is “-1”, it must be between 0 and 100000000"
    assert " / " in one.next_step
    assert set(PLAN_REASONS) >= {one.reason}


def test_warnings_are_told_but_do_not_refuse() -> None:
    told: list[Violation] = []
    one = event("identify", type="identify", traits={"email": "nobody"})
    assert STANDARD.check(one, told.append) == ()
    assert [x.field for x in told] == ["traits.email"]
    assert "nobody" not in told[0].zh + told[0].en  # personal values are not quoted


def test_the_unplanned_is_admitted_warned_of_or_refused() -> None:
    odd = event("dance", {"x": 1})
    assert found(plan("events: {}"), odd) == []
    strict = plan("unplanned: {events: quarantine, properties: quarantine}\nevents: {sing: {}}")
    assert found(strict, odd) == [("plan_unplanned_event", "event")]
    assert found(strict, event("sing", {"x": 1})) == [("plan_unplanned_property", "properties.x")]
    assert found(strict, event("page_view", type="page")) == []  # only tracked names are planned
    told: list[Violation] = []
    mild = plan("unplanned: {events: warn}\nevents: {sing: {unplanned: warn}}")
    assert mild.check(odd, told.append) == ()
    assert mild.check(event("sing", {"x": 1}), told.append) == ()
    assert [x.reason for x in told] == ["plan_unplanned_event", "plan_unplanned_property"]


def test_a_client_name_is_planned_too() -> None:
    judge = plan("events: {Song Sung: {properties: {title: {required: true}}}}")
    assert found(judge, event("song_sung", name="Song Sung")) == [
        ("plan_missing", "properties.title")
    ]


def test_a_source_may_hold_other_rules() -> None:
    judge = plan(
        """
events: {sing: {properties: {title: {required: true}, key: {enum: [C, D], severity: quarantine}}}}
sources:
  old: {severity: warn}
  pos: {events: {sing: {properties: {title: {}}}}}
  lab: {events: {sing: {severity: ignore}}, unplanned: {events: quarantine}}
"""
    )
    both = [("plan_enum", "properties.key"), ("plan_missing", "properties.title")]
    assert found(judge, event("sing", {"key": "X"})) == both
    told: list[Violation] = []
    assert judge.check(event("sing", {"key": "X"}, source="old"), told.append) == ()
    assert sorted((x.reason, x.field) for x in told) == both
    assert found(judge, event("sing", {"key": "X"}, source="pos")) == both[:1]
    assert found(judge, event("sing", {"key": "X"}, source="lab")) == []
    assert found(judge, event("hum", source="lab")) == [("plan_unplanned_event", "event")]


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        ("string", ["a", ""], [1, True, [], {}]),
        ("integer", [1, -3, 2.0, 10**40], [1.5, "1", True, float("nan")]),
        ("number", [1, 1.5], ["1", True]),
        ("decimal", [1, 1.5, "1.50", " -3", ".5"], ["", "1,5", "1e5", "１", "nan", True][1:]),
        ("boolean", [True, False], [0, 1, "true"]),
        ("datetime", ["2026-03-01T08:00:00Z", "2026-03-01 08:00:00+08:00"],
         ["2026-03-01", "2026-13-01T00:00:00Z", 5, "soon"]),
        ("array", [[], [1]], [{}, "[]"]),
        ("object", [{}, {"a": 1}], [[], "{}"]),
        ("any", [1, "a", [], {}], []),
        ("{type: integer, min: 1, max: 3}", [1, 3], [0, 4]),
        ("{min: 1}", [1, "text", []], [0]),
        ("{type: [string, integer], enum: [a, 1]}", ["a", 1], ["b", 2, True]),
        ("{enum: [true]}", [True], [1, "true", [], {}]),
        ("{type: string, pattern: 'a+'}", ["aaa"], ["aab", "a" * 3000]),
        ("{type: string, min_length: 2, max_length: 3}", ["ab", "abc"], ["a", "abcd"]),
        ("{type: array, min_length: 1, items: integer}", [[1]], [[], ["a"]]),
        ("{type: object, properties: {x: {required: true}}}", [{"x": 1}], [{}, {"x": None}]),
        ("{type: array, items: {type: array, items: {enum: [1]}}}", [[[1]]], [[[2]], [1]]),
    ],
)  # fmt: skip
def test_each_kind_of_rule(rule: str, good: list[Any], bad: list[Any]) -> None:
    judge = plan(f"events: {{e: {{properties: {{x: {rule}}}}}}}")
    for value in good:
        assert found(judge, event("e", {"x": value})) == [], value
    for value in bad:
        assert len(found(judge, event("e", {"x": value}))) == 1, value


def test_null_and_blank_are_absent_and_aliases_count() -> None:
    judge = plan("events: {e: {properties: {x: {type: integer, required: true, aliases: [y]}}}}")
    assert found(judge, event("e", {"x": None, "y": 1})) == []
    assert found(judge, event("e", {"x": " ", "y": ""})) == [("plan_missing", "properties.x")]
    assert found(judge, event("e", {"y": "a"})) == [("plan_type", "properties.y")]


def test_violations_of_one_event_are_bounded() -> None:
    many = event("purchase", ORDER | {"products": [{}] * 200})
    assert len(STANDARD.check(many)) == 20


RULES = """
severity: quarantine
unplanned: {events: quarantine, properties: quarantine}
common: {context: {a: {type: object, properties: {b: string}}}, traits: {a: datetime}}
events:
  e:
    properties:
      a: {type: [string, decimal, datetime], aliases: [b, '']}
      c: {type: integer, min: 0, max: 5, enum: [1, true, x]}
      d: {type: array, max_length: 2, items: {type: object, properties: {a: {required: true}}}}
      e: {pattern: '[a-z]*', required_with: [a, c]}
""".replace(", ''", "")


@given(
    st.sampled_from(["e", "f"]),
    st.dictionaries(st.sampled_from("abcdef") | TEXTS, JSON),
    st.dictionaries(st.sampled_from("ab") | TEXTS, JSON),
)
def test_no_json_breaks_it(kind: str, properties: dict[str, Any], other: dict[str, Any]) -> None:
    told: list[Violation] = []
    judge = plan(RULES)
    for one in (*judge.check(event(kind, properties, context=other, traits=other), told.append),
                *told):  # fmt: skip
        (one.field + one.zh + one.en).encode()
        assert one.reason in PLAN_REASONS
