from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopkeeper.collect.live.plan import TrackingPlan
from shopkeeper.collect.live.plan.rules import (
    KINDS,
    SEVERITIES,
    UNPLANNED,
    Definition,
    Event,
    Override,
    Property,
)
from shopkeeper.core.errors import InputError

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NAMES = TEXTS.filter(lambda x: x.strip() != "")
NUMBERS = st.integers(-(10**12), 10**12) | st.floats(
    allow_nan=False, allow_infinity=False, width=32
).filter(lambda x: x != int(x))
SEVERITY = st.none() | st.sampled_from(SEVERITIES)


def maybe(values: st.SearchStrategy[int]) -> st.SearchStrategy[int | None]:
    return st.none() | values


PLAIN = st.builds(
    Property,
    types=st.just(()) | st.lists(st.sampled_from(KINDS), unique=True, max_size=2).map(tuple),
    required=st.booleans(),
    required_with=st.lists(NAMES, unique=True, max_size=2).map(tuple),
    enum=st.lists(NAMES | st.booleans() | NUMBERS, unique=True, max_size=3).map(tuple),
    privacy=st.sampled_from(["none", "personal", "sensitive"]),
    severity=SEVERITY,
    zh=TEXTS,
    en=TEXTS,
)
BOUNDED = st.builds(
    Property,
    pattern=st.sampled_from(["", "a+", r"\d{3}-\d{4}", "^[^@]+$"]),
    minimum=st.none() | NUMBERS.map(lambda x: min(x, 0)),
    maximum=st.none() | NUMBERS.map(lambda x: max(x, 0)),
    min_length=st.none() | st.integers(0, 5),
    max_length=st.none() | st.integers(5, 9),
    aliases=st.lists(NAMES.map(lambda x: f"~{x}"), unique=True, max_size=1).map(tuple),
)
PROPERTIES = st.recursive(
    PLAIN | BOUNDED,
    lambda inner: st.builds(
        Property,
        items=st.none() | inner,
        properties=st.dictionaries(NAMES.map(lambda x: f"={x}"), inner, max_size=1),
    ),
    max_leaves=3,
)
UNPLANNED_OR_NOT = st.none() | st.sampled_from(UNPLANNED)
EVENTS = st.dictionaries(
    NAMES,
    st.builds(
        Event,
        properties=st.dictionaries(NAMES.map(lambda x: f"={x}"), PROPERTIES, max_size=1),
        unplanned=UNPLANNED_OR_NOT,
        severity=SEVERITY,
        owner=TEXTS,
        zh=TEXTS,
        en=TEXTS,
    ),
    max_size=2,
)
PLANS = st.builds(
    Definition,
    events=EVENTS,
    context=st.dictionaries(NAMES.map(lambda x: f"={x}"), PLAIN, max_size=1),
    traits=st.dictionaries(NAMES.map(lambda x: f"={x}"), PLAIN, max_size=1),
    unplanned_events=st.sampled_from(UNPLANNED),
    unplanned_properties=st.sampled_from(UNPLANNED),
    severity=st.sampled_from(SEVERITIES),
    sources=st.dictionaries(
        NAMES,
        st.builds(Override, SEVERITY, UNPLANNED_OR_NOT, UNPLANNED_OR_NOT, EVENTS),
        max_size=1,
    ),
    zh=TEXTS,
    en=TEXTS,
)


@settings(deadline=None, max_examples=60)
@given(PLANS)
def test_what_is_written_reads_back_the_same(definition: Definition) -> None:
    plan = TrackingPlan(definition)
    again = TrackingPlan.from_yaml(plan.to_yaml())
    assert again == plan
    assert again.to_yaml() == plan.to_yaml()
    assert again.digest == plan.digest
    assert TrackingPlan.from_dict(plan.to_dict()) == plan


def test_the_standard_plan_survives_too() -> None:
    plan = TrackingPlan.standard()
    assert TrackingPlan.from_yaml(plan.to_yaml()) == plan


def test_the_digest_sees_meaning_not_order() -> None:
    one = TrackingPlan.from_yaml("version: 1\nevents: {a: {}, b: {zh: 乙}}")
    other = TrackingPlan.from_yaml("events: {b: {zh: 乙}, a: {}}\nversion: 1")
    assert one.digest == other.digest
    assert one.digest != TrackingPlan.from_yaml("version: 1\nevents: {a: {}}").digest


