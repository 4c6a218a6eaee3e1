"""What the section ``features`` of a profile holds, and which of its changes are told.

One moment holds for everything in the section: features, scores and audiences are computed
together. An absent feature is empty, as null is in the feature table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import pyarrow as pa

Change = tuple[str, int, Mapping[str, Any]]
"""Customer, moment in microseconds UTC, what changed."""


class Score(msgspec.Struct, omit_defaults=True):
    """One judgement of a model.

    Parameters
    ----------
    value
        The probability or the amount.
    model_version
        Version of the model that said it.
    horizon_days
        How far ahead it looks.
    unit
        What the value counts.
    band, risk
        Where the model has bands.
    reasons
        As stored in SCORES: compact, to be put into words by ``predict.explain``.
    """

    value: float
    model_version: str = ""
    horizon_days: int = 0
    unit: str = ""
    band: str | None = None
    risk: int | None = None
    reasons: msgspec.Raw = msgspec.Raw(b"[]")


class Standing(msgspec.Struct, omit_defaults=True):
    """Place of a customer in one audience.

    Parameters
    ----------
    since_us
        When the customer entered.
    version
        Version of the definition.
    """

    since_us: int
    version: str = ""


class Refreshed(msgspec.Struct, omit_defaults=True):
    """The section ``features`` as the nightly refresh writes it.

    Parameters
    ----------
    as_of_us
        Moment of the features, microseconds UTC.
    features
        Value by name, those that are not empty.
    audiences
        As they were told last, for a customer without a section ``base``; None where that
        section tells them.
    """

    as_of_us: int
    features: dict[str, Any]
    audiences: dict[str, Standing] | None = None


class Section(msgspec.Struct, omit_defaults=True):
    """The section ``features``.

    Parameters
    ----------
    as_of_us
        Moment of everything in it, microseconds UTC; only earlier rows count.
    features
        Value by name, those that are not empty.
    scores
        Judgement by kind.
    audiences
        The audiences the customer is in, by id.
    """

    as_of_us: int
    features: dict[str, Any] = {}
    scores: dict[str, Score] = {}
    audiences: dict[str, Standing] = {}


class _Band(msgspec.Struct):
    band: str | None = None


class _Told(msgspec.Struct):
    as_of_us: int = 0
    scores: dict[str, _Band] | None = None
    audiences: dict[str, Standing] | None = None


class _Night(msgspec.Struct):
    scores: dict[str, _Band] = {}
    audiences: dict[str, tuple[int, str]] = {}


_told, _night = msgspec.json.Decoder(_Told).decode, msgspec.json.Decoder(_Night).decode


class Before(msgspec.Struct):
    """What was true of a customer until now, as far as its changes are told.

    Parameters
    ----------
    bands
        Band by kind of score.
    audiences
        Audiences the customer was in, by id.
    """

    bands: dict[str, str | None] = {}
    audiences: dict[str, Standing] = {}


def read_before(section: bytes | None, base: bytes | None) -> Before:
    """What was true until now.

    Parameters
    ----------
    section
        The section ``features`` as stored. The nightly refresh writes it without scores
        and audiences: those stand in the section ``base`` of the same night.
    base
        The section ``base`` as stored.

    Returns
    -------
    Before
        Empty if neither tells anything.

    Examples
    --------
    >>> read_before(b'{"as_of_us":5}', b'{"scores":{"churn":{"band":"low"}}}').bands
    {'churn': 'low'}
    """
    told = _Told() if section is None else _told(section)
    night = _Night() if base is None else _night(base)
    scores = night.scores if told.scores is None else told.scores
    audiences = told.audiences
    if audiences is None:
        audiences = {k: Standing(at, version) for k, (at, version) in night.audiences.items()}
    return Before({k: v.band for k, v in scores.items()}, audiences)


def feature_values(rows: pa.Table, names: Sequence[str]) -> Iterable[dict[str, Any]]:
    """The features of each row by name, without the empty ones.

    Parameters
    ----------
    rows
        Under the FEATURES contract.
    names
        Features wanted.

    Returns
    -------
    iterable of dict
        In the order of the rows.

    Examples
    --------
    >>> list(feature_values(pa.table({"a": [1, None], "b": [0.5, 2.0]}), ["a", "b"]))
    [{'a': 1, 'b': 0.5}, {'b': 2.0}]
    """
    columns = [rows[x].to_pylist() for x in names]
    return (
        {name: value for name, value in zip(names, row, strict=True) if value is not None}
        for row in zip(*columns, strict=True)
    )


def changes_of(customer: str, now: Section, before: Before) -> list[Change]:
    """What subscribers are told: another band of a score, an audience entered or left.

    Parameters
    ----------
    customer
        Whose section.
    now
        The new section; its audiences take over since when from before.
    before
        What was true until now.

    Returns
    -------
    list of Change
    """
    told: list[Change] = []
    for kind, score in now.scores.items():
        was = before.bands.get(kind)
        if was is not None and was != score.band:
            what = {"type": "score", "score": kind, "from": was, "to": score.band}
            told.append((customer, now.as_of_us, what))
    for audience, standing in now.audiences.items():
        old = before.audiences.get(audience)
        if old is not None:
            standing.since_us = old.since_us
        else:
            told.append((customer, now.as_of_us, _audience(audience, "entered")))
    left = (x for x in before.audiences if x not in now.audiences)
    told += [(customer, now.as_of_us, _audience(x, "left")) for x in left]
    return told


def _audience(audience: str, change: str) -> Mapping[str, Any]:
    return {"type": "audience", "audience": audience, "change": change}
