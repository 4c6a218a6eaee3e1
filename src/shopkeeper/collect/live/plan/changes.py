"""What a new tracking plan changes, step by step, and which steps may refuse what came before."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from shopkeeper.collect.live.plan.rules import Definition, Event, Property, Severity
from shopkeeper.collect.live.plan.writing import event_dict, override_dict, property_dict

Action = Literal["add", "remove", "change"]
_VERBS = {"add": ("新增", "added"), "remove": ("删除", "removed"), "change": ("修改", "changed")}
_FIELDS = {
    "min": "minimum",
    "max": "maximum",
    "min_length": "min_length",
    "max_length": "max_length",
}
_MOST = 120
"""Characters of a value that a step shows."""
_ORDER = ("ignore", "admit", "warn", "quarantine")


@dataclass(frozen=True, slots=True)
class Step:
    """One change of a plan.

    Parameters
    ----------
    action
        ``add``, ``remove`` or ``change``.
    path
        Where, such as ``events.purchase.properties.order_id.required``.
    before, after
        Values as in the file; None where there is none.
    stricter
        Whether events that were admitted before may be refused now.
    zh, en
        The step in words.
    """

    action: Action
    path: str
    before: Any
    after: Any
    stricter: bool
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class PlanChange:
    """Everything that a new plan changes.

    Parameters
    ----------
    steps
        In the order of the file.
    """

    steps: tuple[Step, ...]

    @property
    def empty(self) -> bool:
        """Whether nothing changes."""
        return not self.steps

    @property
    def stricter(self) -> bool:
        """Whether any step may refuse what was admitted."""
        return any(x.stricter for x in self.steps)


def diff(old: Definition, new: Definition) -> PlanChange:
    """Compare two plans.

    Parameters
    ----------
    old
        In force.
    new
        Proposed.

    Returns
    -------
    PlanChange
        Empty if both say the same.
    """
    return PlanChange(tuple(_plan(old, new)))


def _plan(old: Definition, new: Definition) -> Iterator[Step]:
    for name, before, after in (
        ("zh", old.zh, new.zh),
        ("en", old.en, new.en),
        ("severity", old.severity, new.severity),
        ("unplanned.events", old.unplanned_events, new.unplanned_events),
        ("unplanned.properties", old.unplanned_properties, new.unplanned_properties),
    ):
        if before != after:
            harder = name not in ("zh", "en") and _ORDER.index(after) > _ORDER.index(before)
            yield _step("change", name, before, after, harder)
    severities = (old.severity, new.severity)
    yield from _properties("common.context", old.context, new.context, *severities, closed=False)
    yield from _properties("common.traits", old.traits, new.traits, *severities, closed=False)
    for name in {**old.events, **new.events}:
        yield from _event(name, old, new)
    for name in {**old.sources, **new.sources}:
        had, has = old.sources.get(name), new.sources.get(name)
        if had != has:
            was, now = (None if x is None else override_dict(x) for x in (had, has))
            # Whether an override is stricter depends on everything it overrides: say it may be.
            yield _step(_action(had, has), f"sources.{name}", was, now, True)


def _event(name: str, old: Definition, new: Definition) -> Iterator[Step]:
    had, has = old.events.get(name), new.events.get(name)
    path = f"events.{name}"
    if had == has:
        return
    if had is None or has is None:
        present = has or had or Event()
        severity = present.severity or new.severity
        closed = (present.unplanned or new.unplanned_properties) == "quarantine"
        stricter = (
            closed or any(_can_refuse(x, severity) for x in present.properties.values())
            if has is not None
            else new.unplanned_events == "quarantine"
        )
        before, after = (None if x is None else event_dict(x) for x in (had, has))
        yield _step(_action(had, has), path, before, after, stricter)
        return
    for field in ("zh", "en", "owner", "severity", "unplanned"):
        before, after = getattr(had, field), getattr(has, field)
        if before != after:
            yield _step("change", f"{path}.{field}", before, after, _harder(field, before, after))
    closed = (has.unplanned or new.unplanned_properties) == "quarantine"
    yield from _properties(
        f"{path}.properties", had.properties, has.properties,
        had.severity or old.severity, has.severity or new.severity, closed=closed,
    )  # fmt: skip


def _properties(
    path: str,
    old: Mapping[str, Property],
    new: Mapping[str, Property],
    severity_before: Severity,
    severity: Severity,
    *,
    closed: bool,
) -> Iterator[Step]:
    for name in {**old, **new}:
        had, has = old.get(name), new.get(name)
        at = f"{path}.{name}"
        if had is None and has is not None:
            yield _step("add", at, None, property_dict(has), _can_refuse(has, severity))
        elif has is None and had is not None:
            yield _step("remove", at, property_dict(had), None, closed)
        elif had is not None and has is not None and had != has:
            yield from _property(at, had, has, severity_before, severity)


def _property(
    path: str, old: Property, new: Property, severity_before: Severity, severity: Severity
) -> Iterator[Step]:
    before, after = property_dict(old), property_dict(new)
    refuses = (new.severity or severity) == "quarantine"
    for key in {**before, **after}:
        was, now = before.get(key), after.get(key)
        if was == now or key in ("items", "properties"):
            continue
        if key == "severity":
            chosen = (old.severity or severity_before, new.severity or severity)
            stricter = _ORDER.index(chosen[1]) > _ORDER.index(chosen[0])
        else:
            stricter = refuses and _narrower(key, old, new)
        yield _step(_action(was, now), f"{path}.{key}", was, now, stricter)
    inner = (old.severity or severity_before, new.severity or severity)
    yield from _properties(
        f"{path}.properties", old.properties, new.properties, *inner, closed=False
    )
    if old.items is not None and new.items is not None:
        if old.items != new.items:
            yield from _property(f"{path}.items", old.items, new.items, *inner)
    elif old.items != new.items:
        yield _step(
            _action(old.items, new.items), f"{path}.items", before.get("items"), after.get("items"),
            new.items is not None and _can_refuse(new.items, inner[1]),
        )  # fmt: skip


def _narrower(key: str, old: Property, new: Property) -> bool:
    """Whether a facet admits less than before."""
    match key:
        case "type":
            return _types_narrower(old, new)
        case "required":
            return new.required
        case "required_with":
            return not new.required and not set(new.required_with) <= set(old.required_with)
        case "enum":
            kept, had = ({(type(x), x) for x in rule.enum} for rule in (new, old))
            return bool(kept) and (not had or not had <= kept)
        case "pattern":
            return bool(new.pattern)
        case "min" | "min_length":
            return _above(getattr(new, _FIELDS[key]), getattr(old, _FIELDS[key]), 1)
        case "max" | "max_length":
            return _above(getattr(new, _FIELDS[key]), getattr(old, _FIELDS[key]), -1)
    return key == "aliases"  # a value under the other name is judged anew


def _above(new: float | None, old: float | None, sign: int) -> bool:
    return new is not None and (old is None or sign * new > sign * old)


def _types_narrower(old: Property, new: Property) -> bool:
    if not new.types or "any" in new.types:
        return False
    if not old.types or "any" in old.types:
        return True
    wider = {"integer": {"number", "decimal"}, "number": {"decimal"}, "datetime": {"string"}}
    allowed = set(new.types)
    return any(x not in allowed and not wider.get(x, set()) & allowed for x in old.types)


def _can_refuse(rule: Property, severity: Severity) -> bool:
    """Whether a rule can keep any event out."""
    own = rule.severity or severity
    judges = (
        rule.required or rule.required_with or (rule.types and "any" not in rule.types)
        or rule.enum or rule.pattern or rule.minimum is not None or rule.maximum is not None
        or rule.min_length is not None or rule.max_length is not None
    )  # fmt: skip
    if own == "quarantine" and judges:
        return True
    inner = [*rule.properties.values(), *([rule.items] if rule.items else [])]
    return any(_can_refuse(x, own) for x in inner)


def _harder(field: str, before: str | None, after: str | None) -> bool:
    if field not in ("severity", "unplanned"):
        return False
    # None takes the plan's word, which may be harder than what stood here.
    return after is None or before is None or _ORDER.index(after) > _ORDER.index(before)


def _action(before: object, after: object) -> Action:
    if before is None:
        return "add"
    return "remove" if after is None else "change"


def _step(action: Action, path: str, before: Any, after: Any, stricter: bool) -> Step:
    zh, en = _VERBS[action]
    values = f": {_text(before)} → {_text(after)}" if action == "change" else (
        f": {_text(after if action == 'add' else before)}"
    )  # fmt: skip
    more_zh, more_en = ("（更严：可能拒绝以前放行的事件）", " (stricter)") if stricter else ("", "")
    return Step(
        action, path, before, after, stricter,
        f"{zh} {path}{values}{more_zh}", f"{en} {path}{values}{more_en}",
    )  # fmt: skip


def _text(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _MOST else text[: _MOST - 1] + "…"
