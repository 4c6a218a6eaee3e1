"""What every prediction task does alike: read the past, keep the model, write the scores."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import ibis
import pyarrow as pa

from shopkeeper.apps.flows.learn_settle import CHAMPION, card_moment, enter
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.clock import to_us
from shopkeeper.core.ports import StoredModel, TableStore
from shopkeeper.core.tables import PURCHASES, SCORES
from shopkeeper.learn.challenge import Evaluation
from shopkeeper.learn.reference import Reference
from shopkeeper.predict.cards import Figure

M = TypeVar("M")

__all__ = [
    "CHAMPION", "TaskReport", "history_before", "keep", "pivot", "plain_figure", "serving",
    "write_scores",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class TaskReport:
    """How one task went.

    Parameters
    ----------
    model, version
        What was trained; empty if it was not.
    rows
        Rows written.
    table
        Figures by method and metric, baselines included.
    refused
        Why it was not trained, in words; empty if it was.
    """

    model: str = ""
    version: str = ""
    rows: int = 0
    table: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    refused: str = ""


def history_before(store: TableStore, as_of: datetime) -> pa.Table:
    """Purchases before a moment: customer_id, ts_us, day, amount_minor."""
    purchases = store.table(PURCHASES)
    known = purchases.filter(purchases.ts_us < ibis.literal(to_us(as_of)).cast("int64"))
    return store.run(known.select("customer_id", "ts_us", "day", "amount_minor"))


def keep(
    runtime: Runtime,
    task: str,
    name: str,
    save: Callable[[Path], None],
    card: Mapping[str, Any],
    *,
    evidence: Evaluation | None = None,
    reference: Reference | None = None,
) -> StoredModel:
    """Store a model and take it into the life of its task.

    The first becomes champion. A later one becomes challenger and takes over on evidence; without
    any, the two cards decide. Score with `serving`, which gives the champion.

    Parameters
    ----------
    runtime
        The open shop.
    task
        What it predicts.
    name
        Name of the model.
    save
        Writes its files into a folder.
    card
        What the reader must know; `as_of_us` is the moment it was trained at.
    evidence
        Champion and challenger on the same later window, as `learn.evaluate` makes it.
    reference
        What it reads and says now, against which drift is found later.
    """
    now = runtime.clock.now()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        save(folder)
        if reference is not None:
            reference.save(folder)
        kept = runtime.models.save(task, name, folder, card, created_at=now)
    enter(runtime, kept, card_moment(card, now), evidence)
    return runtime.models.get(task, kept.version)


def serving(
    runtime: Runtime, kept: StoredModel, model: M, opened: Callable[[Path], M]
) -> tuple[StoredModel, M]:
    """Give the champion to score with: the model just kept, or the one that stayed.

    Parameters
    ----------
    runtime
        The open shop.
    kept
        What `keep` returned.
    model
        The model just trained.
    opened
        Opens a stored model's folder.
    """
    champion = runtime.models.get(kept.task, CHAMPION)
    return (
        (kept, model) if champion.version == kept.version else (champion, opened(champion.folder))
    )


def write_scores(
    store: TableStore, rows: pa.Table, kinds: tuple[str, ...], as_of: datetime
) -> None:
    """Replace the scores of some kinds, keeping those of the moment before.

    Older ones stay readable through the table's versions.

    Parameters
    ----------
    store
        The lake.
    rows
        SCORES rows of one moment.
    kinds
        Their kinds; one partition each.
    as_of
        That moment.
    """
    scores = store.table(SCORES)
    for kind in kinds:
        earlier = scores.filter((scores.kind == kind) & (scores.as_of < ibis.literal(as_of)))
        last = earlier.aggregate(last=earlier.as_of.max())
        other = earlier.semi_join(last, earlier.as_of == last["last"])
        kept = store.run(other) if store.exists(SCORES) else SCORES.empty()
        fresh = rows.filter(pa.compute.equal(rows.column("kind"), kind))
        store.replace(SCORES, pa.concat_tables([SCORES.cast(kept), fresh]), where={"kind": kind})


def pivot(figures: tuple[Figure, ...], *, by_slice: bool = False) -> dict[str, dict[str, float]]:
    """Figures of all rows as method → metric → value.

    Parameters
    ----------
    figures
        As on a card.
    by_slice
        Whether the slice is part of the method's name instead of being left out.
    """
    table: dict[str, dict[str, float]] = {}
    for figure in figures:
        if figure.slice and not by_slice:
            continue
        method = f"{figure.method} ({figure.slice})" if figure.slice else figure.method
        table.setdefault(method, {})[figure.metric] = round(float(figure.value), 5)
    return table


def plain_figure(figure: Figure) -> dict[str, Any]:
    """A figure as JSON knows it.

    Parameters
    ----------
    figure
        As on a card.
    """
    return {
        "method": figure.method, "metric": figure.metric, "value": figure.value,
        "low": figure.low, "high": figure.high, "n": figure.n, "slice": figure.slice,
    }  # fmt: skip
