"""JSON Schema of a tracking plan file, for editors that complete and check while one types."""

from __future__ import annotations

import json
from typing import Any

from shopkeeper.collect.live.plan.reading import (
    MAX_EVENTS,
    MAX_PATTERN,
    MAX_PROPERTIES,
    PRIVACY,
)
from shopkeeper.collect.live.plan.rules import FORMAT, KINDS, SEVERITIES, UNPLANNED


def _one_or_many(each: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [each, {"type": "array", "items": each, "uniqueItems": True}]}


def _object(properties: dict[str, Any], zh: str, en: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "object", "additionalProperties": False, "properties": properties,
        "description": f"{zh} / {en}", **more,
    }  # fmt: skip


def _named(reference: str, most: int) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": {"$ref": f"#/$defs/{reference}"},
        "propertyNames": {"minLength": 1, "maxLength": 200},
        "maxProperties": most,
    }


def _said(schema: dict[str, Any], zh: str, en: str) -> dict[str, Any]:
    return schema | {"description": f"{zh} / {en}"}


_TEXT = {"type": "string"}
_WORDS = {"zh": _said(_TEXT, "中文说明", "Chinese"), "en": _said(_TEXT, "英文说明", "English")}
_COUNT = {"type": "integer", "minimum": 0}
_SEVERITY = _said(
    {"enum": list(SEVERITIES)},
    "违反时：隔离、仅警告、忽略",
    "a violation quarantines, warns, or nothing",
)
_UNPLANNED = {"enum": list(UNPLANNED)}
_BOTH_UNPLANNED = _object(
    {
        "events": _said(_UNPLANNED, "未列出的事件", "events that are not named"),
        "properties": _said(_UNPLANNED, "未列出的属性", "properties that are not named"),
    },
    "方案之外", "what the plan does not name",
)  # fmt: skip


def _property() -> dict[str, Any]:
    rule = {"$ref": "#/$defs/property"}
    fields = {
        "type": _said(_one_or_many({"enum": list(KINDS)}), "类型", "type"),
        "required": _said({"type": "boolean"}, "必填", "must be there"),
        "required_with": _said(
            _one_or_many(_TEXT), "与这些属性同时必填", "required when these are there"
        ),
        "aliases": _said(_one_or_many(_TEXT), "别名", "other names of the value"),
        "enum": _said(
            _one_or_many({"type": ["string", "number", "boolean"]}), "允许的值", "the only values"
        ),
        "pattern": _said(
            _TEXT | {"maxLength": MAX_PATTERN}, "整体匹配的正则表达式", "matches the whole text"
        ),
        "min": _said({"type": "number"}, "最小值", "least value"),
        "max": _said({"type": "number"}, "最大值", "greatest value"),
        "min_length": _said(_COUNT, "最短", "least length of a text or list"),
        "max_length": _said(_COUNT, "最长", "greatest length of a text or list"),
        "items": _said(rule, "列表的每一项", "each element of a list"),
        "properties": _named("property", MAX_PROPERTIES),
        "privacy": _said({"enum": list(PRIVACY)}, "隐私级别", "privacy class"),
        "severity": _SEVERITY,
        **_WORDS,
    }
    short = {"enum": list(KINDS)}
    return {"anyOf": [short, {"type": "null"}, _object(fields, "一个属性", "one property")]}


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a plan file.

    Returns
    -------
    dict
        It describes the shape; that a rule fits its type, and that names do not clash, is
        checked by reading the file.
    """
    event = {
        "owner": _said(_TEXT, "负责人", "who answers for it"),
        "severity": _SEVERITY,
        "unplanned": _said(_UNPLANNED, "未列出的属性", "properties that are not named"),
        "properties": _named("property", MAX_PROPERTIES),
        **_WORDS,
    }
    source = {
        "severity": _SEVERITY,
        "unplanned": _BOTH_UNPLANNED,
        "events": _named("event", MAX_EVENTS),
    }
    common = {x: _named("property", MAX_PROPERTIES) for x in ("context", "traits")}
    plan = {
        "version": _said({"const": FORMAT}, "文件格式的版本", "version of the file format"),
        **_WORDS,
        "severity": _SEVERITY,
        "unplanned": _BOTH_UNPLANNED,
        "common": _object(common, "所有事件的上下文与特征", "context and traits of all events"),
        "events": _named("event", MAX_EVENTS),
        "sources": _named("source", 1_000),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "埋点方案 Tracking plan",
        **_object(plan, "埋点方案", "tracking plan", required=["version"]),
        "$defs": {
            "event": {"anyOf": [{"type": "null"}, _object(event, "一种事件", "one kind of event")]},
            "property": _property(),
            "source": _object(source, "某来源的例外", "what holds differently for a source"),
        },
    }


def schema_text() -> str:
    """The schema as the committed file.

    Returns
    -------
    str
        Ends with a line feed.
    """
    return json.dumps(json_schema(), ensure_ascii=False, indent=2) + "\n"
