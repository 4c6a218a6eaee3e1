"""Live traits of one customer: (state, events, now) → (state, values, when time changes them).

Pure and independent of the order in which events arrive. An event whose time has not come
waits; everything else is folded into bounded series (:mod:`shopkeeper.features.live.series`)
that traits over the same events share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from shopkeeper.features.live import series as s
from shopkeeper.features.live.compiled import TraitSet
from shopkeeper.features.live.definition import holds

NEVER = 1 << 62
WAITING = 64
"""Events kept whose time has not come; of more, those that come first."""


class Fact(msgspec.Struct, array_like=True):
    """What the traits need of one event.

    Parameters
    ----------
    ts_us
        When it happened, microseconds UTC.
    kind
        What happened.
    source
        Where it was seen.
    values
        Fields that definitions read (:attr:`TraitSet.fields`); absent ones are None.
    """

    ts_us: int
    kind: str
    source: str
    values: dict[str, Any]


class State(msgspec.Struct, omit_defaults=True):
    """What is remembered of one customer.

    Parameters
    ----------
    digest
        Of the definitions that the values belong to.
    due_us
        When time alone changes a value next, at the earliest.
    series
        By key.
    waiting
        Events whose time has not come.
    values
        ``[value, moment of the fact in microseconds, source]`` by trait.
    """

    digest: str = ""
    due_us: int = NEVER
    series: dict[str, Any] = {}
    waiting: list[Fact] = []
    values: dict[str, list[Any]] = {}


def advance(
    traits: TraitSet, state: State, facts: Iterable[Fact], now_us: int
) -> tuple[State, dict[str, Any], int]:
    """Fold events and the time into a customer's state.

    Parameters
    ----------
    traits
        Compiled definitions.
    state
        As it stood; changed in place and returned. ``State()`` for a new customer.
    facts
        New events in any order, late ones too; each once.
    now_us
        The moment at which the values hold; not before the one of the last call.

    Returns
    -------
    State
    dict
        What the traits were whose value is another now; None if they had none. The new
        ones are in ``state.values``; a value of None there means that there is none now.
    int
        When time alone changes a value next, at the earliest; ``NEVER`` if it does not.
    """
    now_s = now_us // s.PER_SECOND
    dirty: set[int] = set()
    if state.digest != traits.digest:
        # A new customer has nothing to be brought along.
        if state.digest or state.series:
            state.due_us = -1
        _adopt(traits, state)
    ready = list(facts)
    if state.waiting and state.waiting[0].ts_us // s.PER_SECOND <= now_s:
        ready += state.waiting
        state.waiting = []
    for fact in ready:
        if fact.ts_us // s.PER_SECOND > now_s:
            _wait(state, fact)
        else:
            _fold(traits, state.series, fact, now_s, dirty)
    # When its moment has come, time may have changed any value.
    whole = state.due_us <= now_us
    changed, due_s = _read_values(
        traits, state, range(len(traits.readers)) if whole else dirty, now_s
    )
    if not whole:
        due_s = min(due_s, state.due_us // s.PER_SECOND)
    if state.waiting:
        due_s = min(due_s, state.waiting[0].ts_us // s.PER_SECOND)
    state.due_us = due_s * s.PER_SECOND if due_s < NEVER // s.PER_SECOND else NEVER
    return state, changed, state.due_us


def _read_values(
    traits: TraitSet, state: State, places: Iterable[int], now_s: int
) -> tuple[dict[str, Any], int]:
    """Values of some traits into the state: what changed, and when time changes them next."""
    changed: dict[str, Any] = {}
    due_s = NEVER
    series, values, named = state.series, state.values, traits.named
    for place in places:
        name, read = named[place]
        value, at_us, source, next_s = read(series, now_s)
        due_s = min(due_s, next_s)
        before = values.get(name)
        if before is None:
            if at_us is not None:
                values[name] = [value, at_us, source]
                if value is not None:
                    changed[name] = None
            continue
        was = before[0]
        before[0], before[1], before[2] = value, at_us, source
        if was != value:
            changed[name] = was
    return changed, due_s


def merge(traits: TraitSet, state: State, other: State) -> State:
    """What is remembered of two customers who turned out to be one.

    Parameters
    ----------
    traits
        Compiled definitions.
    state
        Changed in place and returned; its values follow with the next :func:`advance`.
    other
        Not to be used afterwards.

    Returns
    -------
    State
        As if the events of both had come to one.
    """
    for key, theirs in other.series.items():
        form = traits.forms.get(key)
        mine = state.series.get(key)
        if form is None:
            continue
        state.series[key] = (
            theirs if mine is None else _JOIN.get(form, s.join_buckets)(mine, theirs)
        )
    for fact in other.waiting:
        _wait(state, fact)
    state.due_us = -1  # every value is read anew
    return state


_JOIN: Mapping[str, Callable[[list[Any], list[Any]], list[Any]]] = {
    "last": lambda a, b: s.keep_last(a, *b),
    "first": lambda a, b: s.keep_first(a, *b),
    "total": s.join_totals,
    "values": s.join_values,
}


def values_now(traits: TraitSet, state: State, now_us: int) -> dict[str, list[Any]]:
    """Every value as of a moment, without changing the state.

    Parameters
    ----------
    traits
        Compiled definitions.
    state
        Not changed; events waiting for their time do not count here.
    now_us
        The moment.

    Returns
    -------
    dict
        ``[value, moment, source]`` by trait, in the order of the definitions.
    """
    now_s = now_us // s.PER_SECOND
    found = {}
    for trait, read in zip(traits.traits, traits.readers, strict=True):
        value, at_us, source, _ = read(state.series, now_s)
        if value is not None or at_us is not None:
            found[trait.name] = [value, at_us, source]
    return found


def fact_of(
    traits: TraitSet, kind: str, ts_us: int, source: str, get: Callable[[str], Any]
) -> Fact:
    """The fact of one event, with only the fields that definitions read.

    Parameters
    ----------
    traits
        Compiled definitions.
    kind, ts_us, source
        As of the event.
    get
        Value of a field by its name, None if the event has none.

    Returns
    -------
    Fact
    """
    values = {}
    for name in traits.needed(kind):
        value = get(name)
        if value is not None:
            values[name] = value
    return Fact(ts_us, kind, source, values)


def _adopt(traits: TraitSet, state: State) -> None:
    """Other definitions: what they do not read goes, what they share stays."""
    names = {x.name for x in traits.traits}
    state.series = {k: v for k, v in state.series.items() if k in traits.forms}
    state.values = {k: v for k, v in state.values.items() if k in names}
    state.waiting = list(state.waiting)
    state.digest = traits.digest


def _wait(state: State, fact: Fact) -> None:
    state.waiting.append(fact)
    state.waiting.sort(key=lambda x: (x.ts_us, x.kind, x.source))
    del state.waiting[WAITING:]


def _fold(
    traits: TraitSet, series: dict[str, Any], fact: Fact, now_s: int, dirty: set[int]
) -> None:
    values, ts_us, source = fact.values, fact.ts_us, fact.source
    for key, form, of, where, retention_s, touched in traits.program(fact.kind):
        value = None
        if of is not None:
            value = values.get(of)
            if value is None:
                continue
            if isinstance(value, str) and len(value) > s.MAX_TEXT:
                value = value[: s.MAX_TEXT]
        if where and not all(holds(x, values.get(x.field)) for x in where):
            continue
        mine = series.get(key)
        if form == "last":
            if mine is not None and ts_us < mine[0]:
                continue
            series[key] = s.keep_last(mine, ts_us, value, source)
        elif form == "first":
            if mine is not None and ts_us > mine[0]:
                continue
            series[key] = s.keep_first(mine, ts_us, value, source)
        elif form == "values":
            series[key] = s.add_value(mine, ts_us, str(value), source, now_s - retention_s)
        elif of is None or type(value) is int:
            series[key] = _added(form, mine, ts_us, value or 0, source, now_s - retention_s)
        else:
            continue
        dirty.update(touched)


def _added(
    form: str, mine: list[Any] | None, ts_us: int, amount: int, source: str, oldest_s: int
) -> list[Any]:
    if form == "total":
        return s.add_total(mine, ts_us, amount, source)
    return s.add_bucket(mine, ts_us, amount, source, oldest_s)
