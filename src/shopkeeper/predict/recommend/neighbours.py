"""Item × item weights from histories, computed sparse and in blocks of bounded memory."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from shopkeeper.predict.recommend.interactions import Interactions, Ints, Matrix

__all__ = ["cosine_weights", "keep_largest", "normalise", "transition_weights"]

Doubles = npt.NDArray[np.float64]

_BLOCK_PRODUCTS = 15_000_000
"""Multiplications of one block of a sparse product: about 200 MB at worst."""


def transition_weights(
    interactions: Interactions,
    *,
    window: int,
    power: float,
    together: float = 0.0,
    neighbours: int | None = None,
) -> Matrix:
    """How often, and how closely, one item follows another.

    ``W[i, j] = Σ over users and pairs of steps k = 1..window apart (i first) of 1 / k**power``,
    plus ``together`` for each pair of the same step (one basket).

    Parameters
    ----------
    interactions
        Histories; only their order counts.
    window
        Largest number of steps between the two.
    power
        How fast the weight falls with the distance.
    together
        Weight of a pair within one step; an item is not its own company.
    neighbours
        Keep only so many largest entries a row; None keeps all.

    Returns
    -------
    scipy.sparse.csr_array
        float64, shape (n_items, n_items).
    """
    key = interactions.users * (int(interactions.steps.max(initial=0)) + 1) + interactions.steps
    keys, baskets = np.unique(key, return_inverse=True)
    owners = np.zeros(len(keys), dtype=np.int64)
    owners[baskets] = interactions.users
    held = sp.csr_array(
        (np.ones(interactions.n), (baskets, interactions.items)),
        shape=(len(keys), interactions.n_items),
    )
    later = _ahead(owners, window, power) @ held
    if together:
        later = later + together * held
    itself: Doubles = together * np.asarray(held.sum(axis=0), dtype=np.float64).ravel()
    return _product(held.T.tocsr(), later.tocsr(), neighbours, less=itself)


def _ahead(owners: Ints, window: int, power: float) -> Matrix:
    """Steps × steps: the weight with which a step sees each later step of its user."""
    n = len(owners)
    rows, columns, data = [], [], []
    for gap in range(1, min(window, n - 1) + 1):
        start = np.flatnonzero(owners[gap:] == owners[:-gap])
        if len(start) == 0:
            break
        rows.append(start)
        columns.append(start + gap)
        data.append(np.full(len(start), 1.0 / gap**power))
    if not rows:
        return sp.csr_array((n, n), dtype=np.float64)
    place = (np.concatenate(rows), np.concatenate(columns))
    return sp.csr_array((np.concatenate(data), place), shape=(n, n))


def cosine_weights(
    interactions: Interactions,
    *,
    user_power: float = 0.0,
    neighbours: int | None = None,
) -> Matrix:
    """Cosine between items over the users who had them.

    Parameters
    ----------
    interactions
        Histories; how often a user had an item does not count.
    user_power
        A user with m items weighs ``m ** -user_power``: people who have everything say little.
    neighbours
        Keep only so many largest entries a row; None keeps all.

    Returns
    -------
    scipy.sparse.csr_array
        float64, shape (n_items, n_items), diagonal 0.
    """
    held = interactions.weights().astype(np.float64)
    held.data[:] = 1.0
    degree = np.diff(held.indptr).astype(np.float64)
    item_norm = np.sqrt(np.maximum(np.asarray(held.sum(axis=0)).ravel(), 1.0))
    scaled = held @ sp.diags_array(1.0 / item_norm)
    by_user = sp.diags_array(np.maximum(degree, 1.0) ** -user_power) @ scaled
    return _product(scaled.T.tocsr(), by_user.tocsr(), neighbours, less=None)


def _product(left: Matrix, right: Matrix, neighbours: int | None, less: Doubles | None) -> Matrix:
    """``left @ right`` in blocks of rows, each trimmed before the next is computed.

    ``less`` is taken off the diagonal; None empties the diagonal.
    """
    cost = np.cumsum(np.r_[0, left @ np.diff(right.indptr).astype(np.float64)])
    cuts = np.searchsorted(cost, np.arange(_BLOCK_PRODUCTS, cost[-1], _BLOCK_PRODUCTS))
    edges = np.unique(np.r_[0, cuts, left.shape[0]])
    blocks = []
    for start, stop in pairwise(edges.tolist()):
        block = _off_diagonal(sp.csr_array(left[start:stop] @ right), start, less)
        blocks.append(block if neighbours is None else keep_largest(block, neighbours))
    product = sp.csr_array(sp.vstack(blocks, format="csr"))
    product.sort_indices()
    return product


def _off_diagonal(block: Matrix, start: int, less: Doubles | None) -> Matrix:
    row = np.repeat(np.arange(block.shape[0]), np.diff(block.indptr))
    own = np.flatnonzero(row + start == block.indices)
    block.data[own] = 0.0 if less is None else block.data[own] - less[block.indices[own]]
    block.eliminate_zeros()
    return block


def keep_largest(matrix: Matrix, count: int) -> Matrix:
    """Keep the ``count`` largest entries of each row; ties at the edge go to lower columns.

    Parameters
    ----------
    matrix
        Any sparse rows.
    count
        At least 1.

    Returns
    -------
    scipy.sparse.csr_array
        Same shape, indices sorted.
    """
    matrix = sp.csr_array(matrix)
    matrix.sort_indices()
    sizes = np.diff(matrix.indptr)
    long_rows = np.flatnonzero(sizes > count)
    if len(long_rows) == 0:
        return matrix
    keep = np.ones(matrix.nnz, dtype=np.bool_)
    # One step an item, not a row of bulk data: each partitions that item's neighbours in numpy.
    for row in long_rows.tolist():
        own = slice(matrix.indptr[row], matrix.indptr[row + 1])
        values = matrix.data[own]
        edge = np.partition(values, len(values) - count)[len(values) - count]
        above = values > edge
        ties = np.flatnonzero(values == edge)
        above[ties[: count - int(above.sum())]] = True
        keep[own] = above
    indptr = np.r_[0, np.cumsum(keep)][matrix.indptr]
    return sp.csr_array((matrix.data[keep], matrix.indices[keep], indptr), shape=matrix.shape)


def normalise(weights: Matrix, *, rows: float, columns: float) -> Matrix:
    """Divide by powers of (sum + 1) of row and column, so that popular items do not drown all.

    Parameters
    ----------
    weights
        Item × item.
    rows, columns
        Exponents; 0 leaves that side as it is.

    Returns
    -------
    scipy.sparse.csr_array
        float32.
    """
    left = (np.asarray(weights.sum(axis=1)).ravel() + 1.0) ** -rows
    right = (np.asarray(weights.sum(axis=0)).ravel() + 1.0) ** -columns
    scaled = sp.diags_array(left) @ weights @ sp.diags_array(right)
    return sp.csr_array(scaled.astype(np.float32))
