"""How old what the profiles say is: by section, by partition of the log, and by trait."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Literal

import msgspec

from shopkeeper.apps.flows.live_profile import Base
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.ports import ProfileStore, Section

PROFILES = "profiles"
"""Consumer under which the worker stores how far the profiles are."""
BASE = "base"
"""Consumer under which the night stores its moment."""
SAMPLE = 15
"""Customers looked at for each of the 16 first digits of the ids."""
SECTIONS: tuple[Section, ...] = ("base", "live", "features")
SECOND = 1_000_000


class _Live(msgspec.Struct):
    traits: dict[str, list[Any]] = {}
    stated: dict[str, list[Any]] = {}
    updated_us: int = 0


class _Features(msgspec.Struct):
    as_of_us: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the board.

    Parameters
    ----------
    kind
        ``section``: age of what a section says. ``partition``: how long the oldest event that
        is not in the profiles yet has been waiting. ``trait``: age of the facts behind a trait.
    name
        Section, number of the partition, or trait.
    section
        Part of the profile it belongs to.
    worst_s, median_s
        In seconds; None if nothing is known.
    waiting
        Envelopes of the log not applied, or customers whose moment has come and passed.
    customers
        Customers looked at, for lines that are made from a sample.
    """

    kind: Literal["section", "partition", "trait"]
    name: str
    section: Section
    worst_s: float | None
    median_s: float | None
    waiting: int = 0
    customers: int = 0

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Board:
    """Freshness of everything.

    Parameters
    ----------
    at_us
        The moment it was looked at.
    worst_s
        Age of the section that is furthest behind; None while there are no profiles.
    lines
        Sections, partitions, traits by name.
    """

    at_us: int
    worst_s: float | None
    lines: tuple[Line, ...]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "at_us": self.at_us, "worst_s": self.worst_s,
            "lines": [x.to_dict() for x in self.lines],
        }  # fmt: skip


def freshness(runtime: Runtime, *, now_us: int, traits: bool = True) -> Board:
    """Look how fresh the profiles are.

    Parameters
    ----------
    runtime
        The open shop; log and profiles are read.
    now_us
        The moment.
    traits
        Whether single traits are looked at too, in a sample of customers.

    Returns
    -------
    Board
        The live section is as fresh as the log is worked off and moments that have come are
        acted on: a profile nobody touches stays true without being written. The night's
        section has the age of the night; online features that of the section itself, in
        the sample, as nothing else is known of them here.
    """
    partitions = list(_partitions(runtime, now_us))
    sample = _sample(runtime.profiles)
    lines = [
        _night(runtime.profiles, sample, now_us),
        _live(runtime.profiles, partitions, now_us),
        _features(sample, now_us),
    ]
    known = [x.worst_s for x in lines if x.worst_s is not None]
    further = _traits(sample, now_us) if traits else ()
    return Board(now_us, max(known, default=None), (*lines, *partitions, *further))


def _partitions(runtime: Runtime, now_us: int) -> Iterator[Line]:
    positions = runtime.profiles.positions(PROFILES)
    for partition in range(runtime.log.partitions):
        at, head = positions.get(partition, 0), runtime.log.head(partition)
        first = runtime.log.read(partition, at, limit=1) if at < head else ()
        waited = (now_us - first[0].received_us) / SECOND if first else 0.0
        yield Line(
            "partition", str(partition), "live", max(waited, 0.0), max(waited, 0.0),
            max(head - at, 0),
        )  # fmt: skip


def _live(store: ProfileStore, partitions: list[Line], now_us: int) -> Line:
    overdue = store.timers("live", now_us, limit=1000)
    late = (now_us - overdue[0][0]) / SECOND if overdue else 0.0
    waits = [x.worst_s or 0.0 for x in partitions]
    behind = max([late, *waits])
    waiting = sum(x.waiting for x in partitions) + len(overdue)
    return Line("section", "live", "live", behind, median(waits) if waits else 0.0, waiting)


def _night(store: ProfileStore, sample: Mapping[str, Mapping[Section, bytes]], now_us: int) -> Line:
    decode = msgspec.json.Decoder(Base).decode
    ages = [(now_us - decode(x["base"]).as_of_us) / SECOND for x in sample.values() if "base" in x]
    night_us = store.position(BASE, 0)
    worst = (now_us - night_us) / SECOND if night_us else max(ages, default=None)
    middle = median(ages) if ages else worst
    return Line("section", "base", "base", worst, middle, 0, len(ages))


def _features(sample: Mapping[str, Mapping[Section, bytes]], now_us: int) -> Line:
    decode = msgspec.json.Decoder(_Features).decode
    found = [decode(x["features"]).as_of_us for x in sample.values() if "features" in x]
    ages = [(now_us - x) / SECOND for x in found]
    worst, middle = (max(ages), median(ages)) if ages else (None, None)
    return Line("section", "features", "features", worst, middle, 0, len(ages))


def _traits(sample: Mapping[str, Mapping[Section, bytes]], now_us: int) -> list[Line]:
    read_live, read_base = msgspec.json.Decoder(_Live).decode, msgspec.json.Decoder(Base).decode
    ages: dict[tuple[Section, str], list[float]] = {}
    for sections in sample.values():
        live = read_live(sections["live"]) if "live" in sections else _Live()
        base = read_base(sections["base"]) if "base" in sections else Base()
        told: tuple[tuple[Section, Mapping[str, list[Any]]], ...] = (
            ("base", base.traits), ("live", live.stated), ("live", live.traits),
        )  # fmt: skip
        for section, traits in told:
            for name, (_, at_us, _) in traits.items():
                if at_us is not None:
                    ages.setdefault((section, name), []).append((now_us - at_us) / SECOND)
    return [
        Line("trait", name, section, max(found), median(found), 0, len(found))
        for (section, name), found in sorted(ages.items())
    ]


def _sample(store: ProfileStore) -> dict[str, dict[Section, bytes]]:
    """Customers from all over the ids, the same ones every time."""
    chosen: dict[str, None] = {}
    for section in SECTIONS:
        for digit in "0123456789abcdef":
            found = store.ids(section, after=f"c_{digit}", limit=SAMPLE)
            chosen.update(dict.fromkeys(found))
    return store.stored_many(list(chosen))
