"""iALS: customers and items as factors, learned from what was touched and what was not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp

from shopkeeper.predict.memory import require_memory
from shopkeeper.predict.recommend.base import Recommender
from shopkeeper.predict.recommend.interactions import Floats, Interactions, Ints, Matrix

__all__ = ["Ials"]

_CELLS_AT_ONCE = 8_000_000
"""Gathered factors held at once: 8 million float32 are 32 MB."""


class Ials(Recommender):
    """Implicit alternating least squares (Hu, Koren & Volinsky 2008).

    Minimises Σ over touched (1 − p·q)² + ``unseen`` Σ over all (p·q)² + regularisation, where a
    side with n touches is regularised by ``regularisation · (n + unseen · other side)``, the
    scaling of Rendle et al. 2022, "Revisiting the Performance of iALS". Each alternation solves
    every row by a few steps of conjugate gradients, warm from the last (Takács et al. 2011, "the
    conjugate gradient method for implicit feedback"), so nothing larger than the factors is held.

    A history is answered by solving for its own factors, the newest items counting most: customers
    who came after training are no special case.

    Parameters
    ----------
    factors
        Length of a factor.
    unseen
        Weight of what was not touched.
    regularisation
        Pull towards 0.
    iterations
        Alternations.
    decay
        Weight of a step of the history against the one after it, when answering.
    limit_mb
        Bound of memory in MiB; more is refused before anything is allocated.
    """

    name: ClassVar[str] = "ials"
    reason: ClassVar[str] = "bought_together"

    def __init__(
        self,
        factors: int = 64,
        unseen: float = 0.1,
        regularisation: float = 0.003,
        iterations: int = 12,
        decay: float = 0.9,
        limit_mb: int = 4_096,
    ) -> None:
        super().__init__()
        self.factors = factors
        self.unseen = unseen
        self.regularisation = regularisation
        self.iterations = iterations
        self.decay = decay
        self.limit_mb = limit_mb
        self._items: Floats = np.zeros((0, factors), dtype=np.float32)
        # Asked for with every answer, so it is kept.
        self._square: Floats = np.zeros((factors, factors), dtype=np.float32)

    def parameters(self) -> dict[str, Any]:
        """Everything `__init__` takes."""
        return {
            "factors": self.factors,
            "unseen": self.unseen,
            "regularisation": self.regularisation,
            "iterations": self.iterations,
            "decay": self.decay,
            "limit_mb": self.limit_mb,
        }

    def bytes_needed(self, n_users: int, n_items: int, n: int) -> int:
        """Peak of training, in bytes.

        Parameters
        ----------
        n_users, n_items, n
            Size of the interactions.

        Returns
        -------
        int
            Factors of both sides with four work arrays of the longer one, the touches twice.
        """
        side = max(n_users, n_items) * 4 + n_users + n_items
        return 4 * self.factors * side + 2 * 12 * n + 8 * _CELLS_AT_ONCE

    def _learn(self, interactions: Interactions, seed: int) -> None:
        n_users, n_items = interactions.n_users, interactions.n_items
        require_memory(
            f"iALS on {n_users:,} customers and {n_items:,} items",
            self.bytes_needed(n_users, n_items, interactions.n),
            self.limit_mb,
            "lower factors, raise limit_mb, or leave iALS out",
            size=n_users,
            unit="customers",
        )
        touched = interactions.weights()
        touched.data[:] = 1.0
        back = sp.csr_array(touched.T.tocsr())
        rng = np.random.default_rng(seed)
        scale = 0.1 / np.sqrt(self.factors)
        items = rng.normal(0.0, scale, (n_items, self.factors)).astype(np.float32)
        users = np.zeros((n_users, self.factors), dtype=np.float32)
        for _ in range(self.iterations):
            users = self._solve(touched, items, users, n_items)
            items = self._solve(back, users, items, n_users)
        self._items = items
        self._square = items.T @ items

    def _solve(
        self,
        touched: Matrix,
        other: Floats,
        start: Floats,
        n_other: int,
        steps: int = 3,
        square: Floats | None = None,
    ) -> Floats:
        """Rows that minimise the objective with the other side fixed, by conjugate gradients."""
        gram = np.float32(self.unseen) * (other.T @ other if square is None else square)
        counts = np.asarray(touched.sum(axis=1), dtype=np.float32).ravel()
        pull = np.float32(self.regularisation) * (counts + np.float32(self.unseen * n_other))
        found = start.copy()
        residual = touched @ other - _times(touched, other, found, gram, pull)
        direction = residual.copy()
        size = np.einsum("ij,ij->i", residual, residual)
        for _ in range(steps):
            ahead = _times(touched, other, direction, gram, pull)
            bend = np.maximum(np.einsum("ij,ij->i", direction, ahead), np.float32(1e-20))
            length = (size / bend)[:, None]
            found += length * direction
            residual -= length * ahead
            smaller = np.einsum("ij,ij->i", residual, residual)
            direction *= (smaller / np.maximum(size, np.float32(1e-20)))[:, None]
            direction += residual
            size = smaller
        return found

    def embed(self, histories: Interactions) -> Floats:
        """Factors of histories; an empty history is the zero vector.

        Parameters
        ----------
        histories
            In the item codes of the model.

        Returns
        -------
        numpy.ndarray
            float32, shape (histories.n_users, factors).
        """
        held = histories.weights(self.decay)
        zero = np.zeros((histories.n_users, self.factors), dtype=np.float32)
        square = self._square
        return self._solve(held, self._items, zero, len(self._items), steps=10, square=square)

    @property
    def item_factors(self) -> Floats:
        """Factors of the items, shape (n_items, factors)."""
        return self._items

    def _score(self, histories: Interactions) -> Floats:
        scores: Floats = self.embed(histories) @ self._items.T
        return scores

    def _said(self, held: Matrix, items: Ints) -> Matrix:
        norms = np.linalg.norm(self._items, axis=1) + np.float32(1e-12)
        owner = np.repeat(np.arange(held.shape[0]), np.diff(held.indptr))
        asked = items[owner]
        alike = np.einsum("ij,ij->i", self._items[held.indices], self._items[asked])
        alike /= norms[held.indices] * norms[asked]
        said = np.maximum(alike, 0.0) * held.data
        return sp.csr_array((said, held.indices, held.indptr), shape=held.shape)

    def _state(self) -> Mapping[str, Any]:
        return {"items": self._items}

    def _restore(self, state: Mapping[str, Any]) -> None:
        self._items = state["items"]
        self._square = self._items.T @ self._items


def _times(touched: Matrix, other: Floats, rows: Floats, gram: Floats, pull: Floats) -> Floats:
    """(gram + Σ weight · q qᵀ + pull · I) · rows, row by row, touches gathered in blocks."""
    answer = rows @ gram
    answer += pull[:, None] * rows
    step = max(1, _CELLS_AT_ONCE // max(other.shape[1], 1))
    dots = np.empty(touched.nnz, dtype=np.float32)
    owner = np.repeat(np.arange(touched.shape[0]), np.diff(touched.indptr))
    for start in range(0, touched.nnz, step):
        part = slice(start, start + step)
        dots[part] = np.einsum("ij,ij->i", rows[owner[part]], other[touched.indices[part]])
    seen = sp.csr_array((touched.data * dots, touched.indices, touched.indptr), touched.shape)
    answer += np.asarray(seen @ other)
    return answer
