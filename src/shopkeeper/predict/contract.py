"""What every model is: it can be fitted, saved, loaded and found, and obeys shared laws.

The laws (`tests/contracts/models`) hold for every model here: refitting refits, saving and loading
changes nothing, row order is irrelevant, a seed decides everything, the input is not changed, an
unseen customer gets a declared answer. How a model answers differs by task; how it lives does not.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, TypeVar, runtime_checkable

from shopkeeper.core.errors import NotFoundError, PlanError


@runtime_checkable
class Model(Protocol):
    """A model of any task."""

    name: ClassVar[str]
    task: ClassVar[str]

    def fit(self, data: Any, /, *, seed: int = 0) -> Self:
        """Learn from data; what was learned before is forgotten.

        Parameters
        ----------
        data : Any
            The past only, in the form of the task; never changed.
        seed : int
            Decides everything random.

        Returns
        -------
        Self
            The same object.
        """

    def save(self, folder: Path) -> None:
        """Write the model in declared formats (JSON, npz, Arrow, LightGBM text).

        Parameters
        ----------
        folder : Path
            Made if it does not exist.
        """

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Parameters
        ----------
        folder : Path
            Folder given to `save`.

        Returns
        -------
        Self
            Answers exactly as the saved model.
        """


M = TypeVar("M", bound=type)
_MODELS: dict[tuple[str, str], type] = {}


def register(cls: M) -> M:
    """Make a model class known by its task and name; use as a decorator.

    Parameters
    ----------
    cls : M
        Class with the class variables `task` and `name`.

    Returns
    -------
    M
        The same class.

    Raises
    ------
    PlanError
        When another class has the same task and name.
    """
    key = (str(cls.task), str(cls.name))  # type: ignore[attr-defined]
    known = _MODELS.setdefault(key, cls)
    if known.__qualname__ != cls.__qualname__:
        raise PlanError(
            f"two models are called {key[1]!r} for task {key[0]!r}: "
            f"{known.__qualname__} and {cls.__qualname__}",
            next_step="give one of them another name",
            task=key[0],
            model=key[1],
        )
    return cls


def registered(task: str | None = None) -> dict[tuple[str, str], type]:
    """Return the registered model classes whose modules were imported.

    Parameters
    ----------
    task : str | None
        Only models of this task.

    Returns
    -------
    dict[tuple[str, str], type]
        Class by (task, name), in alphabetical order.
    """
    return {key: _MODELS[key] for key in sorted(_MODELS) if task in (None, key[0])}


def model_class(task: str, name: str) -> type:
    """Return a registered class.

    Parameters
    ----------
    task : str
        What it predicts.
    name : str
        Its name.

    Returns
    -------
    type
        The class.

    Raises
    ------
    NotFoundError
        When no such model was registered.
    """
    try:
        return _MODELS[task, name]
    except KeyError:
        known = ", ".join(f"{key[0]}/{key[1]}" for key in sorted(_MODELS)) or "none"
        raise NotFoundError(
            f"there is no model {name!r} for task {task!r}",
            next_step=f"choose one of: {known}",
            task=task,
            model=name,
        ) from None


def require_fitted(state: Any, name: str) -> None:
    """Refuse to answer before `fit`.

    Parameters
    ----------
    state : Any
        What `fit` fills; None before.
    name : str
        Name of the model, for the error.

    Raises
    ------
    PlanError
        When the model was not fitted.
    """
    if state is None:
        raise PlanError(
            f"model {name!r} is not fitted",
            next_step="call fit first, or load a saved one",
            model=name,
        )
