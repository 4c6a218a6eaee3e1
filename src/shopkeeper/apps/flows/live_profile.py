"""One customer's profile as the API gives it: three sections joined, every value with its moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from shopkeeper.core.ports import ProfileStore
from shopkeeper.features.library_index import all_features
from shopkeeper.features.live.builtin import BUILT_IN

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Base(msgspec.Struct, omit_defaults=True):
    """The section ``base``: what the night knows.

    Parameters
    ----------
    as_of_us
        Moment the night pretended it was, microseconds UTC.
    traits
        ``[value, moment of the fact or null, source]`` by surviving field.
    permits
        ``[status, moment]`` by ``purpose/channel``.
    segments
        ``[label, version]`` by scheme.
    scores
        As of the latest predictions: value, unit, horizon, interval, band, reasons by kind.
    audiences
        ``[moment it was built, version]`` by audience id.
    """

    as_of_us: int = 0
    traits: dict[str, list[Any]] = {}
    permits: dict[str, list[Any]] = {}
    segments: dict[str, list[Any]] = {}
    scores: dict[str, dict[str, Any]] = {}
    audiences: dict[str, list[Any]] = {}


class _Live(msgspec.Struct):
    """What of the section ``live`` is shown; the state behind it is passed over."""

    traits: dict[str, list[Any]] = {}
    stated: dict[str, list[Any]] = {}
    permits: dict[str, list[Any]] = {}
    timeline: list[list[Any]] = []
    updated_us: int = 0


class _Standing(msgspec.Struct):
    since_us: int
    version: str = ""


class _Features(msgspec.Struct):
    """What of the section ``features`` is shown."""

    as_of_us: int = 0
    features: dict[str, Any] = {}
    scores: dict[str, dict[str, Any]] = {}
    audiences: dict[str, _Standing] | None = None


_base = msgspec.json.Decoder(Base).decode
_live = msgspec.json.Decoder(_Live).decode
_features = msgspec.json.Decoder(_Features).decode
_UNITS: dict[str, str] = {x.name: x.unit for x in all_features()} | {
    x.name: x.unit for x in BUILT_IN
}
_MOMENTS = frozenset(x.name for x in BUILT_IN if x.unit == "timestamp")


def profile_document(store: ProfileStore, identifier: str) -> dict[str, Any] | None:
    """Everything known about one customer now.

    Parameters
    ----------
    store
        The profiles.
    identifier
        ``kind:value``, or a customer id.

    Returns
    -------
    dict or None
        None if nobody answers to it. Moments are ``datetime`` in UTC, for the encoder:

        ``traits``
            ``{name: {value, unit, source, as_of}}``; ``as_of`` is the moment of the fact. A
            trait of the same name is taken from live events before features before the night.
        ``scores``
            ``{kind: {value, unit, horizon_days, reasons, …, as_of}}``.
        ``audiences``
            ``[{audience_id, version, since}]``.
        ``permits``
            ``[{purpose, channel, status, at}]``: the latest statement wherever it was made.
        ``segments``
            ``{scheme: {label, version, as_of}}``.
        ``timeline``
            ``[{at, kind, word, channel, amount_minor, event_id}]``, the latest first.
        ``identifiers``
            Sorted.
        ``freshness``
            When each section was last written.
    """
    customer = store.resolve([identifier]).get(identifier)
    if customer is None:
        customer = identifier.removeprefix("customer_id:")
    found = store.stored(customer)
    if not found:
        return None
    base = _base(found["base"]) if "base" in found else Base()
    live = _live(found["live"]) if "live" in found else _Live()
    features = _features(found["features"]) if "features" in found else _Features()
    return {
        "customer_id": customer,
        "identifiers": store.identifiers_of([customer]).get(customer, []),
        "traits": _traits(base, live, features),
        "scores": _scores(base, features),
        "segments": {
            k: {"label": v[0], "version": v[1], "as_of": moment(base.as_of_us)}
            for k, v in base.segments.items()
        },
        "audiences": _audiences(base, features),
        "permits": _permits(base, live),
        "timeline": [
            {
                "at": moment(x[0]), "kind": x[1], "word": x[2], "channel": x[3],
                "amount_minor": x[4], "event_id": x[5],
            }
            for x in live.timeline
        ],
        "freshness": {
            "base": moment(base.as_of_us or None),
            "live": moment(live.updated_us or None),
            "features": moment(features.as_of_us or None),
        },
    }  # fmt: skip


def moment(ts_us: int | None) -> datetime | None:
    """Microseconds UTC as a moment; None stays None.

    Examples
    --------
    >>> moment(1_000_000).isoformat()
    '1970-01-01T00:00:01+00:00'
    """
    return None if ts_us is None else EPOCH + timedelta(microseconds=ts_us)


def _traits(base: Base, live: _Live, features: _Features) -> dict[str, Any]:
    found: dict[str, Any] = {}
    units, seen = _UNITS, _Moments()
    for name, (value, at_us, source) in base.traits.items():
        found[name] = {"value": value, "unit": "", "source": source, "as_of": seen[at_us]}
    as_of = seen[features.as_of_us]
    for name, value in features.features.items():
        unit = units.get(name, "")
        found[name] = {"value": value, "unit": unit, "source": "features", "as_of": as_of}
    for name, (value, at_us, source) in live.stated.items():
        found[name] = {"value": value, "unit": "", "source": source, "as_of": seen[at_us]}
    for name, (value, at_us, source) in live.traits.items():
        shown = seen[value] if name in _MOMENTS else value
        unit = units.get(name, "")
        found[name] = {"value": shown, "unit": unit, "source": source, "as_of": seen[at_us]}
    return found


class _Moments(dict[int | None, datetime | None]):
    """Moments made once: the facts of a profile share few."""

    def __missing__(self, ts_us: int | None) -> datetime | None:
        self[ts_us] = made = moment(ts_us)
        return made


def _scores(base: Base, features: _Features) -> dict[str, Any]:
    found: dict[str, Any] = {
        k: {**v, "as_of": moment(v.get("as_of_us", base.as_of_us))} for k, v in base.scores.items()
    }
    for kind, score in features.scores.items():
        found[kind] = {**found.get(kind, {}), **score, "as_of": moment(features.as_of_us)}
    for score in found.values():
        score.pop("as_of_us", None)
    return found


def _audiences(base: Base, features: _Features) -> list[dict[str, Any]]:
    # The online judgement is the later one and knows every audience.
    if features.audiences is not None:
        return [
            {"audience_id": k, "version": v.version, "since": moment(v.since_us)}
            for k, v in sorted(features.audiences.items())
        ]
    return [
        {"audience_id": k, "version": v[1], "since": moment(v[0])}
        for k, v in sorted(base.audiences.items())
    ]


def _permits(base: Base, live: _Live) -> list[dict[str, Any]]:
    found = dict(base.permits)
    for key, stated in live.permits.items():
        before = found.get(key)
        if before is None or (before[1] or 0) <= stated[1]:
            found[key] = stated
    return [
        {
            "purpose": key.partition("/")[0], "channel": key.partition("/")[2],
            "status": status, "at": moment(at_us),
        }
        for key, (status, at_us) in sorted(found.items())
    ]  # fmt: skip
