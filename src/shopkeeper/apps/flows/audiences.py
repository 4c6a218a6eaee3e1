"""Audiences: what rules may say in this shop, preview, build, why, overlap."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import ibis
from sqlalchemy import Engine, select, update

from shopkeeper.apps.flows.features import latest_as_of
from shopkeeper.apps.flows.lookalike_fields import lookalike_scores
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core import state
from shopkeeper.core.errors import NotEnoughDataError, NotFoundError
from shopkeeper.core.ports import TableStore
from shopkeeper.core.tables import (
    ACTIVITY,
    AUDIENCE_MEMBERS,
    CONTACTS,
    FEATURES,
    PERMITS,
    PROFILES,
    PURCHASE_LINES,
    SCORES,
    SEGMENTS,
)
from shopkeeper.features.library_index import all_features
from shopkeeper.segment.cluster import Clusters
from shopkeeper.segment.rules.batch import Tables, as_of_microseconds, members
from shopkeeper.segment.rules.check import checked
from shopkeeper.segment.rules.document import from_yaml
from shopkeeper.segment.rules.single import Facts
from shopkeeper.segment.rules.text import parse
from shopkeeper.segment.rules.tree import Rule
from shopkeeper.segment.rules.vocabulary import Vocabulary, build_vocabulary
from shopkeeper.segment.rules.why import Why, why
from shopkeeper.segment.schemes import Segment

CLUSTER_SCHEME = "cluster"


@dataclass(frozen=True, slots=True)
class AudienceReport:
    """One audience as it was built."""

    audience_id: str
    version: str
    as_of: datetime
    size: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self) | {"as_of": self.as_of.astimezone(UTC).isoformat()}


def stored_clusters(engine: Engine) -> Clusters | None:
    """The last clustering; None before the first.

    Parameters
    ----------
    engine
        State.

    Returns
    -------
    Clusters or None
    """
    table = state.cluster_memory
    with engine.connect() as connection:
        found = connection.execute(
            select(table.c.definition).where(table.c.scheme == CLUSTER_SCHEME)
        ).scalar()
    return None if found is None else Clusters.from_dict(found)


def cluster_segments(clusters: Clusters | None) -> tuple[Segment, ...]:
    """Clusters as segments of the scheme ``cluster``, largest value first.

    Parameters
    ----------
    clusters
        The last clustering, or None.

    Returns
    -------
    tuple of Segment
    """
    if clusters is None:
        return ()
    parts = zip(clusters.labels, clusters.names_zh, clusters.names_en, clusters.shares, strict=True)
    return tuple(
        Segment(code, zh, en, f"占有购买客户的 {share:.0%}", f"{share:.0%} of customers who bought")
        for code, zh, en, share in parts
    )


def shop_vocabulary(runtime: Runtime) -> Vocabulary:
    """Every field that rules may use in this shop.

    Parameters
    ----------
    runtime
        The open shop.

    Returns
    -------
    Vocabulary
    """
    library = all_features()
    return build_vocabulary(
        [x.column for x in library],
        groups={x.name: x.group for x in library},
        words={x.name: x.words for x in library},
        clusters=cluster_segments(stored_clusters(runtime.state)),
        scored=lookalike_scores(runtime),
    )


def read_rule(text: str, vocabulary: Vocabulary, *, form: str = "text") -> Rule:
    """Parse a rule and hold it against the vocabulary.

    Parameters
    ----------
    text
        The rule.
    vocabulary
        Known fields.
    form
        ``text`` or ``yaml``.

    Returns
    -------
    Rule
        Canonical.

    Raises
    ------
    RuleError
        If it cannot be read, or names what does not exist.
    """
    return checked(from_yaml(text) if form == "yaml" else parse(text), vocabulary)


def rule_tables(store: TableStore, as_of: datetime) -> Tables:
    """The tables rules read, at the moment of the stored features.

    Parameters
    ----------
    store
        The lake.
    as_of
        Moment of features, scores and segments.

    Returns
    -------
    Tables
    """
    moment = ibis.literal(as_of.astimezone(UTC)).cast("timestamp('UTC', 6)")

    def now(table: ibis.Table) -> ibis.Table:
        return table.filter(table.as_of == moment)

    return Tables(
        features=now(store.table(FEATURES)),
        scores=now(store.table(SCORES)),
        segments=now(store.table(SEGMENTS)),
        profiles=store.table(PROFILES),
        permits=store.table(PERMITS),
        lines=store.table(PURCHASE_LINES),
        activity=store.table(ACTIVITY),
        contacts=store.table(CONTACTS),
    )


def preview_size(runtime: Runtime, rule: Rule, vocabulary: Vocabulary) -> tuple[int, int]:
    """How many customers a rule would give now.

    Parameters
    ----------
    runtime
        The open shop.
    rule
        Checked.
    vocabulary
        Known fields.

    Returns
    -------
    tuple of int
        Size, and number of customers with features.

    Raises
    ------
    NotEnoughDataError
        If no features were ever computed.
    """
    as_of = _moment(runtime.tables)
    tables = rule_tables(runtime.tables, as_of)
    found = members(rule, vocabulary, tables, as_of_microseconds(as_of))
    size = runtime.tables.run(found.aggregate(size=found.count()))["size"][0].as_py()
    return int(size), runtime.tables.count(FEATURES)


def build_audience(runtime: Runtime, audience_id: str, as_of: datetime) -> AudienceReport:
    """Freeze the members of an audience at a moment.

    Parameters
    ----------
    runtime
        The open shop.
    audience_id
        Definition in the state.
    as_of
        Moment of features, scores and segments; also the end of occurrence windows.

    Returns
    -------
    AudienceReport

    Raises
    ------
    NotFoundError
        If there is no such audience.
    RuleError
        If its rule no longer fits the vocabulary.
    """
    table = state.audiences
    with runtime.state.connect() as connection:
        row = connection.execute(select(table).where(table.c.audience_id == audience_id)).first()
    if row is None:
        raise NotFoundError(
            f"there is no audience {audience_id!r}",
            next_step="List them with: shopkeeper audience list",
            audience_id=audience_id,
        )
    vocabulary = shop_vocabulary(runtime)
    rule = read_rule(row.rule, vocabulary)
    tables = rule_tables(runtime.tables, as_of)
    found = members(rule, vocabulary, tables, as_of_microseconds(as_of))
    version = str(row.version)
    expr = found.select(
        audience_id=ibis.literal(audience_id),
        version=ibis.literal(version),
        as_of=ibis.literal(as_of.astimezone(UTC)).cast("timestamp('UTC', 6)"),
        customer_id=found.customer_id,
    )
    commit = runtime.tables.materialise(expr, AUDIENCE_MEMBERS, where={"audience_id": audience_id})
    with runtime.state.begin() as connection:
        connection.execute(
            update(table)
            .where(table.c.audience_id == audience_id)
            .values(size=commit.rows, built_as_of=as_of)
        )
    return AudienceReport(audience_id, version, as_of, commit.rows)


def customer_facts(
    store: TableStore, customer_id: str, as_of: datetime, vocabulary: Vocabulary
) -> Facts:
    """Everything rules may know about one customer.

    Parameters
    ----------
    store
        The lake.
    customer_id
        Whom.
    as_of
        Moment of features, scores and segments.
    vocabulary
        Known fields.

    Returns
    -------
    Facts
    """
    tables = rule_tables(store, as_of)

    def own(table: ibis.Table) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = store.run(
            table.filter(table.customer_id == customer_id)
        ).to_pylist()
        return rows

    by_source: dict[str, Mapping[str, Any]] = {
        "features": next(iter(own(tables.features)), {}),
        "profiles": next(iter(own(tables.profiles)), {}),
        "segments": {x["scheme"]: x["label"] for x in own(tables.segments)},
        "scores": _scores(own(tables.scores)),
        "permits": _permits(own(tables.permits)),
    }
    return Facts(
        values={x.name: by_source[x.source].get(x.column) for x in vocabulary.fields},
        rows={
            "bought": own(tables.lines),
            "did": own(tables.activity),
            "contacted": own(tables.contacts),
        },
        as_of_us=as_of_microseconds(as_of),
    )


def why_customer(runtime: Runtime, rule: Rule, customer_id: str, vocabulary: Vocabulary) -> Why:
    """Why a customer is, or is not, in what a rule gives now.

    Parameters
    ----------
    runtime
        The open shop.
    rule
        Checked.
    customer_id
        Whom.
    vocabulary
        Known fields.

    Returns
    -------
    Why

    Raises
    ------
    NotEnoughDataError
        If no features were ever computed.
    """
    as_of = _moment(runtime.tables)
    return why(rule, customer_facts(runtime.tables, customer_id, as_of, vocabulary), vocabulary)


def audience_overlap(
    store: TableStore, audience_ids: Sequence[str]
) -> Mapping[tuple[str, str], int]:
    """Customers shared by each pair of built audiences; a pair of equals is the size.

    Parameters
    ----------
    store
        The lake.
    audience_ids
        Audiences.

    Returns
    -------
    Mapping of (str, str) to int
        Every ordered pair, zeros included.
    """
    table = store.table(AUDIENCE_MEMBERS)
    left = table.filter(table.audience_id.isin(list(audience_ids)))
    left = left.select("customer_id", one=left.audience_id)
    right = left.select("customer_id", other=left.one)
    pairs = left.join(right, "customer_id")
    counted = pairs.group_by(["one", "other"]).aggregate(size=pairs.count())
    found = {(x["one"], x["other"]): int(x["size"]) for x in store.run(counted).to_pylist()}
    return {(a, b): found.get((a, b), 0) for a in audience_ids for b in audience_ids}


def _moment(store: TableStore) -> datetime:
    as_of = latest_as_of(store)
    if as_of is None:
        raise NotEnoughDataError(
            "no features were computed yet, so no rule can be answered",
            next_step="Run: shopkeeper run nightly",
        )
    return as_of


def _scores(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for row in rows:
        for part in ("value", "risk", "band"):
            key, value = f"{row['kind']}.{part}", row[part]
            # The largest where several models speak, as the batch form takes it.
            known = values.get(key)
            if value is not None and (known is None or value > known):
                values[key] = value
    return values


def _permits(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    marketing = [x for x in rows if x["purpose"] == "marketing"]
    return {x["channel"]: x["status"] for x in marketing}


def clusters_json(clusters: Clusters) -> str:
    """The definition of clusters as stable JSON text, for versions.

    Parameters
    ----------
    clusters
        Any clustering.

    Returns
    -------
    str
    """
    return json.dumps(clusters.to_dict(), sort_keys=True, ensure_ascii=False)
