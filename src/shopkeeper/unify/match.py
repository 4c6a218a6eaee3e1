"""Exact rules that say two identifiers are one person, as expressions and Arrow."""

from __future__ import annotations

from datetime import datetime

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.core import columns as c
from shopkeeper.core.tables import IDENTITY_EDGES
from shopkeeper.unify.identifiers import RULES, Guards

MANUAL = "manual"
"""Rule of an edge that a person made; it does not depend on the data."""


def candidate_edges(pairs: ibis.Table, guards: Guards) -> ibis.Table:
    """Edges that the exact rules suggest.

    Parameters
    ----------
    pairs
        Links with counts, from :mod:`shopkeeper.unify.identifiers`.
    guards
        Limits per kind.

    Returns
    -------
    ibis.Table
        ``edge_id``, ``left``, ``right``, ``rule``, ``evidence``, ``score``,
        ``source``: one row for each reference of an identifier that two or
        more references share, and no more than the limit of its kind. The id
        depends on the two ends and the rule alone.
    """
    kind = pairs["kind"]
    shared = pairs.filter(
        (pairs["left"] != pairs["right"])
        & (pairs["references"] >= 2)
        & (pairs["references"] <= _by_kind(kind, {k: guards.limit(k) for k in RULES}, 0))
    )
    kind = shared["kind"]
    rule = _by_kind(kind, {k: r.key for k, r in RULES.items()}, "")
    named = shared.mutate(rule=rule)
    digest = named["left"].concat("|", named["right"], "|", named["rule"]).hexdigest("md5")
    source = named["source"].replace("\\", "\\\\").replace('"', '\\"')
    evidence = ibis.literal('{"kind": "').concat(
        named["kind"], '", "references": ', named["references"].cast("string"),
        ', "source": "', source, '"}',
    )  # fmt: skip
    return named.select(
        edge_id=ibis.literal("e_") + digest.left(24),
        left=named["left"],
        right=named["right"],
        rule=named["rule"],
        evidence=evidence,
        score=_by_kind(named["kind"], {k: r.score for k, r in RULES.items()}, 0.0).cast("float64"),
        source=named["source"],
    )


def overshared(pairs: ibis.Table, guards: Guards) -> ibis.Table:
    """Identifiers that too many references share to merge on, with the count."""
    limit = _by_kind(pairs["kind"], {k: guards.limit(k) for k in RULES}, 0)
    over = pairs.filter(pairs["references"] > limit)
    return over.select("right", "kind", "references").distinct()


def current_edges(candidates: pa.Table, stored: pa.Table, *, as_of: datetime) -> pa.Table:
    """Edges to judge: what the rules suggest now, what people made, what was undone.

    Parameters
    ----------
    candidates
        Result of :func:`candidate_edges`.
    stored
        Table ``identity_edges`` as it stands.
    as_of
        Creation time of edges that are new.

    Returns
    -------
    pa.Table
        As ``identity_edges``. An edge known before keeps its creation time; an
        undone edge stays undone; an edge the data no longer support is gone.
    """
    edge_id = str(c.EDGE_ID)
    keep = pc.or_(pc.is_valid(stored[str(c.UNDONE_AT)]), pc.equal(stored[str(c.RULE)], MANUAL))
    kept = stored.filter(keep)
    known = pc.is_in(candidates[edge_id], value_set=kept[edge_id].combine_chunks())
    fresh = candidates.filter(pc.invert(known))
    place = pc.index_in(fresh[edge_id], value_set=stored[edge_id].combine_chunks())
    before = stored[str(c.CREATED_AT)].combine_chunks().take(place.combine_chunks())
    fresh = fresh.append_column(str(c.CREATED_AT), before.fill_null(pa.scalar(as_of, before.type)))
    rows = pa.concat_tables([IDENTITY_EDGES.cast(kept), IDENTITY_EDGES.cast(fresh, fill=True)])
    return rows.sort_by(edge_id)


def _by_kind(
    kind: ibis.expr.types.StringValue,
    values: dict[str, int] | dict[str, str] | dict[str, float],
    default: object,
) -> ibis.Value:
    return ibis.cases(*((kind == k, ibis.literal(v)) for k, v in values.items()), else_=default)
