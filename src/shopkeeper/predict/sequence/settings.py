"""What a sequence network is built with, how long it may learn, and what that takes in memory."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from shopkeeper.core.errors import InputError
from shopkeeper.predict.memory import MIB, require_memory

__all__ = ["NetSettings"]


@dataclass(frozen=True, slots=True)
class NetSettings:
    """Shape and schooling of a network.

    Parameters
    ----------
    kind : Literal["transformer", "gru"]
        Causal self-attention (Kang and McAuley 2018, SASRec) or a gated recurrent network (Hidasi
        et al. 2016, GRU4Rec). Both share one table of items between input and output.
    dim, layers, heads : int
        Width of a vector, blocks, and heads of attention.
    window : int
        Latest items a network looks at.
    dropout : float
        Share of numbers hidden while learning.
    scale : float
        0 compares vectors by their dot product; otherwise by their cosine times this number
        (Gupta et al. 2019, NISER), which keeps popular items from drowning rare ones.
    full_softmax_items : int
        Up to so many items all of them compete in each step; above, ``negatives`` drawn anew for
        each step do (Klenitskiy and Vasilev 2023), with the correction for having drawn them.
    negatives : int
        How many.
    batch : int
        Targets in one step of learning.
    learning_rate, weight_decay : float
        Of AdamW.
    epochs, patience : int
        Most rounds over the data, and rounds without gain after which learning stops.
    seconds : float
        Wall time after which no further round starts. A run that it stops depends on the machine:
        the facts say so.
    held_out : int
        Sequences, drawn by the seed, whose last step is kept to decide when to stop.
    new_only : bool
        Whether items of the prefix are no candidates in that decision.
    threads : int
        Threads while learning; the sum of numbers, and so the last digits, depend on it.
    limit_mb : int
        Bound on the memory of learning.
    """

    kind: Literal["transformer", "gru"] = "transformer"
    dim: int = 64
    layers: int = 2
    heads: int = 2
    window: int = 50
    dropout: float = 0.3
    scale: float = 0.0
    full_softmax_items: int = 2_048
    negatives: int = 1_024
    batch: int = 1_024
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    epochs: int = 60
    patience: int = 5
    seconds: float = 600.0
    held_out: int = 2_000
    new_only: bool = False
    threads: int = 1
    limit_mb: int = 4_096

    def __post_init__(self) -> None:
        """Refuse a shape that cannot be built."""
        if self.kind not in {"transformer", "gru"}:
            raise InputError(
                f"there is no sequence network of kind {self.kind!r}",
                next_step="choose transformer or gru",
            )
        if self.dim % self.heads:
            raise InputError(
                f"{self.dim} numbers a vector cannot be shared by {self.heads} heads",
                next_step="choose dim as a multiple of heads",
            )
        small = {"dim": self.dim, "layers": self.layers, "window": self.window,
                 "batch": self.batch, "negatives": self.negatives, "epochs": self.epochs}  # fmt: skip
        wrong = next((name for name, value in small.items() if value < 1), None)
        if wrong is not None:
            raise InputError(f"{wrong} must be at least 1", next_step=f"give a larger {wrong}")

    def to_json(self) -> dict[str, Any]:
        """Everything `__init__` takes."""
        return asdict(self)

    def competitors(self, items: int) -> int:
        """Items that compete in one step of learning.

        Parameters
        ----------
        items : int
            In the catalogue.

        Returns
        -------
        int
            All of them, or ``negatives``.
        """
        return items if items <= self.full_softmax_items else min(self.negatives, items)

    def bytes_needed(self, items: int) -> int:
        """Estimate of the peak of learning.

        Parameters
        ----------
        items : int
            In the catalogue.

        Returns
        -------
        int
            Bytes: the table with gradient and two moments, and one step of learning.
        """
        table = 4 * 4 * items * self.dim
        step = 4 * self.batch * (4 * self.competitors(items) + 40 * self.dim * self.layers)
        judged = 4 * 256 * items * 3
        return table + step + judged + 300 * MIB

    def require(self, items: int) -> None:
        """Refuse a catalogue too large for the bound, before anything is allocated.

        Parameters
        ----------
        items : int
            In the catalogue.
        """
        require_memory(
            f"learning a {self.kind} over {items:,} items",
            self.bytes_needed(items),
            self.limit_mb,
            "keep the most frequent items, take fewer numbers a vector, or raise limit_mb",
            size=items,
            unit="items",
        )
