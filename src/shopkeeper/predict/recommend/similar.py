"""Recommenders that walk from the items of a history to their neighbours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp

from shopkeeper.predict.recommend.base import Recommender
from shopkeeper.predict.recommend.interactions import Floats, Interactions, Ints, Matrix
from shopkeeper.predict.recommend.neighbours import cosine_weights, normalise, transition_weights

__all__ = ["ItemGraph", "ItemKnn", "Markov", "Neighbours"]


class Neighbours(Recommender):
    """Score = Σ over steps r ago of ``decay**r · T[item r steps ago, ·]``, T learned.

    Parameters
    ----------
    decay
        How much less a step counts than the one after it.
    neighbours
        Largest number of neighbours kept for an item; None keeps all.
    recent
        Learn only from so many latest steps of each user, which bounds the work of long
        histories; None learns from all.
    """

    def __init__(self, decay: float, neighbours: int | None, recent: int | None) -> None:
        super().__init__()
        self.decay = decay
        self.neighbours = neighbours
        self.recent = recent
        self.weights: Matrix = sp.csr_array(np.zeros((0, 0), dtype=np.float32))
        self._turned: tuple[Matrix, Matrix] | None = None

    def parameters(self) -> dict[str, Any]:
        """Decay and neighbours, plus what the subclass adds."""
        return {"decay": self.decay, "neighbours": self.neighbours, "recent": self.recent}

    def _within(self, interactions: Interactions) -> Interactions:
        if self.recent is None:
            return interactions
        return interactions.where(interactions.steps_ago() < self.recent)

    def _score(self, histories: Interactions) -> Floats:
        scores: Floats = (histories.weights(self.decay) @ self.weights).toarray()
        return scores.astype(np.float32, copy=False)

    def _links(self, items: Ints) -> Matrix:
        # Turned once a fitted model: an answer asks for a hundred columns.
        if self._turned is None or self._turned[0] is not self.weights:
            self._turned = (self.weights, sp.csr_array(self.weights.T.tocsr()))
        return sp.csr_array(self._turned[1][items])

    def _state(self) -> Mapping[str, Any]:
        return {"weights": self.weights}

    def _restore(self, state: Mapping[str, Any]) -> None:
        self.weights = state["weights"]


class ItemGraph(Neighbours):
    """One graph of items: what follows counts, what comes before a little, one basket too.

    W = F + ``backward`` · Fᵀ with F the transition weights over ``window`` steps falling with a
    power of the gap, plus ``together`` for each shared basket; divided by (row sum + 1) and
    (column sum + 1), each to a power of its own. `Markov` is the one-sided special case.

    Parameters
    ----------
    decay
        Weight of a step against the one after it.
    window
        Largest gap in steps.
    power
        How fast a pair's weight falls with its gap.
    backward
        What the opposite direction counts.
    together
        What a pair within one step counts.
    row_power, column_power
        Exponents of row and column sums.
    neighbours
        Largest number of neighbours kept for an item; None keeps all.
    recent
        Learn only from so many latest steps of each user; None learns from all.
    """

    name: ClassVar[str] = "item-graph"
    reason: ClassVar[str] = "often_after"

    def __init__(
        self,
        decay: float = 0.8,
        window: int = 20,
        power: float = 0.5,
        backward: float = 0.5,
        together: float = 1.0,
        row_power: float = 0.3,
        column_power: float = 0.3,
        neighbours: int | None = None,
        recent: int | None = None,
    ) -> None:
        super().__init__(decay, neighbours, recent)
        self.window = window
        self.power = power
        self.backward = backward
        self.together = together
        self.row_power = row_power
        self.column_power = column_power

    def parameters(self) -> dict[str, Any]:
        """Everything `__init__` takes."""
        own = {
            "window": self.window,
            "power": self.power,
            "backward": self.backward,
            "together": self.together,
            "row_power": self.row_power,
            "column_power": self.column_power,
        }
        return super().parameters() | own

    def _learn(self, interactions: Interactions, seed: int) -> None:  # noqa: ARG002 - nothing random
        weights = transition_weights(
            self._within(interactions),
            window=self.window,
            power=self.power,
            together=self.together,
            neighbours=self.neighbours,
        )
        if self.backward:
            weights = sp.csr_array(weights + self.backward * weights.T)
        self.weights = normalise(weights, rows=self.row_power, columns=self.column_power)


class Markov(ItemGraph):
    """The two-parameter Markov model of docs/benchmarks.md, finding 1.

    T[i, j] = Σ over users and gaps k = 1..10 of 1/k, divided by (column sum + 1) ** 0.3: an item
    graph that looks forward only and knows no baskets.

    Parameters
    ----------
    decay
        Weight of a step against the one after it.
    window
        Largest gap.
    column_power
        Exponent of the column sum.
    neighbours
        Largest number of neighbours kept for an item; None keeps all.
    recent
        Learn only from so many latest steps of each user; None learns from all.
    """

    name: ClassVar[str] = "markov"

    def __init__(
        self,
        decay: float = 0.8,
        window: int = 10,
        column_power: float = 0.3,
        neighbours: int | None = None,
        recent: int | None = None,
    ) -> None:
        super().__init__(
            decay=decay,
            window=window,
            power=1.0,
            backward=0.0,
            together=0.0,
            row_power=0.0,
            column_power=column_power,
            neighbours=neighbours,
            recent=recent,
        )

    def parameters(self) -> dict[str, Any]:
        """Everything `__init__` takes."""
        own = {"window": self.window, "column_power": self.column_power}
        return Neighbours.parameters(self) | own


class ItemKnn(Neighbours):
    """Item–item cosine over users, weighted by recency of the history.

    Parameters
    ----------
    decay
        Weight of a step against the one after it.
    user_power
        A user with m items weighs ``m ** -user_power``; 0 is the plain cosine.
    neighbours
        Largest number of neighbours kept for an item; None keeps all.
    recent
        Look only at so many latest steps of each user; None looks at all.
    """

    name: ClassVar[str] = "item-knn"
    reason: ClassVar[str] = "bought_together"

    def __init__(
        self,
        decay: float = 0.8,
        user_power: float = 0.5,
        neighbours: int | None = None,
        recent: int | None = None,
    ) -> None:
        super().__init__(decay, neighbours, recent)
        self.user_power = user_power

    def parameters(self) -> dict[str, Any]:
        """Everything `__init__` takes."""
        return super().parameters() | {"user_power": self.user_power}

    def _learn(self, interactions: Interactions, seed: int) -> None:  # noqa: ARG002 - nothing random
        weights = cosine_weights(
            self._within(interactions),
            user_power=self.user_power,
            neighbours=self.neighbours,
        )
        self.weights = sp.csr_array(weights.astype(np.float32))
