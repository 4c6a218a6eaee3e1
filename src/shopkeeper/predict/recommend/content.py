"""Content: products alike in what is written about them; the only thing known of a new arrival."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp

from shopkeeper.core.errors import InputError
from shopkeeper.predict.recommend.base import Recommender
from shopkeeper.predict.recommend.interactions import Floats, Interactions, Ints, Matrix
from shopkeeper.predict.recommend.neighbours import keep_largest

__all__ = ["Content", "Words", "product_words"]

_BUCKETS = 1 << 18
_WORD = re.compile(r"[a-z0-9]+|[\u4e00-\u9fff]")


class Words:
    """TF-IDF of what is written about items, one sparse row of length 1 an item.

    Parameters
    ----------
    item_ids
        Unique.
    words
        For each item its words; fields are told apart by prefixes such as ``brand:``.
    """

    def __init__(self, item_ids: pa.StringArray, words: Sequence[Sequence[str]]) -> None:
        if len(item_ids) != len(words):
            raise InputError(
                f"{len(item_ids)} items have {len(words)} lists of words",
                next_step="give one list of words an item, empty where nothing is written",
            )
        flat = [zlib.crc32(word.encode()) % _BUCKETS for own in words for word in own]
        lengths = np.fromiter((len(own) for own in words), np.int64, len(words))
        rows = np.repeat(np.arange(len(words)), lengths)
        shape = (len(words), _BUCKETS)
        counts = sp.csr_array((np.ones(len(flat), np.float32), (rows, flat)), shape=shape)
        counts.data = (1.0 + np.log(counts.data)).astype(np.float32)
        present = np.bincount(counts.indices, minlength=_BUCKETS)
        idf = np.log1p(len(words) / np.maximum(present, 1)).astype(np.float32)
        # A word on every second product tells nothing and would join all of them to all.
        idf[present > max(len(words) / 2, 10)] = 0.0
        self.item_ids = item_ids
        told = sp.csr_array(counts @ sp.diags_array(idf))
        told.eliminate_zeros()
        self.rows = _unit(told)

    def of(self, item_ids: pa.StringArray) -> Matrix:
        """Rows in the order of other ids; an item nothing is written about is empty.

        Parameters
        ----------
        item_ids
            Any ids.

        Returns
        -------
        scipy.sparse.csr_array
            float32, shape (len(item_ids), buckets).
        """
        place = pc.index_in(item_ids, value_set=self.item_ids).fill_null(-1).to_numpy()
        known = np.flatnonzero(place >= 0)
        take = sp.csr_array(
            (np.ones(len(known), np.float32), (known, place[known])),
            shape=(len(item_ids), len(self.item_ids)),
        )
        return sp.csr_array(take @ self.rows)


def _nothing(n_items: int) -> Matrix:
    empty = np.zeros(0, dtype=np.int32)
    parts = (np.zeros(0, np.float32), empty, np.zeros(n_items + 1, dtype=np.int32))
    return sp.csr_array(parts, shape=(n_items, _BUCKETS))


def _unit(rows: Matrix) -> Matrix:
    norms = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    return sp.csr_array((sp.diags_array(1.0 / np.maximum(norms, 1e-9)) @ rows).astype(np.float32))


def product_words(products: pa.Table) -> Words:
    """Words of a catalogue: category, subcategory, brand, name and attributes.

    Latin words count whole, Chinese in single characters and pairs of neighbours.

    Parameters
    ----------
    products
        Column ``product_id`` and any of ``name``, ``category``, ``subcategory``, ``brand``,
        ``attributes`` (JSON object).

    Returns
    -------
    Words
        Of every product with an id.
    """
    columns = {name: products[name].to_pylist() for name in products.column_names}
    ids = columns["product_id"]
    words: list[list[str]] = []
    # One step a product of the catalogue: strings have to be taken apart one by one.
    for row in range(len(ids)):
        own = [
            f"{field}:{columns[field][row]}"
            for field in ("category", "subcategory", "brand")
            if field in columns and columns[field][row]
        ]
        if "name" in columns and columns["name"][row]:
            own += _pieces(str(columns["name"][row]))
        if "attributes" in columns:
            own += _attributes(columns["attributes"][row])
        words.append(own)
    return Words(pa.array(ids, pa.string()), words)


def _pieces(name: str) -> list[str]:
    pieces = _WORD.findall(name.lower())
    pairs = [left + right for left, right in pairwise(pieces) if len(left) == 1]
    return [*pieces, *pairs]


def _attributes(stored: object) -> list[str]:
    try:
        found = json.loads(stored) if isinstance(stored, str) else stored
    except ValueError:
        return []
    if not isinstance(found, Mapping):
        return []
    return [f"{key}={value}" for key, value in found.items() if value not in (None, "")]


class Content(Recommender):
    """Score = Σ over the history of ``decay**r`` · cosine of the words of both items.

    Items that nobody bought are scored like any other, if something is written about them.

    Parameters
    ----------
    decay
        Weight of a step of the history against the one after it.
    neighbours
        Neighbours kept by `similar_items`.
    words
        What is written; the model is fitted on the items of the interactions and keeps their rows.
        None scores nothing.
    """

    name: ClassVar[str] = "content"
    reason: ClassVar[str] = "alike"

    def __init__(
        self, decay: float = 0.9, neighbours: int = 100, words: Words | None = None
    ) -> None:
        super().__init__()
        self.decay = decay
        self.neighbours = neighbours
        self._words = words
        self._rows: Matrix = _nothing(0)

    def parameters(self) -> dict[str, Any]:
        """Numbers `__init__` takes; the words are part of the state."""
        return {"decay": self.decay, "neighbours": self.neighbours}

    def _learn(self, interactions: Interactions, seed: int) -> None:  # noqa: ARG002 - nothing random
        if self._words is None:
            self._rows = _nothing(interactions.n_items)
        else:
            self._rows = self._words.of(interactions.item_ids)

    def _score(self, histories: Interactions) -> Floats:
        liked = sp.csr_array(histories.weights(self.decay) @ self._rows)
        scores: Floats = (liked @ self._rows.T).toarray()
        return scores.astype(np.float32, copy=False)

    def similar_items(self, items: Ints) -> Matrix:
        """Cosine to the nearest other items.

        Parameters
        ----------
        items
            Codes asked about.

        Returns
        -------
        scipy.sparse.csr_array
            Shape (asked, items), at most ``neighbours`` a row, none for the item itself.
        """
        near = sp.csr_array(self._rows[items] @ self._rows.T)
        own = np.repeat(items, np.diff(near.indptr)) == near.indices
        near.data[own] = 0.0
        near.eliminate_zeros()
        return keep_largest(near, self.neighbours)

    def _said(self, held: Matrix, items: Ints) -> Matrix:
        owner = np.repeat(np.arange(held.shape[0]), np.diff(held.indptr))
        both = self._rows[held.indices].multiply(self._rows[items[owner]])
        said = np.asarray(both.sum(axis=1)).ravel().astype(np.float32) * held.data
        return sp.csr_array((said, held.indices, held.indptr), shape=held.shape)

    def _state(self) -> Mapping[str, Any]:
        return {"rows": self._rows}

    def _restore(self, state: Mapping[str, Any]) -> None:
        self._rows = state["rows"]
