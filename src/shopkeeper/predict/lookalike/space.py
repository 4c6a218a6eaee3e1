"""Customers as points in which activity is set aside.

Heavy users are far from zero on every count, so that every seed audience seems to look like them.
Each fact is therefore compared with customers of like activity only: ranks within activity strata.
What is bought becomes a co-buy embedding of rows of length one, which has no amount in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, diags
from sklearn.utils.extmath import randomized_svd

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

STRATUM = 50
"""Customers a stratum of activity holds at least."""
MOST_STRATA = 20
FACTS = 12
PLACES = 24
"""Dimensions of the co-buy embedding."""


@dataclass(frozen=True, slots=True)
class Customers:
    """What is known of customers.

    Parameters
    ----------
    ids : list[str]
        One each.
    facts : Floats
        Features, shape (customers, features); NaN where there is none.
    names : tuple[str, ...]
        Names of the features.
    items : csr_matrix
        How often each bought or saw each item; shape (customers, items); may have no column.
    activity : Floats
        How much each does in all, such as purchases and visits.
    """

    ids: list[str]
    facts: Floats
    names: tuple[str, ...]
    items: csr_matrix
    activity: Floats

    def __len__(self) -> int:
        """Number of customers."""
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Space:
    """Points of customers and the stratum of each.

    Parameters
    ----------
    points : Floats
        Shape (customers, dimensions): facts first, then places of the embedding.
    stratum : Ints
        Stratum of activity.
    facts : int
        How many of the dimensions are facts.
    """

    points: Floats
    stratum: Ints
    facts: int


def strata_of(activity: Floats) -> Ints:
    """Stratum of activity of each customer; equal activity is one stratum.

    Parameters
    ----------
    activity : Floats
        One a customer.

    Returns
    -------
    Ints
        0 for the least active; as many strata as hold `STRATUM` customers each, at most 20.

    Examples
    --------
    >>> strata_of(np.repeat([1.0, 9.0], 100)).tolist() == [0] * 100 + [1] * 100
    True
    """
    count = int(np.clip(len(activity) // STRATUM, 1, MOST_STRATA))
    edges = np.unique(np.quantile(activity, np.linspace(0, 1, count + 1)[1:-1]))
    raw = np.searchsorted(edges, activity, side="left")
    return np.asarray(np.unique(raw, return_inverse=True)[1], dtype=np.int64)


def ranks_within(values: Floats, stratum: Ints) -> Floats:
    """Mid-ranks of each column within strata, from -1 to 1; what is missing is 0.

    Parameters
    ----------
    values : Floats
        Shape (customers, columns).
    stratum : Ints
        Stratum of each customer.

    Returns
    -------
    Floats
        Same shape; free of differences between strata.

    Examples
    --------
    >>> ranks_within(np.array([[1.0], [2.0], [100.0], [200.0]]), np.array([0, 0, 1, 1])).ravel()
    array([-0.5,  0.5, -0.5,  0.5])
    """
    ranked = np.zeros(values.shape)
    for column in range(values.shape[1]):
        x = values[:, column]
        known = np.flatnonzero(np.isfinite(x))
        if not len(known):
            continue
        order = known[np.lexsort((x[known], stratum[known]))]
        s, v = stratum[order], x[order]
        fresh = np.concatenate([[True], s[1:] != s[:-1]])
        size = np.diff(np.append(np.flatnonzero(fresh), len(s)))
        first = np.repeat(np.flatnonzero(fresh), size)
        tie = np.concatenate([[True], (s[1:] != s[:-1]) | (v[1:] != v[:-1])])
        tied = np.diff(np.append(np.flatnonzero(tie), len(s)))
        middle = np.repeat(np.flatnonzero(tie) + (tied - 1) / 2.0, tied)
        ranked[order, column] = 2.0 * (middle - first + 0.5) / np.repeat(size, size) - 1.0
    return ranked


def embedding(items: csr_matrix, seed: int) -> Floats:
    """Places of customers by what they buy together; rows of length one.

    Parameters
    ----------
    items : csr_matrix
        Counts, shape (customers, items).
    seed : int
        Decides the start of the decomposition.

    Returns
    -------
    Floats
        Shape (customers, at most `PLACES`); zero for customers without an item.
    """
    rows = csr_matrix(items, dtype=np.float64)
    rows.data = np.log1p(rows.data)
    owners = np.bincount(rows.indices, minlength=rows.shape[1])
    rows = csr_matrix(rows @ diags(np.log((1.0 + rows.shape[0]) / (1.0 + owners))))
    rows = csr_matrix(diags(1.0 / np.maximum(_lengths(rows), 1e-12)) @ rows)
    places = min(PLACES, min(rows.shape) - 1)
    if places < 1:
        return np.zeros((rows.shape[0], 0))
    left, scale, right = randomized_svd(rows, places, random_state=seed)
    # the sign of a direction is a matter of chance: the largest loading is positive
    signs = np.sign(right[np.arange(places), np.abs(right).argmax(axis=1)])
    points = left * scale * signs
    length = np.linalg.norm(points, axis=1, keepdims=True)
    return np.asarray(points / np.maximum(length, 1e-12))


def build_space(customers: Customers, seed: int) -> Space:
    """Points of customers without their activity.

    Parameters
    ----------
    customers : Customers
        Everybody, the audience included.
    seed : int
        Decides the embedding.

    Returns
    -------
    Space
    """
    stratum = strata_of(customers.activity)
    facts = ranks_within(customers.facts, stratum)
    # hundreds of facts together weigh as much as a few, so that taste is not outvoted
    facts *= np.sqrt(min(1.0, FACTS / max(facts.shape[1], 1)))
    places = embedding(customers.items, seed)
    spread = places.std(axis=0) if places.shape[1] else np.ones(0)
    scaled = places / np.maximum(spread, 1e-9) * 0.5
    return Space(np.column_stack([facts, scaled]), stratum, facts.shape[1])


def _lengths(rows: csr_matrix) -> Floats:
    squares = np.asarray(rows.multiply(rows).sum(axis=1), dtype=np.float64)
    return np.asarray(np.sqrt(squares.ravel()))
