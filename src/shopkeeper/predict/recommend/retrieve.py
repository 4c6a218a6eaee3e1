"""Nearest items among very many: an inverted file over factors, in numpy."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np

from shopkeeper.core.errors import InputError, SourceError
from shopkeeper.predict.memory import require_memory
from shopkeeper.predict.recommend.interactions import Floats, Ints

__all__ = ["Retrieval", "exact_top"]

_ROWS_AT_ONCE = 65_536
_TRIED = 64
_SHARES = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6)


class Retrieval:
    """Largest inner products, looked for in the cells whose centre fits best.

    An inverted file (Jégou, Douze & Schmid 2011, without compression) over spherical k-means:
    items are grouped by direction and stored cell after cell, so that a probed cell is one slice of
    memory and one matrix product. Exact where every cell is probed.

    Parameters
    ----------
    cells
        Number of cells; None takes twice the root of the number of items.
    probes
        Share of the cells looked into; None lets `build` find the smallest that finds ``recall`` of
        the hundred nearest of a sample of queries.
    recall
        What is to be found, as a share.
    limit_mb
        Bound of memory in MiB: the vectors twice while they are sorted, plus the centres.
    """

    def __init__(
        self,
        cells: int | None = None,
        probes: float | None = None,
        recall: float = 0.985,
        limit_mb: int = 2_048,
    ) -> None:
        if probes is not None and not 0 < probes <= 1:
            raise InputError(
                f"probes {probes} is not a share of the cells",
                next_step="give a number above 0 and at most 1, such as 0.05",
                probes=probes,
            )
        self.cells = cells
        self.probes = 1.0 if probes is None else probes
        self.recall = recall
        self._measured = probes is None
        self.limit_mb = limit_mb
        self._vectors: Floats = np.zeros((0, 0), dtype=np.float32)
        self._ids: Ints = np.zeros(0, dtype=np.int64)
        self._starts: Ints = np.zeros(1, dtype=np.int64)
        self._centres: Floats = np.zeros((0, 0), dtype=np.float32)

    def build(
        self, vectors: Floats, *, seed: int = 0, rounds: int = 8, queries: Floats | None = None
    ) -> Self:
        """Group the items.

        Parameters
        ----------
        vectors
            float32, shape (items, dimensions).
        seed
            Decides the sample and the first centres.
        rounds
            Iterations of k-means on a sample.
        queries
            What will be asked, to find the share of cells by; items themselves when left out.

        Returns
        -------
        Retrieval
            The same object, ready to `search`.
        """
        n, width = vectors.shape
        require_memory(
            f"an index of {n:,} items by {width} dimensions",
            2 * 4 * n * width + 16 * n,
            self.limit_mb,
            "raise limit_mb or shorten the factors",
            size=n,
            unit="items",
        )
        count = min(self.cells or max(1, int(2 * np.sqrt(n))), max(n, 1))
        rng = np.random.default_rng(seed)
        sample = vectors[np.sort(rng.permutation(n)[: 32 * count])]
        sample = sample / np.maximum(np.linalg.norm(sample, axis=1, keepdims=True), 1e-12)
        centres = sample[rng.permutation(len(sample))[:count]].copy()
        for _ in range(rounds):
            centres = _moved(sample, centres)
        cell = _nearest(vectors, centres)
        order = np.argsort(cell, kind="stable")
        self._vectors = np.ascontiguousarray(vectors[order], dtype=np.float32)
        self._ids = order.astype(np.int64)
        self._starts = np.searchsorted(cell[order], np.arange(count + 1)).astype(np.int64)
        self._centres = centres
        if self._measured and n:
            self._find_probes(vectors[rng.permutation(n)[:_TRIED]] if queries is None else queries)
        return self

    def _find_probes(self, queries: Floats) -> None:
        queries = queries[:_TRIED]
        depth = min(100, len(self._ids))
        truth = [exact_top(self._vectors, query, depth)[0] for query in queries]
        for share in (*_SHARES, 1.0):
            self.probes = share
            found = [
                np.isin(self._ids[near], self.search(query, depth)[0]).mean()
                for near, query in zip(truth, queries, strict=True)
            ]
            if np.mean(found) >= self.recall:
                return

    def search(self, query: Floats, k: int) -> tuple[Ints, Floats]:
        """Items with the largest inner product with one query.

        Parameters
        ----------
        query
            float32, shape (dimensions,).
        k
            How many.

        Returns
        -------
        tuple of numpy.ndarray
            Item codes and products, largest first; equal products by code.
        """
        wanted = max(1, round(self.probes * len(self._centres)))
        fit = self._centres @ query
        asked = np.argpartition(-fit, min(wanted, len(fit) - 1))[:wanted]
        # A cell is one slice: at most a few hundred steps, not one a row.
        bounds = [(self._starts[cell], self._starts[cell + 1]) for cell in asked.tolist()]
        products = np.concatenate([self._vectors[a:b] @ query for a, b in bounds])
        codes = np.concatenate([self._ids[a:b] for a, b in bounds])
        return _best(codes, products, k)

    def save(self, folder: Path) -> None:
        """Write the index as npz.

        Parameters
        ----------
        folder
            Made if it does not exist.
        """
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(
            folder / "index.npz",
            vectors=self._vectors,
            ids=self._ids,
            starts=self._starts,
            centres=self._centres,
            probes=np.array(self.probes),
        )

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Parameters
        ----------
        folder
            Folder given to `save`.

        Returns
        -------
        Retrieval
            Gives the same answers.

        Raises
        ------
        SourceError
            If there is no index.
        """
        try:
            with np.load(folder / "index.npz", allow_pickle=False) as stored:
                index = cls(probes=float(stored["probes"]))
                index._vectors = stored["vectors"]
                index._ids = stored["ids"]
                index._starts = stored["starts"]
                index._centres = stored["centres"]
        except (OSError, KeyError, ValueError) as error:
            raise SourceError(
                f"{folder} holds no index that can be read ({type(error).__name__})",
                next_step="build it again from the factors",
                path=str(folder),
            ) from error
        return index


