"""The tracking plan: which events a shop expects, and whether one that arrived is as expected."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.resources import files
from typing import Any, Self

from shopkeeper.collect.live.envelope import Arrived, Violation
from shopkeeper.collect.live.plan import changes, guessing, reading, writing
from shopkeeper.collect.live.plan.changes import PlanChange
from shopkeeper.collect.live.plan.checking import MAX_VIOLATIONS, Object, Out, object_test
from shopkeeper.collect.live.plan.guessing import ENOUGH
from shopkeeper.collect.live.plan.located import locate, read
from shopkeeper.collect.live.plan.rules import (
    Definition,
    Event,
    Override,
    Property,
    Severity,
    Unplanned,
)
from shopkeeper.collect.live.plan.words import violation

_SEVERITY: dict[Unplanned, Severity] = {
    "admit": "ignore",
    "warn": "warn",
    "quarantine": "quarantine",
}


@dataclass(frozen=True, slots=True)
class _Compiled:
    """Tests of one source: by event, of what is unplanned, of context and traits."""

    events: Mapping[str, Object | None]
    unplanned: Severity
    context: Object | None
    traits: Object | None


@dataclass(frozen=True)
class TrackingPlan:
    r"""A tracking plan that can judge events.

    Parameters
    ----------
    definition
        What it says.

    Examples
    --------
    >>> plan = TrackingPlan.from_yaml(
    ...     "version: 1\nevents: {purchase: {properties: {order_id: {required: true}}}}"
    ... )
    >>> event = Arrived(
    ...     event_id="m1",
    ...     type="track",
    ...     kind="purchase",
    ...     name="Order Completed",
    ...     occurred_us=0,
    ...     received_us=0,
    ...     source="web",
    ... )
    >>> [x.field for x in plan.check(event)]
    ['properties.order_id']
    """

    definition: Definition

    @classmethod
    def from_yaml(cls, text: str) -> Self:
        """Read a plan file.

        Parameters
        ----------
        text
            Its content.

        Returns
        -------
        TrackingPlan

        Raises
        ------
        InputError
            If it cannot be used; names path and line of every fault.
        """
        return cls(reading.definition(read(text)))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read a plan from JSON data, such as the stored one.

        Parameters
        ----------
        data
            From :meth:`to_dict`.

        Returns
        -------
        TrackingPlan

        Raises
        ------
        InputError
            If it cannot be used.
        """
        return cls(reading.definition(locate(data)))

    @classmethod
    def standard(cls) -> Self:
        """The plan shipped for shops: commerce events, lenient but for what breaks figures.

        Returns
        -------
        TrackingPlan
        """
        return cls.from_yaml(standard_text())

    def to_dict(self) -> dict[str, Any]:
        """The plan as JSON data.

        Returns
        -------
        dict
        """
        return writing.to_dict(self.definition)

    def to_yaml(self) -> str:
        """The plan as its canonical file.

        Returns
        -------
        str
        """
        return writing.to_yaml(self.definition)

    @classmethod
    def guess(cls, events: Iterable[Arrived], *, enough: int = ENOUGH) -> Self:
        """Infer a plan that admits the events it is made from.

        Parameters
        ----------
        events
            Observed events.
        enough
            Observations from which "always" is believed.

        Returns
        -------
        TrackingPlan
            To be looked at before it is saved.
        """
        words = cls.standard().definition.events
        return cls(guessing.guess(events, enough=enough, words=words))

    def diff(self, new: TrackingPlan) -> PlanChange:
        """What another plan would change.

        Parameters
        ----------
        new
            The plan to come.

        Returns
        -------
        PlanChange
        """
        return changes.diff(self.definition, new.definition)

    @cached_property
    def digest(self) -> str:
        """Fingerprint of what the plan says; the order of names does not matter."""
        return writing.digest(self.definition)

    def check(
        self, event: Arrived, warned: Callable[[Violation], object] | None = None
    ) -> tuple[Violation, ...]:
        """Why an event is to be kept out.

        Parameters
        ----------
        event
            As it arrived.
        warned
            Told of every violation that only counts.

        Returns
        -------
        tuple of Violation
            Empty if the event is admitted; at most :data:`MAX_VIOLATIONS`.
        """
        compiled = self._by_source.get(event.source) or self._anywhere
        out: Out = ([], [])
        if event.kind in compiled.events:
            test = compiled.events[event.kind]
        elif event.type == "track" and event.name in compiled.events:
            test = compiled.events[event.name]
        else:
            # Nothing is planned for the properties of an unplanned event: none is a surprise.
            test = None
            if compiled.unplanned != "ignore" and event.type == "track":
                out[compiled.unplanned == "warn"].append(
                    violation("plan_unplanned_event", "event", event.name or event.kind)
                )
        if test is not None:
            test(event.properties, ("properties",), out)
        if compiled.context is not None:
            compiled.context(event.context, ("context",), out)
        if compiled.traits is not None and (event.traits or event.type == "identify"):
            compiled.traits(event.traits, ("traits",), out)
        refused, warnings = out
        if warnings and warned is not None:
            for one in warnings[:MAX_VIOLATIONS]:
                warned(one)
        return tuple(refused[:MAX_VIOLATIONS]) if refused else ()

    @cached_property
    def _anywhere(self) -> _Compiled:
        return _compile(self.definition, Override())

    @cached_property
    def _by_source(self) -> dict[str, _Compiled]:
        return {x: _compile(self.definition, y) for x, y in self.definition.sources.items()}


def _compile(plan: Definition, source: Override) -> _Compiled:
    """Rules as they hold for one source; the source's own severity wins over every rule's."""
    events: dict[str, Object | None] = {}
    for name in {**plan.events, **source.events}:
        planned, own = plan.events.get(name, Event()), source.events.get(name, Event())
        wins = own.severity or source.severity
        rules = {**planned.properties, **own.properties}
        strict = _SEVERITY[
            own.unplanned
            or source.unplanned_properties
            or planned.unplanned
            or plan.unplanned_properties
        ]
        events[name] = object_test(
            _all_with(rules, wins), wins or planned.severity or plan.severity, _softer(strict, wins)
        )
    wins = source.severity
    return _Compiled(
        events=events,
        unplanned=_softer(_SEVERITY[source.unplanned_events or plan.unplanned_events], wins),
        context=object_test(_all_with(plan.context, wins), wins or plan.severity),
        traits=object_test(_all_with(plan.traits, wins), wins or plan.severity),
    )


def _all_with(rules: Mapping[str, Property], severity: Severity | None) -> Mapping[str, Property]:
    if severity is None:
        return rules
    return {name: _with(rule, severity) for name, rule in rules.items()}


def _with(rule: Property, severity: Severity) -> Property:
    return replace(
        rule,
        severity=severity,
        properties=_all_with(rule.properties, severity),
        items=None if rule.items is None else _with(rule.items, severity),
    )


def _softer(one: Severity, other: Severity | None) -> Severity:
    order: tuple[Severity, ...] = ("ignore", "warn", "quarantine")
    return one if other is None else min(one, other, key=order.index)


def standard_text() -> str:
    """File of the plan shipped with the package, with its comments.

    Returns
    -------
    str
    """
    return (
        files("shopkeeper.collect.live.plan").joinpath("standard.yaml").read_text(encoding="utf-8")
    )
