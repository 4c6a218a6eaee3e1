"""One rule, two evaluators, the same answer; and reasons that are true."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any as Anything

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopkeeper.core.columns import Column
from shopkeeper.core.errors import RuleError
from shopkeeper.core.scenes import WORDS as SCENES
from shopkeeper.core.tables import (
    ACTIVITY,
    CONTACTS,
    PERMITS,
    PROFILES,
    PURCHASE_LINES,
    SCORES,
    SEGMENTS,
)
from shopkeeper.segment.rules.batch import DAY_US, Tables, as_of_microseconds, members
from shopkeeper.segment.rules.check import checked
from shopkeeper.segment.rules.printed import print_rule
from shopkeeper.segment.rules.single import Facts, evaluate_one
from shopkeeper.segment.rules.text import parse
from shopkeeper.segment.rules.tree import (
    EVERYONE,
    All,
    Among,
    Any,
    Between,
    Compare,
    Contains,
    Happened,
    Missing,
    Not,
)
from shopkeeper.segment.rules.tree import leaves as tree_leaves
from shopkeeper.segment.rules.vocabulary import EXAMPLES, GROUPS, OPERATORS, build_vocabulary
from shopkeeper.segment.rules.why import why

AS_OF = datetime(2025, 6, 1, tzinfo=UTC)
NOW = as_of_microseconds(AS_OF)
COLUMNS = (
    Column("recency_days", "int64", "距最近一次购买天数", "Days since last purchase", unit="days"),
    Column("orders_365d", "int64", "订单数", "Orders", unit="orders"),
    Column("open_rate_90d", "float64", "打开率", "Share opened", unit="share"),
    Column("top_category_365d", "string", "首选品类", "Top category"),
)
WORDS = build_vocabulary(COLUMNS, groups={"recency_days": "value"})
FEATURES = ibis.table(
    {"customer_id": "string"}
    | {
        str(x): {"int64": "int64", "float64": "float64", "string": "string"}[x.kind]
        for x in COLUMNS
    },
    name="features",
)
TABLES = Tables(
    FEATURES, SCORES.unbound(), SEGMENTS.unbound(), PROFILES.unbound(), PERMITS.unbound(),
    PURCHASE_LINES.unbound(), ACTIVITY.unbound(), CONTACTS.unbound(),
)  # fmt: skip

# --- random customers -------------------------------------------------------------------------------
maybe = lambda x: st.none() | x  # noqa: E731
customers = st.fixed_dictionaries({
    "recency_days": maybe(st.integers(0, 4)), "orders_365d": st.integers(0, 3),
    "open_rate_90d": maybe(st.sampled_from([0.0, 0.25, 0.5, 1.0])),
    "top_category_365d": maybe(st.sampled_from(["茶", "咖啡", "it's"])),
    "churn.risk": maybe(st.integers(0, 9)), "tier": maybe(st.sampled_from(["vip", "core"])),
    "profile.city": maybe(st.sampled_from(["上海", "海口"])), "profile.gender": maybe(st.integers(1, 2)),
    "profile.birth_date": maybe(st.dates(date(1990, 1, 1), date(1990, 1, 4))),
    "permit.email": maybe(st.sampled_from(["GRANT", "DENY"])),
    "bought": st.lists(st.tuples(st.integers(-2, 12), st.sampled_from(["茶", None]),
                                 st.sampled_from(["sale", "return"]), st.integers(0, 2)), max_size=4),
    "contacted": st.lists(st.tuples(st.integers(-2, 12), st.sampled_from(["sms", "email"])), max_size=3),
})  # fmt: skip
numbers = st.integers(-1, 5) | st.sampled_from([0.25, 0.5, 2.0])
leaves = st.one_of(
    st.builds(Compare, st.sampled_from(["recency_days", "orders_365d", "open_rate_90d", "churn.risk"]),
              st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), numbers),
    st.builds(Among, st.sampled_from(["recency_days", "open_rate_90d"]),
              st.lists(numbers, min_size=1, max_size=2).map(tuple)),
    st.builds(Between, st.just("recency_days"), numbers, numbers),
    st.builds(Compare, st.sampled_from(["top_category_365d", "tier", "permit.email"]),
              st.sampled_from(["=", "!="]), st.sampled_from(["茶", "it's", "vip", "GRANT"])),
    st.builds(Compare, st.just("profile.birth_date"), st.sampled_from(["<", "=", ">="]),
              st.dates(date(1990, 1, 1), date(1990, 1, 4))),
    st.builds(Contains, st.just("profile.city"), st.sampled_from(["海", "上"])),
    st.builds(Missing, st.sampled_from(["recency_days", "tier", "profile.gender"])),
    st.builds(Happened, st.just("bought"), st.sampled_from([(), (("category", "茶"),)]),
              maybe(st.sampled_from([1, 10])), st.integers(1, 2)),
    st.builds(Happened, st.just("contacted"), st.sampled_from([(), (("channel", "sms"),)]),
              maybe(st.just(10)), st.integers(1, 2)),
)  # fmt: skip
several = lambda x: st.lists(x, min_size=2, max_size=3).map(tuple)  # noqa: E731
rules = st.recursive(
    leaves | st.just(EVERYONE),
    lambda x: st.builds(Not, x) | st.builds(All, several(x)) | st.builds(Any, several(x)),
    max_leaves=5,
)


def facts_of(customer: dict[str, Anything]) -> Facts:
    lines = [
        {"ts_us": NOW - days * DAY_US, "category": category, "kind": kind, "order_id": f"o{order}"}
        for days, category, kind, order in customer["bought"]
    ]
    contacts = [{"ts_us": NOW - d * DAY_US, "channel": x} for d, x in customer["contacted"]]
    return Facts(customer, {"bought": lines, "contacted": contacts}, NOW)


def tables_of(shop: list[dict[str, Anything]]) -> dict[str, pa.Table]:
    stamp = {"as_of": AS_OF}
    rows: dict[str, list[Anything]] = {x: [] for x in ("features", "scores", "segments", "profiles",
                                                       "permits", "purchase_lines", "contacts", "activity")}  # fmt: skip
    for i, x in enumerate(shop):
        who = {"customer_id": f"c{i}"}
        rows["features"].append(who | {str(k): x[str(k)] for k in COLUMNS})
        if x["churn.risk"] is not None:
            rows["scores"].append(who | stamp | {"kind": "churn", "model": "m", "model_version": "1",
                                                 "value": 0.5, "risk": x["churn.risk"]})  # fmt: skip
        if x["tier"] is not None:
            rows["segments"].append(who | stamp | {"scheme": "tier", "label": x["tier"]})
        rows["profiles"].append(who | {"city": x["profile.city"], "gender": x["profile.gender"],
                                       "birth_date": x["profile.birth_date"]})  # fmt: skip
        if x["permit.email"] is not None:
            rows["permits"].append(who | {"purpose": "marketing", "channel": "email",
                                          "status": x["permit.email"]})  # fmt: skip
        facts = facts_of(x)
        for j, line in enumerate(facts.rows["bought"]):
            rows["purchase_lines"].append(who | line | {"line_id": f"{i}-{j}"})
        for j, contact in enumerate(facts.rows["contacted"]):
            rows["contacts"].append(who | contact | {"touch_id": f"{i}-{j}"})
    contracts = {"scores": SCORES, "segments": SEGMENTS, "profiles": PROFILES, "permits": PERMITS,
                 "purchase_lines": PURCHASE_LINES, "contacts": CONTACTS, "activity": ACTIVITY}  # fmt: skip
    schema = pa.schema(
        [("customer_id", pa.string()), ("recency_days", pa.int64()), ("orders_365d", pa.int64()),
         ("open_rate_90d", pa.float64()), ("top_category_365d", pa.string())]
    )  # fmt: skip
    nullable = lambda s: pa.schema([x.with_nullable(True) for x in s])  # noqa: E731
    made = {
        k: pa.Table.from_pylist(rows[k], nullable(v.arrow_schema)) for k, v in contracts.items()
    }
    return made | {"features": pa.Table.from_pylist(rows["features"], schema)}


@settings(max_examples=30, deadline=None)
@given(rules, st.lists(customers, min_size=1, max_size=6))
def test_batch_and_single_agree(
    run: Anything, rule: Anything, shop: list[dict[str, Anything]]
) -> None:
    found = run(members(rule, WORDS, TABLES, NOW), **tables_of(shop))["customer_id"].to_pylist()
    single = [f"c{i}" for i, x in enumerate(shop) if evaluate_one(rule, facts_of(x), WORDS) is True]
    assert sorted(found) == single


@settings(max_examples=150, deadline=None)
@given(rules, customers)
def test_changing_the_named_facts_changes_the_answer(
    rule: Anything, customer: dict[str, Anything]
) -> None:
    """The smallest set flips the answer when each of its conditions is turned, and no leaf alone beats it."""
    answer = why(rule, facts_of(customer), WORDS)
    assert answer.member == (evaluate_one(rule, facts_of(customer), WORDS) is True)
    if not answer.smallest:
        assert print_rule(rule).count("everyone") or _contradicts(rule)
        return
    turned = {x.text: x.needed for x in answer.smallest}
    assert (_forced(rule, facts_of(customer), turned) is True) is not answer.member
    if len(answer.smallest) > 1:
        assert not any(x.flips for x in answer.conditions)
    for x in answer.smallest:
        assert x.sentence_zh in answer.zh
        assert x.sentence_en in answer.en


def _forced(rule: Anything, facts: Facts, turned: dict[str, bool | None]) -> bool | None:
    match rule:
        case Not(part):
            inner = _forced(part, facts, turned)
            return None if inner is None else not inner
        case All(parts) | Any(parts):
            truths = [_forced(x, facts, turned) for x in parts]
            decisive = isinstance(rule, Any)
            return decisive if decisive in truths else None if None in truths else not decisive
        case _:
            text = print_rule(rule)
            return turned[text] if text in turned else evaluate_one(rule, facts, WORDS)


def _contradicts(rule: Anything) -> bool:
    texts = [print_rule(x) for x in tree_leaves(rule)]
    return len(set(texts)) < len(texts)


def test_why_in_words() -> None:
    rule = checked(
        parse("recency_days > 60 and not (risk >= 7) and bought(category='茶', within 90 days)"),
        WORDS,
    )
    facts = Facts({"recency_days": 41, "churn.risk": 8}, {"bought": []}, NOW)
    answer = why(rule, facts, WORDS)
    assert [x.truth for x in answer.conditions] == [False, True, False]
    assert [x.flips for x in answer.conditions] == [False, False, False]
    assert answer.zh == (
        "该客户不在人群包中。若要改变：「距最近一次购买天数」现为 41 天，需大于 60；"
        "「流失风险分（0–9）」现为 8，需小于 7；"
        "「bought(category='茶', within 90 days)」现为 0 次，需至少 1。"
    )
    assert "Days since last purchase is 41 days and would have to be greater than 60" in answer.en
    near = replace(facts, values={"recency_days": 61, "churn.risk": None},
                   rows={"bought": [{"ts_us": NOW - 1, "kind": "sale", "category": "茶", "order_id": "1"}]})  # fmt: skip
    answer = why(rule, near, WORDS)
    assert answer.tree.truth is None
    assert [(x.text, x.actual, x.flips) for x in answer.smallest] == [
        ("churn.risk >= 7", None, True)
    ]


def test_three_valued_logic() -> None:
    facts = Facts({"orders_365d": 2}, {}, NOW)
    truth = lambda text: evaluate_one(parse(text), facts, WORDS)  # noqa: E731
    assert truth("recency_days > 3") is None
    assert truth("not (recency_days > 3)") is None
    assert truth("recency_days > 3 or orders_365d = 2") is True
    assert truth("recency_days > 3 and orders_365d = 1") is False
    assert truth("recency_days is missing") is True
    assert truth("recency_days not in (1, 2)") is None


@pytest.mark.parametrize(
    ("text", "match", "column"),
    [
        ("orders_365d > 1 and recency_day > 60", "no field 'recency_day'.*recency_days", 21),
        ("recency_days > 'x'", "recency_days is a integer; 'x' does not fit", 1),
        ("tier > 'vip'", "cannot be compared by >", 1),
        ("tier between 'a' and 'b'", "no order for between", 1),
        ("recency_days contains 'x'", "not a text", 1),
        ("recency_days = true", "True does not fit", 1),
        ("profile.birth_date > 3", "is a date; 3 does not fit", 1),
    ],
)
def test_wrong_fields_and_values(text: str, match: str, column: int) -> None:
    with pytest.raises(RuleError, match=match) as caught:
        checked(parse(text), WORDS)
    assert caught.value.facts["column"] == column


def test_vocabulary_speaks_both_languages() -> None:
    assert checked(parse("risk >= 7 and city = '上海'"), WORDS) == parse(
        "churn.risk >= 7 and profile.city = '上海'"
    )
    for field in WORDS.fields:
        assert field.zh
        assert field.en
        assert field.group in GROUPS
        assert set(field.operators) <= set(OPERATORS)
    for zh, en in EXAMPLES:
        assert parse(zh) == parse(en)
        assert checked(parse(en), WORDS)


def test_scenes_are_fields_with_values_in_both_languages(run):
    name, last = "scene_time_90d", "last_scene_device_90d"
    columns = tuple(Column(x, "string", x, x) for x in (name, last))
    words = build_vocabulary(columns, words={name: SCENES["time"], last: SCENES["device"]})
    field = words.field(name)
    assert (field.type, field.source) == ("choice", "features")
    assert ("evening", "晚间", "Evening") in field.values
    zh = f"{name} 属于 ('evening', 'late') 且 非 ({last} = 'desktop')"
    en = f"{name} in ('evening', 'late') and not ({last} = 'desktop')"
    rule = checked(parse(en), words)
    assert rule == checked(parse(zh), words)
    scenes = [("evening", "mobile"), ("late", "desktop"), ("noon", "mobile"), ("late", None)]
    rows = pa.table(
        {
            "customer_id": [f"c{i}" for i in range(len(scenes))],
            name: [x for x, _ in scenes],
            last: pa.array([x for _, x in scenes], pa.string()),
        }
    )
    features = ibis.table(dict.fromkeys(rows.column_names, "string"), name="features")
    found = members(rule, words, replace(TABLES, features=features), NOW)
    nobody = PROFILES.cast(PROFILES.arrow_schema.empty_table())
    told = run(found, features=rows, profiles=nobody)["customer_id"].to_pylist()
    # A device that nobody told is unknown, and unknown counts as not in.
    assert told == ["c0"]
    for at, (time, device) in enumerate(scenes):
        alone = evaluate_one(rule, Facts({name: time, last: device}, {}, NOW), words)
        assert (alone is True) == (f"c{at}" in told)
