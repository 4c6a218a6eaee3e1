from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shopkeeper.collect.live.envelope import Arrived, Violation
from shopkeeper.collect.live.plan import TrackingPlan

TEXTS = st.text(max_size=8) | st.sampled_from(["1.5", "12", "2026-03-01T08:00:00Z", " "])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
BAGS = st.dictionaries(st.sampled_from(["a", "b", "c", "d e", "1"]) | TEXTS, JSON, max_size=4)


def event(kind: str, properties: dict[str, Any], traits: dict[str, Any] | None = None) -> Arrived:
    return Arrived(
        event_id="m", type="identify" if traits else "track", kind=kind, name=kind, source="web",
        occurred_us=0, received_us=0, properties=properties, traits=traits or {},
    )  # fmt: skip


@given(
    st.lists(st.builds(event, st.sampled_from(["x", "y", ""]), BAGS, BAGS), max_size=8),
    st.integers(1, 4),
)
def test_a_guess_admits_what_it_was_made_from(events: list[Arrived], enough: int) -> None:
    plan = TrackingPlan.guess(events, enough=enough)
    told: list[Violation] = []
    assert [plan.check(x, told.append) for x in events] == [()] * len(events)
    assert told == []
    assert TrackingPlan.from_yaml(plan.to_yaml()).digest == plan.digest


def test_what_is_always_there_is_required_and_few_values_become_an_enum() -> None:
    events = [
        event("purchase", {
            "order_id": f"o{i}", "method": ["card", "cash"][i % 2], "total": [5, "7.50"][i % 2],
            "sku": str(i), "at": "2026-03-01T08:00:00Z", "gift": True,
            "products": [{"product_id": i, "price": 1.5}, {"product_id": i}],
            **({"coupon": "X"} if i == 3 else {}),
        })
        for i in range(30)
    ]  # fmt: skip
    plan = TrackingPlan.guess(events)
    rules = plan.definition.events["purchase"].properties
    assert {name: rule.types for name, rule in rules.items()} == {
        "order_id": ("string",), "method": ("string",), "total": ("decimal",), "sku": ("string",),
        "at": ("datetime",), "gift": ("boolean",), "products": ("array",), "coupon": ("string",),
    }  # fmt: skip
    assert [name for name, rule in rules.items() if not rule.required] == ["coupon"]
    assert rules["method"].enum == ("card", "cash")
    assert not rules["order_id"].enum
    item = rules["products"].items
    assert item is not None
    assert item.types == ("object",)
    assert {x: (y.types, y.required) for x, y in item.properties.items()} == {
        "product_id": (("integer",), True), "price": (("number",), False),
    }  # fmt: skip
    assert plan.definition.events["purchase"].zh == "下单"


def test_few_observations_demand_nothing() -> None:
    plan = TrackingPlan.guess([event("dance", {"steps": 3})])
    rule = plan.definition.events["dance"].properties["steps"]
    assert (rule.types, rule.required) == (("integer",), False)
