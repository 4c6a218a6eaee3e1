from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shopkeeper.collect.live.plan import TrackingPlan, reading
from shopkeeper.collect.live.plan.schema import json_schema, schema_text

COMMITTED = Path(__file__).parents[4] / "docs" / "tracking-plan.schema.json"


def test_the_committed_schema_is_the_generated_one() -> None:
    assert COMMITTED.read_text(encoding="utf-8") == schema_text(), "run: make docs"


def test_the_schema_names_every_key_that_is_read() -> None:
    schema = json_schema()
    defs = schema["$defs"]
    assert set(schema["properties"]) == set(reading.PLAN_KEYS)
    assert set(defs["event"]["anyOf"][1]["properties"]) == set(reading.EVENT_KEYS)
    assert set(defs["source"]["properties"]) == set(reading.SOURCE_KEYS)
    assert set(defs["property"]["anyOf"][2]["properties"]) == set(reading.PROPERTY_KEYS)


def accepts(schema: dict[str, Any], value: Any, root: dict[str, Any]) -> bool:
    """The part of JSON Schema that the plan's schema uses."""
    if "$ref" in schema and not accepts(root["$defs"][schema["$ref"][8:]], value, root):
        return False
    if "anyOf" in schema and not any(accepts(x, value, root) for x in schema["anyOf"]):
        return False
    if ("enum" in schema and value not in schema["enum"]) or schema.get("const", value) != value:
        return False
    kinds = {
        "string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list,
        "object": dict, "null": type(None),
    }  # fmt: skip
    wanted = schema.get("type", [])
    wanted = [wanted] if isinstance(wanted, str) else wanted
    if wanted and not any(isinstance(value, kinds[x]) for x in wanted):
        return False
    if isinstance(value, list) and "items" in schema:
        return all(accepts(schema["items"], x, root) for x in value)
    if isinstance(value, dict) and "additionalProperties" in schema:
        named, rest = schema.get("properties", {}), schema["additionalProperties"]
        return set(schema.get("required", ())) <= set(value) and all(
            accepts(named[k], x, root) if k in named else rest and accepts(rest, x, root)
            for k, x in value.items()
        )
    return True


@pytest.mark.parametrize(
    ("change", "fits"),
    [
        ({}, True),
        ({"version": 2}, False),
        ({"evnts": {}}, False),
        ({"events": {"a": {"properties": {"x": "string"}}}}, True),
        ({"events": {"a": {"properties": {"x": "strng"}}}}, False),
        ({"sources": {"pos": {"severity": "warn", "unplanned": {"events": "quarantine"}}}}, True),
        ({"sources": {"pos": {"severity": "loud"}}}, False),
    ],
)
def test_the_schema_takes_what_the_reader_takes(change: dict[str, Any], fits: bool) -> None:
    schema = json_schema()
    data = json.loads(json.dumps(TrackingPlan.standard().to_dict() | change))
    assert accepts(schema, data, schema) is fits
    if fits:
        TrackingPlan.from_dict(data)


def test_the_example_in_the_documentation_is_a_plan() -> None:
    page = COMMITTED.parent / "collect-live.md"
    text = page.read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
    schema = json_schema()
    plan = TrackingPlan.from_yaml(text)
    assert accepts(schema, plan.to_dict(), schema)
