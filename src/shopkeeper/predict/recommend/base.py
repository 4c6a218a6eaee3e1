"""What every recommender can do, and how it is kept on disk."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import scipy.sparse as sp

from shopkeeper.core.errors import NotFoundError, PlanError, SourceError
from shopkeeper.predict.contract import model_class, register
from shopkeeper.predict.recommend.interactions import Floats, Interactions, Ints, Matrix

__all__ = ["Reasons", "Recommender", "load_recommender"]

_PAIRS_AT_ONCE = 4_000
_STEPS_TOLD = 20


@dataclass(frozen=True, slots=True, eq=False)
class Reasons:
    """Why each of a list of recommendations was made.

    Parameters
    ----------
    codes
        Code of the reason, one a recommendation (see `reasons.TEXTS`).
    sources
        Code of the history item it comes from, or -1.
    """

    codes: npt.NDArray[np.object_]
    sources: Ints


class Recommender(ABC):
    """A model that scores every item for a history.

    A subclass is a frozen set of parameters plus what `fit` learned. A higher score is better;
    0 says nothing is known. A user without history, or with items the model never saw, gets
    scores of 0 from personal models: `rank.recommend` then answers with popularity.

    Notes
    -----
    Laws (tests hold every subclass to them): fitting again forgets; saving and loading changes
    nothing; row order is irrelevant; the input is not changed.
    """

    name: ClassVar[str]
    task: ClassVar[str] = "recommend"
    reason: ClassVar[str] = "popular"

    def __init_subclass__(cls) -> None:
        """Make the class known by its task and name."""
        super().__init_subclass__()
        if "name" in cls.__dict__:
            register(cls)

    def __init__(self) -> None:
        self._item_ids: pa.StringArray | None = None

    @property
    def item_ids(self) -> pa.StringArray:
        """Items the model knows, in the order of its scores.

        Raises
        ------
        PlanError
            If the model was not fitted.
        """
        if self._item_ids is None:
            raise PlanError(
                f"recommender {self.name!r} is not fitted",
                next_step="call fit(interactions) first, or load a saved one",
                model=self.name,
            )
        return self._item_ids

    def fit(self, interactions: Interactions, *, seed: int = 0) -> Self:
        """Learn from histories; what was learned before is forgotten.

        Parameters
        ----------
        interactions
            The past only.
        seed
            Decides everything random.

        Returns
        -------
        Self
            The same object.
        """
        self._learn(interactions, seed)
        self._item_ids = interactions.item_ids
        return self

    def score(self, histories: Interactions) -> Floats:
        """Score every item for every history.

        Parameters
        ----------
        histories
            Any users; ids of items are translated to those of the model.

        Returns
        -------
        numpy.ndarray
            float32, shape (histories.n_users, n_items); call it for a few hundred users at once.

        Raises
        ------
        PlanError
            If the model was not fitted.
        """
        return self._score(histories.for_items(self.item_ids))

    @abstractmethod
    def parameters(self) -> dict[str, Any]:
        """What the model was built with, ready for JSON."""

    @abstractmethod
    def _learn(self, interactions: Interactions, seed: int) -> None:
        """Fill the learned state."""

    @abstractmethod
    def _score(self, histories: Interactions) -> Floats:
        """Scores for histories that already speak the codes of the model."""

    @abstractmethod
    def _state(self) -> Mapping[str, npt.NDArray[Any] | Matrix]:
        """Learned arrays and sparse matrices by name."""

    @abstractmethod
    def _restore(self, state: Mapping[str, Any]) -> None:
        """Take back what `_state` gave."""

    def save(self, folder: Path) -> None:
        """Write the model as JSON and npz, never a pickle.

        Parameters
        ----------
        folder
            Made if it does not exist; files of the same names are replaced.
        """
        folder.mkdir(parents=True, exist_ok=True)
        arrays: dict[str, npt.NDArray[Any]] = {}
        for key, value in self._state().items():
            if sp.issparse(value):
                matrix = sp.csr_array(value)
                parts = {"data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr}
                arrays |= {f"{key}.{part}": array for part, array in parts.items()}
                arrays[f"{key}.shape"] = np.array(matrix.shape, dtype=np.int64)
            else:
                arrays[key] = np.asarray(value)
        card = {"name": self.name, "task": self.task, "parameters": self.parameters()}
        (folder / "model.json").write_text(json.dumps(card, ensure_ascii=False, indent=1) + "\n")
        (folder / "items.json").write_text(
            json.dumps(self.item_ids.to_pylist(), ensure_ascii=False)
        )
        np.savez(folder / "arrays.npz", allow_pickle=False, **arrays)
        self._save_parts(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Parameters
        ----------
        folder
            Folder given to `save`.

        Returns
        -------
        Self
            Gives the same scores as the saved model.

        Raises
        ------
        SourceError
            If the folder holds no recommender, or one of another kind.
        """
        model = load_recommender(folder)
        if not isinstance(model, cls):
            raise SourceError(
                f"{folder} holds the recommender {model.name!r}, not {cls.name!r}",
                next_step=f"load it with {type(model).__name__}.load or load_recommender",
                path=str(folder),
            )
        return model

    def _save_parts(self, folder: Path) -> None:  # noqa: B027 - optional
        """Write models inside this model; a plain model has none."""

    def _load_parts(self, folder: Path) -> None:  # noqa: B027 - optional
        """Read models inside this model; a plain model has none."""

    def _links(self, items: Ints) -> Matrix | None:  # noqa: ARG002 - a plain model has none
        """Items asked about × history items: what each history item says for them."""
        return None

    def _said(self, held: Matrix, items: Ints) -> Matrix | None:
        """What each item of a history says for the item asked about, one row a pair."""
        links = self._links(items)
        return None if links is None else sp.csr_array(held.multiply(links))

    def explain(self, histories: Interactions, users: Ints, items: Ints) -> Reasons:
        """Say which item of the history speaks loudest for a recommendation.

        Parameters
        ----------
        histories
            The histories the recommendations were made from.
        users, items
            One pair a recommendation: code into ``histories``, code of the model's item.

        Returns
        -------
        Reasons
            One reason a pair; source -1 where no single item of the history decides.
        """
        codes = np.full(len(items), self.reason, dtype=object)
        sources = np.full(len(items), -1, dtype=np.int64)
        known = histories.for_items(self.item_ids)
        # What was bought long ago is no reason that anybody would tell.
        lately = known.where(known.steps_ago() < _STEPS_TOLD)
        held = lately.weights(getattr(self, "decay", 1.0))
        for start in range(0, len(items), _PAIRS_AT_ONCE):
            part = slice(start, start + _PAIRS_AT_ONCE)
            said = self._said(sp.csr_array(held[users[part]]), items[part])
            if said is None:
                break
            loudest = np.asarray(said.argmax(axis=1)).ravel()
            heard = np.asarray(said.max(axis=1).toarray()).ravel() > 0
            sources[part] = np.where(heard, loudest, -1)
        return Reasons(codes, sources)


