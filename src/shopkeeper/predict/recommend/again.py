"""Buy again: what this customer keeps coming back for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from shopkeeper.predict.recommend.base import Recommender
from shopkeeper.predict.recommend.interactions import Floats, Interactions
from shopkeeper.predict.recommend.popularity import Popularity

__all__ = ["BuyAgain"]


class BuyAgain(Recommender):
    """Personal frequency: Σ over the baskets with the item of ``decay`` to the baskets since.

    Popularity fills what a short history leaves open; its share is below any personal score of
    the last ``1 / (1 - decay)`` baskets, so it decides between equals and for newcomers.

    Parameters
    ----------
    decay
        How much less a basket counts than the one after it.
    popular
        Largest score that popularity alone can give.
    """

    name: ClassVar[str] = "buy-again"
    reason: ClassVar[str] = "buy_again"

    def __init__(self, decay: float = 0.95, popular: float = 0.01) -> None:
        super().__init__()
        self.decay = decay
        self.popular = popular
        self._prior: Floats = np.zeros(0, dtype=np.float32)

    def parameters(self) -> dict[str, Any]:
        """Everything `__init__` takes."""
        return {"decay": self.decay, "popular": self.popular}

    def _learn(self, interactions: Interactions, seed: int) -> None:
        whole = Popularity().fit(interactions, seed=seed)
        counts = whole.score(interactions.slice_users(0, 1))[0]
        self._prior = (self.popular * counts / max(float(counts.max(initial=0)), 1.0)).astype(
            np.float32
        )

    def _score(self, histories: Interactions) -> Floats:
        scores: Floats = histories.weights(self.decay).toarray()
        return scores + self._prior

    def _state(self) -> Mapping[str, Any]:
        return {"prior": self._prior}

    def _restore(self, state: Mapping[str, Any]) -> None:
        self._prior = state["prior"]
