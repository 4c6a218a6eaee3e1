"""The networks themselves, in torch: vectors of items in, one vector a prefix out."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from shopkeeper.predict.sequence.settings import NetSettings

__all__ = ["Encoder", "build"]


class Encoder(nn.Module):  # type: ignore[misc]
    """What both kinds share: every place sees only itself and what came before it.

    Windows are filled from the left, so that places without an item come last and no place with
    one can see them: a causal network needs no other mask.
    """

    def states(self, vectors: Any) -> Any:
        """Return the state at every place.

        Parameters
        ----------
        vectors : Any
            float32 tensor, shape (windows, width, dim).

        Returns
        -------
        Any
            Same shape.
        """
        raise NotImplementedError

    def forward(self, vectors: Any, last: Any) -> Any:
        """Return the state at the last item of each window.

        Parameters
        ----------
        vectors : Any
            float32 tensor, shape (windows, width, dim).
        last : Any
            int64 tensor, shape (windows,): place of the last item.

        Returns
        -------
        Any
            float32 tensor, shape (windows, dim).
        """
        states = self.states(vectors)
        place = last.view(-1, 1, 1).expand(-1, 1, states.shape[2])
        return states.gather(1, place).squeeze(1)


class _Block(nn.Module):  # type: ignore[misc]
    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.middle = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.query_key_value = nn.Linear(dim, 3 * dim)
        self.joined = nn.Linear(dim, dim)
        self.wide, self.narrow = nn.Linear(dim, 2 * dim), nn.Linear(2 * dim, dim)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Any, unseen: Any) -> Any:
        windows, width, dim = x.shape
        parts = self.query_key_value(self.before(x)).view(windows, width, 3, self.heads, -1)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)
        weight = query @ key.transpose(-2, -1) * (dim // self.heads) ** -0.5
        weight = self.drop(weight.masked_fill(unseen, -1e9).softmax(-1))
        heard = (weight @ value).transpose(1, 2).reshape(windows, width, dim)
        x = x + self.drop(self.joined(heard))
        return x + self.drop(self.narrow(nn.functional.gelu(self.wide(self.middle(x)))))


class CausalTransformer(Encoder):
    """Self-attention with learned places, normalised before each part (SASRec family).

    Parameters
    ----------
    settings : NetSettings
        Its shape.
    """

    def __init__(self, settings: NetSettings) -> None:
        super().__init__()
        self.places = nn.Parameter(0.02 * torch.randn(settings.window, settings.dim))
        self.drop = nn.Dropout(settings.dropout)
        self.blocks = nn.ModuleList(
            _Block(settings.dim, settings.heads, settings.dropout) for _ in range(settings.layers)
        )
        self.after = nn.LayerNorm(settings.dim)

    def states(self, vectors: Any) -> Any:
        """Return the state at every place.

        Parameters
        ----------
        vectors : Any
            float32 tensor, shape (windows, width, dim); width up to ``window``.

        Returns
        -------
        Any
            Same shape.
        """
        width = vectors.shape[1]
        at = torch.arange(width)
        unseen = at[None, :] > at[:, None]
        x = self.drop(vectors * vectors.shape[2] ** 0.5 + self.places[:width])
        for block in self.blocks:
            x = block(x, unseen)
        return self.after(x)


class RecurrentNet(Encoder):
    """Gated recurrent units, one state a place (GRU4Rec family).

    Parameters
    ----------
    settings : NetSettings
        Its shape.
    """

    def __init__(self, settings: NetSettings) -> None:
        super().__init__()
        self.drop = nn.Dropout(settings.dropout)
        self.units = nn.GRU(settings.dim, settings.dim, settings.layers, batch_first=True)
        self.out = nn.Linear(settings.dim, settings.dim)

    def states(self, vectors: Any) -> Any:
        """Return the state at every place.

        Parameters
        ----------
        vectors : Any
            float32 tensor, shape (windows, width, dim).

        Returns
        -------
        Any
            Same shape.
        """
        x = self.drop(vectors * vectors.shape[2] ** 0.5)
        states, _ = self.units(x)
        return self.out(self.drop(states))


def build(settings: NetSettings) -> Encoder:
    """Make the network of some settings, its numbers drawn from torch's generator.

    Parameters
    ----------
    settings : NetSettings
        Kind and shape.

    Returns
    -------
    Encoder
        In training mode.
    """
    return CausalTransformer(settings) if settings.kind == "transformer" else RecurrentNet(settings)
