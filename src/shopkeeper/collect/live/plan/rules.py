"""What a tracking plan consists of: events, their properties, and what happens otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from shopkeeper.core.columns import Privacy

FORMAT = 1
"""Version of the file format."""

Kind = Literal[
    "string", "integer", "number", "decimal", "boolean", "datetime", "array", "object", "any"
]
"""Types of a value; ``decimal`` is a number or its text (``"12.50"``), as tag managers send it."""
Severity = Literal["quarantine", "warn", "ignore"]
"""What a broken rule does: the event is kept out, only counted, or nothing."""
Unplanned = Literal["admit", "warn", "quarantine"]
"""What happens to what the plan does not name."""
Scalar = str | int | float | bool

KINDS: tuple[str, ...] = get_args(Kind)
SEVERITIES: tuple[str, ...] = get_args(Severity)
UNPLANNED: tuple[str, ...] = get_args(Unplanned)


@dataclass(frozen=True, slots=True)
class Property:
    """What is expected of one value.

    Parameters
    ----------
    types
        Types it may have; empty means any. Null and blank text count as absent.
    required
        Whether it must be there.
    required_with
        Names of sibling properties whose presence makes it required.
    aliases
        Other names the value may come under, held to the same rule.
    enum
        The only values allowed; empty means all.
    pattern
        Regular expression that a text must match as a whole; empty means any.
    minimum, maximum
        Bounds of a number.
    min_length, max_length
        Bounds of the length of a text or list.
    items
        What is expected of each element of a list.
    properties
        What is expected inside an object.
    privacy
        Privacy class of the value.
    severity
        What a violation does; None takes the event's.
    zh, en
        Description.
    """

    types: tuple[Kind, ...] = ()
    required: bool = False
    required_with: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    enum: tuple[Scalar, ...] = ()
    pattern: str = ""
    minimum: float | None = None
    maximum: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    items: Property | None = None
    properties: Mapping[str, Property] = field(default_factory=dict)
    privacy: Privacy = "none"
    severity: Severity | None = None
    zh: str = ""
    en: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """What is expected of one kind of event.

    Parameters
    ----------
    properties
        By name.
    unplanned
        What happens to properties not named here; None takes the plan's.
    severity
        What a violation does; None takes the plan's.
    owner
        Who answers for the event.
    zh, en
        Description.
    """

    properties: Mapping[str, Property] = field(default_factory=dict)
    unplanned: Unplanned | None = None
    severity: Severity | None = None
    owner: str = ""
    zh: str = ""
    en: str = ""


@dataclass(frozen=True, slots=True)
class Override:
    """What holds differently for one source; it wins over everything else.

    Parameters
    ----------
    severity
        What any violation from this source does; None leaves the rules as they are.
    unplanned_events, unplanned_properties
        What happens to what the plan does not name; None takes the plan's.
    events
        Rules by event: properties named here replace those of the plan, a severity here holds
        for the event.
    """

    severity: Severity | None = None
    unplanned_events: Unplanned | None = None
    unplanned_properties: Unplanned | None = None
    events: Mapping[str, Event] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Definition:
    """A whole tracking plan as data.

    Parameters
    ----------
    events
        By kind in the vocabulary, or by the name the client uses.
    context, traits
        Rules for the context of every event and for the traits of people, by name.
    unplanned_events, unplanned_properties
        What happens to what is not named.
    severity
        What a violation does unless a rule says otherwise.
    sources
        What holds differently, by source.
    zh, en
        Description.
    """

    events: Mapping[str, Event] = field(default_factory=dict)
    context: Mapping[str, Property] = field(default_factory=dict)
    traits: Mapping[str, Property] = field(default_factory=dict)
    unplanned_events: Unplanned = "admit"
    unplanned_properties: Unplanned = "admit"
    severity: Severity = "quarantine"
    sources: Mapping[str, Override] = field(default_factory=dict)
    zh: str = ""
    en: str = ""
