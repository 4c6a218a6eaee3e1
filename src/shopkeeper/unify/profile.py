"""One surviving value per field of a customer, with where and when it came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import ibis

from shopkeeper.core import columns as c
from shopkeeper.core.columns import Column
from shopkeeper.core.tables import PROFILES
from shopkeeper.unify.identifiers import CONTACT_KINDS
from shopkeeper.unify.resolve import conform

Survival = Literal["most_recent", "most_frequent", "most_trusted", "earliest"]
NO_TRUST = 999
BLANKS = ("", "unknown", "未知", "n/a", "null")
"""Text, lower case, that survives over nothing."""

SURVIVAL: Mapping[Column, Survival] = {
    c.PERSON_NAME: "most_recent",
    c.GENDER: "most_frequent",
    c.BIRTH_DATE: "most_trusted",
    c.AGE_BAND: "most_recent",
    c.PHONE: "most_recent",
    c.EMAIL: "most_recent",
    c.CITY: "most_recent",
    c.JOINED_AT: "earliest",
    c.MEMBER_LEVEL: "most_recent",
    c.INCOME_BAND: "most_recent",
    c.HOUSEHOLD_SIZE: "most_recent",
    c.TIME_ZONE: "most_recent",
    c.LANGUAGE: "most_recent",
    c.ATTRIBUTES: "most_recent",
}
"""Which record's value survives, by field. Ties go to the better source, then by name."""

SURVIVAL_NAMES: Mapping[Survival, tuple[str, str]] = {
    "most_recent": ("最近更新", "most recently changed"),
    "most_frequent": ("出现最多", "most often stated"),
    "most_trusted": ("来源最可信", "most trusted source"),
    "earliest": ("最早", "earliest"),
}
"""The rules for people, in Chinese and English."""


@dataclass(frozen=True, slots=True)
class Trust:
    """How much sources are believed.

    Parameters
    ----------
    sources
        Source names, the most trusted first; sources not named come last.
    """

    sources: Sequence[str] = ("crm", "loyalty", "member", "pos", "shop", "web")


def profiles(
    customers: ibis.Table, identities: ibis.Table, trust: Trust | None = None
) -> ibis.Table:
    """One row for each known customer.

    Parameters
    ----------
    customers
        Loaded records of people, any number for one customer.
    identities
        Table ``identities``; customers known by device alone get no profile.
    trust
        Order of sources; None takes the default.

    Returns
    -------
    ibis.Table
        Contract ``profiles``. A customer of whom no source has a record has a
        row of nulls. ``evidence`` is a JSON object: field to source, rule and
        time of change in seconds since 1970 (null if the source states none).
    """
    records = _records(customers, identities, trust or Trust())
    for field, rule in SURVIVAL.items():
        if rule == "most_frequent":
            times = ibis._.count().over(group_by=[records[c.CUSTOMER_ID], records[field]])
            records = records.mutate(**{f"{field}__times": times})
    kept = {}
    for field, rule in SURVIVAL.items():
        known = _known(records, field)
        key = _key(records, field, rule)
        kept[str(field)] = records[field].argmax(key, where=known)
        kept[f"{field}__why"] = records["origin"].argmax(key, where=known)
    survived = records.group_by(c.CUSTOMER_ID).agg(**kept, updated_at=records[c.UPDATED_AT].max())
    known_by = identities.filter(~identities[c.IDENTIFIER_KIND].isin(CONTACT_KINDS))
    everyone = known_by.select(c.CUSTOMER_ID).distinct()
    everyone = everyone.union(survived.select(c.CUSTOMER_ID)).distinct()
    joined = everyone.left_join(
        survived, everyone[c.CUSTOMER_ID] == survived[c.CUSTOMER_ID]
    ).select(
        customer_id=everyone[c.CUSTOMER_ID],
        **{x: survived[x] for x in survived.columns if x != c.CUSTOMER_ID},
    )
    return conform(joined.mutate(evidence=_evidence(joined)), PROFILES)


def _records(customers: ibis.Table, identities: ibis.Table, trust: Trust) -> ibis.Table:
    owned = customers.inner_join(
        identities, customers[c.CUSTOMER_REF] == identities[c.IDENTIFIER]
    ).select(customer_id=identities[c.CUSTOMER_ID], **{x: customers[x] for x in customers.columns})
    seconds = owned[c.UPDATED_AT].epoch_seconds().cast("float64").floor().cast("int64")
    ranks = [(owned[c.SOURCE] == x, ibis.literal(i)) for i, x in enumerate(trust.sources)]
    rank = ibis.cases(*ranks, else_=ibis.literal(NO_TRUST)) if ranks else ibis.literal(NO_TRUST)
    source = owned[c.SOURCE].replace("\\", "\\\\").replace('"', '\\"')
    origin = ibis.literal('{"source": "').concat(
        source, '", "at": ', seconds.cast("string").coalesce("null")
    )
    # Keys are compared as text, so numbers are padded; the reference makes them unique.
    return owned.mutate(
        origin=origin,
        recency=_padded(seconds.coalesce(0)),
        trusted=_padded(ibis.literal(NO_TRUST) - rank.cast("int64")),
        last=owned[c.SOURCE].concat("|", owned[c.CUSTOMER_REF]),
    )


def _padded(number: ibis.Value) -> ibis.expr.types.StringValue:
    # Moments before 1970 would sort the wrong way round as text.
    return (number.cast("int64") + 10**12).cast("string").lpad(16, "0")


def _known(records: ibis.Table, field: Column) -> ibis.expr.types.BooleanValue:
    known = records[field].notnull()
    if field.kind == "string":
        known &= ~records[field].strip().lower().isin(BLANKS)
    if field == c.GENDER:
        known &= records[field] != 9
    return known


def _key(records: ibis.Table, field: Column, rule: Survival) -> ibis.expr.types.StringValue:
    recency, trusted, last = records["recency"], records["trusted"], records["last"]
    match rule:
        case "most_recent":
            return recency.concat(trusted, last)
        case "most_trusted":
            return trusted.concat(recency, last)
        case "most_frequent":
            return _padded(records[f"{field}__times"]).concat(recency, trusted, last)
        case "earliest":
            seconds = records[field].epoch_seconds().cast("float64").floor().cast("int64")
            return _padded(ibis.literal(0) - seconds).concat(trusted, last)


def _evidence(rows: ibis.Table) -> ibis.expr.types.StringValue:
    text = ibis.literal("")
    for field, rule in SURVIVAL.items():
        why = rows[f"{field}__why"]
        entry = ibis.literal(f'"{field}": ').concat(why, f', "rule": "{rule}"}}, ')
        text = text.concat(entry.coalesce(""))
    body = text.re_replace(", $", "")
    return ibis.literal("{").concat(body, "}")
