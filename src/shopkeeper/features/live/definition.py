"""What a live trait is: one frozen definition, from which state, value and timer follow."""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from shopkeeper.core.errors import ContractError

Measure = Literal[
    "last", "first", "ever", "count", "sum", "distinct", "none", "new", "open", "active", "session"
]
Operator = Literal["=", "!=", ">", ">=", "<", "<=", "in", "exists"]
Scalar = str | int | float | bool

MEASURES: Mapping[Measure, tuple[str, str]] = {
    "last": ("最近一次的值或时间", "value or moment of the latest"),
    "first": ("第一次的值或时间", "value or moment of the first"),
    "ever": ("是否发生过", "whether it ever happened"),
    "count": ("次数", "how often"),
    "sum": ("合计", "total"),
    "distinct": ("不同值的个数", "how many different ones"),
    "none": ("多久没有发生", "whether it has not happened for so long"),
    "new": ("首次发生在窗口内", "whether the first one lies in the window"),
    "open": ("发生后尚未了结", "whether it happened and was not settled since"),
    "active": ("窗口内是否发生", "whether it happened in the window"),
    "session": ("当前会话", "the current session"),
}
"""The measures for people, in Chinese and English."""
WINDOWED = frozenset({"distinct", "none", "new", "active", "session"})
"""Measures that need a window."""
SESSION_FIELDS = ("started_at", "events", "seconds")
"""What a trait of measure ``session`` tells."""
COLUMNS = (
    "name", "page", "query", "product_id", "category", "channel", "device", "campaign_id",
    "store_id", "session_id", "amount_minor", "currency", "source",
)  # fmt: skip
"""Fields of an event that a definition may read, besides ``properties.…``."""
MAX_WINDOW_S = 400 * 86_400
_ORDERINGS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")


@dataclass(frozen=True, slots=True)
class Condition:
    """One filter on a field of the event.

    Parameters
    ----------
    field
        One of :data:`COLUMNS` or ``properties.path``.
    op
        Comparison; ``exists`` asks only whether the field has a value.
    value
        What it is compared with; a tuple for ``in``.
    """

    field: str
    op: Operator = "="
    value: Scalar | tuple[Scalar, ...] = True


@dataclass(frozen=True, slots=True)
class LiveTrait:
    """A value about one customer that follows from its events and the time.

    Parameters
    ----------
    name
        Name of the trait.
    measure
        How events become a value; one of :data:`MEASURES`.
    unit
        What a number counts, ``timestamp``, ``truth``, or empty for words.
    zh, en
        Meaning in Chinese and English.
    kinds
        Kinds of event it looks at; empty means every kind.
    field
        What is kept, summed or told apart; None takes the moment (``last``, ``first``).
        For ``session`` one of :data:`SESSION_FIELDS`.
    window_s
        Length of the window in seconds, ``(now - window, now]`` in whole seconds; None
        is everything. For ``session`` the silence that ends one.
    where
        All of them must hold.
    until
        Kinds that settle it (``open``).
    owner
        Who answers for the definition.

    Raises
    ------
    ContractError
        If the parts do not fit together.

    Examples
    --------
    >>> LiveTrait(
    ...     "views_7d",
    ...     "count",
    ...     "events",
    ...     "近 7 天浏览",
    ...     "Views, 7 days",
    ...     kinds=("view_item",),
    ...     window_s=7 * 86_400,
    ... ).name
    'views_7d'
    """

    name: str
    measure: Measure
    unit: str
    zh: str
    en: str
    kinds: tuple[str, ...] = ()
    field: str | None = None
    window_s: int | None = None
    where: tuple[Condition, ...] = ()
    until: tuple[str, ...] = ()
    owner: str = "growth"

    @property
    def absent(self) -> int | bool | None:
        """Value of a customer of whom events are known, but none that it looks at."""
        if self.measure in ("count", "sum", "distinct"):
            return 0
        return False if self.measure in ("ever", "active", "open", "new") else None

    def __post_init__(self) -> None:
        """Refuse what cannot be computed, naming the part at fault."""
        wrong = _fault(self)
        if wrong:
            raise ContractError(
                f"live trait {self.name}: {wrong[0]}", next_step=wrong[1], trait=self.name
            )


def _fault(trait: LiveTrait) -> tuple[str, str] | None:
    windowless = trait.window_s is None
    checks = (
        (
            not _NAME.match(trait.name),
            "a name has small letters, digits and underscores, at most 63",
            "Rename it, for example views_7d",
        ),
        (
            trait.measure not in get_args(Measure),
            f"there is no measure {trait.measure!r}",
            f"Choose one of {', '.join(MEASURES)}",
        ),
        (not trait.zh or not trait.en, "its meaning is missing in zh or en", "State both"),
        (
            windowless and trait.measure in WINDOWED,
            f"measure {trait.measure} needs a window",
            "Add window, such as 7d or 30m",
        ),
        (
            not windowless and not 1 <= (trait.window_s or 0) <= MAX_WINDOW_S,
            f"a window has 1 second to {MAX_WINDOW_S // 86_400} days",
            "Correct window",
        ),
        (
            trait.measure in ("sum", "distinct") and trait.field is None,
            f"measure {trait.measure} needs a field",
            "Add field, such as amount_minor",
        ),
        (
            trait.measure == "session" and trait.field not in SESSION_FIELDS,
            "a session tells " + ", ".join(SESSION_FIELDS),
            "Set field to one of them",
        ),
        (
            (trait.measure == "open") != bool(trait.until),
            "until belongs to measure open, and open needs it",
            "Add or remove until",
        ),
    )
    found = next((x[1:] for x in checks if x[0]), None)
    return found or _field_fault(trait)


def _field_fault(trait: LiveTrait) -> tuple[str, str] | None:
    fields = [x.field for x in trait.where]
    if trait.field is not None and trait.measure != "session":
        fields.append(trait.field)
    for field in fields:
        if field not in COLUMNS and not field.startswith("properties."):
            return (
                f"an event has no field {field!r}",
                f"Use one of {', '.join(COLUMNS)} or properties.NAME",
            )
    for condition in trait.where:
        if condition.op not in get_args(Operator):
            return (
                f"there is no comparison {condition.op!r}",
                f"Choose one of {', '.join(get_args(Operator))}",
            )
    return None


def holds(condition: Condition, value: Any) -> bool:
    """Whether a value passes a filter; a missing or unlike value passes none but ``!=``.

    Parameters
    ----------
    condition
        The filter.
    value
        Value of its field; None if the event has none.

    Returns
    -------
    bool

    Examples
    --------
    >>> holds(Condition("category", "in", ("milk", "tea")), "tea")
    True
    >>> holds(Condition("properties.stars", "<=", 2), None)
    False
    """
    wanted, op = condition.value, condition.op
    if op == "exists":
        return (value is not None) == bool(wanted)
    if op == "in":
        return isinstance(wanted, tuple) and value in wanted
    if op in ("=", "!="):
        return bool(value == wanted) == (op == "=")
    if value is None or isinstance(value, bool) or isinstance(wanted, bool | tuple):
        return False
    if isinstance(value, str) != isinstance(wanted, str):
        return False
    return bool(_ORDERINGS[op](value, wanted))