def test_yaml_keeps_words_words() -> None:
    plan = TrackingPlan.from_yaml(
        "version: 1\nevents: {e: {properties: {land: {enum: [no, 010, 2026-01-01, 1:30, 1e5]}}}}"
    )
    assert plan.definition.events["e"].properties["land"].enum == (
        "no", "010", "2026-01-01", "1:30", "1e5",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("events: {}", r"version \(line 1\): must say version: 1"),
        ("version: true", r"version \(line 1\)"),
        ("- a", r"the file \(line 1\): must be a mapping"),
        ("version: 1\nevnts: {}", r"evnts \(line 2\): unknown key 'evnts'; did you mean events"),
        ("version: 1\nevents:\n  a:\n    properties:\n      x: {type: strng}",
         r"events.a.properties.x.type \(line 5\): must be one of string"),
        ("version: 1\nevents: {a: {properties: {x: {type: string, min: 1}}}}",
         r"x.min \(line 2\): min needs the type decimal, integer, number, not string"),
        ("version: 1\nevents: {a: {properties: {x: {min: 2, max: 1}}}}", "upper bound is below"),
        ("version: 1\nevents: {a: {properties: {x: {min: big}}}}", "must be a number"),
        ("version: 1\nevents: {a: {properties: {x: {max_length: -1}}}}", "whole number"),
        ("version: 1\nevents: {a: {properties: {x: {required: yes}}}}", "must be true or false"),
        ("version: 1\nevents: {a: {properties: {x: {pattern: '('}}}}", "no regular expression"),
        ("version: 1\nevents: {a: {properties: {x: {pattern: '(a+)+'}}}}", "repeat inside"),
        ("version: 1\nevents: {a: {properties: {x: {pattern: '" + "a" * 501 + "'}}}}", "longer"),
        ("version: 1\nevents: {a: {properties: {x: {enum: []}}}}", "allows no value"),
        ("version: 1\nevents: {a: {properties: {x: {enum: [[1]]}}}}", "must be text, a number"),
        ("version: 1\nevents: {a: {properties: {x: {aliases: [y]}, y: {}}}}", "'y' also names"),
        ("version: 1\nevents: {a: {owner: 5}}", r"owner \(line 2\): must be text"),
        ("version: 1\nevents: {'': {}}", "name is empty"),
        ("version: 1\nevents: {a: {}, a: {}}", "line 2: 'a' occurs twice"),
        ("version: 1\nevents: {? [a] : b}", "line 2: a name must be one word"),
        ("version: 1\nevents: [", "line 3: the tracking plan is no YAML"),
        ("version: 1\nevents: {a: &x {b: *x}}", "nested too deeply|no YAML"),
        ("version: 1\nzh: " + "x" * 600_000, "larger than 512 KiB"),
        ("version: 1\nevents: {a: {properties: {x: " + "{items: " * 6 + "string" + "}" * 9,
         "nested 6 levels"),
        ("version: 1\nevents: {" + ",".join(f"e{i}: {{}}" for i in range(2001)) + "}",
         "more than 2000"),
    ],
)  # fmt: skip
def test_faults_name_path_and_line(text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        TrackingPlan.from_yaml(text)


def test_several_faults_are_told_at_once_in_both_languages() -> None:
    with pytest.raises(InputError, match="and 1 more") as caught:
        TrackingPlan.from_yaml("version: 1\nseverity: loud\nevents:\n  a: {color: red}")
    faults = caught.value.facts["faults"]
    assert [(x["path"], x["line"]) for x in faults] == [("events.a.color", 4), ("severity", 2)]
    assert all(re.search("[一-鿿]", x["zh"]) for x in faults)


def test_aliases_cannot_explode() -> None:
    bomb = ["version: 1", "a: &a0 [x, x]"]
    bomb += [f"a{i}: &a{i} [" + ", ".join([f"*a{i - 1}"] * 9) + "]" for i in range(1, 12)]
    with pytest.raises(InputError, match="repeats aliases"):
        TrackingPlan.from_yaml("\n".join(bomb))
