"""The tree of a rule; text and YAML are two spellings of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field as extra
from datetime import date
from typing import Literal

from shopkeeper.core.errors import RuleError

Value = str | int | float | bool | date
Operator = Literal["=", "!=", "<", "<=", ">", ">="]
Occurrence = Literal["bought", "did", "contacted"]

FILTERS: dict[Occurrence, tuple[str, ...]] = {
    "bought": ("category", "subcategory", "brand", "product_id", "channel", "store_id"),
    "did": ("kind", "category", "product_id", "channel", "device", "page"),
    "contacted": ("channel", "campaign_id", "offer_id", "status"),
}
"""What an occurrence may be narrowed by."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a piece stands in the text: line and column from 1, offset from 0."""

    line: int
    column: int
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Compare:
    """``field op value``; unknown when the field is empty."""

    field: str
    op: Operator
    value: Value
    place: Place | None = extra(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Among:
    """``field in (…)``; unknown when the field is empty."""

    field: str
    values: tuple[Value, ...]
    place: Place | None = extra(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Between:
    """``field between low and high``, both ends included; unknown when the field is empty."""

    field: str
    low: Value
    high: Value
    place: Place | None = extra(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Contains:
    """``field contains 'text'``, exact letters; unknown when the field is empty."""

    field: str
    text: str
    place: Place | None = extra(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Missing:
    """``field is missing``; always true or false."""

    field: str
    place: Place | None = extra(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Happened:
    """Something bought, done or received, so often, in the days before ``as_of``.

    Parameters
    ----------
    what
        ``bought`` counts orders, ``did`` events, ``contacted`` contacts.
    filters
        Pairs of column and wanted value, in alphabetical order.
    within_days
        Length of the half-open window that ends at ``as_of``; None is all history.
    at_least
        Smallest number of times, from 1.
    place
        Where it stands in the text.
    """

    what: Occurrence
    filters: tuple[tuple[str, str], ...] = ()
    within_days: int | None = None
    at_least: int = 1
    place: Place | None = extra(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Not:
    """True where the part is false; unknown stays unknown."""

    part: Rule


@dataclass(frozen=True, slots=True)
class All:
    """True where every part is; without parts it is everyone."""

    parts: tuple[Rule, ...] = ()

    def __post_init__(self) -> None:
        if len(self.parts) == 1:
            raise RuleError(
                "a conjunction of one condition is that condition",
                next_step="Give none (everyone) or at least two",
            )


@dataclass(frozen=True, slots=True)
class Any:
    """True where at least one part is."""

    parts: tuple[Rule, ...]

    def __post_init__(self) -> None:
        if len(self.parts) < 2:
            raise RuleError(
                "an alternative needs at least two conditions",
                next_step="Use the single condition itself",
            )


Leaf = Compare | Among | Between | Contains | Missing | Happened
Rule = Leaf | Not | All | Any
EVERYONE = All(())


def leaves(rule: Rule) -> Iterator[Leaf]:
    """Conditions of a rule, in reading order.

    Parameters
    ----------
    rule
        Any rule.

    Yields
    ------
    Leaf
        Repeated conditions are repeated.
    """
    match rule:
        case Not(part):
            yield from leaves(part)
        case All(parts) | Any(parts):
            for part in parts:
                yield from leaves(part)
        case _:
            yield rule


def fields_of(rule: Rule) -> tuple[str, ...]:
    """Names of the fields a rule reads, each once, in reading order.

    Parameters
    ----------
    rule
        Any rule.

    Returns
    -------
    tuple of str
        Occurrences read tables, not fields, and are left out.
    """
    return tuple(dict.fromkeys(x.field for x in leaves(rule) if not isinstance(x, Happened)))
