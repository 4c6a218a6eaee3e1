"""A plan inferred from what arrived, to be looked at before it is saved.

It admits every event it was made from: a rule is only written where no event speaks against it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shopkeeper.collect.live.envelope import Arrived
from shopkeeper.collect.live.plan.reading import MAX_EVENTS, MAX_PROPERTIES
from shopkeeper.collect.live.plan.rules import Definition, Event, Kind, Property
from shopkeeper.collect.live.plan.values import DECIMAL, absent, is_moment

ENOUGH = 20
"""Observations from which "always" and "only these values" are believed."""
FEW = 10
"""Different values that may become an enum, each seen twice at least on average."""
LONGEST = 40
"""Longest text that may be a value of an enum."""
DEPTH = 4
"""Levels of objects and lists that are described."""
_NAMES: dict[type, Kind] = {
    bool: "boolean", int: "integer", float: "number", list: "array", dict: "object",
}  # fmt: skip


@dataclass(slots=True)
class _Seen:
    """What was seen of the values at one place."""

    count: int = 0
    kinds: set[Kind] = field(default_factory=set)
    values: Counter[str] | None = field(default_factory=Counter)
    members: _Members | None = None
    items: _Seen | None = None

    def add(self, value: Any, depth: int) -> None:
        self.count += 1
        if isinstance(value, str):
            self.kinds.add(
                "decimal" if DECIMAL.match(value) else "datetime" if is_moment(value) else "string"
            )
            if self.values is not None:
                self.values[value] += 1
                if len(self.values) > FEW or len(value) > LONGEST:
                    self.values = None
            return
        self.kinds.add(_NAMES[value.__class__])
        if isinstance(value, dict) and depth < DEPTH:
            self.members = self.members or _Members()
            self.members.add(value, depth + 1)
        elif isinstance(value, list) and depth < DEPTH:
            self.items = self.items or _Seen()
            for item in value:
                if item is None:
                    self.items.kinds.add("any")  # a hole in a list has no type
                    self.items.values = None
                else:
                    self.items.add(item, depth + 1)

    def rule(self, *, required: bool, enough: int) -> Property:
        types = self._types()
        only = self.values if types == ("string",) else None
        enum = only is not None and self.count >= max(enough, 2 * len(only)) and not any(
            absent(x) for x in only
        )  # fmt: skip
        objects = self.members is not None and "any" not in types
        lists = self.items is not None and self.items.kinds and "any" not in types
        return Property(
            types=types,
            required=required,
            enum=tuple(sorted(only)) if enum and only else (),
            properties=self.members.rules(enough) if objects and self.members else {},
            items=self.items.rule(required=False, enough=enough) if lists and self.items else None,
        )

    def _types(self) -> tuple[Kind, ...]:
        kinds = set(self.kinds)
        if "any" in kinds:
            return ("any",)
        numbers = kinds & {"integer", "number"}
        texts = kinds & {"string", "datetime", "decimal"}
        if len(texts) > 1 or (texts == {"decimal"} and not numbers):
            # Digits alone are as likely an article code as an amount.
            kinds = (kinds - texts) | {"string"}
        if "decimal" in kinds:
            kinds -= numbers
        elif "number" in kinds:
            kinds -= {"integer"}
        return tuple(sorted(kinds))


@dataclass(slots=True)
class _Members:
    """What was seen of the members of objects at one place."""

    count: int = 0
    by_name: dict[str, _Seen] = field(default_factory=dict)

    def add(self, value: Mapping[str, Any], depth: int) -> None:
        self.count += 1
        for name, inner in value.items():
            if not absent(inner) and _nameable(name):
                self.by_name.setdefault(name, _Seen()).add(inner, depth)

    def rules(self, enough: int) -> dict[str, Property]:
        often = sorted(self.by_name.items(), key=lambda x: (-x[1].count, x[0]))[:MAX_PROPERTIES]
        return {
            name: seen.rule(
                required=seen.count == self.count and self.count >= enough, enough=enough
            )
            for name, seen in often
        }


def guess(
    events: Iterable[Arrived],
    *,
    enough: int = ENOUGH,
    words: Mapping[str, Event] | None = None,
) -> Definition:
    """Infer a plan from events.

    Parameters
    ----------
    events
        Observed ones; one pass is made.
    enough
        Observations from which a property that was always there is required, and a text that
        took few values is limited to them.
    words
        Descriptions to take over, by event.

    Returns
    -------
    Definition
        Tracked events with the types of their properties, the most frequent first; traits of
        people without demands. Admits every event of ``events``.
    """
    kinds: Counter[str] = Counter()
    members: dict[str, _Members] = {}
    traits = _Members()
    for event in events:
        if event.traits:
            traits.add(event.traits, 1)
        if not _nameable(event.kind):
            continue
        members.setdefault(event.kind, _Members()).add(event.properties, 1)
        if event.type == "track":
            kinds[event.kind] += 1
    known = words or {}
    return Definition(
        events={
            kind: Event(
                properties=members[kind].rules(enough),
                zh=known[kind].zh if kind in known else "",
                en=known[kind].en if kind in known else "",
            )
            for kind, _ in kinds.most_common(MAX_EVENTS)
        },
        # What is known of people grows with time: nothing of it is demanded.
        traits={name: Property(types=rule.types) for name, rule in traits.rules(1 << 62).items()},
    )


def _nameable(name: str) -> bool:
    return 0 < len(name) <= 200 and not name.isspace() and name.isprintable()
