"""From a plan's definition to data, YAML and digest; defaults are left out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import yaml

from shopkeeper.collect.live.plan.rules import FORMAT, Definition, Event, Override, Property


def to_dict(plan: Definition) -> dict[str, Any]:
    """Plan as it stands in a file.

    Parameters
    ----------
    plan
        The definition.

    Returns
    -------
    dict
        JSON data that :func:`~shopkeeper.collect.live.plan.reading.definition` reads back.
    """
    return {"version": FORMAT} | _filled({
        "zh": plan.zh,
        "en": plan.en,
        "severity": "" if plan.severity == "quarantine" else plan.severity,
        "unplanned": _filled({
            "events": "" if plan.unplanned_events == "admit" else plan.unplanned_events,
            "properties": "" if plan.unplanned_properties == "admit" else plan.unplanned_properties,
        }),
        "common": _filled({
            "context": _properties(plan.context), "traits": _properties(plan.traits)
        }),
        "events": {name: event_dict(x) for name, x in plan.events.items()},
        "sources": {name: override_dict(x) for name, x in plan.sources.items()},
    })  # fmt: skip


def to_yaml(plan: Definition) -> str:
    """Canonical YAML of a plan.

    Parameters
    ----------
    plan
        The definition.

    Returns
    -------
    str
        Ends with a line feed; reading it gives an equal definition.
    """
    return yaml.dump(to_dict(plan), Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=100)


class _Dumper(yaml.SafeDumper):
    """Writes text with invisible characters in escapes; plain style loses some line ends."""

    def represent_text(self, text: str) -> yaml.ScalarNode:
        style = None if text.isprintable() else '"'
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        return True


_Dumper.add_representer(str, _Dumper.represent_text)


def digest(plan: Definition) -> str:
    """Fingerprint of what a plan says, whatever the order in which it says it.

    Parameters
    ----------
    plan
        The definition.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    text = json.dumps(to_dict(plan), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def property_dict(rule: Property) -> dict[str, Any]:
    """One property as it stands in a file.

    Parameters
    ----------
    rule
        The property.

    Returns
    -------
    dict
    """
    return _filled({
        "type": _one_or_many(rule.types),
        "required": rule.required or None,
        "required_with": _one_or_many(rule.required_with),
        "aliases": list(rule.aliases),
        "enum": list(rule.enum),
        "pattern": rule.pattern,
        "min": rule.minimum,
        "max": rule.maximum,
        "min_length": rule.min_length,
        "max_length": rule.max_length,
        "items": None if rule.items is None else property_dict(rule.items),
        "properties": _properties(rule.properties),
        "privacy": "" if rule.privacy == "none" else rule.privacy,
        "severity": rule.severity,
        "zh": rule.zh,
        "en": rule.en,
    }, keep=("items",))  # fmt: skip


def event_dict(event: Event) -> dict[str, Any]:
    """One event as it stands in a file.

    Parameters
    ----------
    event
        The event.

    Returns
    -------
    dict
    """
    return _filled({
        "zh": event.zh,
        "en": event.en,
        "owner": event.owner,
        "severity": event.severity,
        "unplanned": event.unplanned,
        "properties": _properties(event.properties),
    })  # fmt: skip


def override_dict(source: Override) -> dict[str, Any]:
    """What holds for one source as it stands in a file.

    Parameters
    ----------
    source
        The override.

    Returns
    -------
    dict
    """
    return _filled({
        "severity": source.severity,
        "unplanned": _filled({
            "events": source.unplanned_events, "properties": source.unplanned_properties
        }),
        "events": {name: event_dict(x) for name, x in source.events.items()},
    })  # fmt: skip


def _properties(rules: Mapping[str, Property]) -> dict[str, Any]:
    return {name: property_dict(rule) for name, rule in rules.items()}


def _one_or_many(values: tuple[str, ...]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)


def _filled(fields: dict[str, Any], keep: tuple[str, ...] = ()) -> dict[str, Any]:
    """Without what says nothing; a number 0 says something."""
    return {
        name: value
        for name, value in fields.items()
        if value is not None and (name in keep or value not in ("", [], {}))
    }