def exact_top(vectors: Floats, query: Floats, k: int) -> tuple[Ints, Floats]:
    """The same answer by looking at every item.

    Parameters
    ----------
    vectors
        Shape (items, dimensions).
    query
        Shape (dimensions,).
    k
        How many.

    Returns
    -------
    tuple of numpy.ndarray
        Item codes and products, largest first.
    """
    products = vectors @ query
    return _best(np.arange(len(vectors)), products, k)


def _best(codes: Ints, products: Floats, k: int) -> tuple[Ints, Floats]:
    k = min(k, len(codes))
    if k == 0:
        return codes[:0], products[:0]
    near = np.argpartition(-products, k - 1)[:k]
    order = near[np.lexsort((codes[near], -products[near]))]
    return codes[order], products[order]


def _moved(sample: Floats, centres: Floats) -> Floats:
    cell = _nearest(sample, centres)
    order = np.argsort(cell, kind="stable")
    present, first = np.unique(cell[order], return_index=True)
    moved = centres.copy()
    moved[present] = np.add.reduceat(sample[order], first, axis=0)
    norms = np.linalg.norm(moved, axis=1, keepdims=True)
    unit: Floats = (moved / np.maximum(norms, 1e-12)).astype(np.float32)
    return unit


def _nearest(vectors: Floats, centres: Floats) -> Ints:
    cell = np.empty(len(vectors), dtype=np.int64)
    step = max(1, _ROWS_AT_ONCE * 64 // max(len(centres), 1))
    for start in range(0, len(vectors), step):
        cell[start : start + step] = (vectors[start : start + step] @ centres.T).argmax(axis=1)
    return cell
