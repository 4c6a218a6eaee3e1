"""Bought together: frequent item sets and association rules, by Apriori on packed bits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shopkeeper.core.errors import InputError, TooLargeError
from shopkeeper.predict.recommend.interactions import Interactions, Ints

__all__ = ["ItemSets", "frequent_sets", "rules"]

Bits = npt.NDArray[np.uint8]

_MAX_CANDIDATES = 20_000_000
_BITS_AT_ONCE = 64_000_000


@dataclass(frozen=True, slots=True, eq=False)
class ItemSets:
    """Item sets that occur in enough baskets, by size.

    Parameters
    ----------
    by_size
        Entry m−1 has shape (sets, m): item codes ascending in a row, rows in lexical order.
    counts
        Entry m−1: number of baskets with each set.
    baskets
        Number of baskets.
    item_ids
        The ids behind the codes.
    """

    by_size: tuple[Ints, ...]
    counts: tuple[Ints, ...]
    baskets: int
    item_ids: pa.StringArray

    @property
    def total(self) -> int:
        """How many sets of any size."""
        return sum(len(sets) for sets in self.by_size)


def frequent_sets(baskets: Interactions, support: float, *, longest: int = 10) -> ItemSets:
    """All item sets in at least ``support`` of the baskets (Agrawal & Srikant 1994).

    Parameters
    ----------
    baskets
        One user a basket; an item counts once in it. Baskets without items count too.
    support
        Smallest share of baskets, in (0, 1].
    longest
        Largest size of a set.

    Returns
    -------
    ItemSets
        Exact counts.

    Raises
    ------
    InputError
        If the support is not a share.
    TooLargeError
        If a level has more candidates than can be counted in bounded time.
    """
    if not 0 < support <= 1:
        raise InputError(
            f"support {support} is not a share of baskets",
            next_step="give a number above 0 and at most 1, for example 0.01",
            support=support,
        )
    total = baskets.n_users
    # A hair below the bound: 0.01 · 9,800 must not round up past 98.
    least = int(np.ceil(support * total - 1e-9))
    held = baskets.weights().tocsc()
    single = np.diff(held.indptr)
    often = np.flatnonzero(single >= max(least, 1)).astype(np.int64)
    bits = np.zeros((len(often), (total + 7) // 8), dtype=np.uint8)
    for row, item in enumerate(often.tolist()):
        own = np.zeros(total, dtype=np.bool_)
        own[held.indices[held.indptr[item] : held.indptr[item + 1]]] = True
        bits[row] = np.packbits(own)
    by_size = [np.arange(len(often), dtype=np.int64)[:, None]]
    counts = [single[often].astype(np.int64)]
    while len(by_size) < longest and len(by_size[-1]) > 1:
        candidates = _joined(by_size[-1])
        if len(candidates) == 0:
            break
        found = _count(bits, candidates)
        keep = found >= max(least, 1)
        if not keep.any():
            break
        by_size.append(candidates[keep])
        counts.append(found[keep])
    coded = tuple(often[sets] for sets in by_size)
    return ItemSets(coded, tuple(counts), total, baskets.item_ids)


def _joined(sets: Ints) -> Ints:
    """Pairs of sets that share all but the last item, with every subset frequent."""
    size = sets.shape[1]
    new_group = np.ones(len(sets), dtype=np.bool_)
    new_group[1:] = (sets[1:, :-1] != sets[:-1, :-1]).any(axis=1)
    group = np.cumsum(new_group) - 1
    ends = np.r_[np.flatnonzero(new_group), len(sets)][group + 1]
    partners = ends - np.arange(len(sets)) - 1
    n = int(partners.sum())
    if n > _MAX_CANDIDATES:
        raise TooLargeError(
            f"item sets of size {size + 1} have {n:,} candidates, the bound is {_MAX_CANDIDATES:,}",
            next_step="raise the support",
            candidates=n,
        )
    left = np.repeat(np.arange(len(sets)), partners)
    offset = np.arange(n) - np.repeat(np.cumsum(partners) - partners, partners)
    joined = np.column_stack([sets[left], sets[left + 1 + offset, -1]])
    # Every subset that lacks one of the first items must be frequent as well.
    for missing in range(size - 1):
        joined = joined[_among(np.delete(joined, missing, axis=1), sets)]
    return joined


def _among(rows: Ints, sets: Ints) -> npt.NDArray[np.bool_]:
    return _find(rows, sets) >= 0


def _find(rows: Ints, sets: Ints) -> Ints:
    """Place of each row in lexically sorted sets, -1 where it is not there."""
    both, code = np.unique(np.vstack([sets, rows]), axis=0, return_inverse=True)
    place = np.full(len(both), -1, dtype=np.int64)
    code = code.ravel()
    place[code[: len(sets)]] = np.arange(len(sets))
    found: Ints = place[code[len(sets) :]]
    return found


def _count(bits: Bits, candidates: Ints) -> Ints:
    counts = np.empty(len(candidates), dtype=np.int64)
    step = max(1, _BITS_AT_ONCE // max(bits.shape[1], 1))
    for start in range(0, len(candidates), step):
        part = candidates[start : start + step]
        joint = bits[part[:, 0]]
        for column in range(1, part.shape[1]):
            joint &= bits[part[:, column]]
        counts[start : start + step] = np.bitwise_count(joint).sum(axis=1, dtype=np.int64)
    return counts


def rules(sets: ItemSets, confidence: float) -> pa.Table:
    """Rules "who has the left side also has the right item", from frequent sets.

    Parameters
    ----------
    sets
        Frequent item sets; every set of two or more gives one rule for each of its items.
    confidence
        Smallest share of the baskets with the left side that also have the right item.

    Returns
    -------
    pyarrow.Table
        ``left`` (list of ids), ``right``, ``count``, ``support``, ``confidence``, ``lift``; by
        falling lift, then falling count, then ids.
    """
    singles = np.zeros(len(sets.item_ids), dtype=np.int64)
    singles[sets.by_size[0][:, 0]] = sets.counts[0]
    parts = []
    for size in range(2, len(sets.by_size) + 1):
        whole, together = sets.by_size[size - 1], sets.counts[size - 1]
        for place in range(size):
            left = np.delete(whole, place, axis=1)
            before = sets.counts[size - 2][_find(left, sets.by_size[size - 2])]
            keep = together >= confidence * before - 1e-9
            left, right, count, base = left[keep], whole[keep, place], together[keep], before[keep]
            names = pa.ListArray.from_arrays(
                pa.array(np.arange(0, left.size + 1, size - 1), pa.int32()),
                sets.item_ids.take(left.ravel()),
            )
            share = count / base
            columns = {
                "left": names,
                "right": sets.item_ids.take(right),
                "count": pa.array(count),
                "support": pa.array(count / sets.baskets),
                "confidence": pa.array(share),
                "lift": pa.array(share * sets.baskets / singles[right]),
            }
            parts.append(pa.table(columns))
    if not parts:
        return _EMPTY
    table = pa.concat_tables(parts)
    by_lift = [("lift", "descending"), ("count", "descending"), ("right", "ascending")]
    return table.sort_by(by_lift)


_EMPTY = pa.table(
    {
        "left": pa.array([], pa.list_(pa.string())),
        "right": pa.array([], pa.string()),
        "count": pa.array([], pa.int64()),
        "support": pa.array([], pa.float64()),
        "confidence": pa.array([], pa.float64()),
        "lift": pa.array([], pa.float64()),
    }
)
