"""A definition turned into closures: what the stream worker runs on every event.

Only a broken rule costs more than a lookup and a comparison; paths and sentences are made then.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from shopkeeper.collect.live.envelope import Violation
from shopkeeper.collect.live.plan.rules import Property, Severity
from shopkeeper.collect.live.plan.values import DECIMAL, Trail, absent, is_moment, path
from shopkeeper.collect.live.plan.words import KIND_WORDS, violation

MAX_VIOLATIONS = 20
"""Violations told of one event; judging stops there."""
MAX_MATCHED = 2_000
"""Longest text that a pattern is tried on; a longer one does not match."""

Out: TypeAlias = tuple[list[Violation], list[Violation]]
"""Violations that keep the event out, and those that only count."""
Test: TypeAlias = Callable[[Any, Trail, Out], None]
Object: TypeAlias = Callable[[Mapping[str, Any], Trail, Out], None]
_Inner: TypeAlias = Callable[[Any, Trail, str, Out], None]
_Member: TypeAlias = tuple[frozenset[type], _Inner | None]
"""Classes of values that are right at once, and the test of others."""
_Demand: TypeAlias = tuple[str, tuple[str, ...], tuple[tuple[str, tuple[str, ...]], ...], int]
"""Name, aliases, siblings that require it (none: always required), place of the violation."""

_PLACE = {"quarantine": 0, "warn": 1}
_CLASSES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "decimal": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


def object_test(
    rules: Mapping[str, Property], severity: Severity, unplanned: Severity = "ignore"
) -> Object | None:
    """Test of an object's members.

    Parameters
    ----------
    rules
        Expectations by name; a member that comes under an alias is held to the same.
    severity
        What a violation does where a rule does not say.
    unplanned
        What a member without rule does.

    Returns
    -------
    Callable or None
        None if nothing is expected.
    """
    names = {name: (name, *rule.aliases) for name, rule in rules.items()}
    members: dict[str, _Member] = {}
    demands: list[_Demand] = []
    for name, rule in rules.items():
        chosen = rule.severity or severity
        member = _member(rule, chosen)
        members.update(dict.fromkeys(names[name], member))
        if chosen != "ignore" and (rule.required or rule.required_with):
            siblings = tuple((x, names.get(x, (x,))) for x in rule.required_with)
            demands.append((name, rule.aliases, () if rule.required else siblings, _PLACE[chosen]))
    place = _PLACE.get(unplanned, -1)
    if not demands and place < 0 and all(test is None for _, test in members.values()):
        return None

    def test(value: Mapping[str, Any], trail: Trail, out: Out) -> None:
        for name, found in value.items():
            member = members.get(name)
            if member is None:
                if place >= 0 and len(out[place]) < MAX_VIOLATIONS:
                    out[place].append(violation("plan_unplanned_property", path((trail, name)), ""))
                continue
            free, inner = member
            if inner is not None and found.__class__ not in free and not absent(found):
                inner(found, trail, name, out)
        for name, aliases, siblings, at in demands:
            found = value.get(name)
            if found is None or found.__class__ is str:
                _demanded(value, name, aliases, siblings, trail, out[at])

    return test


def _demanded(
    value: Mapping[str, Any],
    name: str,
    aliases: tuple[str, ...],
    siblings: tuple[tuple[str, tuple[str, ...]], ...],
    trail: Trail,
    out: list[Violation],
) -> None:
    """Note a required member that is absent under all of its names."""
    if not absent(value.get(name)):
        return
    for alias in aliases:
        if not absent(value.get(alias)):
            return
    if not siblings:
        out.append(violation("plan_missing", path((trail, name)), ""))
    for sibling, every in siblings:
        if any(not absent(value.get(x)) for x in every):
            out.append(violation("plan_missing_with", path((trail, name)), sibling))
            return


def _member(rule: Property, severity: Severity) -> _Member:
    """Classes of values that need no further look, and the test of all others.

    The tests here only decide that a value is right, in one step; whatever is not goes through
    :func:`value_test`, which finds out what is wrong.
    """
    full = None if severity == "ignore" else value_test(rule, severity)
    if full is None:
        return frozenset(), None

    def slow(value: Any, trail: Trail, name: str, out: Out) -> None:
        full(value, (trail, name), out)

    classes = frozenset(c for kind in rule.types for c in _CLASSES.get(kind, ()))
    bounded = rule.minimum is not None or rule.maximum is not None
    measured = rule.min_length is not None or rule.max_length is not None or bool(rule.pattern)
    if rule.enum or rule.items is not None or rule.properties or (bounded and measured):
        return frozenset(), slow
    if bounded:
        return frozenset(), _quick_number(rule, classes, slow)
    if measured:
        quick = _quick_text(rule, slow) if str in classes else slow
        return classes & {int, float, bool}, quick  # what has no length and matches no pattern
    return classes, slow


def _quick_number(rule: Property, classes: frozenset[type], slow: _Inner) -> _Inner:
    low: float = float("-inf") if rule.minimum is None else rule.minimum
    high: float = float("inf") if rule.maximum is None else rule.maximum
    plain, decimal = classes & {int, float}, "decimal" in rule.types

    def test(value: Any, trail: Trail, name: str, out: Out) -> None:
        kind: Any = value.__class__
        if kind in plain:
            if low <= value <= high:
                return
        elif decimal and kind is str and DECIMAL.match(value) and low <= float(value) <= high:
            return
        slow(value, trail, name, out)

    return test


def _quick_text(rule: Property, slow: _Inner) -> _Inner:
    low = rule.min_length or 0
    high = MAX_MATCHED if rule.max_length is None else rule.max_length
    match = re.compile(rule.pattern).fullmatch if rule.pattern else None
    high = min(high, MAX_MATCHED) if match else high

    def test(value: Any, trail: Trail, name: str, out: Out) -> None:
        if (
            value.__class__ is not str
            or not low <= len(value) <= high
            or (match is not None and match(value) is None)
        ):
            slow(value, trail, name, out)

    return test


def value_test(rule: Property, severity: Severity) -> Test | None:
    """Test of one value that is present.

    Parameters
    ----------
    rule
        What is expected.
    severity
        What a violation does; not ``ignore``.

    Returns
    -------
    Callable or None
        None if anything goes.
    """
    further = _further(rule, severity)
    if not rule.types or "any" in rule.types:
        return _all(further)
    classes = frozenset(c for kind in rule.types for c in _CLASSES.get(kind, ()))
    others = _by_content(rule.types)
    expected = tuple(
        joint.join(KIND_WORDS[kind][i] for kind in rule.types)
        for i, joint in enumerate(("或", " or "))
    )
    place, private = _PLACE[severity], rule.privacy != "none"
    then = _all(further)

    def test(value: Any, trail: Trail, out: Out) -> None:
        if value.__class__ not in classes and not (others is not None and others(value)):
            quoted = "***" if private and not isinstance(value, dict | list) else value
            out[place].append(
                violation("plan_type", path(trail), quoted, (expected[0], expected[1]))
            )
            return
        if then is not None:
            then(value, trail, out)

    return test


def _by_content(types: tuple[str, ...]) -> Callable[[Any], bool] | None:
    """Test of values whose class alone does not decide."""
    wanted = {"integer", "decimal", "datetime"} & set(types)
    if not wanted:
        return None

    def test(value: Any) -> bool:
        if value.__class__ is float:
            return "integer" in wanted and value.is_integer()
        if value.__class__ is not str:
            return False
        return ("decimal" in wanted and DECIMAL.match(value) is not None) or (
            "datetime" in wanted and is_moment(value)
        )

    return test


def _all(tests: list[Test]) -> Test | None:
    if len(tests) < 2:
        return tests[0] if tests else None

    def test(value: Any, trail: Trail, out: Out) -> None:
        for one in tests:
            one(value, trail, out)

    return test


def _further(rule: Property, severity: Severity) -> list[Test]:
    """Tests beyond the type; each leaves values of other types alone."""
    found: list[Test] = []
    place, private = _PLACE[severity], rule.privacy != "none"
    if rule.enum:
        found.append(_enum_test(rule, place, private=private))
    if rule.pattern:
        found.append(_pattern_test(rule, place, private=private))
    if rule.minimum is not None or rule.maximum is not None:
        found.append(_range_test(rule, place, private=private))
    if rule.min_length is not None or rule.max_length is not None:
        found.append(_length_test(rule, place))
    if rule.items is not None and rule.items.severity != "ignore":
        chosen = rule.items.severity or severity
        items = value_test(rule.items, chosen)
        if items is not None:
            found.append(_items_test(items, _plain_object(rule.items, chosen)))
    inner = object_test(rule.properties, severity)
    if inner is not None:
        found.append(_members_test(inner))
    return found


def _enum_test(rule: Property, place: int, *, private: bool) -> Test:
    plain = frozenset(x for x in rule.enum if not isinstance(x, bool))
    bools = frozenset(x for x in rule.enum if isinstance(x, bool))
    text = ", ".join(str(x) for x in rule.enum[:10]) + (" …" if len(rule.enum) > 10 else "")

    def test(value: Any, trail: Trail, out: Out) -> None:
        kind = value.__class__
        if kind is dict or kind is list or value not in (bools if kind is bool else plain):
            quoted = "***" if private else value
            out[place].append(violation("plan_enum", path(trail), quoted, (text, text)))

    return test


def _pattern_test(rule: Property, place: int, *, private: bool) -> Test:
    match = re.compile(rule.pattern).fullmatch

    def test(value: Any, trail: Trail, out: Out) -> None:
        if value.__class__ is str and (len(value) > MAX_MATCHED or match(value) is None):
            quoted = "***" if private else value
            expected = (rule.pattern, rule.pattern)
            out[place].append(violation("plan_pattern", path(trail), quoted, expected))

    return test


def _range_test(rule: Property, place: int, *, private: bool) -> Test:
    low = float("-inf") if rule.minimum is None else rule.minimum
    high = float("inf") if rule.maximum is None else rule.maximum
    expected = _between(rule.minimum, rule.maximum)
    texts = "decimal" in rule.types

    def test(value: Any, trail: Trail, out: Out) -> None:
        number = value
        kind = value.__class__
        if kind is str and texts and DECIMAL.match(value):
            number = float(value)
        elif kind is not int and kind is not float:
            return
        if not low <= number <= high:
            quoted = "***" if private else value
            out[place].append(violation("plan_range", path(trail), quoted, expected))

    return test


def _length_test(rule: Property, place: int) -> Test:
    low, high = rule.min_length or 0, rule.max_length
    expected = _between(rule.min_length, rule.max_length)

    def test(value: Any, trail: Trail, out: Out) -> None:
        if value.__class__ is str or value.__class__ is list:
            length = len(value)
            if length < low or (high is not None and length > high):
                out[place].append(violation("plan_length", path(trail), length, expected))

    return test


def _plain_object(rule: Property, severity: Severity) -> Object | None:
    """Test of an element of which only the members matter once it is an object."""
    if rule.types != ("object",) or rule.enum:
        return None
    return object_test(rule.properties, severity)


def _items_test(inner: Test, members: Object | None) -> Test:
    def test(value: Any, trail: Trail, out: Out) -> None:
        if value.__class__ is not list:
            return
        refused, warned = out
        for position, item in enumerate(value):
            if members is not None and item.__class__ is dict:
                members(item, (trail, position), out)
            else:
                inner(item, (trail, position), out)
            if len(refused) >= MAX_VIOLATIONS or len(warned) >= MAX_VIOLATIONS:
                return

    return test


def _members_test(inner: Object) -> Test:
    def test(value: Any, trail: Trail, out: Out) -> None:
        if value.__class__ is dict:
            inner(value, trail, out)

    return test


def _between(low: float | None, high: float | None) -> tuple[str, str]:
    if low is None:
        return (f"不超过 {high}", f"at most {high}")
    if high is None:
        return (f"不小于 {low}", f"at least {low}")
    return (f"在 {low} 到 {high} 之间", f"between {low} and {high}")
