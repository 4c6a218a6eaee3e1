"""Definitions made ready for folding: which series an event feeds, and which traits read them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from shopkeeper.features.live.definition import Condition, LiveTrait
from shopkeeper.features.live.readers import SESSION_S, Reader, reader_of

LONG_S = 86_400
"""Windows up to this share one series, longer ones another: a month must not blur an hour."""
ANY = ""


@dataclass(frozen=True, slots=True)
class SeriesSpec:
    """One series: which events it takes and what it keeps."""

    key: str
    form: str
    kinds: tuple[str, ...]
    where: tuple[Condition, ...]
    field: str | None
    retention_s: int


Step = tuple[str, str, str | None, tuple[Condition, ...], int, tuple[int, ...]]
"""Key, form, field, filters, retention and traits of one series that takes an event."""


@dataclass(slots=True)
class TraitSet:
    """Definitions made ready for folding.

    Parameters
    ----------
    traits
        The definitions, in order.
    digest
        Changes whenever a definition does.
    readers
        By trait: computes its value from the series.
    feeds
        Series by kind of event; :data:`ANY` for those that take every kind.
    fields
        Fields that facts must carry, by kind; :data:`ANY` for every kind.
    touched
        Places of the traits that read a series, by its key.
    forms
        Form of each series, by its key.
    named
        Name and reader of each trait.
    programs
        By kind of event: what :meth:`program` made of it.
    """

    traits: tuple[LiveTrait, ...]
    digest: str
    readers: tuple[Reader, ...]
    feeds: Mapping[str, tuple[SeriesSpec, ...]]
    fields: Mapping[str, tuple[str, ...]]
    touched: Mapping[str, tuple[int, ...]]
    forms: Mapping[str, str] = field(default_factory=dict)
    named: tuple[tuple[str, Reader], ...] = ()
    programs: dict[str, tuple[Step, ...]] = field(default_factory=dict)

    def program(self, kind: str) -> tuple[Step, ...]:
        """What a fact of this kind does, series by series."""
        found = self.programs.get(kind if kind in self.feeds else ANY)
        if found is None:
            found = tuple(
                (x.key, x.form, x.field, x.where, x.retention_s, self.touched[x.key])
                for x in self.fed(kind)
            )
            # A shop's own kinds are many; those that nothing names share one program.
            self.programs[kind if kind in self.feeds else ANY] = found
        return found

    def needed(self, kind: str) -> tuple[str, ...]:
        """Fields that a fact of this kind must carry."""
        found = self.fields.get(kind)
        return self.fields[ANY] if found is None else found

    def fed(self, kind: str) -> tuple[SeriesSpec, ...]:
        """Series that take events of this kind."""
        found = self.feeds.get(kind)
        return self.feeds[ANY] if found is None else found


def compile_traits(traits: Sequence[LiveTrait]) -> TraitSet:
    """Make definitions ready; traits over the same events share a series.

    Parameters
    ----------
    traits
        With distinct names.

    Returns
    -------
    TraitSet
    """
    specs: dict[str, SeriesSpec] = {}
    readers: list[Reader] = []
    touched: dict[str, list[int]] = {}
    for place, trait in enumerate(traits):
        mine = []
        for form, kinds, of in _series_of(trait):
            spec = _spec(trait, form, kinds, of)
            known = specs.get(spec.key)
            if known is None or known.retention_s < spec.retention_s:
                specs[spec.key] = spec
            touched.setdefault(spec.key, []).append(place)
            mine.append(spec.key)
        readers.append(reader_of(trait, mine))
    every_kind = sorted({k for x in specs.values() for k in x.kinds})
    ordered = sorted(specs.values(), key=lambda x: x.key)
    feeds = {
        k: tuple(x for x in ordered if not x.kinds or k in x.kinds) for k in [ANY, *every_kind]
    }
    fields = {k: tuple(sorted({f for x in v for f in _fields(x)})) for k, v in feeds.items()}
    text = json.dumps([_plain(x) for x in traits], ensure_ascii=False, sort_keys=True)
    return TraitSet(
        tuple(traits), hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:8],
        tuple(readers), feeds, fields, {k: tuple(v) for k, v in touched.items()},
        {k: x.form for k, x in specs.items()},
        tuple((x.name, y) for x, y in zip(traits, readers, strict=True)),
    )  # fmt: skip


def _series_of(trait: LiveTrait) -> list[tuple[str, tuple[str, ...], str | None]]:
    """Form, kinds and field of each series that a trait reads."""
    kinds, of, measure = trait.kinds, trait.field, trait.measure
    if measure in ("count", "sum"):
        of = of if measure == "sum" else None
        if trait.window_s is None:
            return [("total", kinds, of)]
        return [("short" if trait.window_s <= LONG_S else "long", kinds, of)]
    forms: dict[str, list[tuple[str, tuple[str, ...], str | None]]] = {
        "last": [("last", kinds, of)],
        "first": [("first", kinds, of)],
        "new": [("first", kinds, of)],
        "ever": [("last", kinds, None)],
        "active": [("last", kinds, None)],
        "distinct": [("values", kinds, of)],
        "none": [("last", kinds, None), ("first", (), None)],
        "open": [("last", kinds, None), ("last", trait.until, None)],
        "session": [("session", kinds, None)],
    }
    return forms[measure]


def _spec(trait: LiveTrait, form: str, kinds: tuple[str, ...], of: str | None) -> SeriesSpec:
    # The clock of "not for so long" starts with the customer, whatever it filters.
    where = trait.where if kinds == trait.kinds and (kinds or form != "first") else ()
    retention = SESSION_S + (trait.window_s or 0) if form == "session" else trait.window_s or 0
    # Values are bounded by number: windows of different length do not share them.
    parts = [
        f"values {retention}" if form == "values" else form,
        sorted(kinds),
        [_plain(x) for x in where],
        of,
    ]
    text = json.dumps(parts, ensure_ascii=False, sort_keys=True)
    key = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:6]
    return SeriesSpec(key, form, tuple(sorted(kinds)), where, of, retention)


def _fields(spec: SeriesSpec) -> list[str]:
    own = [] if spec.field is None else [spec.field]
    return own + [x.field for x in spec.where]


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value)
