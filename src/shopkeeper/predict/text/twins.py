"""Texts that say the same: equal but for signs and spaces, or nearly so.

A review copied with one word changed must not stand on both sides of a split. Candidates come from
MinHash signatures of three-unit runs (Broder 1997), banded; a pair is a twin when its signatures
agree in `ALIKE` of all places, an estimate of the Jaccard similarity.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from shopkeeper.predict.text.phrases import run_hashes
from shopkeeper.predict.text.units import Hashes, Ints, Units, mixed, read_units

PLACES, BANDS = 48, 12
ALIKE = 0.8
RUN = 3
_SEEDS = mixed(np.arange(1, PLACES + 1, dtype=np.uint64))


def twin_groups(texts: Sequence[str | None]) -> Ints:
    """Group of each text; twins share one.

    Parameters
    ----------
    texts : Sequence[str | None]
        In order.

    Returns
    -------
    Ints
        The place of the first text of the group; equal texts are always one group, empty ones too.

    Examples
    --------
    >>> twin_groups(["房间很干净，下次还会来", "服务差", "房间很干净,下次还会来!!"]).tolist()
    [0, 1, 0]
    """
    units = _spoken(read_units(list(texts)))
    left, right = _same(_whole(units))
    near_left, near_right = _near(units)
    a, b = np.concatenate([left, near_left]), np.concatenate([right, near_right])
    size = len(texts)
    graph = coo_matrix((np.ones(len(a), dtype=bool), (a, b)), shape=(size, size))
    _, group = connected_components(graph, directed=False)
    _, first, back = np.unique(group, return_index=True, return_inverse=True)
    return np.asarray(first[back], dtype=np.int64)


def _spoken(units: Units) -> Units:
    """Units without signs."""
    kept = ~units.mark
    return Units(
        units.points, units.starts[kept], units.ends[kept], units.text[kept], units.hashes[kept],
        units.mark[kept], units.word[kept], units.texts,
    )  # fmt: skip


def _whole(units: Units) -> Hashes:
    """One number a text, from its units in their order."""
    length = np.bincount(units.text, minlength=units.texts)
    place = np.arange(len(units)) - (np.cumsum(length) - length)[units.text]
    turned = mixed(units.hashes + place.astype(np.uint64))
    total = np.zeros(units.texts, dtype=np.uint64)
    np.add.at(total, units.text, turned)
    return total


def _same(keys: Hashes) -> tuple[Ints, Ints]:
    """Neighbours with one key, as pairs; chains of pairs hold whole groups together."""
    order = np.argsort(keys, kind="stable")
    equal = keys[order][1:] == keys[order][:-1]
    return order[:-1][equal].astype(np.int64), order[1:][equal].astype(np.int64)


def _near(units: Units) -> tuple[Ints, Ints]:
    none = np.zeros(0, dtype=np.int64)
    if len(units) < RUN:
        return none, none
    inside = units.text[: len(units) - RUN + 1] == units.text[RUN - 1 :]
    hashes = mixed(run_hashes(units.hashes, RUN)[inside])
    owner = units.text[: len(units) - RUN + 1][inside]
    if not len(owner):
        return none, none
    texts, first = np.unique(owner, return_index=True)
    signature = np.empty((len(texts), PLACES), dtype=np.uint64)
    for place, seed in enumerate(_SEEDS):
        signature[:, place] = np.minimum.reduceat(mixed(hashes ^ seed), first)
    pairs = [_same(_banded(signature, band)) for band in range(BANDS)]
    left = np.concatenate([a for a, _ in pairs])
    right = np.concatenate([b for _, b in pairs])
    alike = (signature[left] == signature[right]).mean(axis=1) >= ALIKE
    return texts[left[alike]], texts[right[alike]]


def _banded(signature: Hashes, band: int) -> Hashes:
    size = PLACES // BANDS
    part = signature[:, band * size : (band + 1) * size]
    key = np.zeros(len(part), dtype=np.uint64)
    for column in part.T:
        key = mixed(key ^ column)
    return key
