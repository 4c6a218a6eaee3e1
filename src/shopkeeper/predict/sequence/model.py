"""Networks that name the next item: learned with torch, kept as ONNX, served without torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from shopkeeper.core.errors import InputError, MissingExtraError, SourceError
from shopkeeper.predict.contract import register, require_fitted
from shopkeeper.predict.sequence.served import ServedEncoder
from shopkeeper.predict.sequence.settings import NetSettings
from shopkeeper.predict.sequence.windows import Floats, Sequences, last_windows

__all__ = ["GruNet", "SequenceNet", "TransformerNet"]


class SequenceNet:
    """A causal network over items; see `NetSettings` for its shape.

    Parameters
    ----------
    settings : NetSettings | None
        None takes the defaults of its kind.
    items : int | None
        Size of the catalogue; None counts up to the largest code that is learned from.

    Attributes
    ----------
    facts : dict[str, Any]
        How learning went: rounds, held-out NDCG@10 of each, what stopped it.

    Notes
    -----
    A prefix without known items gets the vector 0 and so scores of 0 for every item: nothing is
    known. An item that is -1 in a prefix is left out of it.
    """

    name: ClassVar[str] = ""
    task: ClassVar[str] = "sequence"

    def __init__(self, settings: NetSettings | None = None, items: int | None = None) -> None:
        self.settings = settings or NetSettings(kind=self.name)  # type: ignore[arg-type]
        if self.settings.kind != self.name:
            raise InputError(
                f"settings of a {self.settings.kind} were given to a {self.name}",
                next_step=f"give settings of kind {self.name}",
            )
        self.items = items
        self.facts: dict[str, Any] = {}
        self._table: Floats | None = None
        self._rows: Floats | None = None
        self._encoder: ServedEncoder | None = None

    def fit(self, sequences: Sequences, /, *, seed: int = 0) -> Self:
        """Learn from sequences; what was learned before is forgotten.

        Parameters
        ----------
        sequences : Sequences
            The past only. Places of -1 are left out.
        seed : int
            Decides everything random.

        Returns
        -------
        Self
            The same object, served from ONNX as a loaded one would be.

        Raises
        ------
        InputError
            When a code is outside the catalogue.
        MissingExtraError
            When torch is not installed.
        """
        try:
            from shopkeeper.predict.sequence.export import export_encoder
            from shopkeeper.predict.sequence.train import train_net
        except ImportError as error:
            raise MissingExtraError(error.name or "torch", "deep") from error
        known = sequences.known()
        items = self.items or int(known.items.max(initial=-1)) + 1
        if known.items.max(initial=0) >= items > 0:
            raise InputError(
                f"item {int(known.items.max())} is outside a catalogue of {items}",
                next_step="give codes from 0, or a larger items",
            )
        trained = train_net(known, items, self.settings, seed=seed)
        written = export_encoder(trained.weights(), self.settings)
        self.facts = trained.facts
        self._take(trained.table, ServedEncoder(written))
        return self

    def _take(self, table: Floats, encoder: ServedEncoder) -> None:
        self._table, self._encoder = table, encoder
        self._rows = table
        if self.settings.scale:
            length = np.sqrt((table**2).sum(axis=1, keepdims=True))
            self._rows = table / np.maximum(length, np.float32(1e-12))

    @property
    def table(self) -> Floats:
        """One vector an item: float32, shape (items, dim)."""
        require_fitted(self._table, self.name)
        assert self._table is not None
        return self._table

    def embed(self, prefixes: Sequences) -> Floats:
        """Say where each prefix stands.

        Parameters
        ----------
        prefixes : Sequences
            Codes of the model; -1 is left out.

        Returns
        -------
        Floats
            float32, shape (prefixes, dim); zeros for a prefix without known items.
        """
        table, encoder = self.table, self._encoder
        assert encoder is not None
        known = np.where(prefixes.items < len(table), prefixes.items, -1)
        codes, lengths = last_windows(
            Sequences(known, prefixes.offsets).known(), self.settings.window
        )
        return encoder(codes, lengths, table)

    def scores(self, prefixes: Sequences) -> Floats:
        """Score every item as the next of each prefix.

        Parameters
        ----------
        prefixes : Sequences
            Codes of the model; -1 is left out.

        Returns
        -------
        Floats
            float32, shape (prefixes, items): log-odds up to a constant; 0 throughout where
            nothing of the prefix is known.
        """
        vectors = self.embed(prefixes)
        if self.settings.scale:
            length = np.sqrt((vectors**2).sum(axis=1, keepdims=True))
            vectors = vectors / np.maximum(length, np.float32(1e-12)) * self.settings.scale
        assert self._rows is not None
        said: Floats = vectors @ self._rows.T
        return said.astype(np.float32, copy=False)

    def save(self, folder: Path) -> None:
        """Write the model as ONNX, JSON and npz.

        Parameters
        ----------
        folder : Path
            Made if it does not exist.
        """
        table, encoder = self.table, self._encoder
        assert encoder is not None
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "encoder.onnx").write_bytes(encoder.written)
        np.savez(folder / "items.npz", allow_pickle=False, table=table)
        card = {
            "name": self.name, "task": self.task, "settings": self.settings.to_json(),
            "items": self.items, "facts": self.facts,
        }  # fmt: skip
        (folder / "net.json").write_text(json.dumps(card, indent=1) + "\n")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote; torch is not needed.

        Parameters
        ----------
        folder : Path
            Folder given to `save`.

        Returns
        -------
        Self
            Answers exactly as the saved model.

        Raises
        ------
        SourceError
            When the folder holds no sequence network of this kind.
        """
        try:
            card = json.loads((folder / "net.json").read_text())
            kind = {"transformer": TransformerNet, "gru": GruNet}[card["name"]]
            model = kind(NetSettings(**card["settings"]), card["items"])
            with np.load(folder / "items.npz", allow_pickle=False) as stored:
                table = stored["table"]
            written = (folder / "encoder.onnx").read_bytes()
        except (OSError, KeyError, ValueError, TypeError) as error:
            raise SourceError(
                f"{folder} holds no sequence network ({type(error).__name__}: {error})",
                next_step="save the model again with SequenceNet.save",
                path=str(folder),
            ) from error
        if not isinstance(model, cls):
            raise SourceError(
                f"{folder} holds a {model.name}, not a {cls.name}",
                next_step=f"load it with {type(model).__name__}.load or SequenceNet.load",
                path=str(folder),
            )
        model.facts = card["facts"]
        model._take(table, ServedEncoder(written))  # noqa: SLF001 - the loader is part of the class
        return model


@register
class TransformerNet(SequenceNet):
    """Causal self-attention over items (SASRec family)."""

    name: ClassVar[str] = "transformer"


@register
class GruNet(SequenceNet):
    """Gated recurrent units over items (GRU4Rec family)."""

    name: ClassVar[str] = "gru"
