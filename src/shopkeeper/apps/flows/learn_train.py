"""One task's turn in a night: trained where that is due, settled on evidence, the champion serves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from shopkeeper.apps.flows.learn import evaluate
from shopkeeper.apps.flows.learn_drift import reference_of
from shopkeeper.apps.flows.learn_events import training_plan
from shopkeeper.apps.flows.learn_lives import life_of
from shopkeeper.apps.flows.learn_settle import CHAMPION, aliased
from shopkeeper.apps.flows.task import keep, serving
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.ports import StoredModel
from shopkeeper.predict.cards import Figure


class Saved(Protocol):
    """What can write itself into a folder."""

    def save(self, folder: Path) -> None:
        """Write the files."""
        ...


M = TypeVar("M", bound=Saved)


@dataclass(frozen=True)
class Trained(Generic[M]):
    """A model just trained.

    Parameters
    ----------
    name
        Name of the model.
    model
        Ready to score and to save.
    card
        What the reader must know, as JSON knows it.
    """

    name: str
    model: M
    card: Mapping[str, Any]


def lived(
    runtime: Runtime,
    task: str,
    as_of: datetime,
    train: Callable[[], Trained[M]],
    opened: Callable[[Path], M],
    *,
    asked: bool = False,
) -> tuple[StoredModel, M]:
    """Train a task where that is due, let champion and challenger settle, and give the champion.

    Parameters
    ----------
    runtime
        The open shop.
    task
        What it predicts.
    as_of
        The moment we pretend it is.
    train
        Trains with everything known at that moment.
    opened
        Opens a stored model's folder.
    asked
        Whether a person asks for the training.

    Returns
    -------
    tuple
        The stored champion, and the same opened.
    """
    champion = aliased(runtime, task, CHAMPION)
    if champion is not None and not training_plan(runtime, task, as_of, asked=asked).train:
        return champion, opened(champion.folder)
    new = train()
    life = life_of(task)
    kept = keep(
        runtime, task, new.name, new.model.save, new.card,
        evidence=None if champion is None else evaluate(runtime, task, champion, as_of),
        reference=None if life is None else reference_of(runtime, life, new.model, as_of),
    )  # fmt: skip
    return serving(runtime, kept, new.model, opened)


def card_figures(stored: StoredModel) -> tuple[Figure, ...]:
    """Figures of a stored model's card.

    Parameters
    ----------
    stored
        The model.
    """
    nan = float("nan")
    return tuple(
        Figure(**{**figure, "value": nan if figure.get("value") is None else figure["value"]})
        for figure in stored.card.get("figures", ())
    )
