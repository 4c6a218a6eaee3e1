"""EASE: a linear item–item model with a closed-form answer (Steck 2019)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
import scipy.linalg
import scipy.sparse as sp

from shopkeeper.core.errors import TooLargeError
from shopkeeper.predict.recommend.base import Recommender
from shopkeeper.predict.recommend.interactions import Floats, Interactions, Ints, Matrix

__all__ = ["Ease"]


class Ease(Recommender):
    """B = −P / diag(P) with P = (XᵀX + λI)⁻¹ and a zero diagonal; score = history · B.

    The inverse is dense: memory grows with the square and time with the cube of the items.

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
    """

    name: ClassVar[str] = "ease"
    reason: ClassVar[str] = "bought_together"

    def __init__(
        self,
        regularisation: float = 100.0,
        decay: float = 0.9,
        max_items: int = 5_000,
        overflow: Literal["refuse", "frequent"] = "refuse",
    ) -> None:
        super().__init__()
        self.regularisation = regularisation
        self.decay = decay
        self.max_items = max_items
        self.overflow = overflow
        self._kept: Ints = np.zeros(0, dtype=np.int64)
        self._weights: Floats = np.zeros((0, 0), dtype=np.float32)

    def parameters(self) -> dict[str, Any]:
        """Everything `__init__` takes."""
        return {
            "regularisation": self.regularisation,
            "decay": self.decay,
            "max_items": self.max_items,
            "overflow": self.overflow,
        }

    def _learn(self, interactions: Interactions, seed: int) -> None:  # noqa: ARG002 - nothing random
        n_items = interactions.n_items
        if n_items > self.max_items and self.overflow == "refuse":
            gigabytes = 3 * 4 * n_items**2 / 1e9
            raise TooLargeError(
                f"EASE on {n_items:,} items needs about {gigabytes:.1f} GB and "
                f"{n_items**3 / 4e10:,.0f} s; the bound is {self.max_items:,} items",
                next_step="raise max_items, or set overflow='frequent' to keep the most bought",
                n_items=n_items,
                max_items=self.max_items,
            )
        held = interactions.weights()
        held.data[:] = 1.0
        counts = np.asarray(held.sum(axis=0)).ravel()
        # Ties at the edge go to the lower code, which is the lower id.
        order = np.argsort(-counts, kind="stable")[: self.max_items]
        self._kept = np.sort(order).astype(np.int64)
        held = held[:, self._kept]
        gram = (held.T @ held).toarray().astype(np.float32)
        gram[np.diag_indices_from(gram)] += self.regularisation
        factor = scipy.linalg.cho_factor(gram, overwrite_a=True, check_finite=False)
        identity = np.eye(len(self._kept), dtype=np.float32)
        inverse = scipy.linalg.cho_solve(factor, identity, overwrite_b=True, check_finite=False)
        weights = -inverse / np.diag(inverse)
        np.fill_diagonal(weights, 0.0)
        self._weights = weights.astype(np.float32, copy=False)

    def _score(self, histories: Interactions) -> Floats:
        scores = np.zeros((histories.n_users, histories.n_items), dtype=np.float32)
        scores[:, self._kept] = histories.weights(self.decay)[:, self._kept] @ self._weights
        return scores

    def _links(self, items: Ints) -> Matrix:
        place = np.searchsorted(self._kept, items).clip(max=max(len(self._kept) - 1, 0))
        inside = np.flatnonzero(self._kept[place] == items)
        columns = self._weights[:, place[inside]].T
        rows = np.repeat(inside, len(self._kept))
        codes = np.tile(self._kept, len(inside))
        shape = (len(items), len(self.item_ids))
        return sp.csr_array((columns.ravel(), (rows, codes)), shape=shape)

    def _state(self) -> Mapping[str, Any]:
        return {"kept": self._kept, "dense": self._weights}

    def _restore(self, state: Mapping[str, Any]) -> None:
        self._kept = state["kept"]
        self._weights = state["dense"]
