"""The prefix as a network sees it: extra columns for the trees."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from shopkeeper.predict.intent.events import ACTIONS, EventRows, Floats, Ints
from shopkeeper.predict.intent.prefixes import Prefixes
from shopkeeper.predict.intent.state import RECENT, Columns
from shopkeeper.predict.sequence.model import GruNet, SequenceNet, TransformerNet
from shopkeeper.predict.sequence.settings import NetSettings
from shopkeeper.predict.sequence.windows import Sequences

__all__ = ["PrefixNet", "learn_prefix_net"]

_MOST_TOKENS = 2_000


@dataclass(frozen=True, slots=True, eq=False)
class PrefixNet:
    """A network over words of (action, category), learned to name the next word.

    Parameters
    ----------
    words : Ints
        Known words, ascending.
    net : SequenceNet
        Over their places.
    """

    words: Ints
    net: SequenceNet

    def embed(self, columns: Columns) -> Floats:
        """Say where each prefix stands.

        Parameters
        ----------
        columns : Columns
            Prefixes.

        Returns
        -------
        Floats
            float64, shape (n, dim); zeros where no word is known.
        """
        used = columns.action >= 0
        codes = _places(_words(columns.action, columns.category)[used], self.words)
        offsets = np.r_[0, np.cumsum(used.sum(axis=1))].astype(np.int64)
        return self.net.embed(Sequences(codes, offsets)).astype(np.float64)

    def save(self, folder: Path) -> None:
        """Write the network and its words.

        Parameters
        ----------
        folder : Path
            Made if it does not exist.
        """
        self.net.save(folder)
        np.savez(folder / "words.npz", allow_pickle=False, words=self.words)

    @classmethod
    def load(cls, folder: Path) -> PrefixNet:
        """Read what `save` wrote.

        Parameters
        ----------
        folder : Path
            The folder.

        Returns
        -------
        PrefixNet
            Answers alike.
        """
        with np.load(folder / "words.npz", allow_pickle=False) as stored:
            words = stored["words"]
        return cls(words, SequenceNet.load(folder))


def _words(action: Ints, category: Ints) -> Ints:
    # keys are below 2**62: dropping three bits leaves room for the action
    words: Ints = ((category >> 3) << 3) | np.maximum(action, 0)
    return words


def _places(words: Ints, known: Ints) -> Ints:
    place = np.minimum(np.searchsorted(known, words), len(known) - 1)
    return np.where(known[place] == words, place, -1)


def learn_prefix_net(
    rows: EventRows,
    kind: Literal["gru", "transformer"],
    *,
    seed: int,
    seconds: float,
    dim: int = 16,
) -> PrefixNet:
    """Learn to name the next word of every session.

    Parameters
    ----------
    rows : EventRows
        The past only.
    kind : Literal["gru", "transformer"]
        Of the network.
    seed : int
        Decides everything random.
    seconds : float
        Wall time after which no further round starts.
    dim : int
        Columns it adds.

    Returns
    -------
    PrefixNet
        Served from ONNX.
    """
    words = _words(rows.action, rows.category)
    known, counts = np.unique(words, return_counts=True)
    known = np.sort(known[np.argsort(-counts, kind="stable")[:_MOST_TOKENS]])
    _, first = rows.sessions()
    sequences = Sequences(_places(words, known), np.r_[first, len(rows)].astype(np.int64))
    settings = NetSettings(
        kind=kind, dim=dim, layers=1, heads=2, window=RECENT, dropout=0.1, epochs=15, patience=2,
        learning_rate=5e-3, batch=4_096, seconds=seconds, held_out=1_000,
    )  # fmt: skip
    net = GruNet if kind == "gru" else TransformerNet
    return PrefixNet(known, net(settings, len(known)).fit(sequences, seed=seed))


def widened(features: Floats, prefixes: Prefixes | Columns, net: PrefixNet | None) -> Floats:
    """Features, and the columns of the network where there is one.

    Parameters
    ----------
    features : Floats
        Shape (n, features).
    prefixes : Prefixes | Columns
        The same prefixes.
    net : PrefixNet | None
        The network.

    Returns
    -------
    Floats
        Shape (n, features + dim).
    """
    if net is None:
        return features
    columns = prefixes.columns if isinstance(prefixes, Prefixes) else prefixes
    return np.column_stack([features, net.embed(columns)])


assert len(ACTIONS) <= 8, "a word holds the action in three bits"
