"""Customers whose latest steps are most alike, and what they had besides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp

from shopkeeper.predict.memory import require_memory
from shopkeeper.predict.recommend.base import Recommender
from shopkeeper.predict.recommend.interactions import Floats, Interactions, Ints, Matrix
from shopkeeper.predict.recommend.neighbours import keep_largest

__all__ = ["SessionKnn"]


class SessionKnn(Recommender):
    """Session-based nearest neighbours, the newest steps counting most.

    V-SkNN of Ludewig & Jannach 2018, "Evaluation of session-based recommendation algorithms": the
    similarity of a history and a past session is Σ over shared items of ``decay`` to the steps
    ago, times idf, over the root of the session's length; the ``neighbours`` most similar
    sessions vote for their items.

    Parameters
    ----------
    neighbours
        Sessions that vote.
    decay
        Weight of a step of the history against the one after it.
    recent
        Only so many latest steps of each past session are kept, which bounds the work.
    sessions
        Only so many past sessions are kept, those that ended last (the last in order where there
        are no times).
    column_power
        A vote is divided by the item's number of sessions to this power.
    limit_mb
        Bound of memory in MiB.
    """

    name: ClassVar[str] = "session-knn"
    reason: ClassVar[str] = "bought_by_alike"

    def __init__(
        self,
        neighbours: int = 500,
        decay: float = 0.7,
        recent: int = 50,
        sessions: int = 200_000,
        column_power: float = 0.2,
        limit_mb: int = 2_048,
    ) -> None:
        super().__init__()
        self.neighbours = neighbours
        self.decay = decay
        self.recent = recent
        self.sessions = sessions
        self.column_power = column_power
        self.limit_mb = limit_mb
        self._past: Matrix = sp.csr_array(np.zeros((0, 0), dtype=np.float32))
        self._by_item: Matrix = self._past
        self._votes: Floats = np.zeros(0, dtype=np.float32)

    def parameters(self) -> dict[str, Any]:
        """Everything `__init__` takes."""
        return {
            "neighbours": self.neighbours,
            "decay": self.decay,
            "recent": self.recent,
            "sessions": self.sessions,
            "column_power": self.column_power,
            "limit_mb": self.limit_mb,
        }

    def _learn(self, interactions: Interactions, seed: int) -> None:  # noqa: ARG002 - nothing random
        rows = min(interactions.n, self.recent * min(self.sessions, interactions.n_users))
        require_memory(
            f"neighbours among {interactions.n_users:,} sessions",
            4 * 12 * rows + 8 * interactions.n_users,
            self.limit_mb,
            "lower sessions or recent",
        )
        recent = interactions.where(interactions.steps_ago() < self.recent)
        held = recent.weights()
        held.data[:] = 1.0
        self._past = sp.csr_array(held[self._latest(recent)])
        self._prepare()

    def _latest(self, interactions: Interactions) -> Ints:
        starts = interactions.starts()
        full = np.flatnonzero(np.diff(starts) > 0)
        if interactions.times is None or len(full) <= self.sessions:
            return full[-self.sessions :].astype(np.int64)
        order = np.argsort(interactions.times[starts[full + 1] - 1], kind="stable")
        return np.sort(full[order[-self.sessions :]]).astype(np.int64)

    def _prepare(self) -> None:
        """What scoring needs besides the sessions: weights by item, and what a vote counts."""
        past = self._past
        n = max(past.shape[0], 1)
        counts = np.asarray(past.sum(axis=0)).ravel()
        idf = np.log1p(n / np.maximum(counts, 1.0)).astype(np.float32)
        lengths = np.maximum(np.diff(past.indptr), 1).astype(np.float32) ** -0.5
        scaled = sp.diags_array(lengths) @ past @ sp.diags_array(idf)
        self._by_item = sp.csr_array(scaled.T.tocsr().astype(np.float32))
        self._votes = np.maximum(counts, 1.0).astype(np.float32) ** np.float32(-self.column_power)

    def _score(self, histories: Interactions) -> Floats:
        alike = sp.csr_array(histories.weights(self.decay) @ self._by_item)
        nearest = keep_largest(alike, self.neighbours)
        scores: Floats = (nearest @ self._past).toarray().astype(np.float32)
        scores *= self._votes
        return scores

    def _state(self) -> Mapping[str, Any]:
        return {"past": self._past}

    def _restore(self, state: Mapping[str, Any]) -> None:
        self._past = state["past"]
        self._prepare()
