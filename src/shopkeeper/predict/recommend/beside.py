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
from shopkeeper.predict.recommend.neighbours import cosine_weights, keep_largest, transition_weights
from shopkeeper.predict.recommend.similar import ItemGraph, Neighbours

__all__ = ["neighbour_rows", "similar_weights", "together_weights"]

_WORDS_SHARE = 0.5
"""What likeness in words counts beside likeness in buyers; a new arrival has nothing else."""

_ITEMS_AT_ONCE = 1_000


def similar_weights(model: ShopRecommender, buyers: Matrix, k: int) -> Matrix:
    """How alike other products are: same buyers, same words.

    Parameters
    ----------
    model
        Fitted.
    buyers
        Cosine over customers, item × item.
    k
        Neighbours kept of a product.

    Returns
    -------
    scipy.sparse.csr_array
        Item × item, nothing for the item itself; made a thousand items at a time.
    """
    content = model.content
    n = len(model.item_ids)
    blocks = []
    for start in range(0, max(n, 1), _ITEMS_AT_ONCE):
        items = np.arange(start, min(start + _ITEMS_AT_ONCE, n))
        alike = _levelled_rows(sp.csr_array(buyers[items]))
        if isinstance(content, Content):
            alike = sp.csr_array(alike + _WORDS_SHARE * content.similar_items(items))
        blocks.append(keep_largest(alike, k))
    return sp.csr_array(sp.vstack(blocks, format="csr"))


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
    buyers = cosine_weights(known, neighbours=4 * k)
    together = model.together
    baskets = isinstance(together, ItemGraph) and together.window == 0
    parts = []
    for kind, rows in (
        ("similar", similar_weights(model, buyers, k)),
        ("bought_together", keep_largest(together_weights(model), k)),
    ):
        row = np.repeat(every, np.diff(rows.indptr))
        own = (row != rows.indices) & (rows.data > 0)
        row, other, scores = row[own], rows.indices[own].astype(np.int64), rows.data[own]
        order = np.lexsort((other, -scores, row))
        row, other, scores = row[order], other[order], scores[order]
        ranks = np.arange(len(row)) - np.searchsorted(row, row) + 1
        if kind == "similar":
            held = np.sqrt(np.bincount(known.weights().indices, minlength=len(every)))
            times = np.rint(_entries(buyers, row, other) * held[row] * held[other])
            codes = ("same_buyers", "same_words")
        else:
            counts = transition_weights(known, window=0, power=1.0, together=1.0, neighbours=100)
            times = _entries(counts, row, other) if baskets else np.zeros(len(row))
            codes = ("in_baskets", "nearby")
        told = (row, ranks, other, scores, times.astype(np.int64))
        parts.append(_rows(model, kind, codes, told, as_of, model_version))
    table = pa.concat_tables(parts)
    by = [("product_id", "ascending"), ("kind", "ascending"), ("rank", "ascending")]
    return ITEM_NEIGHBOURS.cast(table.sort_by(by))


def _entries(matrix: Matrix, rows: Ints, columns: Ints) -> npt.NDArray[np.float64]:
    """Entries of a sparse matrix, 0 where it has none."""
    matrix = sp.csr_array(matrix)
    matrix.sort_indices()
    width = matrix.shape[1]
    keys = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr)) * width + matrix.indices
    wanted = rows * width + columns
    if len(keys) == 0:
        return np.zeros(len(wanted))
    place = np.searchsorted(keys, wanted).clip(max=len(keys) - 1)
    found: npt.NDArray[np.float64] = np.where(keys[place] == wanted, matrix.data[place], 0.0)
    return found


def _rows(
    model: ShopRecommender,
    kind: str,
    codes: tuple[str, str],
    told: tuple[Ints, Ints, Ints, npt.NDArray[np.floating], Ints],
    as_of: datetime,
    model_version: str,
) -> pa.Table:
    """Rows of one kind; the first code tells how often, the second stands where that is 0."""
    row, ranks, other, scores, times = told
    n = len(row)
    distinct, which = np.unique(times, return_inverse=True)
    texts = [
        json.dumps([{"code": codes[0], "times": x}] if x > 0 else [{"code": codes[1]}])
        for x in distinct.tolist()
    ]
    name = model.together.name if kind == "bought_together" else "item-knn"
    names = np.where((times == 0) & (codes[1] == "same_words"), "content", name).astype(object)
    return pa.table(
        {
            "product_id": model.item_ids.take(row),
            "as_of": pa.array([as_of], pa.timestamp("us", tz="UTC")).take(np.zeros(n, np.int64)),
            "kind": pa.array(np.full(n, kind, dtype=object), pa.string()),
            "rank": pa.array(ranks, pa.int32()),
            "other_product_id": model.item_ids.take(other),
            "score": pa.array(scores.astype(np.float64)),
            "model": pa.array(names, pa.string()),
            "model_version": pa.array(np.full(n, model_version, dtype=object), pa.string()),
            "reasons": pa.array(texts, pa.string()).take(which.ravel()),
        }
    )
