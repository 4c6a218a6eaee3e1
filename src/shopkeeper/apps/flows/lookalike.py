"""Widen an audience by customers who resemble it, activity set aside."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import csr_matrix
from sqlalchemy import Row, insert, select
from sqlalchemy.exc import IntegrityError

from shopkeeper.apps.flows.audiences import build_audience, read_rule, shop_vocabulary
from shopkeeper.apps.flows.features import latest_as_of
from shopkeeper.apps.flows.task import write_scores
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core import state
from shopkeeper.core.clock import to_us
from shopkeeper.core.errors import InputError, NotEnoughDataError, NotFoundError
from shopkeeper.core.ids import content_id
from shopkeeper.core.ports import TableStore
from shopkeeper.core.tables import AUDIENCE_MEMBERS, FEATURES, PURCHASE_LINES, SCORES
from shopkeeper.features.library_index import all_features
from shopkeeper.predict.lookalike.evaluate import Found, held_out
from shopkeeper.predict.lookalike.model import LookalikeModel, Seeds, require_audience
from shopkeeper.predict.lookalike.space import Bools, Customers, Floats, Ints, build_space
from shopkeeper.predict.lookalike.words import audience_differences, member_reasons
from shopkeeper.segment.rules.printed import print_rule

MOST_ITEMS = 5_000
SHOWN = 100
VERSION = "lookalike-1"


@dataclass(frozen=True, slots=True)
class Expansion:
    """Who an audience would be widened by.

    Parameters
    ----------
    audience_id, name
        The audience.
    as_of
        Moment of the features.
    customers
        Everybody with features, in the order of `similarity`.
    members
        Who belongs already.
    similarity
        0 to 1; 0.5 is as alike as the median member.
    chosen
        Places of the new members, most similar first.
    figures
        How well members that were held back are found, beside baselines.
    differences
        What sets the audience apart, Chinese and English.
    reasons
        Of the first hundred new members.
    """

    audience_id: str
    name: str
    as_of: datetime
    customers: list[str]
    members: Bools
    similarity: Floats
    chosen: Ints
    figures: list[Found]
    differences: list[tuple[str, str]]
    reasons: list[list[tuple[str, str]]]


def expand_audience(
    runtime: Runtime,
    audience_id: str,
    *,
    size: int | None = None,
    min_similarity: float | None = None,
) -> Expansion:
    """Find customers who resemble an audience; nothing is saved.

    Parameters
    ----------
    runtime
        The open shop; features must have been computed and the audience built.
    audience_id
        The audience.
    size
        How many new members; None takes everybody as alike as the median member.
    min_similarity
        Least similarity instead of a size.

    Returns
    -------
    Expansion

    Raises
    ------
    NotFoundError
        If there is no such audience.
    NotEnoughDataError
        If it was not built, holds too few customers or nearly all of them.
    """
    row = _audience(runtime, audience_id)
    as_of = latest_as_of(runtime.tables)
    if as_of is None:
        raise NotEnoughDataError(
            "no features were computed yet", next_step="Run: shopkeeper run nightly"
        )
    customers = read_customers(runtime.tables, as_of, without=_fields(str(row.rule)))
    own = _members(runtime.tables, audience_id)
    if not own:
        raise NotEnoughDataError(
            f"the audience {row.name!r} holds nobody: it was never built, or nobody fits",
            next_step=f"Run: shopkeeper audience build {audience_id}",
            audience_id=audience_id,
        )
    members = np.isin(np.array(customers.ids, dtype=object), list(own))
    data = Seeds(customers, np.asarray(members))
    require_audience(data)
    seed = runtime.settings.predict.seed
    space = build_space(customers, seed)
    model = LookalikeModel()
    score = model.fit(space, data.members, seed=seed)
    found = model.likeness(space.points, score)
    order = np.argsort(-found.score, kind="stable")
    order = order[~data.members[order]]
    least = 0.5 if size is None and min_similarity is None else (min_similarity or 0.0)
    chosen = order[found.similarity[order] >= least][:size]
    words = {x.name: (x.zh, x.en) for x in all_features()}
    return Expansion(
        audience_id, str(row.name), as_of, customers.ids, data.members, found.similarity, chosen,
        held_out(data, seed=seed),
        audience_differences(space, data.members, model.mean_weights, customers.names, words),
        member_reasons(found.added, space, customers.names, words, chosen[:SHOWN]),
    )  # fmt: skip


def save_expansion(runtime: Runtime, expansion: Expansion, name: str) -> tuple[str, int]:
    """Keep the likeness of everybody as scores, and the new members as an audience by rule.

    Parameters
    ----------
    runtime
        The open shop.
    expansion
        As previewed.
    name
        Name of the new audience.

    Returns
    -------
    tuple
        Id of the new audience and its size. Its rule reads the scores, so that it can be edited
        and built again.

    Raises
    ------
    InputError
        If the name is taken, or nobody would be in it.
    """
    if not len(expansion.chosen):
        raise InputError(
            "nobody is that similar", next_step="Lower the least similarity, or give a size"
        )
    kind = score_kind(expansion.audience_id)
    write_scores(runtime.tables, _score_rows(expansion, kind), (kind,), expansion.as_of)
    least = float(expansion.similarity[expansion.chosen].min())
    vocabulary = shop_vocabulary(runtime)
    # members have no score of this kind, so the rule finds new ones alone
    rule = read_rule(f"lookalike.{expansion.audience_id} >= {least:.6f}", vocabulary)
    audience_id = content_id(name, prefix="audience", length=12)
    now = runtime.clock.now()
    try:
        with runtime.state.begin() as connection:
            connection.execute(
                insert(state.audiences).values(
                    audience_id=audience_id, name=name, rule=print_rule(rule), version=1,
                    description="", created_at=now, updated_at=now,
                )
            )  # fmt: skip
    except IntegrityError as error:
        raise InputError(
            f"there is already an audience named {name!r}", next_step="Choose another name"
        ) from error
    return audience_id, build_audience(runtime, audience_id, expansion.as_of).size


def score_kind(audience_id: str) -> str:
    """Kind of the scores that tell likeness to an audience.

    Parameters
    ----------
    audience_id
        The audience.
    """
    return f"lookalike:{audience_id}"


def read_customers(store: TableStore, as_of: datetime, *, without: Sequence[str]) -> Customers:
    """Features and purchases of everybody.

    Parameters
    ----------
    store
        The lake.
    as_of
        Moment of the features.
    without
        Features that are not read: those the audience was defined by would only say its rule.

    Returns
    -------
    Customers
        Ascending by id.
    """
    table = store.table(FEATURES)
    moment = ibis.literal(as_of).cast("timestamp('UTC', 6)")
    rows = store.run(table.filter(table.as_of == moment)).sort_by("customer_id")
    numeric = [
        x.name for x in rows.schema
        if x.name not in without and (pa.types.is_integer(x.type) or pa.types.is_floating(x.type))
    ]  # fmt: skip
    facts = np.column_stack(
        [np.asarray(pc.cast(rows[x], pa.float64()).to_numpy(zero_copy_only=False)) for x in numeric]
        or [np.zeros((rows.num_rows, 0))]
    )
    with np.errstate(invalid="ignore"):
        seen = np.isfinite(facts)
        low = np.where(seen, facts, np.inf).min(axis=0, initial=np.inf)
        high = np.where(seen, facts, -np.inf).max(axis=0, initial=-np.inf)
    varied = high > low
    ids = rows["customer_id"].to_pylist()
    items = _items(store, as_of, rows["customer_id"])
    kept = tuple(x for x, ok in zip(numeric, varied, strict=True) if ok)
    activity = np.asarray(items.sum(axis=1), dtype=np.float64).ravel()
    return Customers(ids, facts[:, varied], kept, items, activity)


def _items(store: TableStore, as_of: datetime, ids: pa.ChunkedArray) -> csr_matrix:
    lines = store.table(PURCHASE_LINES)
    known = lines.filter(
        (lines.ts_us < ibis.literal(to_us(as_of)).cast("int64")) & (lines.kind == "sale")
    )
    pairs = known.group_by(["customer_id", "product_id"]).aggregate(n=known.count())
    found = store.run(pairs)
    owner = pc.index_in(found["customer_id"], ids.combine_chunks())
    products = pc.value_counts(found["product_id"].combine_chunks()).flatten()
    names, buyers = products[0], products[1].to_numpy()
    top = names.take(pa.array(np.argsort(-buyers, kind="stable")[:MOST_ITEMS]))
    item = pc.index_in(found["product_id"], top)
    both = pc.and_(pc.is_valid(owner), pc.is_valid(item))
    if not found.num_rows:
        return csr_matrix((len(ids), 0))
    at, column, times = (
        pc.cast(x.filter(both), pa.int64()).to_numpy() for x in (owner, item, found["n"])
    )
    return csr_matrix((times.astype(np.float64), (at, column)), shape=(len(ids), len(top)))


def _audience(runtime: Runtime, audience_id: str) -> Row[Any]:
    with runtime.state.connect() as connection:
        row = connection.execute(
            select(state.audiences).where(state.audiences.c.audience_id == audience_id)
        ).first()
    if row is None:
        raise NotFoundError(
            f"there is no audience {audience_id!r}",
            next_step="List them with: shopkeeper audience list",
            audience_id=audience_id,
        )
    return row


def _members(store: TableStore, audience_id: str) -> set[str]:
    table = store.table(AUDIENCE_MEMBERS)
    found = store.run(table.filter(table.audience_id == audience_id).select("customer_id"))
    return set(found["customer_id"].to_pylist())


def _fields(rule: str) -> list[str]:
    return re.findall(r"[A-Za-z_][A-Za-z0-9_]*", rule)


def _score_rows(expansion: Expansion, kind: str) -> pa.Table:
    outside = np.flatnonzero(~expansion.members)
    rows = len(outside)
    ids = pa.array(expansion.customers).take(pa.array(outside))
    text = {"kind": kind, "model": "bagged", "model_version": VERSION, "unit": "score"}
    return SCORES.cast(
        pa.table(
            {
                "customer_id": ids,
                "as_of": pa.array([expansion.as_of] * rows, pa.timestamp("us", tz="UTC")),
                "value": pa.array(np.round(expansion.similarity[outside], 6)),
                **{name: pa.array([word] * rows, pa.string()) for name, word in text.items()},
            }
        ),
        fill=True,
    )
