"""A sequence network as a recommender, beside Markov and its kin."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from shopkeeper.predict.recommend.base import Recommender
from shopkeeper.predict.recommend.interactions import Floats, Interactions
from shopkeeper.predict.sequence.model import GruNet, SequenceNet, TransformerNet
from shopkeeper.predict.sequence.settings import NetSettings
from shopkeeper.predict.sequence.windows import Sequences

__all__ = ["SequenceRecommender", "sequences_of"]


_USUAL = {
    "new_only": True, "layers": 1, "dropout": 0.5, "learning_rate": 3e-3, "seconds": 300.0,
}  # fmt: skip
"""Chosen on the validation steps of long histories of few interactions (leave-one-out)."""


def sequences_of(interactions: Interactions) -> Sequences:
    """Histories as sequences, one a user; items of one step stand in the order of their codes.

    Parameters
    ----------
    interactions : Interactions
        Sorted by user and step.

    Returns
    -------
    Sequences
        In the item codes of the interactions.
    """
    return Sequences(interactions.items.astype(np.int64), interactions.starts())


class SequenceRecommender(Recommender):
    """Scores the next item by a causal network.

    Scores are ``(p / largest p) ** power`` with p the softmax over items, so that they are
    positive, at most 1, and can be blended with those of other recommenders. Further arguments are
    settings of the network, see `NetSettings`; what is left out is chosen for histories of months:
    one layer, much dropout, seen items no candidates, five minutes.

    Parameters
    ----------
    power : float
        1 gives probabilities up to a factor; less flattens them, which a sum with other methods
        needs. The order of items does not depend on it.
    """

    name: ClassVar[str] = "sequence"
    reason: ClassVar[str] = "often_after"

    def __init__(self, power: float = 0.25, **net: Any) -> None:
        super().__init__()
        self.power = power
        self.settings = NetSettings(**{**_USUAL, **net})
        self.net: SequenceNet | None = None

    def parameters(self) -> dict[str, Any]:
        """Everything `__init__` takes."""
        return {"power": self.power, **self.settings.to_json()}

    def _learn(self, interactions: Interactions, seed: int) -> None:
        kind = TransformerNet if self.settings.kind == "transformer" else GruNet
        self.net = kind(self.settings, interactions.n_items)
        self.net.fit(sequences_of(interactions), seed=seed)

    def _score(self, histories: Interactions) -> Floats:
        assert self.net is not None
        said = self.net.scores(sequences_of(histories))
        said -= said.max(axis=1, keepdims=True, initial=-np.inf)
        said *= np.float32(self.power)
        scores: Floats = np.exp(said, out=said)
        scores[np.diff(histories.starts()) == 0] = 0.0
        return scores

    def _state(self) -> Mapping[str, Any]:
        return {}

    def _restore(self, state: Mapping[str, Any]) -> None:
        """Everything learned is in the network."""

    def _save_parts(self, folder: Path) -> None:
        assert self.net is not None
        self.net.save(folder / "net")

    def _load_parts(self, folder: Path) -> None:
        self.net = SequenceNet.load(folder / "net")
