"""EASE: a linear item–item model with a closed-form answer (Steck 2019)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
import scipy.linalg
import scipy.sparse as sp

from shopkeeper.core.errors import TooLargeError
from shopkeeper.predict.memory import require_memory
from shopkeeper.predict.recommend.base import Recommender
from shopkeeper.predict.recommend.interactions import Floats, Interactions, Ints, Matrix

__all__ = ["Ease"]

_ROWS_AT_ONCE = 512


class Ease(Recommender):
    """B = −P / diag(P) with P = (XᵀX + λI)⁻¹ and a zero diagonal; score = history · B.

    One dense square of float32 is all that is held: the factor replaces the counts and the
    inverse the factor (LAPACK potrf, potri). Memory grows with the square and time with the cube
    of the items: 10,000 items take 0.4 GB, and a second square while the model is written.

    Parameters
    ----------
    regularisation
        λ; larger trusts the counts less.
    decay
        Weight of a step of the history against the one after it, when scoring.
    max_items
        Largest dense side.
    overflow
        What to do with more items: ``refuse``, or keep only the ``frequent`` ones; the others
        then score 0 and are never recommended by this model.
    limit_mb
        Bound of memory in MiB.
    """

    name: ClassVar[str] = "ease"
    reason: ClassVar[str] = "bought_together"

    def __init__(
        self,
        regularisation: float = 300.0,
        decay: float = 0.95,
        max_items: int = 10_000,
        overflow: Literal["refuse", "frequent"] = "refuse",
        limit_mb: int = 2_048,
    ) -> None:
        super().__init__()
        self.regularisation = regularisation
        self.decay = decay
        self.max_items = max_items
        self.overflow = overflow
        self.limit_mb = limit_mb
        self._kept: Ints = np.zeros(0, dtype=np.int64)
        self._weights: Floats = np.zeros((0, 0), dtype=np.float32)

    def parameters(self) -> dict[str, Any]:
        """Everything `__init__` takes."""
        return {
            "regularisation": self.regularisation,
            "decay": self.decay,
            "max_items": self.max_items,
            "overflow": self.overflow,
            "limit_mb": self.limit_mb,
        }

    def _learn(self, interactions: Interactions, seed: int) -> None:  # noqa: ARG002 - nothing random
        n_items = interactions.n_items
        if n_items > self.max_items and self.overflow == "refuse":
            gigabytes = 4 * n_items**2 / 1e9
            raise TooLargeError(
                f"EASE on {n_items:,} items needs about {gigabytes:.1f} GB and "
                f"{n_items**3 / 4e10:,.0f} s; the bound is {self.max_items:,} items",
                next_step="raise max_items, or set overflow='frequent' to keep the most bought",
                n_items=n_items,
                max_items=self.max_items,
            )
        side = min(n_items, self.max_items)
        require_memory(
            f"EASE on {side:,} items",
            4 * side**2 + 3 * 4 * _ROWS_AT_ONCE * side + 24 * interactions.n,
            self.limit_mb,
            "lower max_items with overflow='frequent', or raise limit_mb",
        )
        held = interactions.weights()
        held.data[:] = 1.0
        counts = np.asarray(held.sum(axis=0)).ravel()
        # Ties at the edge go to the lower code, which is the lower id.
        order = np.argsort(-counts, kind="stable")[: self.max_items]
        self._kept = np.sort(order).astype(np.int64)
        self._weights = _inverse_weights(sp.csr_array(held[:, self._kept]), self.regularisation)

    def _score(self, histories: Interactions) -> Floats:
        said = histories.weights(self.decay)[:, self._kept] @ self._weights
        if len(self._kept) == histories.n_items:
            plain: Floats = said
            return plain
        scores = np.zeros((histories.n_users, histories.n_items), dtype=np.float32)
        scores[:, self._kept] = said
        return scores

    def _said(self, held: Matrix, items: Ints) -> Matrix:
        owner = np.repeat(np.arange(held.shape[0]), np.diff(held.indptr))
        last = max(len(self._kept) - 1, 0)
        heard = np.searchsorted(self._kept, held.indices).clip(max=last)
        asked = np.searchsorted(self._kept, items[owner]).clip(max=last)
        both = (self._kept[heard] == held.indices) & (self._kept[asked] == items[owner])
        said = np.where(both, self._weights[heard, asked], 0.0) * held.data
        return sp.csr_array((said, held.indices, held.indptr), shape=held.shape)

    def _state(self) -> Mapping[str, Any]:
        return {"kept": self._kept, "dense": self._weights}

    def _restore(self, state: Mapping[str, Any]) -> None:
        self._kept = state["kept"]
        self._weights = state["dense"]


def _inverse_weights(held: Matrix, regularisation: float) -> Floats:
    """−P / diag(P) in one square, column by column scaled, diagonal 0."""
    side = held.shape[1]
    across = sp.csr_array(held.T.tocsr())
    # Column-major, as LAPACK works in place; the counts are symmetric, so rows may be written.
    square = np.zeros((side, side), dtype=np.float32, order="F")
    for start in range(0, side, _ROWS_AT_ONCE):
        stop = min(start + _ROWS_AT_ONCE, side)
        square[:, start:stop] = (across[start:stop] @ held).toarray().T
    square[np.diag_indices(side)] += np.float32(regularisation)
    square, _ = scipy.linalg.lapack.spotrf(square, lower=1, overwrite_a=1, clean=0)
    square, _ = scipy.linalg.lapack.spotri(square, lower=1, overwrite_c=1)
    # potri fills the lower half only.
    for start in range(0, side, _ROWS_AT_ONCE):
        stop = min(start + _ROWS_AT_ONCE, side)
        part = square[start:stop, start:stop]
        part[:] = np.tril(part) + np.tril(part, -1).T
        square[start:stop, stop:] = square[stop:, start:stop].T
    # Scaled by row and turned: the transpose is row-major, as histories read it, in place.
    square /= -np.diag(square).copy()[:, None]
    np.fill_diagonal(square, 0.0)
    weights: Floats = square.T
    return weights
