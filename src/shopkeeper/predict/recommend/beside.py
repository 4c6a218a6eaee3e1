"""What goes with a product: like it, or bought together with it."""

from __future__ import annotations

import json
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import scipy.sparse as sp

from shopkeeper.core.tables import ITEM_NEIGHBOURS
from shopkeeper.predict.recommend.content import Content
from shopkeeper.predict.recommend.interactions import Interactions, Ints, Matrix
from shopkeeper.predict.recommend.model import ShopRecommender
from shopkeeper.predict.recommend.neighbours import cosine_weights, keep_largest
from shopkeeper.predict.recommend.similar import Neighbours

__all__ = ["neighbour_rows", "similar_weights", "together_weights"]

_WORDS_SHARE = 0.5
"""What likeness in words counts beside likeness in buyers; a new arrival has nothing else."""


def similar_weights(model: ShopRecommender, items: Ints, buyers: Matrix | None = None) -> Matrix:
    """How alike other products are: same buyers, same words.

    Parameters
    ----------
    model
        Fitted.
    items
        Codes asked about.
    buyers
        Cosine over customers, item × item, where it is at hand; None goes by words and by what is
        bought together.

    Returns
    -------
    scipy.sparse.csr_array
        Shape (asked, items), nothing for the item itself.
    """
    content = model.content
    words = content.similar_items(items) if isinstance(content, Content) else None
    if buyers is None:
        buyers = together_weights(model)
    return _mixed(_levelled_rows(sp.csr_array(buyers[items])), words)


def _mixed(bought: Matrix, words: Matrix | None) -> Matrix:
    if words is None or words.nnz == 0:
        return bought
    return sp.csr_array(bought + _WORDS_SHARE * words)


def together_weights(model: ShopRecommender) -> Matrix:
    """How often products are bought together, held against how often each is bought.

    Parameters
    ----------
    model
        Fitted.

    Returns
    -------
    scipy.sparse.csr_array
        Item × item.
    """
    part = model.together
    if not isinstance(part, Neighbours):
        return sp.csr_array(np.zeros((1, 1), dtype=np.float32))
    return part.weights


def _levelled_rows(rows: Matrix) -> Matrix:
    largest = np.asarray(rows.max(axis=1).toarray()).ravel()
    return sp.csr_array(sp.diags_array(1.0 / np.maximum(largest, 1e-12)) @ rows)


def neighbour_rows(
    model: ShopRecommender,
    past: Interactions,
    *,
    as_of: datetime,
    k: int,
    model_version: str,
) -> pa.Table:
    """Rows of ITEM_NEIGHBOURS for every product that anything is known of.

    Parameters
    ----------
    model
        Fitted on ``past``.
    past
        Histories, to count baskets and buyers from.
    as_of
        The moment, with time zone.
    k
        Longest list of each kind.
    model_version
        Written to every row.

    Returns
    -------
    pyarrow.Table
        Sorted by product, kind and rank.
    """
    every = np.arange(len(model.item_ids))
    known = past.for_items(model.item_ids)
    buyers = cosine_weights(known.where(known.steps_ago() < 50), neighbours=4 * k)
    alike = keep_largest(similar_weights(model, every, buyers), k)
    together = keep_largest(together_weights(model), k)
    held = known.weights()
    held.data[:] = 1.0
    baskets = _baskets(known)
    parts = []
    for kind, rows, counted in (
        ("similar", alike, held),
        ("bought_together", together, baskets),
    ):
        row = np.repeat(every, np.diff(rows.indptr))
        own = (row != rows.indices) & (rows.data > 0)
        row, other, scores = row[own], rows.indices[own].astype(np.int64), rows.data[own]
        order = np.lexsort((other, -scores, row))
        row, other, scores = row[order], other[order], scores[order]
        ranks = np.arange(len(row)) - np.searchsorted(row, row) + 1
        times = _shared(counted, row, other)
        parts.append(_rows(model, kind, row, ranks, other, scores, times, as_of, model_version))
    table = pa.concat_tables(parts)
    by = [("product_id", "ascending"), ("kind", "ascending"), ("rank", "ascending")]
    return ITEM_NEIGHBOURS.cast(table.sort_by(by))


def _baskets(known: Interactions) -> Matrix:
    """Baskets × items."""
    step = known.users * (int(known.steps.max(initial=0)) + 1) + known.steps
    keys, place = np.unique(step, return_inverse=True)
    ones = np.ones(known.n, dtype=np.float32)
    return sp.csr_array((ones, (place, known.items)), shape=(len(keys), known.n_items))


def _shared(held: Matrix, left: Ints, right: Ints) -> Ints:
    """In how many rows of ``held`` both items of each pair are."""
    columns = held.tocsc()
    counts = np.zeros(len(left), dtype=np.int64)
    step = max(1, 20_000_000 // max(int(np.diff(columns.indptr).max(initial=1)), 1))
    for start in range(0, len(left), step):
        part = slice(start, start + step)
        both = columns[:, left[part]].multiply(columns[:, right[part]])
        counts[part] = np.asarray(both.sum(axis=0)).ravel().astype(np.int64)
    return counts


def _rows(
    model: ShopRecommender,
    kind: str,
    row: Ints,
    ranks: Ints,
    other: Ints,
    scores: npt.NDArray[np.floating],
    times: Ints,
    as_of: datetime,
    model_version: str,
) -> pa.Table:
    n = len(row)
    code = "same_buyers" if kind == "similar" else "in_baskets"
    distinct, which = np.unique(times, return_inverse=True)
    texts = [
        json.dumps([{"code": code, "times": x}] if x > 0 else [{"code": "same_words"}])
        for x in distinct.tolist()
    ]
    name = model.together.name if kind == "bought_together" else "item-knn"
    return pa.table(
        {
            "product_id": model.item_ids.take(row),
            "as_of": pa.array([as_of], pa.timestamp("us", tz="UTC")).take(np.zeros(n, np.int64)),
            "kind": pa.array(np.full(n, kind, dtype=object), pa.string()),
            "rank": pa.array(ranks, pa.int32()),
            "other_product_id": model.item_ids.take(other),
            "score": pa.array(scores.astype(np.float64)),
            "model": pa.array(
                np.where((times == 0) & (kind == "similar"), "content", name).astype(object),
                pa.string(),
            ),
            "model_version": pa.array(np.full(n, model_version, dtype=object), pa.string()),
            "reasons": pa.array(texts, pa.string()).take(which.ravel()),
        }
    )
