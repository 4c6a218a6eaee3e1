from __future__ import annotations

import pytest

from shopkeeper.collect.live.plan import TrackingPlan

BASE = "version: 1\nevents: {a: {properties: {x: {type: [string, integer], enum: [u, v], max: 9}}}}"


def plan(text: str) -> TrackingPlan:
    return TrackingPlan.from_yaml(text if text.startswith("version") else f"version: 1\n{text}")


def test_a_plan_changes_nothing_against_itself() -> None:
    standard = TrackingPlan.standard()
    assert standard.diff(TrackingPlan.from_yaml(standard.to_yaml())).empty


@pytest.mark.parametrize(
    ("rule", "path", "stricter"),
    [
        ("{type: string, enum: [u, v]}", "type", True),
        ("{type: [string, number], enum: [u, v], max: 9}", "type", False),
        ("{type: [string, integer], enum: [u], max: 9}", "enum", True),
        ("{type: [string, integer], enum: [u, v, w], max: 9}", "enum", False),
        ("{type: [string, integer], max: 9}", "enum", False),
        ("{type: [string, integer], enum: [u, v], max: 8}", "max", True),
        ("{type: [string, integer], enum: [u, v], max: 10}", "max", False),
        ("{type: [string, integer], enum: [u, v], max: 9, required: true}", "required", True),
        (
            "{type: [string, integer], enum: [u, v], max: 9, required_with: y}",
            "required_with",
            True,
        ),
        ("{type: [string, integer], enum: [u, v], max: 9, pattern: u}", "pattern", True),
        ("{type: [string, integer], enum: [u, v], max: 9, min: 0}", "min", True),
        ("{type: [string, integer], enum: [u, v], max: 9, min_length: 1}", "min_length", True),
        ("{type: [string, integer], enum: [u, v], max: 9, max_length: 5}", "max_length", True),
        ("{type: [string, integer], enum: [u, v], max: 9, aliases: z}", "aliases", True),
        ("{type: [string, integer], enum: [u, v], max: 9, zh: 乙}", "zh", False),
        ("{type: [string, integer], enum: [u, v], max: 9, severity: warn}", "severity", False),
    ],
)
def test_each_facet_says_whether_it_is_stricter(rule: str, path: str, stricter: bool) -> None:
    steps = plan(BASE).diff(plan(f"events: {{a: {{properties: {{x: {rule}}}}}}}")).steps
    found = {x.path: x.stricter for x in steps}
    assert found[f"events.a.properties.x.{path}"] is stricter
    assert any(x.stricter for x in steps) is stricter


@pytest.mark.parametrize(
    ("old", "new", "steps"),
    [
        ("events: {}", "events: {a: {}}", [("add", "events.a", False)]),
        ("events: {}", "events: {a: {properties: {x: {required: true}}}}", [("add", "events.a", True)]),
        ("events: {}", "events: {a: {severity: warn, properties: {x: {required: true}}}}",
         [("add", "events.a", False)]),
        ("events: {a: {}}", "events: {}", [("remove", "events.a", False)]),
        ("unplanned: {events: quarantine}\nevents: {a: {}}", "unplanned: {events: quarantine}",
         [("remove", "events.a", True)]),
        ("events: {a: {}}", "events: {a: {owner: 乙}}", [("change", "events.a.owner", False)]),
        ("events: {a: {}}", "unplanned: {properties: quarantine}\nevents: {a: {}}",
         [("change", "unplanned.properties", True)]),
        ("severity: warn", "severity: ignore", [("change", "severity", False)]),
        ("events: {a: {properties: {x: {}}}}", "events: {a: {properties: {y: string}}}",
         [("remove", "events.a.properties.x", False), ("add", "events.a.properties.y", True)]),
        ("events: {a: {properties: {x: {items: {min: 1}}}}}",
         "events: {a: {properties: {x: {items: {min: 2}}}}}",
         [("change", "events.a.properties.x.items.min", True)]),
        ("events: {a: {properties: {x: {}}}}", "events: {a: {properties: {x: {items: integer}}}}",
         [("add", "events.a.properties.x.items", True)]),
        ("common: {traits: {a: string}}", "common: {traits: {a: {type: string, severity: warn}}}",
         [("add", "common.traits.a.severity", False)]),
        ("sources: {}", "sources: {pos: {severity: warn}}", [("add", "sources.pos", True)]),
    ],
)  # fmt: skip
def test_steps(old: str, new: str, steps: list[tuple[str, str, bool]]) -> None:
    change = plan(old).diff(plan(new))
    assert [(x.action, x.path, x.stricter) for x in change.steps] == steps
    assert change.stricter is any(x[2] for x in steps)
    for step in change.steps:
        assert step.path in step.zh
        assert step.path in step.en