def load_recommender(folder: Path) -> Recommender:
    """Read a saved recommender of any kind.

    Parameters
    ----------
    folder
        Folder given to `Recommender.save`.

    Returns
    -------
    Recommender
        Ready to score.

    Raises
    ------
    SourceError
        If the folder holds no recommender, or one of an unknown kind.
    """
    try:
        card = json.loads((folder / "model.json").read_text())
        kind = model_class(card["task"], card["name"])
        ids = json.loads((folder / "items.json").read_text())
        with np.load(folder / "arrays.npz", allow_pickle=False) as stored:
            arrays = {key: stored[key] for key in stored.files}
    except (OSError, KeyError, ValueError, NotFoundError) as error:
        raise SourceError(
            f"{folder} holds no recommender that can be read ({type(error).__name__}: {error})",
            next_step="save the model again with Recommender.save",
            path=str(folder),
        ) from error
    model: Recommender = kind(**card["parameters"])
    model._item_ids = pa.array(ids, pa.string())  # noqa: SLF001 - the loader is part of the class
    model._restore(_unpacked(arrays))  # noqa: SLF001
    model._load_parts(folder)  # noqa: SLF001
    return model


def _unpacked(arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, Any]:
    state: dict[str, Any] = {key: value for key, value in arrays.items() if "." not in key}
    for key in [name.removesuffix(".indptr") for name in arrays if name.endswith(".indptr")]:
        parts = (arrays[f"{key}.data"], arrays[f"{key}.indices"], arrays[f"{key}.indptr"])
        state[key] = sp.csr_array(parts, shape=tuple(arrays[f"{key}.shape"].tolist()))
    return state
